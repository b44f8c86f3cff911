// Boots a guest up to the prompt of its shell.

import type { Machine } from '../machine/machine.ts';
import type { Wire } from './wire.ts';

export const PROMPT = 'printkit# ';
/** So long without a character: it has nothing more to say for now. */
const SETTLE_NS = 50_000_000;
/** Longest boot. */
const BOOT_NS = 5_000_000_000;

/**
 * Runs until the shell has its prompt and the console has caught up; false if that does not happen. Log
 * lines may come behind the prompt.
 */
export function bootToPrompt(machine: Machine, wire: Wire): boolean {
  const prompted = () =>
    wire.unfinished.includes(PROMPT) || wire.lines.some(({ text }) => text.includes(PROMPT));
  for (let characters = -1; !prompted() || wire.count !== characters;) {
    characters = wire.count;
    const stop = machine.run(machine.now + SETTLE_NS);
    if (stop.kind !== 'time' || machine.now > BOOT_NS) return false;
  }
  return true;
}
