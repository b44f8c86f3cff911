// Shell commands about printing: printk (the designs in use and what they did), consoles (as
// /proc/consoles), suspend and resume of consoles.

import { READ_ONCE } from '../arch/atomic';
import { is_digit, simple_strtoul, str, strcmp_eq } from '../lib/string';
import {
  CONSOLES_MAX,
  CON_ANYTIME,
  CON_BOOT,
  CON_BRL,
  CON_CONSDEV,
  CON_ENABLED,
  CON_NBCON,
  CON_PRINTBUFFER,
  CON_SUSPENDED,
  Console,
  console_at,
  console_flags,
  console_name,
  console_resume,
  console_seq,
  console_suspend,
  prb,
} from '../printk/console';
import { emit_stats, emitter, stats } from '../printk/emit/emit';
import { printk_counters, printk_stats } from '../printk/printk-stats';
import { resume_consoles, suspend_consoles } from '../printk/suspend';
import { tty_printf } from '../tty/tty';
import { arg, register_command } from './commands';

/** Major number of ttyS, and the minor of ttyS0. */
const TTY_MAJOR: u32 = 4;
const TTYS_MINOR: u32 = 64;

const NAME_MAX: u32 = 32;
const name: usize = memory.data(32, 4);

function stat(offset: usize): u32 {
  return READ_ONCE(stats + offset);
}

function counter(offset: usize): u32 {
  return READ_ONCE(printk_stats + offset);
}

function cmd_printk(argc: u32, argv: usize): void {
  const mode = emitter.early_write ? ' (early_console)' : '';
  tty_printf('store %s, emitter %s%s\n', str(prb.name), str(emitter.name), str(mode));
  tty_printf(
    'stored %u lost %u truncated %u recursed %u\n',
    counter(offsetof<printk_counters>('stored')),
    counter(offsetof<printk_counters>('dropped')),
    counter(offsetof<printk_counters>('truncated')),
    counter(offsetof<printk_counters>('recursed')),
  );
  tty_printf(
    'deferred %u suppressed %u\n',
    counter(offsetof<printk_counters>('deferred')),
    counter(offsetof<printk_counters>('suppressed')),
  );
  tty_printf(
    'called from task %u softirq %u irq %u nmi %u\n',
    counter(offsetof<printk_counters>('task')),
    counter(offsetof<printk_counters>('softirq')),
    counter(offsetof<printk_counters>('irq')),
    counter(offsetof<printk_counters>('nmi')),
  );
  tty_printf(
    'emitted %u dropped %u left to others %u replayed %u\n',
    stat(offsetof<emit_stats>('emitted')),
    stat(offsetof<emit_stats>('dropped')),
    stat(offsetof<emit_stats>('deferred')),
    stat(offsetof<emit_stats>('replays')),
  );
  tty_printf(
    'handovers %u takeovers %u unsafe takeovers %u emergencies %u\n',
    stat(offsetof<emit_stats>('handovers')),
    stat(offsetof<emit_stats>('takeovers')),
    stat(offsetof<emit_stats>('unsafe_takeovers')),
    stat(offsetof<emit_stats>('emergencies')),
  );
}

/** A flag's letter, or a blank, as /proc/consoles has them. */
function letter(flags: u32, flag: u32, c: u32): u32 {
  return flags & flag ? c : 0x20;
}

/** A console as /proc/consoles shows it, then how far it is. */
function show_console(console: Console): void {
  const flags = console_flags(console);
  const seq = console_seq(console);
  const behind = <u32>(prb.next_seq() - seq);
  tty_printf('%-20S -W- (', console_name(console, name, NAME_MAX));
  tty_printf(
    '%c%c%c%c',
    letter(flags, CON_ENABLED, 0x45),
    letter(flags, CON_CONSDEV, 0x43),
    letter(flags, CON_BOOT, 0x42),
    letter(flags, CON_NBCON, 0x4e),
  );
  tty_printf(
    '%c%c%c)',
    letter(flags, CON_PRINTBUFFER, 0x70),
    letter(flags, CON_BRL, 0x62),
    letter(flags, CON_ANYTIME, 0x61),
  );
  if (!(flags & CON_BOOT)) tty_printf(' %4u:%u', TTY_MAJOR, TTYS_MINOR + console.index);
  tty_printf(' seq %u, %u behind', <u32>seq, behind);
  if (flags & CON_SUSPENDED) tty_printf(', suspended');
  tty_printf('\n');
}

function cmd_consoles(argc: u32, argv: usize): void {
  for (let slot: u32 = 0; slot < CONSOLES_MAX; slot++) {
    const console = console_at(slot);
    if (console != null) show_console(console);
  }
}

/** ttyS<n> or <n>: that console, or null. */
function find_console(text: usize): Console | null {
  for (let slot: u32 = 0; slot < CONSOLES_MAX; slot++) {
    const console = console_at(slot);
    if (console == null) continue;
    if (strcmp_eq(text, console_name(console, name, NAME_MAX))) return console;
    if (is_digit(load<u8>(text)) && simple_strtoul(text) == console.index) return console;
  }
  return null;
}

/** suspend|resume [console]: all consoles, or one. */
function suspend_or_resume(argc: u32, argv: usize, suspend: bool): void {
  const verb = suspend ? 'suspend' : 'resume';
  if (argc < 2) {
    if (suspend) suspend_consoles();
    else resume_consoles();
    return;
  }
  const console = find_console(arg(argv, argc - 1));
  if (console == null) {
    tty_printf('%s: %S: no such console\n', str(verb), arg(argv, argc - 1));
    return;
  }
  if (suspend) console_suspend(console);
  else console_resume(console);
}

function cmd_suspend(argc: u32, argv: usize): void {
  suspend_or_resume(argc, argv, true);
}

function cmd_resume(argc: u32, argv: usize): void {
  suspend_or_resume(argc, argv, false);
}

export function register_printk_commands(): void {
  register_command('printk', '', 'the store and the emitter in use, and what they did', cmd_printk);
  register_command('consoles', '', 'consoles, their flags and how far they are', cmd_consoles);
  register_command('suspend', '[ttyS<n>]', 'stop output to one console, or to all', cmd_suspend);
  register_command('resume', '[ttyS<n>]', 'let it go on with what was logged', cmd_resume);
}
