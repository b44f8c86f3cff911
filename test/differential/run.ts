// The fuzzer by hand, npm run fuzz -- [options]:
//   --sequences N   how many (default 20000)
//   --seed S        which (default: drawn from the clock, and printed)
//   --first I       start at sequence I of the seed
//   --drive NAME    how our machine is driven (plain, compiled …; default: each in turn)
//   --mutate NAME   break our machine on purpose; a name that does not exist lists them

import { parseArgs } from 'node:util';
import { fuzz } from './fuzz.ts';
import { DRIVES, MUTATIONS, runMachine } from './machine-runner.ts';
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
        drive: { type: 'string' },
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

const drives = Object.entries(DRIVES).filter(
  ([name]) => values.drive === undefined || values.drive === name,
);
if (drives.length === 0) {
  fail(`no drive "${String(values.drive)}"; there are: ${Object.keys(DRIVES).join(', ')}`);
}

console.log(`fuzz --seed ${seed} --first ${first} --sequences ${sequences}`);
let differing = 0;
for (const [name, drive] of mutation ? [['mutated', { mutation }] as const] : drives) {
  const started = Date.now();
  const result = fuzz({
    sequences,
    seed,
    first,
    // A machine compiles a limited number of loops.
    batch: drive.compile === 'always' ? 250 : 4000,
    machine: (image) => runMachine(image, drive),
    progress: (done) => {
      if (process.stderr.isTTY) process.stderr.write(`\r${name} ${done} `);
    },
  });
  if (process.stderr.isTTY) process.stderr.write('\r');
  for (const text of result.reports) console.log(`\n--drive ${name}: ${text}`);
  const known = [...result.known].map(([id, times]) => `${id} ${times}×`).join(', ');
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  console.log(
    `${name}: ${result.differing} of ${result.sequences} sequences differ ` +
      `(${seconds} s; known differences: ${known || 'none'})`,
  );
  differing += result.differing;
}
process.exitCode = differing > 0 ? 1 : 0;
