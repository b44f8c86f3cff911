// Follows the locks of a guest while it is explored, by the functions that take and give them back
// (debug/lock-table.ts): who holds what, in which context, and what that says about orders
// (lock-order.ts). What is held goes back with the search; what was learnt about orders stays, so that
// in the end it is that of all executions. Locks that were taken before the exploration began are not
// known, but for those of the firmware, which says who has them.

import { DataNames } from '../debug/data-names.ts';
import type { LockSite, LockSites, TableKind } from '../debug/lock-table.ts';
import { LOCK_KINDS } from '../debug/lock-table.ts';
import type { Symbolizer } from '../debug/symbolizer.ts';
import { MSTATUS_MIE } from '../machine/csr.ts';
import type { Machine } from '../machine/machine.ts';
import type { HartTrack } from './hart-track.ts';
import {
  type Context,
  type HoldingBefore,
  type Level,
  type LockEvent,
  LockOrder,
} from './lock-order.ts';
import { shortSource } from './place.ts';
import type { Stepper } from './stepper.ts';

const KIND_LOCKS = -26;
const KIND_HOLDING = -27;
const RA = 1;
const SP = 2;
const A0 = 10;
const LOCK_FILE = /\/locking\//;
const LEVELS: readonly Level[] = ['task', 'irq', 'nmi'];
const SLEEPS: ReadonlySet<TableKind> = new Set(['mutex', 'semaphore']);

/** A call of a lock function that has not returned. */
interface Call extends Acquisition {
  readonly site: LockSite;
  readonly task: number;
  /** It comes back to there, with that stack pointer. */
  readonly returnPc: number;
  readonly sp: number;
}

/** Beside who holds what, all that goes back with the search. */
interface State {
  readonly calls: readonly Call[];
  /** By hart: the task that runs, 0 if it is not known; and how deep in traps tasks run. */
  readonly tasks: readonly number[];
  readonly bases: readonly number[];
}

/** A lock that is taken, and how. */
interface Acquisition {
  readonly site: Pick<LockSite, 'kind' | 'does' | 'mode'>;
  readonly lock: number;
  readonly class: string;
  readonly context: Context;
}

const hasOwner = (kind: TableKind): boolean => kind !== 'semaphore' && kind !== 'handover';

/** A lock and who has it. */
export interface HeldLock {
  /** Address. */
  readonly lock: number;
  readonly name: string;
  /** "hart 0 irq". */
  readonly lane: string;
  readonly hart: number;
}

export class LockWatch {
  readonly order = new LockOrder((before) => {
    this.#stepper?.log.pushObject(KIND_HOLDING, before);
  });
  readonly #symbolizer: Symbolizer;
  readonly #names: DataNames;
  readonly #sites = new Map<number, LockSite[]>();
  readonly #switch: LockSites['switch'];
  readonly #returns = new Set<number>();
  /** By hart, level, and whether interrupts are on. */
  readonly #contexts: Context[] = [];
  /** By lock. */
  readonly #classes = new Map<number, string>();
  readonly #places = new Map<number, string>();
  readonly #addresses = new Set<number>();
  #stepper: Stepper | undefined;
  #state: State;

  constructor(machine: Machine, symbolizer: Symbolizer, sites: LockSites) {
    this.#symbolizer = symbolizer;
    this.#names = new DataNames(machine, symbolizer);
    this.#switch = sites.switch;
    for (const site of sites.functions) {
      this.#sites.set(site.address, [...(this.#sites.get(site.address) ?? []), site]);
    }
    const perHart = machine.harts.map(() => 0);
    this.#state = { calls: [], tasks: perHart, bases: perHart };
    this.#holdFromBefore();
  }

