// What processes are known to touch: conflicts to the byte, and chains of them.

import { describe, expect, it } from 'vitest';
import { footprintOf, Footprints } from '../../src/explore/footprint.ts';
import type { Access } from '../../src/explore/model.ts';

const of = (kind: Access['kind'], address: number, bytes = 1): ReturnType<typeof footprintOf> =>
  footprintOf([{ address, bytes, kind }]);

describe('footprints', () => {
  it('tell what others touch, to the byte', () => {
    const footprints = new Footprints();
    footprints.add(0, of('write', 100));
    footprints.add(1, of('read', 101));
    expect(footprints.isShared(1, of('read', 100))).toBe(true);
    expect(footprints.isShared(1, of('write', 101))).toBe(false);
    expect(footprints.isShared(0, of('read', 101))).toBe(false);
    expect(footprints.isShared(0, of('write', 101))).toBe(true);
  });

  it('have room for any number of processes', () => {
    const footprints = new Footprints();
    const count = 100;
    // Each writes a byte that the next one reads.
    for (let p = 0; p < count; p++) {
      footprints.add(p, of('write', 4 * p));
      footprints.add(p + 1, of('read', 4 * p));
    }
    expect(footprints.version).toBe(count);
    expect(footprints.isShared(70, of('write', 4 * 70))).toBe(true);
    expect(footprints.isShared(70, of('write', 4 * 500))).toBe(false);
    expect(footprints.concerns(0, of('write', 0), count, [])).toBe(true);
    expect(footprints.concerns(0, of('write', 0), count, [50])).toBe(false);
    expect(footprints.concerns(60, of('write', 4 * 60), count, [50])).toBe(true);
  });

  it('grow when a conflict is new', () => {
    const footprints = new Footprints();
    footprints.add(0, of('read', 8));
    footprints.add(1, of('read', 8));
    expect(footprints.version).toBe(0);
    footprints.add(1, of('write', 8));
    expect(footprints.version).toBe(1);
    footprints.add(1, of('write', 8));
    expect(footprints.version).toBe(1);
    // It has been known that they meet there, but not that 1 minds what 0 reads.
    footprints.add(0, of('write', 8));
    expect(footprints.version).toBe(2);
  });
});
