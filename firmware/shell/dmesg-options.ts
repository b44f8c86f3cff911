// The options of dmesg, those of util-linux that make sense here: clusters (-xT), long names, values
// as the next word, behind = or behind the letter.

import { is_digit, literal_at, literal_length, simple_strtoul, streq } from '../lib/string';
import { ktime_get_ns } from '../time/timekeeping';
import { tty_printf } from '../tty/tty';
import { arg } from './commands';

// Actions instead of printing, or (READ_CLEAR) behind it. 0: print.
export const DMESG_PRINT: u32 = 0;
export const DMESG_CLEAR: u32 = 1;
export const DMESG_READ_CLEAR: u32 = 2;
export const DMESG_CONSOLE_OFF: u32 = 3;
export const DMESG_CONSOLE_ON: u32 = 4;
export const DMESG_CONSOLE_LEVEL: u32 = 5;

// How times are shown.
export const TIME_STAMP: u32 = 0;
export const TIME_NONE: u32 = 1;
export const TIME_CTIME: u32 = 2;
/** The minute, then what has passed since the last line. */
export const TIME_RELATIVE: u32 = 3;

// Whether to use colors; -H alone does.
const COLOR_NOT_SAID: u32 = 0;
export const COLOR_ON: u32 = 1;
const COLOR_OFF: u32 = 2;

// Whether to wait for more.
export const FOLLOW: u32 = 1;
/** Only what comes from now on. */
export const FOLLOW_NEW: u32 = 2;

const ALL: u32 = 0xffffffff;
const NSEC_PER_SEC: u64 = 1_000_000_000;

@unmanaged
export class dmesg_options {
  /** Records before that are left out, ns since boot. */
  since: u64;
  action: u32;
  console_level: u32;
  time: u32;
  delta: bool;
  raw: bool;
  decode: bool;
  /** COLOR_*. */
  color: u32;
  follow: u32;
  /** A bit for each level and facility that is wanted. */
  levels: u32;
  facilities: u32;
}

/** Bits of facilities: those of user space are all but the kernel's. */
const FACILITY_KERN: u32 = 1;

export const LEVEL_COUNT: u32 = 8;
export const FACILITY_COUNT: u32 = 12;

export function level_name(i: u32): string {
  switch (i) {
    case 0:
      return 'emerg';
    case 1:
      return 'alert';
    case 2:
      return 'crit';
    case 3:
      return 'err';
    case 4:
      return 'warn';
    case 5:
      return 'notice';
    case 6:
      return 'info';
    default:
      return 'debug';
  }
}

export function facility_name(i: u32): string {
  switch (i) {
    case 0:
      return 'kern';
    case 1:
      return 'user';
    case 2:
      return 'mail';
    case 3:
      return 'daemon';
    case 4:
      return 'auth';
    case 5:
      return 'syslog';
    case 6:
      return 'lpr';
    case 7:
      return 'news';
    case 8:
      return 'uucp';
    case 9:
      return 'cron';
    case 10:
      return 'authpriv';
    case 11:
      return 'ftp';
    default:
      return '?';
  }
}

/** The letter of a long option; 0 if there is none. `length` is that of the name. */
function letter_of(name: usize, length: u32): u32 {
  if (is_name(name, length, 'clear')) return 0x43; // C
  if (is_name(name, length, 'read-clear')) return 0x63; // c
  if (is_name(name, length, 'console-off')) return 0x44; // D
  if (is_name(name, length, 'show-delta')) return 0x64; // d
  if (is_name(name, length, 'delta')) return 0x64;
  if (is_name(name, length, 'console-on')) return 0x45; // E
  if (is_name(name, length, 'reltime')) return 0x65; // e
  if (is_name(name, length, 'facility')) return 0x66; // f
  if (is_name(name, length, 'human')) return 0x48; // H
  if (is_name(name, length, 'help')) return 0x68; // h
  if (is_name(name, length, 'kernel')) return 0x6b; // k
  if (is_name(name, length, 'color')) return 0x4c; // L
  if (is_name(name, length, 'level')) return 0x6c; // l
  if (is_name(name, length, 'console-level')) return 0x6e; // n
  if (is_name(name, length, 'raw')) return 0x72; // r
  if (is_name(name, length, 'since')) return OPTION_SINCE;
  if (is_name(name, length, 'ctime')) return 0x54; // T
  if (is_name(name, length, 'notime')) return 0x74; // t
  if (is_name(name, length, 'userspace')) return 0x75; // u
  if (is_name(name, length, 'follow')) return 0x77; // w
  if (is_name(name, length, 'follow-new')) return 0x57; // W
  if (is_name(name, length, 'decode')) return 0x78; // x
  return 0;
}
/** --since has no letter. */
const OPTION_SINCE: u32 = 1;

