// The machine as a system that a search drives (model.ts): harts, interrupts and devices are agents that
// take visible steps, and every step can be taken back. Every hart has a time of its own, a device
// completes whenever the search says so, and an interrupt arrives late if the search wants it.
// docs/explore-machine.md has the rules and what they leave out.

import { ACLINT_MTIMECMP } from '../../devices/aclint/index.ts';
import { PrintkitError } from '../errors.ts';
import type { ScriptedInput } from '../lines/line-script.ts';
import type { Machine, StopReason } from '../machine/machine.ts';
import { takeInterrupt } from '../machine/trap.ts';
import { ACLINT_BASE, NMI_BASE, RAM_BASE } from '../machine/memory-map.ts';
import { pendingCell } from './board.ts';
import type { HartTrack } from './hart-track.ts';
import type { LockWatch } from './lock-watch.ts';
import { isHeldOff, wouldRelease } from './held-off.ts';
import { IRQS, maskOf, nextInterrupt } from './interrupts.ts';
import { LINE_INJECTIONS, type LineEvent, LineEvents, type LineInjection } from './line-events.ts';
import { TIME_MAX } from './local-time.ts';
import { MessageCheck, type MessageSites } from './message-check.ts';
import type { Access, Agent, AgentId, Ending, Mark, Model, Step } from './model.ts';
import { CONTEXTS_MAX, CONTEXTS } from './ownership.ts';
import { wouldProceed } from './spin.ts';
import { ownVerdict } from './own-verdict.ts';
import { QuietTime } from './quiet-time.ts';
import { RunOn } from './run-on.ts';
import { Stepper } from './stepper.ts';
import { WaitingLoops } from './waiting.ts';

const KIND_STEP = -21;
const NO_ACCESSES: readonly Access[] = [];
const NO_VERDICT = 'the scenario says neither PASS nor FAIL';

export interface ExploreRegion {
  /** Addresses at which the region ends for a hart that gets there. */
  readonly until: readonly number[];
  /** Whether the first hart there ends the execution, or all have to come. Default 'any'. */
  readonly ends?: 'any' | 'all';
  /** What may come from outside at any moment. Default nothing. */
  readonly inject?: readonly Injection[];
  /** What the far ends of the lines are going to do, in this order. Default nothing. */
  readonly script?: readonly ScriptedInput[];
  /** Whether a reset of the machine is a good end. Default no. */
  readonly resets?: boolean;
  /** How long nothing may happen but timers of harts, in instructions. Default Infinity. */
  readonly quietTimeMax?: number;
  /** Address of a word that is not 0 while a hart panics. Default nobody says so. */
  readonly panicking?: number;
  /** The scenario's own verdict counts, which comes behind the end of the region. Default not. */
  readonly verdict?: boolean;
  /** Messages are compared with the wire where an execution ends well. Default not. */
  readonly messages?: MessageSites;
  /** Follows the guest's locks. Default nobody does. */
  readonly locks?: LockWatch;
}

/** Something on the first UART's line, an NMI for any hart, timers of harts at any moment. */
export const INJECTIONS = [...LINE_INJECTIONS, 'nmi', 'timer'] as const;
export type Injection = LineInjection | 'nmi' | 'timer';

/** The set of visible operations has grown: what has been explored was too coarse. Start over. */
export class VisibilityGrown extends Error {}

/** What an agent does. */
interface Actor extends Agent {
  /** Of an interrupt: its number. */
  readonly irq?: number;
  readonly patient: boolean;
  /** When it would act in the machine's own run, in instructions since the start. */
  readonly dueTime: () => number;
  readonly canAct: () => boolean;
  readonly act: (agent: AgentId) => Step;
}

/** A step that was taken. */
export interface PathStep {
  readonly agent: AgentId;
  /** Instructions that the hart has executed since the start, after the step; 0 for a device. */
  readonly instructions: number;
}

