// AB-BA with two interrupt handlers, as an RV32 program: the machine's twin of bench/spin/abba.pml. Two
// harts take two locks in opposite orders, each is interrupted once by a handler that takes one of them
// too, and a third hart raises both interrupts.

import { MachineModel } from '../src/explore/machine-model.ts';
import { Machine } from '../src/machine/machine.ts';
import { assembleFlat } from '../src/toolchain/assembler.ts';

const RAM = 0x8000_0000;
const MSIP = 0x200_0000;

/** A model at the reset of a machine with the program; each task takes its locks `rounds` times. */
export function abbaWithHandlers(rounds: number): MachineModel {
  const { bytes, symbols } = assembleFlat(source(rounds), RAM, { defines: { MSIP } });
  const machine = new Machine({ harts: 3, memoryBytes: 1 << 20, compile: 'never' });
  machine.load({
    entry: RAM,
    segments: [{ address: RAM, bytes, memoryBytes: bytes.length }],
  });
  return new MachineModel(machine, { until: [symbols.get('done') ?? 0], ends: 'all' });
}

/** s0 and s1 are the locks in the hart's order, s2 its msip, s3 what is left of the rounds. */
const source = (rounds: number): string => `
    csrr a0, mhartid
    li t0, 2
    beq a0, t0, sender
    la t0, handler
    csrw mtvec, t0
    li t0, 8
    csrw mie, t0
    la t0, locks
    slli t1, a0, 2
    add s0, t0, t1
    xori t1, t1, 4
    add s1, t0, t1
    li s2, MSIP
    slli t1, a0, 2
    add s2, s2, t1
    li s3, ${rounds}
    csrsi mstatus, 8
  round:
    beqz s3, done
    li t0, 1
  1: amoswap.w t1, t0, (s0)
    bnez t1, 1b
  1: amoswap.w t1, t0, (s1)
    bnez t1, 1b
    sw zero, (s1)
    sw zero, (s0)
    addi s3, s3, -1
    j round
  done: nop
    j .
  sender:
    li t0, 1
    li t1, MSIP
    sw t0, (t1)
    sw t0, 4(t1)
    j done
    .balign 4
  handler:
    sw zero, (s2)
    li t2, 1
  1: amoswap.w t3, t2, (s1)
    bnez t3, 1b
    sw zero, (s1)
    mret
    .data
  locks: .word 0, 0
`;