function is_name(p: usize, length: u32, name: string): bool {
  if (literal_length(name) != length) return false;
  for (let i: u32 = 0; i < length; i++) {
    if (<u32>load<u8>(p + i) != literal_at(name, i)) return false;
  }
  return true;
}

/** -f, -l, -n and --since have a value. */
function takes_value(letter: u32): bool {
  return letter == 0x66 || letter == 0x6c || letter == 0x6e || letter == OPTION_SINCE;
}

function word_length(p: usize): u32 {
  let n: u32 = 0;
  while (load<u8>(p + n) != 0 && load<u8>(p + n) != 0x2c) n++;
  return n;
}

/** The level of that name, or by number; LEVEL_COUNT if there is none. */
function parse_level(p: usize, length: u32): u32 {
  for (let i: u32 = 0; i < LEVEL_COUNT; i++) if (is_name(p, length, level_name(i))) return i;
  if (length == 1 && <u32>load<u8>(p) - 0x30 < LEVEL_COUNT) return load<u8>(p) - 0x30;
  return LEVEL_COUNT;
}

/** err,warn: these; err+: and the more important ones; +err: and the less important ones. */
function parse_levels(p: usize): u32 {
  let mask: u32 = 0;
  while (true) {
    let length = word_length(p);
    const next = p + length;
    let down = false;
    let up = false;
    if (length > 0 && load<u8>(p) == 0x2b) {
      down = true;
      p++;
      length--;
    }
    if (length > 0 && load<u8>(p + length - 1) == 0x2b) {
      up = true;
      length--;
    }
    const level = parse_level(p, length);
    if (level == LEVEL_COUNT) {
      tty_printf("dmesg: unknown level '%S'\n", p);
      return 0;
    }
    mask |= up ? (2 << level) - 1 : down ? 0xff << level : 1 << level;
    if (load<u8>(next) == 0) return mask & 0xff;
    p = next + 1;
  }
}

/** The facility of that name, or by number; FACILITY_COUNT if there is none. */
function parse_facility(p: usize, length: u32): u32 {
  for (let i: u32 = 0; i < FACILITY_COUNT; i++) if (is_name(p, length, facility_name(i))) return i;
  let digits: u32 = 0;
  while (digits < length && is_digit(load<u8>(p + digits))) digits++;
  if (digits == 0 || digits != length || digits > 2) return FACILITY_COUNT;
  const number = simple_strtoul(p);
  return number < FACILITY_COUNT ? number : FACILITY_COUNT;
}

function parse_facilities(p: usize): u32 {
  let mask: u32 = 0;
  while (true) {
    const length = word_length(p);
    const found = parse_facility(p, length);
    if (found == FACILITY_COUNT) {
      tty_printf("dmesg: unknown facility '%S'\n", p);
      return 0;
    }
    mask |= 1 << found;
    if (load<u8>(p + length) == 0) return mask;
    p += length + 1;
  }
}

