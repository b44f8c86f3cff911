// Restore points and saved machines: what comes after going back is what came before, to the
// instruction, and a file fits only the machine and the program that it was saved from.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PrintkitError } from '../../src/errors.ts';
import { MockLine } from '../../devices/uart8250/index.ts';
import type { Machine, MachineOptions } from '../../src/machine/machine.ts';
import { guest } from './guest.ts';

/**
 * Two harts: both store to pseudo-random words of 64 pages and count with LR/SC; hart 0 sends what it
 * computes and takes timer interrupts, hart 1 rewrites an instruction that it executes.
 */
const BUSY = `
    csrr s0, mhartid
    la s1, area
    la s2, count
    slli s3, s0, 12
    addi s3, s3, 77
    li s4, 1103515245
    bnez s0, loop
    la t0, tick
    csrw mtvec, t0
    li t0, MTIE
    csrw mie, t0
    li t0, MTIMECMP
    li t1, 50
    sw t1, 0(t0)
    sw zero, 4(t0)
    li s7, UART
    csrsi mstatus, MIE
  loop:
    mul s3, s3, s4
    addi s3, s3, 1013
    srli t0, s3, 14
    slli t0, t0, 2
    add t0, t0, s1
    lw t1, (t0)
    add t1, t1, s3
    sw t1, (t0)
  1: lr.w t2, (s2)
    addi t2, t2, 1
    sc.w t3, t2, (s2)
    bnez t3, 1b
    bnez s0, rewrite
    lbu t4, 5(s7)
    andi t4, t4, 0x20
    beqz t4, loop
    sb t2, 0(s7)
    j loop
  rewrite:
    la t4, patched
    andi t5, s3, 1
    slli t5, t5, 20
    li t6, 0x00100313   # addi t1, zero, 1
    add t6, t6, t5      # or 2
    sw t6, (t4)
    fence.i
  patched:
    addi t1, zero, 1
    sw t1, 4(s2)
    j loop
    .balign 4
  tick:
    li a0, MTIMECMP
    lw a1, (a0)
    addi a1, a1, 40
    sw a1, (a0)
    lw a1, 8(s2)
    addi a1, a1, 1
    sw a1, 8(s2)
    mret
    .data
    .balign 4096
  count: .word 0, 0, 0
    .balign 4096
  area: .zero 1048576
`;

const OPTIONS: MachineOptions = { harts: 2, roundNs: 200, memoryBytes: 4 << 20 };

function busy(compile: MachineOptions['compile'] = 'hot'): Machine {
  return guest(BUSY, { ...OPTIONS, compile }).machine;
}

function run(machine: Machine, instructions: number): void {
  machine.run(Infinity, { maxInstructions: instructions });
}

/** All that a guest can see, and the memory it has. */
function stateOf(machine: Machine): unknown {
  return {
    harts: machine.harts.map((hart) => hart.save()),
    now: machine.now,
    aclint: machine.aclint.save(),
    plic: machine.plic.save(),
    uart: machine.uarts[0].save(),
    memory: digest(machine.memory.i32),
  };
}

function digest(words: Int32Array): number {
  let hash = 0;
  for (const word of words) hash = (Math.imul(hash, 31) + word) | 0;
  return hash;
}

