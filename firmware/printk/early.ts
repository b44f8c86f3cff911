// early_console: a console that needs nothing but its device: polled, no lock, no interrupt. It is the
// boot console's driver, kept for the time when nothing else can be trusted.

import { READ_ONCE, WRITE_ONCE } from '../arch/atomic';
import { CONSOLES_MAX, Console, console_at, console_seq, console_skip_all } from './console';
import { PRINTK_MESSAGE_SIZE, printk_get_next_message, printk_message_init } from './print-message';

const early_console: usize = memory.data(4, 4);
const message: usize = memory.data(PRINTK_MESSAGE_SIZE, 8);

/** Boot CPU, as soon as the device can be written to. */
export function set_early_console(console: Console): void {
  WRITE_ONCE(early_console, <u32>changetype<usize>(console));
}

/** The record up to which some console has got, the early one if there is none. */
function furthest(early: Console): u64 {
  let seq: u64 = 0;
  let any = false;
  for (let slot: u32 = 0; slot < CONSOLES_MAX; slot++) {
    const console = console_at(slot);
    if (console == null) continue;
    if (console_seq(console) > seq) seq = console_seq(console);
    any = true;
  }
  return any ? seq : early.seq;
}

/**
 * Prints what no console has printed. In a panic, by the CPU that panics, when the ordinary way is
 * blocked: whoever is in there does not run any more.
 */
export function early_console_flush(): void {
  const console = changetype<Console | null>(<usize>READ_ONCE(early_console));
  if (console == null) return;
  const m = printk_message_init(message);
  let seq = furthest(console);
  while (printk_get_next_message(m, seq, 0)) {
    seq = m.seq + 1;
    if (m.length != 0) console.write(console, m.outbuf, m.length);
    console.seq = seq;
    // A store need not keep it for them any more.
    console_skip_all(seq);
  }
}
