// An execution as data that outlives the search: which agent ran until where. A hart's turn is counted in
// its own instructions, so it means the same however fine the steps are; beside that stands where the
// hart came to, by symbol and offset and how often, so that a recording may fit a rebuilt guest too.

import { PrintkitError } from '../errors.ts';
import type { MachineModel } from './machine-model.ts';
import type { AgentId } from './model.ts';

export const RECORDING_VERSION = 1;

/** Turns addresses into places (`symbol+0x12`) and back; from the guest's symbol table. */
export interface Places {
  nameOf(address: number): string;
  /** Undefined when the guest has no such place. */
  addressOf(place: string): number | undefined;
}

/** One agent acts for a while. */
export interface RecordedTurn {
  /** Name of the agent: "hart 1", "timer interrupt at hart 0". */
  readonly agent: string;
  /** For an agent that is no hart: how many steps. */
  readonly steps: number;
  /** For a hart: instructions that it has executed since the start when its turn ends. */
  readonly instructions: number;
  /** Where it is then, before the instruction there. */
  readonly place: string;
  /** How many of its steps have ended at that place. */
  readonly occurrence: number;
  /** Memory that it is about to access there, which has to count as shared for it to stop there. */
  readonly ahead: { readonly place: string; readonly bytes: number } | null;
}

export interface Recording {
  readonly version: typeof RECORDING_VERSION;
  /** Which program, for telling whether a replay is exact. */
  readonly program: string;
  /** Heads of waiting loops that were known. */
  readonly waits: readonly string[];
  readonly turns: readonly RecordedTurn[];
  /** So many turns at the end lead from a state back to it: a livelock. Default none. */
  readonly repeats?: number;
}

export interface ReplayResult {
  /** It is the same execution: the same program, and every turn ended where it was recorded to. */
  readonly exact: boolean;
  /** Every turn ended where it was recorded to, whatever the program. */
  readonly fits: boolean;
  /** What did not fit, one line each. */
  readonly deviations: readonly string[];
  /** Steps of the model's path up to those that lead from a state back to it; undefined: none do. */
  readonly repeatsFrom?: number;
}

/**
 * The execution that a model is at, which is then where it was, in the finest steps known.
 * @param repeatsFrom the step from which on a livelock repeats itself
 */
export function record(
  model: MachineModel,
  program: string,
  places: Places,
  repeatsFrom = Infinity,
): Recording {
  const { path } = model;
  const turns: RecordedTurn[] = [];
  const visits = new Visits(model, places);
  let approach: number | undefined;
  model.restart();
  for (const [i, { agent, instructions }] of path.entries()) {
    const { kind, hart, name } = model.agents[agent];
    const isHart = kind === 'hart' && hart !== undefined;
    while (canAct(model, agent) && (!isHart || model.stepper.executed(hart) < instructions)) {
      model.step(agent);
      if (!isHart) break;
      visits.note(hart);
    }
    if (i === repeatsFrom) approach = turns.length;
    const goesOn = path[i - 1]?.agent === agent && i !== repeatsFrom;
    const steps = goesOn ? (turns.pop()?.steps ?? 0) + 1 : 1;
    turns.push({ agent: name, steps, ...(isHart ? visits.describe(hart) : NOWHERE) });
  }
  const waits = model.waitingHeads.map((pc) => places.nameOf(pc >>> 0));
  const repeats = approach === undefined ? {} : { repeats: turns.length - approach };
  return { version: RECORDING_VERSION, program, waits, turns, ...repeats };
}

const NOWHERE = { instructions: 0, place: '', occurrence: 0, ahead: null } as const;

function canAct(model: MachineModel, agent: AgentId): boolean {
  return model.ending() === undefined && model.couldAct(agent);
}

/** Where harts' steps have ended, and how often. */
class Visits {
  readonly #model: MachineModel;
  readonly #places: Places;
  readonly #counts = new Map<string, number>();

  constructor(model: MachineModel, places: Places) {
    this.#model = model;
    this.#places = places;
  }

  placeOf(hart: number): string {
    return this.#places.nameOf(this.#model.stepper.tracks[hart].hart.pc);
  }

  note(hart: number): void {
    const key = `${hart} ${this.placeOf(hart)}`;
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }

  count(hart: number, place: string): number {
    return this.#counts.get(`${hart} ${place}`) ?? 0;
  }

