// The devices of the reference's machine (reference.ts), each in the plainest way: software interrupts and
// timers of harts, the PLIC, and a UART without FIFO with its line. After PC16550D and PLIC 1.0.0; shares
// nothing with devices/. Time is kept as docs/explore-machine.md says, but that instructions take none.

/** Time that guests can tell apart, in ns: 2^12 ticks of mtime. */
export const UNIT_NS = 409_600;
export const UNIT_SHIFT = 12;
/** A character of 5 bits at the divisor that the UART comes up with, in ns. */
const FRAME_NS = Math.floor((7 * 16 * 12 * 1e9) / 3_686_400);
/** When each hart's timer expires, and each character of the far end begins, in ns. */
export const TIMERS_NS = [200 * UNIT_NS, 400 * UNIT_NS];
export const CHARACTERS_NS = [40 * UNIT_NS, 80 * UNIT_NS];
/** What the far end sends. */
export const CHARACTERS = [2, 3];
/** What is injected, in five bits. */
const INJECTED = 1;
/** All instructions of an execution together take less than this. */
const INSTRUCTIONS_NS = 20_000;

const IER_RECEIVE = 1;
const IER_TRANSMIT = 2;
const IIR_NONE = 1;
const IIR_TRANSMIT = 2;
const IIR_RECEIVE = 4;
const LSR_DR = 0x01;
const LSR_OE = 0x02;
const LSR_THRE = 0x20;
const LSR_TEMT = 0x40;
/** The UART's number at the PLIC. */
const SOURCE = 10;

/** Two times are too close for a reference in which instructions take none: the guest is left out. */
export class Ambiguous extends Error {}

export interface Uart {
  time: number;
  ier: number;
  threPending: boolean;
  dataReady: boolean;
  overrun: boolean;
  received: number;
  /** Characters that the far end has sent and that are not on the wire yet. */
  queue: number[];
  arriving: number;
  /** Infinity: nothing arrives. */
  arrivesNs: number;
  holding: number | undefined;
  shifting: number | undefined;
  sentNs: number;
  sent: number[];
  level: boolean;
}

export interface Board {
  uart: Uart;
  plic: { time: number; pending: boolean; inService: boolean; enabled: boolean[] };
  /** When each hart's register was written last, or its timer expired. */
  aclint: { msip: number[]; timers: number[] };
  /** How many characters the far end has sent. */
  characters: number;
}

/** A hart, as far as the board has to do with it. */
export interface BoardHart {
  time: number;
  /** mip, of each kind. */
  software: boolean;
  timer: boolean;
  external: boolean;
  /** Deadline of its timer; Infinity: it is off or has expired. */
  timerNs: number;
  pendingTime: number;
}

export interface BoardState {
  readonly board: Board;
  readonly harts: readonly BoardHart[];
}

/** @param ier what the UART comes up with; @param enabled harts that it interrupts */
export const boardOf = (ier: number, enabled: boolean[]): Board => ({
  uart: {
    ...{ time: 0, ier, threPending: (ier & IER_TRANSMIT) !== 0, dataReady: false, overrun: false },
    ...{ received: 0, queue: [], arriving: 0, arrivesNs: Infinity, holding: undefined },
    ...{ shifting: undefined, sentNs: Infinity, sent: [], level: false },
  },
  plic: { time: 0, pending: false, inService: false, enabled },
  aclint: { msip: enabled.map(() => 0), timers: enabled.map(() => 0) },
  characters: 0,
});

export const copyOfBoard = (board: Board): Board => ({
  ...board,
  uart: { ...board.uart, queue: [...board.uart.queue], sent: [...board.uart.sent] },
  plic: { ...board.plic, enabled: [...board.plic.enabled] },
  aclint: { msip: [...board.aclint.msip], timers: [...board.aclint.timers] },
});

/** What the wire will have carried when all is sent. */
export const wireOf = ({ sent, shifting, holding }: Uart): number[] =>
  [...sent, shifting, holding].filter((byte) => byte !== undefined);

