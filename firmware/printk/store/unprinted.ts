// What consoles still have to print, for stores that would rather not overwrite that. There is a limit:
// consoles that have not got on for ten seconds while the log is full (flow control, a console that is
// stuck) are not waited for; the newest messages are worth more then.
//
// Positions are the low halves of sequence numbers. Any context; a value that is a little old does no harm.

import { READ_ONCE, WRITE_ONCE } from '../../arch/atomic';
import { local_clock } from '../../time/timekeeping';
import {
  CONSOLES_MAX,
  CON_NBCON,
  Console,
  console_at,
  console_flags,
  console_is_usable,
} from '../console';

const PATIENCE_MS: u32 = 10_000;
const NSEC_PER_MSEC: u64 = 1_000_000;

/** The slowest console's position when somebody last looked. */
const slowest: usize = memory.data(4, 4);
/** Since when the log is known to be full with the slowest console there: ms, never 0; 0: it is not. */
const full_since: usize = memory.data(4, 4);

/** The next record of a console. */
function console_position(console: Console): u32 {
  const nbcon = (console_flags(console) & CON_NBCON) != 0;
  const field = nbcon ? offsetof<Console>('nbcon_seq') : offsetof<Console>('seq');
  return READ_ONCE(changetype<usize>(console) + field);
}

/** Looks where the slowest console is, for unprinted_from(). False if there is no console. */
export function unprinted_update(): bool {
  let position: u32 = 0;
  let any = false;
  for (let slot: u32 = 0; slot < CONSOLES_MAX; slot++) {
    const console = console_at(slot);
    if (console == null || !console_is_usable(console)) continue;
    const its = console_position(console);
    if (!any || <i32>(its - position) < 0) position = its;
    any = true;
  }
  if (!any) return false;
  if (READ_ONCE(slowest) != position) {
    WRITE_ONCE(slowest, position);
    WRITE_ONCE(full_since, 0);
  }
  return true;
}

/** The first record that a console still has to print, when unprinted_update() was last called. */
export function unprinted_from(): u32 {
  return READ_ONCE(slowest);
}

/** The log is full up to there. True if that is so for too long. */
export function unprinted_too_long(): bool {
  const now = (<u32>(local_clock() / NSEC_PER_MSEC)) | 1;
  const since = READ_ONCE(full_since);
  if (since != 0) return <i32>(now - since) > <i32>PATIENCE_MS;
  WRITE_ONCE(full_since, now);
  return false;
}
