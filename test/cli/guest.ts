// Small assembly guests as ELF files, for runs of the command.

import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { assembleFlat } from '../../src/toolchain/assembler.ts';
import { writeElf } from '../../src/toolchain/elf-writer.ts';

const RAM = 0x8000_0000;

/** A folder that is gone after the process. */
export function scratchFolder(): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'printkit-test-'));
  process.on('exit', () => fs.rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/**
 * Assembles a guest and writes it as an ELF file. Hart 0 runs it and the others sleep for good, unless
 * all are to run it.
 */
export function guestElf(folder: string, name: string, source: string, runs = 'hart 0'): string {
  const text = `
_start:
  ${runs === 'hart 0' ? 'beqz a0, main' : 'j main'}
park:
  wfi
  j park
main:
  ${source}
`;
  const { bytes, symbols } = assembleFlat(text, RAM, {
    defines: { UART: 0x1000_0000, FINISHER: 0x10_0000, PLIC: 0xc00_0000, CLINT: 0x200_0000 },
  });
  const tohost = symbols.get('tohost');
  const elf = writeElf({
    entry: RAM,
    sections: [
      {
        name: '.text',
        address: RAM,
        bytes,
        size: bytes.length,
        align: 4,
        flags: { alloc: true, execute: true, write: true, nobits: false },
      },
    ],
    symbols: [...symbols].map(([symbol, address]) => ({
      name: symbol,
      address,
      size: 0,
      type: 'none',
      global: symbol === '_start' || address === tohost,
    })),
  });
  const file = path.join(folder, name);
  fs.writeFileSync(file, elf);
  return file;
}

/** Powers off with a code. */
export const exitWith = (code: number): string => `
  li t0, FINISHER
  li t1, ${(code << 16) | (code === 0 ? 0x5555 : 0x3333)}
  sw t1, 0(t0)
  j .
`;

/** Echoes what it receives, interrupt-driven; \`q\` powers off. */
export const ECHO = `
  la t0, trap
  csrw mtvec, t0
  li s0, UART
  li t0, 7
  sb t0, 2(s0)        # FIFOs on and empty
  li t0, 3
  sb t0, 3(s0)        # 8N1
  li t0, 0x0b
  sb t0, 4(s0)        # DTR, RTS, OUT2
  li t0, PLIC + 0x28
  li t1, 1
  sw t1, 0(t0)        # priority of source 10
  li t0, PLIC + 0x2000
  li t1, 0x400
  sw t1, 0(t0)        # enabled for hart 0
  li t0, 1
  sb t0, 1(s0)        # IER.0
  li t0, 0x800
  csrw mie, t0
  csrsi mstatus, 8
idle:
  wfi
  j idle
  .balign 4
trap:
  li t2, PLIC + 0x200004
  lw t3, 0(t2)
more:
  lbu t0, 5(s0)
  andi t0, t0, 1
  beqz t0, done
  lbu t0, 0(s0)
  li t1, 'q'
  beq t0, t1, off
full:
  lbu t1, 5(s0)
  andi t1, t1, 0x20
  beqz t1, full
  sb t0, 0(s0)
  j more
done:
  sw t3, 0(t2)
  mret
off:
  ${exitWith(0)}
`;

/** Prints a text over and over, polling, as fast as the UART takes it. */
export const CHATTER = `
  li s0, UART
  li s1, 3
  sb s1, 3(s0)        # 8N1
  li s1, 'a'
next:
  lbu t1, 5(s0)
  andi t1, t1, 0x20
  beqz t1, next
  sb s1, 0(s0)
  j next
`;

/** The lock functions of ORDERED_LOCKS, as `--locks` takes them. */
export const LOCK_TABLE = {
  format: 'printkit locks',
  version: 1,
  functions: [
    { name: 'enter', does: 'acquire', kind: 'spin', lock: 'a1' },
    { name: 'leave', does: 'release', kind: 'spin', lock: 'a1' },
  ],
};

const locked = (a: string, b: string): string => `
  la a1, ${a}
  jal ra, enter
  la a1, ${b}
  jal ra, enter
  jal ra, leave
  la a1, ${a}
  jal ra, leave
`;

/** Two harts that take two locks in different orders, the second one when the first one is through. */
export const ORDERED_LOCKS = `
  la s0, through
begin:
  csrr t0, mhartid
  bnez t0, other
  ${locked('first', 'second')}
  li t0, 1
  sw t0, (s0)
  j finish
other:
  lw t0, (s0)
  beqz t0, other
  ${locked('second', 'first')}
finish:
  nop
  j .
enter:
  li t0, 1
1: amoswap.w t1, t0, (a1)
  bnez t1, 1b
  ret
leave:
  sw zero, (a1)
  ret
  .balign 4
first: .word 0
second: .word 0
through: .word 0
`;
