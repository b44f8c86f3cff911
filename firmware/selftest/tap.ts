// The guest's own tests: a table of functions, run one after the other in the shell's task, with
// results in TAP form (testanything.org, version 13). A test calls check() as often as it likes.

import { READ_ONCE, WRITE_ONCE } from '../arch/atomic';
import { literal_at, literal_length, simple_strtoul, str, strlen } from '../lib/string';
import { arg, rest } from '../shell/commands';
import { tty_printf } from '../tty/tty';

@unmanaged
class selftest {
  name: string;
  run: () => void;
}

const TESTS_MAX: u32 = 96;
const table: usize = memory.data(8 * 96, 4);
const count: usize = memory.data(4, 4);
/** Checks of the running test that did not hold; any CPU. */
const failures: usize = memory.data(4, 4);
/** Rounds that long tests make, in thousands. */
const scale: usize = memory.data(4, 4);
/** The beginning of every name. */
const no_name: usize = memory.data(1, 1);

function test_at(i: u32): selftest {
  return changetype<selftest>(table + <usize>i * offsetof<selftest>());
}

export function register_selftest(name: string, run: () => void): void {
  const n = load<u32>(count);
  if (n == TESTS_MAX) return;
  const t = test_at(n);
  t.name = name;
  t.run = run;
  store<u32>(count, n + 1);
}

/** Task context. A failure is told at once, with what was found. */
export function check(ok: bool, what: string, found: u32 = 0, wanted: u32 = 0): void {
  if (ok) return;
  WRITE_ONCE(failures, READ_ONCE(failures) + 1);
  tty_printf('# %s: found %u, wanted %u\n', str(what), found, wanted);
}

export function check_equal(found: u32, wanted: u32, what: string): void {
  check(found == wanted, what, found, wanted);
}

/** A remark in the output. */
export function note(fmt: string, a0: usize = 0, a1: usize = 0, a2: usize = 0): void {
  tty_printf('# ');
  tty_printf(fmt, a0, a1, a2);
  tty_printf('\n');
}

/** Thousands of rounds for tests that can take any number: run selftest 1000 for a million. */
export function rounds(): u32 {
  return load<u32>(scale) * 1000;
}

/** Is the test one of those asked for? All are, without a name; else those that begin with it. */
function selected(t: selftest, name: usize): bool {
  const n = strlen(name);
  if (n > literal_length(t.name)) return false;
  for (let i: u32 = 0; i < n; i++) {
    if (<u32>load<u8>(name + i) != literal_at(t.name, i)) return false;
  }
  return true;
}

/** run selftest [thousands of rounds] [beginning of a name] */
export function selftest_main(argc: u32, argv: usize): u32 {
  const thousands = argc > 2 ? simple_strtoul(arg(argv, 2)) : 2;
  if (thousands == 0) {
    tty_printf('usage: run selftest [thousands of rounds, 2 if not given] [beginning of a name]\n');
    return 1;
  }
  store<u32>(scale, thousands);
  const name: usize = argc > 3 ? rest(argc, argv, 3) : no_name;
  let wanted: u32 = 0;
  for (let i: u32 = 0; i < load<u32>(count); i++) if (selected(test_at(i), name)) wanted++;
  tty_printf('TAP version 13\n1..%u\n', wanted);
  let failed: u32 = 0;
  let number: u32 = 0;
  for (let i: u32 = 0; i < load<u32>(count); i++) {
    const t = test_at(i);
    if (!selected(t, name)) continue;
    WRITE_ONCE(failures, 0);
    t.run();
    const bad = READ_ONCE(failures) != 0;
    if (bad) failed++;
    tty_printf('%sok %u - %s\n', str(bad ? 'not ' : ''), ++number, str(t.name));
  }
  if (wanted == 0) tty_printf('# no test has a name that begins with %S\n', name);
  return wanted == 0 ? 1 : failed;
}
