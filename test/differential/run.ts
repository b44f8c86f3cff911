// The fuzzer by hand, npm run fuzz -- [options]:
//   --sequences N   how many (default 20000)
//   --seed S        which (default: drawn from the clock, and printed)
//   --first I       start at sequence I of the seed
//   --mutate NAME   break our machine on purpose; a name that does not exist lists them

import { parseArgs } from 'node:util';
import { fuzz } from './fuzz.ts';
import { MUTATIONS, runMachine } from './machine-runner.ts';
import { qemuPresent, QEMU } from './qemu.ts';

function fail(message: string): never {
  process.stderr.write(`fuzz: ${message}\n`);
  process.exit(2);
}

function count(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0) fail(`--${name} wants a whole number, not "${text}"`);
  return value;
}

function parse() {
  try {
    return parseArgs({
      options: {
        sequences: { type: 'string', default: '20000' },
        seed: { type: 'string', default: String(Date.now() % 1_000_000) },
        first: { type: 'string', default: '0' },
        mutate: { type: 'string' },
      },
    }).values;
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error));
  }
}

const values = parse();
const sequences = count('sequences', values.sequences);
const seed = count('seed', values.seed);
const first = count('first', values.first);
if (!qemuPresent()) fail(`${QEMU} is not installed (Debian: qemu-system-misc)`);
const mutation = values.mutate === undefined ? undefined : MUTATIONS[values.mutate];
if (values.mutate !== undefined && !mutation) {
  fail(`no mutation "${values.mutate}"; there are: ${Object.keys(MUTATIONS).join(', ')}`);
}

console.log(`fuzz --seed ${seed} --first ${first} --sequences ${sequences}`);
const started = Date.now();
const result = fuzz({
  sequences,
  seed,
  first,
  machine: (image) => runMachine(image, mutation ? { mutation } : {}),
  progress: (done) => {
    if (process.stderr.isTTY) process.stderr.write(`\r${done}`);
  },
});
if (process.stderr.isTTY) process.stderr.write('\r');
for (const text of result.reports) console.log(`\n${text}`);
for (const [id, times] of result.known) console.log(`known difference ${id}: ${times} times`);
const seconds = ((Date.now() - started) / 1000).toFixed(1);
console.log(`${result.differing} of ${result.sequences} sequences differ (${seconds} s)`);
process.exitCode = result.differing > 0 ? 1 : 0;
