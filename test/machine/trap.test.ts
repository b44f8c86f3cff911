// Traps, after the privileged ISA 1.13, chapter 3, and what the machine documents beyond it.
import { describe, expect, it } from 'vitest';
import { guest, RAM } from './guest.ts';

/**
 * Runs `body` (which must trap once, at the label `here`) and gives what the handler saw.
 * The handler leaves mcause, mtval, mepc in memory.
 */
function trapOf(body: string) {
  const g = guest(`
    la t0, handler
    csrw mtvec, t0
    ${body}
    exit 99
    .balign 4
  handler:
    la t0, seen
    csrr t1, mcause
    sw t1, 0(t0)
    csrr t1, mtval
    sw t1, 4(t0)
    csrr t1, mepc
    sw t1, 8(t0)
    csrr t1, mstatus
    sw t1, 12(t0)
    exit 1
    .data
    .balign 4
  seen: .word 0, 0, 0, 0
  `);
  expect(g.run()).toEqual({ kind: 'exit', code: 1 });
  return {
    g,
    cause: g.word('seen', 0),
    tval: g.word('seen', 1),
    epc: g.word('seen', 2),
    mstatus: g.word('seen', 3),
  };
}

describe('exceptions', () => {
  it.each([
    ['illegal 32-bit word', 'here: .word 0xffffffff', 2, 0xffffffff],
    ['illegal halfword of zeros: mtval has 16 bits', 'here: .half 0', 2, 0],
    ['reserved c.lwsp x0', 'here: .half 0x4002', 2, 0x4002],
    ['CSR that does not exist', 'here: csrr t1, 0x123', 2, 0x12302373],
    ['write to a read-only CSR', 'here: csrw mhartid, t1', 2, 0xf1431073],
    ['csrrs of a read-only CSR with rs1 other than x0', 'here: csrrs t1, cycle, t1', 2, 0xc0032373],
    ['ecall from M', 'here: ecall', 11, 0],
    ['load from a hole', 'li t1, 0x40000000\nhere: lw t2, 4(t1)', 5, 0x40000004],
    ['store to a hole', 'li t1, 0x40000000\nhere: sb t2, 4(t1)', 7, 0x40000004],
    ['load beyond the end of RAM', 'li t1, 0x80100000\nhere: lbu t2, 0(t1)', 5, 0x80100000],
    ['load across the end of RAM', 'li t1, 0x800fffff\nhere: lw t2, 0(t1)', 5, 0x800fffff],
    ['store across the end of RAM', 'li t1, 0x800fffff\nhere: sh t2, 0(t1)', 7, 0x800fffff],
    ['misaligned load from a device', 'li t1, CLINT\nhere: lw t2, 2(t1)', 4, 0x2000002],
    ['misaligned store to a device', 'li t1, CLINT\nhere: sh t2, 1(t1)', 6, 0x2000001],
    ['misaligned lr.w', 'la t1, seen + 2\nhere: lr.w t2, (t1)', 4, undefined],
    ['misaligned sc.w', 'la t1, seen + 1\nhere: sc.w t2, t2, (t1)', 6, undefined],
    ['misaligned AMO', 'la t1, seen + 2\nhere: amoadd.w t2, t2, (t1)', 6, undefined],
    ['AMO on a device', 'li t1, CLINT\nhere: amoadd.w t2, t2, (t1)', 7, 0x2000000],
    ['lr.w from a device', 'li t1, CLINT\nhere: lr.w t2, (t1)', 5, 0x2000000],
    ['sc.w to a hole', 'li t1, 0x40000000\nhere: sc.w t2, t2, (t1)', 7, 0x40000000],
  ])('%s', (_name, body, cause, tval) => {
    const seen = trapOf(body);
    expect(seen.cause).toBe(cause);
    expect(seen.epc).toBe(seen.g.at('here'));
    if (tval !== undefined) expect(seen.tval).toBe(tval);
  });

  it('ebreak has its own address in mtval', () => {
    const seen = trapOf('here: ebreak');
    expect([seen.cause, seen.tval, seen.epc]).toEqual([3, seen.g.at('here'), seen.g.at('here')]);
  });

  it('a jump into a hole faults at the target, with the link register written', () => {
    const seen = trapOf('li t1, 0x40000000\nhere: jalr ra, 2(t1)');
    expect([seen.cause, seen.tval, seen.epc]).toEqual([1, 0x40000002, 0x40000002]);
    expect(seen.g.machine.harts[0].x[1] >>> 0).toBe(seen.g.at('here') + 4);
  });

  it('a jump into a device is a fetch access fault', () => {
    expect(trapOf('li t1, UART\nhere: jr t1').cause).toBe(1);
  });

  it('a 32-bit instruction across the end of RAM: mtval is the part that is missing', () => {
    const seen = trapOf('li t1, 0x800ffffe\nli t2, 0x0013\nsh t2, 0(t1)\nhere: jr t1');
    expect([seen.cause, seen.tval, seen.epc]).toEqual([1, 0x80100000, 0x800ffffe]);
  });

  it('a trapping load leaves its destination alone', () => {
    const seen = trapOf('li t2, 77\nli t1, 0x40000000\nhere: lw t2, 0(t1)');
    expect(seen.g.machine.harts[0].x[7]).toBe(77);
  });

  it('an instruction that traps does not retire', () => {
    const g = guest(`
      la t0, handler
      csrw mtvec, t0
      csrr s0, minstret
      ecall
      .balign 4
    handler:
      csrr s1, minstret
      exit 0
    `);
    g.run();
    expect(g.machine.harts[0].x[9] - g.machine.harts[0].x[8]).toBe(1); // the csrr, not the ecall
  });

  it('mstatus: MPIE takes MIE, MIE is cleared, MPP reads M; mret puts MIE back', () => {
    const g = guest(`
      la t0, handler
      csrw mtvec, t0
      csrsi mstatus, MIE
      ecall
      csrr s2, mstatus
      exit 0
      .balign 4
    handler:
      csrr s1, mstatus
      csrr t0, mepc
      addi t0, t0, 4
      csrw mepc, t0
      mret
    `);
    g.run();
    expect(g.machine.harts[0].x[9]).toBe(0x1880);
    expect(g.machine.harts[0].x[18]).toBe(0x1888);
  });
});