/** Whether a deadline has passed for somebody who is at `time`. */
function isDue(deadline: number, time: number): boolean {
  const behind = Math.abs(time - deadline);
  if (behind !== 0 && behind < INSTRUCTIONS_NS) throw new Ambiguous();
  return deadline <= time;
}

/** mtime as a guest sees it, in units. */
export function unitsAt(time: number): number {
  if (UNIT_NS - (time % UNIT_NS) < INSTRUCTIONS_NS) throw new Ambiguous();
  return Math.floor(time / UNIT_NS);
}

// ---- harts' own ---------------------------------------------------------------------------------

function reachRegister(times: number[], of: number, hart: BoardHart): void {
  hart.time = times[of] = Math.max(hart.time, times[of]);
}

export function writeMsip(state: BoardState, hart: BoardHart, to: number, on: boolean): void {
  reachRegister(state.board.aclint.msip, to, hart);
  change(state.harts[to], 'software', on, hart.time);
}

/** Switches the hart's own timer on or off. */
export function writeTimer(state: BoardState, hart: BoardHart, on: boolean): void {
  const h = state.harts.indexOf(hart);
  reachRegister(state.board.aclint.timers, h, hart);
  const expired = on && isDue(TIMERS_NS[h], hart.time);
  hart.timerNs = on && !expired ? TIMERS_NS[h] : Infinity;
  change(hart, 'timer', expired, hart.time);
}

export function expireTimer({ board, harts }: BoardState, hart: BoardHart): void {
  const { timers } = board.aclint;
  const h = harts.indexOf(hart);
  timers[h] = Math.max(timers[h], hart.timerNs);
  change(hart, 'timer', true, hart.timerNs);
  hart.timerNs = Infinity;
}

function change(
  hart: BoardHart,
  kind: 'software' | 'timer' | 'external',
  on: boolean,
  now: number,
): void {
  if (hart[kind] === on) return;
  hart[kind] = on;
  hart.pendingTime = Math.max(hart.pendingTime, now);
}

// ---- PLIC ---------------------------------------------------------------------------------------

function updatePlic({ board: { uart, plic }, harts }: BoardState, now: number): void {
  if (uart.level && !plic.inService) plic.pending = true;
  harts.forEach((hart, h) => change(hart, 'external', plic.pending && plic.enabled[h], now));
}

export function claim(state: BoardState, hart: BoardHart): number {
  const { plic } = state.board;
  hart.time = Math.max(hart.time, plic.time);
  if (!plic.pending || !plic.enabled[state.harts.indexOf(hart)]) return 0;
  plic.time = hart.time;
  plic.pending = false;
  plic.inService = true;
  updatePlic(state, hart.time);
  return SOURCE;
}

export function complete(state: BoardState, hart: BoardHart): void {
  const { plic } = state.board;
  hart.time = plic.time = Math.max(hart.time, plic.time);
  if (plic.enabled[state.harts.indexOf(hart)]) plic.inService = false;
  updatePlic(state, hart.time);
}

// ---- UART ---------------------------------------------------------------------------------------

const identification = ({ ier, dataReady, threPending }: Uart): number => {
  if ((ier & IER_RECEIVE) !== 0 && dataReady) return IIR_RECEIVE;
  return (ier & IER_TRANSMIT) !== 0 && threPending ? IIR_TRANSMIT : IIR_NONE;
};

/** @param now what harts that are interrupted by it come to */
export function updateUart(state: BoardState, now: number): void {
  const { uart, plic } = state.board;
  const level = identification(uart) !== IIR_NONE;
  if (level === uart.level) return;
  uart.level = level;
  plic.time = Math.max(plic.time, now);
  updatePlic(state, now);
}

/** Whoever looks at it finds it as far as it must be by his time. */
function reach(state: BoardState, hart: BoardHart): Uart {
  const { uart } = state.board;
  hart.time = Math.max(hart.time, uart.time);
  for (;;) {
    const receives = uart.arrivesNs < uart.sentNs;
    if (!isDue(Math.min(uart.arrivesNs, uart.sentNs), hart.time)) return uart;
    if (receives) arrive(state, hart.time);
    else send(state, hart.time);
  }
}

