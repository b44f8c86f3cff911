// Small RV32 guests whose traces can be counted by hand, one body of assembly for each hart. A hart is at
// the end of its work at the label `done`; the region ends when all harts are there.
// Registers: a0 is the hart's number. `spin_lock` and `spin_unlock` take the address of a word in s0…s11.

import { Machine } from '../../src/machine/machine.ts';
import type { MachineOptions } from '../../src/machine/machine.ts';
import { MachineModel } from '../../src/explore/machine-model.ts';
import type { ExploreRegion } from '../../src/explore/machine-model.ts';
import { assembleFlat } from '../../src/toolchain/assembler.ts';

const RAM = 0x8000_0000;

const DEFINES = {
  FINISHER: 0x10_0000,
  NMI: 0x11_0000,
  MSIP: 0x200_0000,
  MTIMECMP: 0x200_4000,
  MTIME: 0x200_bff8,
  PLIC: 0xc00_0000,
  UART: 0x1000_0000,
  MIE: 0x8,
  MSIE: 0x8,
  MTIE: 0x80,
  MEIE: 0x800,
};

const MACROS = `
  .macro spin_lock lock
    li t0, 1
  1: amoswap.w t1, t0, (\\lock)
    bnez t1, 1b
  .endm
  .macro spin_unlock lock
    sw zero, (\\lock)
  .endm
`;

export interface Program {
  readonly machine: Machine;
  /** A model of the machine from its reset on. */
  readonly model: MachineModel;
  /** Addresses of all symbols. */
  readonly symbols: ReadonlyMap<string, number>;
  /** Address of a symbol. */
  at(symbol: string): number;
  /** Word in memory as it is now, unsigned. */
  word(symbol: string, index?: number): number;
}

export interface ProgramOptions {
  /** Data section and handlers. */
  readonly rest?: string;
  readonly machine?: MachineOptions;
  readonly region?: Partial<ExploreRegion>;
  /** Does something to the machine before the model takes it over. */
  readonly prepare?: (machine: Machine) => void;
}

/** A guest with one body for each hart, which goes on to `done` behind it. */
export function program(bodies: readonly string[], options: ProgramOptions = {}): Program {
  const source = `
    csrr a0, mhartid
    ${bodies.map((_, hart) => `li t0, ${hart}\n beq a0, t0, hart${hart}`).join('\n')}
    j done
    ${bodies.map((body, hart) => `hart${hart}:\n${body}\n j done`).join('\n')}
  done: nop
    j .
    ${options.rest ?? ''}
  `;
  const { bytes, symbols } = assembleFlat(MACROS + source, RAM, { defines: DEFINES });
  const machine = new Machine({
    harts: bodies.length,
    memoryBytes: 1 << 20,
    compile: 'never',
    ...options.machine,
  });
  machine.load({
    entry: RAM,
    segments: [{ address: RAM, bytes, memoryBytes: bytes.length }],
  });
  const at = (symbol: string): number => {
    const address = symbols.get(symbol);
    if (address === undefined) throw new Error(`no symbol ${symbol}`);
    return address;
  };
  options.prepare?.(machine);
  const model = new MachineModel(machine, { until: [at('done')], ends: 'all', ...options.region });
  const word = (symbol: string, index = 0): number =>
    machine.memory.read(at(symbol) - RAM + 4 * index, 4);
  return { machine, model, symbols, at, word };
}

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** `harts` harts, each storing to `stores` words of its own: one trace, no visible step at all. */
export function independentWrites(harts: number, stores: number): Program {
  const bodies = range(harts).map((hart) => {
    const own = range(stores).map((n) => `sw t0, ${4 * n}(t1)`);
    return `la t1, words + ${4 * stores * hart}\n li t0, 7\n ${own.join('\n')}`;
  });
  return program(bodies, { rest: `.data\n words: .zero ${4 * harts * stores}` });
}

/** Harts that each write their own value to one word: n! traces. */
export function writers(harts: number): Program {
  const bodies = range(harts).map((hart) => `la t1, word\n li t0, ${hart + 1}\n sw t0, (t1)`);
  return program(bodies, { rest: '.data\n word: .word 0' });
}

/** Hart 0 writes a word that the others read: 2^readers traces. */
export function readers(count: number): Program {
  const bodies = range(count + 1).map((hart) =>
    hart === 0 ? 'la t1, word\n li t0, 1\n sw t0, (t1)' : 'la t1, word\n lw t0, (t1)',
  );
  return program(bodies, { rest: '.data\n word: .word 0' });
}

