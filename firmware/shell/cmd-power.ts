// Shell commands that end the session: poweroff, reboot.

import { kernel_power_off, kernel_restart } from '../kernel/reboot';
import { simple_strtoul } from '../lib/string';
import { tty_wait_until_sent } from '../tty/tty';
import { arg, register_command } from './commands';

/** Off, when everything printed has left the UART. */
export function power_off(code: u32): void {
  tty_wait_until_sent();
  kernel_power_off(code);
}

function cmd_poweroff(argc: u32, argv: usize): void {
  power_off(argc > 1 ? simple_strtoul(arg(argv, 1)) : 0);
}

function cmd_reboot(argc: u32, argv: usize): void {
  tty_wait_until_sent();
  kernel_restart();
}

export function register_power_commands(): void {
  register_command('poweroff', '[code]', 'switch off, with an exit code', cmd_poweroff);
  register_command('reboot', '', 'start again', cmd_reboot);
}
