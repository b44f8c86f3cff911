// The whole firmware, compiled from its sources, on the machine: what it prints when it boots, what the
// shell answers, what it says when it crashes.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { Console, PROMPT, buildImage } from './console.ts';

let elf: Uint8Array;
beforeAll(async () => {
  elf = await buildImage();
}, 120_000);

const boot = (options?: ConstructorParameters<typeof Console>[1]): Console => {
  const console = new Console(elf, options);
  console.waitFor(PROMPT);
  return console;
};

describe('boot', () => {
  it('logs what it finds, in Linux style', () => {
    const console = boot({ harts: 4, bootargs: 'panic=0 loglevel=7' });
    expect(console.text.replace(/\d+K\//, '<free>K/')).toBe(
      [
        'Booting printkit 0.1.0 on hart 0',
        'Kernel command line: panic=0 loglevel=7',
        "earlycon: uart8250 at MMIO 0x10000000 (options '115200n8')",
        'printk: bootconsole [uart8250] enabled',
        'Memory: <free>K/65536K available',
        'clocksource: mtime: 10000000 Hz, tick 100 Hz',
        '10000000.serial: ttyS0 at MMIO 0x10000000 (irq = 10, base_baud = 230400) is a 16550A',
        'printk: console [ttyS0] enabled',
        'printk: bootconsole [uart8250] disabled',
        'smp: Bringing up secondary CPUs ...',
        'CPU1: Booted secondary processor, hart 1',
        'CPU2: Booted secondary processor, hart 2',
        'CPU3: Booted secondary processor, hart 3',
        'smp: Brought up 1 node, 4 CPUs',
        'Run shell as init process',
        PROMPT,
      ].join('\n'),
    );
  });

  it('stamps every line with the virtual time, which never goes back', () => {
    const console = boot();
    const lines = console.line.text.split('\r\n').slice(0, -1);
    let last = 0;
    for (const line of lines) {
      const stamp = /^\[ {0,4}(\d+\.\d{6})\] /.exec(line);
      expect(Number(stamp?.[1])).toBeGreaterThanOrEqual(last);
      last = Number(stamp?.[1]);
    }
    expect(last).toBeGreaterThan(0);
    expect(last).toBeLessThan(console.machine.now / 1e9);
  });

  it.each([1, 2, 8, 32])('brings up %i harts', (harts) => {
    const console = boot({ harts });
    expect(console.text).toContain(`Brought up 1 node, ${harts} CPU${harts > 1 ? 's' : ''}\n`);
    expect(console.command('harts')).toContain(`${harts} of ${harts} online\n`);
  });

  it('runs in 1 MiB, and knows how much memory there is', () => {
    expect(boot({ harts: 1, memoryBytes: 1 << 20 }).text).toMatch(/Memory: \d+K\/1024K available/);
    expect(boot({ harts: 1, memoryBytes: 512 << 20 }).text).toMatch(/K\/524288K available/);
  });

  it.each([
    ['8250', '8250'],
    ['16450', '16450'],
    ['16550', '16550'],
    ['16550A', '16550A'],
    ['16750', 'TI16750'],
  ] as const)('drives a %s', (variant, name) => {
    const console = boot({ harts: 1, uarts: [{ variant }] });
    expect(console.text).toContain(
      `ttyS0 at MMIO 0x10000000 (irq = 10, base_baud = 230400) is a ${name}\n`,
    );
    const text = 'the quick brown fox '.repeat(10).trimEnd();
    expect(console.command(`echo ${text}`)).toBe(`${text}\n`);
    expect(console.command('uart')).toContain(' oe:0 ');
  });

  it('obeys maxcpus, quiet, loglevel and printk.time', () => {
    expect(boot({ harts: 4, bootargs: 'maxcpus=2' }).text).toContain('1 node, 2 CPUs');
    expect(boot({ bootargs: 'quiet' }).line.text).toBe(PROMPT);
    expect(boot({ bootargs: 'loglevel=6' }).text).toBe(
      `Booting printkit 0.1.0 on hart 0\nKernel command line: loglevel=6\n${PROMPT}`,
    );
    expect(boot({ bootargs: 'printk.time=0' }).line.text).toMatch(/^Booting/);
    const level = (bootargs: string): string =>
      boot({ harts: 1, bootargs }).command('loglevel').slice(-3, -1).trim();
    // The last of them counts.
    expect(level('debug quiet')).toBe('4');
    expect(level('quiet loglevel=3 debug')).toBe('10');
    expect(level('quiet loglevel=0')).toBe('0');
  });
});

describe('input', () => {
  it('takes what is typed ahead from the moment the UART is set up', () => {
    const console = new Console(elf);
    console.waitFor('Booting');
    console.type('echo early\npoweroff 7\n');
    expect(console.finish()).toEqual({ kind: 'exit', code: 7 });
    expect(console.text).toContain('printkit# echo early\nearly\nprintkit# poweroff 7\n');
  });

  it('loses nothing of what is pasted at line speed while it prints', () => {
    const console = boot();
    const lines = Array.from({ length: 150 }, (_, i) => `echo line number ${i} of the paste`);
    console.type(`${lines.join('\n')}\necho done\n`);
    console.waitFor('\ndone\n');
    for (const line of lines) expect(console.text).toContain(`# ${line}\n${line.slice(5)}\n`);
    expect(console.command('uart')).toContain(' oe:0 ');
  });

  it('drops RTS when its buffer is full, and raises it again', () => {
    const console = boot({ harts: 1 });
    console.command('stty crtscts');
    // While the hart computes, nobody reads the terminal.
    console.type(`bench 90\r${'# comment, more than the buffer holds\r'.repeat(250)}`);
    const rts = (): boolean[] =>
      console.line.events.flatMap((e) => (e.kind === 'modem' ? [e.outputs.rts] : []));
    console.waitFor('bench: hart 0');
    expect(rts().at(-1)).toBe(false);
    console.runFor(2_000_000_000);
    expect(rts().at(-1)).toBe(true);
  });
});

describe('shell', () => {
  it('answers', () => {
    const console = boot({ harts: 3 });
    expect(console.command('echo one  two')).toBe('one two\n');
    expect(console.command('nonsense')).toBe('nonsense: unknown command, try help\n');
    expect(console.command('help echo')).toMatch(/^ {2}echo \[text...\] +print the text\n$/);
    expect(console.command('version')).toBe('printkit 0.1.0 riscv32\n');
    expect(console.command('ipi')).toBe('hart 1: answered\nhart 2: answered\n');
    expect(console.command('harts')).toBe(
      'hart 0: online, runs this shell\nhart 1: online\nhart 2: online\n3 of 3 online\n',
    );
    expect(console.command('uptime')).toMatch(/^up 0:00:00\.\d\d, jiffies \d+\n$/);
    const ps = console.command('ps');
    for (const name of ['sh/0', 'swapper/2', 'ksoftirqd/1', 'migration/2', 'kworker/0']) {
      expect(ps).toContain(` ${name}\n`);
    }
    expect(console.command('')).toBe('');
  });

  it('lists every boot parameter that the kernel asks for in help boot', () => {
    const sources = join(import.meta.dirname, '../../firmware');
    const asked = readdirSync(sources, { recursive: true, encoding: 'utf8' })
      // The kernel of selftest/primitives.ts is another one.
      .filter((file) => file.endsWith('.ts') && !file.endsWith('primitives.ts'))
      .map((file) => readFileSync(join(sources, file), 'utf8'))
      .flatMap((text) => [...text.matchAll(/\bparam_\w+\('([^']+)'/g)].map(([, name]) => name));
    const help = boot({ harts: 1 }).command('help boot');
    const listed = help.split('\n').flatMap((line) =>
      line
        .slice(0, 27)
        .split(/[ ,]+/)
        .map((word) => word.replace(/=.*/, '')),
    );
    expect(asked).toContain('printk.store');
    expect(asked.filter((name) => !listed.includes(name))).toEqual([]);
  });

  it('has all its commands in help, in order', () => {
    const names = [
      ...boot()
        .command('help')
        .matchAll(/^ {2}(\w+)/gm),
    ].map((m) => m[1]);
    expect(names).toEqual([...names].sort());
    for (const name of ['help', 'echo', 'dmesg', 'ps', 'uptime', 'harts', 'poweroff', 'reboot']) {
      expect(names).toContain(name);
    }
  });

  it('keeps the log for dmesg, also what the console did not show', () => {
    const console = boot({ bootargs: 'loglevel=4' });
    expect(console.command('log 3 shown')).toBe('shown\n');
    expect(console.command('log 5 not shown')).toBe('');
    const dmesg = console.command('dmesg');
    expect(dmesg).toMatch(/^Booting printkit/);
    expect(dmesg).toContain('Run shell as init process\nshown\nnot shown\n');
  });

  it('computes the same on every hart', () => {
    // The checksum of two rounds of the same algorithms in C.
    const one = (hart: number): string =>
      `bench: hart ${hart}: 2 iterations, checksum 0x46f79bce\n`;
    const console = boot({ harts: 3 });
    expect(console.command('bench 2')).toMatch(new RegExp(`^${one(0)}bench: \\d\\.\\d{6} s\n$`));
    expect(console.command('bench 2 all')).toContain(one(0) + one(1) + one(2));
  });

  it('stops a long command at ^C', () => {
    const console = boot({ harts: 2 });
    console.type('bench 4000000000 all\r');
    console.runFor(50_000_000);
    console.type('\x03');
    console.waitFor('^C');
    expect(console.text).toMatch(/bench: hart 0: \d+ iterations.*\nbench: hart 1: \d+ iterations/);
    expect(console.command('echo on')).toBe('on\n');
  });

  it('runs the benchmark at boot and powers off', () => {
    const console = new Console(elf, { harts: 2, bootargs: 'bench=1 bench.harts=all' });
    expect(console.finish()).toEqual({ kind: 'exit', code: 0 });
    expect(console.text).toMatch(
      /hart 0: 1 iter.*\nbench: hart 1: 1 iter.*\nreboot: Power down\n$/,
    );
  });

  it('powers off with a code and restarts', () => {
    const off = boot();
    off.type('poweroff 42\r');
    expect(off.finish()).toEqual({ kind: 'exit', code: 42 });
    const again = boot();
    again.type('reboot\r');
    expect(again.finish()).toEqual({ kind: 'reboot' });
    // Everything that was printed has left the shift register.
    expect(again.line.text).toMatch(/reboot: Restarting system\r\n$/);
  });

  it('sleeps when it has nothing to do', () => {
    const console = boot({ harts: 4 });
    const before = console.machine.instret;
    console.runFor(10_000_000_000);
    // The watchdog's timer every 4 s on each hart; one hart with a tick would take 1,000,000.
    const perHartAndSecond = (console.machine.instret - before) / 40;
    expect(perHartAndSecond).toBeGreaterThan(0);
    expect(perHartAndSecond).toBeLessThan(1000);
  });
});

describe('crashes', () => {
  const crash = (command: string): Console => {
    const console = boot({ harts: 4 });
    console.type(`${command}\r`);
    expect(console.finish().kind).toBe('stuck');
    return console;
  };
  const trace = (console: Console): string[] =>
    [...console.text.matchAll(/^\[<[0-9a-f]{8}>\] (\S+)\+0x[0-9a-f]+\/0x[0-9a-f]+$/gm)].map(
      (m) => m[1],
    );

  it.each([
    ['illegal', 'illegal instruction', 2, 'illegal_instruction'],
    ['load', 'load access fault', 5, 'cmd_trap'],
    ['store', 'store (or AMO) access fault', 7, 'cmd_trap'],
    ['fetch', 'instruction access fault', 1, 'cmd_trap'],
    ['ebreak', 'breakpoint', 3, 'cmd_trap'],
  ])(
    'trap %s: says what happened, where, and how it got there',
    (kind, words, cause, innermost) => {
      const console = crash(`trap ${kind}`);
      expect(console.text).toContain(`Oops - ${words} [#1]\nCPU: 0 PID: 1 Comm: sh 0.1.0\n`);
      expect(console.text).toContain(`cause: ${cause.toString(16).padStart(8, '0')}\n`);
      expect(trace(console)[0]).toBe(innermost);
      expect(trace(console).slice(-2)).toEqual(['task_entry', 'ret_from_fork']);
      expect(console.text).toMatch(
        /Kernel panic - not syncing: Attempted to kill init!\n---\[ end Kernel panic - not syncing: Attempted to kill init! \]---\n$/,
      );
    },
  );

  it('trap misaligned: the machine does misaligned loads', () => {
    expect(boot().command('trap misaligned')).toBe('misaligned load gave 0x55443322\n');
  });

  it('trap stack: reports the overflow from another stack', () => {
    const console = crash('trap stack');
    expect(console.text).toContain('Insufficient stack space to handle exception!\nTask stack: ');
    expect(trace(console)).toContain('recurse');
    expect(console.text).toContain(
      'Kernel panic - not syncing: Kernel stack overflow (task stack)\n',
    );
  });

  it('trap irq: follows the stack from the interrupt handler to the task', () => {
    const functions = trace(crash('trap irq'));
    const handler = functions.indexOf('do_trap_interrupt');
    expect(functions.slice(handler, handler + 2)).toEqual(['do_trap_interrupt', 'trap_interrupt']);
    expect(functions.slice(handler)).toContain('cmd_trap');
    expect(functions.at(-1)).toBe('ret_from_fork');
  });

  it('panic: stops all harts, for good', () => {
    const console = crash('panic on purpose');
    expect(console.text).toMatch(/Kernel panic - not syncing: on purpose\nCall Trace:\n/);
    expect(trace(console)).toContain('kernel_init');
    expect(console.text).not.toContain('failed to stop');
    for (const hart of console.machine.harts) expect(hart.waiting).toBe(true);
  });

  it('panic: shows messages that the log level hides', () => {
    const console = boot({ bootargs: 'loglevel=0' });
    console.type('panic aloud\r');
    console.finish();
    expect(console.text).toContain('Kernel panic - not syncing: aloud\n');
  });
});

describe('NMI', () => {
  it('shows what the hart was doing, and the hart goes on', () => {
    const console = boot({ harts: 2 });
    console.machine.raiseNmi(0, 5);
    console.waitFor('NMI received for reason 5 on CPU 0\nCPU: 0 PID: 0 Comm: ');
    console.waitFor('] cpu_startup_entry+');
    console.type('\r');
    console.waitFor('\n' + PROMPT, console.waitFor('] start_kernel+'));
    expect(console.command('interrupts')).toMatch(/NMI: +1 +0 /);
  });

  it('wakes the shell for a byte that another hart received while it printed', () => {
    const console = boot({ harts: 2 });
    console.machine.raiseNmi(1, 0);
    console.waitFor('NMI received for reason 0 on CPU 1\nCPU: 1 PID: 0 Comm: ');
    console.type('\r');
    console.waitFor(`\n${PROMPT}`);
    console.waitFor('] secondary_start_kernel+');
    console.runFor(50_000_000);
    console.type('\r');
    console.runFor(50_000_000);
    expect(console.command('ipi')).toBe('hart 1: answered\n');
  });
});
