// The devices of the board as an exploration sees them: their states in the undo log, what an access to
// a register reads and writes, which interrupts it raises, and what leaves through the UARTs.
// Accesses are coarse: a UART and the PLIC count as one piece of state each, the ACLINT by register.

import { ACLINT_MTIME, ACLINT_MTIMECMP } from '../../devices/aclint/index.ts';
import type { Stateful } from '../../devices/ports.ts';
import type { Uart8250 } from '../../devices/uart8250/index.ts';
import type { BusRegion } from '../machine/bus.ts';
import type { Machine } from '../machine/machine.ts';
import { PLIC_BASE } from '../machine/memory-map.ts';
import type { HartTrack } from './hart-track.ts';
import type { Access } from './model.ts';
import type { UndoLog } from './undo-log.ts';

/** Addresses of state that is not memory. */
const BEYOND_MEMORY = 2 ** 32;
/** A hart's pending interrupts. */
export const pendingCell = (hart: number): number => BEYOND_MEMORY + 4 * hart;
/** A hart's mscratch. */
export const scratchCell = (hart: number): number => BEYOND_MEMORY + 0x1000 + 4 * hart;

/** Register selects and bits of an 8250 whose reads have side effects. */
const IIR = 2;
const LSR = 5;
const MSR = 6;
const UART_REGISTERS = 8;
const LSR_ACKNOWLEDGED = 0x9e; // OE, PE, FE, BI and the FIFO's error
const IIR_ACKNOWLEDGED: readonly number[] = [0x02, 0x10, 0x20];
const MSR_DELTAS = 0x0f;

/** Kinds of records in the undo log. */
const KIND_DEVICE = -10;
const KIND_PENDING = -11;
const KIND_STOPPED = -12;
const KIND_TIME = -13;

/** Something that can be put back. */
interface Saved {
  restore(): void;
}

class Tracked {
  readonly uart: Uart8250 | undefined;
  readonly #device: Stateful<object>;
  /** What the UART has sent. */
  readonly #sent: number[];
  /** The state as it is now, if it is known. */
  #state: object | undefined;

  constructor(device: Stateful<object>, uart: Uart8250 | undefined, sent: number[]) {
    this.#device = device;
    this.uart = uart;
    this.#sent = sent;
  }

