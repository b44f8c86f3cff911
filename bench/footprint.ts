// What a user feels: time to the first console line, memory, and host CPU while the guest idles.

import { printkitRun, Session } from './processes.ts';
import { skipped, type Row } from './row.ts';

const FIRST_LINE_SECONDS_MAX = 0.5;
const RSS_BYTES_MAX = 250e6;
const IDLE_CPU_MAX = 0.05;
const IDLE_SECONDS = 5;
const REPEATS = 5;
const MIB = 1024 * 1024;

const hasPrompt = (session: Session): boolean => /[#$>] $/.test(session.output);

async function firstLine(): Promise<Row> {
  const seconds: number[] = [];
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    const session = new Session(printkitRun(4, '', '--paced'));
    await session.until(() => session.firstLineSeconds !== undefined, 'first line');
    seconds.push(session.firstLineSeconds ?? NaN);
    await session.until(() => hasPrompt(session), 'prompt');
    await session.close();
  }
  seconds.sort((a, b) => a - b);
  const median = seconds[REPEATS >> 1];
  return {
    name: 'first console line after the start of node',
    value: `${(median * 1000).toFixed(0)} ms`,
    target: `≤ ${FIRST_LINE_SECONDS_MAX * 1000} ms`,
    pass: median <= FIRST_LINE_SECONDS_MAX,
    peer: `median of ${REPEATS}, ${seconds.map((s) => (s * 1000).toFixed(0)).join(' ')}`,
  };
}

async function idleAndMemory(): Promise<Row[]> {
  const session = new Session(printkitRun(4, '', '--paced', '--memory', '64M'));
  await session.until(() => hasPrompt(session), 'prompt');
  // The settling time of the JavaScript compiler and of the guest's start are not idling.
  await new Promise((resolve) => setTimeout(resolve, 2000));
  const before = { cpu: session.cpuSeconds(), at: session.seconds };
  await new Promise((resolve) => setTimeout(resolve, IDLE_SECONDS * 1000));
  const load = (session.cpuSeconds() - before.cpu) / (session.seconds - before.at);
  // Memory after some work, too.
  session.send('bench 20\n');
  await session.until(() => /bench: \d+\.\d+ s/.test(session.output), 'result of bench', 60);
  const bytes = session.peakBytes();
  await session.close();
  return [
    {
      name: 'host CPU while the guest idles at a prompt',
      value: `${(load * 100).toFixed(1)} %`,
      target: `≤ ${IDLE_CPU_MAX * 100} %`,
      pass: load <= IDLE_CPU_MAX,
      peer: `over ${IDLE_SECONDS} s, --paced, 4 harts`,
    },
    {
      name: 'resident memory with 64 MiB for the guest',
      value: `${(bytes / MIB).toFixed(0)} MiB`,
      target: `≤ ${(RSS_BYTES_MAX / MIB).toFixed(0)} MiB`,
      pass: bytes <= RSS_BYTES_MAX,
      peer: 'peak, after a compute load',
    },
  ];
}

/** The three of them. */
export async function footprint(): Promise<Row[]> {
  const first = await firstLine();
  if (process.platform !== 'linux') {
    return [first, skipped('host CPU and memory', 'reads /proc: Linux only')];
  }
  return [first, ...(await idleAndMemory())];
}