  describe(hart: number): Omit<RecordedTurn, 'agent' | 'steps'> {
    const { stepper } = this.#model;
    const ahead = stepper.accessAhead(stepper.tracks[hart]);
    const place = this.placeOf(hart);
    return {
      instructions: stepper.executed(hart),
      place,
      occurrence: this.count(hart, place),
      ahead:
        ahead === undefined
          ? null
          : { place: this.#places.nameOf(ahead.address), bytes: ahead.bytes },
    };
  }
}

/** More restarts than this do not make a replay any finer. */
const ATTEMPTS_MAX = 100;

/**
 * Takes a model, from its start, along a recording; it is left where that ends.
 * @throws PrintkitError for a recording of another version, or agents that the model does not have
 */
export function replayRecording(
  model: MachineModel,
  recording: Recording,
  program: string,
  places: Places,
): ReplayResult {
  const version: number = recording.version;
  if (version !== RECORDING_VERSION) {
    throw new PrintkitError(
      `recording of version ${version}, this is version ${RECORDING_VERSION}: ` + 'record it again',
    );
  }
  const known = (place: string): number[] => {
    const address = places.addressOf(place);
    return address === undefined ? [] : [address];
  };
  model.learn(
    recording.waits.flatMap(known),
    recording.turns.flatMap(({ ahead }) =>
      ahead === null ? [] : known(ahead.place).map((address) => ({ address, bytes: ahead.bytes })),
    ),
  );
  const same = recording.program === program;
  for (let attempt = 0; ; attempt++) {
    model.restart();
    const { deviations, repeatsFrom } = new Replay(model, recording, same, places).run();
    if (model.stepper.ownership.grown && attempt < ATTEMPTS_MAX) continue;
    const fits = deviations.length === 0;
    if (!same) deviations.unshift('the program is not the one that was recorded');
    const repeats = repeatsFrom === undefined ? {} : { repeatsFrom };
    return { exact: same && fits, fits, deviations, ...repeats };
  }
}

/** One attempt at a replay. */
class Replay {
  readonly #model: MachineModel;
  readonly #recording: Recording;
  readonly #same: boolean;
  readonly #visits: Visits;

  constructor(model: MachineModel, recording: Recording, same: boolean, places: Places) {
    this.#model = model;
    this.#recording = recording;
    this.#same = same;
    this.#visits = new Visits(model, places);
  }

  run(): { readonly deviations: string[]; readonly repeatsFrom?: number } {
    const { turns, repeats = 0 } = this.#recording;
    const deviations: string[] = [];
    let begun: { readonly step: number; readonly state: string } | undefined;
    for (const [i, turn] of turns.entries()) {
      if (repeats > 0 && i === turns.length - repeats) {
        begun = { step: this.#model.path.length, state: this.#model.state() };
      }
      const deviation = this.#take(turn);
      if (deviation !== undefined) deviations.push(`turn ${i + 1}, ${turn.agent}: ${deviation}`);
    }
    const isBack = begun !== undefined && this.#model.state() === begun.state;
    return { deviations, ...(begun !== undefined && isBack && { repeatsFrom: begun.step }) };
  }

  #take(turn: RecordedTurn): string | undefined {
    const agent = this.#model.agents.find(({ name }) => name === turn.agent);
    if (agent === undefined) {
      throw new PrintkitError(`the recording has "${turn.agent}", this exploration does not`);
    }
    const hart = agent.kind === 'hart' ? agent.hart : undefined;
    for (let steps = 0; ; steps++) {
      if (hart === undefined ? steps === turn.steps : this.#isThere(hart, turn)) {
        return hart === undefined ? undefined : this.#checkPlace(hart, turn);
      }
      if (!canAct(this.#model, agent.id)) {
        const times = turn.occurrence > 1 ? ` ${turn.occurrence} times` : '';
        return hart === undefined ? 'cannot act' : `does not get to ${turn.place}${times}`;
      }
      this.#model.step(agent.id);
      if (hart !== undefined) this.#visits.note(hart);
    }
  }

  #isThere(hart: number, turn: RecordedTurn): boolean {
    if (this.#same) return this.#model.stepper.executed(hart) >= turn.instructions;
    return this.#visits.count(hart, turn.place) >= turn.occurrence;
  }

  #checkPlace(hart: number, turn: RecordedTurn): string | undefined {
    const place = this.#visits.placeOf(hart);
    return place === turn.place ? undefined : `is at ${place}, recorded ${turn.place}`;
  }
}
