// Who does the jobs of an exploration: worker threads, or the calling thread. What a job gives does not
// depend on that.

import { setImmediate } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { readElf } from '../debug/elf.ts';
import { Symbolizer } from '../debug/symbolizer.ts';
import {
  doJob,
  type Job,
  type JobProgress,
  type JobResult,
  type Supervisor,
  type Workplace,
} from './job.ts';
import { Limits } from './limits.ts';
import { regionAt, type RegionOptions, type Start } from './region.ts';

/** One who does one job at a time. */
export interface Hand {
  /** @param place number of the job in the order of jobs; it ends early once the limits say so */
  do<J extends Job>(
    job: J,
    place: number,
    progress: (progress: JobProgress) => void,
  ): Promise<JobResult<J>>;
  close(): Promise<void>;
}

/** What is explored, as plain data. */
export interface Subject {
  readonly start: Start;
  readonly region: RegionOptions;
  /** The guest's file, and a digest of it. */
  readonly elf: Uint8Array;
  readonly program: string;
}

/** What a worker thread is started with. */
export interface WorkerData {
  readonly subject: Subject;
  readonly limits: SharedArrayBuffer;
}

export interface WorkerRequest {
  readonly job: Job;
  readonly place: number;
}

export type WorkerReply =
  { readonly progress: JobProgress } | { readonly result: JobResult } | { readonly error: string };

/** How often a job's progress is told, and the event loop of a thread that does a job gets its turn. */
const PROGRESS_MS = 50;

/** Does one job after the other, each on a new machine. */
export class Bench {
  readonly #subject: Subject;
  readonly #limits: Limits;
  readonly #symbolizer: Symbolizer;

  constructor(subject: Subject, limits: Limits) {
    this.#subject = subject;
    this.#limits = limits;
    this.#symbolizer = new Symbolizer(readElf(subject.elf));
  }

  begin(
    { job, place }: WorkerRequest,
    progress: (progress: JobProgress) => void,
  ): Generator<undefined, JobResult> {
    const { start, region, program } = this.#subject;
    const workplace: Workplace = {
      opened: regionAt(start, this.#symbolizer),
      symbolizer: this.#symbolizer,
      region,
      program,
    };
    const supervisor: Supervisor = {
      stop: () => this.#limits.isOver(place),
      isCalledOff: () => this.#limits.isCalledOff(place),
      progress: seldom(progress),
    };
    return doJob(workplace, job, supervisor);
  }
}

/** Calls a function no more often than anybody can read what it says. */
function seldom(tell: (progress: JobProgress) => void): (progress: JobProgress) => void {
  let last = performance.now();
  return (progress) => {
    const now = performance.now();
    if (now - last < PROGRESS_MS) return;
    last = now;
    tell(progress);
  };
}

export class Pool {
  readonly limits = new Limits();
  readonly hands: readonly Hand[];

  /** With 0 threads, one hand that works on the calling thread and lets the event loop have its turns. */
  constructor(subject: Subject, threads: number) {
    const data = { subject, limits: this.limits.shared };
    this.hands =
      threads === 0
        ? [new OwnHand(new Bench(subject, this.limits))]
        : Array.from({ length: threads }, () => new ThreadHand(data));
  }

  async close(): Promise<void> {
    await Promise.all(this.hands.map((hand) => hand.close()));
  }
}

class OwnHand implements Hand {
  readonly #bench: Bench;

  constructor(bench: Bench) {
    this.#bench = bench;
  }

  async do<J extends Job>(
    job: J,
    place: number,
    progress: (progress: JobProgress) => void,
  ): Promise<JobResult<J>> {
    const running = this.#bench.begin({ job, place }, progress);
    let turn = performance.now();
    for (;;) {
      const next = running.next();
      // A job's result is of its kind.
      if (next.done === true) return next.value as JobResult<J>;
      if (performance.now() - turn < PROGRESS_MS) continue;
      await setImmediate();
      turn = performance.now();
    }
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

class ThreadHand implements Hand {
  readonly #worker: Worker;

  /** The thread's program is beside this file, in the sources (under a loader for TypeScript) or compiled. */
  constructor(workerData: WorkerData) {
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
    this.#worker = new Worker(new URL(`./worker.${extension}`, import.meta.url), { workerData });
  }

  do<J extends Job>(
    job: J,
    place: number,
    progress: (progress: JobProgress) => void,
  ): Promise<JobResult<J>> {
    return new Promise((resolve, reject) => {
      const end = (): void => {
        this.#worker.off('error', failed).off('message', told);
      };
      const failed = (error: Error): void => {
        end();
        reject(error);
      };
      const told = (reply: WorkerReply): void => {
        if ('progress' in reply) {
          progress(reply.progress);
          return;
        }
        end();
        if ('error' in reply) reject(new Error(reply.error));
        else resolve(reply.result as JobResult<J>);
      };
      this.#worker.on('error', failed).on('message', told);
      this.#worker.postMessage({ job, place } satisfies WorkerRequest);
    });
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}
