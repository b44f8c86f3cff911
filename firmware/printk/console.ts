// Consoles: the list of those registered, console_sem, and the loop that gives records to them.
//
// console_sem protects the list, each console's position, and the two text buffers here.

import { READ_ONCE, WRITE_ONCE, smp_mb } from '../arch/atomic';
import { local_irq_restore, local_irq_save } from '../arch/irqflags';
import { snprintf } from '../lib/format';
import { down, down_trylock, sema_init, semaphore, up } from '../locking/semaphore';
import { NSEC_PER_SEC } from '../time/timekeeping';
import { CONSOLE_LOGLEVEL_DEFAULT } from './levels';
import { printk_info, printk_record, printk_store } from './store/store';

/** Print what was logged before it was registered. */
export const CON_PRINTBUFFER: u32 = 1 << 0;
export const CON_ENABLED: u32 = 1 << 2;
/** A boot console: goes when a real one comes. */
export const CON_BOOT: u32 = 1 << 3;

@unmanaged
export class Console {
  name: string;
  /** Number after the name, as in ttyS0. */
  index: u32;
  flags: u32;
  /** Sends bytes, '\n' as '\r\n'. Under console_sem, interrupts off; any context but an NMI. */
  write: (console: Console, text: usize, length: u32) => void;
  /** The driver's own. */
  data: usize;
  /** Next record to print. */
  seq: u64;
}

export const CONSOLE_TEXT_MAX: u32 = 1024;
const CONSOLES_MAX: u32 = 4;
const CONSOLE_OUT_MAX: u32 = 2048;

@unmanaged
class ConsoleState {
  /** Consoles registered. */
  count: u32;
  loglevel: u32;
  ignore_loglevel: u32;
  /** printk.time: lines get time stamps. */
  time: u32;
}
const state: ConsoleState = changetype<ConsoleState>(memory.data(offsetof<ConsoleState>(), 4));
/** Pointers to the registered ones. */
const consoles: usize = memory.data(16, 4);
/** Its sem->lock is taken wherever printk() is called, and its up() wakes the first waiter. */
const console_sem: semaphore = changetype<semaphore>(memory.data(offsetof<semaphore>(), 4));
/** Records that the store had no room for. */
export const printk_lost: usize = memory.data(4, 4);

/** The store in use. Set up by printk_init(). */
export const prb: printk_store = changetype<printk_store>(memory.data(offsetof<printk_store>(), 4));

const record: printk_record = changetype<printk_record>(memory.data(offsetof<printk_record>(), 4));
const record_info: usize = memory.data(offsetof<printk_info>(), 8);
const console_text: usize = memory.data(1024, 4);
const console_out: usize = memory.data(2048, 4);

/** Boot CPU, before the first printk(). */
export function console_init(): void {
  sema_init(console_sem, 1, 'console_sem.lock');
  state.loglevel = CONSOLE_LOGLEVEL_DEFAULT;
  state.time = 1;
  record.info = changetype<printk_info>(record_info);
  record.text = console_text;
  record.text_size = CONSOLE_TEXT_MAX;
}

export function console_loglevel(): u32 {
  return READ_ONCE(changetype<usize>(state) + offsetof<ConsoleState>('loglevel'));
}

export function set_console_loglevel(level: u32): void {
  WRITE_ONCE(changetype<usize>(state) + offsetof<ConsoleState>('loglevel'), level);
}

export function set_ignore_loglevel(on: u32): void {
  WRITE_ONCE(changetype<usize>(state) + offsetof<ConsoleState>('ignore_loglevel'), on);
}

export function set_printk_time(on: u32): void {
  WRITE_ONCE(changetype<usize>(state) + offsetof<ConsoleState>('time'), on);
}

/** Takes console_sem if it is free. Any context but an NMI. */
export function console_trylock(): bool {
  return down_trylock(console_sem) == 0;
}

/** Waits for console_sem, asleep. Task context; boot code gets it at once. */
export function console_lock(): void {
  if (!console_trylock()) down(console_sem);
}

function console_at(i: u32): Console {
  return changetype<Console>(load<usize>(consoles + ((<usize>i) << 2)));
}

function console_is_usable(console: Console): bool {
  return (console.flags & CON_ENABLED) != 0;
}

/** Is there a record that a console has not printed yet? Without console_sem: only a hint. */
function console_has_pending(): bool {
  const next = prb.next_seq();
  for (let i: u32 = 0; i < state.count; i++) {
    if (console_is_usable(console_at(i)) && console_at(i).seq < next) return true;
  }
  return false;
}

