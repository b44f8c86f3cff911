// The firmware's device tree parser, on the machine's own device tree and on odd ones.

import { beforeEach, expect, it } from 'vitest';
import {
  boardDeviceTree,
  flattenDeviceTree,
  type DeviceTreeNode,
} from '../../src/machine/device-tree.ts';
import { guest, type Guest } from './harness.ts';

let firmware: Guest;
beforeEach(async () => {
  firmware = await guest(`
    import { fdt_scan, board, boot_command_line, uart_node } from './arch/fdt';
    export function scan(p: usize): u32 { return fdt_scan(p) ? 1 : 0; }
    export function memory_base(): usize { return board.memory_base; }
    export function memory_size(): u32 { return board.memory_size; }
    export function harts(): u32 { return board.harts; }
    export function nr_harts(): u32 { return board.nr_harts; }
    export function timebase(): u32 { return board.timebase; }
    export function has_smrnmi(): u32 { return board.has_smrnmi ? 1 : 0; }
    export function clint(): usize { return board.clint_base; }
    export function plic(): usize { return board.plic_base; }
    export function finisher(): usize { return board.finisher_base; }
    export function nmi(): usize { return board.nmi_base; }
    export function uarts(): u32 { return board.nr_uarts; }
    export function uart_base(i: u32): usize { return uart_node(i).base; }
    export function uart_clock(i: u32): u32 { return uart_node(i).clock; }
    export function uart_shift(i: u32): u32 { return uart_node(i).reg_shift; }
    export function uart_irq(i: u32): u32 { return uart_node(i).irq; }
    export function command_line(): usize { return boot_command_line; }
  `);
});

const scan = (tree: DeviceTreeNode): number =>
  firmware.call('scan', firmware.bytes(flattenDeviceTree(tree)));
const value = (name: string, ...values: number[]): number => firmware.call(name, ...values) >>> 0;

it("understands the machine's own device tree", () => {
  expect(
    scan(
      boardDeviceTree({
        harts: 5,
        memoryBytes: 96 << 20,
        bootargs: 'quiet bench=3',
        uarts: [{}, {}, {}, {}],
      }),
    ),
  ).toBe(1);
  expect(value('memory_base')).toBe(0x8000_0000);
  expect(value('memory_size')).toBe(96 << 20);
  expect(value('harts')).toBe(0b11111);
  expect(value('nr_harts')).toBe(5);
  expect(value('timebase')).toBe(10_000_000);
  expect(value('has_smrnmi')).toBe(1);
  expect(value('clint')).toBe(0x200_0000);
  expect(value('plic')).toBe(0xc00_0000);
  expect(value('finisher')).toBe(0x10_0000);
  expect(value('nmi')).toBe(0x11_0000);
  expect(value('uarts')).toBe(4);
  for (let i = 0; i < 4; i++) expect(value('uart_base', i)).toBe(0x1000_0000 + 0x100 * i);
  expect(value('uart_clock', 0)).toBe(3_686_400);
  expect(value('uart_irq', 0)).toBe(10);
  expect(value('uart_irq', 1)).toBe(12);
  expect(firmware.read(value('command_line'), 14)).toBe('quiet bench=3\0');
});

const board = (children: DeviceTreeNode[], cells = [1, 1]): DeviceTreeNode => ({
  name: '',
  properties: { '#address-cells': [cells[0]], '#size-cells': [cells[1]] },
  children,
});

it('obeys #address-cells of the parent, reg-shift, status and the order of addresses', () => {
  const uart = (base: number, more: DeviceTreeNode['properties'] = {}): DeviceTreeNode => ({
    name: `serial@${base.toString(16)}`,
    properties: { compatible: ['vendor,uart', 'ns16550a'], reg: [base, 0x100], ...more },
  });
  scan(
    board([
      {
        name: 'memory@40000000',
        properties: { device_type: 'memory', reg: [0x4000_0000, 0x10_0000] },
      },
      uart(0x3000, { 'reg-shift': [2], 'clock-frequency': [1_843_200], interrupts: [7] }),
      uart(0x1000, { status: 'disabled' }),
      uart(0x2000, { status: 'okay' }),
    ]),
  );
  expect(value('memory_base')).toBe(0x4000_0000);
  expect(value('memory_size')).toBe(0x10_0000);
  expect(value('uarts')).toBe(2);
  expect([0, 1].map((i) => value('uart_base', i))).toEqual([0x2000, 0x3000]);
  expect([0, 1].map((i) => value('uart_shift', i))).toEqual([0, 2]);
  expect(value('uart_clock', 1)).toBe(1_843_200);
  expect(value('uart_irq', 1)).toBe(7);
});

it('sees Smrnmi only if every hart has it', () => {
  const cpu = (hart: number, isa: string): DeviceTreeNode => ({
    name: `cpu@${hart}`,
    properties: { device_type: 'cpu', reg: [hart], 'riscv,isa': isa },
  });
  const cpus = (...children: DeviceTreeNode[]): DeviceTreeNode =>
    board([{ name: 'cpus', properties: { '#address-cells': [1], '#size-cells': [0] }, children }]);
  scan(cpus(cpu(0, 'rv32ima_smrnmi'), cpu(3, 'rv32ima')));
  expect(value('has_smrnmi')).toBe(0);
  expect(value('harts')).toBe(0b1001);
  expect(value('nr_harts')).toBe(4);
});

it('refuses what is no device tree', () => {
  expect(firmware.call('scan', 0)).toBe(0);
  expect(firmware.call('scan', firmware.bytes(new Uint8Array(64)))).toBe(0);
});
