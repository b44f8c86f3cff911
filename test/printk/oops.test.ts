// An oops inside of printk(), with the store's lock held: who reports it comes into the store again. logbuf,
// and safe with it, break the lock for that; the others have none.

import { beforeAll, expect, it } from 'vitest';
import { readElf } from '../../src/debug/elf.ts';
import type { Hart } from '../../src/machine/hart.ts';
import { buildImage } from '../firmware/console.ts';
import { STORES, boot, pairArguments } from './guest.ts';

let elf: Uint8Array;
beforeAll(async () => {
  elf = await buildImage();
}, 120_000);

/** The shell says something, and loses its way when the text is to be formatted. Returns the console. */
function oops(store: string): string {
  const console = boot(elf, pairArguments(store, 'direct'), 1);
  const { symbols } = readElf(elf);
  const watch = (name: string, reached: (hart: Hart) => void) =>
    console.machine.watch(symbols.find((each) => each.name === name)?.address ?? 0, reached);
  let storing = false;
  watch('vprintk_store', () => (storing = true));
  const end = watch('vsnprintf', (hart) => {
    if (!storing) return;
    hart.pc = 8;
    end();
  });
  console.type('log 4 last words\r');
  expect(console.finish().kind).toBe('stuck');
  return console.text;
}

it.each([...STORES, 'spill'])('is reported with the store %s', (store) => {
  const text = oops(store);
  expect(text).toContain('[<00000008>] 0x8\n');
  expect(text).toMatch(/end Kernel panic - not syncing: Attempted to kill init! \]---\s*$/);
});
