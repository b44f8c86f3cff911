// Until when the jobs of an exploration go on: shared by all threads that do them. A job looks after every
// execution; it need not get messages for that.

const EVERY_PLACE = 0x7fff_ffff;
const NO_PLACE = -1;
const DEADLINE_BYTES = 8;

/** A clock that is the same in all threads. */
export const clockSeconds = (): number => (performance.timeOrigin + performance.now()) / 1000;

export class Limits {
  /** What another thread makes its own `Limits` of. */
  readonly shared: SharedArrayBuffer;
  readonly #deadline: Float64Array;
  /** The last place, in the order of jobs, whose job is wanted. */
  readonly #last: Int32Array;

  constructor(shared?: SharedArrayBuffer) {
    this.shared = shared ?? new SharedArrayBuffer(DEADLINE_BYTES + 4);
    this.#deadline = new Float64Array(this.shared, 0, 1);
    this.#last = new Int32Array(this.shared, DEADLINE_BYTES, 1);
    if (shared === undefined) this.begin(Infinity);
  }

  /** All jobs are wanted, for so many seconds. Called while none is being done. */
  begin(seconds: number): void {
    this.#deadline[0] = clockSeconds() + seconds;
    Atomics.store(this.#last, 0, EVERY_PLACE);
  }

  /** Jobs behind this place are not wanted any more. */
  callOffBehind(place: number): void {
    Atomics.store(this.#last, 0, Math.min(place, Atomics.load(this.#last, 0)));
  }

  /** No job is wanted any more. */
  callOff(): void {
    this.callOffBehind(NO_PLACE);
  }

  get isLate(): boolean {
    return clockSeconds() > this.#deadline[0];
  }

  /** Whether the job at a place is to be ended with what there is. */
  isOver(place: number): boolean {
    return this.isCalledOff(place) || this.isLate;
  }

  /** Whether nothing that the job at a place gives is wanted. */
  isCalledOff(place: number): boolean {
    return place > Atomics.load(this.#last, 0);
  }
}
