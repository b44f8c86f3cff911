// CSRs: WARL fields, counters and PMP, after the privileged ISA 1.13, chapter 3.
import { describe, expect, it } from 'vitest';
import { guest } from './guest.ts';

/** Writes `value` to a CSR and reads it back, after what `before` did. */
function writeRead(csr: string, value: number, before = ''): number {
  const g = guest(`${before}\nli t1, ${value}\ncsrw ${csr}, t1\ncsrr s2, ${csr}\nexit 0`);
  expect(g.run()).toEqual({ kind: 'exit', code: 0 });
  return g.machine.harts[0].x[18] >>> 0;
}

describe('WARL', () => {
  it.each([
    ['mstatus', 0xffffffff, 0x1888], // MIE, MPIE; MPP is always M
    ['mstatus', 0, 0x1800],
    ['mstatush', 0xffffffff, 0],
    ['misa', 0, 0x40001105], // RV32, A C I M, not changeable
    ['mie', 0xffffffff, 0x888],
    ['mip', 0xffffffff, 0],
    ['mtvec', 0x80000101, 0x80000101],
    ['mtvec', 0x80000102, 0], // reserved mode: keeps the old value
    ['mscratch', 0xdeadbeef, 0xdeadbeef],
    ['mepc', 0xffffffff, 0xfffffffe],
    ['mcause', 0x8000000b, 0x8000000b],
    ['mtval', 0x12345678, 0x12345678],
    ['mhpmcounter3', 5, 0],
    ['mhpmevent31', 5, 0],
    ['mnscratch', 0xdeadbeef, 0xdeadbeef],
    ['mnepc', 0x80000003, 0x80000002],
    ['mncause', 0x80000002, 0x80000002],
    ['pmpaddr15', 0xffffffff, 0xffffffff],
    ['pmpcfg0', 0x1f, 0x1f],
    ['pmpcfg0', 0x7f, 0x1f], // bits 6:5 are zero
    ['pmpcfg1', 0x02000000, 0], // W without R is reserved
  ])('%s = %i reads %i', (csr, value, expected) => {
    expect(writeRead(csr, value)).toBe(expected);
  });

  it('machine information registers are zero, mhartid is the hart', () => {
    const g = guest(
      `csrr s2, mhartid
       csrr s3, mvendorid
       csrr s4, mconfigptr
       csrr s5, marchid
       wfi`,
      { harts: 2 },
    );
    g.run();
    expect([...g.machine.harts[1].x.subarray(18, 22)]).toEqual([1, 0, 0, 0]);
  });

  it.each(['mcounteren', 'menvcfg', 'medeleg', 'mideleg', 'sstatus', 'satp', 'pmpcfg4'])(
    '%s does not exist without S- or U-mode, or with 16 PMP entries',
    (csr) => {
      const g = guest(
        `la t0, trap\ncsrw mtvec, t0\ncsrr t1, ${csr}\nexit 1\n.balign 4\ntrap: exit 0`,
      );
      expect(g.run()).toEqual({ kind: 'exit', code: 0 });
    },
  );

  it('csrrs and csrrc with x0 do not write', () => {
    const g = guest(`
      la t0, handler
      csrw mtvec, t0
      csrrs s2, mhartid, x0
      csrrc s3, cycle, x0
      csrrsi s4, mhartid, 0
      exit 0
      .balign 4
    handler: exit 1
    `);
    expect(g.run()).toEqual({ kind: 'exit', code: 0 });
  });

  it('csrrw reads the old value also into the register that it writes from', () => {
    const g = guest('li s2, 5\ncsrw mscratch, s2\nli s2, 9\ncsrrw s2, mscratch, s2\nexit 0');
    g.run();
    expect(g.machine.harts[0].x[18]).toBe(5);
    expect(g.machine.harts[0].readCsr(0x340)).toBe(9);
  });
});

describe('PMP locks', () => {
  it('a locked entry keeps configuration and address', () => {
    expect(writeRead('pmpcfg0', 0x00, 'li t1, 0x99\ncsrw pmpcfg0, t1')).toBe(0x99);
    expect(writeRead('pmpaddr0', 5, 'li t1, 0x99\ncsrw pmpcfg0, t1')).toBe(0);
  });
  it('a locked TOR entry also keeps the address below it', () => {
    expect(writeRead('pmpaddr0', 5, 'li t1, 0x8900\ncsrw pmpcfg0, t1')).toBe(0);
    expect(writeRead('pmpaddr2', 5, 'li t1, 0x8900\ncsrw pmpcfg0, t1')).toBe(5);
  });
});

describe('counters', () => {
  it('mcycle and minstret count instructions; a written value is what the next one reads', () => {
    const g = guest(`
      csrr s2, minstret
      nop
      nop
      csrr s3, minstret
      li t0, 1000
      csrw minstret, t0
      csrr s4, minstret
      csrw mcycle, t0
      nop
      csrr s5, mcycle
      csrr s6, cycle
      csrr s7, instret
      exit 0
    `);
    g.run();
    const x = g.machine.harts[0].x;
    expect(x[18]).toBe(0);
    expect(x[19]).toBe(3);
    expect(x[20]).toBe(1000);
    expect(x[21]).toBe(1001);
    expect(x[22]).toBe(1002);
    expect(x[23]).toBe(1005);
  });

  it('carry into the high half', () => {
    const g = guest(`
      li t0, -2
      csrw mcycle, t0
      li t1, 7
      csrw mcycleh, t1
      nop
      nop
      csrr s2, mcycleh
      csrr s3, mcycle
      exit 0
    `);
    g.run();
    expect([...g.machine.harts[0].x.subarray(18, 20)]).toEqual([8, 3]);
  });

  it('mcountinhibit stops and restarts each of them', () => {
    const g = guest(`
      csrwi mcountinhibit, 5
      csrr s2, mcycle
      nop
      csrr s3, mcycle
      csrr s4, minstret
      csrwi mcycle, 20
      csrr s5, mcycle
      csrwi mcountinhibit, 4
      nop
      csrr s6, mcycle
      csrr s7, minstret
      exit 0
    `);
    g.run();
    const x = [...g.machine.harts[0].x.subarray(18, 24)];
    expect(x[0]).toBe(x[1]);
    expect(x[2]).toBe(1); // the csrwi itself
    expect(x[3]).toBe(20);
    expect(x[4]).toBe(21);
    expect(x[5]).toBe(1);
  });

  it('time moves on within a slice: 10 ns per instruction, 100 ns per tick', () => {
    const g = guest('rdtime s2\nli t0, 1000\n1: addi t0, t0, -1\nbnez t0, 1b\nrdtime s3\nexit 0');
    g.run();
    const [start, end] = g.machine.harts[0].x.subarray(18, 20);
    expect(end - start).toBe(200);
  });

  it('time shows mtime and never runs backwards from one hart to another', () => {
    const g = guest(
      `
      la t0, shared
    1: lw t2, 0(t0)          # the latest that anybody has read
      rdtime t1
      bltu t1, t2, fail
      amomaxu.w zero, t1, (t0)
      addi s0, s0, 1
      li t3, 20000
      blt s0, t3, 1b
      wfi
    fail: exit 1
      .data
    shared: .word 0
    `,
      { harts: 4, roundNs: 7777 },
    );
    expect(g.run()).toMatchObject({ kind: 'stuck' }); // all in wfi, nobody at `fail`
  });
});
