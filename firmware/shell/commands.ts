// The table of shell commands. Each command group fills in its part at boot; help, completion and
// lookup read it.

import { literal_length, streq } from '../lib/string';

@unmanaged
export class Command {
  name: string;
  /** Arguments, as help shows them. */
  usage: string;
  help: string;
  /** argv points to argc C strings; argv[0] is the command's name. */
  run: (argc: u32, argv: usize) => void;
}

const COMMANDS_MAX: u32 = 96;
const table: usize = memory.data(16 * 96, 4);
const count: usize = memory.data(4, 4);

export function command_count(): u32 {
  return load<u32>(count);
}

export function command_at(i: u32): Command {
  return changetype<Command>(table + i * offsetof<Command>());
}

/** Boot. The table stays in alphabetical order. */
export function register_command(
  name: string,
  usage: string,
  help: string,
  run: (argc: u32, argv: usize) => void,
): void {
  const n = command_count();
  if (n == COMMANDS_MAX) return;
  let at = n;
  for (; at > 0 && is_after(command_at(at - 1).name, name); at--) {
    memory.copy(
      changetype<usize>(command_at(at)),
      changetype<usize>(command_at(at - 1)),
      offsetof<Command>(),
    );
  }
  const command = command_at(at);
  command.name = name;
  command.usage = usage;
  command.help = help;
  command.run = run;
  store<u32>(count, n + 1);
}

/** Does literal a come after literal b? */
function is_after(a: string, b: string): bool {
  const na = literal_length(a);
  const nb = literal_length(b);
  for (let i: u32 = 0; i < na && i < nb; i++) {
    const ca = load<u16>(changetype<usize>(a) + (i << 1));
    const cb = load<u16>(changetype<usize>(b) + (i << 1));
    if (ca != cb) return ca > cb;
  }
  return na > nb;
}

/** The command of that name (a C string), or null. */
export function find_command(name: usize): Command | null {
  const n = command_count();
  for (let i: u32 = 0; i < n; i++) {
    if (streq(name, command_at(i).name)) return command_at(i);
  }
  return null;
}

/** Argument i of argv. */
export function arg(argv: usize, i: u32): usize {
  return load<usize>(argv + ((<usize>i) << 2));
}

/** The text from argument i on, as typed: undoes the splitting, the words lie one behind the other. */
export function rest(argc: u32, argv: usize, i: u32): usize {
  for (let k = i; k + 1 < argc; k++) {
    for (let p = arg(argv, k); p < arg(argv, k + 1); p++) {
      if (load<u8>(p) == 0) store<u8>(p, 0x20);
    }
  }
  return arg(argv, i);
}