/** "5 min ago", -30s, now: into ns since boot. @1.5: seconds after boot, as there is no clock. */
function parse_since(o: dmesg_options, p: usize): bool {
  const text = p;
  const now = ktime_get_ns();
  if (streq(p, 'now')) {
    o.since = now;
    return true;
  }
  const absolute = load<u8>(p) == 0x40;
  const negative = load<u8>(p) == 0x2d;
  if (absolute || negative) p++;
  if (is_digit(load<u8>(p))) {
    let ns = <u64>simple_strtoul(p) * NSEC_PER_SEC;
    while (is_digit(load<u8>(p))) p++;
    if (absolute && load<u8>(p) == 0x2e) {
      let digit = NSEC_PER_SEC / 10;
      for (p++; is_digit(load<u8>(p)); p++, digit /= 10) ns += digit * <u64>(load<u8>(p) - 0x30);
    }
    while (load<u8>(p) == 0x20) p++;
    const unit: u32 = load<u8>(p);
    if (unit == 0x6d) ns *= 60;
    if (unit == 0x68) ns *= 3600;
    const known = unit == 0 || unit == 0x73 || unit == 0x6d || unit == 0x68;
    if (absolute && unit == 0) {
      o.since = ns;
      return true;
    }
    while (load<u8>(p) >= 0x61 && load<u8>(p) <= 0x7a) p++;
    while (load<u8>(p) == 0x20) p++;
    const ago = negative ? load<u8>(p) == 0 : streq(p, 'ago');
    if (known && unit != 0 && ago) {
      o.since = ns < now ? now - ns : 0;
      return true;
    }
  }
  tty_printf("dmesg: invalid time value '%S': try now, -5min, '5 min ago', @1.5\n", text);
  return false;
}

/** Only one of these may be given. False: it is the second one. */
function set_action(o: dmesg_options, action: u32): bool {
  if (o.action != DMESG_PRINT && o.action != action) {
    tty_printf('dmesg: mutually exclusive arguments: --clear --console-off --console-on');
    tty_printf(' --read-clear --console-level\n');
    return false;
  }
  o.action = action;
  return true;
}

/** -n: emerg shows emergencies only, as 1 does; 1 to 8, or a level that is shown and all above it. */
function parse_console_level(o: dmesg_options, p: usize): bool {
  const length = word_length(p);
  const level = parse_level(p, length);
  const number = is_digit(load<u8>(p)) && length == 1 ? <u32>load<u8>(p) - 0x30 : level + 1;
  if (number == 0 || number > LEVEL_COUNT || load<u8>(p + length) != 0) {
    tty_printf("dmesg: unknown level '%S'\n", p);
    return false;
  }
  o.console_level = number;
  return set_action(o, DMESG_CONSOLE_LEVEL);
}

/** auto, always and never. What the shell prints on is a terminal, so that auto means always. */
function parse_color(o: dmesg_options, p: usize): bool {
  if (p != 0 && streq(p, 'never')) o.color = COLOR_OFF;
  else if (p == 0 || streq(p, 'auto') || streq(p, 'always')) o.color = COLOR_ON;
  else {
    tty_printf("dmesg: unsupported color mode: '%S'\n", p);
    return false;
  }
  return true;
}

/** Lists of levels and facilities add up. False: one of them, 0, was wrong. */
function add_levels(o: dmesg_options, mask: u32): bool {
  o.levels |= mask;
  return mask != 0;
}

function add_facilities(o: dmesg_options, mask: u32): bool {
  o.facilities |= mask;
  return mask != 0;
}

/** One option with its value, or 0. False: an error has been told. */
function apply(o: dmesg_options, letter: u32, value: usize): bool {
  switch (letter) {
    case 0x43:
      return set_action(o, DMESG_CLEAR);
    case 0x63:
      return set_action(o, DMESG_READ_CLEAR);
    case 0x44:
      return set_action(o, DMESG_CONSOLE_OFF);
    case 0x45:
      return set_action(o, DMESG_CONSOLE_ON);
    case 0x6e:
      return parse_console_level(o, value);
    case 0x64:
      o.delta = true;
      return true;
    case 0x65:
      o.time = TIME_RELATIVE;
      return true;
    case 0x66:
      return add_facilities(o, parse_facilities(value));
    case 0x48:
      o.time = TIME_RELATIVE;
      if (o.color == COLOR_NOT_SAID) o.color = COLOR_ON;
      return true;
    case 0x6b:
      return add_facilities(o, FACILITY_KERN);
    case 0x4c:
      return parse_color(o, value);
    case 0x6c:
      return add_levels(o, parse_levels(value));
    case 0x72:
      o.raw = true;
      return true;
    case 0x54:
      o.time = TIME_CTIME;
      return true;
    case 0x74:
      o.time = TIME_NONE;
      return true;
    case 0x75:
      return add_facilities(o, ~FACILITY_KERN);
    case 0x77:
      o.follow = FOLLOW;
      return true;
    case 0x57:
      o.follow = FOLLOW_NEW;
      return true;
    case 0x78:
      o.decode = true;
      return true;
    case OPTION_SINCE:
      return parse_since(o, value);
    default:
      return false;
  }
}

