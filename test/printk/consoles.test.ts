// Consoles: the boot console and what follows it, several at once, their settings and flags, suspend and
// resume, the look of a line, one that never drains, and options that nobody understands.

import { beforeAll, describe, expect, it } from 'vitest';
import { MockLine } from '../../devices/uart8250/index.ts';
import { buildImage, Console, PROMPT } from '../firmware/console.ts';
import { boot, dmesg, EMITTERS, logLines, occurrences, pairArguments, settle } from './guest.ts';

let elf: Uint8Array;
beforeAll(async () => {
  elf = await buildImage();
}, 120_000);

const MS = 1_000_000;
const TWO_PORTS = { harts: 2, uarts: [{}, {}] };

/** A guest with two ports; what the second one sends is on `second`. */
function bootTwo(bootargs: string): { console: Console; second: MockLine } {
  const console = new Console(elf, { ...TWO_PORTS, bootargs });
  const second = new MockLine(console.machine.clock, 'second-line');
  console.machine.uarts[1].attach(second);
  return { console, second };
}

describe('boot console', () => {
  it.each(EMITTERS)('%s: gives way to the real one: no record lost, none twice', (emit) => {
    const console = boot(elf, pairArguments('lockless', emit));
    const wire = logLines(console.line.text);
    expect(occurrences(wire, 'bootconsole [uart8250] disabled')).toBe(1);
    expect(wire).toEqual(dmesg(console));
  });

  it.each(EMITTERS)('%s: on another port, tells what came before the real one', (emit) => {
    const { console, second } = bootTwo(
      `${pairArguments('lockless', emit)} earlycon=uart8250,mmio,0x10000100,115200n8`,
    );
    console.waitFor(PROMPT);
    settle(console);
    const early = logLines(second.text);
    const late = logLines(console.line.text);
    expect(early[0]).toContain('Booting printkit');
    expect(early.length).toBeGreaterThan(2);
    expect([...early, ...late]).toEqual(dmesg(console));
  });

  it.each(EMITTERS)('%s: stays with keep_bootcon, and then each record comes twice', (emit) => {
    const console = boot(elf, `${pairArguments('lockless', emit)} keep_bootcon`, 2);
    console.command('log twice');
    settle(console);
    expect(occurrences(logLines(console.line.text), '] twice')).toBe(2);
    expect(console.command('consoles')).toMatch(/^uart8250 +-W- \(E B p a\).*\nttyS0 /);
  });
});

describe('several consoles', () => {
  it.each(EMITTERS)('%s: each gets the whole log at its own speed', (emit) => {
    const { console, second } = bootTwo(
      `${pairArguments('lockless', emit)} console=ttyS1,9600n8 console=ttyS0,115200n8`,
    );
    console.waitFor(PROMPT);
    console.runFor(1_500 * MS);
    settle(console);
    const log = dmesg(console);
    expect(logLines(second.text)).toEqual(log);
    expect(logLines(console.line.text).slice(0, log.length)).toEqual(log);
    expect(second.settings).toMatchObject({ baud: 9600 });
    const nbcon = emit === 'nbcon' || emit === 'relay' ? 'N' : ' ';
    const consoles = console.command('consoles');
    // ttyS0 goes on where the boot console was: it has nothing to print first, so no p.
    expect(consoles).toContain(`ttyS1                -W- (E  ${nbcon}p a)    4:65 `);
    expect(consoles).toContain(`ttyS0                -W- (EC ${nbcon}  a)    4:64 `);
  });
});

describe('suspend and resume', () => {
  it.each(EMITTERS)('%s: what was logged meanwhile comes afterwards, once', (emit) => {
    const console = boot(elf, pairArguments('lockless', emit), 2);
    console.command('suspend ttyS0');
    console.command('log in the dark');
    console.runFor(100 * MS);
    expect(logLines(console.line.text).join('\n')).not.toContain('in the dark');
    expect(console.command('consoles')).toMatch(/1 behind, suspended\n$/);
    console.type('resume ttyS0\r');
    console.runFor(100 * MS);
    settle(console);
    expect(occurrences(logLines(console.line.text), '] in the dark')).toBe(1);
    console.command('suspend');
    console.command('log in the night');
    console.runFor(100 * MS);
    const text = logLines(console.line.text).join('\n');
    expect(text).toContain('Suspending console(s) (use no_console_suspend to debug)');
    expect(text).not.toContain('in the night');
    console.type('resume\r');
    console.runFor(100 * MS);
    expect(occurrences(logLines(console.line.text), '] in the night')).toBe(1);
  });

  it('no_console_suspend: suspending all suspends none', () => {
    const console = boot(elf, 'no_console_suspend', 1);
    console.command('suspend');
    expect(console.command('log seen')).toContain('seen');
  });

  it('names a console that does not exist', () => {
    const console = boot(elf, '', 1);
    expect(console.command('suspend ttyS7')).toBe('suspend: ttyS7: no such console\n');
  });
});

describe('records that a console finds overwritten', () => {
  const LINES = 60;

  /** Numbered lines logged while the console is suspended, in a log that cannot hold them. */
  function missed(store: string, emit: string): { text: string; first: number } {
    const console = boot(elf, `${pairArguments(store, emit)} log_buf_len=4K`, 2);
    console.command('suspend ttyS0');
    for (let n = 0; n < LINES; n++) console.type(`log line ${n} ${'x'.repeat(100)}\r`);
    console.runFor(LINES * 15 * MS);
    const from = console.text.length;
    console.type('resume ttyS0\r');
    console.runFor(1_500 * MS);
    const text = console.text.slice(from);
    const numbers = [...text.matchAll(/line (\d+) x/g)].map(([, n]) => Number(n));
    expect(numbers.length).toBeGreaterThan(5);
    expect(numbers).toEqual(numbers.map((_, i) => LINES - numbers.length + i));
    return { text, first: numbers[0] };
  }

  it.each([
    ...EMITTERS.map((emit) => ['lockless', emit] as const),
    ['logbuf', 'direct'] as const,
    ['safe', 'kthread'] as const,
  ])('%s + %s: the next line says how many', (store, emit) => {
    const { text, first } = missed(store, emit);
    expect(first).toBeGreaterThan(5);
    expect(text).toContain(`** ${first} printk messages dropped **\nline ${first} `);
  });
});