describe('restore points', () => {
  it('what follows a rewind is what followed the mark', () => {
    const machine = busy();
    run(machine, 20_000);
    const mark = machine.mark();
    const at = stateOf(machine);
    run(machine, 30_000);
    const later = stateOf(machine);
    expect(machine.dirtyPages).toBeGreaterThan(16);
    machine.rewind(mark);
    expect(stateOf(machine)).toEqual(at);
    run(machine, 30_000);
    expect(stateOf(machine)).toEqual(later);
  });

  it('nest: rewinding to one forgets those made after it', () => {
    const machine = busy();
    run(machine, 5_000);
    const outer = machine.mark();
    const atOuter = stateOf(machine);
    run(machine, 5_000);
    const inner = machine.mark();
    const atInner = stateOf(machine);
    run(machine, 5_000);
    machine.rewind(inner);
    expect(stateOf(machine)).toEqual(atInner);
    run(machine, 3_000);
    machine.rewind(outer);
    expect(stateOf(machine)).toEqual(atOuter);
    expect(() => machine.rewind(inner)).toThrow('no restore point 1: there are 1');
  });

  it('releasing a point leaves the outer one able to go back', () => {
    const machine = busy();
    const outer = machine.mark();
    const atOuter = stateOf(machine);
    run(machine, 5_000);
    const inner = machine.mark();
    run(machine, 5_000);
    machine.release(inner);
    run(machine, 5_000);
    machine.rewind(outer);
    expect(stateOf(machine)).toEqual(atOuter);
    machine.release(outer);
    expect(machine.memory.flags.some((flags) => (flags & 8) !== 0)).toBe(false);
  });

  it('a reservation survives, and is broken by others as before', () => {
    const g = guest(
      `
      la s0, word
      csrr t0, mhartid
      bnez t0, other
      lr.w t1, (s0)
      li t2, 20
    1: addi t2, t2, -1
      bnez t2, 1b
      sc.w s1, t1, (s0)
      j .
    other:
      j .
      .data
    word: .word 1`,
      { harts: 2, roundNs: 50 },
    );
    const { machine } = g;
    run(machine, 10);
    const mark = machine.mark();
    run(machine, 200);
    expect(machine.harts[0].x[9]).toBe(0);
    machine.rewind(mark);
    machine.writeMemory(g.at('word'), new Uint8Array([1, 0, 0, 0]));
    run(machine, 200);
    expect(machine.harts[0].x[9]).toBe(1);
  });

  it('any walk through points and runs ends where a straight run ends', () => {
    const action = fc.oneof(
      fc.record({ kind: fc.constant('run'), n: fc.integer({ min: 1, max: 3000 }) }),
      fc.record({ kind: fc.constant('mark'), n: fc.constant(0) }),
      fc.record({ kind: fc.constant('rewind'), n: fc.nat(3) }),
      fc.record({ kind: fc.constant('release'), n: fc.nat(3) }),
    );
    const property = fc.property(
      fc.array(action, { maxLength: 25 }),
      fc.constantFrom('hot' as const, 'always' as const, 'never' as const),
      (actions, compile) => {
        const machine = busy(compile);
        let retired = 0;
        const marks: number[] = [];
        for (const { kind, n } of actions) {
          if (kind === 'mark') {
            expect(machine.mark()).toBe(marks.push(retired) - 1);
          } else if (kind === 'run') {
            run(machine, n);
            retired += n;
          } else if (n < marks.length && kind === 'rewind') {
            machine.rewind(n);
            retired = marks[n];
            marks.length = n + 1;
          } else if (n < marks.length) {
            machine.release(n);
            marks.length = n;
          }
        }
        const straight = busy();
        if (retired > 0) run(straight, retired);
        expect(stateOf(machine)).toEqual(stateOf(straight));
      },
    );
    fc.assert(property, { seed: 7, numRuns: 15 });
  });
});

describe('saved machines', () => {
  it('go on in another machine as they would have', () => {
    const machine = busy();
    run(machine, 20_000);
    const bytes = machine.save();
    const other = busy();
    run(other, 1_234);
    other.restore(bytes);
    expect(stateOf(other)).toEqual(stateOf(machine));
    run(machine, 20_000);
    run(other, 20_000);
    expect(stateOf(other)).toEqual(stateOf(machine));
  });

  it('bring the characters that were under way', () => {
    const program = `
      li t0, UART
      li t1, 3
      sb t1, 3(t0)
      li t1, 1
      sb t1, 2(t0)
      li t1, 'a'
      sb t1, 0(t0)
      li t1, 'b'
      sb t1, 0(t0)
      wfi`;
    const first = guest(program).machine;
    run(first, 9);
    expect(first.clock.armed()).not.toEqual([]);
    const second = guest(program).machine;
    const line = new MockLine(second.clock);
    second.uarts[0].attach(line);
    second.restore(first.save());
    second.run(second.now + 20_000_000);
    expect(line.text).toBe('ab');
  });

  it('say what does not fit', () => {
    const saved = busy().save();
    const text = new TextDecoder().decode(saved.subarray(0, 60));
    const version1 = saved.slice();
    version1[text.indexOf('"version":2') + 10] = '1'.charCodeAt(0);
    const cases: [Machine, Uint8Array, string][] = [
      [busy(), new Uint8Array(100), 'this is not a saved machine'],
      [busy(), version1, 'version 1 of the format, this is version 2: save it again'],
      [busy(), saved.subarray(0, saved.length - 1), 'the file is damaged'],
      [busy(), saved.subarray(0, 40), 'this is not a saved machine'],
      [busy(), new TextEncoder().encode('printkit machine\nnull\n'), 'its header is damaged'],
      [
        guest(BUSY, { ...OPTIONS, harts: 3 }).machine,
        saved,
        "its number of harts is 2, this machine's is 3",
      ],
      [guest('j .', OPTIONS).machine, saved, 'program (digest)'],
    ];
    for (const [machine, bytes, message] of cases) {
      expect(() => machine.restore(bytes)).toThrow(message);
    }
  });

  it('that are damaged anywhere are refused, and the machine stays as it is', () => {
    const machine = busy();
    run(machine, 20_000);
    const saved = machine.save();
    const other = busy();
    run(other, 3_000);
    const before = stateOf(other);
    const property = fc.property(fc.nat(saved.length - 1), fc.nat(7), (at, bit) => {
      const damaged = saved.slice();
      damaged[at] ^= 1 << bit;
      expect(() => other.restore(damaged)).toThrow(PrintkitError);
    });
    fc.assert(property, { seed: 3, numRuns: 60 });
    expect(stateOf(other)).toEqual(before);
  });
});