/** The character on the wire has arrived. */
export function arrive(state: BoardState, now = state.board.uart.arrivesNs): void {
  const { uart } = state.board;
  const end = uart.arrivesNs;
  uart.arrivesNs = Infinity;
  store(uart, uart.arriving);
  const next = uart.queue.shift();
  if (next !== undefined) [uart.arriving, uart.arrivesNs] = [next, end + FRAME_NS];
  uart.time = Math.max(uart.time, now);
  updateUart(state, now);
}

function store(uart: Uart, byte: number): void {
  if (uart.dataReady) uart.overrun = true;
  uart.received = byte;
  uart.dataReady = true;
}

/** The character in the shift register has left. */
export function send(state: BoardState, now = state.board.uart.sentNs): void {
  const { uart } = state.board;
  const end = uart.sentNs;
  if (uart.shifting !== undefined) uart.sent.push(uart.shifting);
  uart.shifting = undefined;
  uart.sentNs = Infinity;
  shift(uart, end);
  uart.time = Math.max(uart.time, now);
  updateUart(state, now);
}

function shift(uart: Uart, start: number): void {
  if (uart.shifting !== undefined || uart.holding === undefined) return;
  uart.shifting = uart.holding;
  uart.holding = undefined;
  uart.sentNs = start + FRAME_NS;
  uart.threPending = true;
}

/** The far end sends its next character. */
export function sendCharacter(state: BoardState): void {
  const { board } = state;
  const { uart } = board;
  const at = CHARACTERS_NS[board.characters];
  const byte = CHARACTERS[board.characters++];
  if (uart.arrivesNs === Infinity) [uart.arriving, uart.arrivesNs] = [byte, at + FRAME_NS];
  else uart.queue.push(byte);
  uart.time = Math.max(uart.time, at);
}

/** A character comes in no time, and makes nobody wait. */
export function injectCharacter(state: BoardState): void {
  store(state.board.uart, INJECTED);
  updateUart(state, 0);
}

/** Nothing is between the far end and the guest. */
export const isWireFree = ({ arrivesNs, queue, dataReady }: Uart): boolean =>
  arrivesNs === Infinity && queue.length === 0 && !dataReady;

export function writeThr(state: BoardState, hart: BoardHart, byte: number): void {
  const uart = reach(state, hart);
  uart.threPending = false;
  uart.holding = byte;
  // One instruction later than whatever the hart has learnt of.
  shift(uart, state.board.characters > 0 ? hart.time + 1 : hart.time);
  uart.time = hart.time;
  updateUart(state, hart.time);
}

export function writeIer(state: BoardState, hart: BoardHart, ier: number): void {
  const uart = reach(state, hart);
  if ((ier & IER_TRANSMIT) === 0) uart.threPending = false;
  else if ((uart.ier & IER_TRANSMIT) === 0 && uart.holding === undefined) uart.threPending = true;
  uart.ier = ier;
  uart.time = hart.time;
  updateUart(state, hart.time);
}

export function readRbr(state: BoardState, hart: BoardHart): number {
  const uart = reach(state, hart);
  uart.dataReady = false;
  uart.time = hart.time;
  updateUart(state, hart.time);
  return uart.received;
}

export function readIir(state: BoardState, hart: BoardHart): number {
  const uart = reach(state, hart);
  const value = identification(uart);
  if (value !== IIR_TRANSMIT) return value;
  uart.threPending = false;
  uart.time = hart.time;
  updateUart(state, hart.time);
  return value;
}

export function readLsr(state: BoardState, hart: BoardHart): number {
  const uart = reach(state, hart);
  const empty = uart.holding === undefined;
  const idle = empty && uart.shifting === undefined;
  const value =
    (uart.dataReady ? LSR_DR : 0) |
    (uart.overrun ? LSR_OE : 0) |
    (empty ? LSR_THRE : 0) |
    (idle ? LSR_TEMT : 0);
  if (uart.overrun) uart.time = hart.time;
  uart.overrun = false;
  return value;
}
