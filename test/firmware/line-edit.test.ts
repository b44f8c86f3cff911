// The shell's line editor, on a terminal model: what the user sees is what the shell gets.

import fc from 'fast-check';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { guest, type Guest } from './harness.ts';

const KEY = {
  up: '\x1b[A',
  down: '\x1b[B',
  right: '\x1b[C',
  left: '\x1bOD',
  home: '\x1b[H',
  end: '\x1b[4~',
  del: '\x1b[3~',
  backspace: '\x7f',
};

let input: number[] = [];
let output: number[] = [];
let shell: Guest;

/** In the tty's place: what it is given is what the editor reads. */
const TTY = `
import { vsnprintf } from '../lib/format';
export const TTY_REOPENED: u32 = 0x2000;
const ring: usize = memory.data(4096, 4);
const counts: usize = memory.data(8, 4);
const text: usize = memory.data(1024, 4);
@external('test', 'transmit') declare function transmit(c: u32): void;
export function tty_receive(c: u32): void {
  const n = load<u32>(counts);
  store<u8>(ring + (n & 4095), c);
  store<u32>(counts, n + 1);
}
export function tty_getc(): u32 {
  const n = load<u32>(counts, 4);
  store<u32>(counts, n + 1, 4);
  return load<u8>(ring + (n & 4095));
}
export function tty_read(to: usize, size: u32): i32 { return 0; }
export function tty_write(p: usize, n: u32): void {
  for (let i: u32 = 0; i < n; i++) transmit(load<u8>(p + i));
}
export function tty_printf(fmt: string, a0: usize = 0, a1: usize = 0): void {
  tty_write(text, vsnprintf(text, 1024, fmt, a0, a1, 0, 0, 0, 0, 0, 0));
}
`;

beforeAll(async () => {
  shell = await guest(
    `
    import { read_line } from './shell/line-edit';
    import { history_add } from './shell/history';
    import { register_command } from './shell/commands';
    import { tty_receive } from './tty/tty';
    function nothing(argc: u32, argv: usize): void {}
    export function init(): void {
      register_command('help', '', '', nothing);
      register_command('echo', '', '', nothing);
      register_command('panic', '', '', nothing);
      register_command('poweroff', '', '', nothing);
      register_command('power', '', '', nothing);
    }
    export function type(c: u32): void { tty_receive(c); }
    export function line(): usize { const p = read_line('> '); history_add(p); return p; }
    `,
    { transmit: (c) => void output.push(c) },
    { 'firmware/tty/tty.ts': TTY },
  );
  shell.call('init');
});

beforeEach(() => {
  input = [];
  output = [];
});

/** Types keys, which must end a line, and returns the line that the shell reads. */
function type(keys: string): string {
  input = [...Buffer.from(keys, 'latin1')];
  for (const c of input) shell.call('type', c);
  const address = shell.call('line');
  let length = 0;
  while (shell.view.getUint8(address + length)) length++;
  return shell.read(address, length);
}

/** What a terminal shows after the output: rows of text. */
function screen(): string[] {
  const rows = [''];
  let column = 0;
  const bytes = Buffer.from(output).toString('latin1');
  for (let i = 0; i < bytes.length; i++) {
    const c = bytes[i];
    const row = rows[rows.length - 1];
    if (c === '\b') column = Math.max(0, column - 1);
    else if (c === '\r') column = 0;
    else if (c === '\n') rows.push('');
    else if (bytes.startsWith('\x1b[K', i)) {
      rows[rows.length - 1] = row.slice(0, column);
      i += 2;
    } else {
      rows[rows.length - 1] = row.slice(0, column) + c + row.slice(column + 1);
      column++;
    }
  }
  return rows.map((row) => row.trimEnd());
}

describe('editing', () => {
  it.each([
    ['plain', 'hello\r', 'hello'],
    ['backspace', `helpo${KEY.backspace}\b\blp\r`, 'help'],
    ['backspace at the start', `\b\bx\r`, 'x'],
    ['^U', 'rubbish\x15ok\r', 'ok'],
    ['^W', 'one two  \x17three\r', 'one three'],
    ['^C drops the line', 'rubbish\x03', ''],
    ['insert', `acd${KEY.left}${KEY.left}b\r`, 'abcd'],
    ['home and end', `bc${KEY.home}a${KEY.end}d\r`, 'abcd'],
    ['^A and ^E', 'bc\x01a\x05d\r', 'abcd'],
    ['delete', `abxc${KEY.left}${KEY.left}${KEY.del}\r`, 'abc'],
    ['moving beyond both ends', `ab${KEY.left.repeat(5)}x${KEY.right.repeat(9)}y\r`, 'xaby'],
    ['control characters are ignored', 'a\x00\x02\x1b[5~b\r', 'ab'],
    ['a line feed ends a line', 'piped\n', 'piped'],
  ])('%s', (_name, keys, line) => {
    expect(type(keys)).toBe(line);
  });

  it('takes CR LF as one end of line, and LF LF as two', () => {
    expect(type('one\r')).toBe('one');
    expect(type('\ntwo\n')).toBe('two');
    expect(type('\n')).toBe('');
  });

  it('stops at the end of its buffer', () => {
    expect(type(`${'x'.repeat(400)}\r`)).toBe('x'.repeat(255));
  });
});

it('shows what the shell gets, whatever is typed', () => {
  const key = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...'abc x') },
    fc.constantFrom(...Object.values(KEY), '\x15', '\x17', '\x01', '\x05'),
  );
  fc.assert(
    fc.property(fc.array(key, { maxLength: 40 }), (keys) => {
      output = [];
      const line = type(`${keys.join('')}\r`);
      expect(screen()[0]).toBe(`> ${line}`.trimEnd());
    }),
  );
});

describe('history', () => {
  it('goes back and forth, and leaves out empty and repeated lines', () => {
    for (const line of ['first', 'second', 'second', '']) type(`${line}\r`);
    expect(type(`${KEY.up}\r`)).toBe('second');
    expect(type(`${KEY.up}${KEY.up}\r`)).toBe('first');
    expect(type(`${KEY.up}${KEY.up}${KEY.down}\r`)).toBe('first');
  });

  it('stops at the oldest line', () => {
    for (let i = 0; i < 20; i++) type(`line ${i}\r`);
    expect(type(`${KEY.up.repeat(100)}\r`)).toBe('line 4');
  });
});

describe('completion', () => {
  it('completes what is unambiguous', () => {
    expect(type('h\t\r')).toBe('help ');
    expect(type('pa\tnow\r')).toBe('panic now');
  });

  it('completes the common part and lists the choices', () => {
    expect(type('po\t\t\r')).toBe('power');
    expect(screen()).toEqual(['> power', 'power  poweroff', '> power', '']);
  });

  it('leaves alone what nothing matches, and arguments', () => {
    expect(type('zz\t\r')).toBe('zz');
    expect(type('echo h\t\r')).toBe('echo h');
  });
});
