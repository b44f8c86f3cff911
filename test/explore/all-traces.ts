// Numbers of traces by plain enumeration, for searches to be compared with: all interleavings of a toy
// program, and for each trace the fewest preemptions that an interleaving of it takes. Shares nothing with
// the searches: a trace is told by which reads and writes of each word came after which write.

import type { AgentId } from '../../src/explore/model.ts';
import { Toy, type Program } from './toy.ts';

/** Accesses to a word: who wrote in which order, and who read in between, sorted. */
type History = readonly { readonly writer: string; readonly readers: readonly string[] }[];

interface Prefix {
  readonly schedule: readonly AgentId[];
  readonly histories: ReadonlyMap<number, History>;
  readonly last: AgentId | undefined;
  readonly preemptions: number;
}

const START = { writer: 'start', readers: [] };

/** For each trace, as a text, whether it ends in a deadlock, and the fewest preemptions. */
export function allTraces(
  program: Program,
): Map<string, { deadlock: boolean; preemptions: number }> {
  const found = new Map<string, { deadlock: boolean; preemptions: number }>();
  const toy = new Toy(program); // one for all: it numbers words as it comes to them
  const start = toy.mark();
  let prefixes: Iterable<Prefix> = [
    { schedule: [], histories: new Map(), last: undefined, preemptions: 0 },
  ];
  for (;;) {
    // Prefixes of one length that are equal but for the order of independent steps go on alike.
    const longer = new Map<string, Prefix>();
    for (const prefix of prefixes) {
      toy.rewind(start);
      for (const agent of prefix.schedule) toy.step(agent);
      const at = toy.mark();
      const enabled = toy.enabled();
      if (enabled.length === 0) {
        const key = textOf(prefix.histories);
        const preemptions = Math.min(
          prefix.preemptions,
          found.get(key)?.preemptions ?? prefix.preemptions,
        );
        found.set(key, { deadlock: toy.ending()?.kind !== 'done', preemptions });
      }
      for (const agent of enabled) {
        const next = extended(toy, prefix, agent, enabled);
        toy.rewind(at);
        const key = `${textOf(next.histories)} ${next.last}`;
        const known = longer.get(key);
        if (known === undefined || next.preemptions < known.preemptions) longer.set(key, next);
      }
    }
    if (longer.size === 0) return found;
    prefixes = longer.values();
  }
}

function extended(
  toy: Toy,
  { schedule, histories, last, preemptions }: Prefix,
  agent: AgentId,
  enabled: readonly AgentId[],
): Prefix {
  const own = schedule.filter((earlier) => earlier === agent).length;
  const name = `${agent}.${own}`;
  const after = new Map(histories);
  for (const { address, kind } of toy.step(agent).accesses) {
    const history = after.get(address) ?? [START];
    const { writer, readers } = history[history.length - 1];
    after.set(
      address,
      kind === 'write'
        ? [...history, { writer: name, readers: [] }]
        : [...history.slice(0, -1), { writer, readers: [...readers, name].sort() }],
    );
  }
  const preempts = last !== undefined && last !== agent && enabled.includes(last);
  return {
    schedule: [...schedule, agent],
    histories: after,
    last: agent,
    preemptions: preemptions + (preempts ? 1 : 0),
  };
}

const textOf = (histories: ReadonlyMap<number, History>): string =>
  [...histories]
    .map(([address, history]) => {
      const texts = history.map(({ writer, readers }) => `${writer}(${readers.join()})`);
      return `${address}:${texts.join()}`;
    })
    .sort()
    .join(' ');
