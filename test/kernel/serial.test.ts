// The 8250 driver and serial_core on the machine, with a MockLine as the far end: what is typed while
// tasks print, flow control, hangup, BREAK, probing of each part, line settings.

import { beforeAll, describe, expect, it } from 'vitest';
import { MockLine, type Uart8250VariantName } from '../../devices/uart8250/index.ts';
import { readElf } from '../../src/debug/elf.ts';
import { Symbolizer } from '../../src/debug/symbolizer.ts';
import type { Hart } from '../../src/machine/hart.ts';
import { Console, PROMPT, buildImage } from '../firmware/console.ts';

let elf: Uint8Array;
beforeAll(async () => {
  elf = await buildImage();
}, 120_000);

const MS = 1_000_000;

const boot = (options?: ConstructorParameters<typeof Console>[1]): Console => {
  const console = new Console(elf, options);
  console.waitFor(PROMPT);
  return console;
};

/** The log has written over the prompt: has the shell show a new one. */
const newPrompt = (console: Console): void => {
  const from = console.text.length;
  console.type('\r');
  console.waitFor(PROMPT, from);
};

describe('probing', () => {
  const parts: [Uart8250VariantName, string, number][] = [
    ['8250', '8250', 1],
    ['16450', '16450', 1],
    ['16550', '16550', 1],
    ['16550A', '16550A', 16],
    ['16550C', '16550A', 16],
    ['16650V2', '16650V2', 32],
    ['16750', 'TI16750', 64],
  ];
  it.each(parts)('finds a %s to be a %s, as console and as second port', (variant, name, fifo) => {
    const console = boot({ harts: 1, uarts: [{ variant }, { variant }] });
    expect(console.text).toContain(
      `ttyS0 at MMIO 0x10000000 (irq = 10, base_baud = 230400) is a ${name}\n`,
    );
    expect(console.text).toContain(
      `ttyS1 at MMIO 0x10000100 (irq = 12, base_baud = 230400) is a ${name}\n`,
    );
    const text = 'the quick brown fox '.repeat(10).trimEnd();
    expect(console.command(`echo ${text}`)).toBe(`${text}\n`);
    const uart = console.command('uart -v');
    expect(uart).toContain(`uart:${name} fifo:${fifo} `);
    expect(uart).toContain('THRE test:ok TXEN test:ok\n');
    expect(uart).toContain(' oe:0 pe:0 fe:0 brk:0 bo:0 ');
  });

  it('uses the whole FIFO of a part that has one: an interrupt for every 64 characters, not one', () => {
    const interrupts = (variant: Uart8250VariantName): number => {
      const console = boot({ harts: 1, uarts: [{ variant }] });
      const irqs = (): number => Number(/irqs:(\d+)/.exec(console.command('uart -v'))?.[1]);
      const before = irqs();
      console.command('fill 100');
      return irqs() - before;
    };
    expect(interrupts('16750')).toBeLessThan(interrupts('16550A') / 2);
    expect(interrupts('16550A')).toBeLessThan(interrupts('8250') / 4);
  });
});

