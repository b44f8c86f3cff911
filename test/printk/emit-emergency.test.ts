// Reports that must be seen, with every emitter: WARN in each context, BUG and oops in a task and where they
// end in a panic. And going down: what each emitter still prints at sysrq o and b.

import { beforeAll, describe, expect, it } from 'vitest';
import { buildImage, type Console } from '../firmware/console.ts';
import { boot, EMITTERS, logLines, occurrences, pairArguments, settle } from './guest.ts';

let elf: Uint8Array;
beforeAll(async () => {
  elf = await buildImage();
}, 120_000);

const MS = 1_000_000;
const LONG = 'x'.repeat(200);

describe.each(EMITTERS)('%s', (emit) => {
  it('WARN in all contexts, BUG and oops in a task reach the wire, and are counted', () => {
    const console = boot(elf, pairArguments('lockless', emit), 2);
    const wire = (): string[] => logLines(console.line.text);
    const reported = (command: string): void => {
      console.command(command);
      settle(console);
    };
    for (const context of ['task', 'softirq', 'irq', 'nmi']) reported(`warn ${context}`);
    expect(occurrences(wire(), '] WARNING: warn command')).toBe(4);
    expect(occurrences(wire(), '] ---[ end trace ]---')).toBe(4);
    reported('bug');
    expect(occurrences(wire(), '] BUG: bug command')).toBe(1);
    expect(occurrences(wire(), '] ---[ end trace ]---')).toBe(5);
    reported('oops');
    expect(occurrences(wire(), '] Oops - load access fault [#2]')).toBe(1);
    expect(console.command('printk')).toMatch(/ emergencies 6$/m);
    expect(console.command('echo alive')).toBe('alive\n');
  });

  it.each(['bug irq', 'bug nmi', 'oops irq', 'oops nmi'])('%s ends in a panic', (command) => {
    const console = boot(elf, pairArguments('lockless', emit), 2);
    console.type(`log first ${LONG}\r${command}\r`);
    expect(console.finish().kind).toBe('stuck');
    const lines = logLines(console.line.text);
    expect(lines.filter((line) => line.endsWith(LONG)).length).toBeGreaterThanOrEqual(1);
    const what = command.startsWith('bug') ? 'BUG: bug command' : 'Oops - load access fault [#1]';
    expect(occurrences(lines, what)).toBe(1);
    expect(lines.at(-1)).toContain(
      '---[ end Kernel panic - not syncing: Fatal exception in interrupt ]---',
    );
  });
});

describe('sysrq', () => {
  const sysrq = (console: Console, key: string): void => {
    console.line.sendBreak(2 * MS);
    console.line.send(key);
  };

  it.each(EMITTERS)('o: %s prints all that was logged before the power goes', (emit) => {
    const console = boot(elf, pairArguments('lockless', emit), 2);
    console.type(`log first ${LONG}\r`);
    while (!console.line.text.includes('] first x')) console.runFor(MS);
    sysrq(console, 'o');
    expect(console.finish()).toEqual({ kind: 'exit', code: 0 });
    const lines = logLines(console.line.text);
    expect(lines.filter((line) => line.endsWith(`] first ${LONG}`))).toHaveLength(1);
    expect(occurrences(lines, '] sysrq: Power Off')).toBe(1);
    expect(lines.at(-1)).toContain('] reboot: Power down');
  });

  // On a console where nobody prints: else who has it would have to.
  it.each([
    ['direct', 'says so'],
    ['handover', 'says so'],
    ['deferred', 'leaves that to others, who do not come to it'],
    ['kthread', 'leaves that to others, who do not come to it'],
    ['nbcon', 'leaves that to others, who do not come to it'],
    ['relay', 'leaves that to others, who do not come to it'],
  ])('b restarts at once: %s %s', (emit, what) => {
    const console = boot(elf, pairArguments('lockless', emit), 2);
    sysrq(console, 'b');
    expect(console.finish()).toEqual({ kind: 'reboot' });
    const said = console.line.text.includes('] sysrq: Resetting\r\n');
    expect(said).toBe(what === 'says so');
  });
});
