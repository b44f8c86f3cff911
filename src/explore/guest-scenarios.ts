// The scenarios that the guest at the far end of a line knows, asked for in its shell: for telling a
// scenario that is misspelt from one that does not begin.

import { nearestNames } from '../debug/symbolizer.ts';
import type { Wire } from '../lines/wire.ts';
import type { Machine } from '../machine/machine.ts';

/** Longest that the list takes, virtual ns. */
const LIST_NS = 1_000_000_000;
/** A line of the list: a name, what it is. */
const ENTRY = /^ {2}(\S+) +\S/;

/** What is wrong with the name of a scenario; undefined if the guest has it, or does not answer. */
export function misnamed(machine: Machine, wire: Wire, scenario: string): string | undefined {
  const [name] = scenario.split(' ');
  const before = wire.lines.length;
  if (machine.stopped !== undefined) return undefined;
  wire.type('list\r');
  machine.run(machine.now + LIST_NS);
  const names = wire.lines.slice(before).flatMap(({ text }) => ENTRY.exec(text)?.[1] ?? []);
  if (names.length === 0 || names.includes(name)) return undefined;
  const near = nearestNames(name, names);
  const hint =
    near.length > 0 ? `did you mean ${near.join(', ')}?` : `it has ${names.sort().join(', ')}`;
  return `the guest has no scenario '${name}'; ${hint}`;
}
