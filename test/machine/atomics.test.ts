// LR/SC and AMO (unprivileged ISA, chapter 13): what breaks a reservation, and that nothing is lost.
import { describe, expect, it } from 'vitest';
import { guest } from './guest.ts';

/** Hart 0: lr, tells hart 1, waits for it, sc. Hart 1 does `other` in between. s2 of hart 0: sc's result. */
function scResult(other: string, own = ''): number {
  const g = guest(
    `
    la s0, word
    la s1, flag
    csrr t0, mhartid
    bnez t0, second
    lr.w t1, (s0)
    ${own}
    li t2, 1
    sw t2, 0(s1)
  1: lw t2, 4(s1)
    beqz t2, 1b
    li t3, 5
    sc.w s2, t3, (s0)
    exit 0
  second:
    lw t2, 0(s1)
    beqz t2, second
    ${other}
    li t2, 1
    sw t2, 4(s1)
    j .
    .data
    .balign 4096
  flag: .word 0, 0
    .balign 4096
  word: .word 1, 2, 3
    .zero 100
    .word 0
  `,
    { harts: 2, roundNs: 50 },
  );
  expect(g.run()).toEqual({ kind: 'exit', code: 0 });
  return g.machine.harts[0].x[18];
}

describe('reservations', () => {
  it.each([
    ['nothing happens', '', 0],
    ['another hart stores the same value', 'li t3, 1\nsw t3, 0(s0)', 1],
    ['another hart stores one byte of it', 'sb zero, 3(s0)', 1],
    ['another hart stores a halfword of it', 'sh zero, 2(s0)', 1],
    ['another hart stores across into it', 'sw zero, -2(s0)', 1],
    ['another hart does an AMO on it', 'amoor.w t3, zero, (s0)', 1],
    ['another hart does lr/sc on it', 'lr.w t3, (s0)\nsc.w t3, t3, (s0)', 1],
    ['another hart only loads it', 'lw t3, 0(s0)\nlr.w t3, (s0)', 0],
    ['another hart stores to the words around it', 'sw zero, 4(s0)\nsw zero, -4(s0)', 0],
    ['another hart stores elsewhere in the page', 'sw zero, 100(s0)', 0],
  ])('%s', (_name, other, result) => {
    expect(scResult(other)).toBe(result);
  });

  it('a store by the hart itself does not break it', () => {
    expect(scResult('', 'li t3, 9\nsw t3, 0(s0)')).toBe(0);
  });
  it('a second lr moves it', () => {
    expect(scResult('sw zero, 4(s0)', 'addi t4, s0, 4\nlr.w t3, (t4)\nlr.w t3, (s0)')).toBe(0);
    expect(scResult('', 'addi t4, s0, 4\nlr.w t3, (t4)')).toBe(1);
  });
  it('an sc uses it up, whether or not it succeeds', () => {
    expect(scResult('', 'addi t4, s0, 8\nsc.w t3, t3, (t4)')).toBe(1);
    expect(scResult('', 'sc.w t3, t3, (s0)')).toBe(1);
  });
  it('a store by the host breaks it', () => {
    const g = guest(
      'la s0, word\nlr.w t0, (s0)\nnop\nnop\nsc.w s2, t0, (s0)\nexit 0\n.data\nword: .word 7',
    );
    g.machine.run(1e6, { maxInstructions: 4 });
    g.machine.writeMemory(g.at('word'), Uint8Array.of(7));
    g.run();
    expect(g.machine.harts[0].x[18]).toBe(1);
  });
  it.each(['mret', 'jr t0'])('a trap drops it, also if its handler leaves with %s', (leave) => {
    const g = guest(`
      la t0, handler
      csrw mtvec, t0
      la s0, word
      lr.w t1, (s0)
      ecall
      sc.w s2, t1, (s0)
      exit 0
      .balign 4
    handler:
      csrr t0, mepc
      addi t0, t0, 4
      csrw mepc, t0
      ${leave}
      .data
    word: .word 7
    `);
    g.run();
    expect(g.machine.harts[0].x[18]).toBe(1);
  });
  it('the flag of a page does not outlive its reservations', () => {
    const g = guest(
      'la s0, word\nlr.w t0, (s0)\nsc.w t1, t0, (s0)\nexit 0\n.data\n.balign 4096\nword: .word 7',
    );
    g.run();
    expect(g.machine.memory.flags[(g.at('word') - 0x80000000) >>> 12]).toBe(0);
  });
});

describe('four harts', () => {
  it.each([
    ['amoadd', '1: amoadd.w zero, s1, (s0)\n'],
    ['lr/sc', '1: lr.w t0, (s0)\nadd t0, t0, s1\nsc.w t1, t0, (s0)\nbnez t1, 1b\n'],
    [
      'a spin lock around plain accesses',
      `1: amoswap.w.aq t0, s1, 4(s0)
       bnez t0, 1b
       lw t0, 0(s0)
       addi t0, t0, 1
       sw t0, 0(s0)
       fence rw, w
       amoswap.w.rl zero, zero, 4(s0)
      `.replaceAll('4(s0)', '(s4)'),
    ],
  ])('lose no increment with %s, at any round length', (_name, body) => {
    for (const roundNs of [10, 130, 10_000]) {
      const g = guest(
        `
        la s0, word
        addi s4, s0, 4
        li s1, 1
        li s2, 3000
      again:
        ${body}
        addi s2, s2, -1
        bnez s2, again
        la s3, done
        amoadd.w zero, s1, (s3)
        csrr t0, mhartid
        bnez t0, wait
      2: lw t0, 0(s3)
        li t1, 4
        bne t0, t1, 2b
        exit 0
      wait: wfi
        .data
      word: .word 0, 0
      done: .word 0
      `,
        { harts: 4, roundNs },
      );
      expect(g.run()).toEqual({ kind: 'exit', code: 0 });
      expect(g.word('word')).toBe(12_000);
    }
  });
});
