import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Backlog, ByteQueue } from '../../src/lines/byte-queue.ts';
import { LineStamper } from '../../src/lines/stamp.ts';

it('a queue gives what it was given, in order, however it is taken', () => {
  const step = fc.oneof(
    fc.record({ push: fc.uint8Array({ maxLength: 9 }) }),
    fc.record({ skip: fc.integer({ min: 0, max: 12 }) }),
    fc.constant({ shift: true }),
    fc.constant({ peek: true }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const queue = new ByteQueue();
      let model: number[] = [];
      for (const each of steps) {
        if ('push' in each) {
          queue.push(each.push);
          model.push(...each.push);
        } else if ('skip' in each) {
          queue.skip(each.skip);
          model = model.slice(each.skip);
        } else if ('shift' in each) {
          expect(queue.shift()).toBe(model.shift() ?? -1);
        } else {
          const peeked = [...queue.peek()];
          expect(peeked).toEqual(model.slice(0, peeked.length));
          expect(peeked.length > 0).toBe(model.length > 0);
        }
        expect(queue.length).toBe(model.length);
      }
      queue.unshift(Uint8Array.of(7));
      expect([...queue.takeAll()]).toEqual([7, ...model]);
      expect(queue.length).toBe(0);
    }),
  );
});

it('a backlog keeps the newest bytes and counts the others', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 20 })), fc.nat({ max: 40 }), (pieces, size) => {
      const backlog = new Backlog(size);
      const all: number[] = [];
      for (const piece of pieces) {
        backlog.push(piece);
        all.push(...piece);
      }
      expect(backlog.lost).toBe(Math.max(0, all.length - size));
      expect([...backlog.take()]).toEqual(size === 0 ? [] : all.slice(-size));
      expect(backlog.lost).toBe(0);
    }),
  );
});

it('stamps stand in front of every line and nowhere else', () => {
  const piece = fc.array(fc.constantFrom('a', 'b', '\n', '\r'), { maxLength: 8 });
  fc.assert(
    fc.property(fc.array(piece), (pieces) => {
      const stamper = new LineStamper(() => '# ');
      const out = pieces.map((each) => Buffer.from(stamper.push(Buffer.from(each.join('')))));
      const whole = pieces.flat().join('');
      expect(Buffer.concat(out).toString()).toBe(whole.replace(/[^\n]*\n|[^\n]+$/g, '# $&'));
    }),
  );
});
