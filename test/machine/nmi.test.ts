// Resumable NMIs after Smrnmi 1.0, and the controller that raises them.
import { describe, expect, it } from 'vitest';
import { guest } from './guest.ts';

const SETUP = `
    la t0, trap
    csrw mtvec, t0
    la t0, nmi
    li t1, NMI
    sw t0, 0(t1)
    csrsi mnstatus, NMIE
`;

describe('NMI', () => {
  it('is taken although interrupts are off, keeps mepc and mcause, and returns with mnret', () => {
    const g = guest(`
      ${SETUP}
      li t0, 0x1234
      csrw mepc, t0
      li t0, 3
      csrw mcause, t0
    loop:
      addi s0, s0, 1
      beqz s1, loop
      csrr s8, mnstatus
      exit 0
      .balign 4
    trap: exit 1
      .balign 4
    nmi:
      li s1, 1
      csrr s2, mncause
      csrr s3, mnepc
      csrr s4, mepc
      csrr s5, mcause
      csrr s6, mnstatus
      mnret
    `);
    g.machine.run(5_000);
    g.machine.raiseNmi(0, 5);
    expect(g.run()).toEqual({ kind: 'exit', code: 0 });
    const x = g.machine.harts[0].x;
    expect(x[18] >>> 0).toBe(0x80000005);
    expect([g.at('loop'), g.at('loop') + 4]).toContain(x[19] >>> 0);
    expect(x[20]).toBe(0x1234);
    expect(x[21]).toBe(3);
    expect(x[22]).toBe(0x1800); // NMIE 0, MNPP M
    expect(x[24]).toBe(0x1808);
  });

  it('does not nest: a second one waits for mnret', () => {
    const g = guest(`
      ${SETUP}
      li t1, NMI + 0x100
      sw zero, 0(t1)          # raises an NMI on hart 0, taken here
      li t2, 2
      bne s0, t2, .
      exit 0
      .balign 4
    trap: exit 1
      .balign 4
    nmi:
      addi s0, s0, 1
      lw s3, 0(t1)
      bnez s4, 1f
      li s4, 1
      sw zero, 0(t1)
      bne s0, s4, trap        # still in the first
      lw s5, 0(t1)
    1: mnret
    `);
    expect(g.run()).toEqual({ kind: 'exit', code: 0 });
    expect(g.machine.harts[0].x[21]).toBe(1);
  });

  it('masks interrupts until mnret', () => {
    const g = guest(`
      ${SETUP}
      csrwi mie, MSIE
      csrsi mstatus, MIE
      li t1, NMI + 0x100
      sw zero, 0(t1)
      nop
      exit 1
      .balign 4
    trap:
      csrr s3, mepc
      exit 0
      .balign 4
    nmi:
      li t2, CLINT
      li t3, 1
      sw t3, 0(t2)
      nop
      li s2, 1
      mnret
    `);
    expect(g.run()).toEqual({ kind: 'exit', code: 0 });
    expect(g.machine.harts[0].x[18]).toBe(1);
  });

  it('an exception in the handler goes to the RNMI exception handler, or to mtvec without one', () => {
    for (const [vector, code] of [
      ['la t0, other\nli t1, NMI\nsw t0, 4(t1)', 5],
      ['', 6],
    ] as const) {
      const g = guest(`
        ${SETUP}
        ${vector}
        li t1, NMI + 0x100
        sw zero, 0(t1)
        exit 1
        .balign 4
      trap: exit 6
        .balign 4
      other: exit 5
        .balign 4
      nmi: ecall
      `);
      expect(g.run()).toEqual({ kind: 'exit', code });
    }
  });

  it('NMIE cannot be cleared by software', () => {
    const g = guest(`${SETUP}
      csrci mnstatus, NMIE
      csrr s2, mnstatus
      exit 0
      trap:
      nmi: exit 1`);
    g.run();
    expect(g.machine.harts[0].x[18]).toBe(0x1808);
  });

  it('stays pending until there is a handler and NMIE is set; wakes from wfi', () => {
    const g = guest(`
      csrwi mie, MSIE          # something to wait for
      li t0, MTIMECMP
      li t1, 1000
      sw t1, 0(t0)
      sw zero, 4(t0)
      li t0, MTIE
      csrs mie, t0
      wfi                      # until 100 us
      ${SETUP}
      exit 1
    trap: exit 2
      .balign 4
    nmi: exit 0
    `);
    g.machine.run(50_000);
    g.machine.raiseNmi(0);
    g.machine.run(90_000);
    expect(g.machine.harts[0].waiting).toBe(true); // no handler yet: not even a wakeup
    expect(g.run()).toEqual({ kind: 'exit', code: 0 });
  });

  it('one hart raises it on another one that waits', () => {
    const g = guest(
      `
      csrr t0, mhartid
      bnez t0, second
      ${SETUP}
      li t1, NMI + 0x104
      li t2, 0x42
    1: lw t3, ready
      beqz t3, 1b
      sw t2, 0(t1)
      j .
    second:
      csrsi mnstatus, NMIE
      csrwi mie, MSIE
      la t0, ready
      sw t0, 0(t0)
      wfi
      exit 1
    trap: exit 2
      .balign 4
    nmi:
      csrr a0, mncause
      andi a0, a0, 0x7f
      exit_a0
      .data
    ready: .word 0
    `,
      { harts: 2 },
    );
    expect(g.run()).toEqual({ kind: 'exit', code: 0x42 });
  });

  it('a pending NMI does not take the place of an interrupt while NMIE is 0', () => {
    const g = guest(`
      la t0, trap
      csrw mtvec, t0
      la t0, nmi
      li t1, NMI
      sw t0, 0(t1)
      sw zero, 0x100(t1)
      csrwi mie, MSIE
      csrsi mstatus, MIE
      li t0, CLINT
      li t1, 1
      sw t1, 0(t0)
      exit 1
      .balign 4
    trap: exit 0
      .balign 4
    nmi: exit 2
    `);
    expect(g.run()).toEqual({ kind: 'exit', code: 0 });
  });

  it('a guest that never sets NMIE gets its ordinary interrupts', () => {
    const g = guest(`
      la t0, trap
      csrw mtvec, t0
      csrwi mie, MSIE
      csrsi mstatus, MIE
      li t0, CLINT
      li t1, 1
      sw t1, 0(t0)
      exit 1
      .balign 4
    trap: exit 0
    `);
    expect(g.run()).toEqual({ kind: 'exit', code: 0 });
  });

  it('on a hart that does not exist is an error of the caller', () => {
    expect(() => guest('wfi').machine.raiseNmi(3)).toThrow(
      /no hart 3: this machine has harts 0 to 0/,
    );
  });
});
