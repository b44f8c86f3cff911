// The flattened device tree (Devicetree Specification v0.4, chapter 5): one walk over it at boot
// fills in `board`. Knows the nodes that this kernel has drivers for; leaves out address translation
// (`ranges` are taken as 1:1) and everything else.

import { contains, literal_length, streq, strlen, strscpy } from '../lib/string';

const FDT_MAGIC: u32 = 0xd00dfeed;
const FDT_BEGIN_NODE: u32 = 1;
const FDT_END_NODE: u32 = 2;
const FDT_PROP: u32 = 3;
const FDT_NOP: u32 = 4;

/** Deepest node that is looked into. */
const MAX_DEPTH: u32 = 8;
export const COMMAND_LINE_SIZE: u32 = 1024;
export const MAX_UARTS: u32 = 4;

/** A UART as the device tree describes it. */
@unmanaged
export class UartNode {
  base: usize;
  /** Input clock, Hz. */
  clock: u32;
  /** Log2 of the distance between registers. */
  reg_shift: u32;
  /** PLIC source. */
  irq: u32;
}

/** What the device tree says about the board. Written once, by fdt_scan(). */
@unmanaged
export class Board {
  fdt: usize;
  fdt_size: u32;
  memory_base: usize;
  memory_size: u32;
  /** Hart ids are below this. */
  nr_harts: u32;
  /** Bit n: hart n is there. */
  harts: u32;
  /** Frequency of mtime, Hz. */
  timebase: u32;
  /** All harts have Smrnmi. */
  has_smrnmi: bool;
  clint_base: usize;
  plic_base: usize;
  finisher_base: usize;
  nmi_base: usize;
  nr_uarts: u32;
}

export const board: Board = changetype<Board>(memory.data(offsetof<Board>(), 4));
const uarts: usize = memory.data(80, 4);
/** bootargs of /chosen, NUL-terminated. */
export const boot_command_line: usize = memory.data(1024, 4);

export function uart_node(n: u32): UartNode {
  return changetype<UartNode>(uarts + n * offsetof<UartNode>());
}

// Offsets of the property names that matter in the strings block, found once: then comparing a
// property's name is comparing a number.
@unmanaged
class Names {
  compatible: u32;
  reg: u32;
  address_cells: u32;
  size_cells: u32;
  device_type: u32;
  interrupts: u32;
  clock_frequency: u32;
  reg_shift: u32;
  bootargs: u32;
  timebase_frequency: u32;
  riscv_isa: u32;
  status: u32;
}
const names: Names = changetype<Names>(memory.data(offsetof<Names>(), 4));

// The node being read, and the cell sizes that apply to the children of each open node.
@unmanaged
class Node {
  name: usize;
  compatible: usize;
  compatible_size: u32;
  device_type: usize;
  reg: usize;
  reg_size: u32;
  irq: u32;
  clock: u32;
  reg_shift: u32;
  isa: usize;
  disabled: bool;
  depth: u32;
}
const node: Node = changetype<Node>(memory.data(offsetof<Node>(), 4));
const address_cells: usize = memory.data(40, 4);
const size_cells: usize = memory.data(40, 4);

function be32(p: usize): u32 {
  return bswap<u32>(load<u32>(p));
}

/** The offset in the strings block of a property name. */
function find_name(strings: usize, size: u32, name: string): u32 {
  const n = literal_length(name);
  let at: u32 = 0;
  while (at < size) {
    const length = strlen(strings + at);
    // A name may be the tail of a longer one.
    if (length >= n && streq(strings + at + (length - n), name)) return at + (length - n);
    at += length + 1;
  }
  return 0xffffffff;
}

function find_names(strings: usize, size: u32): void {
  names.compatible = find_name(strings, size, 'compatible');
  names.reg = find_name(strings, size, 'reg');
  names.address_cells = find_name(strings, size, '#address-cells');
  names.size_cells = find_name(strings, size, '#size-cells');
  names.device_type = find_name(strings, size, 'device_type');
  names.interrupts = find_name(strings, size, 'interrupts');
  names.clock_frequency = find_name(strings, size, 'clock-frequency');
  names.reg_shift = find_name(strings, size, 'reg-shift');
  names.bootargs = find_name(strings, size, 'bootargs');
  names.timebase_frequency = find_name(strings, size, 'timebase-frequency');
  names.riscv_isa = find_name(strings, size, 'riscv,isa');
  names.status = find_name(strings, size, 'status');
}

/** Is `name` in the node's list of compatible strings? */
function is_compatible(name: string): bool {
  const end = node.compatible + node.compatible_size;
  for (let p = node.compatible; p != 0 && p < end; p += strlen(p) + 1) {
    if (streq(p, name)) return true;
  }
  return false;
}

/** The low word of the node's first address. */
function reg_address(): usize {
  const cells = load<u32>(address_cells + ((node.depth - 1) << 2));
  if (cells == 0 || node.reg_size < cells << 2) return 0;
  return be32(node.reg + ((cells - 1) << 2));
}

