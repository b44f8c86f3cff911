// The log that a dead guest leaves, store by store: what the readers of src/debug/dmesg, vmcore-dmesg and
// gdb find in its core file is what was on the console, and what was not.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openCoreFile } from '../../src/debug/core-file.ts';
import { guestVmcoreinfo, writeCoreFile } from '../../src/debug/core-writer.ts';
import { readGuestLog } from '../../src/debug/dmesg/guest-log.ts';
import { formatRecord } from '../../src/debug/dmesg/format.ts';
import type { KernelLog } from '../../src/debug/dmesg/log-record.ts';
import { readKernelLog } from '../../src/debug/dmesg/read-log.ts';
import { readElf, type ElfSymbol } from '../../src/debug/elf.ts';
import { gdb, vmcoreDmesg } from '../debug/peers.ts';
import { buildImage, Console, PROMPT } from '../firmware/console.ts';

const MS = 1_000_000;
const folder = mkdtempSync(join(tmpdir(), 'printkit-core-'));
const elfPath = join(folder, 'printkit.elf');
let elf: Uint8Array;
let symbols: readonly ElfSymbol[];
beforeAll(async () => {
  elf = await buildImage();
  ({ symbols } = readElf(elf));
  writeFileSync(elfPath, elf);
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true }));

const boot = (bootargs: string, harts = 2): Console => new Console(elf, { bootargs, harts });

function coreOf(console: Console, hart?: number): string {
  const path = join(folder, 'guest.core');
  const vmcoreinfo = guestVmcoreinfo(symbols, console.machine.memory);
  writeCoreFile(path, console.machine, { vmcoreinfo, hart });
  return path;
}

const lines = (log: KernelLog): string[] => log.records.flatMap((record) => formatRecord(record));
/** The lines on the console that came from printk(). */
const onConsole = (console: Console): string[] =>
  console.line.text.replaceAll('\r', '').match(/\[ *\d+\.\d{6}\] .*$/gm) ?? [];

describe.each(['logbuf', 'safe', 'percpu', 'lockless', 'spill'])(
  'a guest with the store %s that panics',
  (store) => {
    it('leaves all that was on its console, last words included', () => {
      const console = boot(`printk.store=${store} ignore_loglevel`, 4);
      console.waitFor(PROMPT);
      console.machine.raiseNmi(1);
      console.runFor(100 * MS);
      console.type('panic the end\r');
      expect(console.finish().kind).toBe('stuck');
      const path = coreOf(console);
      const log = readKernelLog(openCoreFile(path));
      expect(log.store).toBe(store);
      expect(log.incomplete).toBe(0);
      expect(lines(log)).toEqual(onConsole(console));
      const said = lines(log).join('\n');
      expect(said).toMatch(/\] NMI received for .* on CPU 1\n/);
      expect(said).toMatch(/\] Kernel panic - not syncing: the end\n/);
      expect(said).toMatch(/---\[ end Kernel panic - not syncing: the end \]---$/);
      expect(readGuestLog(console.machine, symbols)).toEqual(log);
      if (store === 'logbuf' || store === 'lockless') {
        expect(vmcoreDmesg(path)).toBe(
          lines(log)
            .map((line) => `${line}\n`)
            .join(''),
        );
      }
      const frames = gdb(elfPath, path, 'info threads', 'thread apply all bt');
      expect(frames.match(/^\*? +[1-4] +LWP [1-4] /gm)).toHaveLength(4);
      expect(frames).toMatch(/ in panic \(.*at firmware\/kernel\/panic\.ts/);
      expect(frames).toMatch(/ in shell_main \(.*at firmware\/shell\/shell\.ts/);
    });

    it('keeps the newest records when the log has gone round', () => {
      const console = boot(`quiet printk.store=${store} printk.devkmsg=on log_buf_len=4K`);
      console.command('fill 300 > /dev/kmsg');
      const log = readGuestLog(console.machine, symbols);
      const filled = log.records.map(({ text }) =>
        /^line +(\d+) 0123/.exec(String.fromCharCode(...text)),
      );
      expect(filled.at(-1)?.[1]).toBe('299');
      expect(filled.length).toBeGreaterThan(10);
      const numbers = filled.map((match) => Number(match?.[1]));
      expect(numbers).toEqual(numbers.map((_, i) => 300 - numbers.length + i));
      expect(log.records.every(({ facility, level }) => facility === 1 && level === 4)).toBe(true);
    });
  },
);

/** Runs a guest until the message of an NMI on CPU 1 is in memory, but not an instruction longer. */
function inNmi(store: string): { console: Console; log: KernelLog } {
  const console = boot(`quiet printk.store=${store}`);
  console.waitFor(PROMPT);
  const { machine } = console;
  machine.raiseNmi(1);
  let log = readGuestLog(machine, symbols);
  for (let i = 0; i < 1000 && !lines(log).join('\n').includes('NMI received'); i++) {
    const hart = machine.harts[1];
    for (let n = 0; hart && n < 50; n++) machine.step(hart);
    log = readGuestLog(machine, symbols);
  }
  return { console, log };
}

it.each(['logbuf', 'safe', 'percpu'])('%s: clear_idx is where dmesg -C has cleared', (store) => {
  const console = boot(`quiet printk.store=${store} printk.devkmsg=on`);
  console.waitFor(PROMPT);
  const info = new TextDecoder().decode(guestVmcoreinfo(symbols, console.machine.memory));
  const word = (name: string) => {
    const [, address = '0'] = new RegExp(`^SYMBOL\\(${name}\\)=(.*)$`, 'm').exec(info) ?? [];
    const at = console.machine.memory.view(parseInt(address, 16), 4);
    return at[0] | (at[1] << 8) | (at[2] << 16);
  };
  expect(word('clear_idx')).toBe(word('log_first_idx'));
  console.command('dmesg -C');
  expect(word('clear_idx')).toBe(word('log_next_idx'));
  const cleared = word('clear_idx');
  console.command('echo more > /dev/kmsg');
  console.command('dmesg');
  expect(word('clear_idx')).toBe(cleared);
  expect(word('log_next_idx')).toBeGreaterThan(cleared);
});

describe('what an NMI said just before the end', () => {
  const text = 'NMI received for reason 0 on CPU 1';

  it('is in a buffer of the store safe, where no irq_work has fetched it, and is marked', () => {
    const { console, log } = inNmi('safe');
    const last = log.records.at(-1);
    expect(last?.unflushed).toEqual({ cpu: 1, context: 'nmi' });
    expect(last && formatRecord(last)).toEqual([`[    ?.??????] (nmi, CPU 1) ${text}`]);
    expect(vmcoreDmesg(coreOf(console))).not.toContain(text);
    console.runFor(100 * MS);
    const flushed = readGuestLog(console.machine, symbols);
    expect(flushed.records.every(({ unflushed }) => unflushed === undefined)).toBe(true);
    expect(lines(flushed).join('\n')).toMatch(new RegExp(`\\d\\] ${text}$`, 'm'));
  });

  it('is in a buffer of the store percpu, and is merged by its time', () => {
    const { console, log } = inNmi('percpu');
    expect(lines(log).at(-1)).toMatch(new RegExp(`\\d\\] ${text}$`));
    expect(vmcoreDmesg(coreOf(console))).not.toContain(text);
    const line = lines(log).at(-1);
    console.runFor(100 * MS);
    expect(lines(readGuestLog(console.machine, symbols))).toContain(line);
  });
});
