// Executions that an exploration once left out, and small guests that have them.

import { describe, expect, it } from 'vitest';
import { bounded } from '../../src/explore/bounded.ts';
import { dpor } from '../../src/explore/dpor.ts';
import { settled } from '../../src/explore/settle.ts';
import { program, type Program } from './programs.ts';

const STEPS = 300;
const MANY = 9;

/** What `outcome` says at the ends of all executions, by either search. */
function outcomes(make: () => Program, outcome: (of: Program, kind: string) => string): string[][] {
  const bounds = { preemptions: MANY, irqs: MANY, nmis: 1 };
  const options = { stepsMax: STEPS, prefixesMax: 1e5, total: Infinity };
  return ['bounded', 'dpor'].map((search) => {
    const guest = make();
    const { model } = guest;
    const found = new Set<string>();
    const all = settled(
      model,
      () => (search === 'dpor' ? dpor(model, bounds, options) : bounded(model, bounds, options)),
      () => found.clear(),
    );
    for (const { ending } of all) found.add(outcome(guest, ending.kind));
    return [...found].sort();
  });
}

const both = (expected: string[]): string[][] => [expected, expected];
const SETUP = 'la t0, handler\n csrw mtvec, t0\n li t0, MSIE\n csrw mie, t0\n csrsi mstatus, MIE';
const handler = (body: string): string => `
    .balign 4
  handler:
    li t3, MSIP
    sw zero, (t3)
    ${body}
    mret
    .data
  x: .word 0
  y: .word 0
  z: .word 0`;

describe('an interrupt', () => {
  it('that a hart raises for itself right before code that only its handler would meet', () => {
    const task = `${SETUP}\n la s0, x\n li t0, 1\n li t1, MSIP\n sw t0, (t1)\n sw t0, (s0)\n sw zero, (s0)`;
    const rest = handler('la s1, x\n 1: lw t4, (s1)\n bnez t4, 1b');
    const make = (): Program => program([task], { rest });
    expect(outcomes(make, (_, kind) => kind)).toEqual(both(['deadlock', 'done']));
  });

  it('between the last step of its hart and the end of the region', () => {
    const task = `${SETUP}\n la s0, x\n li t0, 1\n li t1, MSIP\n sw t0, (t1)\n sw t0, (s0)`;
    const rest = handler('la s1, x\n lw s2, (s1)\n addi s2, s2, 1');
    const make = (): Program => program([task], { rest });
    const seen = ({ machine }: Program): string => String(machine.harts[0].x[18]);
    // None, or one that sees x before or after it is set.
    expect(outcomes(make, seen)).toEqual(both(['0', '1', '2']));
  });

  it('that another hart sends when it sees the last step', () => {
    const task = `${SETUP}\n la s0, x\n li t0, 1\n sw t0, (s0)\n nop`;
    const sender = 'la s0, x\n 1: lw t0, (s0)\n beqz t0, 1b\n li t1, MSIP\n sw t0, (t1)';
    const make = (): Program => program([task, sender], { rest: handler('li s2, 1') });
    const seen = ({ machine }: Program): string => String(machine.harts[0].x[18]);
    expect(outcomes(make, seen)).toEqual(both(['0', '1']));
  });

  it('between LR and SC, which then fails', () => {
    const task = `${SETUP}\n la s0, x\n li t0, 1\n li t1, MSIP\n sw t0, (t1)\n lr.w t2, (s0)\n sc.w s2, t0, (s0)`;
    const make = (): Program => program([task], { rest: handler('nop') });
    const result = ({ machine }: Program): string => String(machine.harts[0].x[18]);
    expect(outcomes(make, result)).toEqual(both(['0', '1']));
  });
});

describe('what a handler leaves in mscratch', () => {
  it('its hart finds, if the interrupt came before it looked', () => {
    const task = `${SETUP}\n li t0, 1\n li t1, MSIP\n sw t0, (t1)\n csrr s2, mscratch`;
    const make = (): Program => program([task], { rest: handler('li t4, 1\n csrw mscratch, t4') });
    const seen = ({ machine }: Program): string => String(machine.harts[0].x[18]);
    expect(outcomes(make, seen)).toEqual(both(['0', '1']));
  });
});

