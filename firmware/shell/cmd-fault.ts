// Shell commands that break things: panic, trap.

import { READ_ONCE, WRITE_ONCE } from '../arch/atomic';
import { illegal_instruction, jump_to } from '../arch/entry';
import { hart_ebreak } from '../arch/hart';
import { smp_call_function_single } from '../arch/ipi';
import { readl, writel } from '../arch/mmio';
import { in_hardirq, in_nmi, smp_processor_id } from '../arch/percpu';
import { panic } from '../kernel/panic';
import { str, streq } from '../lib/string';
import { tty_printf } from '../tty/tty';
import { udelay } from '../time/timekeeping';
import { arg, register_command, rest } from './commands';
import { CONTEXT_UNKNOWN, IN_TASK, context_by_name, run_in_context } from './context';

/** Nothing answers at this address on the virt board. */
const HOLE: usize = 0x50000;
const scratch: usize = memory.data(16, 4);

function panic_here(): void {
  panic('panic command in %s context', str(in_nmi() ? 'nmi' : in_hardirq() ? 'irq' : 'softirq'));
}

/** panic irq, softirq, nmi: from there; anything else is the text. */
function cmd_panic(argc: u32, argv: usize): void {
  const where = argc == 2 ? context_by_name(arg(argv, 1)) : CONTEXT_UNKNOWN;
  if (where == IN_TASK || argc == 1) panic('panic command');
  if (where != CONTEXT_UNKNOWN) run_in_context(where, panic_here, 'panic', 0);
  else panic('%S', rest(argc, argv, 1));
}

function trap_load(): void {
  tty_printf('load from 0x%x gave 0x%x\n', HOLE, readl(HOLE));
}

function trap_store(): void {
  writel(HOLE, 1);
  tty_printf('store to 0x%x went through\n', HOLE);
}

/** No error where the machine does misaligned accesses. */
function trap_misaligned(): void {
  WRITE_ONCE(scratch, 0x44332211);
  WRITE_ONCE(scratch + 4, 0x88776655);
  tty_printf('misaligned load gave 0x%x\n', READ_ONCE(scratch + 1));
}

/** Calls itself without end. Slowly, so that a tick finds the damage at the latest. */
function recurse(depth: u32): u32 {
  udelay(50);
  const below = recurse(depth + 1);
  return below + READ_ONCE(scratch);
}

/** A bad load in an interrupt handler. */
function fault_in_irq(unused: usize): void {
  trap_load();
}

function cmd_trap(argc: u32, argv: usize): void {
  const kind = argc > 1 ? arg(argv, 1) : scratch + 12;
  if (streq(kind, 'illegal')) illegal_instruction();
  else if (streq(kind, 'load')) trap_load();
  else if (streq(kind, 'store')) trap_store();
  else if (streq(kind, 'fetch')) jump_to(HOLE);
  else if (streq(kind, 'misaligned')) trap_misaligned();
  else if (streq(kind, 'ebreak')) hart_ebreak();
  else if (streq(kind, 'irq')) smp_call_function_single(smp_processor_id(), fault_in_irq, 0);
  else if (streq(kind, 'stack')) recurse(0);
  else tty_printf('usage: trap illegal|load|store|fetch|misaligned|ebreak|irq|stack\n');
}

export function register_fault_commands(): void {
  register_command(
    'panic',
    '[softirq|irq|nmi|text]',
    'panic, in task context or another',
    cmd_panic,
  );
  register_command('trap', '[kind]', 'cause an exception; alone, lists the kinds', cmd_trap);
}
