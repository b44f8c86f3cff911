// For the workload: a console driver with something to say in the middle of its work, as a WARN in
// console->write() has. What it says has to be printed as well, so it speaks once each time it is asked.

import { READ_ONCE, WRITE_ONCE, xchg } from '../arch/atomic';
import {
  CONSOLES_MAX,
  CON_BOOT,
  CON_CONSDEV,
  Console,
  console_at,
  console_flags,
} from '../printk/console';
import { nbcon_context } from '../printk/nbcon';

/** 1: it speaks the next time. */
const asked: usize = memory.data(4, 4);
/** What it says with. */
const speak: usize = memory.data(4, 4);
/** The console's own functions. */
const write: usize = memory.data(4, 4);
const write_atomic: usize = memory.data(4, 4);
const write_thread: usize = memory.data(4, 4);
const write_some: usize = memory.data(4, 4);

function speak_if_asked(): void {
  if (xchg(asked, 0)) changetype<() => void>(<usize>READ_ONCE(speak))();
}

function noisy_write(console: Console, text: usize, length: u32): void {
  speak_if_asked();
  changetype<(console: Console, text: usize, length: u32) => void>(<usize>READ_ONCE(write))(
    console,
    text,
    length,
  );
}

function noisy_write_atomic(console: Console, ctxt: nbcon_context): void {
  speak_if_asked();
  changetype<(console: Console, ctxt: nbcon_context) => void>(<usize>READ_ONCE(write_atomic))(
    console,
    ctxt,
  );
}

function noisy_write_thread(console: Console, ctxt: nbcon_context): void {
  speak_if_asked();
  changetype<(console: Console, ctxt: nbcon_context) => void>(<usize>READ_ONCE(write_thread))(
    console,
    ctxt,
  );
}

function noisy_write_some(console: Console, text: usize, length: u32): u32 {
  speak_if_asked();
  return changetype<(console: Console, text: usize, length: u32) => u32>(
    <usize>READ_ONCE(write_some),
  )(console, text, length);
}

/** /dev/console, or null. */
function preferred_console(): Console | null {
  for (let slot: u32 = 0; slot < CONSOLES_MAX; slot++) {
    const console = console_at(slot);
    if (console == null) continue;
    if ((console_flags(console) & (CON_CONSDEV | CON_BOOT)) == CON_CONSDEV) return console;
  }
  return null;
}

/** Puts itself in front of /dev/console. Task context, while nothing is printed. */
export function noisy_console_begin(fn: () => void): void {
  const console = preferred_console();
  if (console == null) return;
  WRITE_ONCE(speak, <u32>changetype<usize>(fn));
  WRITE_ONCE(write, <u32>changetype<usize>(console.write));
  WRITE_ONCE(write_atomic, <u32>changetype<usize>(console.write_atomic));
  WRITE_ONCE(write_thread, <u32>changetype<usize>(console.write_thread));
  WRITE_ONCE(write_some, <u32>changetype<usize>(console.write_some));
  console.write = noisy_write;
  console.write_atomic = noisy_write_atomic;
  console.write_thread = noisy_write_thread;
  console.write_some = noisy_write_some;
}

/** Makes it speak the next time that it prints. Any context. */
export function noisy_console_ask(): void {
  WRITE_ONCE(asked, 1);
}

/** Gets out of the way again. Task context, while nothing is printed. */
export function noisy_console_end(): void {
  WRITE_ONCE(asked, 0);
  const console = preferred_console();
  if (console == null) return;
  console.write = changetype<(console: Console, text: usize, length: u32) => void>(
    <usize>READ_ONCE(write),
  );
  console.write_atomic = changetype<(console: Console, ctxt: nbcon_context) => void>(
    <usize>READ_ONCE(write_atomic),
  );
  console.write_thread = changetype<(console: Console, ctxt: nbcon_context) => void>(
    <usize>READ_ONCE(write_thread),
  );
  console.write_some = changetype<(console: Console, text: usize, length: u32) => u32>(
    <usize>READ_ONCE(write_some),
  );
}
