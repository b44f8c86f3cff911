// Attempts at a finding with a part of its schedule left out. Each goes back to where it differs from the
// best schedule so far and no further, and is given up when it has become much longer than that.

import type { AgentId, Ending, Mark, Model } from './model.ts';
import { goingOn, turnsOf, type Turn } from './replay.ts';
import { endingOf } from './search.ts';
import { isInterrupt } from './process.ts';

/** An attempt is given up when it has so many steps more than the best, and half as many again. */
const STEPS_MORE = 200;

export class Attempts {
  /** The best schedule so far. */
  turns: readonly Turn[];
  /** An attempt has been better than what there was at first. */
  hasFound = false;
  readonly #model: Model;
  readonly #stepsMax: number;
  readonly #shows: (ending: Ending) => boolean;
  /** Before turns of the best schedule, from the first one on: as many as the last attempt has left. */
  readonly #marks: Mark[] = [];

  /**
   * @param turns leads from where the model is to the finding
   * @param shows whether an ending is the finding
   */
  constructor(
    model: Model,
    turns: readonly Turn[],
    stepsMax: number,
    shows: (ending: Ending) => boolean,
  ) {
    this.#model = model;
    this.#stepsMax = stepsMax;
    this.#shows = shows;
    this.turns = turns;
    this.#marks.push(model.mark());
  }

  /**
   * Keeps the first `count` turns of the best schedule and goes on with `rest`; what cannot be taken is
   * left out, and what is missing goes on by itself.
   * @returns whether that is the same finding, and smaller: then it is the best one
   */
  take(count: number, rest: readonly Turn[]): boolean {
    this.#goTo(count);
    const best = scheduleOf(this.turns);
    const kept = scheduleOf(this.turns.slice(0, count));
    const stepsMax = Math.min(this.#stepsMax, Math.ceil(1.5 * best.length) + STEPS_MORE);
    const tried = [...kept];
    const ending = this.#run(tried, rest, stepsMax);
    if (ending === undefined || !this.#shows(ending) || !isSmaller(this.#model, tried, best))
      return false;
    this.turns = turnsOf(tried);
    this.hasFound = true;
    // The last turn that was kept may have become longer.
    this.#marks.length = Math.max(1, count);
    return true;
  }

  /** To where the best schedule's first `count` turns lead. */
  #goTo(count: number): void {
    const marks = this.#marks;
    marks.length = Math.min(marks.length, count + 1);
    this.#model.rewind(marks[marks.length - 1]);
    while (marks.length <= count) {
      const { agent, steps } = this.turns[marks.length - 1];
      for (let i = 0; i < steps; i++) this.#model.step(agent);
      marks.push(this.#model.mark());
    }
  }

  /** Back to where the model was. @returns the best schedule, if an attempt was better */
  end(): readonly AgentId[] | undefined {
    const [start] = this.#marks;
    this.#model.rewind(start);
    this.#model.release(start);
    return this.hasFound ? scheduleOf(this.turns) : undefined;
  }

  /** Adds the steps that are taken to `tried`. @returns undefined if they become too many */
  #run(tried: AgentId[], rest: readonly Turn[], stepsMax: number): Ending | undefined {
    const model = this.#model;
    let next = 0;
    let left = rest.at(0)?.steps ?? 0;
    while (tried.length < stepsMax) {
      const isOver = model.ending() !== undefined;
      const enabled = isOver ? [] : model.enabled();
      while (next < rest.length && (left === 0 || !enabled.includes(rest[next].agent)) && !isOver) {
        // A turn whose agent can't go on is over, if a later one can.
        const later = rest.findIndex((turn, i) => i > next && enabled.includes(turn.agent));
        next = later < 0 ? rest.length : later;
        left = rest.at(next)?.steps ?? 0;
      }
      const turn = isOver ? undefined : rest.at(next);
      const ending = turn === undefined ? endingOf(model, enabled) : undefined;
      if (ending !== undefined) return ending;
      const agent = turn?.agent ?? goingOn(model, enabled, tried.at(-1));
      left--;
      model.step(agent);
      tried.push(agent);
    }
    return undefined;
  }
}

const scheduleOf = (turns: readonly Turn[]): AgentId[] =>
  turns.flatMap(({ agent, steps }) => new Array<AgentId>(steps).fill(agent));

/** What runs one thing at a time: a hart with all its contexts, a device. */
export function lineOfAgent(model: Model, agent: AgentId): string {
  const { hart } = model.agents[agent];
  return hart === undefined ? `device ${String(agent)}` : `hart ${String(hart)}`;
}

/** Fewer injected events, then fewer switches, then fewer steps. */
export function isSmaller(model: Model, a: readonly AgentId[], b: readonly AgentId[]): boolean {
  const [x, y] = [sizesOf(model, a), sizesOf(model, b)];
  const differs = x.findIndex((n, i) => n !== y[i]);
  return differs >= 0 && x[differs] < y[differs];
}

function sizesOf(model: Model, schedule: readonly AgentId[]): readonly number[] {
  let [injected, switches] = [0, 0];
  let before: string | undefined;
  for (const agent of schedule) {
    if (model.agents[agent].injected) injected++;
    const line = lineOfAgent(model, agent);
    const isSwitch = line !== before || isInterrupt(model.agents[agent]);
    if (before !== undefined && isSwitch) switches++;
    before = line;
  }
  return [injected, switches, schedule.length];
}