describe('receiving', () => {
  it('takes 100 kB pasted at the speed of the line, and counts every byte', () => {
    const console = boot({ harts: 2 });
    const bytes = Array.from({ length: 100_000 }, (_, i) => 0x20 + ((i * 7919) % 95));
    const sum = bytes.reduce((sum, byte) => (Math.imul(sum, 31) + byte) >>> 0, 0);
    console.type('sink\r');
    console.waitFor('sink: ready\n');
    console.line.send([...bytes, 4]);
    console.waitFor(`sink: 100000 bytes, checksum 0x${sum.toString(16).padStart(8, '0')}`);
    expect(console.command('uart')).toContain(' oe:0 pe:0 fe:0 brk:0 bo:0 ');
  });

  it('loses nothing that is typed while printk() is busy on the same port', () => {
    const console = boot({ harts: 2 });
    const lines = Array.from(
      { length: 40 },
      (_, i) => `log line number ${i} with some text behind`,
    );
    console.type(`${lines.join('\r')}\recho done\r`);
    console.waitFor('\ndone\n');
    for (const line of lines) expect(console.text).toContain(`\n${line.slice(4)}\n`);
    expect(console.command('uart')).toContain(' oe:0 ');
  });

  it('keeps what is typed while ten tasks print', () => {
    const console = boot({ harts: 4 });
    console.type('chatter 10 20\r');
    console.waitFor('line 2 of 20');
    // The typist sees his characters among the lines of the log.
    const text = 'echo the quick brown fox jumps over the lazy dog';
    for (const c of text) {
      console.type(c);
      console.runFor(30 * MS);
    }
    console.type('\r');
    console.waitFor('\nthe quick brown fox jumps over the lazy dog\n');
    console.runFor(3_000 * MS);
    for (let i = 1; i <= 20; i++) {
      expect([...console.text.matchAll(new RegExp(`line ${i} of 20\n`, 'g'))]).toHaveLength(10);
    }
    newPrompt(console);
    expect(console.command('uart')).toContain(' oe:0 pe:0 fe:0 brk:0 bo:0 ');
  });

  it('counts what has errors', () => {
    const console = boot({ harts: 1 });
    console.line.sendCharacter({ byte: 0x61, parityError: true });
    console.line.sendCharacter({ byte: 0x62, framingError: true });
    console.runFor(10 * MS);
    console.type('\r');
    console.waitFor(PROMPT, console.waitFor('unknown command'));
    expect(console.command('uart')).toContain(' pe:1 fe:1 ');
  });
});

describe('flow control', () => {
  it('^S stops output and ^Q lets it go on, with nothing lost', () => {
    const console = boot({ harts: 2 });
    console.type('fill 200\r');
    console.waitFor('line    20 ');
    console.type('\x13');
    console.runFor(20 * MS);
    const stopped = console.line.bytes.length;
    console.runFor(500 * MS);
    expect(console.line.bytes.length).toBe(stopped);
    console.type('\x11');
    console.waitFor(PROMPT, console.waitFor('line   199 '));
    for (let i = 0; i < 200; i++) {
      expect(console.text).toContain(`line ${String(i).padStart(5)} 0123456789 abcdef`);
    }
  });

  it('CTS stops and starts the transmitter when crtscts is on; writers sleep meanwhile', () => {
    const console = boot({ harts: 2 });
    console.command('stty crtscts');
    console.type('fill 200\r');
    console.waitFor('line    20 ');
    console.line.modem({ cts: false });
    console.runFor(20 * MS);
    const stopped = console.line.bytes.length;
    const instructions = console.machine.instret;
    console.runFor(500 * MS);
    expect(console.line.bytes.length).toBe(stopped);
    expect(console.machine.instret - instructions).toBeLessThan(200_000);
    console.line.modem({ cts: true });
    console.waitFor(PROMPT, console.waitFor('line   199 '));
    expect(console.command('uart -v')).toMatch(/modem changes cts:2 .*\n.*\n.*hw_stopped:0/);
  });

  it('CTS does not matter without crtscts', () => {
    const console = boot({ harts: 1 });
    console.line.modem({ cts: false });
    expect(console.command('echo still here')).toBe('still here\n');
  });

  it('^C ends a command whose output cannot go on', () => {
    const console = boot({ harts: 2 });
    console.command('stty crtscts');
    console.type('fill 100000\r');
    console.waitFor('line    20 ');
    console.line.modem({ cts: false });
    console.runFor(100 * MS);
    console.type('\x03');
    console.runFor(100 * MS);
    console.line.modem({ cts: true });
    console.waitFor(`^C\n${PROMPT}`);
    expect(console.command('echo on')).toBe('on\n');
  });

  it('RTS drops when nobody reads, and comes back', () => {
    const console = boot({ harts: 1 });
    console.command('stty crtscts');
    // While the shell computes, nobody reads the terminal.
    console.type(`bench 90\r${'# comment, more than the buffer holds\r'.repeat(250)}`);
    const rts = (): boolean[] =>
      console.line.events.flatMap((e) => (e.kind === 'modem' ? [e.outputs.rts] : []));
    console.waitFor('bench: hart 0');
    expect(rts().at(-1)).toBe(false);
    console.runFor(2_000 * MS);
    expect(rts().at(-1)).toBe(true);
    expect(console.command('uart')).toContain(' oe:0 pe:0 fe:0 brk:0 bo:0 ');
  });

  it('console=ttyS0,115200n8r: the console waits for CTS, a second per character', () => {
    const console = boot({ harts: 2, bootargs: 'console=ttyS0,115200n8r' });
    expect(console.command('stty')).toContain(' crtscts ');
    console.type('log flow\r');
    console.waitFor('log flow\n');
    console.line.modem({ cts: false });
    const from = console.text.length;
    console.type('\r');
    console.runFor(50 * MS);
    console.line.modem({ cts: true });
    console.runFor(50 * MS);
    expect(console.text.slice(from - 5)).toContain(PROMPT);
    expect(console.command('echo again')).toBe('again\n');
  });
});