/** The node's first size; 4 GiB less a page if it does not fit a word. */
function reg_bytes(): u32 {
  const before = load<u32>(address_cells + ((node.depth - 1) << 2));
  const cells = load<u32>(size_cells + ((node.depth - 1) << 2));
  if (cells == 0 || node.reg_size < (before + cells) << 2) return 0;
  const high = cells > 1 ? be32(node.reg + (before << 2)) : 0;
  return high != 0 ? 0xfffff000 : be32(node.reg + ((before + cells - 1) << 2));
}

/** Keeps the UARTs in the order of their addresses, so that ttyS0 is the lowest. */
function add_uart(): void {
  if (board.nr_uarts == MAX_UARTS) return;
  const base = reg_address();
  let at = board.nr_uarts++;
  for (; at > 0 && uart_node(at - 1).base > base; at--) {
    memory.copy(
      changetype<usize>(uart_node(at)),
      changetype<usize>(uart_node(at - 1)),
      offsetof<UartNode>(),
    );
  }
  const uart = uart_node(at);
  uart.base = base;
  uart.clock = node.clock;
  uart.reg_shift = node.reg_shift;
  uart.irq = node.irq;
}

/** All properties of the node are known: is it one of ours? */
function finish_node(): void {
  if (node.depth == 0) return;
  if (node.device_type != 0 && streq(node.device_type, 'cpu')) {
    const hart = <u32>reg_address();
    if (hart < 32) board.harts |= 1 << hart;
    if (hart >= board.nr_harts) board.nr_harts = hart + 1;
    if (node.isa == 0 || !contains(node.isa, 'smrnmi')) board.has_smrnmi = false;
  } else if (node.device_type != 0 && streq(node.device_type, 'memory')) {
    if (board.memory_size == 0) {
      board.memory_base = reg_address();
      board.memory_size = reg_bytes();
    }
  } else if (node.compatible != 0 && !node.disabled) {
    if (is_compatible('ns16550a') || is_compatible('ns8250') || is_compatible('ns16550'))
      add_uart();
    else if (is_compatible('ns16450') || is_compatible('ns16750')) add_uart();
    else if (is_compatible('sifive,plic-1.0.0')) board.plic_base = reg_address();
    else if (is_compatible('sifive,clint0')) board.clint_base = reg_address();
    else if (is_compatible('sifive,test0')) board.finisher_base = reg_address();
    else if (is_compatible('printkit,nmi')) board.nmi_base = reg_address();
  }
  node.depth = 0;
}

function begin_node(name: usize, depth: u32): void {
  memory.fill(changetype<usize>(node), 0, offsetof<Node>());
  node.name = name;
  node.depth = depth;
  // Defaults of the specification, 2.3.5.
  store<u32>(address_cells + (depth << 2), 2);
  store<u32>(size_cells + (depth << 2), 1);
}

function read_property(name: u32, value: usize, size: u32, depth: u32): void {
  if (name == names.compatible) {
    node.compatible = value;
    node.compatible_size = size;
  } else if (name == names.reg) {
    node.reg = value;
    node.reg_size = size;
  } else if (name == names.address_cells) store<u32>(address_cells + (depth << 2), be32(value));
  else if (name == names.size_cells) store<u32>(size_cells + (depth << 2), be32(value));
  else if (name == names.device_type) node.device_type = value;
  else if (name == names.interrupts) node.irq = be32(value);
  else if (name == names.clock_frequency) node.clock = be32(value);
  else if (name == names.reg_shift) node.reg_shift = be32(value);
  else if (name == names.riscv_isa) node.isa = value;
  else if (name == names.timebase_frequency) board.timebase = be32(value);
  else if (name == names.status) node.disabled = !streq(value, 'okay') && !streq(value, 'ok');
  else if (name == names.bootargs) strscpy(boot_command_line, value, COMMAND_LINE_SIZE);
}

/**
 * Reads the device tree into `board` and `boot_command_line`. Boot hart, before anything that needs a
 * device, so it cannot report: returns false if there is no device tree at that address.
 */
export function fdt_scan(fdt: usize): bool {
  if (fdt == 0 || (fdt & 3) != 0 || be32(fdt) != FDT_MAGIC) return false;
  board.fdt = fdt;
  board.fdt_size = be32(fdt + 4);
  board.has_smrnmi = true;
  const strings = fdt + be32(fdt + 12);
  find_names(strings, be32(fdt + 32));

  let p = fdt + be32(fdt + 8);
  let depth: u32 = 0;
  for (;;) {
    const token = be32(p);
    p += 4;
    if (token == FDT_BEGIN_NODE) {
      finish_node();
      depth++;
      if (depth < MAX_DEPTH) begin_node(p, depth);
      p = (p + strlen(p) + 4) & ~3;
    } else if (token == FDT_PROP) {
      const size = be32(p);
      if (depth < MAX_DEPTH && node.depth == depth) read_property(be32(p + 4), p + 8, size, depth);
      p = (p + 8 + size + 3) & ~3;
    } else if (token == FDT_END_NODE) {
      finish_node();
      depth--;
    } else if (token != FDT_NOP) break;
  }
  return true;
}
