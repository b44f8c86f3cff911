// Writes flattened device trees and describes the board in one.
// Devicetree Specification 0.4, chapter 5 (format version 17); bindings as Linux documents them and
// names and values as QEMU's virt board gives them. Leaves out: memory reservations.

import { ACLINT_BYTES } from '../../devices/aclint/index.ts';
import { FINISHER_BYTES } from '../../devices/test-finisher/index.ts';
import { NMI_BYTES } from '../../devices/nmi/index.ts';
import { PLIC_BYTES } from '../../devices/plic/index.ts';
import { UART8250_VARIANTS, type Uart8250VariantName } from '../../devices/uart8250/index.ts';
import {
  ACLINT_BASE,
  FINISHER_BASE,
  NMI_BASE,
  PLIC_BASE,
  PLIC_SOURCES,
  RAM_BASE,
  TIMEBASE_HZ,
  UART_BASE,
  UART_CLOCK_HZ,
  UART_IRQS,
  UART_STRIDE,
  UART_WAKE_IRQS,
} from './memory-map.ts';

/** A property: nothing, a string, several strings, or cells. */
export type PropertyValue = true | string | readonly string[] | readonly number[];

export interface DeviceTreeNode {
  /** With unit address, e.g. `memory@80000000`; the root's is empty. */
  readonly name: string;
  readonly properties: Readonly<Record<string, PropertyValue>>;
  readonly children?: readonly DeviceTreeNode[];
}

const FDT_MAGIC = 0xd00dfeed;
const FDT_VERSION = 17;
const FDT_COMPATIBLE_VERSION = 16;
const FDT_HEADER_BYTES = 40;
const FDT_BEGIN_NODE = 1;
const FDT_END_NODE = 2;
const FDT_PROP = 3;
const FDT_END = 9;

/** The flattened form of a tree. */
export function flattenDeviceTree(root: DeviceTreeNode): Uint8Array {
  const structure = new Writer();
  const strings = new Writer();
  const stringOffsets = new Map<string, number>();
  const property = (name: string, value: Uint8Array) => {
    let offset = stringOffsets.get(name);
    if (offset === undefined) {
      offset = strings.length;
      stringOffsets.set(name, offset);
      strings.text(name);
    }
    structure.cell(FDT_PROP).cell(value.length).cell(offset).raw(value).align();
  };
  const node = ({ name, properties, children }: DeviceTreeNode) => {
    structure.cell(FDT_BEGIN_NODE).text(name).align();
    for (const [key, value] of Object.entries(properties)) property(key, propertyBytes(value));
    for (const child of children ?? []) node(child);
    structure.cell(FDT_END_NODE);
  };
  node(root);
  structure.cell(FDT_END);

  const reserveMap = FDT_HEADER_BYTES; // 8-byte aligned; one all-zero entry ends it
  const structureOffset = reserveMap + 16;
  const stringsOffset = structureOffset + structure.length;
  const blob = new Writer();
  const total = stringsOffset + strings.length;
  blob.cell(FDT_MAGIC).cell(total).cell(structureOffset).cell(stringsOffset).cell(reserveMap);
  blob.cell(FDT_VERSION).cell(FDT_COMPATIBLE_VERSION).cell(0 /* boot hart */);
  blob.cell(strings.length).cell(structure.length);
  blob.cell(0).cell(0).cell(0).cell(0);
  return blob.raw(structure.bytes()).raw(strings.bytes()).bytes();
}

class Writer {
  readonly #bytes: number[] = [];

  get length(): number {
    return this.#bytes.length;
  }

  bytes(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }

  cell(value: number): this {
    this.#bytes.push(value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255);
    return this;
  }

  text(value: string): this {
    for (const character of value) this.#bytes.push(...utf8(character));
    this.#bytes.push(0);
    return this;
  }

  raw(value: Uint8Array): this {
    for (const byte of value) this.#bytes.push(byte);
    return this;
  }