describe('two interrupts of one hart', () => {
  /** Software interrupts and the timer; only their handlers touch x, which neither task does. */
  const rest = `
      .balign 4
    handler:
      la s1, x
      csrr t3, mcause
      andi t3, t3, 7
      li t4, 7
      beq t3, t4, tick
      li t3, MSIP
      sw zero, (t3)
      lw s2, (s1)
      addi s2, s2, 1
      mret
    tick:
      li t3, MTIMECMP
      li t4, -1
      sw t4, 4(t3)
      li t4, 1
      sw t4, (s1)
      mret
      .data
    x: .word 0`;
  const task = `
      la t0, handler
      csrw mtvec, t0
      li t0, MSIE | MTIE
      csrw mie, t0
      li t0, MTIMECMP
      sw zero, 4(t0)
      sw zero, (t0)
      csrsi mstatus, MIE
      nop
      csrci mstatus, MIE`;

  it('come in either order, if only their handlers meet', () => {
    const sender = 'li t0, 1\n li t1, MSIP\n sw t0, (t1)';
    const make = (): Program => program([task, sender], { rest });
    const seen = ({ machine }: Program): string => String(machine.harts[0].x[18]);
    // No software interrupt, one before the timer's, one after it.
    expect(outcomes(make, seen)).toEqual(both(['0', '1', '2']));
  });
});

describe('the end of a region', () => {
  const stores = 'la s0, x\n li t0, 1\n sw t0, (s0)';
  const rest = '.data\n x: .word 0';

  it.each(['all', 'any'] as const)('at a hart that jumps to itself is one: %s', (ends) => {
    const make = (): Program => {
      const last = `${stores}\n end: j .`;
      const { symbols } = program([last, stores], { rest });
      const until = ['end', 'done'].map((symbol) => symbols.get(symbol) ?? 0);
      return program([last, stores], { rest, region: { ends, until } });
    };
    expect(outcomes(make, (_, kind) => kind)).toEqual(both(['done']));
  });

  it('may be where it begins, or the head of a loop that waits', () => {
    const waits = 'la s0, x\n end: lw t0, (s0)\n beqz t0, end';
    const make = (): Program => {
      const { symbols } = program([waits], { rest });
      return program([waits], { rest, region: { until: [symbols.get('end') ?? 0] } });
    };
    expect(outcomes(make, (_, kind) => kind)).toEqual(both(['done']));
  });
});

describe('an NMI', () => {
  it('before the hart takes the lock that it takes too', () => {
    const task = `la t0, nmi_handler\n li t1, NMI\n sw t0, (t1)\n csrsi 0x744, MIE
      la s0, x\n li t0, 1\n amoswap.w s2, t0, (s0)`;
    const nmi =
      '.balign 4\n nmi_handler: la s8, x\n li t3, 1\n 1: amoswap.w s9, t3, (s8)\n bnez s9, 1b\n .word 0x70200073';
    const rest = `${nmi} # mnret\n .data\n x: .word 0`;
    const make = (): Program => program([task], { rest, region: { inject: ['nmi'] } });
    const old = ({ machine }: Program, kind: string): string => `${kind} ${machine.harts[0].x[18]}`;
    expect(outcomes(make, old)).toEqual(both(['deadlock 0', 'done 0', 'done 1']));
  });

  it('in a handler, where only the two meet', () => {
    const task = `la t0, nmi_handler\n li t1, NMI\n sw t0, (t1)\n csrsi 0x744, MIE
      ${SETUP}\n li t0, 1\n li t1, MSIP\n sw t0, (t1)`;
    const nmi = '.balign 4\n nmi_handler: la s8, x\n lw s9, (s8)\n .word 0x70200073 # mnret\n';
    const rest = nmi + handler('la s1, x\n li t4, 1\n sw t4, (s1)\n sw zero, (s1)');
    const make = (): Program => program([task], { rest, region: { inject: ['nmi'] } });
    const seen = ({ machine }: Program): string => String(machine.harts[0].x[25]);
    expect(outcomes(make, seen)).toEqual(both(['0', '1']));
  });
});

describe('another hart', () => {
  it('that fails after the last step of the one that ends the region', () => {
    const bodies = [
      'la s0, x\n li t0, 1\n sw t0, (s0)',
      'la s0, x\n lw t0, (s0)\n beqz t0, done\n li t0, FINISHER\n li t1, 0x13333\n sw t1, (t0)',
    ];
    const make = (): Program =>
      program(bodies, { rest: '.data\n x: .word 0', region: { ends: 'any' } });
    expect(outcomes(make, (_, kind) => kind)).toEqual(both(['done', 'failed']));
  });

  it('that stores what is there, between LR and SC', () => {
    const bodies = [
      'la s0, x\n li t0, 1\n lr.w t2, (s0)\n sc.w s2, t0, (s0)',
      'la s0, x\n sw zero, (s0)',
    ];
    const make = (): Program => program(bodies, { rest: '.data\n x: .word 0' });
    const result = (of: Program): string => `${of.machine.harts[0].x[18]} ${of.word('x')}`;
    expect(outcomes(make, result)).toEqual(both(['0 0', '0 1', '1 0']));
  });

  it('that stores between two reads of a loop that waits', () => {
    const waits = 'la s0, x\n 1: lw t0, (s0)\n bnez t0, 1b\n lw t1, (s0)\n beqz t1, 1b';
    const stores = 'la s0, x\n li t0, 1\n sw t0, (s0)';
    const make = (): Program => program([waits, stores], { rest: '.data\n x: .word 0' });
    expect(outcomes(make, (_, kind) => kind)).toEqual(both(['deadlock', 'done']));
  });
});

