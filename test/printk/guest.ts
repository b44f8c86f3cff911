// Guests for the tests of printk: booted with given options, with a look at the lines of the log that
// have arrived on the wire.

import { Console, PROMPT } from '../firmware/console.ts';

export const STORES = ['logbuf', 'safe', 'percpu', 'lockless'] as const;
export const EMITTERS = ['direct', 'handover', 'deferred', 'kthread', 'nbcon', 'relay'] as const;

export const PAIRS = STORES.flatMap((store) => EMITTERS.map((emit) => [store, emit] as const));

export function pairArguments(store: string, emit: string): string {
  return `printk.store=${store} printk.emit=${emit}`;
}

/** Boots to the prompt, and lets everything arrive that was logged on the way. */
export function boot(elf: Uint8Array, bootargs: string, harts = 4): Console {
  const console = new Console(elf, { harts, bootargs });
  console.waitFor(PROMPT);
  settle(console);
  return console;
}

/**
 * Waits for what is on its way to the wire, and has the shell show a new prompt: the log may have
 * written over the old one.
 */
export function settle(console: Console): void {
  console.runFor(150_000_000);
  console.type('\r');
  console.runFor(10_000_000);
}

/** Lines of the log, with their time stamps, wherever in a line of the terminal they begin. */
export function logLines(text: string): string[] {
  return text.match(/\[ *\d+\.\d{6}\] [^\r\n]*/g) ?? [];
}

/** What the guest has in its log, as dmesg shows it. */
export function dmesg(console: Console): string[] {
  const from = console.line.text.length;
  console.command('dmesg');
  return logLines(console.line.text.slice(from));
}

export function occurrences(lines: readonly string[], text: string): number {
  return lines.filter((line) => line.includes(text)).length;
}
