// Shell commands: help, echo, clear, version.

import { boot_param_at, boot_param_count } from '../init/boot-params';
import { NAME, VERSION } from '../init/version';
import { literal_length, str, streq } from '../lib/string';
import { tty_printf } from '../tty/tty';
import { arg, command_at, command_count, find_command, register_command } from './commands';

const USAGE_WIDTH: u32 = 30;
const PARAMETER_WIDTH: u32 = 34;

function show_help(i: u32): void {
  const c = command_at(i);
  const used = literal_length(c.name) + 1 + literal_length(c.usage);
  const gap = used < USAGE_WIDTH ? USAGE_WIDTH - used : 1;
  tty_printf('  %s %s%*s%s\n', str(c.name), str(c.usage), gap, str(''), str(c.help));
}

/** help boot: the words that the kernel command line (--append) may have. */
function show_boot_parameters(): void {
  for (let i: u32 = 0; i < boot_param_count(); i++) {
    const p = boot_param_at(i);
    const equals = literal_length(p.value) != 0 ? '=' : '';
    const used = literal_length(p.name) + literal_length(equals) + literal_length(p.value);
    const gap = used < PARAMETER_WIDTH ? PARAMETER_WIDTH - used : 1;
    tty_printf(
      '  %s%s%s%*s%s\n',
      str(p.name),
      str(equals),
      str(p.value),
      gap,
      str(''),
      str(p.help),
    );
  }
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
