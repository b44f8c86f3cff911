// Virtual time: order of timers, and that time never runs backwards.
import { describe, expect, it } from 'vitest';
import { EventQueue } from '../../src/machine/event-queue.ts';

function queue() {
  const clock = new EventQueue();
  const fired: [string, number][] = [];
  const timer = (name: string) => clock.timer(name, () => fired.push([name, clock.now]));
  return { clock, fired, timer };
}

describe('EventQueue', () => {
  it('fires by deadline, then in order of creation', () => {
    const { clock, fired, timer } = queue();
    const [a, b, c] = [timer('a'), timer('b'), timer('c')];
    c.set(5);
    b.set(7);
    a.set(7);
    expect(clock.nextDeadline).toBe(5);
    clock.fire(6);
    expect(fired).toEqual([['c', 5]]);
    expect([clock.now, clock.nextDeadline]).toEqual([6, 7]);
    clock.fire(10);
    expect(fired.slice(1)).toEqual([
      ['a', 7],
      ['b', 7],
    ]);
    expect(clock.nextDeadline).toBe(Infinity);
  });

  it('a timer set from within a timer fires in the same sweep if it is due', () => {
    const clock = new EventQueue();
    const times: number[] = [];
    const timer = clock.timer('again', () => {
      times.push(clock.now);
      if (times.length < 4) timer.set(clock.now + 10);
    });
    timer.set(10);
    clock.fire(35);
    expect(times).toEqual([10, 20, 30]);
    expect(timer.deadline).toBe(40);
  });

  it('cancelling or moving the next timer finds the one after it', () => {
    const { clock, fired, timer } = queue();
    const [a, b] = [timer('a'), timer('b')];
    a.set(1);
    b.set(2);
    a.cancel();
    expect(clock.nextDeadline).toBe(2);
    a.set(1);
    a.set(9);
    expect(clock.nextDeadline).toBe(2);
    clock.fire(100);
    expect(fired).toEqual([
      ['b', 2],
      ['a', 9],
    ]);
  });

  it('a deadline in the past fires next, and time does not go back', () => {
    const { clock, fired, timer } = queue();
    clock.fire(100);
    timer('late').set(50);
    clock.fire(100);
    expect(fired).toEqual([['late', 100]]);
    clock.advance(20);
    expect(clock.now).toBe(100);
  });

  it('saves and restores deadlines by name', () => {
    const one = queue();
    const [a, b] = [one.timer('a'), one.timer('b')];
    one.clock.advance(3);
    a.set(10);
    b.set(4);
    const other = queue();
    other.timer('a').set(1);
    other.timer('b');
    other.clock.restore(structuredClone(one.clock.save()));
    expect([other.clock.now, other.clock.nextDeadline]).toEqual([3, 4]);
    other.clock.fire(50);
    expect(other.fired).toEqual([
      ['b', 4],
      ['a', 10],
    ]);
  });

  it('two timers of one name are a mistake', () => {
    const { timer } = queue();
    timer('a');
    expect(() => timer('a')).toThrow(/timer a exists already/);
  });
});
