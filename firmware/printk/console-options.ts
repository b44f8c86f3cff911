// console=ttyS<n>[,<baud><parity><bits><flow>]: which consoles there are to be, in order. The last one
// is /dev/console, where the shell runs. Without any, ttyS0,115200n8; console=null or console= : none.
// What is neither is said in the log, and ignored.

import { boot_command_line } from '../arch/fdt';
import { pr_warn } from './printk';
import { is_digit, is_space, simple_strtoul, starts_with } from '../lib/string';

/** Most console= options. */
export const CONSOLE_OPTIONS_MAX: u32 = 4;
const VALUE_MAX: u32 = 32;

@unmanaged
export class ConsoleOption {
  /** n of ttySn. */
  index: u32;
  baud: u32;
  /** 'n', 'o' or 'e'. */
  parity: u32;
  bits: u32;
  /** 'r': the console waits for CTS. */
  flow: u32;
}

const table: usize = memory.data(offsetof<ConsoleOption>() * 4, 4);
/** Options given, and whether there was any console= at all. */
const count: usize = memory.data(4, 4);
const given: usize = memory.data(4, 4);
/** The first console= that names no console: a C string, empty if all do. */
const unknown: usize = memory.data(32, 4);

/** Option i in the order of the command line, or null. */
export function console_options(i: u32): ConsoleOption | null {
  if (i >= load<u32>(count)) return null;
  return changetype<ConsoleOption>(table + <usize>i * offsetof<ConsoleOption>());
}

/** The option for ttyS<n>, or null if it is to be no console. */
export function console_option(n: u32): ConsoleOption | null {
  for (let i: u32 = 0; i < load<u32>(count); i++) {
    const option = changetype<ConsoleOption>(table + <usize>i * offsetof<ConsoleOption>());
    if (option.index == n) return option;
  }
  return null;
}

/** The number of /dev/console's port; 0 if there is no console. */
export function console_device(): u32 {
  const n = load<u32>(count);
  const last = console_options(n - 1);
  return n == 0 || last == null ? 0 : last.index;
}

function add(index: u32): ConsoleOption {
  const known = console_option(index);
  let option: ConsoleOption;
  if (known != null) option = known;
  else {
    const n = load<u32>(count);
    option = changetype<ConsoleOption>(table + <usize>n * offsetof<ConsoleOption>());
    store<u32>(count, n + 1);
  }
  option.index = index;
  set_defaults(option);
  return option;
}

function set_defaults(option: ConsoleOption): void {
  option.baud = 115200;
  option.parity = 0x6e;
  option.bits = 8;
  option.flow = 0;
}

/** Keeps an option that names no console, for the report. */
function add_unknown(p: usize): void {
  if (load<u8>(unknown) || load<u8>(p) == 0 || is_space(load<u8>(p)) || starts_with(p, 'null'))
    return;
  let n: u32 = 0;
  for (; n + 1 < VALUE_MAX && load<u8>(p + n) != 0 && !is_space(load<u8>(p + n)); n++) {
    store<u8>(unknown + n, load<u8>(p + n));
  }
}

/** Says which option was ignored. Boot CPU. */
export function console_options_report(): void {
  if (load<u8>(unknown)) pr_warn('printk: console=%S: no such console, ignored\n', unknown);
}

/** Settings in the form <baud><parity><bits><flow>. What is not given is as for every console. */
export function parse_console_settings(option: ConsoleOption, p: usize): void {
  set_defaults(option);
  parse_settings(option, p);
}

/** What follows the comma. Nothing given stays as it is. */
function parse_settings(option: ConsoleOption, p: usize): void {
  if (is_digit(load<u8>(p))) {
    const baud = simple_strtoul(p);
    if (baud >= 50 && baud <= 4_000_000) option.baud = baud;
    while (is_digit(load<u8>(p))) p++;
  }
  const parity: u32 = load<u8>(p);
  if (parity == 0x6e || parity == 0x6f || parity == 0x65) {
    option.parity = parity;
    p++;
  }
  const bits: u32 = load<u8>(p);
  if (is_digit(bits)) {
    option.bits = bits == 0x37 ? 7 : 8;
    p++;
  }
  if (load<u8>(p) == 0x72) option.flow = 1;
}

/** Boot CPU, once. There are ttyS0 to ttyS<ports - 1>. */
export function parse_console_options(ports: u32): void {
  store<u32>(count, 0);
  store<u32>(given, 0);
  for (let p = boot_command_line; ;) {
    while (is_space(load<u8>(p))) p++;
    if (load<u8>(p) == 0) break;
    if (starts_with(p, 'console=')) {
      store<u32>(given, 1);
      let q = p + 8;
      if (starts_with(q, 'ttyS')) q += 4;
      if (!is_digit(load<u8>(q)) || simple_strtoul(q) >= ports) add_unknown(p + 8);
      else if (load<u32>(count) < CONSOLE_OPTIONS_MAX) {
        const option = add(simple_strtoul(q));
        while (is_digit(load<u8>(q))) q++;
        if (load<u8>(q) == 0x2c) parse_settings(option, q + 1);
      }
    }
    while (load<u8>(p) != 0 && !is_space(load<u8>(p))) p++;
  }
  // Rather a console that was not asked for than none that tells why.
  if (!load<u32>(given) || (load<u32>(count) == 0 && load<u8>(unknown))) add(0);
}
