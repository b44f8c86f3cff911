// Xon/Xoff flow control of the 16C650, both ways: characters that stop and start the transmitter,
// and those that it sends when the receiver fills. 16C650 "software flow control", EFR 3:0 and 5,
// MCR.5. With EFR 1:0 = 11, either character counts; the pair as a sequence is not modelled.

import type { Chip } from './chip.ts';
import type { Interrupts } from './interrupts.ts';
import type { Receiver } from './receiver.ts';
import { EFR_RX_FLOW_MASK, EFR_SPECIAL, EFR_TX_FLOW_SHIFT, MCR_XON_ANY } from './registers.ts';
import type { Transmitter } from './transmitter.ts';

/** Two flow bits of EFR (1:0 or 3:2) to the characters that they select. */
function selected(bits: number, first: number, second: number): number[] {
  return [...(bits & 2 ? [first] : []), ...(bits & 1 ? [second] : [])];
}

/**
 * Called for each character that arrives.
 * @returns true when it belongs to flow control, and must not be stored.
 */
export function interceptFlow(
  byte: number,
  chip: Chip,
  transmitter: Transmitter,
  interrupts: Interrupts,
): boolean {
  if (!chip.enhanced) return false;
  const { efr, mcr, xon1, xon2, xoff1, xoff2 } = chip.registers;
  const bits = efr & EFR_RX_FLOW_MASK;
  if (selected(bits, xoff1, xoff2).includes(byte)) {
    transmitter.setXoff(true);
    interrupts.raiseXoff();
    return true;
  }
  if (selected(bits, xon1, xon2).includes(byte)) {
    transmitter.setXoff(false);
    interrupts.dropXoff();
    return true;
  }
  if (mcr & MCR_XON_ANY && transmitter.xoff) transmitter.setXoff(false);
  if (efr & EFR_SPECIAL && byte === xoff2) interrupts.raiseXoff();
  return false;
}

/** Called when the fill of the receiver may have changed: sends Xoff or Xon if it is time. */
export function updateFlow(chip: Chip, receiver: Receiver, transmitter: Transmitter): void {
  if (!chip.enhanced) return;
  const { efr, xon1, xon2, xoff1, xoff2 } = chip.registers;
  const bits = (efr >> EFR_TX_FLOW_SHIFT) & 3;
  if (bits === 0) return;
  if (receiver.full && !receiver.xoffSent) {
    receiver.xoffSent = true;
    transmitter.sendControl(selected(bits, xoff1, xoff2));
  } else if (receiver.drained && receiver.xoffSent) {
    receiver.xoffSent = false;
    transmitter.sendControl(selected(bits, xon1, xon2));
  }
}