describe('misaligned accesses in RAM', () => {
  it('work for plain loads and stores, also across a page', () => {
    const g = guest(`
      li t0, ${RAM + 0x5fff}
      li t1, 0x80c1d2e3
      sw t1, 0(t0)
      lw s2, 0(t0)
      lh s3, 2(t0)
      lhu s4, 2(t0)
      lh s5, 0(t0)
      sh t1, 3(t0)
      lw s6, 1(t0)
      exit 0
    `);
    g.run();
    const x = g.machine.harts[0].x;
    expect(x[18] >>> 0).toBe(0x80c1d2e3);
    expect(x[19] >>> 0).toBe(0xffff80c1);
    expect(x[20] >>> 0).toBe(0x80c1);
    expect(x[21] >>> 0).toBe(0xffffd2e3);
    expect(x[22] >>> 0).toBe(0xd2e3c1d2); // d2 c1 e3 d2
  });
});

describe('interrupts', () => {
  const SOFTWARE = `
    la t0, vector
    ori t0, t0, MODE
    csrw mtvec, t0
    li t0, MSIE
    csrs mie, t0
    csrsi mstatus, MIE
    li t0, CLINT
    li t1, 1
    sw t1, 0(t0)
  after:
    exit 9
    .balign 256
  vector:
    j exception
    nop
    nop
    j software
  exception:
    li s1, 1
    j done
  software:
    li s1, 2
  done:
    csrr s2, mcause
    csrr s3, mepc
    exit 0
  `;
  it('vectored mtvec: interrupt n goes to base + 4n; taken right behind the store that raises it', () => {
    const g = guest(`.equ MODE, 1\n${SOFTWARE}`);
    g.run();
    const x = g.machine.harts[0].x;
    expect(x[9]).toBe(2);
    expect(x[18] >>> 0).toBe(0x80000003);
    expect(x[19] >>> 0).toBe(g.at('after'));
  });

  it('direct mtvec: everything goes to base', () => {
    const g = guest(`.equ MODE, 0\n${SOFTWARE}`);
    g.run();
    expect(g.machine.harts[0].x[9]).toBe(1);
  });

  it('external before software before timer', () => {
    const g = guest(`
      la t0, handler
      csrw mtvec, t0
      # timer: due at once; software: set; external: UART transmitter empty through the PLIC
      li t0, MTIMECMP
      sw zero, 0(t0)
      sw zero, 4(t0)
      li t0, CLINT
      li t1, 1
      sw t1, 0(t0)
      li t0, PLIC
      sw t1, 40(t0)          # priority of source 10
      li t2, 1 << 10
      li t3, PLIC + 0x2000
      sw t2, 0(t3)
      li t0, UART
      li t1, 2
      sb t1, 1(t0)           # IER: THRE
      li t1, MSIE | MTIE | MEIE
      csrw mie, t1
      la s0, seen
      csrsi mstatus, MIE
    first: nop
      exit 0
      .balign 4
    handler:
      csrr t1, mcause
      sb t1, 0(s0)
      addi s0, s0, 1
      # mask what came, return, and the next in line comes
      li t2, 1
      sll t2, t2, t1
      csrc mie, t2
      mret
      .data
    seen: .word 0
    `);
    expect(g.run()).toEqual({ kind: 'exit', code: 0 });
    expect(g.word('seen')).toBe(0x00_07_03_0b);
  });

  it('csrw to mstatus enables a pending interrupt before the next instruction', () => {
    const g = guest(`
      la t0, handler
      csrw mtvec, t0
      li t0, CLINT
      li t1, 1
      sw t1, 0(t0)
      csrwi mie, MSIE
      csrwi mstatus, MIE
    next:
      exit 1
      .balign 4
    handler:
      csrr s3, mepc
      exit 0
    `);
    expect(g.run()).toEqual({ kind: 'exit', code: 0 });
    expect(g.machine.harts[0].x[19] >>> 0).toBe(g.at('next'));
  });

  it('the timer interrupts a loop of plain instructions at its time, not a round late', () => {
    const g = guest(
      `
      la t0, handler
      csrw mtvec, t0
      li t0, MTIMECMP
      li t1, 50              # 50 ticks of 100 ns
      sw t1, 0(t0)
      sw zero, 4(t0)
      li t1, MTIE
      csrw mie, t1
      csrsi mstatus, MIE
    loop:
      addi s0, s0, 1
      j loop
      .balign 4
    handler:
      rdtime s1
      exit 0
    `,
      { roundNs: 1_000_000 },
    );
    expect(g.run()).toEqual({ kind: 'exit', code: 0 });
    expect(g.machine.harts[0].x[9]).toBe(50);
  });
});

