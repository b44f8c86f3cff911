// Runs one scenario of the guest on the machine, with a line script as the far end, and tells where it
// got to and, if it hangs, where each hart is.

import type { Uart8250Fault } from '../../devices/uart8250/index.ts';
import { readElf } from '../../src/debug/elf.ts';
import { Symbolizer } from '../../src/debug/symbolizer.ts';
import { unwind } from '../../src/debug/unwind.ts';
import { followSymbols, LineScript, parseLineScript } from '../../src/lines/line-script.ts';
import type { Hart } from '../../src/machine/hart.ts';
import { Console, PROMPT } from '../firmware/console.ts';

const MS = 1_000_000;
/** Longer than any scenario takes to set up, and than its interesting part takes if it does not hang. */
const SETUP_MS = 300;
const REGION_MS = 400;
/** How far a hart runs until it must be in its lock's loop again. */
const SPIN_MS = 20;

export interface ScenarioOptions {
  /** The far end: the text of a line script. */
  script?: string;
  bootargs?: string;
  harts?: number;
  /** A defect of the UART. */
  fault?: Uart8250Fault;
  /** What comes behind the name in the run command. */
  args?: string;
}

/** The lock that a hart waits for. */
export interface SpinningHart {
  /** Class name of the lock. */
  readonly lock: string;
  /** Hart that holds it. */
  readonly owner: number;
  /** Names of the functions, innermost first. */
  readonly trace: readonly string[];
}

export interface ScenarioResult {
  readonly begun: boolean;
  readonly ended: boolean;
  readonly text: string;
  readonly console: Console;
  /** Harts that spin in spin_lock(), by number. */
  readonly spinning: ReadonlyMap<number, SpinningHart>;
}

export function runScenario(
  elf: Uint8Array,
  name: string,
  { script = '', bootargs = '', harts = 2, fault, args = '' }: ScenarioOptions = {},
): ScenarioResult {
  const console = new Console(elf, { harts, bootargs, uarts: [fault ? { fault } : {}] });
  const { machine } = console;
  const symbolizer = new Symbolizer(readElf(elf));
  console.waitFor(PROMPT);
  const events = parseLineScript(script, 'script', machine.uarts.length);
  const play = new LineScript(events, machine.clock, machine.uarts);
  followSymbols(play, machine, (symbol) => symbolizer.find(symbol)?.address, 'script');
  const begun = follow(machine, symbolizer, 'scenario_begin');
  const from = console.text.length;
  console.type(`run ${name}${args === '' ? '' : ` ${args}`}\r`);
  const setUp = machine.now + SETUP_MS * MS;
  while (machine.now < setUp && !begun.reached) console.runFor(MS);
  machine.trace = undefined;
  // The last thing that scenarios do, right after scenario_end().
  const verdict = new RegExp(`scenario ${name}: (PASS|FAIL)$`, 'm');
  const text = () => console.text.slice(from);
  const over = machine.now + REGION_MS * MS;
  while (begun.reached && machine.now < over && !verdict.test(text())) console.runFor(MS);
  const ended = verdict.test(text());
  if (ended) console.waitFor(PROMPT, from);
  return {
    begun: begun.reached,
    ended,
    text: text(),
    console,
    spinning: spinningHarts(console, symbolizer),
  };
}

/** Notes when a hart comes to a symbol, by the trace hook; whoever had that before still has it. */
function follow(
  machine: Console['machine'],
  symbolizer: Symbolizer,
  symbol: string,
): { readonly reached: boolean } {
  const seen = { reached: false };
  const address = symbolizer.address(symbol);
  const before = machine.trace;
  machine.trace = (hart) => {
    before?.(hart);
    if (hart.pc >>> 0 === address) seen.reached = true;
  };
  return seen;
}

/** The harts that are in spin_lock() now and, having taken no step further, some time later. */
function spinningHarts(console: Console, symbolizer: Symbolizer): Map<number, SpinningHart> {
  const { machine } = console;
  const look = (hart: Hart) => {
    const frames = unwind(hart, machine, symbolizer);
    return frames.map(({ site }) => symbolizer.lookup(site)?.name ?? '?');
  };
  const where = () => machine.harts.map((hart) => look(hart).join(' '));
  const before = where();
  console.runFor(SPIN_MS * MS);
  const after = where();
  const found = new Map<number, SpinningHart>();
  for (const hart of machine.harts) {
    const trace = look(hart);
    const inLock = trace[0] === 'spin_lock' || trace[0] === 'spin_lock_irqsave';
    if (!inLock || before[hart.id] !== after[hart.id]) continue;
    const lock = lockOf(console, hart, symbolizer);
    if (lock) found.set(hart.id, { ...lock, trace });
  }
  return found;
}

/** Of the registers of a hart in spin_lock(), the one that points to a lock of the guest's list. */
function lockOf(
  { machine }: Console,
  hart: Hart,
  symbolizer: Symbolizer,
): { lock: string; owner: number } | undefined {
  const word = (address: number): number => {
    const bytes = machine.readMemory(address >>> 0, 4);
    return new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
  };
  const locks = new Set<number>();
  // lock_list: each lock's `next` is its fifth word; the last one has 1 there.
  for (let at = word(symbolizer.address('lock_list')); at > 1; at = word(at + 16)) locks.add(at);
  const address = [...hart.x].map((x) => x >>> 0).find((x) => locks.has(x));
  if (address === undefined) return undefined;
  return { lock: guestString(word(address + 8), machine, word), owner: word(address + 4) - 1 };
}

/** A string literal of the guest: UTF-16, its length in bytes in the word in front. */
function guestString(
  address: number,
  machine: Console['machine'],
  word: (address: number) => number,
): string {
  const bytes = machine.readMemory(address, word(address - 4));
  return new TextDecoder('utf-16le').decode(bytes);
}