function usage(): void {
  tty_printf('usage: dmesg [options]\n');
  tty_printf('  -C, --clear                clear the log for dmesg\n');
  tty_printf('  -c, --read-clear           print it first\n');
  tty_printf('  -D, --console-off          no messages on the console\n');
  tty_printf('  -E, --console-on           messages on the console\n');
  tty_printf('  -n, --console-level LEVEL  which messages the console prints\n');
  tty_printf('  -d, --show-delta           time since the last message\n');
  tty_printf('  -e, --reltime              local time and delta\n');
  tty_printf('  -T, --ctime                dates (the epoch is the boot: there is no clock)\n');
  tty_printf('  -t, --notime               no times\n');
  tty_printf('  -H, --human                -e, with colors\n');
  tty_printf('  -L, --color                colors\n');
  tty_printf('  -f, --facility LIST        only these facilities\n');
  tty_printf('  -k, --kernel               only the kernel\n');
  tty_printf('  -u, --userspace            only user space\n');
  tty_printf('  -l, --level LIST           only these levels; err+, +err\n');
  tty_printf('      --since TIME           only since then\n');
  tty_printf('  -r, --raw                  as it is\n');
  tty_printf('  -x, --decode               names of facility and level\n');
  tty_printf('  -w, --follow               wait for more\n');
  tty_printf('  -W, --follow-new           only what comes from now on\n');
}

/** Fills o. False: an error, or help, has been told. Shell only. */
export function parse_dmesg_options(o: dmesg_options, argc: u32, argv: usize): bool {
  for (let i: u32 = 1; i < argc; i++) {
    let p = arg(argv, i);
    if (load<u8>(p) != 0x2d || load<u8>(p + 1) == 0) {
      tty_printf("dmesg: unexpected argument '%S'\n", p);
      return false;
    }
    p++;
    const long = load<u8>(p) == 0x2d;
    if (long) p++;
    do {
      let letter: u32 = load<u8>(p);
      let value: usize = 0;
      if (long) {
        let length: u32 = 0;
        while (load<u8>(p + length) != 0 && load<u8>(p + length) != 0x3d) length++;
        letter = letter_of(p, length);
        if (load<u8>(p + length) == 0x3d) value = p + length + 1;
        if (letter == 0) {
          tty_printf("dmesg: unrecognized option '--%S'; try dmesg --help\n", p);
          return false;
        }
      }
      if (letter == 0x68) {
        usage();
        return false;
      }
      p++;
      if (takes_value(letter) && value == 0) {
        if (!long && load<u8>(p) != 0) value = p;
        else if (i + 1 < argc) value = arg(argv, ++i);
        else {
          tty_printf("dmesg: option requires an argument -- '%S'; try dmesg --help\n", p - 1);
          return false;
        }
      } else if (letter == 0x4c && !long && load<u8>(p) != 0) {
        // -Lnever: what it may be given is in the same word.
        value = load<u8>(p) == 0x3d ? p + 1 : p;
      } else if (value != 0 && !takes_value(letter) && letter != 0x4c) {
        tty_printf(
          "dmesg: option '%S' doesn't allow an argument; try dmesg --help\n",
          arg(argv, i),
        );
        return false;
      }
      if (!is_option(letter)) {
        tty_printf("dmesg: invalid option -- '%c'; try dmesg --help\n", letter);
        return false;
      }
      if (!apply(o, letter, value)) return false;
      if (value != 0) break;
    } while (!long && load<u8>(p) != 0);
  }
  if (o.levels == 0) o.levels = ALL;
  if (o.facilities == 0) o.facilities = ALL;
  const looks = o.decode || o.time != TIME_STAMP || o.delta || o.color == COLOR_ON;
  if (o.raw && (looks || o.action != DMESG_PRINT)) {
    tty_printf('dmesg: --raw can be used together with level or facility only\n');
    return false;
  }
  return true;
}

function is_option(letter: u32): bool {
  const known = 'CcDdEefHkLlnrTtuwWx';
  if (letter == OPTION_SINCE) return true;
  for (let i: u32 = 0; i < literal_length(known); i++) {
    if (literal_at(known, i) == letter) return true;
  }
  return false;
}
