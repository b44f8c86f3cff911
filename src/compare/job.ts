// A piece of work for the pool, and what comes of it: plain data both, as they go between threads.

import type { ElfFile } from '../debug/elf.ts';
import type { Symbolizer } from '../debug/symbolizer.ts';
import type { Design } from './designs.ts';
import { measureDesign } from './measure.ts';
import type { DesignResult } from './result.ts';
import { runCase, type ScenarioResult } from './scenario-case.ts';

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

/** @throws PrintkitError when the program lacks what is to be watched */
export function doJob(elf: ElfFile, symbolizer: Symbolizer, job: Job): JobResult {
  switch (job.kind) {
    case 'workload':
      return measureDesign(elf, symbolizer, job.design);
    case 'scenario':
      return runCase(elf, symbolizer, job.design, job.scenario);
  }
}
