// Code that changes: decoded blocks must never outlive the memory they came from.
import { describe, expect, it } from 'vitest';
import { guest as makeGuest } from './guest.ts';

const LI_S2_7 = '0x00700913'; // addi s2, x0, 7

describe.each(['never', 'always'] as const)('self-modifying code, compiled %s', (compile) => {
  const guest = (source: string, options = {}) =>
    makeGuest(source, { compile, roundNs: 700, ...options });

  it('the very next instruction is seen as it was stored', () => {
    const g = guest(`
      la t0, 1f
      li t1, ${LI_S2_7}
      sw t1, 0(t0)
    1: li s2, 1
      exit 0
    `);
    g.run();
    expect(g.machine.harts[0].x[18]).toBe(7);
  });

  it('a block that was executed and linked before is seen as it was changed, with or without fence.i', () => {
    for (const fence of ['fence.i', '']) {
      const g = guest(`
        li s0, 3000            # hot enough to be linked
        li s3, 0
      loop:
        call target
        add s3, s3, s2
        addi s0, s0, -1
        bnez s0, loop
        bnez s4, done
        li s4, 1
        la t0, target
        li t1, ${LI_S2_7}
        sw t1, 0(t0)
        ${fence}
        li s0, 1000
        j loop
      done:
        exit 0
        .balign 4096
      target:
        li s2, 1
        ret
      `);
      g.run();
      expect(g.machine.harts[0].x[19]).toBe(3000 + 7000);
    }
  });

  it('half of a 32-bit instruction that lies across two pages', () => {
    const g = guest(
      `
      j 1f
      .balign 4096
      .zero 4094
    target:
      li s2, 1               # its upper half, with the immediate, is in the next page
      ret
    1: call target
      la t0, target
      li t1, 0x0070
      sh t1, 2(t0)
      call target
      exit 0
    `.replace('.balign 4096\n      .zero 4094', '.balign 4096\n      .zero 4094'),
    );
    g.run();
    expect(g.machine.harts[0].x[18]).toBe(7);
  });

  it('code changed by another hart and by the host', () => {
    const g = guest(
      `
      csrr t0, mhartid
      bnez t0, writer
    1: call target
      li t1, 7
      bne s2, t1, 1b
      exit 0
    writer:
      la t0, target
      li t1, ${LI_S2_7}
      li t2, 2000
    2: addi t2, t2, -1
      bnez t2, 2b
      sw t1, 0(t0)
      wfi
    target:
      li s2, 1
      ret
    `,
      { harts: 2 },
    );
    expect(g.run()).toEqual({ kind: 'exit', code: 0 });

    const h = guest('1: call target\nli t1, 7\nbne s2, t1, 1b\nexit 0\ntarget: li s2, 1\nret');
    h.machine.run(1e6);
    h.machine.writeMemory(h.at('target'), Uint8Array.of(0x13, 0x09, 0x70, 0x00));
    expect(h.run()).toEqual({ kind: 'exit', code: 0 });
  });

  it('data beside code in one page costs nothing but time', () => {
    const g = guest(`
      li s0, 1000
      la t0, counter
    1: lw t1, 0(t0)
      addi t1, t1, 1
      sw t1, 0(t0)
      addi s0, s0, -1
      bnez s0, 1b
      exit 0
    counter: .word 0
    `);
    g.run();
    expect(g.word('counter')).toBe(1000);
    expect(g.machine.harts[0].instret).toBeLessThan(5100);
  });

  it('code that is rewritten for ever does not fill the cache for ever', () => {
    const g = guest(`
      la t0, target
      li t1, 0x00090913        # addi s2, s2, 0 … with a growing immediate
      li s0, 20000
    1: li t2, 1 << 20
      xor t1, t1, t2
      sw t1, 0(t0)
      call target
      addi s0, s0, -1
      bnez s0, 1b
      exit 0
      .balign 4096
    target:
      nop
      ret
    `);
    expect(g.run()).toEqual({ kind: 'exit', code: 0 });
    expect(g.machine.harts[0].x[18]).toBe(10_000);
  });
});
