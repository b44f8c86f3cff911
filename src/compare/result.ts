// A recorded run as figures: one row of the comparison, plain data that goes through JSON unchanged.

import { account, LOSSES, type Loss, type MessageFate } from './account.ts';
import type { Design } from './designs.ts';
import type { Recording } from './pair.ts';
import { PHASES } from './probe.ts';
import { type Quantiles, quantiles } from './quantiles.ts';
import type { StuckHart } from './stuck.ts';

/** Where the messages are that had been said by some moment. */
export interface Whereabouts {
  readonly said: number;
  readonly onWire: number;
  /** Only in memory: a crash dump has them, the far end of the line does not. */
  readonly inMemory: number;
  readonly nowhere: number;
}

export interface DesignResult {
  readonly name: string;
  readonly bootargs: string;
  readonly ending: 'done' | 'hang' | 'late';
  /** The phase in which it hung or came to no end. */
  readonly phase: string | undefined;
  readonly stuck: readonly StuckHart[];
  /** Virtual time that the workload took, µs. */
  readonly virtualUs: number;
  /** What a printk() costs its caller, in instructions, by context. */
  readonly cost: Readonly<Record<'all' | 'task' | 'irq' | 'nmi', Quantiles | undefined>>;
  /** How long the caller waits for its return, µs. */
  readonly callUs: Quantiles | undefined;
  /** Stretches with interrupts off inside of printk or console, µs. */
  readonly irqOffUs: Quantiles | undefined;
  /** From the call of printk() to the last stop bit of the line, µs; and of the phase without haste. */
  readonly wireUs: Quantiles | undefined;
  readonly leisureUs: Quantiles | undefined;
  readonly said: number;
  readonly lost: Readonly<Record<Loss, number>>;
  readonly repeated: number;
  readonly outOfStream: number;
  readonly outOfOrder: number;
  /** Records of the log in memory at the end; undefined if no crash tool could have read it. */
  readonly recordsInMemory: number | undefined;
  /** When panic() was called or, if it never was, when it hung. */
  readonly atCrash: Whereabouts;
  /** When the machine was reset. */
  readonly atReset: Whereabouts;
}

const US = 1000;
const LEISURE = PHASES.indexOf('leisure');

/**
 * What panic() itself costs is not counted, and it has interrupts off anyway.
 * @param memory texts of the records in memory at the end; undefined if the log could not be read
 */
export function resultOf(
  { name, bootargs }: Design,
  { ending, probe, lines, machine, ns }: Recording,
  memory: readonly string[] | undefined,
): DesignResult {
  const { fates, repeated, outOfStream, outOfOrder } = account(probe.calls, lines, memory);
  const crashNs = probe.panicNs ?? machine.now;
  const returned = fates
    .map(({ call }) => call)
    .filter((call) => (call.returnNs ?? Infinity) <= crashNs);
  const cost = (context?: string) =>
    quantiles(
      returned
        .filter((call) => context === undefined || call.context === context)
        .flatMap(({ instructions }) => instructions ?? []),
    );
  const micros = (values: readonly number[]) => quantiles(values.map((value) => value / US));
  const lossCount = (loss: Loss) => fates.filter((fate) => fate.loss === loss).length;
  const wireUs = (among: readonly MessageFate[]) =>
    micros(
      among.flatMap(({ call, wireNs }) => (wireNs === undefined ? [] : wireNs - call.enterNs)),
    );
  return {
    name,
    bootargs,
    ending: ending.kind,
    phase: ending.kind === 'done' ? undefined : PHASES[ending.phase],
    stuck: ending.kind === 'hang' ? ending.harts : [],
    virtualUs: ns / US,
    cost: { all: cost(), task: cost('task'), irq: cost('irq'), nmi: cost('nmi') },
    callUs: micros(returned.map(({ enterNs, returnNs }) => (returnNs ?? enterNs) - enterNs)),
    irqOffUs: micros(
      probe.irqOff.filter(({ endNs }) => endNs <= crashNs).map((stretch) => stretch.ns),
    ),
    wireUs: wireUs(fates),
    leisureUs: wireUs(fates.filter(({ call }) => call.phase === LEISURE)),
    said: fates.length,
    lost: Object.fromEntries(LOSSES.map((loss) => [loss, lossCount(loss)])) as Record<Loss, number>,
    repeated,
    outOfStream,
    outOfOrder,
    recordsInMemory: memory?.length,
    atCrash: whereabouts(fates, crashNs),
    atReset: whereabouts(fates, Infinity),
  };
}

/** What is only on the wire later counts as in memory, as do records that nothing lost by then. */
function whereabouts(fates: readonly MessageFate[], atNs: number): Whereabouts {
  const said = fates.filter(({ call }) => call.enterNs < atNs);
  const onWire = said.filter(({ wireNs }) => wireNs !== undefined && wireNs <= atNs).length;
  const nowhere = said.filter(({ loss }) => loss !== undefined && loss !== 'memory').length;
  return { said: said.length, onWire, inMemory: said.length - onWire - nowhere, nowhere };
}
