// Virtual time: the same guest does the same thing whatever the host does around it.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Machine, MachineOptions } from '../../src/machine/machine.ts';
import { guest } from './guest.ts';

/** Harts that race for a lock, take timer and software interrupts, sleep, and print through the UART. */
const BUSY = `
    la t0, trap
    csrw mtvec, t0
    csrr s11, mhartid
    la s10, area
    slli t0, s11, 10
    la sp, stacks + 1024
    add sp, sp, t0
    call next_timer
    li t0, MTIE | MSIE
    csrw mie, t0
    csrsi mstatus, MIE
    li s2, 60
  again:
    li t1, 1
  1: amoswap.w.aq t0, t1, (s10)
    bnez t0, 1b
    lw t0, 4(s10)            # history = history * 31 + hart
    slli t2, t0, 5
    sub t0, t2, t0
    add t0, t0, s11
    sw t0, 4(s10)
    li t2, UART
  2: lbu t3, 5(t2)           # wait for THRE, then send
    andi t3, t3, 0x20
    beqz t3, 2b
    andi t0, t0, 0x3f
    addi t0, t0, 0x20
    sb t0, 0(t2)
    amoswap.w.rl zero, zero, (s10)
    addi t0, s11, 1          # wake the next hart
    lw t2, harts
    bltu t0, t2, 3f
    li t0, 0
  3: slli t0, t0, 2
    li t2, CLINT
    add t2, t2, t0
    li t1, 1
    sw t1, 0(t2)
    andi t0, s2, 7
    bnez t0, 4f
    wfi
  4: addi s2, s2, -1
    bnez s2, again
    addi t0, s10, 8
    li t1, 1
    amoadd.w t2, t1, (t0)
    lw t3, harts
    addi t2, t2, 1
    beq t2, t3, last
  5: wfi
    j 5b
  last: exit 0
    .balign 4
  trap:
    addi sp, sp, -16
    sw t0, 0(sp)
    sw t1, 4(sp)
    sw t2, 8(sp)
    sw ra, 12(sp)
    csrr t0, mcause
    andi t0, t0, 15
    li t1, 3
    beq t0, t1, software
    call next_timer
    addi s3, s3, 1
    j out
  software:
    li t0, CLINT
    slli t1, s11, 2
    add t0, t0, t1
    sw zero, 0(t0)
    addi s4, s4, 1
  out:
    lw t0, 0(sp)
    lw t1, 4(sp)
    lw t2, 8(sp)
    lw ra, 12(sp)
    addi sp, sp, 16
    mret
  next_timer:                # 7.3 us on
    csrr t2, time
    addi t2, t2, 73
    li t0, MTIMECMP
    slli t1, s11, 3
    add t0, t0, t1
    sw t2, 0(t0)
    sw zero, 4(t0)
    ret
    .data
    .balign 4
  harts: .word HARTS
  area: .word 0, 0, 0
    .bss
    .balign 16
  stacks: .space 1024 * HARTS
`;

interface Result {
  stop: unknown;
  now: number;
  sent: number[];
  harts: unknown[];
}

function result(options: MachineOptions, drive: (machine: Machine) => unknown): Result {
  const harts = options.harts ?? 3;
  const g = guest(`.equ HARTS, ${harts}\n${BUSY}`, {
    harts,
    uarts: [{ noBaud: true }],
    ...options,
  });
  const sent: number[] = [];
  g.machine.uarts[0].attach({ transmit: (byte) => void sent.push(byte, g.machine.now) });
  const stop = drive(g.machine);
  return {
    stop,
    now: g.machine.now,
    sent,
    harts: g.machine.harts.map((hart) => ({ ...hart.save(), trap: hart.lastTrap })),
  };
}

const straight = (machine: Machine) => machine.run(50e6);

