// The table of shell commands. Each command group fills in its part at boot; help, completion and
// lookup read it.

import { literal_length, streq, strlen } from '../lib/string';

@unmanaged
export class Command {
  name: string;
  /** Arguments, as help shows them. */
  usage: string;
  help: string;
  /** argv points to argc C strings; argv[0] is the command's name. */
  run: (argc: u32, argv: usize) => void;
  /** It calls run_job(): it can run in the background, and sees to > itself. */
  detachable: bool;
}

const COMMANDS_MAX: u32 = 96;
const table: usize = memory.data(20 * 96, 4);
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
  command.detachable = false;
  store<u32>(count, n + 1);
}

/** Boot. A command that calls run_job(). */
export function register_detachable_command(
  name: string,
  usage: string,
  help: string,
  run: (argc: u32, argv: usize) => void,
): void {
  register_command(name, usage, help, run);
  for (let i: u32 = 0; i < command_count(); i++) {
    const command = command_at(i);
    if (changetype<usize>(command.name) == changetype<usize>(name)) command.detachable = true;
  }
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

/** The arguments from i on, with a space between each: the words lie one behind the other. */
export function rest(argc: u32, argv: usize, i: u32): usize {
  let end = arg(argv, i) + strlen(arg(argv, i));
  for (let k = i + 1; k < argc; k++) {
    const n = strlen(arg(argv, k));
    store<u8>(end++, 0x20);
    memory.copy(end, arg(argv, k), n + 1);
    end += n;
  }
  return arg(argv, i);
}
