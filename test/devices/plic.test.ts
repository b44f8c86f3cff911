// PLIC 1.0.0: priorities, thresholds, gateways, claim and complete.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Plic } from '../../devices/plic/index.ts';
import { recordedLine } from './ports.ts';

const PRIORITY = 0;
const PENDING = 0x1000;
const ENABLE = 0x2000;
const THRESHOLD = 0x200000;
const CLAIM = 0x200004;

function plic(contexts = 2) {
  const lines = Array.from({ length: contexts }, recordedLine);
  const device = new Plic({ sources: 40, contextLines: lines.map(({ line }) => line) });
  const write = (offset: number, value: number) => device.write(offset, 4, value);
  const read = (offset: number) => device.read(offset, 4);
  return {
    device,
    lines,
    write,
    read,
    priority: (id: number, value: number) => write(PRIORITY + 4 * id, value),
    enable: (context: number, ...ids: number[]) => {
      for (const word of [0, 1]) {
        const bits = ids
          .filter((id) => id >> 5 === word)
          .reduce((b, id) => b | (1 << (id & 31)), 0);
        write(ENABLE + 0x80 * context + 4 * word, bits >>> 0);
      }
    },
    claim: (context = 0) => read(CLAIM + 0x1000 * context),
    complete: (id: number, context = 0) => write(CLAIM + 0x1000 * context, id),
    raise: (id: number) => device.source(id)(true),
    lower: (id: number) => device.source(id)(false),
  };
}

