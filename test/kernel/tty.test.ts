// The line discipline on the machine: canonical mode with its editing and echo, raw mode, translation
// of output.

import { beforeAll, describe, expect, it } from 'vitest';
import { Console, PROMPT, buildImage } from '../firmware/console.ts';

let elf: Uint8Array;
beforeAll(async () => {
  elf = await buildImage();
}, 120_000);

const MS = 1_000_000;

/** A shell whose lines the tty edits. */
const cooked = (): Console => {
  const console = new Console(elf, { harts: 2 });
  console.waitFor(PROMPT);
  console.type('stty cooked\r');
  console.waitFor(PROMPT, console.waitFor('cooked\n'));
  console.runFor(20 * MS);
  return console;
};

/** Raw bytes that come back for what is typed. */
const echoOf = (console: Console, typed: string): string => {
  const from = console.line.text.length;
  console.type(typed);
  console.runFor(100 * MS);
  return console.line.text.slice(from);
};

describe('canonical mode', () => {
  it('echoes, and gives the line to the reader', () => {
    const console = cooked();
    expect(echoOf(console, 'echo abc')).toBe('echo abc');
    expect(echoOf(console, '\r')).toBe(`\r\nabc\r\n${PROMPT}`);
  });

  it('erases characters, words and lines on the screen', () => {
    const console = cooked();
    expect(echoOf(console, 'ab\x7f')).toBe('ab\b \b');
    expect(echoOf(console, 'c de\x17')).toBe('c de\b \b\b \b');
    expect(echoOf(console, '\x15')).toBe('\b \b'.repeat(3));
    expect(echoOf(console, '\x7f')).toBe('');
  });

  it('rubs out control characters and tabs by their width', () => {
    const console = cooked();
    expect(echoOf(console, 'a\x01\x7f')).toBe('a^A\b \b\b \b');
    // The prompt and "a" are 11 columns: the tab goes to 16.
    expect(echoOf(console, '\t\x7f')).toBe('\t\b\b\b\b\b');
  });

  it('^R shows the line once more, ^V takes the next character as it is', () => {
    const console = cooked();
    expect(echoOf(console, 'echo ab\x12')).toBe('echo ab^R\r\necho ab');
    expect(echoOf(console, '\x16\x03')).toBe('^\b^C');
    expect(echoOf(console, '\r')).toBe(`\r\nab\x03\r\n${PROMPT}`);
  });

  it('^C drops the line, ^D ends the input', () => {
    const console = cooked();
    expect(echoOf(console, 'cat\r')).toBe('cat\r\n');
    expect(echoOf(console, 'one\r')).toBe('one\r\none\r\n');
    expect(echoOf(console, 'tw\x04')).toBe('twtw');
    expect(echoOf(console, '\x04')).toBe(PROMPT);
    expect(echoOf(console, 'half a l\x03')).toContain('^C');
    console.runFor(50 * MS);
    expect(echoOf(console, 'echo x\r')).toBe(`echo x\r\nx\r\n${PROMPT}`);
  });

  it('an endless line loses its tail, not its head, and rings no further', () => {
    const console = cooked();
    console.type(`echo ${'x'.repeat(5000)}`);
    console.runFor(1_000 * MS);
    console.type('\r');
    console.runFor(1_000 * MS);
    expect(console.command('echo alive')).toBe('alive\n');
    expect(console.command('uart')).toContain(' bo:0 ');
  });
});

describe('raw mode', () => {
  it('passes every byte value', () => {
    const console = new Console(elf, { harts: 1 });
    console.waitFor(PROMPT);
    console.type('stty raw\r');
    console.waitFor(PROMPT, console.text.length);
    console.type('sink 256\r');
    console.waitFor('sink: ready');
    const bytes = Array.from({ length: 256 }, (_, i) => i);
    console.line.send(bytes);
    const sum = bytes.reduce((sum, byte) => (Math.imul(sum, 31) + byte) >>> 0, 0);
    console.waitFor(`sink: 256 bytes, checksum 0x${sum.toString(16).padStart(8, '0')}`);
  });
});

describe('output', () => {
  it('-onlcr leaves newlines alone', () => {
    const console = new Console(elf, { harts: 1 });
    console.waitFor(PROMPT);
    console.type('stty -onlcr\r');
    console.waitFor(PROMPT, console.text.length);
    const from = console.line.text.length;
    console.type('echo a\r');
    console.runFor(50 * MS);
    expect(console.line.text.slice(from)).toBe(`echo a\na\n${PROMPT}`);
  });

  it('-tabs expands tabs to columns of eight', () => {
    const console = cooked();
    console.type('stty -tabs\r');
    console.runFor(50 * MS);
    console.type('cat\r');
    console.runFor(50 * MS);
    expect(echoOf(console, 'ab\tc\r')).toBe('ab      c\r\nab      c\r\n');
  });
});