describe('the same guest', () => {
  it('does the same thing twice', () => {
    const first = result({}, straight);
    expect(first.stop).toEqual({ kind: 'exit', code: 0 });
    expect(first.sent.length).toBe(2 * 3 * 60);
    expect(result({}, straight)).toEqual(first);
  });

  it('does something else with another round length: the comparison can fail', () => {
    expect(result({ roundNs: 300 }, straight).sent).not.toEqual(result({}, straight).sent);
  });

  it('does the same thing however the host slices time', () => {
    const whole = result({}, straight);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 40_000 }), { minLength: 1 }), (slices) => {
        const sliced = result({}, (machine) => {
          for (let i = 0; ; i++) {
            const stop = machine.run(machine.now + slices[i % slices.length]);
            if (stop.kind !== 'time') return stop;
          }
        });
        expect(sliced).toEqual(whole);
      }),
      { numRuns: 15 },
    );
  });

  it('does the same thing when it is stopped at instruction limits', () => {
    const whole = result({}, straight);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1 }), (limits) => {
        const limited = result({}, (machine) => {
          for (let i = 0; ; i++) {
            const before = machine.instret;
            const maxInstructions = limits[i % limits.length];
            const stop = machine.run(50e6, { maxInstructions });
            if (stop.kind !== 'limit') return stop;
            expect(machine.instret - before).toBe(maxInstructions);
          }
        });
        expect(limited).toEqual(whole);
      }),
      { numRuns: 15 },
    );
  });

  it('does the same thing one instruction at a time, under a trace', () => {
    const whole = result({}, straight);
    let traced = 0;
    const stepped = result({}, (machine) => {
      machine.trace = () => void traced++;
      return straight(machine);
    });
    expect(stepped).toEqual(whole);
    expect(traced).toBe(
      (whole.harts as { numbers: { steps: number } }[]).reduce((n, h) => n + h.numbers.steps, 0),
    );
  });

  it('does the same thing whether or not its loops are compiled', () => {
    for (const roundNs of [500, 10_000]) {
      const never = result({ roundNs, compile: 'never' }, straight);
      expect(result({ roundNs, compile: 'always' }, straight)).toEqual(never);
      expect(result({ roundNs, compile: 'hot' }, straight)).toEqual(never);
    }
  });

  it('does the same thing after a reset', () => {
    const whole = result({}, straight);
    let first = true;
    const again = result({}, (machine) => {
      machine.run(machine.now + 100_000);
      machine.reset();
      first = false;
      return straight(machine);
    });
    expect(first).toBe(false);
    expect(again.harts).toEqual(whole.harts);
    expect(again.now).toBe(whole.now);
  });
});

describe('rounds', () => {
  it('harts run side by side: four busy harts take the virtual time of one', () => {
    const loop = 'li s0, 10000\n1: addi s0, s0, -1\nbnez s0, 1b\nwfi';
    const one = guest(loop);
    const four = guest(loop, { harts: 4 });
    expect(one.run()).toMatchObject({ kind: 'stuck' });
    expect(four.run()).toMatchObject({ kind: 'stuck' });
    expect(four.machine.now).toBe(one.machine.now);
    expect(four.machine.instret).toBe(4 * one.machine.instret);
  });

  it('an instruction takes nsPerInstruction', () => {
    for (const ns of [1, 10, 37]) {
      const g = guest('j .', { nsPerInstruction: ns });
      g.machine.run(370_000);
      expect(g.machine.harts[0].instret).toBeGreaterThanOrEqual(370_000 / ns);
      expect(g.machine.harts[0].localNs).toBe(g.machine.harts[0].instret * ns);
      expect(g.machine.now - 370_000).toBeLessThan(100_000); // one hart: ten rounds at a time
    }
  });

  it('a hart that is woken by another one starts no earlier than it was woken', () => {
    const g = guest(
      `
      csrr t0, mhartid
      beqz t0, first
      csrwi mie, MSIE
      wfi
      rdtime s1
      lw s2, sent
      sltu a0, s1, s2
      exit_a0
    first:
      li t1, 500
    1: addi t1, t1, -1
      bnez t1, 1b
      la t3, sent
      rdtime t0
      sw t0, 0(t3)
      li t2, CLINT
      li t1, 1
      sw t1, 4(t2)
      j .
      .data
    sent: .word 0
    `,
      { harts: 2, roundNs: 100_000 },
    );
    expect(g.run()).toEqual({ kind: 'exit', code: 0 });
    expect(g.machine.harts[1].x[9]).toBeGreaterThan(90);
  });
});

describe('step', () => {
  it('runs one instruction of one hart, and is refused while it waits', () => {
    const g = guest('li s0, 1\nli s1, 2\nwfi', { harts: 2 });
    const [zero, one] = g.machine.harts;
    expect(g.machine.step(one)).toBe(true);
    expect([one.x[8], zero.x[8]]).toEqual([1, 0]);
    expect(g.machine.step(one)).toBe(true);
    expect(g.machine.step(one)).toBe(true);
    expect(one.waiting).toBe(true);
    expect(g.machine.step(one)).toBe(false);
    expect(one.instret).toBe(3);
    expect(zero.instret).toBe(0);
  });
});
