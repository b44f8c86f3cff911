// 8250 driver: the boot console, which is early_console as well: earlycon=uart[8250],{mmio|mmio32},ADDRESS
// [,baud…], earlycon=ADDRESS, or earlycon alone. Without the parameter it is the first UART, if that is to
// be a console. Settings given are programmed; without any, an explicit earlycon= leaves the line alone.

import { UartNode, uart_node } from '../arch/fdt';
import { param_copy, param_present } from '../init/params';
import { simple_strtoul, starts_with, str, is_digit } from '../lib/string';
import {
  CON_ANYTIME,
  CON_BOOT,
  CON_PRINTBUFFER,
  Console,
  register_console,
} from '../printk/console';
import { ConsoleOption, console_option, parse_console_settings } from '../printk/console-options';
import { set_early_console } from '../printk/early';
import { pr_info, pr_warn } from '../printk/printk';
import { PORT_UNKNOWN, uart_8250_port } from './8250-base';
import { serial8250_early_write } from './8250-console';

const VALUE_MAX: u32 = 64;
const value: usize = memory.data(64, 4);
/** What is wrong with earlycon=. */
const problem: usize = memory.data(4, 4);
const NO_DEVICE: u32 = 1;
const BAD_SETTINGS: u32 = 2;
const option: ConsoleOption = changetype<ConsoleOption>(memory.data(offsetof<ConsoleOption>(), 4));
const early_console: Console = changetype<Console>(memory.data(offsetof<Console>(), 8));

/** Where the next field begins; the terminating NUL if there is none. */
function next_field(p: usize): usize {
  while (load<u8>(p) != 0 && load<u8>(p) != 0x2c) p++;
  return load<u8>(p) ? p + 1 : p;
}

/** The UART at an address, by number; 0xffffffff if there is none. */
function port_at(address: u32, ports: u32): u32 {
  for (let n: u32 = 0; n < ports; n++) {
    const node: UartNode = uart_node(n);
    if (<u32>node.base == address) return n;
  }
  return 0xffffffff;
}

/** Reads earlycon=. Returns the number of the UART that it means. Boot CPU, once. */
export function earlycon_port(ports: u32): u32 {
  option.baud = 0;
  if (!param_copy('earlycon', value, VALUE_MAX) || load<u8>(value) == 0) return 0;
  let p = value;
  if (starts_with(p, 'uart,') || starts_with(p, 'uart8250,')) p = next_field(p);
  if (starts_with(p, 'mmio,') || starts_with(p, 'mmio32,')) p = next_field(p);
  const n = is_digit(load<u8>(p)) ? port_at(simple_strtoul(p), ports) : 0xffffffff;
  if (n == 0xffffffff) {
    store<u32>(problem, NO_DEVICE);
    return 0;
  }
  p = next_field(p);
  if (load<u8>(p) != 0 && !parse_console_settings(option, p)) store<u32>(problem, BAD_SETTINGS);
  return n;
}

/** What the boot console's line is to be set to; null: it is left as it is. */
export function earlycon_option(n: u32): ConsoleOption | null {
  return option.baud != 0 ? option : console_option(n);
}

function report(membase: usize, settings: ConsoleOption): void {
  pr_info(
    "earlycon: uart8250 at MMIO 0x%x (options '%u%c%u%s')\n",
    membase,
    settings.baud,
    settings.parity,
    settings.bits,
    str(settings.flow ? 'r' : ''),
  );
}

/** Registers the boot console. Boot CPU, after the first lines have been logged. */
export function register_early_console(up: uart_8250_port): void {
  if (load<u32>(problem) == NO_DEVICE) {
    pr_warn('earlycon: no such device in earlycon=%S, using the first UART\n', value);
  }
  if (load<u32>(problem) == BAD_SETTINGS) {
    const what = 'earlycon: settings in earlycon=%S are <baud>[n|o|e][7|8][r][,clock]\n';
    pr_warn(what, value);
  }
  const settings = earlycon_option(up.line);
  const wanted = settings != null || param_present('earlycon');
  if (up.type == PORT_UNKNOWN || !wanted) return;
  // The name ends in a number, as a console's does.
  early_console.name = 'uart';
  early_console.index = 8250;
  early_console.flags = CON_BOOT | CON_PRINTBUFFER | CON_ANYTIME;
  early_console.write = serial8250_early_write;
  early_console.data = changetype<usize>(up);
  if (settings == null) pr_info("earlycon: uart8250 at MMIO 0x%x (options '')\n", up.membase);
  else report(up.membase, settings);
  set_early_console(early_console);
  register_console(early_console);
  pr_info('printk: bootconsole [uart8250] enabled\n');
}
