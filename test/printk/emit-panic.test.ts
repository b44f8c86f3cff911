// A panic, in every pair of store and emitter, with the log behind: everything that was logged before is
// on the wire when the machine stands still, from task, interrupt and NMI context.

import { beforeAll, describe, expect, it } from 'vitest';
import { logInMemory } from '../../src/compare/memory-log.ts';
import { readElf } from '../../src/debug/elf.ts';
import { buildImage } from '../firmware/console.ts';
import { boot, EMITTERS, logLines, occurrences, PAIRS, pairArguments } from './guest.ts';

let elf: Uint8Array;
beforeAll(async () => {
  elf = await buildImage();
}, 120_000);

/** Longer than the transmitter takes to send it before the panic comes. */
const LONG = 'x'.repeat(200);
const STAMP = /^\[ *\d+\.\d{6}\] /;
const END = '---[ end Kernel panic - not syncing: ';

/** Of lines, those that do not stand in a text in this order. */
function missingFrom(text: readonly string[], lines: readonly string[]): string[] {
  let at = 0;
  return lines.filter((line) => {
    const found = text.indexOf(line, at);
    if (found >= 0) at = found + 1;
    return found < 0;
  });
}

describe.each(PAIRS)('%s + %s', (store, emit) => {
  it('says all that was logged, why it panics, and stands still', () => {
    const console = boot(elf, pairArguments(store, emit), 2);
    console.type(`log first ${LONG}\rlog second\rpanic irq\r`);
    console.waitFor(END);
    expect(console.finish().kind).toBe('stuck');

    const lines = logLines(console.line.text);
    const texts = lines.map((line) => line.replace(STAMP, ''));
    // Whole, and in order; a record that was cut short has come again.
    const log = logInMemory(console.machine, readElf(elf)) ?? [];
    expect(log.length).toBeGreaterThan(20);
    expect(missingFrom(texts, log.join('\n').split('\n'))).toEqual([]);
    expect(occurrences(lines, 'Booting printkit')).toBe(1);
    expect(occurrences(lines, 'Run shell as init process')).toBe(1);
    const whole = lines.filter((line) => line.endsWith(LONG));
    expect(whole.length).toBeGreaterThanOrEqual(1);
    expect(occurrences(lines, '] second')).toBe(1);
    expect(occurrences(lines, '] Kernel panic - not syncing: panic command in irq context')).toBe(
      1,
    );
    expect(occurrences(lines, END)).toBe(1);
    expect(lines.at(-1)).toContain(END);
  });
});

describe.each(EMITTERS)('%s', (emit) => {
  it('panics from an NMI', () => {
    const console = boot(elf, pairArguments('lockless', emit), 2);
    console.type(`log first ${LONG}\rpanic nmi\r`);
    console.waitFor(`${END}panic command in nmi context`);
    expect(console.finish().kind).toBe('stuck');
    const lines = logLines(console.line.text);
    expect(lines.filter((line) => line.endsWith(LONG)).length).toBeGreaterThanOrEqual(1);
  });

  it('panic=-1 restarts after the log is out', () => {
    const console = boot(elf, `${pairArguments('lockless', emit)} panic=-1`, 2);
    console.type(`log first ${LONG}\rpanic\r`);
    expect(console.finish()).toEqual({ kind: 'reboot' });
    expect(logLines(console.line.text).at(-1)).toContain(END);
  });
});

describe('panic_print=0x20, panic_console_replay=1', () => {
  it.each(EMITTERS)('%s: the whole log once more', (emit) => {
    const end = (bootargs: string): string[] => {
      const console = boot(elf, `${pairArguments('lockless', emit)} ${bootargs}`, 2);
      console.type('panic\r');
      expect(console.finish().kind).toBe('stuck');
      return logLines(console.line.text);
    };
    const once = end('');
    expect(occurrences(once, 'Booting printkit')).toBe(1);
    for (const bootargs of ['panic_print=0x20', 'panic_console_replay=1']) {
      const lines = end(bootargs);
      expect(occurrences(lines, 'Booting printkit')).toBe(2);
      expect(occurrences(lines, 'Kernel panic - not syncing: panic command')).toBe(3);
      expect(lines).toHaveLength(2 * once.length - 1);
      expect(lines.at(-1)).toContain(END);
    }
  });

  it('kthread: also by early_console, when the thread was stopped while it printed', () => {
    const bootargs = `${pairArguments('lockless', 'kthread')} panic_print=0x20 printk.devkmsg=on`;
    const console = boot(elf, bootargs, 2);
    console.type('fill 40 > /dev/kmsg\r');
    console.runFor(50_000_000);
    console.line.sendBreak(2_000_000);
    console.runFor(5_000_000);
    console.type('c');
    expect(console.finish().kind).toBe('stuck');
    const lines = logLines(console.line.text);
    expect(occurrences(lines, 'Booting printkit')).toBe(2);
    expect(occurrences(lines, 'Kernel panic - not syncing: sysrq')).toBe(3);
  });

  it('no other bit does', () => {
    const console = boot(elf, 'panic_print=0x1f', 1);
    console.type('panic\r');
    console.finish();
    expect(occurrences(logLines(console.line.text), 'Booting printkit')).toBe(1);
  });
});

describe('a flood by a CPU that nothing stops', () => {
  const TOO_MANY =
    'Too many dropped messages. Suppress messages on non-panic CPUs to prevent livelock.';

  it.each([
    ['handover', 1],
    ['kthread', 1],
    ['relay', 1],
    // Who panics does not let the others say anything from the beginning.
    ['nbcon', 0],
  ])('%s: the flood is suppressed, and %i line says so', (emit, times) => {
    const console = boot(elf, `${pairArguments('lockless', emit)} log_buf_len=4K panic=-1`, 2);
    console.type('run panic-flood\r');
    expect(console.finish()).toEqual({ kind: 'reboot' });
    const lines = logLines(console.line.text);
    expect(occurrences(lines, TOO_MANY)).toBe(times);
    expect(occurrences(lines, 'SMP: failed to stop secondary CPUs')).toBe(1);
    expect(lines.at(-1)).toContain(END);
  });
});
