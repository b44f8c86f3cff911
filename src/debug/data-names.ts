// Names for what an instruction accesses: a lock of the guest or what it is in front of, a variable with
// a symbol, a hart's stack, a device's register. What has no name is an address.

import type { Machine } from '../machine/machine.ts';
import { RAM_BASE } from '../machine/memory-map.ts';
import { GuestLocks, type Locks } from './guest-locks.ts';
import type { Symbolizer } from './symbolizer.ts';

/** Behind a label without a size: so far it is still taken to name what is there. */
const LABEL_BYTES_MAX = 64;
/** A stack reaches no further up from its pointer. */
const STACK_BYTES_MAX = 4096;

/** Registers of an 8250 as they are read and written, divisor latch closed (16550 data sheet, table 1). */
const UART_READ = ['RBR', 'IER', 'IIR', 'LCR', 'MCR', 'LSR', 'MSR', 'SCR'];
const UART_WRITE = ['THR', 'IER', 'FCR', 'LCR', 'MCR', 'LSR', 'MSR', 'SCR'];
const LCR_DLAB = 0x80;
/** Instead of the first two with the divisor latch open. */
const DIVISOR = ['DLL', 'DLM'];

/** Registers of the ACLINT, by offset. */
const MTIMECMP = 0x4000;
const MTIME = 0xbff8;

export class DataNames {
  readonly locks: Locks;
  readonly #machine: Machine;
  readonly #symbolizer: Symbolizer;

  /**
   * The guest has initialised its locks: those initialised later have no name.
   * @param locks default: those of the firmware
   */
  constructor(machine: Machine, symbolizer: Symbolizer, locks?: Locks) {
    this.#machine = machine;
    this.#symbolizer = symbolizer;
    this.locks = locks ?? new GuestLocks(machine, symbolizer);
  }

  /** What is at an address of memory, as far as known: "p->pi_lock", "flag", "hart 0's stack". */
  nameOf(address: number): string {
    return this.#named(address) ?? this.#stackOf(address) ?? `0x${(address >>> 0).toString(16)}`;
  }

  /** What a word that was read or written points to, if that has a name of its own. */
  targetOf(value: number): string | undefined {
    if (!this.#machine.memory.contains(value >>> 0, 1)) return undefined;
    return this.#named(value >>> 0);
  }

  /** "uart0 THR", "uart0 LSR", "msip of hart 1"; undefined for what is no device. */
  registerOf(address: number, writes: boolean): string | undefined {
    const region = this.#machine.bus.find(address, 1);
    if (region === undefined) return undefined;
    const { name, base } = region;
    const offset = address - base;
    if (name === 'aclint') {
      if (offset < MTIMECMP) return `msip of hart ${offset >>> 2}`;
      return offset < MTIME ? `mtimecmp of hart ${(offset - MTIMECMP) >>> 3}` : 'mtime';
    }
    const uart = this.#machine.uarts.find((each) => each.name === name);
    if (uart === undefined) return `${name}+0x${offset.toString(16)}`;
    const register = (offset * UART_READ.length) / uart.windowBytes;
    const { lcr } = uart.save().registers;
    const isDivisor = register < DIVISOR.length && (lcr & LCR_DLAB) !== 0;
    const names = isDivisor ? DIVISOR : writes ? UART_WRITE : UART_READ;
    return `${name} ${names.at(register) ?? `+${offset}`}`;
  }

  /** A lock, a variable, or what is near one. */
  #named(address: number): string | undefined {
    const { locks } = this;
    const symbol = this.#symbolOf(address);
    if (symbol?.includes('+') === false && !locks.addresses.has(address)) return symbol;
    return locks.describe(address) ?? symbol;
  }

  #symbolOf(address: number): string | undefined {
    const place = this.#symbolizer.lookup(address);
    if (place === undefined) return undefined;
    const { name, offset, size } = place;
    if (size === 0 && offset >= LABEL_BYTES_MAX) return undefined;
    return offset === 0 ? name : `${name}+0x${offset.toString(16)}`;
  }

  #stackOf(address: number): string | undefined {
    const owner = this.#machine.harts.find(({ x }) => {
      const above = address - (x[2] >>> 0);
      return x[2] >>> 0 >= RAM_BASE && above >= 0 && above < STACK_BYTES_MAX;
    });
    return owner === undefined ? undefined : `hart ${owner.id}'s stack`;
  }
}
