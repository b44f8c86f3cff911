// console=ttyS<n>[,<baud><parity><bits><flow>]: which consoles there are to be, in order. The last one
// is /dev/console, where the shell runs. Without any, ttyS0,115200n8; console=null or console= : none.
// What is neither is said in the log, and ignored; so are settings that make no sense.

import { boot_command_line } from '../arch/fdt';
import { pr_warn } from './printk';
import { is_digit, is_space, simple_strtoul, starts_with, str } from '../lib/string';

/** Most console= options. */
export const CONSOLE_OPTIONS_MAX: u32 = 4;

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
/** Options given, and ports that there are. */
const count: usize = memory.data(4, 4);
const port_count: usize = memory.data(4, 4);
/** For settings that are only looked at. */
const scratch: ConsoleOption = changetype<ConsoleOption>(memory.data(offsetof<ConsoleOption>(), 4));

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

/**
 * Settings in the form <baud><parity><bits><flow>. What is not given, or makes no sense, is as for every
 * console. False if something made no sense.
 */
export function parse_console_settings(option: ConsoleOption, p: usize): bool {
  set_defaults(option);
  let valid = true;
  if (is_digit(load<u8>(p))) {
    const baud = simple_strtoul(p);
    if (baud >= 50 && baud <= 4_000_000) option.baud = baud;
    else valid = false;
    while (is_digit(load<u8>(p))) p++;
  }
  const parity: u32 = load<u8>(p);
  if (parity == 0x6e || parity == 0x6f || parity == 0x65) {
    option.parity = parity;
    p++;
  }
  const bits: u32 = load<u8>(p);
  if (bits == 0x37 || bits == 0x38) {
    option.bits = bits - 0x30;
    p++;
  }
  if (load<u8>(p) == 0x72) {
    option.flow = 1;
    p++;
  }
  // earlycon= may have the clock's rate behind it.
  return valid && (load<u8>(p) == 0 || is_space(load<u8>(p)) || load<u8>(p) == 0x2c);
}

/** Which port console=… means, and where its settings are. */
@unmanaged
class Choice {
  /** n of ttySn; NO_PORT: it is no console, NO_CONSOLE: it asks for none. */
  index: u32;
  settings: usize;
}
const NO_PORT: u32 = 0xffffffff;
const NO_CONSOLE: u32 = 0xfffffffe;
const choice: Choice = changetype<Choice>(memory.data(offsetof<Choice>(), 4));

/** Reads what follows console=. There are ttyS0 to ttyS<ports - 1>. */
function choose(p: usize, ports: u32): void {
  choice.index = NO_PORT;
  choice.settings = 0;
  if (load<u8>(p) == 0 || is_space(load<u8>(p)) || starts_with(p, 'null')) {
    choice.index = NO_CONSOLE;
    return;
  }
  if (starts_with(p, 'ttyS')) p += 4;
  const at = p;
  while (is_digit(load<u8>(p))) p++;
  if (p == at || simple_strtoul(at) >= ports) return;
  if (load<u8>(p) == 0x2c) choice.settings = p + 1;
  else if (load<u8>(p) != 0 && !is_space(load<u8>(p))) return;
  choice.index = simple_strtoul(at);
}

/** Where the value of the next console= begins, from p on; 0 if there is none. */
function next_option(p: usize): usize {
  while (true) {
    while (is_space(load<u8>(p))) p++;
    if (load<u8>(p) == 0) return 0;
    if (starts_with(p, 'console=')) return p + 8;
    p += word_length(p);
  }
}

function word_length(p: usize): u32 {
  let n: u32 = 0;
  while (load<u8>(p + n) != 0 && !is_space(load<u8>(p + n))) n++;
  return n;
}

/** Boot CPU, once. There are ttyS0 to ttyS<ports - 1>. */
export function parse_console_options(ports: u32): void {
  store<u32>(count, 0);
  store<u32>(port_count, ports);
  let given = false;
  let unknown = false;
  for (let p = next_option(boot_command_line); p != 0; p = next_option(p)) {
    given = true;
    choose(p, ports);
    if (choice.index == NO_PORT) unknown = true;
    else if (choice.index != NO_CONSOLE) {
      const option = add(choice.index);
      if (choice.settings != 0) parse_console_settings(option, choice.settings);
    }
    p += word_length(p);
  }
  // Rather a console that was not asked for than none that tells why.
  if (!given || (load<u32>(count) == 0 && unknown)) add(0);
}

/** Says what is wrong with which option. Boot CPU. */
export function console_options_report(): void {
  for (let p = next_option(boot_command_line); p != 0; p = next_option(p)) {
    choose(p, load<u32>(port_count));
    const length = word_length(p);
    if (choice.index == NO_PORT) {
      pr_warn('printk: console=%.*S: no such console, ignored\n', length, p);
    } else if (choice.settings != 0 && !parse_console_settings(scratch, choice.settings)) {
      const what = 'printk: console=%.*S: settings are <baud>[n|o|e][7|8][r], using %u%c%u%s\n';
      const flow = str(scratch.flow ? 'r' : '');
      pr_warn(what, length, p, scratch.baud, scratch.parity, scratch.bits, flow);
    }
    p += length;
  }
}
