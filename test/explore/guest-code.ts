// The instructions of random guests (random-guests.ts), each as a line of assembly for the explorer and as
// what it does for the reference.

import * as devices from './reference-board.ts';
import { load, WORDS, type Instruction, type Irq } from './reference.ts';

/** Names of the registers by their index: the last ones are for loops. */
export const NAMES = ['s2', 's3', 's4', 's5', 's6', 's7', 's8', 's9', 's10', 's11'].concat(
  ...[['a6', 'a7', 't3', 't4', 'a4', 'a5']],
);

/** Bits of mie, as the assembler knows them. */
export const MIE: Readonly<Record<Irq, string>> = {
  external: 'MEIE',
  software: 'MSIE',
  timer: 'MTIE',
};

/** What a context may use. */
export interface Context {
  readonly kind: 'task' | 'handler' | 'nmi';
  readonly hart: number;
  readonly harts: number;
  /** Nothing interrupts the hart: that a handler takes time is nothing that a search cares about. */
  readonly isCalm: boolean;
  readonly registers: readonly number[];
  readonly loop: readonly [number, number];
  /** Registers for addresses and constants. */
  readonly address: string;
  readonly value: string;
}

export const plain = (text: string, run: Instruction['run']): Instruction => ({
  text,
  kind: 'plain',
  run,
});

export const state = (text: string, run: Instruction['run']): Instruction => ({
  text,
  kind: 'state',
  run,
});

export const isByte = (word: number): boolean => WORDS[word].startsWith('byte');

export const loading = (c: Context, rd: number, word: number): Instruction =>
  plain(
    `la ${c.address}, ${WORDS[word]}\n ${isByte(word) ? 'lbu' : 'lw'} ${NAMES[rd]}, (${c.address})`,
    (all, hart) => {
      hart.registers[rd] = load(all, hart, word);
    },
  );

/** A read of a device's register. */
export const reading = (
  c: Context,
  rd: number,
  [load, at]: readonly [load: string, at: string],
  read: typeof devices.readLsr,
): Instruction =>
  plain(`li ${c.address}, ${at}\n ${load} ${NAMES[rd]}, (${c.address})`, (all, hart) => {
    hart.registers[rd] = read(all, hart);
  });

/** Switches the hart's own timer on or off. */
export function timer(c: Context, on: boolean): Instruction {
  const text = `li ${c.value}, ${on ? 0 : -1}\n li ${c.address}, MTIMECMP + ${8 * c.hart}\n sw ${c.value}, 4(${c.address})`;
  return plain(text, (all, hart) => devices.writeTimer(all, hart, on));
}

export const readRbr = (c: Context, rd: number): Instruction =>
  reading(c, rd, ['lbu', 'UART'], devices.readRbr);
export const readIir = (c: Context, rd: number): Instruction =>
  reading(c, rd, ['lbu', 'UART + 2'], devices.readIir);
export const readLsr = (c: Context, rd: number): Instruction =>
  reading(c, rd, ['lbu', 'UART + 5'], devices.readLsr);

export function writeIer(c: Context, ier: number): Instruction {
  const text = `li ${c.address}, UART + 1\n li ${c.value}, ${ier}\n sb ${c.value}, (${c.address})`;
  return plain(text, (all, hart) => devices.writeIer(all, hart, ier));
}

export function writeThr(c: Context, byte: number): Instruction {
  const text = `li ${c.address}, UART\n li ${c.value}, ${byte}\n sb ${c.value}, (${c.address})`;
  return plain(text, (all, hart) => devices.writeThr(all, hart, byte));
}

const claimRegister = ({ hart }: Context): string => `PLIC + 0x200004 + 0x2000 * ${hart}`;

export const claim = (c: Context, rd: number): Instruction =>
  reading(c, rd, ['lw', claimRegister(c)], devices.claim);

export function complete(c: Context): Instruction {
  const text = `li ${c.address}, ${claimRegister(c)}\n li ${c.value}, 10\n sw ${c.value}, (${c.address})`;
  return plain(text, devices.complete);
}

export function ipi(c: Context, to: number, pending: boolean): Instruction {
  const text = `li ${c.value}, ${pending ? 1 : 0}\n li ${c.address}, MSIP + ${4 * to}\n sw ${c.value}, (${c.address})`;
  return plain(text, (all, by) => devices.writeMsip(all, by, to, pending));
}

/** How far time has come, in units. */
export function readTime(c: Context, rd: number): Instruction {
  const text = `li ${c.address}, MTIME\n lw ${NAMES[rd]}, (${c.address})\n srli ${NAMES[rd]}, ${NAMES[rd]}, ${devices.UNIT_SHIFT}`;
  return plain(text, (_, hart) => {
    hart.registers[rd] = devices.unitsAt(hart.time);
  });
}
