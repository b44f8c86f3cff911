// `printkit build`: compiles the firmware. Loads the compiler only when it is called.

import path from 'node:path';
import { Command } from 'commander';
import { firmwareElf } from './paths.ts';

export function buildCommand(): Command {
  return new Command('build')
    .description('compile the firmware (TypeScript) to an ELF')
    .option('-o, --output <file>', 'where the ELF goes', firmwareElf())
    .action(async ({ output }: { output: string }) => {
      const { buildFirmware } = await import('../toolchain/build.ts');
      const { elf } = await buildFirmware({ output });
      const name = path.relative(process.cwd(), output);
      process.stderr.write(`printkit: ${name}, ${elf.length} bytes\n`);
    });
}
