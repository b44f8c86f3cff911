// The designs of printk that can be compared: every store with every emitter, and the presets.

import { PrintkitError } from '../errors.ts';

/** Where a record is stored (`printk.store=`). */
export const STORES = ['logbuf', 'safe', 'percpu', 'lockless'] as const;
/** Who puts it on the wire, and when (`printk.emit=`). */
export const EMITTERS = ['direct', 'handover', 'deferred', 'kthread', 'nbcon'] as const;
/** Our own, which can be named like the others and are not among those compared unasked. */
const OWN_STORE = 'spill';
const OWN_EMITTER = 'relay';
/** Historical pairs and one of our own, by name (`printk=`). */
export const PRESETS = ['2016', 'safe-v3', '5.10', 'petr', 'peterz', 'nbcon', 'printkit'] as const;

/** One way to boot the firmware. */
export interface Design {
  /** `lockless+kthread`, or the preset's name. */
  readonly name: string;
  /** What the kernel command line says for it. */
  readonly bootargs: string;
}

const pair = (store: string, emit: string): Design => ({
  name: `${store}+${emit}`,
  bootargs: `printk.store=${store} printk.emit=${emit}`,
});

export const PAIRS: readonly Design[] = STORES.flatMap((store) =>
  EMITTERS.map((emit) => pair(store, emit)),
);

export const PRESET_DESIGNS: readonly Design[] = PRESETS.map((preset) => ({
  name: preset,
  bootargs: `printk=${preset}`,
}));

/** @throws PrintkitError when there is no such pair */
export function pairNamed(name: string): Design {
  const [store = '', emit = ''] = name.split('+');
  const stores: readonly string[] = [...STORES, OWN_STORE];
  const emitters: readonly string[] = [...EMITTERS, OWN_EMITTER];
  const found = pair(store, emit);
  if (stores.includes(store) && emitters.includes(emit) && found.name === name) return found;
  throw new PrintkitError(
    `--pair: "${name}" is not STORE+EMITTER: stores are ${stores.join(', ')}; ` +
      `emitters are ${emitters.join(', ')}`,
  );
}

/** @throws PrintkitError when there is no such preset */
export function presetNamed(name: string): Design {
  const found = PRESET_DESIGNS.find((preset) => preset.name === name);
  if (found !== undefined) return found;
  throw new PrintkitError(`--preset: there is no "${name}", only ${PRESETS.join(', ')}`);
}
