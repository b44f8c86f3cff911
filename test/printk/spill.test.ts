// The store `spill` behind a ring that is full: nothing is lost, order stays, and whoever looks finds it:
// consoles, a reader of a core file, a panic. Where more comes than there is room for, it says how much.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MockLine } from '../../devices/uart8250/index.ts';
import { guestVmcoreinfo, writeCoreFile } from '../../src/debug/core-writer.ts';
import { readGuestLog } from '../../src/debug/dmesg/guest-log.ts';
import { readElf, type ElfSymbol } from '../../src/debug/elf.ts';
import { vmcoreDmesg } from '../debug/peers.ts';
import { buildImage, Console, PROMPT } from '../firmware/console.ts';

const MS = 1_000_000;
const S = 1000 * MS;
/** A small ring, and writes to /dev/kmsg without a limit: each is a line of some 5 ms on the wire. */
const SMALL = 'log_buf_len=4K printk.devkmsg=on';

const folder = mkdtempSync(join(tmpdir(), 'printkit-spill-'));
let elf: Uint8Array;
let symbols: readonly ElfSymbol[];
beforeAll(async () => {
  elf = await buildImage();
  ({ symbols } = readElf(elf));
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true }));

function boot(bootargs = `printk=printkit ${SMALL}`, harts = 2): Console {
  const console = new Console(elf, { harts, bootargs });
  console.waitFor(PROMPT);
  console.runFor(200 * MS);
  return console;
}

const numbers = (text: string): number[] =>
  [...text.matchAll(/line +(\d+) 0123/g)].map(([, n]) => Number(n));
const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** `fill COUNT`: written at once, and then the console is busy for long. */
function fill(console: Console, count: number): void {
  console.type(`fill ${count} > /dev/kmsg\r`);
  console.runFor(50 * MS);
}

const inMemory = (console: Console) => {
  const log = readGuestLog(console.machine, symbols);
  const text = log.records.map((record) => String.fromCharCode(...record.text)).join('\n');
  return { ...log, text };
};

/** What a crash tool finds that knows only Linux's ring. */
function inRing(console: Console): string {
  const path = join(folder, 'guest.core');
  const vmcoreinfo = guestVmcoreinfo(symbols, console.machine.memory);
  writeCoreFile(path, console.machine, { vmcoreinfo });
  return vmcoreDmesg(path);
}

/** Lets the scenario ring-stall begin, and panics when a writer stands still. */
function panicWhileStalled(console: Console): void {
  const begin = symbols.find(({ name }) => name === 'scenario_begin');
  let begun = false;
  console.machine.watch(begin?.address ?? 0, () => (begun = true));
  console.type('run ring-stall\r');
  while (!begun) console.runFor(MS);
  console.line.sendBreak(2 * MS);
  console.runFor(5 * MS);
  console.type('c');
  expect(console.finish().kind).toBe('stuck');
}

/** The shell's counters, once the console has caught up. */
function counters(console: Console): { lost: number; dropped: number } {
  let before = '';
  while (before !== console.text) {
    before = console.text;
    console.runFor(100 * MS);
  }
  console.type('\r');
  console.runFor(10 * MS);
  const text = console.command('printk');
  const count = (name: string) => Number(new RegExp(` ${name} (\\d+)`).exec(text)?.[1]);
  return { lost: count('lost'), dropped: count('dropped') };
}

describe('more messages than the ring holds', () => {
  it('are all printed, in order', () => {
    const console = boot();
    fill(console, 200);
    expect(counters(console)).toEqual({ lost: 0, dropped: 0 });
    expect(numbers(console.text)).toEqual(upTo(200));
  });

  it('are lost with a ring alone, and counted', () => {
    const console = boot(`printk=nbcon ${SMALL}`);
    fill(console, 200);
    const { dropped } = counters(console);
    expect(dropped).toBeGreaterThan(50);
    const told = [...console.text.matchAll(/\*\* (\d+) printk messages dropped/g)];
    expect(told.reduce((sum, [, n]) => sum + Number(n), 0)).toBe(dropped);
  });

  it('are in a core file: for printkit all of them, for others what is in the ring', () => {
    const console = boot();
    fill(console, 200);
    const { store, text, records } = inMemory(console);
    expect(store).toBe('spill');
    // The oldest have been printed, and may be gone.
    const from = numbers(text)[0] ?? -1;
    expect(from).toBeLessThan(20);
    expect(numbers(text)).toEqual(upTo(200).slice(from));
    records.forEach(({ seq }, i) => expect(seq).toBe((records[0]?.seq ?? 0n) + BigInt(i)));
    const ring = numbers(inRing(console));
    expect(ring.length).toBeLessThan(150);
    expect(ring).toEqual(upTo(200).slice(from, from + ring.length));
  });

  it.each(['kthread', 'nbcon', 'relay'])('come out in a panic, before its own: %s', (emit) => {
    const console = boot(`printk.store=spill printk.emit=${emit} ${SMALL}`);
    fill(console, 200);
    console.line.sendBreak(2 * MS);
    console.runFor(5 * MS);
    console.type('c');
    expect(console.finish().kind).toBe('stuck');
    expect(new Set(numbers(console.text))).toEqual(new Set(upTo(200)));
    expect(console.text.trim()).toMatch(
      /end Kernel panic - not syncing: sysrq triggered crash \]---$/,
    );
    expect(console.text).not.toContain('dropped');
    expect(numbers(inRing(console)).at(-1)).toBe(199);
  });
});