describe('the look of a line', () => {
  it.each([
    ['console_msg_format=syslog', /<6>\[ +\d+\.\d{6}\] look/],
    ['printk.caller=1', /\n\[ +\d+\.\d{6}\]\[ {4}T1\] look/],
    ['printk.time=0', /\nlook/],
    ['printk.time=0 printk.caller=1', /\n\[ {4}T1\] look/],
  ])('%s', (bootargs, line) => {
    const console = boot(elf, bootargs, 1);
    console.type('log look\r');
    console.runFor(50 * MS);
    expect(console.line.text.replaceAll('\r', '')).toMatch(line);
  });
});

describe('a console that never drains', () => {
  it.each(['direct', 'kthread', 'nbcon'])('%s: sends a character a second, and goes on', (emit) => {
    const console = boot(elf, `${pairArguments('lockless', emit)} console=ttyS0,115200n8r`, 2);
    console.line.modem({ cts: false });
    console.runFor(10 * MS);
    const before = console.line.text.length;
    // An interrupt logs it; the shell could not even echo.
    console.machine.raiseNmi(1, 3);
    console.runFor(5_000 * MS);
    const sent = console.line.text.length - before;
    expect(sent).toBeGreaterThanOrEqual(3);
    expect(sent).toBeLessThanOrEqual(8);
    console.line.modem({ cts: true });
    console.waitFor('NMI received for reason 3 on CPU 1');
  });

  it('relay: sends nothing, keeps nobody waiting, and goes on when it can', () => {
    const console = boot(elf, `${pairArguments('lockless', 'relay')} console=ttyS0,115200n8r`, 2);
    console.line.modem({ cts: false });
    console.runFor(10 * MS);
    const before = console.line.text.length;
    console.machine.raiseNmi(1, 3);
    console.runFor(2_000 * MS);
    expect(console.line.text.length - before).toBe(0);
    console.line.modem({ cts: true });
    console.waitFor('NMI received for reason 3 on CPU 1');
  });
});

it('the boot console says how it is set', () => {
  for (const settings of ['9600e7r', '115200o8']) {
    const console = new Console(elf, { harts: 1, bootargs: `console=ttyS0,${settings}` });
    console.waitFor(`earlycon: uart8250 at MMIO 0x10000000 (options '${settings}')`);
  }
});

it('nothing is said of parameters that are right', () => {
  const bootargs =
    'console=ttyS0,115200n8r earlycon=uart8250,mmio,0x10000000,115200n8,3686400 keep_bootcon ' +
    'quiet loglevel=0x4 printk.time=Yes printk.caller=off console_msg_format=default ' +
    'log-buf-len=64K printk.devkmsg=on printk=nbcon panic=-1 oops=panic nowatchdog';
  const log = dmesg(boot(elf, bootargs, 1)).join('\n');
  expect(log).toContain('Booting printkit');
  expect(log).not.toMatch(/invalid|[Uu]nknown|no such|settings|ignored/);
});

describe('options that nobody understands', () => {
  it.each([
    ['printk=', "`' invalid for parameter `printk', ignored"],
    ['printk.store', "`' invalid for parameter `printk.store', ignored"],
    ['printk.devkmsg=maybe', "`maybe' invalid for parameter `printk.devkmsg', ignored"],
    ['printk.time=2', "`2' invalid for parameter `printk.time', ignored"],
    ['printk_delay=soon', "`soon' invalid for parameter `printk_delay', ignored"],
    ['loglevel', "`' invalid for parameter `loglevel', ignored"],
    ['printk.stroe=safe', 'Unknown kernel command line parameter "printk.stroe=safe", ignored'],
    ['console=ttyS0x', 'printk: console=ttyS0x: no such console, ignored'],
    ['console=tty7 console=tty8', 'printk: console=tty8: no such console, ignored'],
    [
      'console=ttyS0,115200x8',
      'printk: console=ttyS0,115200x8: settings are <baud>[n|o|e][7|8][r], using 115200n8',
    ],
    ['console=ttyS0,9 printk.time', 'console=ttyS0,9: settings are <baud>[n|o|e][7|8][r], using'],
    [
      'earlycon=uart8250,mmio,0x10000000,fast',
      'earlycon: settings in earlycon=uart8250,mmio,0x10000000,fast are <baud>',
    ],
    ['printk.emit=morse', 'printk: unknown printk.emit=morse, using direct'],
    ['printk=2038', 'printk: unknown preset printk=2038, using 2016'],
    ['console=tty7 console=ttyS0', 'printk: console=tty7: no such console, ignored'],
    ['console=ttyS0 console=ttyS9', 'printk: console=ttyS9: no such console, ignored'],
    [
      'earlycon=uart8250,mmio,0x1234',
      'earlycon: no such device in earlycon=uart8250,mmio,0x1234, using the first UART',
    ],
  ])('%s', (bootargs, message) => {
    const console = new Console(elf, { harts: 1, bootargs });
    console.waitFor(message);
    console.waitFor(PROMPT);
  });
});
