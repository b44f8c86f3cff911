// A worker thread of an exploration's pool: does one job after the other.

import { parentPort, workerData } from 'node:worker_threads';
import type { JobResult } from './job.ts';
import { Limits } from './limits.ts';
import { Bench, type WorkerData, type WorkerReply, type WorkerRequest } from './pool.ts';

const { subject, limits } = workerData as WorkerData;
const bench = new Bench(subject, new Limits(limits));

parentPort?.on('message', (request: WorkerRequest) => {
  try {
    tell({ result: resultOf(request) });
  } catch (error) {
    tell({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
});

function tell(reply: WorkerReply): void {
  parentPort?.postMessage(reply);
}

function resultOf(request: WorkerRequest): JobResult {
  const running = bench.begin(request, (progress) => tell({ progress }));
  for (;;) {
    const next = running.next();
    if (next.done === true) return next.value;
  }
}
