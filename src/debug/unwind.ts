// Call traces of a stopped hart. Where the symbol table gives a function's extent, its frame is read
// off its machine code (exact in prologues and epilogues, and for code without a frame pointer);
// elsewhere the chain of frame pointers is followed: ra at s0−4, the caller's s0 at s0−8. Memory may
// hold anything: each step is checked, and a trace ends where it stops making sense.

import { frameLayoutAt, type FrameLayout } from './frame-layout.ts';
import type { Symbolizer, SymbolPlace } from './symbolizer.ts';

/** The registers to start from. */
export interface UnwindContext {
  readonly pc: number;
  /** x0…x31. */
  readonly x: ArrayLike<number>;
}

/** Reads memory; throws or returns too few bytes where there is none. */
export interface UnwindMemory {
  readMemory(address: number, length: number): Uint8Array;
}

export interface StackFrame {
  /** Address of the instruction that runs, or that the function returns to. */
  readonly pc: number;
  /** Address within the calling instruction: look up names and lines with this one. */
  readonly site: number;
}

/** Frames by address of the instruction, for many traces of a program whose code stays as it is. */
export type FrameCache = Map<number, FrameLayout>;

const RA = 1;
const SP = 2;
const S0 = 8;
const FRAMES_MAX_DEFAULT = 64;
/** Frames of larger functions are not analysed (a damaged symbol table must not cost time). */
const FUNCTION_BYTES_MAX = 1 << 18;

interface Registers {
  pc: number;
  ra: number;
  sp: number;
  s0: number;
}

/** Who called whom, innermost first; never empty, never endless. */
export function unwind(
  context: UnwindContext,
  memory: UnwindMemory,
  symbolizer?: Symbolizer,
  framesMax = FRAMES_MAX_DEFAULT,
  cache?: FrameCache,
): StackFrame[] {
  let registers: Registers = {
    pc: context.pc >>> 0,
    ra: (context.x[RA] ?? 0) >>> 0,
    sp: (context.x[SP] ?? 0) >>> 0,
    s0: (context.x[S0] ?? 0) >>> 0,
  };
  const frames: StackFrame[] = [{ pc: registers.pc, site: registers.pc }];
  const seen = new Set<string>();
  while (frames.length < framesMax) {
    const caller = step(registers, memory, symbolizer, frames.length === 1, cache);
    if (!caller || !isReturnAddress(caller.pc, memory, symbolizer)) break;
    // A frame that was there before: the chain runs in a circle.
    const key = `${caller.sp} ${caller.s0} ${caller.pc}`;
    if (seen.has(key)) break;
    seen.add(key);
    frames.push({ pc: caller.pc, site: caller.pc - 1 });
    registers = caller;
  }
  return frames;
}

function step(
  registers: Registers,
  memory: UnwindMemory,
  symbolizer: Symbolizer | undefined,
  innermost: boolean,
  cache: FrameCache | undefined,
): Registers | undefined {
  // A call can be a function's last instruction: the return address then lies behind it.
  const place = symbolizer?.lookup(innermost ? registers.pc : registers.pc - 1);
  if (place && place.address === symbolizer?.entry) return undefined;
  const analysed = place && byCode(registers, memory, place, innermost, cache);
  return analysed ?? byFramePointer(registers, memory);
}

/** One frame by what the function's code has done up to here. */
function byCode(
  registers: Registers,
  memory: UnwindMemory,
  place: SymbolPlace,
  innermost: boolean,
  cache: FrameCache | undefined,
): Registers | undefined {
  // A label without a size: only what runs right now is looked at, from the label up to the pc.
  const size = place.size > 0 ? place.size : innermost ? place.offset + 4 : 0;
  if (size === 0 || size > FUNCTION_BYTES_MAX) return undefined;
  const layout = cache?.get(registers.pc) ?? layoutIn(memory, place.address, size, registers.pc);
  if (!layout) return undefined;
  cache?.set(registers.pc, layout);
  if (place.size === 0 && !(layout.cfaRegister === SP && isAfterCall(memory, registers.ra))) {
    return undefined;
  }
  const cfa = ((layout.cfaRegister === SP ? registers.sp : registers.s0) + layout.cfaOffset) >>> 0;
  if (cfa % 4 !== 0) return undefined;
  // Only the running function may still have its return address in ra.
  const raSlot = layout.saved.get(RA);
  if (raSlot === undefined && !innermost) return undefined;
  const s0Slot = layout.saved.get(S0);
  const ra = raSlot === undefined ? registers.ra : word(memory, cfa + raSlot);
  const s0 = s0Slot === undefined ? registers.s0 : word(memory, cfa + s0Slot);
  if (ra === undefined || s0 === undefined) return undefined;
  return { pc: ra, ra, sp: cfa, s0 };
}

