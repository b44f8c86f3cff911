// `printkit objdump`: machine code beside the TypeScript (or C) line that it came from.

import fs from 'node:fs';
import path from 'node:path';
import { Command } from 'commander';
import { firmwareElf, packageRoot } from './paths.ts';
import { print } from './print.ts';

export function objdumpCommand(): Command {
  return new Command('objdump')
    .description('show machine code beside its source lines')
    .argument('[symbol]', 'one function only')
    .option('--elf <file>', 'the program', firmwareElf())
    .action(async (symbol: string | undefined, { elf }: { elf: string }) => {
      const { readElfFile } = await import('../debug/elf.ts');
      const { listing } = await import('../toolchain/listing.ts');
      const lines = listing(readElfFile(elf), {
        ...(symbol === undefined ? {} : { symbol }),
        readSource,
      });
      await print(`${[...lines].join('\n')}\n`);
    });
}

/** Source names are relative to the folder of the build: the package for its own firmware. */
function readSource(name: string): string | undefined {
  for (const folder of [process.cwd(), packageRoot()]) {
    const file = path.resolve(folder, name);
    if (fs.statSync(file, { throwIfNoEntry: false })?.isFile() === true) {
      return fs.readFileSync(file, 'utf8');
    }
  }
  return undefined;
}
