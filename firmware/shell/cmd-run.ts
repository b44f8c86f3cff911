// Shell commands run and list: scenarios and self tests.

import { register_all_scenarios } from '../scenarios/all';
import {
  find_scenario,
  register_scenario,
  scenario_at,
  scenario_count,
} from '../scenarios/registry';
import { str } from '../lib/string';
import { selftest_main } from '../selftest/tap';
import { register_all_selftests } from '../selftest/all';
import { tty_printf } from '../tty/tty';
import { arg, register_command } from './commands';

function cmd_list(argc: u32, argv: usize): void {
  for (let i: u32 = 0; i < scenario_count(); i++) {
    tty_printf('  %-24s %s\n', str(scenario_at(i).name), str(scenario_at(i).help));
  }
}

function cmd_run(argc: u32, argv: usize): void {
  const s = argc > 1 ? find_scenario(arg(argv, 1)) : null;
  if (s == null) tty_printf('usage: run NAME [arguments]; list shows the names\n');
  else {
    const code = s.run(argc, argv);
    tty_printf('run: %s: %s\n', str(s.name), str(code == 0 ? 'passed' : 'FAILED'));
  }
}

export function register_run_commands(): void {
  register_all_selftests();
  register_scenario('selftest', 'tests of the kernel by itself, in TAP form', selftest_main);
  register_all_scenarios();
  register_command('run', 'NAME [args...]', 'run a scenario', cmd_run);
  register_command('list', '', 'list the scenarios', cmd_list);
}
