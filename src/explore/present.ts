// Puts a result of an exploration into words: the finding with its table, the replay of one, or the one
// sentence on what was covered.

import { LOCK_BYTES } from '../debug/guest-locks.ts';
import type { Symbolizer } from '../debug/symbolizer.ts';
import { explain, type Flip } from './explain.ts';
import { type FindingFile, formatFinding, placesOf } from './finding-file.ts';
import type { Event } from './happens-before.ts';
import { type Covered, type Finding, sameEnding } from './investigate.ts';
import type { Livelock } from './livelock.ts';
import type { Injection, MachineModel } from './machine-model.ts';
import { scheduleOf } from './minimise.ts';
import type { AgentId, Ending } from './model.ts';
import { record, type Recording, replayRecording, type ReplayResult } from './recording.ts';
import type { Region, RegionOptions } from './region.ts';
import { replay, type Replayed, turnsOf } from './replay.ts';
import { lastShown, plural, type Report, reportText } from './report.ts';
import { placeText } from './place.ts';
import type { Reason } from './rows.ts';
import { type Bounds, isFine } from './search.ts';
import { tell, type Story } from './story.ts';
import { locksOf } from './table-locks.ts';
import { judge, type Verdict } from './verdict.ts';
import { verdictText } from './verdict-text.ts';

/** More switches than this are not tried without: each takes another execution. */
export const EXPLAINED_MAX = 12;
/** So many times more steps an execution may have when locks show. */
const FINER = 4;

export interface Presented {
  /** The finding as text of 100 columns; `reportText(report, …)` gives others. */
  readonly text: string;
  /** For `reportText` and `htmlReport`. */
  readonly report: Report;
  /** The finding as a file. */
  readonly file: string;
}

/** The model has to be at its start, and is there afterwards. */
export function presentFinding(
  opened: Region,
  symbolizer: Symbolizer,
  { small, phase, executions }: Pick<Finding, 'small' | 'phase' | 'executions'>,
  region: RegionOptions,
  program: string,
  stepsMax: number,
): Presented {
  const { model } = opened;
  for (const agent of scheduleOf(small)) model.step(agent);
  const recording = record(model, program, placesOf(symbolizer), small.repeatsFrom);
  model.restart();
  const origin = `found by ${phase} in execution ${executions}`;
  const { report } = shown(opened, symbolizer, recording, program, stepsMax, () => origin);
  const file = formatFinding(region, report.verdict.headline, recording);
  return { text: reportText(report), report, file };
}

export interface PresentedReplay {
  readonly text: string;
  readonly report: Report;
  readonly isFine: boolean;
  readonly replayed: ReplayResult;
}

export function presentReplay(
  opened: Region,
  symbolizer: Symbolizer,
  { recording }: FindingFile,
  program: string,
  stepsMax: number,
): PresentedReplay {
  const { report, replayed } = shown(opened, symbolizer, recording, program, stepsMax, originOf);
  const ended = isFine(report.ending);
  const notes = [...replayed.deviations, ...(ended && !replayed.fits ? [UNFIT] : [])];
  const noted = { ...report, notes };
  return { text: reportText(noted), report: noted, isFine: ended, replayed };
}

const UNFIT =
  'it ends well, but is another execution than the one recorded: explore again to know more';

function originOf({ exact, fits }: ReplayResult): string {
  if (exact) return 'replayed exactly';
  return fits ? 'replayed by symbols, and every turn fits' : 'the replay does not fit';
}

/**
 * Goes along a recording in steps in which locks show: harts stop at each access to one, also where
 * nobody else has touched it yet. The model has to be at its start, and is there afterwards.
 */
function shown(
  opened: Region,
  symbolizer: Symbolizer,
  recording: Recording,
  program: string,
  stepsMax: number,
  describe: (replayed: ReplayResult) => string,
): { readonly report: Report; readonly replayed: ReplayResult } {
  const { machine, model } = opened;
  const locks = locksOf(machine, symbolizer, model.locks);
  let replayed: ReplayResult;
  let known: number;
  // Locks that are only found on the way show when it is gone once more.
  do {
    const { addresses } = locks;
    known = addresses.size;
    model.frozen = false;
    model.learn(
      [],
      [...addresses].map((address) => ({ address, bytes: LOCK_BYTES })),
    );
    model.restart();
    replayed = replayRecording(model, recording, program, placesOf(symbolizer));
  } while (locks.addresses.size > known);
  const schedule = model.path.map(({ agent }) => agent);
  model.frozen = true;
  model.restart();
  const couldAct = (agent: AgentId): boolean => model.couldAct(agent);
  // Of a livelock, the way into it was recorded, and what then repeats itself.
  const { repeatsFrom = Infinity } = replayed;
  const lasso = schedule.splice(repeatsFrom);
  const most = lasso.length > 0 ? schedule.length : stepsMax * FINER;
  const found = replay(model, turnsOf(schedule), most, undefined, couldAct);
  const origin = `${describe(replayed)}; ${found.events.length} steps`;
  const livelock = lasso.length > 0 ? { approach: [], lasso } : undefined;
  const report = reportOf(opened, symbolizer, found, most, origin, livelock);
  return { report, replayed };
}

