// Writes the machine as an ELF core file: gABI chapters 4 and 5; notes as Linux writes them for RV32
// (elf_prstatus) and for /proc/vmcore (VMCOREINFO). gdb, vmcore-dmesg, drgn and `printkit dmesg` read it.
// Virtual addresses are physical ones: there is no MMU. Left out: device registers, CSRs.

import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { PrintkitError } from '../errors.ts';
import { PAGE_BYTES, RAM_BASE } from '../machine/memory-map.ts';
import type { ElfSymbol } from './elf.ts';

/** What a core file holds of a hart. */
export interface CoreHart {
  readonly id: number;
  readonly pc: number;
  /** x0 to x31. */
  readonly x: ArrayLike<number>;
}

export interface CoreMachine {
  readonly harts: readonly CoreHart[];
  readonly memory: { readonly u8: Uint8Array };
}

/** A part of the file. What lies between two pieces is zeros. */
export interface CorePiece {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

const EHDR_BYTES = 52;
const PHDR_BYTES = 32;
const ET_CORE = 4;
const EM_RISCV = 243;
const EF_RISCV_RVC = 1;
const PT_LOAD = 1;
const PT_NOTE = 4;
const PF_RWX = 7;
const NT_PRSTATUS = 1;
/** Linux gives the VMCOREINFO note no type. */
const NT_VMCOREINFO = 0;
/** struct elf_prstatus of RV32 Linux: its size, and where gdb finds the thread's number and pc, x1 to x31. */
const PRSTATUS_BYTES = 204;
const PR_PID = 24;
const PR_REG = 72;
/** A guest that claims more than this has a damaged vmcoreinfo_size. */
const VMCOREINFO_BYTES_MAX = 64 * 1024;

export interface CoreOptions {
  /** See guestVmcoreinfo(). */
  readonly vmcoreinfo?: Uint8Array | undefined;
  /** The hart that a debugger shows first; default 0. */
  readonly hart?: number | undefined;
}

/** The file in pieces, in order of their offsets. RAM is a view, not a copy. */
export function corePieces(
  machine: CoreMachine,
  { vmcoreinfo, hart: shown = 0 }: CoreOptions = {},
): readonly CorePiece[] {
  const { u8: ram } = machine.memory;
  const harts = [...machine.harts].sort(
    (a, b) => Number(a.id !== shown) - Number(b.id !== shown) || a.id - b.id,
  );
  const notes = harts.map((hart) => note('CORE', NT_PRSTATUS, prstatus(hart)));
  if (vmcoreinfo) notes.push(note('VMCOREINFO', NT_VMCOREINFO, vmcoreinfo));
  const notesBytes = notes.reduce((sum, bytes) => sum + bytes.length, 0);
  const notesOffset = PAGE_BYTES + ram.length;

  // vmcore-dmesg takes the first program header, of any type, whose memory holds an address: PT_NOTE
  // comes last and has no memory.
  const headers = new DataView(new ArrayBuffer(EHDR_BYTES + 2 * PHDR_BYTES));
  headers.setUint32(0, 0x7f454c46);
  headers.setUint32(4, 0x01010100); // 32-bit, little-endian, version 1
  words16(headers, 16, [ET_CORE, EM_RISCV]);
  words32(headers, 20, [1, 0, EHDR_BYTES, 0, EF_RISCV_RVC]);
  words16(headers, 40, [EHDR_BYTES, PHDR_BYTES, 2]);
  const load = [
    PT_LOAD,
    PAGE_BYTES,
    RAM_BASE,
    RAM_BASE,
    ram.length,
    ram.length,
    PF_RWX,
    PAGE_BYTES,
  ];
  words32(headers, EHDR_BYTES, load);
  words32(headers, EHDR_BYTES + PHDR_BYTES, [PT_NOTE, notesOffset, 0, 0, notesBytes, 0, 0, 4]);
  const pieces = [
    { offset: 0, bytes: new Uint8Array(headers.buffer) },
    { offset: PAGE_BYTES, bytes: ram },
  ];

  let offset = notesOffset;
  for (const bytes of notes) {
    pieces.push({ offset, bytes });
    offset += bytes.length;
  }
  return pieces;
}

/**
 * Writes the file; pages of zeros become holes.
 * @throws PrintkitError when it cannot be written
 */
export function writeCoreFile(path: string, machine: CoreMachine, options?: CoreOptions): void {
  let fd: number | undefined;
  try {
    fd = openSync(path, 'w');
    for (const { offset, bytes } of corePieces(machine, options)) {
      for (let at = 0; at < bytes.length; at += PAGE_BYTES) {
        const page = bytes.subarray(at, at + PAGE_BYTES);
        if (!isZeros(page)) writePage(fd, page, offset + at);
      }
      ftruncateSync(fd, offset + bytes.length);
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new PrintkitError(`cannot write the core file ${path}: ${code ?? String(error)}`);
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

function writePage(fd: number, page: Uint8Array, offset: number): void {
  for (let at = 0; at < page.length;) {
    at += writeSync(fd, page, at, page.length - at, offset + at);
  }
}

function isZeros(page: Uint8Array): boolean {
  if (page.length % 4 !== 0 || page.byteOffset % 4 !== 0) return false;
  const words = new Int32Array(page.buffer, page.byteOffset, page.length / 4);
  let bits = 0;
  for (let i = 0; i < words.length; i++) bits |= words[i] ?? 0;
  return bits === 0;
}

/**
 * What a crash tool needs to know of the guest: the text that it keeps at its symbol vmcoreinfo_data, of
 * the length in the word at vmcoreinfo_size. Undefined if it has no such symbols, or nothing there yet.
 */
export function guestVmcoreinfo(
  symbols: readonly ElfSymbol[],
  memory: {
    contains(address: number, length: number): boolean;
    view(address: number, length: number): Uint8Array;
  },
): Uint8Array | undefined {
  const find = (name: string) => symbols.find((symbol) => symbol.name === name)?.address;
  const data = find('vmcoreinfo_data');
  const size = find('vmcoreinfo_size');
  if (data === undefined || size === undefined || !memory.contains(size, 4)) return undefined;
  const word = memory.view(size, 4);
  const length = new DataView(word.buffer, word.byteOffset).getUint32(0, true);
  if (length === 0 || length > VMCOREINFO_BYTES_MAX || !memory.contains(data, length))
    return undefined;
  return memory.view(data, length);
}

function words32(view: DataView, offset: number, values: readonly number[]): void {
  values.forEach((value, i) => view.setUint32(offset + 4 * i, value, true));
}

function words16(view: DataView, offset: number, values: readonly number[]): void {
  values.forEach((value, i) => view.setUint16(offset + 2 * i, value, true));
}

/** A note: sizes and type, the name with its NUL, the contents, both padded to words. */
function note(name: string, type: number, contents: Uint8Array): Uint8Array {
  const nameBytes = new TextEncoder().encode(`${name}\0`);
  const padded = (length: number) => (length + 3) & ~3;
  const bytes = new Uint8Array(12 + padded(nameBytes.length) + padded(contents.length));
  words32(new DataView(bytes.buffer), 0, [nameBytes.length, contents.length, type]);
  bytes.set(nameBytes, 12);
  bytes.set(contents, 12 + padded(nameBytes.length));
  return bytes;
}

/** A hart is a thread to gdb; number 0 would mean "the only one", so they start with 1. */
function prstatus(hart: CoreHart): Uint8Array {
  const view = new DataView(new ArrayBuffer(PRSTATUS_BYTES));
  view.setUint32(PR_PID, hart.id + 1, true);
  view.setUint32(PR_REG, hart.pc, true);
  for (let i = 1; i < 32; i++) view.setUint32(PR_REG + 4 * i, hart.x[i] ?? 0, true);
  return new Uint8Array(view.buffer);
}
