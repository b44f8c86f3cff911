// Random guests (random-guests.ts) as programs for the explorer, and how their executions have ended.

import type { ScriptedInput } from '../../src/lines/line-script.ts';
import type { Machine } from '../../src/machine/machine.ts';
import { isByte, MIE, NAMES } from './guest-code.ts';
import { program, type Program } from './programs.ts';
import * as devices from './reference-board.ts';
import { WORDS, type Guest, type HartOutcome, type Outside } from './reference.ts';

/** The same guest for the explorer. */
export function assembled(guest: Guest): Program {
  const { code, harts, outside } = guest;
  const textOf = (from: number, to: number): string =>
    code
      .slice(from, to)
      .map(({ text }) => text)
      .join('\n ');
  const bodies = harts.map(({ task, end, nmi, mie }, h) => {
    const vector = nmi === undefined ? '' : `la t0, nmi${h}\n li t1, NMI\n sw t0, (t1)`;
    const enabled = ['0', ...mie.map((irq) => MIE[irq])].join(' | ');
    return `la t0, vectors${h} + 1\n csrw mtvec, t0\n ${vector}\n li t0, ${enabled}\n csrw mie, t0
      ${textOf(task, end)}`;
  });
  const handlers = harts.map(({ handlers: { software, timer, external }, nmi, next }, h) => {
    const vector = Array.from({ length: 12 }, (_, cause) => `j irq${h}_${VECTORS[cause] ?? 3}`);
    const text = `.balign 64\n vectors${h}: ${vector.join('\n ')}
      irq${h}_3: ${textOf(software, timer)}
      irq${h}_7: ${textOf(timer, external)}
      irq${h}_11: ${textOf(external, nmi ?? next)}`;
    return nmi === undefined ? text : `${text}\n .balign 4\n nmi${h}: ${textOf(nmi, next)}`;
  });
  const hasNmi = harts.some(({ nmi }) => nmi !== undefined);
  const words = WORDS.map((word, i) => `${word}: ${isByte(i) ? '.byte' : '.word'} 0`);
  const script = devices.CHARACTERS.slice(0, outside.characters).map((byte, i): ScriptedInput => ({
    ...{ atNs: devices.CHARACTERS_NS[i], uart: 0 },
    input: { kind: 'receive', character: { byte } },
  }));
  return program(bodies, {
    rest: `${handlers.join('\n')}\n .data\n ${words.join('\n ')}\n .balign 4`,
    region: {
      ...{ ends: guest.ends, script },
      inject: hasNmi ? ['nmi', ...outside.inject] : outside.inject,
    },
    // Short instructions: devices are slow beside them.
    machine: { nsPerInstruction: 1 },
    prepare: (machine) => prepare(machine, outside),
  });
}

const VECTORS: readonly (number | undefined)[] = Array.from({ length: 12 }, (_, cause) =>
  [3, 7, 11].includes(cause) ? cause : undefined,
);

function prepare({ uarts: [uart], plic, aclint }: Machine, { ier, enabled }: Outside): void {
  uart.write(1, 1, ier);
  plic.write(4 * 10, 4, 1);
  enabled.forEach((on, h) => {
    plic.write(0x2000 + 0x100 * h, 4, on ? 1 << 10 : 0);
    aclint.write(0x4000 + 8 * h, 4, devices.TIMERS_NS[h] / 100);
  });
}

/** What a program's wire will have carried when all is sent. */
export function wireOf({ machine, model }: Program): number[] {
  const { fifo, shift } = machine.uarts[0].inspect().transmitter;
  return [...model.stepper.board.sent[0], shift, ...fifo].filter((byte) => byte !== undefined);
}

/** A program's words and bytes, in the order of WORDS. */
export const wordsOf = (of: Program): number[] =>
  WORDS.map((name, i) => of.word(name) & (isByte(i) ? 0xff : -1));

/** The harts where an execution has ended, as the reference sees them. */
export const hartOutcomes = ({ machine, model }: Program): HartOutcome[] =>
  machine.harts.map(({ x, inNmi }, h) => ({
    context: inNmi ? 'nmi' : model.stepper.tracks[h].depth > 0 ? 'handler' : 'task',
    registers: NAMES.map((name) => x[NUMBERS[name]]),
  }));

const NUMBERS: Readonly<Record<string, number>> = Object.fromEntries(
  ['zero', 'ra', 'sp', 'gp', 'tp', 't0', 't1', 't2', 's0', 's1']
    .concat(Array.from({ length: 8 }, (_, i) => `a${i}`))
    .concat(Array.from({ length: 10 }, (_, i) => `s${i + 2}`))
    .concat(['t3', 't4', 't5', 't6'])
    .map((name, number) => [name, number]),
);