function layoutIn(
  memory: UnwindMemory,
  start: number,
  size: number,
  pc: number,
): FrameLayout | undefined {
  const code = read(memory, start, size);
  return code && frameLayoutAt(code, pc - start);
}

/** Whether the instruction before an address is a call: jal or jalr that links in ra. */
function isAfterCall(memory: UnwindMemory, address: number): boolean {
  const bytes = read(memory, address - 4, 4);
  if (!bytes) return false;
  const [low, , high] = bytes;
  const isJump = (low & 0x7f) === 0x6f || (low & 0x7f) === 0x67;
  const links = (((bytes[1] & 0x0f) << 1) | (low >>> 7)) === RA;
  const isShort = (high & 0x7f) === 0x02 && (bytes[3] & 0xf0) === 0x90; // c.jalr
  const isShortJal = (high & 3) === 1 && (bytes[3] & 0xe0) === 0x20; // c.jal
  return (isJump && links) || isShort || isShortJal;
}

function byFramePointer(registers: Registers, memory: UnwindMemory): Registers | undefined {
  const { s0 } = registers;
  if (s0 === 0 || s0 % 4 !== 0 || s0 < 8) return undefined;
  const ra = word(memory, s0 - 4);
  const caller = word(memory, s0 - 8);
  if (ra === undefined || caller === undefined) return undefined;
  return { pc: ra, ra, sp: s0, s0: caller };
}

/** Whether code could return there: even, inside the program's code or at least inside memory. */
function isReturnAddress(
  address: number,
  memory: UnwindMemory,
  symbolizer: Symbolizer | undefined,
): boolean {
  if (address === 0 || address % 2 !== 0) return false;
  return symbolizer?.hasCode
    ? symbolizer.isCode(address) || symbolizer.isCode(address - 1)
    : read(memory, address, 2) !== undefined;
}

function word(memory: UnwindMemory, address: number): number | undefined {
  const bytes = read(memory, address, 4);
  return bytes && new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
}

function read(memory: UnwindMemory, address: number, length: number): Uint8Array | undefined {
  if (address < 0 || address + length > 2 ** 32) return undefined;
  try {
    const bytes = memory.readMemory(address, length);
    return bytes.length === length ? bytes : undefined;
  } catch {
    return undefined;
  }
}

/** `#0 80000010 printk+0x10/0x80 (firmware/printk/printk.ts:12)`, one line per frame. */
export function formatStack(frames: readonly StackFrame[], symbolizer?: Symbolizer): string[] {
  return frames.map((frame, index) => `#${index} ${describeFrame(frame, symbolizer)}`);
}

/** Address, name with offset and size as Linux writes it, and source line. */
export function describeFrame({ pc, site }: StackFrame, symbolizer?: Symbolizer): string {
  const address = pc.toString(16).padStart(8, '0');
  const place = placeOf(pc, site, symbolizer);
  const source = symbolizer?.source(site);
  const name = place
    ? ` ${place.name}+0x${(pc - place.address).toString(16)}${place.size > 0 ? `/0x${place.size.toString(16)}` : ''}`
    : '';
  return `${address}${name}${source ? ` (${source})` : ''}`;
}

/** A label that was put at a return address on purpose names the frame better than what is before. */
function placeOf(pc: number, site: number, symbolizer?: Symbolizer): SymbolPlace | undefined {
  const exact = symbolizer?.lookup(pc);
  return exact?.offset === 0 && exact.size === 0 ? exact : symbolizer?.lookup(site);
}
