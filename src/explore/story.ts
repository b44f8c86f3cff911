// What happened in an execution, for people: who was where at each step, which values were read and
// written, which locks changed hands, and where every hart stands at the end. Found by going through the
// execution once more; report.ts and html.ts show it.

import { DataNames } from '../debug/data-names.ts';
import { LOCK_BYTES } from '../debug/guest-locks.ts';
import { SourceText } from '../debug/source-text.ts';
import type { Symbolizer } from '../debug/symbolizer.ts';
import { type FrameCache, unwind } from '../debug/unwind.ts';
import type { Machine } from '../machine/machine.ts';
import { RAM_BASE } from '../machine/memory-map.ts';
import type { HartTrack } from './hart-track.ts';
import { accessBytes, isStore } from './instructions.ts';
import type { MachineModel } from './machine-model.ts';
import type { Access, AgentId, Step } from './model.ts';
import type { Place } from './place.ts';
import { locksOf } from './table-locks.ts';

/** A lock taken or given back. */
export interface LockChange {
  readonly sign: '+' | '-';
  readonly name: string;
}

/** What the visible operation of a step did. */
export interface StoryAccess {
  /** "console_sem.count", "flag", "uart0 THR". */
  readonly name: string;
  readonly address: number;
  readonly writes: boolean;
  /** What was there before and after; of a device's register only what was written is known. */
  readonly before: number | undefined;
  readonly after: number | undefined;
  /** What the value after it is the address of: "p->pi_lock+0xa4". */
  readonly pointsTo: string | undefined;
  /** The step that wrote last what is read; undefined: none since the region began. */
  readonly from: number | undefined;
  /** It is a word of a lock: who has the lock says more than its value. */
  readonly isLock: boolean;
}

/** One step. */
export interface StoryStep {
  readonly agent: AgentId;
  /** "hart 1 task", "hart 0 irq", "uart0", "time". */
  readonly lane: string;
  readonly hart: number | undefined;
  /** How many interrupts, NMIs and exceptions deep the hart is in it; 0 = task. */
  readonly depth: number;
  /** An interrupt or NMI is taken. */
  readonly isEntry: boolean;
  /** Functions, innermost first; of a device's or an interrupt's step, what happens. */
  readonly calls: readonly Place[];
  readonly locks: readonly LockChange[];
  readonly access: StoryAccess | undefined;
  /** Which interrupts the hart takes has changed: "interrupts off". */
  readonly masks: string | undefined;
  /** Byte that has left a UART. */
  readonly sent: number | undefined;
  /** Virtual time after it, ns since the region began; of devices none. */
  readonly ns: number | undefined;
  /** Why its hart does not go on after it. */
  readonly then: Standstill | undefined;
}

/** Why a hart does not go on. */
export interface Standstill {
  readonly state: 'waits' | 'sleeps' | 'is at the end';
  readonly for: WaitedFor | undefined;
}

/** What a hart waits for. */
export interface WaitedFor {
  readonly name: string;
  /** A lock with an owner, some other variable, a device, or the handler of an interrupt. */
  readonly kind: 'lock' | 'memory' | 'device' | 'interrupt';
  /** The value that keeps it waiting. */
  readonly value: number | undefined;
  /** The lane that holds the lock, has written the variable last, or does not take the interrupt. */
  readonly holder: string | undefined;
  /** The step in which it did; undefined: before the region began. */
  readonly since: number | undefined;
}

/** A hart at the end. */
export interface StoryEnd {
  readonly hart: number;
  /** Its contexts, outermost first: "hart 0 task", "hart 0 irq". The last one runs. */
  readonly lanes: readonly string[];
  readonly state: Standstill['state'] | 'can go on';
  readonly for: WaitedFor | undefined;
  readonly calls: readonly Place[];
  /** Locks that its contexts hold. */
  readonly holds: readonly string[];
  /** It sleeps, and would go on if it looked again. */
  readonly missed?: true;
}

export interface Story {
  readonly steps: readonly StoryStep[];
  readonly ends: readonly StoryEnd[];
  /** What has left through the UARTs since the region began, line by line. */
  readonly said: readonly string[];
}

/** Deepest call trace shown. */
const CALLS_MAX = 12;

/** Tells an execution that begins where the model is; the model is back there afterwards. */
export function tell(
  machine: Machine,
  model: MachineModel,
  symbolizer: Symbolizer,
  schedule: readonly AgentId[],
): Story {
  const start = model.mark();
  const teller = new Teller(machine, model, symbolizer);
  for (const agent of schedule) teller.step(agent);
  const story = { steps: teller.steps, ends: teller.ends(), said: teller.said() };
  model.rewind(start);
  return story;
}

