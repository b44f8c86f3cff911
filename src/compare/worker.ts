// A worker thread of the pool: reads the program once, then does one job after the other.

import { parentPort, workerData } from 'node:worker_threads';
import { readElfFile } from '../debug/elf.ts';
import { PrintkitError } from '../errors.ts';
import { Guests } from './guests.ts';
import { doJob, type Job } from './job.ts';
import type { WorkerReply } from './pool.ts';

const { elfPath } = workerData as { elfPath: string };
const guests = new Guests(readElfFile(elfPath));

parentPort?.on('message', (job: Job) => parentPort?.postMessage(reply(job)));

function reply(job: Job): WorkerReply {
  try {
    return { result: doJob(guests, job) };
  } catch (error) {
    const expected = error instanceof PrintkitError;
    const { message, stack } = error as Error;
    return { error: expected ? message : (stack ?? message), expected };
  }
}