describe('PLIC', () => {
  it('interrupts a context that enables a pending source of a priority above its threshold', () => {
    const p = plic();
    p.raise(10);
    expect(p.lines[0].level).toBe(false);
    p.enable(0, 10);
    expect(p.lines[0].level).toBe(false); // priority 0 never interrupts
    p.priority(10, 3);
    expect(p.lines.map(({ level }) => level)).toEqual([true, false]);
    p.write(THRESHOLD, 3);
    expect(p.lines[0].level).toBe(false);
    p.write(THRESHOLD, 2);
    expect(p.lines[0].level).toBe(true);
  });

  it('claims the highest priority first, and the lowest id among equals', () => {
    const p = plic();
    p.enable(0, 3, 7, 33, 35);
    for (const [id, priority] of [
      [3, 1],
      [7, 5],
      [33, 5],
      [35, 7],
    ])
      p.priority(id, priority);
    for (const id of [33, 3, 35, 7]) p.raise(id);
    expect([p.claim(), p.claim(), p.claim(), p.claim(), p.claim()]).toEqual([35, 7, 33, 3, 0]);
    expect(p.lines[0].level).toBe(false);
  });

  it('a claim is not held back by the threshold', () => {
    const p = plic();
    p.enable(0, 4);
    p.priority(4, 2);
    p.write(THRESHOLD, 7);
    p.raise(4);
    expect(p.lines[0].level).toBe(false);
    expect(p.claim()).toBe(4);
  });

  it('the gateway sends one request per completion while the level stays high', () => {
    const p = plic();
    p.enable(0, 4);
    p.priority(4, 1);
    p.raise(4);
    expect(p.claim()).toBe(4);
    expect(p.claim()).toBe(0);
    p.complete(4);
    expect(p.claim()).toBe(4);
    p.lower(4);
    p.complete(4);
    expect(p.claim()).toBe(0);
  });

  it('a new rise of the level before the completion is held back, and sent after it', () => {
    const p = plic();
    p.enable(0, 4);
    p.priority(4, 1);
    p.raise(4);
    p.claim();
    p.lower(4);
    p.raise(4);
    expect([p.lines[0].level, p.claim()]).toEqual([false, 0]);
    p.complete(4);
    expect([p.lines[0].level, p.claim()]).toEqual([true, 4]);
  });

  it('a request once sent stays pending although the level drops', () => {
    const p = plic();
    p.enable(0, 4);
    p.priority(4, 1);
    p.raise(4);
    p.lower(4);
    expect(p.read(PENDING)).toBe(1 << 4);
    expect(p.claim()).toBe(4);
  });

  it('ignores the completion of a source that the context does not enable', () => {
    const p = plic();
    p.enable(0, 4);
    p.enable(1, 5);
    p.priority(4, 1);
    p.raise(4);
    p.claim(0);
    p.complete(4, 1);
    expect(p.claim()).toBe(0);
    p.complete(4, 0);
    expect(p.claim()).toBe(4);
  });

  it('only one context gets a source that both enable', () => {
    const p = plic();
    p.enable(0, 4);
    p.enable(1, 4);
    p.priority(4, 1);
    p.raise(4);
    expect(p.lines.map(({ level }) => level)).toEqual([true, true]);
    expect([p.claim(1), p.claim(0)]).toEqual([4, 0]);
    expect(p.lines.map(({ level }) => level)).toEqual([false, false]);
  });

  it('WARL: three priority bits, no source 0, pending is read-only, narrow writes do nothing', () => {
    const p = plic();
    p.priority(4, 0xffffffff);
    expect(p.read(16)).toBe(7);
    p.priority(0, 7);
    expect(p.read(0)).toBe(0);
    p.write(ENABLE, 0xffffffff);
    expect(p.read(ENABLE)).toBe(0xfffffffe);
    p.write(ENABLE + 4, 0xffffffff);
    expect(p.read(ENABLE + 4)).toBe(0x1ff); // 40 sources
    p.write(PENDING, 0xffffffff);
    expect(p.read(PENDING)).toBe(0);
    p.device.write(16, 1, 1);
    expect(p.read(16)).toBe(7);
    expect(p.device.read(17, 1)).toBe(0);
  });

  it('says whether a context can ever be interrupted', () => {
    const p = plic();
    expect(p.device.canInterrupt(0)).toBe(false);
    p.enable(0, 4);
    expect(p.device.canInterrupt(0)).toBe(false);
    p.priority(4, 1);
    expect(p.device.canInterrupt(0)).toBe(true);
    expect(p.device.canInterrupt(1)).toBe(false);
  });

  it('holds its invariants and restores under any sequence of operations', () => {
    const ids = fc.integer({ min: 1, max: 40 });
    const operation = fc.oneof(
      fc.record({ op: fc.constantFrom('raise', 'lower', 'complete'), id: ids }),
      fc.record({ op: fc.constant('claim'), id: fc.integer({ min: 0, max: 1 }) }),
      fc.record({ op: fc.constant('priority'), id: ids, value: fc.integer({ min: 0, max: 7 }) }),
      fc.record({
        op: fc.constant('threshold'),
        id: fc.integer({ min: 0, max: 1 }),
        value: fc.integer({ min: 0, max: 7 }),
      }),
    );
    type Operation = { op: string; id: number; value?: number };
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 60 }), fc.nat(60), (operations, cut) => {
        const p = plic();
        const copy = plic();
        const apply = (target: typeof p, { op, id, value = 0 }: Operation): number => {
          if (op === 'raise') target.raise(id);
          else if (op === 'lower') target.lower(id);
          else if (op === 'complete') target.complete(id);
          else if (op === 'priority') target.priority(id, value);
          else if (op === 'threshold') target.write(THRESHOLD + 0x1000 * id, value);
          else return target.claim(id);
          return 0;
        };
        const all = Array.from({ length: 40 }, (_, i) => i + 1);
        p.enable(0, ...all);
        p.enable(1, ...all.filter((id) => id % 3 === 0));
        const inService = new Set<number>();
        operations.forEach((one: Operation, i) => {
          if (i === Math.min(cut, operations.length - 1)) {
            copy.device.restore(structuredClone(p.device.save()));
            copy.lines.forEach((line, context) => (line.level = p.lines[context].level));
          }
          const claimed = apply(p, one);
          if (one.op === 'claim' && claimed !== 0) {
            expect(inService.has(claimed)).toBe(false);
            inService.add(claimed);
          }
          if (one.op === 'complete') inService.delete(one.id);
          if (i >= Math.min(cut, operations.length - 1)) {
            expect(apply(copy, one)).toBe(claimed);
            expect(copy.device.save()).toEqual(p.device.save());
          }
        });
      }),
    );
  });
});
