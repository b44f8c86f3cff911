#!/usr/bin/env node
// The `printkit` command: wires the subcommands up and turns errors into one line on stderr.
// Everything that takes time to load is imported by the subcommand that needs it.

import { Command, CommanderError } from 'commander';
import { PrintkitError } from '../errors.ts';
import { buildCommand } from './build.ts';
import { compareCommand } from './compare.ts';
import { dmesgCommand } from './dmesg.ts';
import { EXIT_ERROR } from './exit-codes.ts';
import { exploreCommand } from './explore.ts';
import { objdumpCommand } from './objdump.ts';
import { runCommand } from './run.ts';
import { packageVersion } from './paths.ts';

/** Commander's texts start with "error: " and may span lines; ours are one line, like all others. */
function oneLine(text: string): string {
  return text
    .replace(/^error: /, '')
    .trim()
    .replace(/\s*\n\s*/g, ' ');
}

function fail(error: unknown): never {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) process.exit(0); // --help, --version
    process.exit(EXIT_ERROR); // its line has been printed
  }
  if (error instanceof PrintkitError) process.stderr.write(`printkit: ${error.message}\n`);
  else
    process.stderr.write(`printkit: internal error: ${String((error as Error).stack ?? error)}\n`);
  process.exit(EXIT_ERROR);
}

const program = new Command('printkit')
  .description('a register-level 8250 UART, a printk above it, and the machine that runs both')
  .version(packageVersion())
  .exitOverride()
  .configureOutput({
    outputError: (text, write) => write(`printkit: ${oneLine(text)}\n`),
  });

for (const command of [
  runCommand(),
  buildCommand(),
  objdumpCommand(),
  dmesgCommand(),
  compareCommand(),
  exploreCommand(),
]) {
  command.copyInheritedSettings(program);
  program.addCommand(command);
}

try {
  await program.parseAsync();
} catch (error) {
  fail(error);
}
