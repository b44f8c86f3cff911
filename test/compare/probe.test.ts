// What the probe measures, on guests whose costs are known to the instruction: calls, interrupts that
// come in between, switches of tasks, NMIs, stretches with interrupts off, and lines on the wire.

import { describe, expect, it } from 'vitest';
import { probedGuest } from './guest.ts';

const NS = 10;

/** a0 = 't', CPU 0, number `n`; then printk(). */
const say = (n: number): string => `
    li a0, 't'
    li a1, 0
    li a2, ${n}
    call workload_message
    call vprintk_emit`;

describe('the cost of a call', () => {
  it('is what stands between its first instruction and its return, both counted', () => {
    const { probe } = probedGuest(`
    la sp, stack
    ${say(7)}
    j off
vprintk_emit:
    li t0, 100          # 1
1:  addi t0, t0, -1     # 100 times 2
    bnez t0, 1b
    ret                 # 1
`);
    expect(probe.calls).toMatchObject([
      { message: { stream: 't0', number: 7 }, context: 'task', instructions: 202, nested: false },
    ]);
    const [call] = probe.calls;
    expect((call.returnNs ?? 0) - call.enterNs).toBe(202 * NS);
  });

  it('is what the guest itself counts with minstret, less the call and the reading', () => {
    const { probe, machine } = probedGuest(`
    la sp, stack
    csrr s2, minstret
    call vprintk_emit
    csrr s3, minstret
    j off
vprintk_emit:
    li t0, 77
1:  addi t0, t0, -1
    bnez t0, 1b
    ret
`);
    const { x } = machine.harts[0];
    expect(probe.calls[0].instructions).toBe(x[19] - x[18] - 2 - 1);
  });

  it('has what the store took, and whether it took it', () => {
    const { probe } = probedGuest(`
    la sp, stack
    ${say(0)}
    ${say(1)}
    j off
vprintk_emit:
    addi sp, sp, -16
    sw ra, 0(sp)
    mv a0, s0
    addi s0, s0, 1
    call vprintk_store
    lw ra, 0(sp)
    addi sp, sp, 16
    ret
vprintk_store:
    nop
    nop
    ret
`);
    // call is auipc and jalr
    expect(probe.calls).toMatchObject([
      { stored: false, storing: 3, instructions: 12 },
      { stored: true, storing: 3, instructions: 12 },
    ]);
  });

  it('counts a call inside of a call for both', () => {
    const { probe } = probedGuest(`
    la sp, stack
    li s0, 1
    ${say(0)}
    j off
vprintk_emit:
    addi sp, sp, -16
    sw ra, 0(sp)
    beqz s0, 1f
    li s0, 0
    call vprintk_emit
1:  lw ra, 0(sp)
    addi sp, sp, 16
    ret
`);
    expect(probe.calls).toMatchObject([
      { nested: false, instructions: 3 + 3 + 6 + 3 },
      { nested: true, instructions: 3 + 3, message: undefined },
    ]);
  });
});

/** A timer interrupt during the second instruction of the loop of vprintk_emit(). */
const INTERRUPTED = `
    la sp, stack
    la t0, trap_entry
    csrw mtvec, t0
    li t0, MTIE
    csrw mie, t0
    csrsi mstatus, 8
    ${say(0)}
    j off
vprintk_emit:
    li t0, MTIMECMP     # due at once
    sw zero, 4(t0)
    sw zero, 0(t0)
    li t0, 50
1:  addi t0, t0, -1
    bnez t0, 1b
    ret
    .balign 4
trap_entry:
    addi sp, sp, -16
    sw t0, 0(sp)
    sw t1, 4(sp)
    li t0, MTIMECMP
    li t1, -1
    sw t1, 4(t0)
    li t0, 1000         # 1000 turns of the handler
1:  addi t0, t0, -1
    bnez t0, 1b
    lw t0, 0(sp)
    lw t1, 4(sp)
    addi sp, sp, 16
    mret
`;

describe('an interrupt', () => {
  it('does not count as instructions of the call that it interrupts, but as time', () => {
    const { probe } = probedGuest(INTERRUPTED);
    const [call] = probe.calls;
    expect(call.instructions).toBe(1 + 2 + 1 + 100 + 1);
    const handler = 3 + 1 + 1 + 1 + 1 + 2000 + 2 + 1 + 1;
    expect((call.returnNs ?? 0) - call.enterNs).toBe((105 + handler) * NS);
  });

  it('that prints has a call of its own, of its own context', () => {
    const { probe } = probedGuest(
      INTERRUPTED.replace('vprintk_emit:', 'vprintk_emit:\n bnez s1, 9f\n li s1, 1')
        .replace('ret\n', 'ret\n9: ret\n')
        .replace('li t0, 1000 ', 'sw ra, 8(sp)\n call vprintk_emit\n lw ra, 8(sp)\n li t0, 1 '),
    );
    expect(probe.calls.map(({ context }) => context)).toEqual(['task', 'irq']);
    const [task, irq] = probe.calls;
    expect(irq.enterNs).toBeGreaterThan(task.enterNs);
    expect(irq.returnNs).toBeLessThan(task.returnNs ?? 0);
    expect(task.instructions).toBe(2 + 105);
    expect(irq.instructions).toBe(2);
  });
});

