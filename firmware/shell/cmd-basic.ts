// Shell commands: help, echo, clear, version.

import { NAME, VERSION } from '../init/version';
import { literal_length, str, streq } from '../lib/string';
import { tty_printf } from '../tty/tty';
import { arg, command_at, command_count, find_command, register_command } from './commands';

const USAGE_WIDTH: u32 = 30;

function show_help(i: u32): void {
  const c = command_at(i);
  const used = literal_length(c.name) + 1 + literal_length(c.usage);
  const gap = used < USAGE_WIDTH ? USAGE_WIDTH - used : 1;
  tty_printf('  %s %s%*s%s\n', str(c.name), str(c.usage), gap, str(''), str(c.help));
}

function show_parameter(name: string, help: string): void {
  tty_printf('  %-24s %s\n', str(name), str(help));
}

/** help boot: the words that the kernel command line (--append) may have. */
function show_boot_parameters(): void {
  show_parameter('console=ttyS0[,...]', 'the console');
  show_parameter('earlycon=uart8250,..', 'where the boot console is: mmio,ADDRESS[,options]');
  show_parameter('keep_bootcon', 'the boot console stays');
  show_parameter('no_console_suspend', 'suspend does not stop consoles');
  show_parameter('quiet, debug, loglevel=N', 'what the console shows');
  show_parameter('ignore_loglevel', 'the console shows everything');
  show_parameter('printk.time=0', 'no time stamps');
  show_parameter('printk.caller=1', 'lines tell who printed');
  show_parameter('console_msg_format=..', 'syslog: lines begin with their level');
  show_parameter('printk=NAME', '2016, safe-v3, petr, peterz, 5.10, nbcon, printkit');
  show_parameter('printk.store=NAME', 'logbuf, safe, percpu, lockless, spill');
  show_parameter('printk.emit=NAME', 'direct, handover, deferred, kthread, nbcon, relay');
  show_parameter('printk.console_threads', 'with kthread: a thread for each console');
  show_parameter('printk.nmi_logbuf', 'with safe: NMIs use the log itself');
  show_parameter('printk.panic_cpu_sync', 'a panic waits for its turn to show a trace');
  show_parameter('printk.suspend_irqwork', 'messages keep the system from suspending');
  show_parameter('force_early_printk', 'with direct: the console takes no lock');
  show_parameter('log_buf_len=N[KM]', 'size of the log');
  show_parameter('printk.percpu_pages=N', 'stores percpu, spill: pages of each CPU');
  show_parameter(
    'printk.percpu_overwrite=',
    'store percpu, full: 1 loses the oldest, 0 the newest',
  );
  show_parameter('printk_delay=N', 'wait N ms after each message');
  show_parameter('printk.devkmsg=MODE', 'writes to /dev/kmsg: on, off, ratelimit');
  show_parameter('maxcpus=N', 'bring up N harts only');
  show_parameter('panic=N', 'restart N s after a panic; -1: at once; 0: never');
  show_parameter('oops=panic', 'an oops or BUG is a panic');
  show_parameter('panic_on_oops=1', 'the same');
  show_parameter('panic_on_warn=1', 'a WARN is a panic');
  show_parameter('panic_print=0x20', 'a panic prints the whole log again');
  show_parameter('panic_console_replay=1', 'the same');
  show_parameter('nowatchdog', 'no lockup detectors');
  show_parameter('watchdog_thresh=N', 'hard lockup after N s, soft after 2 N (10)');
  show_parameter('softlockup_panic=1', 'a soft lockup is a panic');
  show_parameter('nmi_watchdog=panic', 'a hard lockup is a panic');
  show_parameter('hardlockup_panic=1', 'the same');
  show_parameter('hung_task_timeout=N', 'report tasks blocked for N s (120; 0: off)');
  show_parameter('hung_task_panic=1', 'a hung task is a panic');
  show_parameter('sysrq.under_port_lock=1', 'sysrq keys under port->lock: deadlocks');
  show_parameter('bench=N', 'compute and power off');
  show_parameter('bench.harts=all', '... on every hart');
}

function cmd_help(argc: u32, argv: usize): void {
  if (argc > 1 && streq(arg(argv, 1), 'boot')) {
    show_boot_parameters();
    return;
  }
  const only = argc > 1 ? find_command(arg(argv, 1)) : null;
  if (argc > 1 && only == null) {
    tty_printf('help: no command %S\n', arg(argv, 1));
    return;
  }
  for (let i: u32 = 0; i < command_count(); i++) {
    if (only == null || command_at(i) == only) show_help(i);
  }
}

function cmd_echo(argc: u32, argv: usize): void {
  for (let i: u32 = 1; i < argc; i++) {
    tty_printf('%S%s', arg(argv, i), str(i + 1 < argc ? ' ' : ''));
  }
  tty_printf('\n');
}

function cmd_clear(argc: u32, argv: usize): void {
  tty_printf('\x1b[H\x1b[2J');
}

function cmd_version(argc: u32, argv: usize): void {
  tty_printf('%s %s riscv32\n', str(NAME), str(VERSION));
}

export function register_basic_commands(): void {
  register_command('help', '[command|boot]', 'list the commands, or the boot parameters', cmd_help);
  register_command('echo', '[text...]', 'print the text', cmd_echo);
  register_command('clear', '', 'clear the screen', cmd_clear);
  register_command('version', '', 'print the version', cmd_version);
}
