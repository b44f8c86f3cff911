// What the run command can run: scenarios and the self tests, by name. Each is one file that registers
// itself at boot.

import { literal_length, streq } from '../lib/string';

@unmanaged
export class scenario {
  name: string;
  help: string;
  /** argc and argv of the run command; argv[1] is the scenario's name. Returns 0 when all went well. */
  run: (argc: u32, argv: usize) => u32;
}

const SCENARIOS_MAX: u32 = 64;
const table: usize = memory.data(12 * 64, 4);
const count: usize = memory.data(4, 4);

export function scenario_count(): u32 {
  return load<u32>(count);
}

export function scenario_at(i: u32): scenario {
  return changetype<scenario>(table + i * offsetof<scenario>());
}

/** Boot. */
export function register_scenario(
  name: string,
  help: string,
  run: (argc: u32, argv: usize) => u32,
): void {
  const n = scenario_count();
  if (n == SCENARIOS_MAX || literal_length(name) == 0) return;
  const s = scenario_at(n);
  s.name = name;
  s.help = help;
  s.run = run;
  store<u32>(count, n + 1);
}

/** By name, a C string; null if there is none. */
export function find_scenario(name: usize): scenario | null {
  for (let i: u32 = 0; i < scenario_count(); i++) {
    if (streq(name, scenario_at(i).name)) return scenario_at(i);
  }
  return null;
}
