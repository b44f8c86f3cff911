// Shell commands: help, echo, clear, version.

import { NAME, VERSION } from '../init/version';
import { literal_length, str } from '../lib/string';
import { tty_printf } from '../tty/tty';
import { arg, command_at, command_count, find_command, register_command } from './commands';

const USAGE_WIDTH: u32 = 30;

function show_help(i: u32): void {
  const c = command_at(i);
  const used = literal_length(c.name) + 1 + literal_length(c.usage);
  const gap = used < USAGE_WIDTH ? USAGE_WIDTH - used : 1;
  tty_printf('  %s %s%*s%s\n', str(c.name), str(c.usage), gap, str(''), str(c.help));
}

function cmd_help(argc: u32, argv: usize): void {
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
  register_command('help', '[command]', 'list the commands', cmd_help);
  register_command('echo', '[text...]', 'print the text', cmd_echo);
  register_command('clear', '', 'clear the screen', cmd_clear);
  register_command('version', '', 'print the version', cmd_version);
}
