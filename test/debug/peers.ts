// The tools that people open core files with: gdb-multiarch, and vmcore-dmesg of kexec-tools.

import { execFileSync } from 'node:child_process';

/** What gdb prints for these commands. */
export function gdb(elf: string, core: string, ...commands: string[]): string {
  const args = ['-batch', '-nx', ...commands.flatMap((command) => ['-ex', command]), elf, core];
  const stdio = ['ignore', 'pipe', 'pipe'] as const;
  return execFileSync('gdb-multiarch', args, { encoding: 'utf8', stdio: [...stdio] });
}

export function vmcoreDmesg(core: string): string {
  const env = { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin` };
  const text = execFileSync('vmcore-dmesg', [core], { encoding: 'latin1', env });
  // The mark by which a log_buf wraps is no record, but vmcore-dmesg shows it as an empty one.
  return text.replaceAll('[    0.000000] \n', '');
}
