// The boot parameters that the kernel knows: what help boot lists, and what the command line is held
// against, so that a word that means nothing is named in the log instead of being passed over.

import { boot_command_line } from '../arch/fdt';
import { is_digit, is_space, literal_at, literal_length, str } from '../lib/string';
import { pr_warn } from '../printk/printk';
import { BOOL_UNKNOWN, parse_bool } from './params';

// What may be behind the name.
/** Nothing; what is given all the same does not matter. */
const FLAG: u32 = 0;
/** Something that begins like 0, 1, y, n, on or off, or nothing, which is on. */
const BOOL: u32 = 1;
/** A number, in decimal or as 0x…; may be negative. */
const NUMBER: u32 = 2;
/** One of the words in `value`. */
const CHOICE: u32 = 3;
/** Who reads it says what is wrong with it; only that it is missing is said here. */
const OWN: u32 = 4;
/** The same, and it may be missing. */
const OWN_OR_NONE: u32 = 5;

@unmanaged
export class boot_param {
  name: string;
  kind: u32;
  /** For help, and the words of a CHOICE: 'on|off'. */
  value: string;
  help: string;
}

/** Room in the table. */
const MAX: u32 = 48;
const table: usize = memory.data(16 * 48, 4);
const count: usize = memory.data(4, 4);

export function boot_param_count(): u32 {
  return load<u32>(count);
}

export function boot_param_at(i: u32): boot_param {
  return changetype<boot_param>(table + <usize>i * offsetof<boot_param>());
}

function add(name: string, kind: u32, value: string, help: string): void {
  const n = load<u32>(count);
  if (n == MAX) throw new Error('too many boot parameters');
  const p = boot_param_at(n);
  p.name = name;
  p.kind = kind;
  p.value = value;
  p.help = help;
  store<u32>(count, n + 1);
}

function fill_table(): void {
  add('console', OWN_OR_NONE, 'ttyS0[,...]', 'the console');
  add('earlycon', OWN_OR_NONE, 'uart8250,..', 'where the boot console is: mmio,ADDRESS[,options]');
  add('keep_bootcon', FLAG, '', 'the boot console stays');
  add('no_console_suspend', FLAG, '', 'suspend does not stop consoles');
  add('loglevel', NUMBER, 'N', 'the console shows what is below N');
  add('quiet', FLAG, '', 'the same as loglevel=4');
  add('debug', FLAG, '', 'the same as loglevel=10');
  add('ignore_loglevel', FLAG, '', 'the console shows everything');
  add('printk.time', BOOL, '0|1', 'time stamps (1)');
  add('printk.caller', BOOL, '0|1', 'lines tell who printed (0)');
  add('console_msg_format', CHOICE, 'syslog|default', 'syslog: lines begin with their level');
  add('printk', OWN, 'NAME', '2016, safe-v3, petr, peterz, 5.10, nbcon, printkit');
  add('printk.store', OWN, 'NAME', 'logbuf, safe, percpu, lockless, spill');
  add('printk.emit', OWN, 'NAME', 'direct, handover, deferred, kthread, nbcon, relay');
  add('printk.console_threads', FLAG, '', 'with kthread: a thread for each console');
  add('printk.nmi_logbuf', FLAG, '', 'with safe: NMIs use the log itself');
  add('printk.panic_cpu_sync', FLAG, '', 'a panic waits for its turn to show a trace');
  add('printk.suspend_irqwork', FLAG, '', 'messages keep the system from suspending');
  add('force_early_printk', FLAG, '', 'with direct: the console takes no lock');
  add('log_buf_len', OWN, 'N[KM]', 'size of the log');
  add('printk.percpu_pages', NUMBER, 'N', 'stores percpu, spill: pages of each CPU');
  add(
    'printk.percpu_overwrite',
    BOOL,
    '0|1',
    'store percpu, full: 1 loses the oldest, 0 the newest',
  );
  add('printk_delay', NUMBER, 'N', 'wait N ms before each message (at most 10000)');
  add('printk.devkmsg', CHOICE, 'ratelimit|on|off', 'writes to /dev/kmsg; off: nobody may open it');
  add('maxcpus', NUMBER, 'N', 'bring up N harts only');
  add('panic', NUMBER, 'N', 'restart N s after a panic; -1: at once; 0: never');
  add('oops', CHOICE, 'panic', 'an oops or BUG is a panic');
  add('panic_on_oops', NUMBER, '1', 'the same');
  add('panic_on_warn', NUMBER, '1', 'a WARN is a panic');
  add('panic_print', NUMBER, '0x20', 'a panic prints the whole log again');
  add('panic_console_replay', NUMBER, '1', 'the same');
  add('nowatchdog', FLAG, '', 'no lockup detectors');
  add('watchdog_thresh', NUMBER, 'N', 'hard lockup after N s, soft after 2 N (10)');
  add('softlockup_panic', NUMBER, '1', 'a soft lockup is a panic');
  add('nmi_watchdog', CHOICE, 'panic|0|1', 'a hard lockup is a panic');
  add('hardlockup_panic', NUMBER, '1', 'the same');
  add('hung_task_timeout', NUMBER, 'N', 'report tasks blocked for N s (120; 0: off)');
  add('hung_task_panic', NUMBER, '1', 'a hung task is a panic');
  add('sysrq.under_port_lock', NUMBER, '1', 'sysrq keys under port->lock: deadlocks');
  add('bench', NUMBER, 'N', 'compute and power off');
  add('bench.harts', CHOICE, 'all', '... on every hart');
}

