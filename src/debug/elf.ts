// Reads ELF32 little-endian RISC-V executables: gABI chapters 4 and 5, RISC-V psABI "ELF Object
// Files". Everything is checked before it is used. Left out: relocations, notes, versioning.

import { readFileSync } from 'node:fs';
import { inflateSync } from 'node:zlib';
import { PrintkitError } from '../errors.ts';
import type { MachineImage } from '../machine/image.ts';
import { ByteReader, DamagedData } from './byte-reader.ts';

/** Magic number at the start of a file: 0x7f, 'ELF' (gABI, e_ident). */
const MAGIC = [0x7f, 0x45, 0x4c, 0x46];

export interface ElfSegment {
  readonly address: number;
  /** Where a debugger sees it; differs from `address` for code that moves itself or is mapped. */
  readonly virtualAddress: number;
  readonly bytes: Uint8Array;
  readonly memoryBytes: number;
  readonly executable: boolean;
  readonly writable: boolean;
}

export interface ElfSection {
  readonly name: string;
  readonly address: number;
  readonly size: number;
  /** Mapped into memory when the program runs. */
  readonly alloc: boolean;
  readonly executable: boolean;
  readonly writable: boolean;
  /** Contents, decompressed; empty for .bss and the like. */
  readonly bytes: Uint8Array;
}

export interface ElfSymbol {
  readonly name: string;
  readonly address: number;
  readonly size: number;
  readonly type: 'none' | 'object' | 'function';
  readonly global: boolean;
  /** The section that the symbol belongs to, if it is not absolute. */
  readonly section?: ElfSection;
}

export interface ElfFile {
  /** Name for messages. */
  readonly name: string;
  /** Physical address at which harts start. */
  readonly entry: number;
  readonly segments: readonly ElfSegment[];
  readonly sections: readonly ElfSection[];
  readonly symbols: readonly ElfSymbol[];
}

const EM_RISCV = 243;
const ET_EXEC = 2;
const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_INTERP = 3;
const SHT_SYMTAB = 2;
const SHT_NOBITS = 8;
const SHF_WRITE = 1;
const SHF_ALLOC = 2;
const SHF_EXECINSTR = 4;
const SHF_COMPRESSED = 0x800;
const ELFCOMPRESS_ZLIB = 1;
const EF_FLOAT_ABI = 6;
const SHN_ABS = 0xfff1;
const EHDR_BYTES = 52;
const PHDR_BYTES = 32;
const SHDR_BYTES = 40;
const SYM_BYTES = 16;
/** A debug section that claims to be larger than this when decompressed is damaged. */
const INFLATED_BYTES_MAX = 1 << 28;
/** Machines that people try by mistake, for the message. */
const MACHINES: Readonly<Record<number, string>> = {
  3: 'x86',
  8: 'MIPS',
  20: 'PowerPC',
  40: 'ARM',
  62: 'x86-64',
  183: 'AArch64',
};
const OBJECT_TYPES: Readonly<Record<number, string>> = {
  1: 'is an object file: link it first',
  3: 'is dynamically linked or position-independent: link it with -static -no-pie',
  4: 'is a core dump, not a program',
};
const HOW_TO_BUILD = 'compile for -march=rv32imac_zicsr -mabi=ilp32';

const hex = (value: number): string => `0x${value.toString(16)}`;

/**
 * Reads an ELF file from disk.
 * @throws PrintkitError when it cannot be read or is no program for this machine
 */
export function readElfFile(path: string): ElfFile {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const reasons: Readonly<Record<string, string>> = {
      ENOENT: 'no such file',
      EISDIR: 'is a directory',
      EACCES: 'no permission to read it',
    };
    const reason = reasons[code ?? ''] ?? `cannot be read (${code ?? String(error)})`;
    throw new PrintkitError(`${path}: ${reason}`);
  }
  return readElf(bytes, path);
}

/**
 * Reads an ELF file.
 * @param name for messages, e.g. the path
 * @throws PrintkitError when it is no statically linked RV32 executable, or damaged
 */
export function readElf(bytes: Uint8Array, name = 'ELF file'): ElfFile {
  try {
    return parse(bytes, name);
  } catch (error) {
    if (!(error instanceof DamagedData)) throw error;
    throw new PrintkitError(`${name}: truncated or damaged ELF file: ${error.message}`);
  }
}

interface Header {
  readonly entry: number;
  readonly programTable: { offset: number; count: number; entryBytes: number };
  readonly sectionTable: { offset: number; count: number; entryBytes: number; names: number };
}

function parse(bytes: Uint8Array, name: string): ElfFile {
  const header = readHeader(bytes, name);
  const segments = readSegments(bytes, name, header);
  const rawSections = readSectionHeaders(bytes, header);
  const sections = rawSections.map((raw) => toSection(bytes, raw));
  const symbols = readSymbols(bytes, rawSections, sections);
  return { name, entry: physicalEntry(header.entry, segments), segments, sections, symbols };
}

