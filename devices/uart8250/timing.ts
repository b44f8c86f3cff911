// How long a character takes: divisor, input clock and LCR to nanoseconds, exactly.
// PC16550D sections 8.1 (LCR) and 8.3 (programmable baud generator). Leaves out the receiver's
// 16× sampling: a received character counts as complete at the end of its last stop bit.

import { LCR_EPS, LCR_PEN, LCR_STB, LCR_STICK, LCR_WLS } from './registers.ts';
import type { LineSettings, Parity } from './line.ts';

/** In `--no-baud` mode, a character takes this long through loopback; to the line it takes none. */
export const NO_BAUD_LOOP_NS = 1;
/**
 * In `--no-baud` mode, queued input arrives this far apart: long enough for a guest's receive loop
 * to see an empty FIFO now and then, instead of being refilled for ever.
 */
export const NO_BAUD_RX_NS = 250;

/** A duration of `ns + numerator / denominator` ns. */
export interface FrameTime {
  readonly ns: number;
  readonly numerator: number;
  readonly denominator: number;
}

/** Word length in bits. */
export function dataBits(lcr: number): 5 | 6 | 7 | 8 {
  switch (lcr & LCR_WLS) {
    case 0:
      return 5;
    case 1:
      return 6;
    case 2:
      return 7;
    default:
      return 8;
  }
}

export function stopBits(lcr: number): 1 | 1.5 | 2 {
  if ((lcr & LCR_STB) === 0) return 1;
  return dataBits(lcr) === 5 ? 1.5 : 2;
}

export function parity(lcr: number): Parity {
  if ((lcr & LCR_PEN) === 0) return 'none';
  if (lcr & LCR_STICK) return lcr & LCR_EPS ? 'space' : 'mark';
  return lcr & LCR_EPS ? 'even' : 'odd';
}

/** Mask of the bits that a word of this length has. */
export function dataMask(lcr: number): number {
  return (1 << dataBits(lcr)) - 1;
}

/** Start, data, parity and stop bits, counted in halves because of 1.5 stop bits. */
export function frameHalfBits(lcr: number): number {
  const parityBits = lcr & LCR_PEN ? 1 : 0;
  return 2 * (1 + dataBits(lcr) + parityBits + stopBits(lcr));
}

export function lineSettings(lcr: number, divisor: number, clockHz: number): LineSettings {
  return {
    baud: clockHz / (16 * divisor),
    dataBits: dataBits(lcr),
    parity: parity(lcr),
    stopBits: stopBits(lcr),
  };
}

function gcd(a: number, b: number): number {
  while (b !== 0) [a, b] = [b, a % b];
  return a;
}

/**
 * Frame time for a divisor (with any prescaler multiplied in). The denominator depends on the clock
 * only, so that fractions of successive frames add up even when the settings change between them.
 */
export function frameTime(lcr: number, divisor: number, clockHz: number): FrameTime {
  const common = gcd(clockHz, 1_000_000_000);
  const denominator = clockHz / common;
  // A bit is 16 × divisor clock cycles. BigInt: 12-bit frames at large divisors pass 2^53.
  const scaled = BigInt(frameHalfBits(lcr) * 8 * divisor) * BigInt(1_000_000_000 / common);
  return {
    ns: Number(scaled / BigInt(denominator)),
    numerator: Number(scaled % BigInt(denominator)),
    denominator,
  };
}

/** `frames` frame times in ns, rounded down to the clock's grain of 1 ns. */
export function framesNs(time: FrameTime, frames: number): number {
  return frames * time.ns + Math.floor((frames * time.numerator) / time.denominator);
}
