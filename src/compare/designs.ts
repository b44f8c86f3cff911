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

/** What the kernel command line says for a design, and the values that the firmware knows. */
const PARAMETERS = new Map<string, readonly string[]>([
  ['printk', PRESETS],
  ['printk.store', [...STORES, OWN_STORE]],
  ['printk.emit', [...EMITTERS, OWN_EMITTER]],
]);

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

/**
 * The firmware takes a default for what it does not know, and says so in its log only.
 * @throws PrintkitError when a kernel command line asks for a design that does not exist
 */
export function checkDesign(bootargs: string): void {
  for (const word of bootargs.split(/\s+/)) {
    const [name, value = ''] = word.split('=', 2);
    const known = PARAMETERS.get(name);
    if (known === undefined || known.includes(value)) continue;
    throw new PrintkitError(`${name}: there is no "${value}", only ${known.join(', ')}`);
  }
}

/** @throws PrintkitError when there is no such pair */
export function pairNamed(name: string): Design {
  const [store = '', emit = ''] = name.split('+');
  const stores = PARAMETERS.get('printk.store') ?? [];
  const emitters = PARAMETERS.get('printk.emit') ?? [];
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
