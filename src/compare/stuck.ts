// Where a guest hangs: the harts that run in circles, the lock that each waits for, and by which calls.
// Harts that sleep for ever are not told apart from those that have nothing to do.

import { GuestLocks } from '../debug/guest-locks.ts';
import type { Symbolizer } from '../debug/symbolizer.ts';
import { unwind } from '../debug/unwind.ts';
import type { Hart } from '../machine/hart.ts';
import type { Machine } from '../machine/machine.ts';

/** A hart that gets no further. */
export interface StuckHart {
  readonly hart: number;
  /** Name of the lock that it waits for, if that is what it waits for, and the hart that holds it. */
  readonly lock: string | undefined;
  readonly owner: number | undefined;
  /** Names of the functions, innermost first. */
  readonly trace: readonly string[];
}

const SAMPLES = 5;
/** Time between samples: nothing that ends of itself stays in one place for so long. */
const SAMPLE_NS = 4_000_000;
/** Who spins elsewhere waits for something that is no lock: a sequence count, a console's owner. */
const LOCK_FUNCTIONS: ReadonlySet<string> = new Set([
  'spin_lock',
  'read_lock',
  'write_lock',
  'printk_cpu_sync_wait',
]);
const NO_LOCK = { lock: undefined, owner: undefined };

/** Runs the machine on for a while; harts that stay at the same place all the time, and do not sleep. */
export function stuckHarts(machine: Machine, symbolizer: Symbolizer): StuckHart[] {
  const samples = Array.from({ length: SAMPLES }, (_, i) => {
    if (i > 0) machine.run(machine.now + SAMPLE_NS);
    return machine.harts.map((hart) =>
      hart.waiting ? undefined : trace(machine, hart, symbolizer),
    );
  });
  const locks = new GuestLocks(machine, symbolizer);
  return machine.harts.flatMap((hart) => {
    const [first, ...others] = samples.map((sample) => sample[hart.id]);
    if (first === undefined || others.some((other) => !sameSpin(first, other))) return [];
    const now = trace(machine, hart, symbolizer);
    const lock = now.slice(0, 2).some((name) => LOCK_FUNCTIONS.has(name))
      ? locks.waitedFor(hart)
      : NO_LOCK;
    return [{ hart: hart.id, ...lock, trace: now }];
  });
}

/** A loop may call something and come back: the innermost function may differ. */
function sameSpin(a: readonly string[], b: readonly string[] | undefined): boolean {
  if (b === undefined) return false;
  const outer = Math.min(a.length, b.length) - 1;
  if (Math.abs(a.length - b.length) > 1 || outer < 1) return a.join() === b.join();
  return a.slice(-outer).join() === b.slice(-outer).join();
}

function trace(machine: Machine, hart: Hart, symbolizer: Symbolizer): string[] {
  return unwind(hart, machine, symbolizer).map(({ site }) => symbolizer.lookup(site)?.name ?? '?');
}
