// `printkit build`: compiles the firmware, with a user's own files if there are any. Loads the compiler
// only when it is called.

import fs from 'node:fs';
import path from 'node:path';
import { Command } from 'commander';
import { PrintkitError } from '../errors.ts';
import { firmwareElf } from './paths.ts';

interface BuildOptions {
  readonly output: string;
  readonly overlay?: string;
}

export function buildCommand(): Command {
  return new Command('build')
    .description('compile the firmware (TypeScript) to an ELF')
    .option('-o, --output <file>', 'where the ELF goes', firmwareElf())
    .option(
      '--overlay <dir>',
      'take files from here in place of those in firmware/, or beside them',
    )
    .action(async ({ output, overlay }: BuildOptions) => {
      const files = overlay === undefined ? {} : overlayOf(overlay);
      const { buildFirmware } = await import('../toolchain/build.ts');
      const { elf } = await buildFirmware({ output, overlay: files });
      const name = path.relative(process.cwd(), output);
      process.stderr.write(`printkit: ${name}, ${elf.length} bytes\n`);
    });
}

/** The sources in a folder, as if they were in firmware/. */
function overlayOf(folder: string): Record<string, string> {
  const files: Record<string, string> = {};
  for (const entry of entriesOf(folder)) {
    if (!entry.isFile() || !/\.(ts|S)$/.test(entry.name)) continue;
    const file = path.join(entry.parentPath, entry.name);
    const name = path.relative(folder, file).split(path.sep).join('/');
    files[`firmware/${name}`] = fs.readFileSync(file, 'utf8');
  }
  const names = Object.keys(files);
  if (names.length > 0 && names.every((name) => name.startsWith('firmware/firmware/'))) {
    const inner = path.join(folder, 'firmware');
    throw new PrintkitError(
      `--overlay: all files of ${folder} are in ${inner}, and would not take any file's place: say --overlay ${inner}`,
    );
  }
  if (names.length > 0) return files;
  throw new PrintkitError(`--overlay: there are no .ts or .S files in ${folder}`);
}

function entriesOf(folder: string): fs.Dirent[] {
  try {
    return fs.readdirSync(folder, { recursive: true, withFileTypes: true });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new PrintkitError(`--overlay: cannot read ${folder}: ${code ?? String(error)}`);
  }
}