  /** Saves the state before an access. */
  save(log: UndoLog): void {
    const state = (this.#state ??= this.#device.save());
    const sent = this.#sent.length;
    const saved: Saved = {
      restore: () => {
        if (this.#state !== state) this.#device.restore(state);
        this.#state = state;
        if (this.#sent.length !== sent) this.#sent.length = sent;
      },
    };
    log.pushObject(KIND_DEVICE, saved);
  }

  /** An access has changed it. */
  changed(): void {
    this.#state = undefined;
  }
}

export class Board {
  /** Bytes that each UART has sent since the exploration began. */
  readonly sent: number[][];
  readonly #machine: Machine;
  readonly #tracks: readonly HartTrack[];
  readonly #tracked = new Map<string, Tracked>();
  readonly #pending: Int32Array;
  /** See `timeAt`. */
  readonly #times = new Map<number, number>();
  /** Timers of each UART, by their index. */
  readonly #timers = new Map<string, readonly number[]>();

  /** Takes over the lines of the machine's UARTs. */
  constructor(machine: Machine, tracks: readonly HartTrack[]) {
    this.#machine = machine;
    this.#tracks = tracks;
    this.#pending = new Int32Array(tracks.length);
    this.sent = machine.uarts.map(() => []);
    machine.uarts.forEach((uart, i) => {
      uart.attach({ transmit: (byte) => void this.sent[i].push(byte) });
      this.#track(uart.name, uart, uart, this.sent[i]);
      const indices = [...machine.clock.names.entries()]
        .filter(([, name]) => name.startsWith(`${uart.name}.`))
        .map(([index]) => index);
      this.#timers.set(uart.name, indices);
    });
    this.#track('plic', machine.plic);
    this.#track('aclint', machine.aclint);
    this.#track('nmi', machine.nmi);
  }

  #track<State extends object>(
    name: string,
    device: Stateful<State>,
    uart?: Uart8250,
    sent: number[] = [],
  ): void {
    const erased: Stateful<object> = {
      save: () => device.save(),
      restore: (state) => device.restore(state as State),
    };
    this.#tracked.set(name, new Tracked(erased, uart, sent));
  }

  /**
   * Time of what last changed the piece of state with that address, in instructions since the start: who
   * looks at it is that far at least.
   */
  timeAt(address: number): number {
    return this.#times.get(address) ?? 0;
  }

  #stamp(log: UndoLog, { address, kind }: Access, time: number): void {
    if (kind === 'read') return;
    const before = this.timeAt(address);
    if (time <= before) return;
    log.words[log.top++] = address | 0;
    log.words[log.top++] = before;
    log.words[log.top++] = KIND_TIME;
    this.#times.set(address, time);
  }

  /**
   * Does something to a device at the time that the clock shows, and tells what it accessed: what
   * the action says, and what changed beyond it (the PLIC, pending interrupts). `now` is that time in
   * instructions. An action that only reads leaves the device as it is.
   */
  act(log: UndoLog, device: string, now: number, action: () => readonly Access[]): Access[] {
    const uart = this.#tracked.get(device)?.uart;
    const level = uart === undefined ? false : uart.interruptLevel;
    const waking = uart?.waking ?? false;
    this.#save(log, device, uart !== undefined);
    const accesses = [...action()];
    if (accesses.some(({ kind }) => kind === 'write')) this.#tracked.get(device)?.changed();
    if (uart !== undefined && (uart.interruptLevel !== level || uart.waking !== waking)) {
      this.#tracked.get('plic')?.changed();
      accesses.push({ address: PLIC_BASE, bytes: 4, kind: 'write' });
    }
    for (const access of accesses) this.#stamp(log, access, now);
    for (const track of this.#tracks) {
      const { id, mip } = track.hart;
      if (mip === this.#pending[id]) continue;
      track.pendingTime = Math.max(track.pendingTime, now);
      accesses.push({ address: pendingCell(id), bytes: 4, kind: 'write' });
    }
    return accesses;
  }

  /**
   * Whoever looks at a UART finds it as far as it must be by then: lets its timers expire that are due
   * at `nowNs` (`now` in instructions).
   */
  complete(log: UndoLog, device: string, nowNs: number, now: number): readonly Access[] {
    const timers = this.#timers.get(device);
    if (timers === undefined) return [];
    const { clock } = this.#machine;
    const accesses: Access[] = [];
    for (;;) {
      let next = timers[0];
      for (const timer of timers)
        if (clock.deadlineOf(timer) < clock.deadlineOf(next)) next = timer;
      const deadline = clock.deadlineOf(next);
      if (deadline > nowNs) return accesses;
      clock.travel(deadline);
      const region = this.#machine.bus.regions.find(({ name }) => name === device);
      const access: Access = { address: region?.base ?? 0, bytes: 4, kind: 'write' };
      accesses.push(
        ...this.act(log, device, now, () => {
          clock.expire(next);
          return [access];
        }),
      );
    }
  }

  #save(log: UndoLog, device: string, withPlic: boolean): void {
    this.#tracked.get(device)?.save(log);
    if (withPlic) this.#tracked.get('plic')?.save(log);
    if (device === 'finisher') {
      const stopped = this.#machine.stopped;
      const saved: Saved = { restore: () => (this.#machine.stopped = stopped) };
      log.pushObject(KIND_STOPPED, saved);
    }
    for (const { hart, pendingTime } of this.#tracks) {
      this.#pending[hart.id] = hart.mip;
      log.words[log.top++] = hart.mip;
      log.words[log.top++] = pendingTime;
    }
    log.words[log.top++] = KIND_PENDING;
  }

  /** Words of a record before its kind. */
  payloadOf(kind: number): number {
    switch (kind) {
      case KIND_PENDING:
        return 2 * this.#tracks.length;
      case KIND_TIME:
        return 2;
      default:
        return 0;
    }
  }

  /** Undoes a record of this class. @returns false for those of others. */
  undo(log: UndoLog, kind: number): boolean {
    switch (kind) {
      case KIND_DEVICE:
      case KIND_STOPPED:
        (log.popObject() as Saved).restore();
        return true;
      case KIND_PENDING:
        for (let i = this.#tracks.length - 1; i >= 0; i--) {
          this.#tracks[i].pendingTime = log.words[--log.top];
          this.#tracks[i].hart.mip = log.words[--log.top];
        }
        return true;
      case KIND_TIME: {
        const before = log.words[--log.top];
        this.#times.set(log.words[--log.top] >>> 0, before);
        return true;
      }
      default:
        return false;
    }
  }

  /** What an access to a device register counts as. `value` is what was read. */
  accesses(region: BusRegion, offset: number, writes: boolean, value: number): readonly Access[] {
    const { name, base } = region;
    const kind = writes ? 'write' : 'read';
    const uart = this.#tracked.get(name)?.uart;
    if (uart !== undefined) {
      const effect = writes || readHasEffect(uart, offset, value);
      return [{ address: base, bytes: 4, kind: effect ? 'write' : 'read' }];
    }
    if (name === 'plic') {
      // A claim that gave something takes it away.
      const claims = !writes && offset >= 0x20_0000 && (offset & 4) !== 0 && value !== 0;
      return [{ address: base, bytes: 4, kind: claims ? 'write' : kind }];
    }
    if (name === 'aclint' && offset >= ACLINT_MTIME && !writes) return [];
    const { address, bytes } = cellOf(region, offset);
    return [{ address, bytes, kind }];
  }
}

/** The piece of state that a register belongs to: of the ACLINT each register is one. */
export function cellOf({ name, base }: BusRegion, offset: number): Omit<Access, 'kind'> {
  if (name !== 'aclint') return { address: base, bytes: 4 };
  if (offset < ACLINT_MTIMECMP) return { address: base + (offset & ~3), bytes: 4 };
  if (offset < ACLINT_MTIME) return { address: base + (offset & ~7), bytes: 8 };
  return { address: base + ACLINT_MTIME, bytes: 8 };
}

/** Reading it changes what is read later. The rest of an 8250's registers can be looked at. */
function readHasEffect(uart: Uart8250, offset: number, value: number): boolean {
  if (uart.waking) return true;
  switch (offset / (uart.windowBytes / UART_REGISTERS)) {
    case 0:
      return true;
    case IIR:
      return IIR_ACKNOWLEDGED.includes(value & 0x3f);
    case LSR:
      return (value & LSR_ACKNOWLEDGED) !== 0;
    case MSR:
      return (value & MSR_DELTAS) !== 0;
    default:
      return false;
  }
}

/** Reading mtime is no visible step: every hart has its own time. */
export function readsTime(region: BusRegion, offset: number): boolean {
  return region.name === 'aclint' && offset >= ACLINT_MTIME;
}