describe('modem lines', () => {
  it('hangs up when carrier goes, and prompts anew when it returns', () => {
    const console = boot({ harts: 2 });
    console.command('stty -clocal');
    console.runFor(50 * MS);
    console.line.modem({ dcd: false });
    console.runFor(300 * MS);
    expect(console.line.outputs.dtr).toBe(true); // The next open waits for carrier with DTR up.
    const length = console.text.length;
    console.type('echo lost\r');
    console.runFor(200 * MS);
    expect(console.text.length).toBe(length);
    console.line.modem({ dcd: true });
    console.waitFor(PROMPT, length);
    expect(console.command('echo back')).toBe('back\n');
    expect(console.command('uart -v')).toContain('opens:1 blocked:0');
  });

  it('drops DTR in between: hupcl', () => {
    const console = boot({ harts: 2 });
    console.command('stty -clocal');
    console.runFor(50 * MS);
    console.line.clear();
    console.line.modem({ dcd: false });
    console.runFor(300 * MS);
    const dtr = console.line.events.flatMap((e) => (e.kind === 'modem' ? [e.outputs.dtr] : []));
    expect(dtr).toContain(false);
    expect(dtr.at(-1)).toBe(true);
  });

  it('clocal: carrier does not matter', () => {
    const console = boot({ harts: 1 });
    console.line.modem({ dcd: false });
    console.runFor(100 * MS);
    expect(console.command('echo here')).toBe('here\n');
  });

  it.each(['cts', 'dsr', 'dcd'] as const)('modemwait returns when %s changes', (name) => {
    const console = boot({ harts: 2 });
    console.type('modemwait\r');
    console.waitFor('modemwait: waiting\n');
    console.runFor(100 * MS);
    expect(console.text).not.toContain('modem lines');
    console.line.modem({ [name]: false });
    console.waitFor('modemwait: modem lines 0x');
    console.line.modem({ [name]: true });
    expect(console.command('echo on')).toBe('on\n');
  });
});

describe('line settings', () => {
  it.each([
    ['9600', { baud: 9600, dataBits: 8, parity: 'none', stopBits: 1 }],
    ['300 cs7 parenb', { baud: 300, dataBits: 7, parity: 'even', stopBits: 1 }],
    ['19200 odd cstopb', { baud: 19200, dataBits: 8, parity: 'odd', stopBits: 2 }],
    ['57600 cs6 mark', { baud: 57600, dataBits: 6, parity: 'mark', stopBits: 1 }],
    ['230400 space', { baud: 230400, dataBits: 8, parity: 'space', stopBits: 1 }],
  ] as const)('stty %s programs the part', (words, settings) => {
    const console = boot({ harts: 1 });
    console.type(`stty ${words}\r`);
    console.runFor(1_000 * MS);
    expect(console.line.settings).toEqual(settings);
  });

  it('stty 0 hangs up: DTR and RTS drop, and come back with a rate', () => {
    const console = boot({ harts: 1, uarts: [{}, {}] });
    const second = new MockLine(console.machine.clock, 'far-end');
    console.machine.uarts[1].attach(second);
    console.type('recv ttyS1\r');
    console.runFor(50 * MS);
    expect(second.outputs).toMatchObject({ dtr: true, rts: true });
    expect(second.settings?.baud).toBe(9600);
    second.send('hello there\r');
    console.waitFor('ttyS1: hello there\n');
    // It was the last one to have it open.
    console.runFor(50 * MS);
    expect(second.outputs).toMatchObject({ dtr: false, rts: false });
  });

  it('says what is wrong with a setting', () => {
    const console = boot({ harts: 1 });
    expect(console.command('stty 9600 nonsense')).toBe("stty: invalid argument 'nonsense'\n");
    expect(console.command('stty')).toContain('speed 115200 baud');
  });
});