interface Holder {
  readonly lane: string;
  readonly since: number | undefined;
}

class Teller {
  readonly steps: StoryStep[] = [];
  readonly #machine: Machine;
  readonly #model: MachineModel;
  readonly #symbolizer: Symbolizer;
  readonly #names: DataNames;
  readonly #sources = new SourceText();
  readonly #frames: FrameCache = new Map();
  readonly #startNs: number;
  /** Who holds each lock, by its address; semaphores by that of their lock. */
  #holders = new Map<number, Holder>();
  /** Kinds of the contexts on each hart, outermost first. */
  readonly #contexts: string[][];
  /** Last step that has written each word. */
  readonly #writers = new Map<number, number>();
  /** Counts of the guest's semaphores, by their locks' addresses. */
  readonly #counts: Map<number, number>;

  constructor(machine: Machine, model: MachineModel, symbolizer: Symbolizer) {
    this.#machine = machine;
    this.#model = model;
    this.#symbolizer = symbolizer;
    this.#names = new DataNames(machine, symbolizer, locksOf(machine, symbolizer, model.locks));
    this.#contexts = model.stepper.tracks.map(() => ['task']);
    const { tracks, time } = model.stepper;
    this.#startNs = Math.min(...tracks.map((track) => time.nsOf(track)));
    const { locks } = this.#names;
    const semaphores = [...locks.addresses].filter((lock) => locks.semaphoreOf(lock) !== undefined);
    this.#counts = new Map(semaphores.map((lock) => [lock, locks.semaphoreOf(lock)?.count ?? 0]));
    this.#changedLocks(undefined, undefined);
  }

  step(agent: AgentId): void {
    const { kind, hart, name } = this.#model.agents[agent];
    this.steps.push(
      hart === undefined ? this.#deviceStep(agent, name) : this.#hartStep(agent, hart, kind, name),
    );
  }

