// `printkit dmesg`: the kernel log out of a core file, as dmesg shows the log of a running system.

import { Command } from 'commander';
import { LEVELS, type LogRecord } from '../debug/dmesg/log-record.ts';
import { PrintkitError } from '../errors.ts';
import { addOptions, type OptionEntry } from './help.ts';
import { print } from './print.ts';

interface DmesgOptions {
  raw?: boolean;
  decode?: boolean;
  notime?: boolean;
  caller?: boolean;
  level?: readonly number[];
  json?: boolean;
}

/** err,warn: these two; err+: this one and the more important ones; +err: and the less important ones. */
function parseLevels(option: string, text: string): number[] {
  return text.split(',').flatMap((word) => {
    const name = word.replace(/^\+|\+$/, '');
    const at = LEVELS.findIndex((level) => level === name);
    if (at < 0) throw new PrintkitError(`${option}: "${word}" is not one of ${LEVELS.join(', ')}`);
    const levels = [...LEVELS.keys()];
    if (word.endsWith('+')) return levels.slice(0, at + 1);
    return word.startsWith('+') ? levels.slice(at) : [at];
  });
}

const OPTIONS: readonly OptionEntry[] = [
  { flags: '-r, --raw', help: 'priority as <number>', conflicts: 'decode' },
  { flags: '-x, --decode', help: 'names of facility and level' },
  { flags: '-t, --notime', help: 'no time stamps' },
  { flags: '--caller', help: 'the task (T) or CPU (C) that printed' },
  {
    flags: '-l, --level <list>',
    help: `only these: ${LEVELS.join(', ')}; err+ is err and up, +err is err and down`,
    parse: parseLevels,
  },
  { flags: '-J, --json', help: 'as JSON' },
];

export function dmesgCommand(): Command {
  const command = new Command('dmesg')
    .description('print the kernel log from a core file (run --core), also from one of Linux')
    .argument('<core>', 'ELF core file with a VMCOREINFO note');
  addOptions(command, OPTIONS);
  command.action(async (path: string, options: DmesgOptions) => {
    const { openCoreFile } = await import('../debug/core-file.ts');
    const { readKernelLog } = await import('../debug/dmesg/read-log.ts');
    const { formatJson, formatRecord } = await import('../debug/dmesg/format.ts');
    const log = readKernelLog(openCoreFile(path));
    const { level } = options;
    const wanted = (record: LogRecord) => level?.includes(record.level) !== false;
    const records = log.records.filter(wanted);
    if (options.json === true) {
      await print(`${formatJson(log, records)}\n`);
      return;
    }
    const lines = records.flatMap((record) => formatRecord(record, options));
    await print(lines.map((line) => `${line}\n`).join(''));
    const notes = [
      [log.incomplete, 'that were being written, not shown'],
      [log.lost, 'lost for want of room'],
    ] as const;
    for (const [count, what] of notes) {
      if (count > 0) process.stderr.write(`printkit: messages ${what}: ${count}\n`);
    }
  });
  return command;
}