describe('several ports', () => {
  it('writes to another port, and moves the shell there', () => {
    const console = boot({ harts: 2, uarts: [{}, {}, {}] });
    const third = new MockLine(console.machine.clock, 'far-end');
    console.machine.uarts[2].attach(third);
    console.command('send ttyS2 over there');
    expect(third.text).toBe('over there\r\n');
    console.type('tty ttyS2\r');
    console.runFor(200 * MS);
    third.send('tty\r');
    console.runFor(200 * MS);
    expect(third.text).toContain(`${PROMPT}tty\r\n/dev/ttyS2\r\n${PROMPT}`);
  });

  it('console=ttyS1: the log and the shell are there', () => {
    const console = new Console(elf, {
      harts: 1,
      uarts: [{}, {}],
      bootargs: 'console=ttyS1,57600',
    });
    const second = new MockLine(console.machine.clock, 'far-end');
    console.machine.uarts[1].attach(second);
    console.runFor(1_000 * MS);
    expect(second.text).toContain('printk: console [ttyS1] enabled');
    expect(second.text).toContain(PROMPT);
    expect(second.settings?.baud).toBe(57600);
    expect(console.line.text).toBe('');
  });

  it('two consoles get the same log', () => {
    const console = new Console(elf, {
      harts: 1,
      uarts: [{}, {}],
      bootargs: 'console=ttyS1 console=ttyS0',
    });
    const second = new MockLine(console.machine.clock, 'far-end');
    console.machine.uarts[1].attach(second);
    console.waitFor(PROMPT);
    expect(console.command('log 3 to both')).toBe('to both\n');
    expect(second.text).toContain('] to both\r\n');
  });
});