export class MachineModel implements Model {
  readonly agents: readonly Agent[];
  readonly stepper: Stepper;
  readonly locks: LockWatch | undefined;
  /** Steps taken so far, also those that were taken back. */
  steps = 0;
  /** A search that is told to start over may go on for as long again, and learn more for its next start. */
  isPatient = false;
  /** How often a search has gone back since it started, and had when it was to start over. */
  #returns = 0;
  #returnsAtGrowth = Infinity;
  readonly #machine: Machine;
  readonly #ends: 'any' | 'all';
  readonly #actors: Actor[] = [];
  /** Those among them that are interrupts and NMIs, by hart; and that are devices and lines. */
  readonly #interrupts: Actor[][] = [];
  readonly #outside: Actor[] = [];
  readonly #injectsNmis: boolean;
  readonly #hartTimers: number[] = [];
  /** Of each step that was taken: the agent, and what `PathStep` says of its instructions. */
  readonly #schedule: AgentId[] = [];
  readonly #executed: number[] = [];
  /** What looks at a hart's pending interrupts reads. */
  readonly #looks: readonly (readonly Access[])[];
  readonly #waiting: WaitingLoops;
  readonly #lines: LineEvents;
  readonly #quiet: QuietTime;
  readonly #resets: boolean;
  readonly #runOn: RunOn;
  readonly #asksVerdict: boolean;
  readonly #messages: MessageCheck | undefined;
  /** What the checks came to where the execution last ended, and after how many steps that was. */
  #judged: { readonly steps: number; readonly top: Mark; readonly ending: Ending } | undefined;
  readonly #start: Mark;