  #deviceStep(agent: AgentId, name: string): StoryStep {
    const [device, ...what] = name.split(' ');
    const isUart = device.startsWith('uart');
    const sent = this.#sentBy(device);
    const before = sent?.length;
    const step = this.#model.step(agent);
    this.#noteWrites(step.accesses);
    const byte = sent !== undefined && sent.length !== before ? sent.at(-1) : undefined;
    return {
      agent,
      lane: isUart ? device : 'time',
      hart: undefined,
      depth: 0,
      isEntry: false,
      calls: [{ name: isUart ? what.join(' ') : name, source: undefined }],
      sent: byte,
      locks: [],
      access: undefined,
      masks: undefined,
      ns: undefined,
      then: undefined,
    };
  }

  #hartStep(agent: AgentId, hart: number, kind: string, name: string): StoryStep {
    const { stepper } = this.#model;
    const track = stepper.tracks[hart];
    const contexts = this.#contexts[hart];
    const isEntry = kind !== 'hart';
    const calls = this.#calls(hart);
    const mask = maskOf(track);
    const ahead = isEntry ? undefined : this.#ahead(track);
    if (isEntry) contexts.push(kind);
    const lane = laneOf(hart, contexts);
    const depth = contexts.length - 1;
    const step = this.#model.step(agent);
    while (contexts.length > step.depthAfter + 1) contexts.pop();
    while (contexts.length < step.depthAfter + 1) contexts.push('trap');
    const access = ahead?.(step);
    this.#noteWrites(step.accesses);
    return {
      agent,
      lane,
      hart,
      depth,
      isEntry,
      calls: isEntry ? [{ name, source: calls[0].source }, ...calls] : calls,
      locks: this.#changedLocks(hart, lane),
      access,
      masks: isEntry || mask === maskOf(track) ? undefined : maskOf(track),
      sent: undefined,
      ns: stepper.time.nsOf(track) - this.#startNs,
      then: this.#standstillOf(track),
    };
  }

  ends(): StoryEnd[] {
    return this.#model.stepper.tracks.map((track) => {
      const { id } = track.hart;
      const contexts = this.#contexts[id];
      const lanes = contexts.map((_, i) => laneOf(id, contexts.slice(0, i + 1)));
      const stands = this.#standstillOf(track);
      const state = stands?.state ?? (track.standing === 'wfi' ? 'sleeps' : 'can go on');
      const held = [...this.#holders].filter(([, { lane }]) => lanes.includes(lane));
      return {
        hart: id,
        lanes,
        state,
        for: stands?.state === 'waits' ? this.#heldOff(id, stands.for) : stands?.for,
        calls: this.#calls(id),
        holds: held.map(([lock]) => this.#names.locks.nameOf(lock)),
        ...(state === 'sleeps' && this.#model.wouldProceed(id) && { missed: true }),
      };
    });
  }

  #sentBy(device: string): readonly number[] | undefined {
    const uart = this.#machine.uarts.findIndex(({ name }) => name === device);
    return uart < 0 ? undefined : this.#model.stepper.board.sent[uart];
  }

  said(): string[] {
    const texts = this.#model.stepper.board.sent.map((bytes) =>
      new TextDecoder('latin1').decode(Uint8Array.from(bytes)),
    );
    return texts.flatMap((text) => text.split('\n').map((line) => line.replace(/\r/g, '')));
  }

  #calls(hart: number): Place[] {
    const { harts } = this.#machine;
    const frames = unwind(harts[hart], this.#machine, this.#symbolizer, CALLS_MAX, this.#frames);
    return frames.map(({ pc, site }) => ({
      name: this.#nameOf(pc, site),
      source: this.#symbolizer.source(site),
    }));
  }

  /** Functions have a size; a label has none, and tells little without the distance. */
  #nameOf(pc: number, site: number): string {
    const place = this.#symbolizer.lookup(site);
    if (place === undefined) return hex(pc);
    return place.size > 0 ? place.name : (this.#symbolizer.name(site) ?? place.name);
  }

  /** Looks at what a hart is about to access; the result tells, after the step, what became of it. */
  #ahead(track: HartTrack): ((step: Step) => StoryAccess | undefined) | undefined {
    const { stepper } = this.#model;
    const d = stepper.instructionOf(track);
    const bytes = d === undefined ? undefined : accessBytes(d);
    if (d === undefined || bytes === undefined || !stepper.standsBeforeAccess(track)) {
      return undefined;
    }
    const address = (track.hart.x[d.rs1] + d.imm) >>> 0;
    const from = this.#writers.get(address >>> 2);
    if (!this.#machine.memory.contains(address, bytes)) {
      const writes = isStore(d.name);
      const name = this.#names.registerOf(address, writes);
      const after = writes ? track.hart.x[d.rs2] & lowBits(bytes) : undefined;
      if (name === undefined) return undefined;
      const none = { before: undefined, pointsTo: undefined, from: undefined, isLock: false };
      return () => ({ ...none, name, address, writes, after });
    }
    const name = this.#nameAt(address, track);
    const isLock = (this.#names.locks.partAt(address)?.offset ?? LOCK_BYTES) < LOCK_BYTES;
    const value = (): number => this.#machine.memory.read(address - RAM_BASE, bytes) >>> 0;
    const before = value();
    return ({ accesses }) => {
      const writes = accesses.some((each) => each.address === address && each.kind === 'write');
      const after = writes ? value() : before;
      const pointsTo = bytes === 4 ? this.#names.targetOf(after) : undefined;
      return { name, address, writes, before, after, pointsTo, from, isLock };
    };
  }

  /** By lock or symbol, and where these do not tell, as the source that the hart is at calls it. */
  #nameAt(address: number, { hart }: HartTrack): string {
    const name = this.#names.nameOf(address);
    const unknown = /^0x|\+0x[0-9a-f]+$/.exec(name);
    if (unknown === null) return name;
    const { variable, field, type } = this.#sources.namesIn(this.#symbolizer.source(hart.pc));
    if (unknown.index > 0)
      return field === undefined ? name : `${name.slice(0, unknown.index)}.${field}`;
    return (field === undefined ? variable : `${type ?? ''}.${field}`) ?? name;
  }

  #noteWrites(accesses: readonly Access[]): void {
    for (const { address, bytes, kind } of accesses) {
      if (kind !== 'write' || address < RAM_BASE) continue;
      for (let word = address >>> 2; word <= (address + bytes - 1) >>> 2; word++) {
        this.#writers.set(word, this.steps.length);
      }
    }
  }

  /** Why a hart does not go on from where it stands, whoever else may still change that. */
  #standstillOf(track: HartTrack): Standstill | undefined {
    const { standing, hart, prospect } = track;
    if (standing === 'end') return { state: 'is at the end', for: undefined };
    if (this.#model.enabled().includes(hart.id) && prospect === 'goes on') return undefined;
    if (standing === 'wfi') {
      return hart.wakeable ? undefined : { state: 'sleeps', for: undefined };
    }
    if (standing === 'endless') return { state: 'waits', for: undefined };
    return prospect === 'goes on' ? undefined : { state: 'waits', for: this.#waitedFor(track) };
  }

  /** What a waiting hart waits for or, if nobody holds that, the handler that would set it. */
  #heldOff(hart: number, what: WaitedFor | undefined): WaitedFor | undefined {
    if (what?.kind === 'lock' && what.holder !== undefined) return what;
    const irq = this.#model.heldOff(hart);
    const at = irq === undefined ? undefined : this.#model.agents[irq];
    if (at?.hart === undefined) return what;
    const holder = laneOf(at.hart, this.#contexts[at.hart]);
    return { name: at.name, kind: 'interrupt', value: undefined, holder, since: undefined };
  }

  #waitedLock(lock: number): WaitedFor {
    const holder = this.#holders.get(lock);
    const name = this.#names.locks.nameOf(lock);
    return { name, kind: 'lock', value: undefined, holder: holder?.lane, since: holder?.since };
  }

  /** Of what a waiting hart reads: a lock, if there is one, or else what it reads first. */
  #waitedFor(track: HartTrack): WaitedFor | undefined {
    const { locks } = this.#names;
    const asked = this.#model.locks?.askedBy(track);
    if (asked !== undefined && !locks.isListed(asked)) return this.#waitedLock(asked);
    const reads = track.reads.filter(({ address }) => address >= RAM_BASE && address < 2 ** 32);
    for (const { address } of reads) {
      const part = locks.partAt(address);
      if (part === undefined || part.offset >= 4) continue;
      return this.#waitedLock(part.lock);
    }
    const [first] = reads.length > 0 ? reads : track.reads;
    if (first === undefined) return undefined;
    const { address, bytes } = first;
    if (reads.length === 0) {
      const name = this.#names.registerOf(address, false)?.split(' ')[0] ?? 'a device';
      return { name, kind: 'device', value: undefined, holder: undefined, since: undefined };
    }
    const since = this.#writers.get(address >>> 2);
    const offset = address - RAM_BASE;
    const value = bytes === 1 || bytes === 2 || bytes === 4 ? bytes : undefined;
    return {
      name: this.#names.nameOf(address),
      kind: 'memory',
      value: value && this.#machine.memory.read(offset, value) >>> 0,
      holder: since === undefined ? undefined : this.steps[since]?.lane,
      since,
    };
  }

  /** Compares who holds what with what was so before. */
  #changedLocks(hart: number | undefined, lane: string | undefined): LockChange[] {
    const { locks } = this.#names;
    const changes: LockChange[] = [];
    for (const lock of locks.addresses) {
      const owner = locks.ownerOf(lock);
      const before = this.#holders.get(lock);
      if (owner !== undefined && before === undefined) {
        const isOwn = lane !== undefined && owner === hart;
        const since = lane === undefined ? undefined : this.steps.length;
        this.#holders.set(lock, { lane: isOwn ? lane : `hart ${owner} task`, since });
        if (lane !== undefined) changes.push({ sign: '+', name: locks.nameOf(lock) });
      } else if (owner === undefined && before !== undefined) {
        this.#holders.delete(lock);
        changes.push({ sign: '-', name: locks.nameOf(lock) });
      }
    }
    for (const [lock, before] of this.#counts) {
      const { name, count } = locks.semaphoreOf(lock) ?? { name: '', count: before };
      if (count === before) continue;
      this.#counts.set(lock, count);
      changes.push({ sign: count < before ? '+' : '-', name });
    }
    // What is given back comes before what is taken.
    return changes.sort((a, b) => (a.sign === b.sign ? 0 : a.sign === '-' ? -1 : 1));
  }
}

/** "hart 0 irq"; contexts of one kind that nest are counted. */
function laneOf(hart: number, contexts: readonly string[]): string {
  const kind = contexts.at(-1) ?? 'task';
  const nested = contexts.filter((other) => other === kind).length;
  return `hart ${hart} ${kind}${nested > 1 ? ` ${nested}` : ''}`;
}

function maskOf({ hart }: HartTrack): string {
  return (hart.mstatus & 8) === 0 ? 'interrupts off' : 'interrupts on';
}

const lowBits = (bytes: number): number => (bytes === 4 ? -1 : (1 << (8 * bytes)) - 1);

/** `'a'`, `0x0a`. */
export const byteText = (byte: number): string =>
  byte >= 0x20 && byte < 0x7f
    ? `'${String.fromCharCode(byte)}'`
    : `0x${byte.toString(16).padStart(2, '0')}`;

const hex = (address: number): string => `0x${(address >>> 0).toString(16)}`;
