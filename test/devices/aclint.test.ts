// ACLINT 1.0 in CLINT layout: mtime, mtimecmp, msip.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Aclint } from '../../devices/aclint/index.ts';
import { recordedLine, TestClock } from './ports.ts';

const MTIMECMP = 0x4000;
const MTIME = 0xbff8;

function aclint(harts = 2) {
  const clock = new TestClock();
  const software = Array.from({ length: harts }, recordedLine);
  const timer = Array.from({ length: harts }, recordedLine);
  const device = new Aclint({
    clock,
    nsPerTick: 100,
    softwareLines: software.map(({ line }) => line),
    timerLines: timer.map(({ line }) => line),
  });
  const write = (offset: number, value: number) => device.write(offset, 4, value);
  const read = (offset: number) => device.read(offset, 4);
  return { clock, software, timer, device, write, read };
}

describe('ACLINT', () => {
  it('msip drives the software interrupt of its hart; only bit 0 exists', () => {
    const a = aclint();
    a.write(4, 0xffffffff);
    expect(a.software.map(({ level }) => level)).toEqual([false, true]);
    expect([a.read(0), a.read(4)]).toEqual([0, 1]);
    a.write(4, 0xfffffffe);
    expect(a.software[1].level).toBe(false);
  });

  it('mtime counts ticks, readable in parts', () => {
    const a = aclint();
    a.clock.advance(0x1234_5678 * 100 + 99);
    expect(a.read(MTIME)).toBe(0x12345678);
    expect(a.device.read(MTIME + 2, 2)).toBe(0x1234);
    expect(a.device.read(MTIME + 1, 1)).toBe(0x56);
    a.clock.advance(0x1_2345_6789 * 100);
    expect([a.read(MTIME + 4), a.read(MTIME)]).toEqual([1, 0x23456789]);
  });

  it('MTIP is mtime >= mtimecmp, from the very tick on, and falls when mtimecmp moves on', () => {
    const a = aclint();
    a.write(MTIMECMP, 50);
    expect(a.timer[0].level).toBe(false);
    a.write(MTIMECMP + 4, 0);
    a.clock.advance(4999);
    expect(a.timer[0].level).toBe(false);
    a.clock.advance(5000);
    expect(a.timer.map(({ level }) => level)).toEqual([true, false]);
    a.write(MTIMECMP, 51);
    expect(a.timer[0].level).toBe(false);
    a.write(MTIMECMP, 50);
    expect(a.timer[0].level).toBe(true);
  });

  it('the usual 32-bit sequence for a new mtimecmp gives no spurious interrupt', () => {
    const a = aclint();
    a.clock.advance(1_000_000);
    a.write(MTIMECMP, 0xffffffff);
    a.write(MTIMECMP + 4, 0);
    a.write(MTIMECMP, 20_000);
    expect(a.timer[0].changes).toBe(0);
    a.clock.advance(2_000_000);
    expect(a.timer[0].level).toBe(true);
  });

  it('mtime can be written: comparisons follow', () => {
    const a = aclint();
    a.clock.advance(12_345);
    a.write(MTIMECMP, 1000);
    a.write(MTIMECMP + 4, 5);
    a.write(MTIME, 990);
    a.write(MTIME + 4, 5);
    expect([a.read(MTIME), a.read(MTIME + 4)]).toEqual([990, 5]);
    expect(a.timer[0].level).toBe(false);
    a.clock.advance(13_300);
    expect(a.timer[0].level).toBe(true);
    a.write(MTIME + 4, 4);
    expect(a.timer[0].level).toBe(false);
  });

  it('registers of harts that do not exist read zero and ignore writes', () => {
    const a = aclint(1);
    a.write(4, 1);
    a.write(MTIMECMP + 8, 5);
    expect([a.read(4), a.read(MTIMECMP + 8), a.read(0x8000)]).toEqual([0, 0, 0]);
  });

  it('follows 64-bit arithmetic for any written mtime, and restores', () => {
    const u64 = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n });
    fc.assert(
      fc.property(
        u64,
        u64,
        fc.integer({ min: 0, max: 2 ** 45 }),
        fc.integer({ min: 0, max: 2 ** 40 }),
        (mtime, compare, at, later) => {
          const a = aclint(1);
          a.clock.advance(at);
          const low = (v: bigint) => Number(v & 0xffff_ffffn);
          const high = (v: bigint) => Number(v >> 32n);
          a.write(MTIME, low(mtime));
          a.write(MTIME + 4, high(mtime));
          a.write(MTIMECMP, low(compare));
          a.write(MTIMECMP + 4, high(compare));
          const b = aclint(1);
          b.clock.advance(at);
          b.device.restore(structuredClone(a.device.save()));
          b.timer[0].level = a.timer[0].level;
          for (const one of [a, b]) {
            one.clock.advance(at + later);
            const ticks = BigInt(Math.floor((at + later) / 100) - Math.floor(at / 100));
            const now = (mtime + ticks) & ((1n << 64n) - 1n);
            expect(BigInt(one.read(MTIME)) | (BigInt(one.read(MTIME + 4)) << 32n)).toBe(now);
            // (A wrap-around of mtime is 58,000 years away and is not a test case.)
            if (mtime + ticks < 1n << 64n) expect(one.timer[0].level).toBe(now >= compare);
          }
        },
      ),
    );
  });
});
