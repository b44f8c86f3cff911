// Limits of what the kernel costs. The counts are the machine's own, so they are the same everywhere.

import { beforeAll, describe, expect, it } from 'vitest';
import { buildImage } from '../firmware/console.ts';
import {
  BUSY_MIN,
  receiveCost,
  SHARE_MAX,
  SWITCH_MAX,
  switchCosts,
  transmitCost,
  wakeupCosts,
  WAKEUP_MAX,
  type WireCost,
} from './costs.ts';

let elf: Uint8Array;
beforeAll(async () => {
  elf = await buildImage();
}, 300_000);

describe('scheduler', () => {
  it('schedule() from one thread to another takes less than 600 instructions', () => {
    const costs = switchCosts(elf);
    // Two threads, 64 times each.
    expect(costs.length).toBeGreaterThan(100);
    expect(Math.min(...costs)).toBeGreaterThan(50);
    expect(Math.max(...costs)).toBeLessThan(SWITCH_MAX);
  });

  it('try_to_wake_up() on the same CPU takes less than 400 instructions', () => {
    const costs = wakeupCosts(elf);
    expect(costs.length).toBeGreaterThanOrEqual(8);
    expect(Math.min(...costs)).toBeGreaterThan(50);
    expect(Math.max(...costs)).toBeLessThan(WAKEUP_MAX);
  });
});

describe('115200 baud through the tty', () => {
  const expectWithinLimits = ({ characters, busy, share }: WireCost): void => {
    expect(characters).toBeGreaterThan(10_000);
    expect(busy).toBeGreaterThanOrEqual(BUSY_MIN);
    expect(busy).toBeLessThan(1.001);
    expect(share).toBeGreaterThan(0.001);
    expect(share).toBeLessThan(SHARE_MAX);
  };

  it('out: the wire never waits, and it costs less than 6 % of a hart', () => {
    expectWithinLimits(transmitCost(elf));
  });

  it('in: the same', () => {
    expectWithinLimits(receiveCost(elf));
  });
});
