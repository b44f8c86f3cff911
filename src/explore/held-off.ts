// Interrupts that are pending at harts which have them off, and who waits for their handlers: found out by
// letting the handler run and taking it back. Leaves out NMIs, which nobody can hold off for long.

import { MSTATUS_MIE } from '../machine/csr.ts';
import { takeInterrupt } from '../machine/trap.ts';
import type { HartTrack } from './hart-track.ts';
import { nextInterrupt } from './interrupts.ts';
import { lookAhead, wouldProceed } from './spin.ts';
import type { Stepper } from './stepper.ts';

/** A handler gets so many steps to return. */
const HANDLER_STEPS = 2000;

/** The interrupt is pending, and the hart has it off, or all. */
export function isHeldOff(track: HartTrack, irq: number): boolean {
  const { mip } = track.hart;
  return (mip & (1 << irq)) !== 0 && nextInterrupt(track) !== irq && !track.hart.nmiReady;
}

/** Whether a waiting hart would go on if `at` took an interrupt that it holds off. */
export function wouldRelease(
  stepper: Stepper,
  at: HartTrack,
  irq: number,
  waiting: HartTrack,
): boolean {
  const mark = stepper.log.top;
  const { depth } = at;
  stepper.saveHart(at);
  force(at, irq);
  stepper.settle(at);
  for (let steps = 0; at.depth > depth && steps < HANDLER_STEPS; steps++) {
    if (at.standing !== 'access' || stepper.log.isFull) break;
    stepper.saveHart(at);
    stepper.step(at);
  }
  const released = at.depth === depth && goesOn(stepper, waiting);
  stepper.rewind(mark);
  return released;
}

function force(track: HartTrack, irq: number): void {
  const { hart } = track;
  const { mie } = hart;
  hart.mstatus |= MSTATUS_MIE;
  hart.mie = 1 << irq;
  track.enter();
  takeInterrupt(hart);
  hart.mie = mie;
}

function goesOn(stepper: Stepper, track: HartTrack): boolean {
  switch (track.standing) {
    case 'access':
      return lookAhead(stepper, track).prospect === 'goes on';
    case 'wfi':
      return track.hart.wakeable || wouldProceed(stepper, track);
    case 'leaving':
    case 'end':
      return true;
    case 'endless':
      return false;
  }
}