/**
 * Formats a record as consoles and dmesg show it: each line with its prefix, each ended by '\n'.
 * Returns the length. Nothing is locked: the buffers are the caller's.
 */
export function record_print_text(r: printk_record, out: usize, size: u32): u32 {
  let n: u32 = 0;
  let start: u32 = 0;
  const length = r.info.text_len;
  do {
    let end = start;
    while (end < length && load<u8>(r.text + end) != 0x0a) end++;
    if (state.time) {
      const seconds = r.info.ts_nsec / NSEC_PER_SEC;
      const micros = <u32>(r.info.ts_nsec - seconds * NSEC_PER_SEC) / 1000;
      n += snprintf(out + n, size - n, '[%5u.%06u] ', <u32>seconds, micros);
    }
    // A line that does not fit is left out, with all that follow.
    if (n + (end - start) + 1 > size) break;
    memory.copy(out + n, r.text + start, end - start);
    n += end - start;
    store<u8>(out + n++, 0x0a);
    start = end + 1;
  } while (start < length && size - n > 32);
  return n;
}

/** Gives a console its next record. False if it has had them all. Under console_sem. */
function console_emit_next_record(console: Console): bool {
  const flags = local_irq_save();
  let progress = false;
  if (prb.read(console.seq, record)) {
    progress = true;
    if (record.info.seq != console.seq) {
      const dropped = <u32>(record.info.seq - console.seq);
      const n = snprintf(
        console_out,
        CONSOLE_OUT_MAX,
        '** %u printk messages dropped **\n',
        dropped,
      );
      console.write(console, console_out, n);
    }
    console.seq = record.info.seq + 1;
    if (record.info.level < state.loglevel || state.ignore_loglevel) {
      console.write(console, console_out, record_print_text(record, console_out, CONSOLE_OUT_MAX));
    }
  }
  local_irq_restore(flags);
  return progress;
}

/** All records to all consoles. Under console_sem. */
export function console_flush_all(): void {
  let progress: bool;
  do {
    progress = false;
    for (let i: u32 = 0; i < state.count; i++) {
      const console = console_at(i);
      if (console_is_usable(console) && console_emit_next_record(console)) progress = true;
    }
  } while (progress);
}

/** Prints what there is and gives console_sem back. Any context but an NMI. */
export function console_unlock(): void {
  for (;;) {
    console_flush_all();
    up(console_sem);
    // A record that another CPU stored after our last look: either that CPU got console_sem, or we
    // see the record here.
    smp_mb();
    if (!console_has_pending() || !console_trylock()) return;
  }
}

/** Last resort of a panic: other CPUs are stopped and console_sem may be lost with them. */
export function console_flush_on_panic(): void {
  console_flush_all();
}

/** Under console_sem. */
function remove_console(console: Console): void {
  let kept: u32 = 0;
  for (let i: u32 = 0; i < state.count; i++) {
    const other = console_at(i);
    if (other == console) continue;
    store<usize>(consoles + ((<usize>kept) << 2), changetype<usize>(other));
    kept++;
  }
  state.count = kept;
  console.flags &= ~CON_ENABLED;
}

/**
 * Adds a console and prints the log so far. A real console takes the place of the boot console, going
 * on where that stopped: both may be the same device. Boot.
 */
export function register_console(console: Console): void {
  console_lock();
  const boot = boot_console();
  if (state.count < CONSOLES_MAX) {
    console.seq = console.flags & CON_PRINTBUFFER ? prb.first_seq() : prb.next_seq();
    if (boot != null && !(console.flags & CON_BOOT)) {
      console.seq = boot.seq;
      remove_console(boot);
    }
    console.flags |= CON_ENABLED;
    store<usize>(consoles + ((<usize>state.count) << 2), changetype<usize>(console));
    state.count++;
  }
  console_unlock();
}

/** The boot console, if there is one. */
export function boot_console(): Console | null {
  for (let i: u32 = 0; i < state.count; i++) {
    if (console_at(i).flags & CON_BOOT) return console_at(i);
  }
  return null;
}

/** Has every console print the whole log again. Any context but an NMI. */
export function console_replay_all(): void {
  if (!console_trylock()) return;
  for (let i: u32 = 0; i < state.count; i++) console_at(i).seq = prb.first_seq();
  console_unlock();
}
