// The terminal: a ring of received bytes between the UART's interrupt and the shell, and formatted
// output. Raw: the shell's line editor does the echo. (Line disciplines take this place later.)

import {
  READ_ONCE,
  READ_ONCE8,
  WRITE_ONCE,
  WRITE_ONCE8,
  smp_load_acquire,
  smp_store_release,
} from '../arch/atomic';
import { IPI_RESCHEDULE, send_ipi } from '../arch/ipi';
import { local_irq_disable, local_irq_enable } from '../arch/irqflags';
import { smp_processor_id } from '../arch/percpu';
import { vsnprintf } from '../lib/format';
import { idle_wait } from '../sched/idle';
import { uart_unthrottle, uart_write } from '../serial/8250';

const RING_SIZE: u32 = 8192;
/** The sender may go on when the ring holds no more than this. */
const RING_LOW: u32 = 2048;
const CTRL_C: u32 = 0x03;
/** Where the shell runs. */
const READER_CPU: u32 = 0;
const PRINTF_MAX: u32 = 1024;

const ring: usize = memory.data(8192, 4);
/** Bytes put in so far and taken out so far. One writer (under port->lock), one reader (the shell). */
const ring_head: usize = memory.data(4, 4);
const ring_tail: usize = memory.data(4, 4);
/** ^C has come in. */
const interrupted: usize = memory.data(4, 4);
const printf_buffer: usize = memory.data(1024, 4);

/** Bytes that still fit. Under port->lock. */
export function tty_input_room(): u32 {
  return RING_SIZE - (READ_ONCE(ring_head) - smp_load_acquire(ring_tail));
}

/**
 * Takes a byte from the driver, which has seen that there is room. Under port->lock, on the CPU that
 * handles the port's interrupt or on any other that polls the port because it prints.
 */
export function tty_receive(c: u32): void {
  const head = READ_ONCE(ring_head);
  const was_empty = head == READ_ONCE(ring_tail);
  WRITE_ONCE8(ring + (head & (RING_SIZE - 1)), c);
  smp_store_release(ring_head, head + 1);
  if (c == CTRL_C) WRITE_ONCE(interrupted, 1);
  // The reader sleeps only if the ring is empty, and only an interrupt on its own CPU wakes it.
  if (was_empty && smp_processor_id() != READER_CPU) send_ipi(READER_CPU, IPI_RESCHEDULE);
}

/** Is there a byte to read? Task context. */
export function tty_has_input(): bool {
  return smp_load_acquire(ring_head) != READ_ONCE(ring_tail);
}

/** Waits for a byte. The one reader, in task context with interrupts on. */
export function tty_getc(): u32 {
  local_irq_disable();
  while (!tty_has_input()) idle_wait();
  local_irq_enable();
  const tail = READ_ONCE(ring_tail);
  const c = READ_ONCE8(ring + (tail & (RING_SIZE - 1)));
  smp_store_release(ring_tail, tail + 1);
  if (READ_ONCE(ring_head) - tail <= RING_LOW) uart_unthrottle();
  return c;
}

/** True if ^C was typed since tty_clear_interrupt(). Long commands ask now and then. */
export function tty_interrupted(): bool {
  return READ_ONCE(interrupted) != 0;
}

export function tty_clear_interrupt(): void {
  WRITE_ONCE(interrupted, 0);
}

/** Task context. */
export function tty_write(text: usize, length: u32): void {
  if (length > 0) uart_write(text, length);
}

/** Formatted output of the shell, which is its only user: the buffer is not locked. */
export function tty_printf(
  fmt: string,
  a0: usize = 0,
  a1: usize = 0,
  a2: usize = 0,
  a3: usize = 0,
  a4: usize = 0,
  a5: usize = 0,
  a6: usize = 0,
  a7: usize = 0,
): void {
  const n = vsnprintf(printf_buffer, PRINTF_MAX, fmt, a0, a1, a2, a3, a4, a5, a6, a7);
  tty_write(printf_buffer, n < PRINTF_MAX ? n : PRINTF_MAX);
}
