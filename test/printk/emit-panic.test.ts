// A panic, in every pair of store and emitter, with the log behind: everything that was logged before is
// on the wire when the machine stands still, from task, interrupt and NMI context.

import { beforeAll, describe, expect, it } from 'vitest';
import { buildImage } from '../firmware/console.ts';
import { boot, logLines, occurrences, PAIRS, pairArguments } from './guest.ts';

let elf: Uint8Array;
beforeAll(async () => {
  elf = await buildImage();
}, 120_000);

/** Longer than the transmitter takes to send it before the panic comes. */
const LONG = 'x'.repeat(200);
const END = '---[ end Kernel panic - not syncing: ';

describe.each(PAIRS)('%s + %s', (store, emit) => {
  it('says all that was logged, why it panics, and stands still', () => {
    const console = boot(elf, pairArguments(store, emit), 2);
    console.type(`log first ${LONG}\rlog second\rpanic irq\r`);
    console.waitFor(END);
    expect(console.finish().kind).toBe('stuck');

    const lines = logLines(console.line.text);
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

describe.each(['direct', 'handover', 'deferred', 'kthread', 'nbcon', 'relay'])('%s', (emit) => {
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
