// The escape key of the terminal: splits what is typed into bytes for the guest and commands for
// us. The keys are QEMU's, where QEMU has them.

/** What a key after the escape key asks for. */
export type EscapeCommand = 'quit' | 'help' | 'break' | 'switch' | 'stamps' | 'log';

export const ESCAPE_KEYS: readonly {
  readonly key: string;
  readonly command: EscapeCommand;
  readonly help: string;
}[] = [
  { key: 'h', command: 'help', help: 'this help' },
  { key: 'x', command: 'quit', help: 'leave printkit' },
  { key: 'b', command: 'break', help: 'send BREAK' },
  { key: 'c', command: 'switch', help: 'switch to the next serial or the monitor' },
  { key: 't', command: 'stamps', help: 'host time stamps on or off' },
  { key: 'l', command: 'log', help: 'log on or off' },
];

/** Keys that mean the same as another one. */
const ALIASES: Readonly<Record<string, string>> = { '?': 'h', q: 'x' };

export interface EscapeSink {
  input(bytes: Uint8Array): void;
  command(command: EscapeCommand): void;
  unknown(key: string): void;
}

/** `^A` for 1; how messages write a control character. */
export function controlName(byte: number): string {
  return `Ctrl-${String.fromCharCode(byte + 0x40)}`;
}

export class EscapeParser {
  readonly #escape: number | undefined;
  readonly #sink: EscapeSink;
  #pending = false;

  /** @param escape code of the escape key, or undefined for none (everything is the guest's) */
  constructor(escape: number | undefined, sink: EscapeSink) {
    this.#escape = escape;
    this.#sink = sink;
  }

  push(bytes: Uint8Array): void {
    let from = 0;
    for (let at = 0; at < bytes.length; at++) {
      const byte = bytes[at];
      if (this.#pending) {
        this.#pending = false;
        from = at + 1;
        this.#escaped(byte);
      } else if (byte === this.#escape) {
        if (at > from) this.#sink.input(bytes.slice(from, at));
        this.#pending = true;
        from = at + 1;
      }
    }
    if (from < bytes.length) this.#sink.input(bytes.slice(from));
  }

  #escaped(byte: number): void {
    if (byte === this.#escape) {
      this.#sink.input(Uint8Array.of(byte)); // twice: the guest gets it
      return;
    }
    // Ctrl held down through both keys counts as the key.
    const typed = String.fromCharCode(byte < 0x20 ? byte + 0x60 : byte).toLowerCase();
    const key = ALIASES[typed] ?? typed;
    const entry = ESCAPE_KEYS.find((candidate) => candidate.key === key);
    if (entry === undefined) this.#sink.unknown(typed);
    else this.#sink.command(entry.command);
  }
}

/** The text of Ctrl-A h. */
export function escapeHelp(escape: number): string[] {
  const name = controlName(escape);
  return [
    ...ESCAPE_KEYS.map(({ key, help }) => `${name} ${key}  ${help}`),
    `${name} ${name}  send ${name} to the guest`,
  ];
}