describe('the timer of a hart', () => {
  it('between two reads of a loop that waits for nothing else', () => {
    const task = `la t0, handler\n csrw mtvec, t0\n li t0, MTIE\n csrw mie, t0\n la s0, x\n la s1, y
      li t0, MTIMECMP\n sw zero, 4(t0)\n li t1, 10000\n sw t1, (t0)\n csrsi mstatus, MIE
      1: lw s2, (s0)\n lw t1, (s1)\n beqz t1, 1b`;
    const rest = `.balign 4\n handler: li t3, MTIMECMP\n li t4, -1\n sw t4, 4(t3)
      la t3, x\n li t4, 1\n sw t4, (t3)\n sw t4, 4(t3)\n mret\n .data\n x: .word 0\n y: .word 0`;
    const make = (): Program => program([task], { rest });
    const seen = ({ machine }: Program): string => String(machine.harts[0].x[18]);
    expect(outcomes(make, seen)).toEqual(both(['0', '1']));
  });
});

describe('a character that is injected', () => {
  it('where nobody else does anything any more', () => {
    const waits = 'la s0, x\n 1: lw t0, (s0)\n beqz t0, 1b';
    const looks = 'li t0, UART + 5\n lbu s2, (t0)\n andi s2, s2, 1';
    const make = (): Program =>
      program([waits, looks], { rest: '.data\n x: .word 0', region: { inject: ['uart-rx'] } });
    const seen = ({ machine }: Program): string => String(machine.harts[1].x[18]);
    expect(outcomes(make, seen)).toEqual(both(['0', '1']));
  });
});

describe('time', () => {
  /** A hart whose time is a millisecond, since it has seen its timer; s3 of the other one tells that it knows. */
  const late = `li t0, MTIMECMP\n sw zero, 4(t0)\n li t1, 10000\n sw t1, (t0)
    li t0, MTIE\n csrw mie, t0\n wfi`;
  const readTime = 'li t0, MTIME\n lw s3, (t0)\n srli s3, s3, 12';
  const knows = ({ machine }: Program): string => String(machine.harts[1].x[19] > 0);

  it('of a hart that writes another register than the late one has', () => {
    const bodies = [
      `${late}\n li t0, MSIP\n sw zero, (t0)`,
      `li t0, MSIP + 4\n sw zero, (t0)\n ${readTime}`,
    ];
    const make = (): Program => program(bodies, { region: { inject: ['timer'] } });
    expect(outcomes(make, knows)).toEqual(both(['false']));
  });

  it('of a hart that reads another byte than the late one has written', () => {
    const bodies = [
      `${late}\n la t0, x\n li t1, 1\n sb t1, (t0)\n lbu t1, 1(t0)`,
      `la t0, x\n lbu t1, 1(t0)\n sb t1, 2(t0)\n ${readTime}`,
    ];
    const reader = 'la t0, x\n li t1, 1\n sb t1, 1(t0)\n lbu t1, (t0)';
    const make = (): Program =>
      program([...bodies, reader], { rest: '.data\n x: .word 0', region: { inject: ['timer'] } });
    expect(outcomes(make, knows)).toEqual(both(['false']));
  });

  it('of an NMI, for which the interrupt that the late one has sent is nothing', () => {
    const bodies = [
      `${late}\n li t0, MSIP + 4\n li t1, 1\n sw t1, (t0)`,
      `la t0, nmi_handler\n li t1, NMI\n sw t0, (t1)\n csrsi 0x744, MIE\n nop`,
    ];
    const rest = `.balign 4\n nmi_handler: ${readTime}\n .word 0x70200073 # mnret`;
    const make = (): Program => program(bodies, { rest, region: { inject: ['nmi', 'timer'] } });
    expect(outcomes(make, knows)).toEqual(both(['false']));
  });
});
