// What a board decides about its UART. Names after the device tree where it has one for it.

import type { AccessBytes, Clock, InterruptLine } from '../ports.ts';
import type { Uart8250VariantName } from './variants.ts';

/**
 * Defects that parts in the field have, for tests of what drivers do about them.
 * `lost-thre`: the THRE interrupt is an edge of its own, which IER.1 only masks: enabling it does not
 * raise it again once it has been acknowledged. Linux: UART_BUG_THRE, UART_BUG_TXEN.
 */
export type Uart8250Fault = 'lost-thre';

/** All of them, for help texts. */
export const UART8250_FAULTS: readonly Uart8250Fault[] = ['lost-thre'];

/** True for a name that `--uart-fault` may give. */
export function isUart8250Fault(name: string): name is Uart8250Fault {
  return (UART8250_FAULTS as readonly string[]).includes(name);
}

export interface Uart8250Options {
  /** Name in timers, traces and reports, e.g. `uart0`. */
  readonly name: string;
  readonly variant: Uart8250VariantName;
  /** Baud generator input in Hz, an integer. */
  readonly clockHz: number;
  readonly clock: Clock;
  /** INTR as it reaches the board's interrupt controller. */
  readonly irq: InterruptLine;
  /** log2 of the distance between registers in bytes (device tree `reg-shift`). Default 0. */
  readonly registerShift?: 0 | 1 | 2;
  /** Width of the bus in bytes (device tree `reg-io-width`); wider accesses are split. Default 1. */
  readonly registerBytes?: AccessBytes;
  /** The board passes INTR on only while OUT2 is active, as PCs do. Default false. */
  readonly out2GatesIrq?: boolean;
  /** Characters take no time (see NO_BAUD_RX_NS). Default false. */
  readonly noBaud?: boolean;
  /**
   * Wake output, a level: rises with a start bit or a change of modem inputs while the UART sleeps,
   * falls with the next register access.
   */
  readonly wake?: InterruptLine;
  /**
   * `asleep`: only a UART that the guest has put to sleep (IER.4, IER.5) wakes the board.
   * `always`: the board watches the pins itself, whatever the part can do. Default `asleep`.
   */
  readonly wakeOn?: 'asleep' | 'always';
  /** Default: none. */
  readonly fault?: Uart8250Fault;
}