  /**
   * Explores a machine from where it is now. Its clock and the lines of its UARTs belong to the model
   * from here on, and it must not `run`.
   * @throws PrintkitError when it has more harts than can be told apart
   */
  constructor(machine: Machine, region: ExploreRegion) {
    this.#machine = machine;
    this.#ends = region.ends ?? 'any';
    this.#resets = region.resets ?? false;
    if (machine.harts.length * CONTEXTS > CONTEXTS_MAX) {
      const most = Math.floor(CONTEXTS_MAX / CONTEXTS);
      throw new PrintkitError(
        `${machine.harts.length} harts are too many to explore: take ${most} at most`,
      );
    }
    const injected = new Set(region.inject ?? []);
    this.#injectsNmis = injected.has('nmi');
    const { locks } = region;
    this.locks = locks;
    this.stepper = new Stepper({
      machine,
      stops: new Set(region.until),
      injectsNmis: this.#injectsNmis,
      firstEnds: this.#ends === 'any',
      ...(locks && { noted: (...at) => locks.noted(...at) }),
      undoOther: (kind) => {
        if (this.#waiting.undo(kind) || this.#lines.undo(kind) || this.#quiet.undo(kind)) return;
        if (locks?.undo(kind) === true) return;
        this.#schedule.pop();
        this.#executed.pop();
      },
    });
    this.#looks = machine.harts.map(({ id }) => [read(pendingCell(id))]);
    locks?.attach(this.stepper);
    const { panicking } = region;
    this.#waiting = new WaitingLoops(
      this.stepper,
      () => panicking !== undefined && machine.memory.read(panicking - RAM_BASE, 4) !== 0,
    );
    this.#quiet = new QuietTime(this.stepper.log, region.quietTimeMax ?? Infinity);
    this.#addHarts();
    this.#addInterrupts();
    this.#addDevices(injected.has('timer'));
    const lineInjections = LINE_INJECTIONS.filter((each) => injected.has(each));
    this.#lines = new LineEvents(machine, this.stepper, region.script ?? [], lineInjections);
    for (const event of this.#lines.all) this.#addLineEvent(event);
    const script = this.#lines.all.filter((event) => !event.injected);
    this.#runOn = new RunOn(machine, this.stepper, script);
    this.#asksVerdict = region.verdict ?? false;
    this.#messages =
      region.messages && new MessageCheck(machine, this.stepper, this.#runOn, region.messages);
    this.agents = this.#actors;
    this.#start = this.mark();
    this.restart();
  }

  // ---- the search's side ------------------------------------------------------------------------

  /**
   * Timers of harts (unless they are injected) and limits of waiting loops are patient: they come when
   * nobody else can act, but for what comes from outside and harts that wait, or when all who can are
   * past their times.
   */
  enabled(): readonly AgentId[] {
    const ids: AgentId[] = [];
    const patient: Actor[] = [];
    for (const track of this.stepper.tracks) {
      const { id } = track.hart;
      if (this.#canRun(track)) ids.push(id);
      else if (limitMayRunOut(track)) patient.push(this.#actors[id]);
    }
    for (const track of this.stepper.tracks) {
      if (!this.#mayBeInterrupted(track)) continue;
      for (const actor of this.#interrupts[track.hart.id]) if (actor.canAct()) ids.push(actor.id);
    }
    for (const actor of this.#outside) {
      if (!actor.canAct()) continue;
      if (actor.patient) patient.push(actor);
      else ids.push(actor.id);
    }
    if (patient.length === 0) return ids;
    let first = Infinity;
    for (const id of ids) {
      const { injected, dueTime } = this.#actors[id];
      if (!injected && !this.isIdle(id)) first = Math.min(first, dueTime());
    }
    const others = ids.length;
    for (const { id, dueTime } of patient) {
      if (first === Infinity || dueTime() <= first) ids.push(id);
    }
    return ids.length === others ? ids : ids.sort((a, b) => a - b);
  }

  /**
   * An agent could act, though it may have to wait until others have: who repeats an execution in finer
   * steps than it was found in finds these others a little behind.
   */
  couldAct(agent: AgentId): boolean {
    const actor = this.#actors[agent];
    const { tracks } = this.stepper;
    return actor.canAct() || (agent in tracks && limitMayRunOut(tracks[agent]));
  }

  waitsOn(agent: AgentId): readonly Access[] {
    const { kind, hart } = this.#actors[agent];
    if (hart === undefined) return [];
    if (kind !== 'hart') return this.#looks[hart];
    const track = this.stepper.tracks[hart];
    if (this.#canRun(track)) return NO_ACCESSES;
    if (track.standing === 'wfi' || nextInterrupt(track) !== undefined) return this.#looks[hart];
    return track.prospect === 'goes on' ? NO_ACCESSES : track.reads;
  }

  isIdle(agent: AgentId): boolean {
    const { kind, hart } = this.#actors[agent];
    return (
      kind === 'hart' && hart !== undefined && this.stepper.tracks[hart].prospect !== 'goes on'
    );
  }

  looksAround(agent: AgentId): boolean {
    return this.isIdle(agent) && this.stepper.tracks[agent].lapLeft > 0;
  }

  step(agent: AgentId): Step {
    const actor = this.#actors[agent];
    this.steps++;
    const step = actor.act(agent);
    const { accesses } = step;
    this.#waiting.follow(actor.hart, accesses, actor.kind === 'hart');
    this.#schedule.push(agent);
    this.#executed.push(actor.hart === undefined ? 0 : this.stepper.executed(actor.hart));
    this.stepper.log.pushKind(KIND_STEP);
    return step;
  }

  /** The steps that have led here since the exploration began. */
  get path(): readonly PathStep[] {
    return this.#schedule.map((agent, i) => ({ agent, instructions: this.#executed[i] }));
  }

  /** Heads of waiting loops that are known. */
  get waitingHeads(): readonly number[] {
    return this.#waiting.heads;
  }

  /**
   * Adds to what is visible, for a recording that needs it; `restart` has to follow. Heads of waiting
   * loops, and memory.
   */
  learn(heads: readonly number[], shared: readonly { address: number; bytes: number }[]): void {
    this.#waiting.learn(heads);
    for (const { address, bytes } of shared) this.stepper.share(address, bytes);
    this.stepper.ownership.grown = true;
  }

  /**
   * While frozen, nothing more becomes visible, and no rewind starts the search over: for replaying and
   * varying one execution. All that is then executed can happen, but it need not be all.
   */
  set frozen(on: boolean) {
    this.stepper.ownership.frozen = on;
  }

  ending(): Ending | undefined {
    const ending = this.#outcome();
    if (ending?.kind !== 'done' || !(this.#asksVerdict || this.#messages)) return ending;
    const { steps } = this;
    const { top } = this.stepper.log;
    if (this.#judged?.steps !== steps || this.#judged.top !== top) {
      this.#judged = { steps, top, ending: this.#checked() ?? ending };
    }
    return this.#judged.ending;
  }

  /** What is wrong with an execution that has come to its end here. */
  #checked(): Ending | undefined {
    if (this.#asksVerdict && this.#machine.stopped === undefined) {
      const verdict = ownVerdict(this.#runOn, this.stepper) ?? NO_VERDICT;
      if (!verdict.endsWith('PASS')) return { kind: 'failed', reason: verdict };
    }
    const fault = this.#messages?.fault();
    return fault && { kind: 'messages', ...fault };
  }

  #outcome(): Ending | undefined {
    const { stopped } = this.#machine;
    if (stopped !== undefined) {
      if (stopped.kind === 'exit' && stopped.code === 0) return { kind: 'done' };
      if (stopped.kind === 'reboot' && this.#resets) return { kind: 'done' };
      return { kind: 'failed', reason: reasonOf(stopped) };
    }
    const { tracks, log } = this.stepper;
    let ended = 0;
    let time = 0;
    for (const track of tracks) {
      if (track.standing === 'end') ended++;
      time = Math.max(time, track.time);
    }
    if (ended >= (this.#ends === 'any' ? 1 : tracks.length)) return { kind: 'done' };
    const { locked } = this.#waiting;
    if (locked !== undefined) {
      const reason = `soft lockup: hart ${locked.hart.id} spins and nothing but time goes on`;
      return { kind: 'failed', reason };
    }
    if (this.#quiet.isTooLong) {
      return { kind: 'failed', reason: 'stall: nothing happens any more but timers of harts' };
    }
    if (time >= TIME_MAX) {
      return { kind: 'cut', reason: 'more virtual time has passed than an execution has' };
    }
    if (log.isFull) return { kind: 'cut', reason: 'more was written than can be taken back' };
    return undefined;
  }

  dueTime(agent: AgentId): number {
    return this.#actors[agent].dueTime();
  }

  wouldProceed(agent: AgentId): boolean {
    return agent in this.stepper.tracks && wouldProceed(this.stepper, this.stepper.tracks[agent]);
  }

  heldOff(agent: AgentId): AgentId | undefined {
    const { kind, hart } = this.#actors[agent];
    if (kind !== 'hart' || hart === undefined) return undefined;
    const waiting = this.stepper.tracks[hart];
    for (const { id, irq, hart: at = 0 } of this.#actors) {
      const track = this.stepper.tracks[at];
      if (irq === undefined || !isHeldOff(track, irq)) continue;
      if (wouldRelease(this.stepper, track, irq, waiting)) return id;
    }
    return undefined;
  }

  /**
   * Times and counts of instructions are left out, unless a timer of a hart is armed; those that devices
   * and the guest keep are not.
   */
  state(): string {
    const { stepper } = this;
    const { uarts, plic, aclint, nmi } = this.#machine;
    const devices = [...uarts, plic, aclint, nmi].map((device) => JSON.stringify(device.save()));
    const position = String(this.#lines.position);
    const times = this.#firstHartTimer() === Infinity ? [] : stepper.tracks.map(({ time }) => time);
    return [
      this.glance(),
      ...devices,
      position,
      times.join(),
      stepper.memorySince(this.#start),
    ].join('\n');
  }

  glance(): string {
    return this.stepper.tracks.map((track) => track.describe()).join('\n');
  }

  mark(): Mark {
    return this.stepper.log.top;
  }

  /** @throws VisibilityGrown when the search has to start over, after `restart`. */
  rewind(mark: Mark): void {
    this.stepper.rewind(mark);
    this.#returns++;
    if (!this.hasGrown) return;
    this.#returnsAtGrowth = Math.min(this.#returnsAtGrowth, this.#returns);
    if (!this.isPatient || this.#returns >= 2 * this.#returnsAtGrowth) throw new VisibilityGrown();
  }

  /** What has been explored since the start was too coarse. */
  get hasGrown(): boolean {
    const { grown, frozen } = this.stepper.ownership;
    return grown && !frozen;
  }

  release(): void {
    // A mark is a length of the log and holds nothing.
  }

  /** Back to where the exploration began, with all visible operations that are known by now. */
  restart(): void {
    const { ownership, tracks } = this.stepper;
    this.#returns = 0;
    this.#returnsAtGrowth = Infinity;
    do {
      ownership.grown = false;
      this.stepper.rewind(this.#start);
      for (const track of tracks) {
        this.stepper.saveHart(track);
        this.stepper.settle(track);
      }
      // What one hart's start has made visible, another one's may have gone past.
    } while (ownership.grown);
    for (const { hart } of tracks) this.#waiting.follow(hart.id, [], false);
  }

  // ---- harts ------------------------------------------------------------------------------------

  #add(actor: Omit<Actor, 'id' | 'patient'>, patient = false): void {
    const { kind, hart } = actor;
    const added: Actor = { id: this.#actors.length, patient, ...actor };
    this.#actors.push(added);
    if (hart === undefined) this.#outside.push(added);
    else if (kind !== 'hart') (this.#interrupts[hart] ??= []).push(added);
  }

  #addHarts(): void {
    for (const track of this.stepper.tracks) {
      const { id } = track.hart;
      this.#add({
        kind: 'hart',
        hart: id,
        name: `hart ${id}`,
        injected: false,
        dueTime: () => this.#dueTimeOf(track),
        canAct: () => this.#canRun(track),
        act: () => this.#stepHart(track),
      });
    }
  }

  /** When a hart takes its next step; if it waits with a limit, when that runs out. */
  #dueTimeOf(track: HartTrack): number {
    if (track.standing === 'wfi') return Math.max(track.time, track.pendingTime);
    return track.prospect === 'waits' ? this.#waiting.limitOf(track) : track.time;
  }

  #addInterrupts(): void {
    const injectsNmis = this.#injectsNmis;
    for (const track of this.stepper.tracks) {
      const hart = track.hart.id;
      for (const { irq, name } of IRQS) {
        this.#add({
          kind: 'irq',
          hart,
          irq,
          name: `${name} interrupt at hart ${hart}`,
          injected: false,
          dueTime: () => Math.max(track.time, track.pendingTime),
          canAct: () => nextInterrupt(track) === irq,
          act: (agent) => this.#enter(agent, track, [read(pendingCell(hart))], track.pendingTime),
        });
      }
      this.#add({
        kind: 'nmi',
        hart,
        name: `NMI at hart ${hart}`,
        injected: injectsNmis,
        dueTime: () => Math.max(track.time, this.stepper.board.timeAt(NMI_BASE)),
        canAct: () => track.standing !== 'end' && this.#canTakeNmi(track, injectsNmis),
        act: (agent) =>
          this.#enter(agent, track, this.#raiseNmi(track), this.stepper.board.timeAt(NMI_BASE)),
      });
    }
  }

  /**
   * A hart can take its next visible step. An interrupt that is pending and enabled may be late, but it
   * comes before the hart can disable it, and at once if it was pending when it was enabled (privileged
   * ISA, 3.1.9). An NMI may be late as well, but a hart in wfi has time for it.
   */
  #canRun(track: HartTrack): boolean {
    const { standing, hart } = track;
    if (standing === 'end' || standing === 'endless' || track.isParked) return false;
    if (standing === 'wfi' && (!hart.wakeable || hart.nmiReady)) return false;
    if (nextInterrupt(track) === undefined) return true;
    return !track.owesInterrupt && this.stepper.canBeLate(track);
  }

  /** A quick look: no interrupt can come if this is false. */
  #mayBeInterrupted({ hart }: HartTrack): boolean {
    return (hart.mip & hart.mie) !== 0 || hart.nmiReady || this.#injectsNmis;
  }

  #stepHart(track: HartTrack): Step {
    const { hart, depth } = track;
    const { pc } = hart;
    const mask = maskOf(track);
    this.stepper.saveHart(track);
    const accesses = track.isParked ? this.#waiting.waitOut(track) : this.stepper.step(track);
    this.#waiting.find(track, accesses);
    const agent = hart.id;
    const depthAfter = track.depth;
    if (depthAfter < depth || mask !== maskOf(track)) this.locks?.stepped(track, depth);
    if (mask === maskOf(track)) return { agent, depth, depthAfter, pc, accesses };
    // Whether an interrupt is pending decides if the hart gets here at all: it would come first.
    const looked = read(pendingCell(hart.id));
    return {
      agent,
      depth,
      depthAfter,
      pc,
      accesses: [...accesses, looked],
      changesInterruptEnable: true,
    };
  }

  /**
   * Takes an interrupt or an NMI; the hart goes on up to the handler's first visible step.
   * @param since when it became pending, in instructions
   */
  #enter(agent: AgentId, track: HartTrack, accesses: readonly Access[], since: number): Step {
    const { hart } = track;
    const { pc } = hart;
    this.stepper.saveHart(track);
    track.time = Math.max(track.time, since);
    track.enter();
    track.owesInterrupt = false;
    const { depth } = track;
    takeInterrupt(hart);
    const local = this.stepper.settle(track);
    const all = [...accesses, ...this.stepper.trapped(track), ...local];
    return { agent, depth, depthAfter: track.depth, accesses: all, pc };
  }

  #canTakeNmi({ hart }: HartTrack, injects: boolean): boolean {
    return hart.nmiReady || (injects && hart.nmie && this.#machine.nmi.vector !== 0);
  }

  /** Makes an NMI pending if none is. The state of the NMI controller is saved for taking it, too. */
  #raiseNmi(track: HartTrack): readonly Access[] {
    const { board, log } = this.stepper;
    return board.act(log, 'nmi', track.time, () => {
      if (!track.hart.nmiReady) this.#machine.nmi.raise(track.hart.id, 0);
      return [{ address: NMI_BASE, bytes: 4, kind: 'write' }];
    });
  }

  // ---- devices ----------------------------------------------------------------------------------

  /** Every armed timer of a UART may expire at any moment, those of harts if they are injected. */
  #addDevices(injectsTimers: boolean): void {
    const { clock } = this.#machine;
    clock.names.forEach((name, index) => {
      const [device, purpose] = name.split('.');
      const compare = /^mtimecmp(\d+)$/.exec(purpose)?.[1];
      const text = compare === undefined ? UART_TIMERS[purpose] : `timer of hart ${compare}`;
      if (text === undefined) return;
      const access: Access =
        compare === undefined
          ? this.#uartAccess(device)
          : {
              address: ACLINT_BASE + ACLINT_MTIMECMP + 8 * Number(compare),
              bytes: 8,
              kind: 'write',
            };
      const ofHart = compare !== undefined;
      const isPatient = ofHart && !injectsTimers;
      if (ofHart) this.#hartTimers.push(index);
      const actor = {
        kind: 'device' as const,
        hart: undefined,
        name: ofHart ? text : `${device} ${text}`,
        injected: ofHart && injectsTimers,
        dueTime: () => this.stepper.time.at(clock.deadlineOf(index)),
        canAct: () =>
          clock.deadlineOf(index) !== Infinity &&
          (!isPatient || clock.deadlineOf(index) === this.#firstHartTimer()),
        act: (agent: AgentId) => {
          if (!isPatient) this.#quiet.end();
          else if (!this.#canSomebodyAct()) {
            this.#waiting.outwait(actor.dueTime());
            this.#quiet.timerExpired(actor.dueTime());
          }
          return this.#expire(agent, device, index, access);
        },
      };
      this.#add(actor, isPatient);
    });
  }

  #canSomebodyAct(): boolean {
    return this.#actors.some((actor) => !actor.patient && !actor.injected && actor.canAct());
  }

  /** When nobody else can act, time goes on to the next timer of a hart. */
  #firstHartTimer(): number {
    const { clock } = this.#machine;
    return this.#hartTimers.reduce((first, i) => Math.min(first, clock.deadlineOf(i)), Infinity);
  }

