// Endless loops that touch nothing visible: found by going round once more. What such a loop reads becomes
// shared then, and it is a spin loop like others, of which it is known what the hart waits for.

import type { HartTrack } from './hart-track.ts';
import type { UndoLog } from './undo-log.ts';

/** Jumps in a circle at most. */
const JUMPS_MAX = 200;

/**
 * Runs a hart from a jump to the next one; with `shares`, all that it accesses on the way becomes shared.
 * False if something else comes.
 */
export type Jump = (track: HartTrack, shares: boolean) => boolean;

/** Whether the hart, at a jump, comes back to it with nothing changed. */
export function circles(track: HartTrack, log: UndoLog, memory: Int32Array, jump: Jump): boolean {
  const { top } = log;
  const before = track.hart.x.slice();
  if (!comesBack(track, false, jump)) return false;
  if (before.some((value, r) => value !== track.hart.x[r])) return false;
  if (!log.changesNothing(top, memory)) return false;
  comesBack(track, true, jump);
  return true;
}

function comesBack(track: HartTrack, shares: boolean, jump: Jump): boolean {
  const { pc32 } = track.hart;
  for (let jumps = 0; jumps < JUMPS_MAX && jump(track, shares); jumps++) {
    if (track.hart.pc32 === pc32) return true;
  }
  return false;
}
