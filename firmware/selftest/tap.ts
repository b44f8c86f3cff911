// The guest's own tests: a table of functions, run one after the other in the shell's task, with
// results in TAP form (testanything.org, version 13). A test calls check() as often as it likes.

import { READ_ONCE, WRITE_ONCE } from '../arch/atomic';
import { literal_at, literal_length, simple_strtoul, str } from '../lib/string';
import { arg, rest } from '../shell/commands';
import { tty_printf } from '../tty/tty';

@unmanaged
class selftest {
  name: string;
  run: () => void;
}

const TESTS_MAX: u32 = 64;
const table: usize = memory.data(8 * 64, 4);
const count: usize = memory.data(4, 4);
/** Checks of the running test that did not hold; any CPU. */
const failures: usize = memory.data(4, 4);
/** Rounds that long tests make, in thousands. */
const scale: usize = memory.data(4, 4);

export function register_selftest(name: string, run: () => void): void {
  const n = load<u32>(count);
  if (n == TESTS_MAX) return;
  const t = changetype<selftest>(table + n * offsetof<selftest>());
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

/** Does a test's name begin with that C string? */
function begins_with(name: string, start: usize): bool {
  let i: u32 = 0;
  for (; load<u8>(start + i) != 0; i++) {
    if (i == literal_length(name) || <u32>load<u8>(start + i) != literal_at(name, i)) return false;
  }
  return true;
}

/** run selftest [thousands of rounds] [how names begin] */
export function selftest_main(argc: u32, argv: usize): u32 {
  store<u32>(scale, argc > 2 ? simple_strtoul(arg(argv, 2)) : 2);
  const n = load<u32>(count);
  const start = argc > 3 ? rest(argc, argv, 3) : 0;
  let failed: u32 = 0;
  let number: u32 = 0;
  tty_printf('TAP version 13\n');
  if (argc <= 3) tty_printf('1..%u\n', n);
  for (let i: u32 = 0; i < n; i++) {
    const t = changetype<selftest>(table + i * offsetof<selftest>());
    if (start != 0 && !begins_with(t.name, start)) continue;
    WRITE_ONCE(failures, 0);
    t.run();
    const bad = READ_ONCE(failures) != 0;
    if (bad) failed++;
    tty_printf('%sok %u - %s\n', str(bad ? 'not ' : ''), ++number, str(t.name));
  }
  return failed;
}