describe('interrupts off', () => {
  it('counts from the instruction that turns them off to the one that turns them on, inside of printk', () => {
    const { probe } = probedGuest(`
    la sp, stack
    csrci mstatus, 8    # not inside of printk
    nop
    csrsi mstatus, 8
    ${say(0)}
    j off
vprintk_emit:
    nop
    csrrci t1, mstatus, 8
    li t0, 20           # 41 with interrupts off, and the one that turns them on
1:  addi t0, t0, -1
    bnez t0, 1b
    csrw mstatus, t1
    nop
    ret
`);
    expect(probe.irqOff.map(({ ns }) => ns)).toEqual([42 * NS]);
  });

  it('knows all ways to write mstatus', () => {
    const { probe } = probedGuest(`
    la sp, stack
    csrsi mstatus, 8
    ${say(0)}
    j off
vprintk_emit:
    li t0, 8
    csrw mstatus, zero
    nop                 # 2 with the one that turns them on
    csrs mstatus, t0
    csrc mstatus, t0
    csrrwi t1, mstatus, 8
    ret
`);
    expect(probe.irqOff.map(({ ns }) => ns)).toEqual([2 * NS, 1 * NS]);
  });

  it('counts the whole of a printk() that is called with interrupts off', () => {
    const { probe } = probedGuest(`
    la sp, stack
    csrci mstatus, 8
    ${say(0)}
    j off
vprintk_emit:
    nop
    nop
    ret
`);
    expect(probe.irqOff.map(({ ns }) => ns)).toEqual([2 * NS]);
  });
});

/** An NMI behind the third instruction of vprintk_emit(), which then spends 100. */
const NMI = `
    la sp, stack
    csrsi 0x744, 8      # mnstatus.NMIE
    li s0, NMI
    la t0, nmi_entry
    sw t0, 0(s0)
    csrsi mstatus, 8
    ${say(0)}
    j off
vprintk_emit:
    bnez s1, 9f
    li s1, 1
    sw s1, 0x100(s0)    # for hart 0
    li t0, 50
1:  addi t0, t0, -1
    bnez t0, 1b
9:  ret
    .balign 4
nmi_entry:
    addi sp, sp, -16
    sw ra, 0(sp)
    call vprintk_emit
    lw ra, 0(sp)
    addi sp, sp, 16
    .word 0x70200073    # mnret
`;

describe('an NMI', () => {
  it('has calls of its own, nested in the one that it came into the middle of', () => {
    const { probe } = probedGuest(NMI);
    expect(probe.calls).toMatchObject([
      { context: 'task', nested: false, instructions: 3 + 1 + 100 + 1 },
      { context: 'nmi', nested: true, instructions: 2 },
    ]);
    // Nothing can interrupt an NMI.
    expect(probe.irqOff.map(({ ns }) => ns)).toEqual([1 * NS]);
  });

  it('leaves interrupts off for as long as it takes, if they were off for printk', () => {
    const off = NMI.replace('sw s1, 0x100', 'csrci mstatus, 8\n sw s1, 0x100');
    const { probe } = probedGuest(off.replace('9:  ret', 'csrsi mstatus, 8\n9:  ret'));
    // From behind the csrci on: 1, the NMI's 2 + 2 + 2 + 3, 101, and the csrsi.
    expect(probe.irqOff.map(({ ns }) => ns)).toEqual([(1 + 9 + 101 + 1) * NS]);
  });
});

describe('a switch of tasks', () => {
  it("stops the clock of the call of the task that sleeps, and goes on with the other one's", () => {
    const { probe } = probedGuest(`
    la sp, stack
    addi s1, sp, -512   # the other task's stack
    la s2, other
    ${say(0)}
    j off
vprintk_emit:
    addi sp, sp, -16
    sw ra, 0(sp)
    call __switch_to
    lw ra, 0(sp)
    addi sp, sp, 16
    ret
other:
    li t0, 300
1:  addi t0, t0, -1
    bnez t0, 1b
    call __switch_to
__switch_to:            # to whom s1 and s2 say
    mv t0, sp
    mv sp, s1
    mv s1, t0
    mv t0, ra
    mv ra, s2
    mv s2, t0
    ret
`);
    const [call] = probe.calls;
    // Nobody is charged for the switch itself.
    expect(call.instructions).toBe(2 + 2 + 3);
    expect((call.returnNs ?? 0) - call.enterNs).toBeGreaterThan(600 * NS);
  });
});

describe('the wire', () => {
  it('has a line when its last stop bit has left: a frame per character at 115200', () => {
    const { wire, machine } = probedGuest(`
    la sp, stack
    li s0, UART
    li t0, 0x83         # DLAB, 8n1
    sb t0, 3(s0)
    li t0, 2            # 3.6864 MHz / (16 * 2)
    sb t0, 0(s0)
    sb zero, 1(s0)
    li t0, 3
    sb t0, 3(s0)
    li t0, 1            # FIFO
    sb t0, 2(s0)
    la s1, text
1:  lbu t0, 0(s1)
    beqz t0, 2f
    sb t0, 0(s0)
    addi s1, s1, 1
    j 1b
2:  lbu t0, 5(s0)       # until TEMT
    andi t0, t0, 0x40
    beqz t0, 2b
    j off
text: .asciz "abcdef\\r\\nx\\n"
    .balign 4
`);
    const frame = 10e9 / 115_200;
    const [first, second] = wire.lines;
    expect(wire.lines.map(({ text }) => text)).toEqual(['abcdef', 'x']);
    expect(second.endNs - first.endNs).toBeCloseTo(2 * frame, -1);
    // Eight frames from when the first byte was given to it, some hundred ns after power-on.
    expect(first.endNs - 8 * frame).toBeGreaterThan(0);
    expect(first.endNs - 8 * frame).toBeLessThan(2_000);
    expect(machine.now).toBeGreaterThanOrEqual(second.endNs);
  });
});
