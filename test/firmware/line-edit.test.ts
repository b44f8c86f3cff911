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

beforeAll(async () => {
  shell = await guest(
    `
    import { read_line } from './shell/line-edit';
    import { history_add } from './shell/history';
    import { register_command } from './shell/commands';
    import { tty_receive } from './tty/tty';
    import { ttyS0 } from './serial/8250';
    import { spinlock_t } from './locking/spinlock';
    const lock: usize = memory.data(16, 4);
    function nothing(argc: u32, argv: usize): void {}
    export function init(): void {
      ttyS0.base = 0x1000; ttyS0.lock = changetype<spinlock_t>(lock); ttyS0.fifosize = 16;
      register_command('help', '', '', nothing);
      register_command('echo', '', '', nothing);
      register_command('panic', '', '', nothing);
      register_command('poweroff', '', '', nothing);
      register_command('power', '', '', nothing);
    }
    export function type(c: u32): void { tty_receive(c); }
    export function line(): usize { const p = read_line('> '); history_add(p); return p; }
    `,
    {
      // A UART that is always ready to send.
      readb: (address) => (address === 0x1005 ? 0x60 : 0),
      writeb: (address, value) => {
        if (address === 0x1000) output.push(value);
        return undefined;
      },
    },
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