  /** The exploration of the machine begins. */
  attach(stepper: Stepper): void {
    this.#stepper = stepper;
    for (const address of this.#sites.keys()) stepper.noteAt(address);
    if (this.#switch !== undefined) stepper.noteAt(this.#switch.address);
  }

  /** Addresses of all locks that were seen so far. */
  get addresses(): ReadonlySet<number> {
    return this.#addresses;
  }

  /** Who has which lock. */
  held(): HeldLock[] {
    const all: HeldLock[] = [];
    for (const [lane, list] of this.order.holders) {
      const hart = Number(/^hart (\d+) /.exec(lane)?.[1] ?? -1);
      if (hart < 0) continue;
      for (const each of list) {
        if (each.isGot) all.push({ lock: addressOf(each.lock), name: each.class, lane, hart });
      }
    }
    return all;
  }

  /** Names of the locks that a hart has or has asked for, in whatever context. */
  classesOf(hart: number): string[] {
    return LEVELS.flatMap((level) =>
      this.order.heldBy(`hart ${hart} ${level}`).map((held) => held.class),
    );
  }

  /** The lock that the running context of a hart has asked for and not got. */
  askedBy(track: HartTrack): number | undefined {
    const { id } = track.hart;
    const last = this.order.heldBy(`hart ${id} ${this.#levelAt(track, track.depth)}`).at(-1);
    if (last === undefined || last.isGot) return undefined;
    return addressOf(last.lock);
  }

  nameOf(address: number): string {
    for (const kind of LOCK_KINDS) {
      const name = this.#classes.get(lockAt(kind, address));
      if (name !== undefined) return name;
    }
    return this.#names.nameOf(address);
  }

  // ---- what happens -----------------------------------------------------------------------------

  /** A hart is at an address that something is to be noted about, with these registers. */
  noted(track: HartTrack, pc: number, x: Int32Array): void {
    if (this.#returns.has(pc)) this.#returned(pc, x);
    const sites = this.#sites.get(pc);
    if (sites !== undefined) for (const site of sites) this.#called(track, site, x);
    if (this.#switch?.address === pc) this.#switched(track, x);
  }

  /** After a hart's step that changed which interrupts it takes, or led out of a handler. */
  stepped(track: HartTrack, depthBefore: number): void {
    const { hart, depth } = track;
    if (depth < depthBefore) {
      const left = this.#levelAt(track, depthBefore);
      const context = this.#contextOf(hart.id, left, false);
      if (left !== this.#levelAt(track, depth)) this.#feed('leave', context);
      const { bases } = this.#state;
      if (depth < bases[hart.id]) this.#change({ bases: bases.with(hart.id, depth) });
    } else if ((hart.mstatus & MSTATUS_MIE) !== 0) {
      this.#feed('irqs on', this.#contextOf(hart.id, this.#levelAt(track, depth), true));
    }
  }

  #feed(kind: 'leave' | 'irqs on', context: Context): void {
    const held = this.order.heldBy(context.thread);
    if (held.length > 0) this.order.feed({ kind, context, at: held[held.length - 1].at });
  }

  /** Takes back the last record of this class. @returns false for those of others. */
  undo(kind: number): boolean {
    if (this.#stepper === undefined) return false;
    const { log } = this.#stepper;
    if (kind === KIND_HOLDING) this.order.takeBack(log.popObject() as HoldingBefore);
    else if (kind === KIND_LOCKS) this.#state = log.popObject() as State;
    else return false;
    return true;
  }

  #change(state: Partial<State>): void {
    const before = this.#state;
    const { calls = before.calls, tasks = before.tasks, bases = before.bases } = state;
    this.#stepper?.log.pushObject(KIND_LOCKS, before);
    this.#state = { calls, tasks, bases };
  }

  #called(track: HartTrack, site: LockSite, x: Int32Array): void {
    const { id } = track.hart;
    const address = 'register' in site.lock ? x[site.lock.register] >>> 0 : site.lock.address;
    // There is no lock at 0: the compiler has left out an argument that is always the same.
    if (address === 0) return;
    const lock = lockAt(site.kind, address);
    const irqsOn = (track.hart.mstatus & MSTATUS_MIE) !== 0 && site.irqs !== 'off';
    const context = this.#contextOf(id, this.#levelAt(track, track.depth), irqsOn);
    const task = this.#state.tasks[id];
    // A lock function that another one of the same lock calls is a part of that.
    const isPart = this.#state.calls.some(
      (call) =>
        call.lock === lock &&
        call.context.thread === context.thread &&
        call.task === task &&
        call.sp >= x[SP] >>> 0,
    );
    if (isPart) return;
    this.#addresses.add(address);
    const returnPc = x[RA] >>> 0;
    const name = this.#classOf(site.kind, address, context);
    const call = { site, lock, class: name, context, task, returnPc, sp: x[SP] >>> 0 };
    const isUnconditional = site.does === 'release' && site.succeeds === undefined;
    if (isUnconditional) this.#release(call);
    else if (site.does === 'acquire' || site.does === 'wait')
      this.#acquire(call, this.#placeOf(returnPc), false);
    if (!isUnconditional) this.#await(call);
  }

  #release({ lock, class: name, context, site, returnPc }: Call): void {
    const at = this.#placeOf(returnPc);
    const isOwned = hasOwner(site.kind);
    this.order.feed({ kind: 'release', lock, class: name, context, hasOwner: isOwned, at });
  }

  #acquire({ lock, class: name, context, site }: Acquisition, at: string, isTry: boolean): void {
    const { kind, does, mode = 'exclusive' } = site;
    const event: LockEvent = {
      kind: 'acquire',
      lock,
      class: name,
      context,
      mode,
      lockKind: SLEEPS.has(kind) ? 'sleep' : 'spin',
      isTry,
      isWait: does === 'wait',
      hasOwner: hasOwner(kind),
      at,
    };
    this.order.feed(event);
  }

