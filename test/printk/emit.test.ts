// Every pair of store and emitter boots on four harts and prints, from tasks, interrupts and NMIs, each
// record once and in the order of the log; and powers off with nothing left unsaid.

import { beforeAll, describe, expect, it } from 'vitest';
import { buildImage } from '../firmware/console.ts';
import { boot, dmesg, logLines, occurrences, PAIRS, pairArguments, settle } from './guest.ts';

let elf: Uint8Array;
beforeAll(async () => {
  elf = await buildImage();
}, 120_000);

const MS = 1_000_000;

describe.each(PAIRS)('%s + %s', (store, emit) => {
  it('prints each record once, in order, whoever logs it, and powers off', () => {
    const console = boot(elf, pairArguments(store, emit));
    expect(console.command('printk')).toContain(`store ${store}, emitter ${emit}\n`);
    console.command('log from a task');
    settle(console);
    // A sysrq key is handled in the UART's interrupt.
    console.line.sendBreak(2 * MS);
    console.line.send('h');
    console.waitFor('sysrq: HELP');
    // An emergency in the middle of a record would have it printed again: nbcon.test.ts.
    settle(console);
    console.machine.raiseNmi(2, 7);
    console.waitFor('NMI received for reason 7 on CPU 2');
    settle(console);

    const wire = logLines(console.line.text);
    expect(wire).toEqual(dmesg(console));
    expect(occurrences(wire, 'from a task')).toBe(1);
    expect(console.command('printk')).toMatch(
      /called from task \d+ softirq \d+ irq [1-9]\d* nmi [1-9]/,
    );
    expect(console.command('consoles')).toMatch(/^ttyS0 .* 0 behind\n$/);

    console.type('poweroff\r');
    expect(console.finish()).toEqual({ kind: 'exit', code: 0 });
    expect(logLines(console.line.text).at(-1)).toContain('reboot: Power down');
  });
});
