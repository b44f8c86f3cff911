import fc from 'fast-check';
import { expect, it } from 'vitest';
import { LAG_NS_MAX, Pacer } from '../../src/cli/pace.ts';

function setup(startNs = 5e9) {
  const wall = { ns: startNs };
  const pacer = new Pacer(() => wall.ns);
  return { wall, pacer };
}

it('virtual time advances as wall time does, from where it was started', () => {
  const { wall, pacer } = setup();
  pacer.start(700);
  expect(pacer.target(700)).toBe(700);
  wall.ns += 12_345;
  expect(pacer.target(700)).toBe(13_045);
  expect(pacer.untilDue(14_045)).toBe(1000);
});

it('oversleeping does not add up', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: LAG_NS_MAX }), { maxLength: 200 }), (sleeps) => {
      const { wall, pacer } = setup();
      pacer.start(0);
      let now = 0;
      for (const ns of sleeps) {
        wall.ns += ns;
        now = pacer.target(now);
      }
      expect(now).toBe(sleeps.reduce((sum, ns) => sum + ns, 0));
      expect(pacer.droppedNs).toBe(0);
    }),
  );
});

it('a machine that is too slow gives lag up instead of catching up in a burst', () => {
  const { wall, pacer } = setup();
  pacer.start(0);
  wall.ns += 10 * LAG_NS_MAX;
  expect(pacer.target(0)).toBe(LAG_NS_MAX);
  expect(pacer.droppedNs).toBe(9 * LAG_NS_MAX);
  wall.ns += 100;
  expect(pacer.target(LAG_NS_MAX)).toBe(LAG_NS_MAX + 100);
});

it('a session that was stopped goes on where it was', () => {
  const { wall, pacer } = setup();
  pacer.start(0);
  wall.ns += 3600e9;
  pacer.start(50);
  expect(pacer.target(50)).toBe(50);
  expect(pacer.droppedNs).toBe(0);
});
