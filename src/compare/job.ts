// A piece of work for the pool, and what comes of it: plain data both, as they go between threads.

import type { Design } from './designs.ts';
import { bootKey, type Guests } from './guests.ts';
import { measureDesign } from './measure.ts';
import type { DesignResult } from './result.ts';
import { runCase, scenarioCase, type ScenarioResult } from './scenario-case.ts';
import { scenarioBoot } from './scenario-run.ts';

export type Job =
  | { readonly kind: 'workload'; readonly design: Design }
  /** A scenario of the table in expectations.ts, by name. */
  | { readonly kind: 'scenario'; readonly design: Design; readonly scenario: string };

/** What comes of a job, by its kind. */
export interface JobResults {
  readonly workload: DesignResult;
  readonly scenario: ScenarioResult;
}
export type JobResult<J extends Job = Job> = JobResults[J['kind']];

/** Jobs of the same group can share a boot: one worker does them all. */
export function jobGroup(job: Job): string {
  switch (job.kind) {
    case 'workload':
      return job.design.name;
    case 'scenario':
      return bootKey(scenarioBoot(job.design, scenarioCase(job.scenario)));
  }
}

/** @throws PrintkitError when the program lacks what is to be watched */
export function doJob(guests: Guests, job: Job): JobResult {
  switch (job.kind) {
    case 'workload':
      return measureDesign(guests.elf, guests.symbolizer, job.design);
    case 'scenario':
      return runCase(guests, job.design, job.scenario);
  }
}