/** Bytes up to the end of a word or to `end`. */
function length_to(p: usize, end: u32): u32 {
  let n: u32 = 0;
  while (load<u8>(p + n) != 0 && !is_space(load<u8>(p + n)) && <u32>load<u8>(p + n) != end) n++;
  return n;
}

/** The parameter of that name, or null. Names may be spelled with - for _. */
function find(name: usize, length: u32): boot_param | null {
  for (let i: u32 = 0; i < boot_param_count(); i++) {
    const p = boot_param_at(i);
    if (literal_length(p.name) != length) continue;
    let at: u32 = 0;
    for (; at < length; at++) {
      const c: u32 = load<u8>(name + at);
      const wanted = literal_at(p.name, at);
      if (c != wanted && !(c == 0x2d && wanted == 0x5f)) break;
    }
    if (at == length) return p;
  }
  return null;
}

/** Is a word of that length one of those that are separated by | in `choices`? */
function is_choice(word: usize, length: u32, choices: string): bool {
  const end = literal_length(choices);
  for (let from: u32 = 0; from <= end; from++) {
    let n: u32 = 0;
    while (from + n < end && literal_at(choices, from + n) != 0x7c) n++;
    let same: u32 = 0;
    while (same < n && <u32>load<u8>(word + same) == literal_at(choices, from + same)) same++;
    if (n == length && same == n) return true;
    from += n;
  }
  return false;
}

/** Does it have the form of a number? */
function is_number(p: usize): bool {
  return is_digit(load<u8>(p)) || (load<u8>(p) == 0x2d && is_digit(load<u8>(p + 1)));
}

/** Is a value, of that length and without the =, one that the parameter can have? */
function is_valid(param: boot_param, value: usize, length: u32): bool {
  switch (param.kind) {
    case BOOL:
      return length == 0 || parse_bool(value) != BOOL_UNKNOWN;
    case NUMBER:
      return is_number(value);
    case CHOICE:
      return is_choice(value, length, param.value);
    case OWN:
      return length != 0;
    default:
      return true;
  }
}

/** Names what is on the command line and has no effect. Boot CPU, once printk() works. */
export function boot_params_init(): void {
  fill_table();
  for (let p = boot_command_line; ;) {
    while (is_space(load<u8>(p))) p++;
    if (load<u8>(p) == 0) return;
    const length = length_to(p, 0);
    const name = length_to(p, 0x3d);
    const value = name < length ? name + 1 : name;
    const param = find(p, name);
    if (param == null) {
      pr_warn('Unknown kernel command line parameter "%.*S", ignored\n', length, p);
    } else if (!is_valid(param, p + value, length - value)) {
      const text = "`%.*S' invalid for parameter `%s', ignored\n";
      pr_warn(text, length - value, p + value, str(param.name));
    }
    p += length;
  }
}