describe('wfi', () => {
  it('waits without executing anything and goes on with MIE off when an interrupt is pending', () => {
    const g = guest(`
      li t0, MTIMECMP
      li t1, 10000           # 1 ms
      sw t1, 0(t0)
      sw zero, 4(t0)
      li t1, MTIE
      csrw mie, t1
      wfi
      rdtime s1
      exit 0
    `);
    expect(g.run()).toEqual({ kind: 'exit', code: 0 });
    expect(g.machine.harts[0].x[9]).toBe(10000);
    expect(g.machine.harts[0].instret).toBeLessThan(30);
  });

  it('is a nop when something is pending already', () => {
    const g = guest(`
      li t0, CLINT
      li t1, 1
      sw t1, 0(t0)
      csrwi mie, MSIE
      wfi
      exit 3
    `);
    expect(g.run()).toEqual({ kind: 'exit', code: 3 });
  });
});

describe('guests that cannot go on', () => {
  it('mtvec in a hole: the handler faults at its first instruction', () => {
    const g = guest('li t0, 0x40000000\ncsrw mtvec, t0\necall');
    const stop = g.run();
    expect(stop).toMatchObject({ kind: 'stuck', hart: 0 });
    expect(stop.kind === 'stuck' && stop.reason).toMatch(
      /double trap: instruction access fault.*0x40000000/,
    );
    expect(g.machine.harts[0].instret).toBe(2); // lui, csrw; the ecall did not retire
  });

  it('an illegal instruction as first instruction of the handler', () => {
    const stop = guest('la t0, h\ncsrw mtvec, t0\necall\n.balign 4\nh: .word 0').run();
    expect(stop).toMatchObject({ kind: 'stuck' });
  });

  it('a handler that overflows its own stack: trap storm', () => {
    const stop = guest(`
      la t0, handler
      csrw mtvec, t0
      li sp, 0x40000000
      ecall
      .balign 4
    handler:
      addi sp, sp, -16
      sw ra, 0(sp)
      mret
    `).run();
    expect(stop.kind === 'stuck' && stop.reason).toMatch(/trap storm: store.*access fault/);
  });

  it('a handler that returns to the ebreak it came from: trap storm', () => {
    const stop = guest(`
      la t0, handler
      csrw mtvec, t0
      ebreak
      .balign 4
    handler:
      nop
      mret
    `).run();
    expect(stop.kind === 'stuck' && stop.reason).toMatch(/trap storm: breakpoint/);
  });

  it('a loop of ecalls that are served is no storm', () => {
    const g = guest(`
      la t0, handler
      csrw mtvec, t0
      li s0, 30000
    again:
      ecall
      addi s0, s0, -1
      bnez s0, again
      exit 0
      .balign 4
    handler:
      csrr t0, mepc
      addi t0, t0, 4
      csrw mepc, t0
      mret
    `);
    expect(g.run()).toEqual({ kind: 'exit', code: 0 });
  });

  it('wfi with nothing enabled, on all harts', () => {
    const stop = guest('wfi\nj .', { harts: 3 }).run();
    expect(stop).toMatchObject({ kind: 'stuck' });
  });

  it('wfi for the timer that was never set', () => {
    expect(guest('li t0, MTIE\ncsrw mie, t0\nwfi').run()).toMatchObject({ kind: 'stuck' });
  });

  it('wfi for the UART is not stuck: input may come', () => {
    const g = guest(`
      li t0, PLIC
      li t1, 1
      sw t1, 40(t0)
      li t2, 1 << 10
      li t3, PLIC + 0x2000
      sw t2, 0(t3)
      li t1, MEIE
      csrw mie, t1
      wfi
      exit 0
    `);
    expect(g.machine.run(1e9, { stopWhenIdle: true })).toEqual({
      kind: 'idle',
      nextEventNs: Infinity,
    });
    expect(g.machine.run(1e9)).toEqual({ kind: 'time' });
    expect(g.machine.now).toBe(1e9);
    expect(g.machine.run(Infinity)).toEqual({ kind: 'idle', nextEventNs: Infinity });
  });
});