  #uartAccess(device: string): Access {
    const base = this.#machine.bus.regions.find(({ name }) => name === device)?.base ?? 0;
    return { address: base, bytes: 4, kind: 'write' };
  }

  #expire(agent: AgentId, device: string, index: number, access: Access): Step {
    const { clock } = this.#machine;
    const { board, log } = this.stepper;
    const deadline = clock.deadlineOf(index);
    clock.travel(deadline);
    const accesses = board.act(log, device, this.stepper.time.at(deadline), () => {
      clock.expire(index);
      return [access];
    });
    return { agent, depth: 0, depthAfter: 0, accesses, pc: 0 };
  }

  #addLineEvent({ name, injected, dueTime, canHappen, happen }: LineEvent): void {
    this.#add({
      kind: 'device',
      hart: undefined,
      name,
      injected,
      dueTime: () => dueTime,
      canAct: canHappen,
      act: (agent) => {
        this.#quiet.end();
        return { agent, depth: 0, depthAfter: 0, accesses: happen(), pc: 0 };
      },
    });
  }
}

/** Timers of a UART that a guest can notice. */
const UART_TIMERS: Readonly<Record<string, string | undefined>> = {
  tx: 'has sent a character',
  rx: 'has received a character',
  timeout: 'receive timeout',
};

/** A hart waits in a loop, for a time that can be over. */
function limitMayRunOut(track: HartTrack): boolean {
  return track.standing === 'access' && track.isParked && track.prospect === 'waits';
}

const read = (address: number): Access => ({ address, bytes: 4, kind: 'read' });

function reasonOf(stopped: StopReason): string {
  switch (stopped.kind) {
    case 'exit':
      return `the guest ended with code ${stopped.code}`;
    case 'stuck':
      return `hart ${stopped.hart}: ${stopped.reason}`;
    case 'reboot':
      return 'the guest asked for a reset';
    case 'time':
    case 'limit':
    case 'idle':
      return stopped.kind;
  }
}
