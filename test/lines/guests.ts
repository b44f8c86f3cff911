// Guests for tests and measurements of lines: one that writes as fast as its UART takes bytes, one
// that echoes every byte. Both drive the FIFO as a driver does: up to 16 bytes per look at LSR.

import fs from 'node:fs';
import path from 'node:path';
import { guestElf } from '../cli/guest.ts';

/** LCG of Numerical Recipes; its top byte is the next one that the pump sends. */
const LCG_A = 1664525;
const LCG_C = 1013904223;

const SETUP = `
  li s0, UART
  li t0, 7
  sb t0, 2(s0)        # FCR: FIFOs on and empty
  li t0, 0x83
  sb t0, 3(s0)        # LCR: DLAB
  li t0, 2
  sb t0, 0(s0)        # DLL: 115200 baud
  sb zero, 1(s0)      # DLM
  li t0, 3
  sb t0, 3(s0)        # LCR: 8N1
  li t0, 0x0b
  sb t0, 4(s0)        # MCR: DTR, RTS, OUT2
`;

/** Lets received bytes end a wfi of hart 0; s5 is its claim register. */
const LISTEN = `
  li s5, PLIC + 0x28
  li t1, 1
  sw t1, 0(s5)        # priority of source 10
  li s5, PLIC + 0x2000
  li t1, 0x400
  sw t1, 0(s5)        # enabled for hart 0
  li s5, PLIC + 0x200004
  li t0, 1
  sb t0, 1(s0)        # IER: receive
  li t0, 0x800
  csrw mie, t0        # external
`;

const POWER_OFF = `
  lbu t1, 5(s0)
  andi t1, t1, 0x40   # LSR.TEMT
  beqz t1, off
  li t0, FINISHER
  li t1, 0x5555
  sw t1, 0(t0)
  j .
`;

const AWAIT_BYTE = `
  ${LISTEN}
asleep:
  lbu t0, 5(s0)
  andi t0, t0, 1      # LSR.DR
  bnez t0, awake
  wfi
  j asleep
awake:
  lbu t0, 0(s0)
`;

/** Sleeps until THRE interrupts, if t1 is 0, and looks again. */
const AWAIT_THRE = `
  bnez t1, ready
  li t0, 3
  sb t0, 1(s0)        # IER: receive and THRE
  wfi
  lw t3, 0(s5)
  lbu t0, 0(s0)       # RBR, in case that somebody types
  lbu t0, 2(s0)       # IIR: takes THRE
  li t0, 1
  sb t0, 1(s0)
  sw t3, 0(s5)
  j next
ready:
`;

/**
 * Sends pseudo-random bytes, a multiple of 16: at once, or once a byte has come (`ask`). Powers off
 * then, or sleeps (`stay`).
 */
export type PumpManner = 'go' | 'ask' | 'stay';

const pump = (bytes: number, manner: PumpManner): string => `
  ${SETUP}
  ${manner === 'ask' ? AWAIT_BYTE : ''}
  li s1, ${bytes / 16}
  li s2, 1
  li s3, ${LCG_A}
  li s4, ${LCG_C}
next:
  lbu t1, 5(s0)
  andi t1, t1, 0x20   # LSR.THRE: room for a whole FIFO
  ${manner === 'ask' ? AWAIT_THRE : 'beqz t1, next'}
  li t2, 16
burst:
  mul s2, s2, s3
  add s2, s2, s4
  srli t0, s2, 24
  sb t0, 0(s0)
  addi t2, t2, -1
  bnez t2, burst
  addi s1, s1, -1
  bnez s1, next
  ${manner === 'stay' ? `${LISTEN}stay: wfi\n  j stay` : ''}
off:
  ${POWER_OFF}
`;

/** What {@link pump} sends. */
export function pumped(bytes: number): Buffer {
  const expected = Buffer.alloc(bytes);
  for (let i = 0, state = 1; i < bytes; i++) {
    state = (Math.imul(state, LCG_A) + LCG_C) | 0;
    expected[i] = state >>> 24;
  }
  return expected;
}

/** Echoes by interrupt, as many bytes as the FIFO holds at a time; powers off after \`bytes\`. */
const echo = (bytes: number): string => `
  la t0, trap
  csrw mtvec, t0
  ${SETUP}
  li s1, ${bytes}
  ${LISTEN}
  csrsi mstatus, 8
idle:
  wfi
  j idle
  .balign 4
trap:
  lw t3, 0(s5)
room:
  lbu t0, 5(s0)
  andi t0, t0, 0x20
  beqz t0, room
  li t2, 16
more:
  lbu t0, 5(s0)
  andi t0, t0, 1      # LSR.DR
  beqz t0, done
  lbu t0, 0(s0)
  sb t0, 0(s0)
  addi s1, s1, -1
  beqz s1, off
  addi t2, t2, -1
  bnez t2, more
  j room
done:
  sw t3, 0(s5)
  mret
off:
  ${POWER_OFF}
`;

function cached(folder: string, name: string, source: () => string): string {
  const file = path.join(folder, name);
  return fs.existsSync(file) ? file : guestElf(folder, name, source());
}

export const pumpElf = (folder: string, bytes: number, manner: PumpManner = 'go'): string =>
  cached(folder, `pump-${manner}-${bytes}.elf`, () => pump(bytes, manner));

export const echoElf = (folder: string, bytes: number): string =>
  cached(folder, `echo-${bytes}.elf`, () => echo(bytes));
