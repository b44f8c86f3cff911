// Does jobs on worker threads. What each job gives does not depend on how many there are, nor on which of
// them does it: a job is a machine of its own, in virtual time.

import { Worker } from 'node:worker_threads';
import type { ElfFile } from '../debug/elf.ts';
import { PrintkitError } from '../errors.ts';
import { Guests } from './guests.ts';
import { doJob, type Job, jobGroup, type JobResult } from './job.ts';

/** From a worker: the result of its job, or what went wrong. */
export type WorkerReply =
  { readonly result: JobResult } | { readonly error: string; readonly expected: boolean };

export interface PoolOptions {
  /** Threads; with 1 the caller's own does it all. */
  readonly threads: number;
  /** A job is done; they come in any order. */
  readonly progress?: (done: number) => void;
}

/**
 * Results in the order of the jobs.
 * @throws PrintkitError when the program lacks what is to be watched
 */
export async function doJobs<J extends Job>(
  elf: ElfFile,
  elfPath: string,
  jobs: readonly J[],
  { threads, progress }: PoolOptions,
): Promise<JobResult<J>[]> {
  const results: JobResult<J>[] = [];
  let done = 0;
  const finished = (index: number, result: JobResult): void => {
    // A job's result is of its kind.
    results[index] = result as JobResult<J>;
    progress?.(++done);
  };
  const groups = inGroups(jobs);
  if (threads === 1) {
    const guests = new Guests(elf);
    for (const index of groups.flat()) finished(index, doJob(guests, jobs[index]));
    return results;
  }
  const work = async (): Promise<void> => {
    const worker = startWorker(elfPath);
    try {
      for (let group = groups.shift(); group !== undefined; group = groups.shift()) {
        for (const index of group) finished(index, await ask(worker, jobs[index]));
      }
    } finally {
      await worker.terminate();
    }
  };
  await Promise.all(Array.from({ length: Math.min(threads, groups.length) }, work));
  return results;
}

/** Indices of jobs that one worker does in a row, in the order in which their first ones stand. */
function inGroups(jobs: readonly Job[]): number[][] {
  const groups = new Map<string, number[]>();
  jobs.forEach((job, index) => {
    const group = groups.get(jobGroup(job));
    if (group === undefined) groups.set(jobGroup(job), [index]);
    else group.push(index);
  });
  return [...groups.values()];
}

/** Beside this file, in the sources (under a loader for TypeScript) or compiled. */
function startWorker(elfPath: string): Worker {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  return new Worker(new URL(`./worker.${extension}`, import.meta.url), {
    workerData: { elfPath },
  });
}

function ask(worker: Worker, job: Job): Promise<JobResult> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error) => {
      worker.off('message', replied);
      reject(error);
    };
    const replied = (reply: WorkerReply) => {
      worker.off('error', failed);
      if ('result' in reply) resolve(reply.result);
      else reject(reply.expected ? new PrintkitError(reply.error) : new Error(reply.error));
    };
    worker.once('error', failed);
    worker.once('message', replied);
    worker.postMessage(job);
  });
}
