// Reports on small RV32 guests: explores one until something ends badly, or goes along a given schedule.

import { Symbolizer } from '../../src/debug/symbolizer.ts';
import { investigate } from '../../src/explore/investigate.ts';
import type { AgentId } from '../../src/explore/model.ts';
import { reportOf } from '../../src/explore/present.ts';
import { replay, turnsOf } from '../../src/explore/replay.ts';
import type { Report } from '../../src/explore/report.ts';
import { program, type Program, type ProgramOptions } from './programs.ts';

const RAM = 0x8000_0000;
const STEPS_MAX = 2000;

/** The symbols of a guest, as an ELF file would have them. */
export function symbolizerOf({ symbols }: Program): Symbolizer {
  const section = {
    name: '.text',
    address: RAM,
    size: 1 << 16,
    alloc: true,
    executable: true,
    writable: true,
    bytes: new Uint8Array(),
  };
  return new Symbolizer({
    name: 'guest',
    entry: RAM,
    segments: [],
    sections: [section],
    symbols: [...symbols]
      .filter(([, address]) => address >= RAM)
      .map(([name, address]) => ({ name, address, size: 0, type: 'none', global: true, section })),
  });
}

/** The report on the first execution that ends badly. */
export function reportOn(guest: Program): Report {
  const { machine, model } = guest;
  const result = investigate(model, {
    bounds: { preemptions: 2, irqs: 2, nmis: 1 },
    seed: 1,
    samples: 0,
    strategies: [],
    isSystematic: true,
    stepsMax: STEPS_MAX,
    prefixesMax: 100_000,
    stop: () => false,
    stopMinimising: () => false,
  });
  if (result.kind === 'covered') throw new Error('every execution ends well');
  return reportOf({ machine, model }, symbolizerOf(guest), result.small, STEPS_MAX, 'found');
}

/** The report on one execution, in which harts stop at accesses to these words. */
export function reportAlong(
  guest: Program,
  shared: readonly string[],
  schedule: readonly AgentId[],
  stepsMax: number,
): Report {
  const { machine, model } = guest;
  model.learn(
    [],
    shared.map((symbol) => ({ address: guest.at(symbol), bytes: 4 })),
  );
  model.restart();
  model.frozen = true;
  const found = replay(model, turnsOf(schedule), stepsMax);
  return reportOf({ machine, model }, symbolizerOf(guest), found, stepsMax, 'replayed');
}

/** Two harts of which each takes a lock of its own and then the other's; hart 0's second in a handler. */
export function deadlockThroughInterrupt(): Program {
  const task = `
    la t0, handler
    csrw mtvec, t0
    li t0, MSIE
    csrw mie, t0
    la s0, outer
    csrsi mstatus, MIE
    spin_lock s0
    spin_unlock s0
    csrci mstatus, MIE`;
  const other = `
    li t0, 1
    li t1, MSIP
    sw t0, (t1)
    la s0, inner
    la s1, outer
    spin_lock s0
    spin_lock s1
    spin_unlock s1
    spin_unlock s0`;
  const handler = `
    .balign 4
  handler:
    la s1, inner
    li t3, MSIP
    sw zero, (t3)
    spin_lock s1
    spin_unlock s1
    mret`;
  return program([task, other], { rest: `${handler}\n .data\n outer: .word 0\n inner: .word 0` });
}

/**
 * Hart 0 sends an interrupt and waits, with a lock, until the handler has run; hart 1, with interrupts
 * off, wants the lock.
 */
export function waitsForHandler(): Program {
  const caller = `
    la s0, lock
    la s1, done_flag
    spin_lock s0
    li t0, 1
    li t1, MSIP + 4
    sw t0, (t1)
  2: lw t0, (s1)
    beqz t0, 2b
    spin_unlock s0`;
  const called = `
    la t0, handler
    csrw mtvec, t0
    li t0, MSIE
    csrw mie, t0
    la s0, lock
    spin_lock s0
    spin_unlock s0
    csrsi mstatus, MIE
  3: j 3b`;
  const handler = `
    .balign 4
  handler:
    li t3, MSIP + 4
    sw zero, (t3)
    la t4, done_flag
    li t5, 1
    sw t5, (t4)
    mret`;
  return program([caller, called], {
    rest: `${handler}\n .data\n lock: .word 0\n done_flag: .word 0`,
    region: { ends: 'any' },
  });
}

/** Hart 0 spins for a flag that nobody sets. */
export function neverSignalled(): Program {
  const body = 'la s0, flag\n 1: lw t0, (s0)\n beqz t0, 1b';
  return program([body, 'la s0, flag\n lw t0, (s0)'], { rest: '.data\n flag: .word 0' });
}

/** Two polite harts: each says that it is there, and steps back if the other one is, too. */
export function politeHarts(): Program {
  const body = (own: string, other: string): string => `
    la s0, ${own}
    la s1, ${other}
    li t0, 1
  1: sw t0, (s0)
    lw t1, (s1)
    beqz t1, done
    sw zero, (s0)
    j 1b`;
  return program([body('a', 'b'), body('b', 'a')], { rest: '.data\n a: .word 0\n b: .word 0' });
}

/** Says something through the UART, waits until it is out, and ends the machine with a code. */
export function lastWords(text: string, code: number, options: ProgramOptions = {}): Program {
  const FAIL = 0x3333;
  const characters = [...text].map((char) => `li t1, ${char.charCodeAt(0)}\n jal ra, putc`);
  const body = `
    li s0, UART
    li t0, 3
    sb t0, 3(s0)
    ${characters.join('\n')}
    li t0, FINISHER
    li t1, ${(code << 16) | FAIL}
    sw t1, (t0)
  putc:
    sb t1, 0(s0)
  1: lbu t2, 5(s0)
    andi t2, t2, 0x40
    beqz t2, 1b
    ret`;
  return program([body], options);
}