  align(): this {
    while (this.#bytes.length % 4 !== 0) this.#bytes.push(0);
    return this;
  }
}

function utf8(character: string): number[] {
  return Array.from(unescapeUri(encodeURIComponent(character)));
}

/** `%C3%A9` and plain characters to bytes: UTF-8 without a host API. */
function* unescapeUri(text: string): Generator<number> {
  for (let i = 0; i < text.length; i++) {
    if (text[i] !== '%') yield text.charCodeAt(i);
    else {
      yield parseInt(text.slice(i + 1, i + 3), 16);
      i += 2;
    }
  }
}

function propertyBytes(value: PropertyValue): Uint8Array {
  if (value === true) return new Uint8Array(0);
  const writer = new Writer();
  if (typeof value === 'string') return writer.text(value).bytes();
  for (const item of value) {
    if (typeof item === 'string') writer.text(item);
    else writer.cell(item);
  }
  return writer.bytes();
}

/** What the board's description depends on. */
export interface BoardDescription {
  readonly harts: number;
  readonly memoryBytes: number;
  readonly bootargs: string;
  /** The UARTs, ttyS0 first. */
  readonly uarts: readonly BoardUart[];
}

/** What the device tree says about a UART besides its place. */
export interface BoardUart {
  readonly variant?: Uart8250VariantName;
  readonly registerShift?: 0 | 1 | 2;
  readonly registerBytes?: 1 | 2 | 4;
}

/** As Linux's binding names the parts; what has no name there is compatible with the 16550A. */
const UART_COMPATIBLE: Readonly<Record<Uart8250VariantName, string>> = {
  '8250': 'ns8250',
  '16450': 'ns16450',
  '16550': 'ns16550',
  '16550A': 'ns16550a',
  '16550C': 'ns16550a',
  '16650V2': 'ns16550a',
  '16750': 'ns16750',
};

// Phandles: one interrupt controller per hart from 1 on, then the shared devices.
const PHANDLE_PLIC = 0x100;
const PHANDLE_FINISHER = 0x101;
const cpuPhandle = (hart: number) => 1 + hart;

/** 64-bit address and size cells. */
const reg = (base: number, bytes: number) => [0, base, 0, bytes];
const hex = (address: number) => address.toString(16);

/** The device tree of the board. */
export function boardDeviceTree(board: BoardDescription): DeviceTreeNode {
  const harts = Array.from({ length: board.harts }, (_, hart) => hart);
  return {
    name: '',
    properties: {
      '#address-cells': [2],
      '#size-cells': [2],
      compatible: ['printkit,virt', 'riscv-virtio'],
      model: 'printkit,virt',
    },
    children: [
      {
        name: 'chosen',
        properties: {
          bootargs: board.bootargs,
          'stdout-path': `/soc/serial@${hex(UART_BASE)}`,
        },
      },
      {
        name: 'aliases',
        properties: Object.fromEntries(
          uartNames(board.uarts.length).map((name, i) => [`serial${i}`, `/soc/${name}`]),
        ),
      },
      {
        name: `memory@${hex(RAM_BASE)}`,
        properties: { device_type: 'memory', reg: reg(RAM_BASE, board.memoryBytes) },
      },
      {
        name: 'cpus',
        properties: {
          '#address-cells': [1],
          '#size-cells': [0],
          'timebase-frequency': [TIMEBASE_HZ],
        },
        children: harts.map(cpuNode),
      },
      syscon('poweroff', 0x5555),
      syscon('reboot', 0x7777),
      {
        name: 'soc',
        properties: {
          '#address-cells': [2],
          '#size-cells': [2],
          compatible: 'simple-bus',
          ranges: true,
        },
        children: [
          {
            name: `test@${hex(FINISHER_BASE)}`,
            properties: {
              phandle: [PHANDLE_FINISHER],
              compatible: ['sifive,test1', 'sifive,test0', 'syscon'],
              reg: reg(FINISHER_BASE, FINISHER_BYTES),
            },
          },
          {
            name: `nmi@${hex(NMI_BASE)}`,
            properties: { compatible: 'printkit,nmi', reg: reg(NMI_BASE, NMI_BYTES) },
          },
          {
            name: `clint@${hex(ACLINT_BASE)}`,
            properties: {
              compatible: ['sifive,clint0', 'riscv,clint0'],
              reg: reg(ACLINT_BASE, ACLINT_BYTES),
              'interrupts-extended': harts.flatMap((h) => [cpuPhandle(h), 3, cpuPhandle(h), 7]),
            },
          },
          {
            name: `plic@${hex(PLIC_BASE)}`,
            properties: {
              phandle: [PHANDLE_PLIC],
              compatible: ['sifive,plic-1.0.0', 'riscv,plic0'],
              reg: reg(PLIC_BASE, PLIC_BYTES),
              'interrupt-controller': true,
              '#interrupt-cells': [1],
              '#address-cells': [0],
              'riscv,ndev': [PLIC_SOURCES],
              'interrupts-extended': harts.flatMap((h) => [cpuPhandle(h), 11, cpuPhandle(h), 9]),
            },
          },
          ...board.uarts.map(uartNode),
        ],
      },
    ],
  };
}

const uartNames = (count: number) =>
  Array.from({ length: count }, (_, i) => `serial@${hex(UART_BASE + i * UART_STRIDE)}`);

/** Registers that are one byte wide and one byte apart are what a guest assumes. */
function uartNode(uart: BoardUart, i: number): DeviceTreeNode {
  const { variant = '16550A', registerShift = 0, registerBytes = 1 } = uart;
  return {
    name: `serial@${hex(UART_BASE + i * UART_STRIDE)}`,
    properties: {
      compatible: UART_COMPATIBLE[variant],
      reg: reg(UART_BASE + i * UART_STRIDE, UART_STRIDE),
      'clock-frequency': [UART_CLOCK_HZ],
      ...(registerShift === 0 ? {} : { 'reg-shift': [registerShift] }),
      ...(registerBytes === 1 ? {} : { 'reg-io-width': [registerBytes] }),
      ...(UART8250_VARIANTS[variant].autoFlow ? { 'auto-flow-control': true } : {}),
      'interrupt-parent': [PHANDLE_PLIC],
      interrupts: [UART_IRQS[i], UART_WAKE_IRQS[i]],
      'interrupt-names': ['uart', 'wakeup'],
      'wakeup-source': true,
    },
  };
}

function cpuNode(hart: number): DeviceTreeNode {
  return {
    name: `cpu@${hex(hart)}`,
    properties: {
      device_type: 'cpu',
      reg: [hart],
      status: 'okay',
      compatible: 'riscv',
      'riscv,isa': 'rv32imac_zicntr_zicsr_zifencei_zihintpause_zihpm_smrnmi',
      'riscv,isa-base': 'rv32i',
      'riscv,isa-extensions': [
        ...['i', 'm', 'a', 'c', 'zicntr', 'zicsr', 'zifencei', 'zihintpause', 'zihpm', 'smrnmi'],
      ],
    },
    children: [
      {
        name: 'interrupt-controller',
        properties: {
          phandle: [cpuPhandle(hart)],
          compatible: 'riscv,cpu-intc',
          'interrupt-controller': true,
          '#interrupt-cells': [1],
        },
      },
    ],
  };
}

const syscon = (name: string, value: number): DeviceTreeNode => ({
  name,
  properties: {
    compatible: `syscon-${name}`,
    regmap: [PHANDLE_FINISHER],
    offset: [0],
    value: [value],
  },
});
