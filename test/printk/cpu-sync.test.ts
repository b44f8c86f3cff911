// printk_cpu_sync: backtraces that several CPUs show at the same time stand one behind the other.

import { beforeAll, expect, it } from 'vitest';
import { buildImage } from '../firmware/console.ts';
import { boot, pairArguments } from './guest.ts';

let elf: Uint8Array;
beforeAll(async () => {
  elf = await buildImage();
}, 120_000);

it.each([
  ['lockless', 'kthread'],
  ['percpu', 'nbcon'],
])('sysrq l with %s and %s', (store, emit) => {
  const console = boot(elf, `${pairArguments(store, emit)} quiet printk.caller=1`, 4);
  const from = console.line.text.length;
  console.type('sysrq l\r');
  console.runFor(2_000_000_000);
  const said = console.line.text.slice(from).matchAll(/\]\[ *([TC]\d+)\] (.*)\r\n/g);
  const nmis = [...said].filter(([, caller = '']) => caller.startsWith('C'));
  const callers = nmis.map(([, caller]) => caller);
  const turns = callers.filter((caller, i) => caller !== callers[i - 1]);
  expect([...turns].sort()).toEqual(['C1', 'C2', 'C3']);
  for (const cpu of [1, 2, 3]) {
    const shown = nmis.filter(([, caller]) => caller === `C${cpu}`).map(([, , text]) => text);
    expect(shown[0]).toBe(`NMI backtrace for cpu ${cpu}`);
    expect(shown).toContain('Call Trace:');
  }
});