describe('more messages than the buffers hold as well', () => {
  it('push out the oldest, and the console says how many', () => {
    const console = boot();
    fill(console, 600);
    const { lost, dropped } = counters(console);
    const printed = numbers(console.text);
    expect(lost).toBe(0);
    expect(dropped).toBeGreaterThan(100);
    expect(printed.length + dropped).toBe(600);
    expect(printed.at(-1)).toBe(599);
    expect(printed).toEqual([...printed].sort((a, b) => a - b));
  });

  it('do not come at all if a buffer of two pages cannot be emptied as fast', () => {
    const console = boot(`printk=printkit ${SMALL} printk.percpu_pages=2`);
    fill(console, 200);
    const { lost, dropped } = counters(console);
    expect(numbers(console.text).length + lost + dropped).toBe(200);
  });
});

describe('a console that does not get on', () => {
  it('keeps messages from the ring for ten seconds', () => {
    const console = boot(`printk=printkit console=ttyS0,115200n8r ${SMALL}`);
    fill(console, 150);
    console.line.modem({ cts: false });
    // Each shows the registers: some twenty messages.
    const nmis = (count: number) => {
      for (let i = 0; i < count; i++) {
        console.machine.raiseNmi(1);
        console.runFor(MS);
      }
    };
    console.runFor(9 * S);
    nmis(1);
    expect(inRing(console)).not.toContain('NMI received');
    expect(inMemory(console).text).toMatch(/line +149 0123[^]*NMI received/);
    console.runFor(2 * S);
    // Two come back with each message.
    nmis(8);
    expect(inRing(console)).toContain('NMI received');
    expect(inRing(console)).not.toContain('line   40 ');
  });
});

describe('a reader that has seen all of the ring', () => {
  it('is woken when messages come back into it', () => {
    const bootargs = `printk=printkit console=ttyS0,115200n8r ${SMALL}`;
    const console = new Console(elf, { harts: 2, bootargs, uarts: [{}, {}] });
    const line = new MockLine(console.machine.clock, 'line1');
    console.machine.uarts[1]?.attach(line);
    console.command('dmesg -Wt > /dev/ttyS1 &');
    fill(console, 120);
    console.line.modem({ cts: false });
    // The reader's port has 9600 baud.
    console.runFor(5 * S);
    expect(numbers(line.text).at(-1)).toBeLessThan(90);
    console.line.modem({ cts: true });
    console.runFor(7 * S);
    expect(numbers(line.text)).toEqual(upTo(120));
  });
});

describe('a writer that stands still', () => {
  it('keeps nobody, and loses nothing', () => {
    const console = boot('printk=printkit log_buf_len=2K');
    expect(console.command('run ring-stall')).toContain('scenario ring-stall: PASS');
    const said = [...console.text.matchAll(/stall: message (\d+) /g)].map(([, n]) => Number(n));
    expect(said).toEqual(upTo(24).map((n) => n + 1));
    expect(console.text).toContain('zzzz\n');
    expect(counters(console)).toEqual({ lost: 0, dropped: 0 });
  });

  it('is given up by a panic, which prints all the others', () => {
    const console = boot('printk=printkit log_buf_len=2K');
    panicWhileStalled(console);
    const said = [...console.text.matchAll(/stall: message (\d+) /g)].map(([, n]) => Number(n));
    expect(said).toEqual(upTo(24).map((n) => n + 1));
    expect(console.text).not.toContain('zzzz');
    expect(console.text).toContain('end Kernel panic - not syncing: sysrq triggered crash');
  });

  it('is given up by a panic that no console prints: the ring has the newest then, buffers have none', () => {
    const console = boot('printk=printkit log_buf_len=2K');
    console.command('suspend');
    panicWhileStalled(console);
    const ring = inRing(console).trim();
    expect(ring).toMatch(/end Kernel panic - not syncing: sysrq triggered crash \]---$/);
    for (const line of inMemory(console).text.split('\n')) expect(ring).toContain(line);
  });
});
