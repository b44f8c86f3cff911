// What the board decides about its UARTs: where registers are, whether OUT2 gates the interrupt, and
// the wake output, a PLIC source of its own; and that the device tree says so.
import { expect, it } from 'vitest';
import { boardDeviceTree, type DeviceTreeNode } from '../../src/machine/device-tree.ts';
import { guest } from './guest.ts';

/** Sleeps until PLIC source `source` interrupts, then exits with what it claims. */
const SLEEPER = (source: number): string => `
  li s0, UART
  li t0, PLIC + ${4 * source}
  li t1, 1
  sw t1, 0(t0)
  li t0, PLIC + 0x2000
  li t1, ${1 << source}
  sw t1, 0(t0)
  li t0, MEIE
  csrw mie, t0
  wfi
  li t0, PLIC + 0x200004
  lw a0, 0(t0)
  lbu t1, 5(s0)         # any access to the UART ends the wake request
  sw a0, 0(t0)
  lw t1, 0(t0)
  slli t1, t1, 5
  add a0, a0, t1
  exit_a0
`;

it.each(['8250', '16550A', '16750'] as const)(
  'a start bit at an %s wakes a hart in wfi although IER is 0, until the UART is accessed',
  (variant) => {
    const sleeper = guest(SLEEPER(16), { uarts: [{ variant }] });
    expect(sleeper.run()).toEqual({ kind: 'time' });
    sleeper.machine.uarts[0].receive({ byte: 0x41 });
    expect(sleeper.machine.uarts[0].inspect()).toMatchObject({
      waking: true,
      counters: { wakes: 1 },
    });
    expect(sleeper.run()).toEqual({ kind: 'exit', code: 16 });
    expect(sleeper.machine.uarts[0].inspect().waking).toBe(false);
  },
);

it('a change of a modem input wakes, too; ttyS1 has the next source', () => {
  const sleeper = guest(SLEEPER(17), { uarts: [{}, {}] });
  sleeper.run();
  sleeper.machine.uarts[0].setModemInputs({ dcd: false });
  expect(sleeper.run()).toEqual({ kind: 'time' });
  sleeper.machine.uarts[1].setModemInputs({ dcd: false });
  // The sleeper reads ttyS0, so ttyS1 still asks after the first claim: 17 + (17 << 5).
  expect(sleeper.run()).toEqual({ kind: 'exit', code: 17 + 17 * 32 });
});

it('wakes nobody who has not enabled it', () => {
  const sleeper = guest(SLEEPER(15), { uarts: [{}] });
  sleeper.run();
  sleeper.machine.uarts[0].receive({ byte: 0x41 });
  expect(sleeper.run()).toEqual({ kind: 'time' });
});

it('wakes only from sleep when the board says so', () => {
  const sleeper = guest(SLEEPER(16), { uarts: [{ wakeOn: 'asleep' }] });
  sleeper.run();
  sleeper.machine.uarts[0].receive({ byte: 0x41 });
  expect(sleeper.run()).toEqual({ kind: 'time' });
});

it.each([0, 1, 2] as const)('registers are 1 << %i bytes apart, any width reaches one', (shift) => {
  const source = `
    li s0, UART
    lbu s1, ${5 << shift}(s0)
    ${shift === 2 ? `lw s2, ${5 << shift}(s0)` : 'mv s2, s1'}
    li t0, 0x35
    sb t0, ${7 << shift}(s0)
    lbu t0, ${7 << shift}(s0)
    addi t0, t0, -0x35
    sub s2, s2, s1
    or t0, t0, s2
    slli t0, t0, 8
    or a0, s1, t0
    exit_a0
  `;
  const uarts = [{ registerShift: shift, registerBytes: shift === 2 ? 4 : 1 }] as const;
  expect(guest(source, { uarts }).run()).toEqual({ kind: 'exit', code: 0x60 });
});

it('OUT2 gates the interrupt if the board is wired so', () => {
  const source = `
    li s0, UART
    li s1, PLIC + 0x1000
    li t0, 2
    sb t0, 1(s0)          # THRE interrupt
    lw s2, 0(s1)
    li t0, 8
    sb t0, 4(s0)          # OUT2
    lw s3, 0(s1)
    srli s2, s2, 10
    srli s3, s3, 9
    or a0, s2, s3
    exit_a0
  `;
  const code = (out2GatesIrq: boolean) => guest(source, { uarts: [{ out2GatesIrq }] }).run();
  expect(code(true)).toEqual({ kind: 'exit', code: 2 });
  expect(code(false)).toEqual({ kind: 'exit', code: 3 });
});

it.each([
  ['8250', 'ns8250'],
  ['16450', 'ns16450'],
  ['16550', 'ns16550'],
  ['16550A', 'ns16550a'],
  ['16550C', 'ns16550a'],
  ['16650V2', 'ns16550a'],
  ['16750', 'ns16750'],
] as const)('the device tree tells a driver about a %s', (variant, compatible) => {
  const uarts = [{ variant, registerShift: 2, registerBytes: 4 }, {}] as const;
  const root = boardDeviceTree({ harts: 1, memoryBytes: 1 << 20, bootargs: '', uarts });
  const find = (node: DeviceTreeNode, name: string): DeviceTreeNode | undefined =>
    node.name === name
      ? node
      : node.children?.map((child) => find(child, name)).find((found) => found !== undefined);
  expect(find(root, 'serial@10000000')?.properties).toMatchObject({
    compatible,
    'reg-shift': [2],
    'reg-io-width': [4],
    interrupts: [10, 16],
    'interrupt-names': ['uart', 'wakeup'],
    'wakeup-source': true,
  });
  const second = find(root, 'serial@10000100')?.properties ?? {};
  expect(second).toMatchObject({ compatible: 'ns16550a', interrupts: [12, 17] });
  expect(Object.keys(second)).not.toContain('reg-shift');
});
