// Emitter `relay`, our own: nobody ever waits for the wire. A console is owned, as with nbcon, but only for
// the few µs that it takes to hand its transmitter as much as that takes at once (a FIFO full); then
// the text waits, and whoever comes by carries it on: the caller of printk(), the UART's transmit
// interrupt, the pump. The caller's cost is bounded in every context: one record formatted, one FIFO
// written, and no lock, no wakeup, no waiting. Output starts in the caller if the transmitter is free.
//
// The pump is an hrtimer, on any CPU, that comes as often as the transmitter gets empty. A second CPU
// looks after it, and takes its place if it does not come; so output goes on as long as two CPUs
// take interrupts, or the one that pumps. printk() starts it with an IPI, also on another CPU, since
// its own may have interrupts off for ever.
//
// Fails where: no CPU takes interrupts any more and nobody panics; or port->lock is held for ever. A
// panic prints as nbcon does, polled. Before the real console is there, as `direct` does.

import { READ_ONCE, WRITE_ONCE, fetch_add_relaxed, smp_mb } from '../../arch/atomic';
import { local_irq_restore, local_irq_save } from '../../arch/irqflags';
import { NR_CPUS, in_nmi, smp_processor_id } from '../../arch/percpu';
import { cpu_online } from '../../arch/smp';
import { init_irq_work, irq_work, irq_work_queue, irq_work_queue_on } from '../../kernel/irq_work';
import { panic_in_progress, this_cpu_in_panic } from '../../kernel/panic-state';
import {
  HRTIMER_NORESTART,
  HRTIMER_RESTART,
  hrtimer,
  hrtimer_forward,
  hrtimer_init,
  hrtimer_start,
} from '../../time/hrtimer';
import { local_clock, udelay } from '../../time/timekeeping';
import {
  CONSOLES_MAX,
  CON_NBCON,
  Console,
  boot_console,
  console_at,
  console_flags,
  console_is_usable,
  console_trylock,
  console_unlock,
  prb,
} from '../console';
import { console_irqwork_blocked } from '../klogd';
import {
  NBCON_PRIO_NORMAL,
  nbcon_context,
  nbcon_context_get,
  nbcon_context_put,
  nbcon_context_release,
  nbcon_context_try_acquire,
  nbcon_enter_unsafe,
  nbcon_exit_unsafe,
  nbcon_seq_read,
} from '../nbcon';
import {
  nbcon_atomic_flush_pending,
  nbcon_atomic_flush_unsafe,
  nbcon_complete_record,
  nbcon_fetch_record,
} from '../nbcon-flush';
import { emit_stats, emitter_defaults, printk_emitter, stats } from './emit';
import { console_unlock_flush, legacy_flush_on_panic } from './legacy';

/** Records kept from a console by their level that one step looks at. */
const SUPPRESSED_MAX: u32 = 32;
/** How often the second CPU looks, and after how long the pump counts as gone, ns. */
const WATCH_NS: u64 = 20_000_000;
const LATE_US: u32 = 10_000;
/** The pump never comes more often than this, ns. */
const PERIOD_MIN_NS: u64 = 500_000;

/** µs, mod 2^32, when the pump was last at work, never 0; 0: there is none. */
const pumped_at: usize = memory.data(4, 4);
/** CPU that pumps, and the one that watches, plus one. */
const pump_cpu: usize = memory.data(4, 4);
/** Per CPU: the timer, and the irq_work that starts it. */
const timers: usize = memory.data(offsetof<hrtimer>() * 32, 8);
const works: usize = memory.data(offsetof<irq_work>() * 32, 4);

function now_us(): u32 {
  return (<u32>(local_clock() / 1000)) | 1;
}

/** A record or part of one that a console has not been given. */
function console_pending(console: Console): bool {
  return console_is_usable(console) && nbcon_seq_read(console) < prb.next_seq();
}

function relay_console(slot: u32): Console | null {
  const console = console_at(slot);
  return console != null && console_flags(console) & CON_NBCON ? console : null;
}

function pending(): bool {
  for (let slot: u32 = 0; slot < CONSOLES_MAX; slot++) {
    const console = relay_console(slot);
    if (console != null && console_pending(console)) return true;
  }
  return false;
}

/** Fetches the next record that is to be seen. False if there is none. Owner, unsafe section. */
function next_record(console: Console, ctxt: nbcon_context): bool {
  for (let i: u32 = 0; i < SUPPRESSED_MAX; i++) {
    if (!nbcon_fetch_record(ctxt)) return false;
    if (ctxt.len != 0) {
      console.chunk_at = ctxt.outbuf;
      console.chunk_left = ctxt.len;
      return true;
    }
    nbcon_complete_record(ctxt);
  }
  return false;
}

/** Gives the transmitter what it takes right now. Owner, unsafe section. */
function step(console: Console, ctxt: nbcon_context): void {
  if (console.chunk_left == 0 && !next_record(console, ctxt)) return;
  const n = console.write_some(console, console.chunk_at, console.chunk_left);
  console.chunk_at += n;
  console.chunk_left -= n;
  if (n != 0 && console.chunk_left == 0) nbcon_complete_record(ctxt);
}

/** One step, if nobody else has the console. Any context. */
function try_step(console: Console): void {
  const flags = local_irq_save();
  const ctxt = nbcon_context_get(console, NBCON_PRIO_NORMAL);
  if (ctxt != null) {
    if (nbcon_context_try_acquire(ctxt, false)) {
      if (nbcon_enter_unsafe(ctxt)) {
        step(console, ctxt);
        nbcon_exit_unsafe(ctxt);
      }
      nbcon_context_release(ctxt);
    }
    nbcon_context_put();
  }
  local_irq_restore(flags);
}