describe('sysrq', () => {
  const sysrq = (console: Console, key: string): number => {
    const from = console.text.length;
    console.line.sendBreak(5 * MS);
    console.runFor(20 * MS);
    console.type(key);
    return from;
  };

  it('BREAK h shows the keys, and the shell does not see any of it', () => {
    const console = boot({ harts: 2 });
    const from = sysrq(console, 'h');
    console.waitFor(
      'replay-kernel-logs(R)',
      console.waitFor('sysrq: HELP : loglevel(0-9) reboot(b) crash(c) ', from),
    );
    newPrompt(console);
    expect(console.command('echo clean')).toBe('clean\n');
    expect(console.command('uart')).toContain(' brk:1 ');
  });

  it('a key that comes too late is typed', () => {
    const console = boot({ harts: 1 });
    console.line.sendBreak(5 * MS);
    console.runFor(5_100 * MS);
    console.type('h');
    console.runFor(50 * MS);
    expect(console.text).not.toContain('HELP');
    expect(console.text.endsWith(`${PROMPT}h`)).toBe(true);
  });

  it('a second BREAK calls it off', () => {
    const console = boot({ harts: 1 });
    console.line.sendBreak(5 * MS);
    console.runFor(20 * MS);
    console.line.sendBreak(5 * MS);
    console.runFor(20 * MS);
    console.type('h');
    console.runFor(50 * MS);
    expect(console.text).not.toContain('HELP');
  });

  it('digits set the log level', () => {
    const console = boot({ harts: 1 });
    console.waitFor('sysrq: Loglevel set to 4\n', sysrq(console, '4'));
    newPrompt(console);
    expect(console.command('loglevel')).toBe('console_loglevel 4\n');
  });

  it.each([
    ['t', 'sysrq: Show State\n', 'task:'],
    ['w', 'sysrq: Show Blocked State\n', ''],
    ['d', 'sysrq: Show Locks Held\n', ' spinlocks held\n'],
    ['m', 'sysrq: Show Memory\n', 'Mem-Info: total 65536K'],
    ['l', 'sysrq: Show backtrace of all active CPUs\n', 'Call Trace:\n'],
    ['R', 'sysrq: Replay kernel logs on consoles\n', 'Booting printkit'],
  ])('BREAK %s', (key, action, then) => {
    const console = boot({ harts: 2 });
    console.waitFor(then, console.waitFor(action, sysrq(console, key)));
    console.runFor(500 * MS);
    newPrompt(console);
    expect(console.command('echo on')).toBe('on\n');
  });

  it('BREAK w lists who sleeps uninterruptibly, and no idle worker', () => {
    const console = boot({ harts: 2 });
    const from = sysrq(console, 'w');
    console.runFor(500 * MS);
    const listed = console.text.slice(from);
    expect(listed).toContain('task:khungtaskd state:D');
    expect(listed).not.toContain('task:kworker');
  });

  it('handled under port->lock, as before Linux 4.20, it deadlocks in its own console->write()', () => {
    const console = boot({ harts: 1, bootargs: 'sysrq.under_port_lock=1' });
    const from = sysrq(console, 'h');
    console.runFor(200 * MS);
    expect(console.text.slice(from)).toBe('');
    const symbols = new Symbolizer(readElf(elf));
    const { pc } = console.machine.harts[0];
    expect(symbols.lookup(pc >>> 0)?.name).toBe('spin_lock');
    console.type('\r');
    console.runFor(100 * MS);
    expect(console.text.slice(from)).toBe('');
  });

  it('BREAK b, c and o end the session', () => {
    const reboot = boot();
    sysrq(reboot, 'b');
    expect(reboot.finish()).toEqual({ kind: 'reboot' });
    const off = boot();
    sysrq(off, 'o');
    expect(off.finish()).toEqual({ kind: 'exit', code: 0 });
    const crash = boot();
    sysrq(crash, 'c');
    expect(crash.finish().kind).toBe('stuck');
    expect(crash.text).toContain('Kernel panic - not syncing: sysrq triggered crash\n');
  });
});

describe('wakeups out of console->write()', () => {
  /** Functions on the stack of a hart that is at the first instruction of one. */
  const callers = (console: Console, symbols: Symbolizer, hart: Hart): string[] => {
    const names: string[] = [];
    let [ra, fp] = [hart.x[1] >>> 0, hart.x[8] >>> 0];
    for (let depth = 0; depth < 30 && fp > 0x8000_0000; depth++) {
      names.push(symbols.lookup(ra - 1)?.name ?? '?');
      const frame = new DataView(console.machine.readMemory(fp - 8, 8).slice().buffer);
      [fp, ra] = [frame.getUint32(0, true), frame.getUint32(4, true)];
    }
    return names;
  };

  it('CTS comes back during a printk(): write() itself wakes the task that waits for the tty', () => {
    const console = boot({ harts: 1, bootargs: 'console=ttyS0,115200n8r' });
    const file = readElf(elf);
    const symbols = new Symbolizer(file);
    const entry = symbols.address('try_to_wake_up');
    console.type('chatter 1 100\rfill 10000\r');
    console.waitFor('line    45 ');
    // Stops the tty and, at its next line, the console: that waits a second for each character.
    console.line.modem({ cts: false });
    console.runFor(200 * MS);
    const stacks: string[][] = [];
    console.machine.trace = (hart) => {
      if (hart.pc >>> 0 === entry) stacks.push(callers(console, symbols, hart));
    };
    console.line.modem({ cts: true });
    console.runFor(30 * MS);
    console.machine.trace = undefined;
    const chain = stacks.find((names) => names.includes('serial8250_console_write'));
    // What the compiler inlines in the scheduler may change.
    expect(chain?.filter((name) => /8250|uart|tty/.test(name))).toEqual([
      'tty_wakeup',
      'uart_write_wakeup',
      'serial8250_modem_status',
      'serial8250_console_write',
    ]);
  });
});
