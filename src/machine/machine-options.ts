// What can be chosen about a machine and a run of it, and why a run ends.

import type { Uart8250Options } from '../../devices/uart8250/index.ts';
import { PrintkitError } from '../errors.ts';
import { HARTS_MAX, MEMORY_BYTES_MAX, PAGE_BYTES, UART_IRQS } from './memory-map.ts';

/** What can be chosen about a UART of the board. The device tree tells the guest. */
export type UartOptions = Partial<
  Pick<
    Uart8250Options,
    'variant' | 'noBaud' | 'registerShift' | 'registerBytes' | 'out2GatesIrq' | 'wakeOn' | 'fault'
  >
>;

export interface MachineOptions {
  /** Number of harts, 1 to 32. Default 4. */
  harts?: number;
  /** Size of RAM in bytes, a multiple of 4096. Default 64 MiB. */
  memoryBytes?: number;
  /** /chosen/bootargs of the device tree. Default empty. */
  bootargs?: string;
  /** Virtual time that an instruction takes, in ns. Default 10. */
  nsPerInstruction?: number;
  /** Longest time that one hart may run ahead of the others, in ns. Default 10 000. */
  roundNs?: number;
  /**
   * When to compile loops to JavaScript: once they are `hot` (default), as soon as they are seen
   * (`always`, for tests), or `never`. Makes no difference to the guest.
   */
  compile?: 'hot' | 'always' | 'never';
  /** The UARTs, ttyS0 first; at most four. Default one 16550A. */
  uarts?: readonly UartOptions[];
}

/** Why `run` has returned. */
export type StopReason =
  /** Reached the requested virtual time (or up to one round more). */
  | { kind: 'time' }
  /** The guest ended with this code, through the test finisher or HTIF. */
  | { kind: 'exit'; code: number }
  /** The guest asked the test finisher for a reset. */
  | { kind: 'reboot' }
  /** `maxInstructions` reached. */
  | { kind: 'limit' }
  /** All harts are in wfi and no timer is due before `nextEventNs`; Infinity: only input can wake. */
  | { kind: 'idle'; nextEventNs: number }
  /** Nothing can ever run again. */
  | { kind: 'stuck'; reason: string; hart: number };

export interface RunOptions {
  /** Instructions of all harts together that this call may retire. Default unlimited. */
  maxInstructions?: number;
  /** Return as soon as all harts wait, instead of moving virtual time on. Default false. */
  stopWhenIdle?: boolean;
}

/** @throws PrintkitError for an option that is out of range. */
export function completeOptions(options: MachineOptions): Required<MachineOptions> {
  const complete = {
    harts: options.harts ?? 4,
    memoryBytes: options.memoryBytes ?? 64 * 1024 * 1024,
    bootargs: options.bootargs ?? '',
    nsPerInstruction: options.nsPerInstruction ?? 10,
    roundNs: options.roundNs ?? 10_000,
    compile: options.compile ?? 'hot',
    uarts: options.uarts ?? [{}],
  } as const;
  const { memoryBytes } = complete;
  checkRange('number of harts', complete.harts, 1, HARTS_MAX);
  checkRange('memory size in bytes', memoryBytes, 64 * 1024, MEMORY_BYTES_MAX);
  checkRange('number of UARTs', complete.uarts.length, 1, UART_IRQS.length);
  if (memoryBytes % PAGE_BYTES !== 0) {
    throw new PrintkitError(`memory size ${memoryBytes} is not a multiple of ${PAGE_BYTES}`);
  }
  checkRange('time per instruction in ns', complete.nsPerInstruction, 1, 1_000_000);
  checkRange('round length in ns', complete.roundNs, 1, 1_000_000_000);
  return complete;
}

function checkRange(what: string, value: number, min: number, max: number): void {
  if (Number.isInteger(value) && value >= min && value <= max) return;
  throw new PrintkitError(`${what} must be an integer from ${min} to ${max}, not ${value}`);
}