  #await(call: Call): void {
    this.#change({ calls: [...this.#state.calls, call] });
    if (this.#returns.has(call.returnPc)) return;
    this.#returns.add(call.returnPc);
    this.#stepper?.noteAt(call.returnPc);
  }

  /** Calls of lock functions come back here; of several, the innermost one first. */
  #returned(pc: number, x: Int32Array): void {
    const sp = x[SP] >>> 0;
    const isBack = (call: Call): boolean => call.returnPc === pc && call.sp === sp;
    const back = this.#state.calls.filter(isBack);
    if (back.length === 0) return;
    this.#change({ calls: this.#state.calls.filter((call) => !isBack(call)) });
    for (const call of back.reverse()) this.#done(call, x[A0]);
  }

  #done(call: Call, result: number): void {
    const { site, lock, context, returnPc } = call;
    const { succeeds, does } = site;
    if (does === 'wait') {
      this.order.giveUp(lock, context.thread);
      return;
    }
    const isGot = succeeds === undefined || (result === 0) === (succeeds === 'zero');
    if (does === 'release') {
      if (isGot) this.#release(call);
    } else if (!isGot) {
      if (does === 'acquire') this.order.giveUp(lock, context.thread);
    } else if (does === 'try') this.#acquire(call, this.#placeOf(returnPc), true);
    else this.order.got(lock, context.thread);
  }

  /** A task's context goes on on another stack; what it sleeps with, it keeps. */
  #switched(track: HartTrack, x: Int32Array): void {
    if (this.#switch === undefined) return;
    const { id } = track.hart;
    const thread = `hart ${id} task`;
    const [prev, next] = [x[this.#switch.prev] >>> 0, x[this.#switch.next] >>> 0];
    // Who gives up its hart is a task, though it may do so on its way out of a handler.
    this.order.move(`hart ${id} ${this.#levelAt(track, track.depth)}`, thread);
    this.order.move(thread, `task ${prev}`, 'sleep');
    this.order.move(`task ${next}`, thread, 'sleep');
    const { tasks, bases } = this.#state;
    this.#change({ tasks: tasks.with(id, next), bases: bases.with(id, track.depth) });
  }

  // ---- who and what -----------------------------------------------------------------------------

  /** Exceptions count as what they came in. */
  #levelAt({ hart }: HartTrack, depth: number): Level {
    if (hart.inNmi) return 'nmi';
    return depth > this.#state.bases[hart.id] && hart.mcause >> 31 !== 0 ? 'irq' : 'task';
  }

  #contextOf(hart: number, level: Level, irqsOn: boolean): Context {
    const place = (hart * LEVELS.length + LEVELS.indexOf(level)) * 2 + (irqsOn ? 1 : 0);
    return (this.#contexts[place] ??= { thread: `hart ${hart} ${level}`, level, irqsOn });
  }

  /** Locks of one name obey one rule. The spin lock inside of another lock has a name of its own. */
  #classOf(kind: TableKind, address: number, { thread }: Pick<Context, 'thread'>): string {
    const lock = lockAt(kind, address);
    const known = this.#classes.get(lock);
    if (known !== undefined) return known;
    const inner = this.#state.calls.some(
      (call) => addressOf(call.lock) === address && call.context.thread === thread,
    );
    const semaphore =
      kind === 'semaphore' ? this.#names.locks.semaphoreOf(address)?.name : undefined;
    const plain = semaphore ?? this.#names.nameOf(address);
    const name = inner && kind === 'spin' && !plain.endsWith('lock') ? `${plain}.wait_lock` : plain;
    this.#classes.set(lock, name);
    return name;
  }

  /** `function file:line` of whoever is to be returned to. */
  #placeOf(returnPc: number): string {
    const known = this.#places.get(returnPc);
    if (known !== undefined) return known;
    const call = returnPc - 2;
    const source = this.#symbolizer.source(call);
    const name = this.#symbolizer.lookup(call)?.name ?? `0x${call.toString(16)}`;
    // A line of a lock that was inlined is no place of the function that called it.
    const isLock = source === undefined || LOCK_FILE.test(source);
    const place = isLock ? name : `${name} ${shortSource(source)}`;
    this.#places.set(returnPc, place);
    return place;
  }

  /** The firmware's locks say which CPU has them. */
  #holdFromBefore(): void {
    const { locks } = this.#names;
    for (const address of locks.addresses) {
      const owner = locks.ownerOf(address);
      if (owner === undefined) continue;
      const context = this.#contextOf(owner, 'task', false);
      const name = this.#classOf('spin', address, context);
      this.#acquire(
        { site: { kind: 'spin', does: 'try' }, lock: address, class: name, context },
        '',
        true,
      );
    }
  }
}

/** Locks of different kinds at one address are different ones, and the kind is above the address. */
const lockAt = (kind: TableKind, address: number): number =>
  address + LOCK_KINDS.indexOf(kind) * 2 ** 32;
const addressOf = (lock: number): number => lock % 2 ** 32;
