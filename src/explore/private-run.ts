// Runs a hart through everything that no other context can notice, up to right before its next visible
// operation: the generated loop (private-loop.ts), what it leaves to the machine's slow path, and when a
// hart that does nothing visible goes round for ever. Which bytes are private is found here, by whoever
// touches them. What is visible is said in stepper.ts.

import { MSTATUS_MIE } from '../machine/csr.ts';
import type { Decoded } from '../machine/decoder.ts';
import type { Machine } from '../machine/machine.ts';
import type { Memory } from '../machine/memory.ts';
import { RAM_BASE } from '../machine/memory-map.ts';
import { CAUSE_FETCH_ACCESS, takeException } from '../machine/trap.ts';
import { readsTime, scratchCell } from './board.ts';
import { circles, type Jump } from './circle.ts';
import { CodeMap } from './code-map.ts';
import type { HartTrack } from './hart-track.ts';
import {
  accessBytes,
  COUNTERS,
  CSR_TIME,
  CSR_TIMEH,
  isStore,
  isVisibleCsr,
  scratchAccess,
} from './instructions.ts';
import { maskOf } from './interrupts.ts';
import type { LocalTime } from './local-time.ts';
import type { Access } from './model.ts';
import { ALL_SHARED, NO_PATTERN, type Ownership, readPattern, writePattern } from './ownership.ts';
import {
  CONTROL_BUDGET,
  CONTROL_DEFINED,
  CONTROL_LIVE,
  CONTROL_LOG_TOP,
  CONTROL_REASON,
  CONTROL_TARGET,
  createPrivateLoop,
  type PrivateLoop,
  STOP_BUDGET,
  STOP_END,
  STOP_JUMP,
  STOP_SLOW,
  STOP_STUB,
  STOP_VISIBLE,
} from './private-loop.ts';
import type { UndoLog } from './undo-log.ts';

/** Instructions between looks at the log's room, and at whether the hart goes round in circles. */
const LOOP_BUDGET = 10_000;
/** A hart that executes so many instructions without a visible one is not going to. */
const PRIVATE_MAX = 5_000_000;
/**
 * A hart that has come so far in time without a visible operation, in instructions, goes round in circles
 * with a delay in them: what it touches while it goes on once more as far becomes visible.
 */
const PRIVATE_TIME = 1 << 20;
/** If that is nothing, it is not going to do anything. 1.3 s at 10 ns. */
const PRIVATE_TIME_MAX = 1 << 27;
/** What a loop has within so many bytes around its stack pointer is its own. */
const STACK_BYTES = 2048;

export interface PrivateRunOptions {
  readonly machine: Machine;
  readonly log: UndoLog;
  readonly time: LocalTime;
  readonly ownership: Ownership;
  /** See `StepperOptions`. */
  readonly stops: ReadonlySet<number>;
  readonly injectsNmis: boolean;
  readonly firstEnds: boolean;
  readonly noted: ((track: HartTrack, pc: number, x: Int32Array) => void) | undefined;
}

export class PrivateRun {
  readonly code: CodeMap;
  readonly control = new Int32Array(8);
  /** NMIs are possible: injected ones, or the guest has been seen to raise one. */
  nmisCome: boolean;
  readonly #machine: Machine;
  readonly #memory: Memory;
  readonly #log: UndoLog;
  readonly #time: LocalTime;
  readonly #ownership: Ownership;
  readonly #firstEnds: boolean;
  readonly #x = new Int32Array(256);
  readonly #registers = this.#x.subarray(0, 32);
  readonly #plain: PrivateLoop;
  readonly #tracking: PrivateLoop;
  #loop: PrivateLoop;
  /** The hart that is executing. */
  #running: HartTrack | undefined;
  /** What the loop was given to run. */
  #budget = 0;
  /** Every access makes what it touches shared. */
  #sharing = false;
  /** Accesses to the hart's local bytes since they were last taken. */
  readonly #localAccesses: Access[] = [];

