// Builds commander options from a table, so that help texts, defaults and parsers stand together.

import { Command, Option } from 'commander';

export interface OptionEntry {
  /** As commander writes it, e.g. `--smp <harts>`. */
  readonly flags: string;
  readonly help: string;
  /** Checks and converts the value; the first argument is the option's name for messages. */
  readonly parse?: (option: string, text: string) => unknown;
  readonly default?: unknown;
  /** How the help text shows the default. */
  readonly shown?: string;
  /** May be given several times; the values come as an array. */
  readonly repeats?: boolean;
  readonly conflicts?: string;
}

export function addOptions(command: Command, entries: readonly OptionEntry[]): Command {
  for (const entry of entries) command.addOption(makeOption(entry));
  return command;
}

function makeOption(entry: OptionEntry): Option {
  const option = new Option(entry.flags, entry.help);
  const name = option.long ?? entry.flags;
  if (entry.default !== undefined) option.default(entry.default, entry.shown);
  if (entry.conflicts !== undefined) option.conflicts(entry.conflicts);
  const parse = entry.parse ?? ((_option: string, text: string) => text);
  if (entry.repeats === true) {
    option.argParser((text: string, previous: unknown[] | undefined) => [
      ...(previous ?? []),
      parse(name, text),
    ]);
  } else if (entry.parse !== undefined) {
    option.argParser((text: string) => parse(name, text));
  }
  return option;
}
