// How an exploration goes back: a log of what every step overwrote, undone from its end. A mark is a
// length of the log, so marks cost nothing, nest as deep as a path is long, and going back costs what
// was written since. Leaves out what is not memory: the owner of a record kind knows how to undo it.

/** Words of the log at most; one execution from its first mark must fit. 16 million: 64 MiB. */
export const LOG_WORDS = 1 << 24;
/** A step that finds less room than this ends the execution. */
export const LOG_RESERVE = 1 << 18;

/**
 * Records, written so that the last word tells what lies before it:
 * - a word of memory: `old value`, `index of the word` (0 or more);
 * - anything else: payload, then `kind`, a negative number.
 * Loops that are generated write memory records themselves, through `words` and `top`.
 */
export class UndoLog {
  readonly words = new Int32Array(LOG_WORDS);
  top = 0;
  /** Objects that records refer to, in the order of their records. */
  readonly #objects: object[] = [];

  get isFull(): boolean {
    return this.top > LOG_WORDS - LOG_RESERVE;
  }

  pushWord(index: number, old: number): void {
    this.words[this.top] = old;
    this.words[this.top + 1] = index;
    this.top += 2;
  }

  /** A record without payload. */
  pushKind(kind: number): void {
    this.words[this.top++] = kind;
  }

  pushObject(kind: number, value: object): void {
    this.#objects.push(value);
    this.words[this.top++] = kind;
  }

  popObject(): object | undefined {
    return this.#objects.pop();
  }

  /** Undoes everything behind `mark`. `undo` gets the kind of a record that is not a memory word. */
  rewind(mark: number, memory: Int32Array, undo: (kind: number) => void): void {
    const { words } = this;
    while (this.top > mark) {
      const last = words[this.top - 1];
      if (last >= 0) {
        memory[last] = words[this.top - 2];
        this.top -= 2;
      } else {
        this.top--;
        undo(last);
      }
    }
  }

  /** Whether memory is as it was at `mark`, since when nothing but memory has been logged. */
  changesNothing(mark: number, memory: Int32Array): boolean {
    for (const [index, value] of this.wordsSince(mark, () => 0)) {
      if (memory[index] !== value) return false;
    }
    return true;
  }

  /**
   * Indices of the memory words written since `mark`, each with what it held then. `payload` tells how
   * many words a record of another kind has before its kind.
   */
  wordsSince(mark: number, payload: (kind: number) => number): Map<number, number> {
    const old = new Map<number, number>();
    let at = this.top;
    while (at > mark) {
      const last = this.words[at - 1];
      if (last >= 0) old.set(last, this.words[at - 2]);
      at -= last >= 0 ? 2 : 1 + payload(last);
    }
    return old;
  }

  /** Rewinds, and tells whether the memory of before was the same as that of then. */
  isNeutral(mark: number, memory: Int32Array, undo: (kind: number) => void): boolean {
    const { words } = this;
    const last = new Map<number, number>();
    while (this.top > mark) {
      const index = words[this.top - 1];
      if (index >= 0 && !last.has(index)) last.set(index, memory[index]);
      this.rewind(this.top - (index >= 0 ? 2 : 1), memory, undo);
    }
    for (const [index, value] of last) if (memory[index] !== value) return false;
    return true;
  }
}