function readHeader(bytes: Uint8Array, name: string): Header {
  const fail = (text: string): never => {
    throw new PrintkitError(`${name}: ${text}`);
  };
  if (bytes.length === 0) fail('is empty');
  if (MAGIC.some((byte, i) => bytes[i] !== byte)) fail('not an ELF file');
  if (bytes.length < EHDR_BYTES)
    fail(`truncated: ${bytes.length} bytes are too few for an ELF file`);
  if (bytes[4] === 2) fail(`is a 64-bit ELF file; the machine is RV32: ${HOW_TO_BUILD}`);
  if (bytes[4] !== 1) fail(`unknown ELF class ${bytes[4]}`);
  if (bytes[5] !== 1) fail('is big-endian; the machine is little-endian');
  const reader = new ByteReader(bytes, 16);
  const type = reader.u16();
  const machine = reader.u16();
  if (machine !== EM_RISCV) {
    fail(
      `is for ${MACHINES[machine] ?? `ELF machine ${machine}`}, not for RISC-V: ${HOW_TO_BUILD}`,
    );
  }
  if (type !== ET_EXEC) fail(OBJECT_TYPES[type] ?? `unknown ELF file type ${type}`);
  reader.skip(4);
  const entry = reader.u32();
  const programOffset = reader.u32();
  const sectionOffset = reader.u32();
  const flags = reader.u32();
  if ((flags & EF_FLOAT_ABI) !== 0) {
    fail(`uses a floating-point ABI, and the machine has no FPU: ${HOW_TO_BUILD}`);
  }
  reader.skip(2);
  const [programBytes, programs, sectionBytes, sections, names] = Array.from({ length: 5 }, () =>
    reader.u16(),
  ) as [number, number, number, number, number];
  return {
    entry,
    programTable: { offset: programOffset, count: programs, entryBytes: programBytes },
    sectionTable: { offset: sectionOffset, count: sections, entryBytes: sectionBytes, names },
  };
}

function readSegments(bytes: Uint8Array, name: string, { programTable }: Header): ElfSegment[] {
  const segments: ElfSegment[] = [];
  const { offset: start, count, entryBytes } = programTable;
  if (count > 0 && entryBytes < PHDR_BYTES) throw new DamagedData('program headers too short');
  for (let i = 0; i < count; i++) {
    const reader = new ByteReader(bytes, Math.min(start + i * entryBytes, bytes.length));
    const type = reader.u32();
    if (type === PT_DYNAMIC || type === PT_INTERP) {
      throw new PrintkitError(`${name}: ${OBJECT_TYPES[3]}`);
    }
    const [offset, virtualAddress, address, fileBytes, memoryBytes, flags] = Array.from(
      { length: 6 },
      () => reader.u32(),
    ) as [number, number, number, number, number, number];
    if (type !== PT_LOAD || memoryBytes === 0) continue;
    const where = `segment at ${hex(address)}`;
    if (offset + fileBytes > bytes.length) {
      throw new PrintkitError(
        `${name}: truncated: ${where} needs ${offset + fileBytes} bytes of file, there are ${bytes.length}`,
      );
    }
    if (fileBytes > memoryBytes) throw new DamagedData(`${where} has more bytes than memory`);
    if (address + memoryBytes > 2 ** 32) throw new DamagedData(`${where} goes beyond 4 GiB`);
    segments.push({
      address,
      virtualAddress,
      bytes: bytes.subarray(offset, offset + fileBytes),
      memoryBytes,
      executable: (flags & 1) !== 0,
      writable: (flags & 2) !== 0,
    });
  }
  if (segments.length === 0) throw new PrintkitError(`${name}: has nothing to load into memory`);
  checkOverlap(name, segments);
  return segments;
}

function checkOverlap(name: string, segments: readonly ElfSegment[]): void {
  const sorted = [...segments].sort((a, b) => a.address - b.address);
  sorted.forEach((segment, i) => {
    const next = sorted[i + 1];
    if (!next || segment.address + segment.memoryBytes <= next.address) return;
    throw new PrintkitError(
      `${name}: segments at ${hex(segment.address)} (${segment.memoryBytes} bytes) and ${hex(next.address)} overlap`,
    );
  });
}

/** The entry is a virtual address; without an MMU, harts start at the physical one. */
function physicalEntry(entry: number, segments: readonly ElfSegment[]): number {
  const home = segments.find(
    (s) => entry >= s.virtualAddress && entry < s.virtualAddress + s.memoryBytes,
  );
  return home ? (entry - home.virtualAddress + home.address) >>> 0 : entry;
}

interface RawSection {
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  readonly address: number;
  readonly offset: number;
  readonly size: number;
  readonly link: number;
}