/**
 * All there is to show of an execution. The model has to be at its start, and is there afterwards.
 * @param known how it goes on for ever, if that is known
 */
export function reportOf(
  { machine, model }: Region,
  symbolizer: Symbolizer,
  found: Replayed,
  stepsMax: number,
  origin: string,
  known?: Livelock,
): Report {
  const { kind, livelock } =
    known === undefined
      ? judged(model, found, stepsMax)
      : { kind: 'livelock' as const, livelock: known };
  const { approach, lasso } = livelock ?? { approach: [], lasso: [] };
  const schedule = [...scheduleOf(found), ...approach];
  const story = tell(machine, model, symbolizer, [...schedule, ...lasso]);
  const reasons = reasonsOf(model, symbolizer, found, story, stepsMax);
  if (lasso.length > 0) reasons.set(schedule.length, REPEATS);
  const verdict = verdictText(found.ending, kind, story);
  const ending: Ending = kind === 'livelock' ? { kind } : found.ending;
  return { verdict, ending, origin, story, reasons, repeatsFrom: schedule.length };
}

const REPEATS: Reason = {
  text: 'what follows comes again and again',
  isCause: false,
  flip: undefined,
};

/** What a deadlock or an execution without end is takes another execution to tell. */
function judged(
  model: MachineModel,
  found: Replayed,
  stepsMax: number,
): Pick<Verdict, 'kind' | 'livelock'> {
  const { kind } = found.ending;
  if (kind === 'done') return { kind: 'ok', livelock: undefined };
  if (kind === 'failed' || kind === 'messages') return { kind: 'failed', livelock: undefined };
  return judge(model, scheduleOf(found), { stepsMax });
}

function reasonsOf(
  model: MachineModel,
  symbolizer: Symbolizer,
  found: Replayed,
  story: Story,
  stepsMax: number,
): Map<number, Reason> {
  const reasons = new Map<number, Reason>();
  const last = lastShown(story, found.events.length);
  const isSame = (ending: Ending): boolean => sameEnding(ending, found.ending);
  for (const each of explain(model, found, stepsMax, isSame, last, EXPLAINED_MAX)) {
    const { from, to, reason, isCause } = each;
    // What waits has a row that says so, and a device that completes has nothing to give reasons for.
    if (reason === 'waits' || reason === 'device') continue;
    const { hart } = model.agents[reason === 'interrupted' ? to.step.agent : from.step.agent];
    const who = hart === undefined ? model.agents[from.step.agent].name : `hart ${hart}`;
    const flip = each.flip && flipText(who, each.flip, symbolizer);
    reasons.set(to.index, { text: `${who} is ${reason}`, isCause, flip });
  }
  return reasons;
}

function flipText(who: string, { instead, ending }: Flip, symbolizer: Symbolizer): string {
  return `without this switch: if ${who} first goes on with ${placeOf(instead, symbolizer)}, ${endingText(ending)}`;
}

function placeOf({ step: { pc } }: Event, symbolizer: Symbolizer): string {
  const place = symbolizer.lookup(pc);
  const name = place === undefined || place.size === 0 ? symbolizer.name(pc) : place.name;
  return placeText({ name: name ?? `0x${pc.toString(16)}`, source: symbolizer.source(pc) });
}

function endingText(ending: Ending): string {
  switch (ending.kind) {
    case 'done':
      return 'it ends well';
    case 'deadlock':
      return 'it deadlocks in another way';
    case 'failed':
      return `it fails in another way (${ending.reason})`;
    case 'messages':
      return `a message is ${ending.fault}`;
    case 'livelock':
      return 'it goes round for ever';
    case 'cut':
      return 'it goes on (undecided)';
  }
}

/** What was covered without a finding: one sentence, and what it leaves out. */
export function coverageSentence(
  { samples, coverage }: Covered,
  bounds: Bounds,
  inject: readonly Injection[],
): string {
  const { preemptions, irqs, nmis } = bounds;
  const injected = inject.length === 0 ? 'nothing injected' : `injected: ${inject.join(', ')}`;
  const random = plural(samples, 'random execution');
  const sampled = samples === 0 ? '' : `, after ${random}`;
  if (coverage === undefined) {
    return `no finding in ${random}; nothing was covered systematically, ${injected}`;
  }
  const traces = plural(coverage.traces, 'distinct trace');
  const ran = `${plural(coverage.executions, 'execution')}, ${traces}`;
  const interrupts = `${plural(irqs, 'interrupt')} and ${plural(nmis, 'NMI')}`;
  const limits = `at most ${plural(preemptions, 'preemption')}, ${interrupts}`;
  const terms = `under sequential consistency, ${injected}`;
  if (coverage.complete) {
    return `covered: all executions with ${limits}, ${terms}: ${ran}${sampled}; no finding`;
  }
  const { completeTotal, cut } = coverage;
  const upTo =
    completeTotal < 0
      ? 'not even the undisturbed executions are complete'
      : `complete only up to ${completeTotal} of them in sum`;
  const were = cut === 1 ? 'was' : 'were';
  const cuts = cut === 0 ? '' : `; ${plural(cut, 'execution')} ${were} cut at the bound on steps`;
  return `partly covered: of the executions with ${limits}, ${terms}, ${upTo}: ${ran}${sampled}${cuts}; no finding`;
}