  constructor(options: PrivateRunOptions) {
    const { machine, log, time, ownership, noted } = options;
    this.#machine = machine;
    this.#memory = machine.memory;
    this.#log = log;
    this.#time = time;
    this.#ownership = ownership;
    this.#firstEnds = options.firstEnds && machine.harts.length > 1;
    this.nmisCome = options.injectsNmis;
    this.code = new CodeMap(machine.memory, ownership, options.stops);
    const arrays = {
      x: this.#x,
      code: this.code.code,
      places: this.code.places,
      m8: machine.memory.u8,
      m16: machine.memory.u16,
      m32: machine.memory.i32,
      own8: this.#ownership.bytes,
      own32: this.#ownership.words,
      log: this.#log.words,
      control: this.control,
      touch: (offset: number, bytes: number, writes: boolean) => this.#touch(offset, bytes, writes),
      note: (ip: number, left: number) => {
        const track = this.#running;
        if (track === undefined) return;
        const pc = this.code.pcAt(ip);
        if (!track.comesTo(pc, track.executed + this.#budget - left)) return;
        this.#log.top = this.control[CONTROL_LOG_TOP];
        noted?.(track, pc >>> 0, this.#x);
        this.control[CONTROL_LOG_TOP] = this.#log.top;
      },
    };
    this.#plain = createPrivateLoop(arrays, false);
    this.#tracking = createPrivateLoop(arrays, true);
    this.#loop = this.#plain;
  }

  /** Accesses to bytes that only contexts of the hart touch, made since the last call. */
  takeLocalAccesses(): Access[] {
    return this.#localAccesses.length === 0 ? [] : this.#localAccesses.splice(0);
  }

  /** An access that the loop does not know to be private. @returns true when it is visible. */
  #touch(offset: number, bytes: number, writes: boolean): boolean {
    const track = this.#running;
    if (track === undefined) return true;
    const { hart } = track;
    if (this.#sharing) {
      const isOwnStack = Math.abs(offset + RAM_BASE - (hart.x[2] >>> 0)) < STACK_BYTES;
      if (!isOwnStack) this.#ownership.share(offset, bytes);
      return false;
    }
    if (this.#ownership.words[offset >>> 2] === ALL_SHARED) return true;
    const address = offset + RAM_BASE;
    const sharing = this.#ownership.touch(track.contextFor(address), offset, bytes, writes);
    if (sharing !== 'local') return sharing === 'shared';
    return this.#touchLocal(track, { address, bytes, kind: writes ? 'write' : 'read' });
  }

  /** An access to what other contexts of the hart touch too. @returns true when it is visible */
  #touchLocal({ hart }: HartTrack, { address, bytes, kind }: Access): boolean {
    if ((hart.mstatus & MSTATUS_MIE) !== 0) return true;
    if (hart.nmie && this.nmisCome) return true;
    const known = this.#localAccesses.some(
      (access) => access.address === address && access.bytes === bytes && access.kind === kind,
    );
    if (!known) this.#localAccesses.push({ address, bytes, kind });
    return false;
  }

  /** From now on notes in `control` which registers are read before they are written. */
  trackRegisters(on: boolean): void {
    this.#loop = on ? this.#tracking : this.#plain;
    this.control[CONTROL_LIVE] = this.control[CONTROL_DEFINED] = 0;
  }

  /** One instruction in the machine's slow path, at the hart's own time or so much later. */
  perform(track: HartTrack, d: Decoded, aheadNs = 0): void {
    const { hart } = track;
    this.trackRegistersOf(d);
    hart.localNs = this.#time.nsOf(track) + aheadNs;
    this.#machine.clock.travel(hart.localNs);
    const { trapped } = hart;
    this.#machine.perform(hart, d);
    if (hart.trapped !== trapped) track.enter();
    this.count(track, 1);
  }

  trackRegistersOf({ rs1, rs2, rd }: Decoded): void {
    const { control } = this;
    control[CONTROL_LIVE] |= ((1 << rs1) | (1 << rs2)) & ~control[CONTROL_DEFINED];
    control[CONTROL_DEFINED] |= 1 << rd;
  }

  count(track: HartTrack, instructions: number): void {
    track.hart.steps += instructions;
    this.#time.pass(track, instructions);
  }

  /** Runs up to the next visible operation; performs `forced` visible accesses to RAM on the way. */
  run(track: HartTrack, forced: number): void {
    const {
      hart,
      hart: { steps },
      time,
    } = track;
    this.#running = track;
    this.#sharing = false;
    const code = this.code;
    if (code.stale) code.flush();
    this.#time.begin();
    let left = forced;
    track.standing = 'access';
    for (;;) {
      const place = code.find(hart.pc32);
      const ip = place === 0 ? this.#fetchFault(track) : this.#enter(track, place, left);
      left = 0;
      if (ip === 0) continue;
      const reason = this.control[CONTROL_REASON];
      hart.pc32 = reason === STOP_JUMP ? this.control[CONTROL_TARGET] : code.pcAt(ip);
      if (reason === STOP_VISIBLE) return;
      if (reason === STOP_END) {
        if (!code.isStop(hart.pc)) track.standing = 'endless';
        else track.standing = this.#mayMeetSomebody(track) ? 'leaving' : 'end';
        return;
      }
      if (reason === STOP_STUB) code.follow(ip);
      else if (reason === STOP_SLOW) {
        if (this.#standsBefore(track, code.instructionAt(ip))) return;
        const passed = track.time - time;
        this.#sharing = passed > PRIVATE_TIME && passed <= 2 * PRIVATE_TIME;
        if (passed > PRIVATE_TIME_MAX) {
          track.standing = 'endless';
          return;
        }
      } else if (reason === STOP_BUDGET) {
        if (
          hart.steps - steps < PRIVATE_MAX &&
          !circles(track, this.#log, this.#memory.i32, this.#jump)
        )
          continue;
        track.standing = 'endless';
        return;
      }
      if (this.#machine.stopped !== undefined || this.#log.isFull) return;
    }
  }

  /**
   * Whether it makes a difference when the hart goes over the end of the region: what comes up to then
   * still finds it inside. It has no private code there that could stand for that moment.
   */
  #mayMeetSomebody(track: HartTrack): boolean {
    return this.#firstEnds || maskOf(track) !== 0 || (track.hart.nmie && this.nmisCome);
  }

  readonly #jump: Jump = (track, shares) => {
    const { hart } = track;
    this.#sharing = shares;
    const ip = this.#enter(track, this.code.find(hart.pc32), 0, 1);
    this.#sharing = false;
    if (this.control[CONTROL_REASON] !== STOP_BUDGET) return false;
    hart.pc32 = this.code.pcAt(ip);
    return true;
  };

  #fetchFault(track: HartTrack): number {
    takeException(track.hart, CAUSE_FETCH_ACCESS, track.hart.pc);
    track.enter();
    this.count(track, 1);
    if (track.hart.stuck !== undefined) {
      this.#machine.stopped = { kind: 'stuck', reason: track.hart.stuck, hart: track.hart.id };
    }
    return 0;
  }

  #enter(track: HartTrack, place: number, forced: number, budget = LOOP_BUDGET): number {
    const { hart } = track;
    const { control } = this;
    const log = this.#log;
    const { context } = track;
    this.#x.set(hart.x);
    control[CONTROL_LOG_TOP] = log.top;
    this.#budget = budget;
    const reads = this.#sharing ? NO_PATTERN : readPattern(context);
    const writes = this.#sharing ? NO_PATTERN : writePattern(context);
    const ip = this.#loop(place, budget, reads, writes, forced);
    log.top = control[CONTROL_LOG_TOP];
    hart.x.set(this.#registers);
    this.count(track, budget - control[CONTROL_BUDGET]);
    return ip;
  }

  /** Performs an instruction that is not the loop's if nobody else can notice it. @returns false then. */
  #standsBefore(track: HartTrack, d: Decoded): boolean {
    if (d.name === 'wfi') {
      track.standing = 'wfi';
      return true;
    }
    const { clockReads } = this.#time;
    if (this.#isVisible(track, d)) return true;
    this.perform(track, d, this.#time.clockReads === clockReads ? 0 : this.#time.aheadNs);
    return false;
  }

  /** mscratch counts as a word behind memory. */
  #touchScratch(track: HartTrack, d: Decoded): boolean {
    const access = scratchOf(track, d);
    const offset = this.#memory.bytes + 4 * track.hart.id;
    const writes = access.kind === 'write';
    const sharing = this.#ownership.touch(track.context, offset, access.bytes, writes);
    return sharing !== 'private' && this.#touchLocal(track, access);
  }

  #isVisible(track: HartTrack, d: Decoded): boolean {
    const { hart } = track;
    if (d.name.startsWith('csr')) {
      if (scratchAccess(d) !== undefined) return this.#touchScratch(track, d);
      if (d.imm === CSR_TIME) this.#time.noteRead(track);
      else if (d.imm === CSR_TIMEH) this.#time.clockReads++;
      else if (COUNTERS.has(d.imm)) this.#time.counterReads++;
      return isVisibleCsr(hart, d);
    }
    if (d.name === 'mret' || d.name === 'mnret') return true;
    const bytes = accessBytes(d);
    if (bytes === undefined) return false;
    const address = (hart.x[d.rs1] + d.imm) >>> 0;
    const region = this.#machine.bus.find(address, bytes);
    if (region === undefined || isStore(d.name)) return true;
    if (!readsTime(region, address - region.base)) return true;
    if ((address & 4) === 0) this.#time.noteRead(track);
    else this.#time.clockReads++;
    return false;
  }
}

/** What an access to mscratch is. */
export const scratchOf = ({ hart }: HartTrack, d: Decoded): Access => ({
  address: scratchCell(hart.id),
  bytes: 4,
  kind: scratchAccess(d) ?? 'read',
});