function step_all(): void {
  for (let slot: u32 = 0; slot < CONSOLES_MAX; slot++) {
    const console = relay_console(slot);
    if (console != null && console_pending(console)) try_step(console);
  }
}

/** The transmitter wants something. True if it got it from here. Under port->lock, as owner. */
function relay_tx_ready(console: Console): bool {
  if (panic_in_progress() || !console_pending(console)) return false;
  const before = console.chunk_left;
  step(console, console.device_context);
  return console.chunk_left != before || before != 0;
}

/** How long the fastest transmitter takes for what a step gives it. */
function period_ns(): u64 {
  let ns: u64 = WATCH_NS;
  for (let slot: u32 = 0; slot < CONSOLES_MAX; slot++) {
    const console = relay_console(slot);
    if (console != null && console.chunk_ns < ns) ns = console.chunk_ns;
  }
  return ns < PERIOD_MIN_NS ? PERIOD_MIN_NS : ns;
}

function timer_of(cpu: u32): hrtimer {
  return changetype<hrtimer>(timers + <usize>cpu * offsetof<hrtimer>());
}

function work_of(cpu: u32): irq_work {
  return changetype<irq_work>(works + <usize>cpu * offsetof<irq_work>());
}

/** Does some CPU pump? */
function pump_alive(): bool {
  const at = READ_ONCE(pumped_at);
  return at != 0 && now_us() - at < LATE_US;
}

/** Some other CPU that is online, or this one. */
function neighbour(): u32 {
  const cpu = smp_processor_id();
  for (let i: u32 = 1; i < NR_CPUS; i++) {
    const next = (cpu + i) % NR_CPUS;
    if (cpu_online(next)) return next;
  }
  return cpu;
}

/** On each CPU that pumps or watches. Hardirq context. */
function relay_timer(t: hrtimer): u32 {
  if (panic_in_progress()) return HRTIMER_NORESTART;
  const self = smp_processor_id() + 1;
  if (READ_ONCE(pump_cpu) != self) {
    if (pump_alive()) {
      hrtimer_forward(t, WATCH_NS);
      return HRTIMER_RESTART;
    }
    if (!pending()) return HRTIMER_NORESTART;
    // Whoever pumped does not come any more.
    WRITE_ONCE(pump_cpu, self);
    irq_work_queue_on(work_of(neighbour()), neighbour());
  }
  WRITE_ONCE(pumped_at, now_us());
  step_all();
  if (!pending()) {
    // The end, unless a record comes right now: its writer looks at this word after he has stored it.
    WRITE_ONCE(pumped_at, 0);
    smp_mb();
    if (!pending()) return HRTIMER_NORESTART;
    WRITE_ONCE(pumped_at, now_us());
  }
  hrtimer_forward(t, period_ns());
  return HRTIMER_RESTART;
}

/** Starts this CPU's timer. Hardirq context. */
function relay_irq_work(work: irq_work): void {
  const cpu = smp_processor_id();
  const t = timer_of(cpu);
  if (t.pending || panic_in_progress()) return;
  const pumps = !pump_alive();
  if (pumps) {
    WRITE_ONCE(pump_cpu, cpu + 1);
    WRITE_ONCE(pumped_at, now_us());
    step_all();
  }
  hrtimer_start(t, pumps ? period_ns() : WATCH_NS);
}

/** Any context. */
function kick(): void {
  fetch_add_relaxed(stats + offsetof<emit_stats>('deferred'), 1);
  const flags = local_irq_save();
  irq_work_queue(work_of(smp_processor_id()));
  // This CPU may never take an interrupt again.
  const other = neighbour();
  if (other != smp_processor_id()) irq_work_queue_on(work_of(other), other);
  local_irq_restore(flags);
}

function relay_stored(): void {
  if (boot_console() != null) {
    if (!in_nmi() && console_trylock()) console_unlock();
    return;
  }
  if (this_cpu_in_panic() || console_irqwork_blocked()) {
    nbcon_atomic_flush_pending();
    return;
  }
  step_all();
  // The record is stored before we look whether somebody will see it; pairs with relay_timer().
  smp_mb();
  if (!pump_alive() && pending()) kick();
}

function relay_console_added(console: Console): void {
  relay_stored();
}

/** Who had port->lock kept others from printing. Under port->lock, interrupts off. */
function relay_device_released(console: Console): void {
  if (!panic_in_progress() && console_pending(console)) relay_stored();
}

/** Nobody else needs the CPU any more: polls until all is out. */
function relay_shutdown(): void {
  for (let us: u32 = 0; pending() && us < 60_000_000; us += 100) {
    step_all();
    udelay(100);
  }
}

function relay_flush_on_panic(): void {
  if (boot_console() != null) legacy_flush_on_panic();
  nbcon_atomic_flush_pending();
}

export function relay_init(e: printk_emitter): void {
  for (let cpu: u32 = 0; cpu < NR_CPUS; cpu++) {
    init_irq_work(work_of(cpu), relay_irq_work);
    hrtimer_init(timer_of(cpu), relay_timer);
  }
  emitter_defaults(e);
  e.name = 'relay';
  e.uses_nbcon = true;
  e.stored = relay_stored;
  e.stored_deferred = relay_stored;
  e.console_unlock = console_unlock_flush;
  e.console_added = relay_console_added;
  e.device_released = relay_device_released;
  e.tx_ready = relay_tx_ready;
  e.shutdown = relay_shutdown;
  e.flush_on_panic = relay_flush_on_panic;
  e.flush_unsafe_last = nbcon_atomic_flush_unsafe;
}
