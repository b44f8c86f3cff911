// Interpreter speed: the firmware's compute guest (sieve, CRC, matrix, sort) on printkit and, the very
// same file, on QEMU's TCG. CPU time is what counts. Two run lengths are subtracted, so that start and
// boot don't count, and each is the best of a few, taken in turn.

import { FIRMWARE, present, printkitRun, QEMU, qemuRun, runToEnd } from './processes.ts';
import { skipped, type Row } from './row.ts';

const REPEATS = 5;
const HARTS_MANY = 4;

interface Sample {
  readonly seconds: number;
  readonly instructions: number;
  /** What the guest computed on hart 0. */
  readonly checksum: string | undefined;
}

const checksumIn = (stdout: string): string | undefined =>
  /hart 0: .*checksum (\w+)/.exec(stdout)?.[1];

type Run = (iterations: number) => Sample;

function append(harts: number, iterations: number): string {
  return harts > 1 ? `quiet bench=${iterations} bench.harts=all` : `quiet bench=${iterations}`;
}

const onPrintkit =
  (harts: number): Run =>
  (iterations) => {
    const args = printkitRun(harts, append(harts, iterations), '--unpaced', '--stats', FIRMWARE);
    const { cpuSeconds: seconds, stdout, stderr } = runToEnd(process.execPath, args);
    const total = /total: ([\d,]+) instructions/.exec(stderr)?.[1];
    if (total === undefined) throw new Error(`no instruction count in: ${stderr}`);
    const instructions = Number(total.replaceAll(',', ''));
    return { seconds, instructions, checksum: checksumIn(stdout) };
  };

const onQemu =
  (harts: number): Run =>
  (iterations) => {
    const { cpuSeconds, stdout } = runToEnd(QEMU, qemuRun(harts, append(harts, iterations)));
    return { seconds: cpuSeconds, instructions: NaN, checksum: checksumIn(stdout) };
  };

/** What one more iteration costs. */
function slope(runs: readonly Run[], iterations: readonly (readonly [number, number])[]): Sample[] {
  const best = (samples: readonly Sample[]): Sample =>
    samples.reduce((a, b) => (b.seconds < a.seconds ? b : a));
  const samples = runs.map(() => ({ short: [] as Sample[], long: [] as Sample[] }));
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    for (const [index, run] of runs.entries()) {
      samples[index].short.push(run(iterations[index][0]));
      samples[index].long.push(run(iterations[index][1]));
    }
  }
  return samples.map(({ short, long }, index) => {
    const [few, many] = iterations[index];
    const [a, b] = [best(short), best(long)];
    return {
      seconds: (b.seconds - a.seconds) / (many - few),
      instructions: (b.instructions - a.instructions) / (many - few),
      checksum: a.checksum,
    };
  });
}

const mips = (sample: Sample): number => sample.instructions / sample.seconds / 1e6;

/** Speed with one hart, and with four at work. */
export function speed(): Row[] {
  const rows: Row[] = [];
  const oracle = present(QEMU);
  const runs = [onPrintkit(1), onPrintkit(HARTS_MANY), ...(oracle ? [onQemu(1)] : [])];
  const [one, many, peer] = slope(runs, [
    [20, 1620],
    [5, 405],
    [20, 4820],
  ]);
  const name = 'speed, 1 hart';
  if (peer) {
    if (one.checksum === undefined || one.checksum !== peer.checksum) {
      const found = `${String(one.checksum)} from printkit, ${String(peer.checksum)} from QEMU`;
      throw new Error(`the compute guest's results differ: ${found}`);
    }
    const ratio = peer.seconds / one.seconds;
    const peerMips = one.instructions / peer.seconds / 1e6;
    rows.push({
      name,
      value: `${mips(one).toFixed(1)} MIPS`,
      target: '≥ 0.10 × QEMU',
      pass: ratio >= 0.1,
      peer: `${ratio.toFixed(3)} × QEMU TCG (${peerMips.toFixed(0)} MIPS)`,
    });
  } else {
    rows.push({ name, value: `${mips(one).toFixed(1)} MIPS` });
    rows.push(skipped('speed against QEMU', `${QEMU} is not installed`));
  }
  const total = mips(many) / mips(one);
  rows.push({
    name: `speed, ${HARTS_MANY} harts at work, all together`,
    value: `${mips(many).toFixed(1)} MIPS`,
    target: '≥ 0.9 × 1 hart',
    pass: total >= 0.9,
    peer: `${total.toFixed(2)} × 1 hart`,
  });
  return rows;
}