function readSectionHeaders(bytes: Uint8Array, { sectionTable }: Header): RawSection[] {
  const { offset: start, count, entryBytes, names } = sectionTable;
  if (count === 0 || start === 0) return [];
  if (entryBytes < SHDR_BYTES) throw new DamagedData('section headers too short');
  if (start + count * entryBytes > bytes.length) {
    throw new DamagedData(
      `the section table should end at byte ${start + count * entryBytes}, the file has ${bytes.length}`,
    );
  }
  const raw = Array.from({ length: count }, (_, i) => {
    const reader = new ByteReader(bytes, start + i * entryBytes);
    const [nameOffset, type, flags, address, offset, size, link] = Array.from({ length: 7 }, () =>
      reader.u32(),
    ) as [number, number, number, number, number, number, number];
    return { nameOffset, type, flags, address, offset, size, link };
  });
  const strings = raw[names];
  return raw.map((section) => ({
    ...section,
    name: strings ? text(bytes, strings, section.nameOffset) : '',
  }));
}

/** A string of a string table. */
function text(bytes: Uint8Array, table: { offset: number; size: number }, at: number): string {
  if (at === 0) return '';
  if (at >= table.size) throw new DamagedData('name outside of its string table');
  return new ByteReader(bytes, table.offset + at, table.offset + table.size).string();
}

function contents(bytes: Uint8Array, raw: RawSection): Uint8Array {
  if (raw.type === SHT_NOBITS || raw.type === 0) return new Uint8Array(0);
  if (raw.offset + raw.size > bytes.length) {
    throw new DamagedData(`section ${raw.name} goes beyond the end of the file`);
  }
  return bytes.subarray(raw.offset, raw.offset + raw.size);
}

function toSection(bytes: Uint8Array, raw: RawSection): ElfSection {
  const stored = contents(bytes, raw);
  return {
    name: raw.name,
    address: raw.address,
    size: raw.size,
    alloc: (raw.flags & SHF_ALLOC) !== 0,
    executable: (raw.flags & SHF_EXECINSTR) !== 0,
    writable: (raw.flags & SHF_WRITE) !== 0,
    bytes: (raw.flags & SHF_COMPRESSED) !== 0 ? inflate(stored, raw.name) : stored,
  };
}

/** gABI, "Section Compression". */
function inflate(stored: Uint8Array, name: string): Uint8Array {
  const reader = new ByteReader(stored);
  const type = reader.u32();
  const size = reader.u32();
  reader.skip(4);
  if (type !== ELFCOMPRESS_ZLIB || size > INFLATED_BYTES_MAX) {
    throw new DamagedData(`section ${name} is compressed in an unknown way`);
  }
  try {
    return inflateSync(stored.subarray(reader.offset), { maxOutputLength: Math.max(1, size) });
  } catch {
    throw new DamagedData(`section ${name} cannot be decompressed`);
  }
}

function readSymbols(
  bytes: Uint8Array,
  raw: readonly RawSection[],
  sections: readonly ElfSection[],
): ElfSymbol[] {
  const table = raw.find((section) => section.type === SHT_SYMTAB);
  const strings = table ? raw[table.link] : undefined;
  if (!table || !strings) return [];
  const symbols: ElfSymbol[] = [];
  const reader = new ByteReader(contents(bytes, table));
  contents(bytes, strings);
  while (reader.offset + SYM_BYTES <= reader.end) {
    const nameOffset = reader.u32();
    const address = reader.u32();
    const size = reader.u32();
    const info = reader.u8();
    reader.skip(1);
    const home = reader.u16();
    const type = ([0, 1, 2] as const).find((t) => t === (info & 15));
    // Undefined, section and file symbols, and mapping symbols ($x, $d) name nothing to a user.
    if (home === 0 || type === undefined || nameOffset === 0) continue;
    const name = text(bytes, strings, nameOffset);
    if (name === '' || name.startsWith('$')) continue;
    const section = home === SHN_ABS ? undefined : sections[home];
    symbols.push({
      name,
      address,
      size,
      type: (['none', 'object', 'function'] as const)[type],
      global: info >>> 4 !== 0,
      ...(section ? { section } : {}),
    });
  }
  return symbols;
}

/** What the machine loads. `tohost` is HTIF's word if the program has that symbol. */
export function toMachineImage(elf: ElfFile): MachineImage {
  const tohost = elf.symbols.find((symbol) => symbol.name === 'tohost');
  return {
    entry: elf.entry,
    segments: elf.segments.map((segment) => {
      const { address, bytes, memoryBytes } = segment;
      const skip = headerBytes(elf, segment);
      return {
        address: address + skip,
        bytes: bytes.subarray(skip),
        memoryBytes: memoryBytes - skip,
      };
    }),
    ...(tohost ? { tohost: tohost.address } : {}),
  };
}

/**
 * Bytes before a segment's first section when the segment starts with the ELF header: GNU ld maps
 * the headers in front of .text unless told otherwise, for `-Ttext=0x80000000` into the page below RAM.
 */
function headerBytes(elf: ElfFile, { bytes, virtualAddress, memoryBytes }: ElfSegment): number {
  if (bytes.length < 4 || MAGIC.some((byte, i) => bytes[i] !== byte)) return 0;
  const starts = elf.sections
    .filter(({ alloc, address }) => alloc && address >= virtualAddress)
    .map(({ address }) => address - virtualAddress);
  const first = Math.min(...starts);
  return first < memoryBytes ? first : 0;
}