/** Abdulla et al.: hart i stores a[i + 1] := a[i] + 1, hart 0 looks for the last zero from the end. */
export function lastZero(n: number): Program {
  const search = `
    la t1, a + ${4 * n}
  1: lw t0, (t1)
    addi t1, t1, -4
    bnez t0, 1b`;
  const adders = range(n).map(
    (i) => `la t1, a + ${4 * i}\n lw t0, (t1)\n addi t0, t0, 1\n sw t0, 4(t1)`,
  );
  return program([search, ...adders], { rest: `.data\n a: .zero ${4 * (n + 1)}` });
}

/** Dining philosophers, all taking the left fork first: 2^n - 1 traces, one of them a deadlock. */
export function philosophers(n: number): Program {
  const bodies = range(n).map(
    (hart) => `
      la s0, forks + ${4 * hart}
      la s1, forks + ${4 * ((hart + 1) % n)}
      spin_lock s0
      spin_lock s1
      spin_unlock s1
      spin_unlock s0`,
  );
  return program(bodies, { rest: `.data\n forks: .zero ${4 * n}` });
}

/** Two locks in both orders: 3 traces, one of them a deadlock, reached with one preemption. */
export function abba(): Program {
  const body = (first: string, second: string) => `
    la s0, ${first}
    la s1, ${second}
    spin_lock s0
    spin_lock s1
    spin_unlock s1
    spin_unlock s0`;
  return program([body('a', 'b'), body('b', 'a')], { rest: '.data\n a: .word 0\n b: .word 0' });
}

/**
 * Hart 0 looks at a flag and sleeps in wfi if it is not set; hart 1 sets it and sends an interrupt, but
 * only if it sees that hart 0 has said that it sleeps. With `recheck` hart 0 looks again after saying so.
 */
export function lostWakeup(recheck: boolean): Program {
  const sleeper = `
    li t0, MSIE
    csrw mie, t0
    la s0, flag
    la s1, sleeping
    li t0, 1
    lw t1, (s0)
    bnez t1, woken
    sw t0, (s1)
    ${recheck ? 'lw t1, (s0)\n bnez t1, woken' : ''}
  sleep:
    wfi
  woken:`;
  const waker = `
    la s0, flag
    la s1, sleeping
    li t0, 1
    sw t0, (s0)
    lw t1, (s1)
    beqz t1, done
    li t2, MSIP
    sw t0, (t2)`;
  return program([sleeper, waker], { rest: '.data\n flag: .word 0\n sleeping: .word 0' });
}

/** Store buffering: each hart sets its flag and reads the other's into `seen`. 3 traces under SC. */
export function storeBuffering(): Program {
  const body = (own: string, other: string, hart: number) => `
    la s0, ${own}
    la s1, ${other}
    la s2, seen + ${4 * hart}
    li t0, 1
    sw t0, (s0)
    lw t1, (s1)
    sw t1, (s2)`;
  return program([body('x', 'y', 0), body('y', 'x', 1)], {
    rest: '.data\n x: .word 0\n y: .word 0\n seen: .word 0, 0',
  });
}

/** Two harts that increment a counter without a lock. */
export function racyIncrement(): Program {
  const body = 'la s0, counter\n lw t0, (s0)\n addi t0, t0, 1\n sw t0, (s0)';
  return program([body, body], { rest: '.data\n counter: .word 0' });
}

/**
 * Hart 0 takes a lock with interrupts enabled, `before` and `after` steps on other shared words around
 * it; a software interrupt that hart 1 sends takes the same lock. Self-deadlock if it comes in between.
 */
export function lockInHandler(): Program {
  const task = `
    la t0, handler
    csrw mtvec, t0
    li t0, MSIE
    csrw mie, t0
    la s0, lock
    csrsi mstatus, MIE
    spin_lock s0
    spin_unlock s0
    csrci mstatus, MIE`;
  const sender = 'li t0, 1\n li t1, MSIP\n sw t0, (t1)';
  const handler = `
    .balign 4
  handler:
    la s1, lock
    li t3, MSIP
    sw zero, (t3)
    spin_lock s1
    spin_unlock s1
    mret`;
  return program([task, sender], { rest: `${handler}\n .data\n lock: .word 0` });
}
