// What the kernel costs in instructions, by the machine's exact counts: a switch of tasks, a wakeup,
// the tty path at 115200 baud, and a stress run. For the tests of the limits and for the benchmark.

import { readElf } from '../../src/debug/elf.ts';
import { Symbolizer } from '../../src/debug/symbolizer.ts';
import { Console, PROMPT } from '../firmware/console.ts';

const MS = 1_000_000;
const RA = 1;
const SP = 2;
const A0 = 10;
const BAUD = 115_200;
const FRAME_NS = (10 * 1e9) / BAUD;

/** Limits, in instructions, of what is measured here. */
export const SWITCH_MAX = 600;
export const WAKEUP_MAX = 400;
/** Share of the time in which the wire carries a character; share of a hart's instructions. */
export const BUSY_MIN = 0.99;
export const SHARE_MAX = 0.06;

/** Runs one self test on one hart with the trace hook of `watch`. */
function traceSelfTest(
  elf: Uint8Array,
  name: string,
  watch: (symbolizer: Symbolizer) => Console['machine']['trace'],
): void {
  const console = new Console(elf, { harts: 1 });
  console.waitFor(PROMPT);
  const from = console.text.length;
  console.machine.trace = watch(new Symbolizer(readElf(elf)));
  console.type(`run selftest 1 ${name}\r`);
  console.waitFor(`\nok 1 - ${name}\n`, from);
  console.machine.trace = undefined;
}

/**
 * Instructions of each switch between two threads: from the first instruction of schedule() in one to
 * the one that it returns to in the other. Switches into which an interrupt fell don't count.
 */
export function switchCosts(elf: Uint8Array): number[] {
  const costs: number[] = [];
  traceSelfTest(elf, 'cost of a switch', (symbolizer) => {
    const [schedule, trap] = ['schedule', 'trap_entry'].map((name) => symbolizer.address(name));
    /** By stack pointer: where schedule() returns to. */
    const sleeping = new Map<number, number>();
    let left: { sp: number; instret: number } | undefined;
    return ({ pc, x, instret }) => {
      const sp = x[SP] >>> 0;
      const at = pc >>> 0;
      if (at === trap) left = undefined;
      else if (at === schedule) {
        sleeping.set(sp, x[RA] >>> 0);
        left = { sp, instret };
      } else if (sleeping.get(sp) === at) {
        sleeping.delete(sp);
        if (left && left.sp !== sp) costs.push(instret - left.instret);
        left = undefined;
      }
    };
  });
  return costs;
}

/**
 * Instructions of each try_to_wake_up() that woke a task on its own CPU, from its first to its last.
 * Calls into which an interrupt fell don't count.
 */
export function wakeupCosts(elf: Uint8Array): number[] {
  const costs: number[] = [];
  traceSelfTest(elf, 'cost of a wakeup', (symbolizer) => {
    const [wake, trap] = ['try_to_wake_up', 'trap_entry'].map((name) => symbolizer.address(name));
    let call: { ra: number; sp: number; instret: number } | undefined;
    return ({ pc, x, instret }) => {
      const at = pc >>> 0;
      if (at === trap) call = undefined;
      else if (at === wake) call = { ra: x[RA] >>> 0, sp: x[SP] >>> 0, instret };
      else if (at === call?.ra && x[SP] >>> 0 === call.sp) {
        if (x[A0] === 1) costs.push(instret - call.instret);
        call = undefined;
      }
    };
  });
  return costs;
}

export interface WireCost {
  readonly characters: number;
  /** Share of the time in which the wire carried a character. */
  readonly busy: number;
  /** Share of one hart's instructions, everything that ran included. */
  readonly share: number;
}

function wireCost(console: Console, measured: () => number): WireCost {
  const { machine } = console;
  const before = { ns: machine.now, instret: machine.instret };
  const characters = measured();
  const ns = machine.now - before.ns;
  return {
    characters,
    busy: (characters * FRAME_NS) / ns,
    share: ((machine.instret - before.instret) * machine.nsPerInstruction) / ns,
  };
}

/** A task writes lines to the tty, faster than the wire. One hart, a 16550A. */
export function transmitCost(elf: Uint8Array): WireCost {
  const console = new Console(elf, { harts: 1 });
  console.waitFor(PROMPT);
  console.type('fill 400\r');
  console.waitFor('line    20 ');
  return wireCost(console, () => {
    const before = console.line.transmitted.length;
    console.waitFor('line   380 ');
    return console.line.transmitted.length - before;
  });
}

/** A task reads what comes in at the speed of the line. One hart, a 16550A. */
export function receiveCost(elf: Uint8Array, characters = 20_000): WireCost {
  const console = new Console(elf, { harts: 1 });
  console.waitFor(PROMPT);
  console.type(`sink ${characters}\r`);
  console.waitFor('sink: ready\n');
  console.runFor(20 * MS);
  const cost = wireCost(console, () => {
    console.line.send(Array.from({ length: characters }, (_, i) => 0x20 + (i % 95)));
    const [uart] = console.machine.uarts;
    while (console.line.unsent > 0 || uart.receivePending > 0) console.runFor(MS);
    return characters;
  });
  console.waitFor(`sink: ${characters} bytes`);
  return cost;
}

export interface StressRun {
  /** What the command printed. */
  readonly output: string;
  /** All that was printed, byte by byte. */
  readonly bytes: string;
  readonly instret: readonly number[];
  readonly now: number;
}

/** Ten threads on four harts for so many virtual seconds, under watchdogs that are quick to bark. */
export function stress(elf: Uint8Array, seconds: number): StressRun {
  const bootargs = 'watchdog_thresh=1 hung_task_timeout=2';
  const console = new Console(elf, { harts: 4, bootargs }, (seconds + 20) * 1000 * MS);
  const output = console.command(`stress 10 ${seconds}`);
  return {
    output,
    bytes: console.line.text,
    instret: console.machine.harts.map((hart) => hart.instret),
    now: console.machine.now,
  };
}
