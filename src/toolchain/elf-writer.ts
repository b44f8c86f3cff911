// A linked program as an ELF32 little-endian RISC-V executable: gABI chapters 4 and 5, RISC-V psABI
// "ELF Object Files". Left out: relocations, dynamic linking, section groups.

import { PrintkitError } from '../errors.ts';
import { ByteWriter } from './byte-writer.ts';
import { writeDwarf, type LineRow } from './dwarf-writer.ts';
import type { SectionFlags, SymbolType } from './object-code.ts';

/** A section at its final address. */
export interface LinkedSection {
  readonly name: string;
  readonly address: number;
  /** Empty when `flags.nobits`. */
  readonly bytes: Uint8Array;
  /** Size in memory; equals `bytes.length` unless `flags.nobits`. */
  readonly size: number;
  readonly align: number;
  readonly flags: SectionFlags;
}

/** A symbol at its final address. */
export interface LinkedSymbol {
  readonly name: string;
  readonly address: number;
  readonly size: number;
  readonly type: SymbolType;
  readonly global: boolean;
}

export interface LinkedProgram {
  readonly entry: number;
  readonly sections: readonly LinkedSection[];
  readonly symbols: readonly LinkedSymbol[];
  /** Source lines of the code; without them there is no debug information. */
  readonly lines?: readonly LineRow[];
  /** Main source file for DW_AT_name. */
  readonly unitName?: string;
  readonly producer?: string;
}

const EM_RISCV = 243;
const EF_RISCV_RVC = 1;
const SHT_PROGBITS = 1;
const SHT_SYMTAB = 2;
const SHT_STRTAB = 3;
const SHT_NOBITS = 8;
const SHT_RISCV_ATTRIBUTES = 0x70000003;
const SHF_WRITE = 1;
const SHF_ALLOC = 2;
const SHF_EXECINSTR = 4;
const PT_LOAD = 1;
const PF_X = 1;
const PF_W = 2;
const PF_R = 4;
const SHN_ABS = 0xfff1;
const EHDR_BYTES = 52;
const PHDR_BYTES = 32;
const SHDR_BYTES = 40;
const SYM_BYTES = 16;
const STT: Readonly<Record<SymbolType, number>> = { none: 0, object: 1, function: 2 };
/** What the program may use: lets objdump and gdb decode it without being told. */
const ARCH = 'rv32i2p1_m2p0_a2p1_c2p0_zicsr2p0_zifencei2p0';
/** A hole between sections that is larger starts a new segment. */
const GAP_MAX = 4096;

interface FileSection {
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  readonly address: number;
  readonly bytes: Uint8Array;
  readonly size: number;
  readonly align: number;
  readonly link?: string;
  readonly info?: number;
  readonly entryBytes?: number;
  offset: number;
}

interface Segment {
  readonly flags: number;
  readonly sections: FileSection[];
}

/**
 * Writes the executable.
 * @throws PrintkitError when sections overlap
 */
export function writeElf(program: LinkedProgram): Uint8Array {
  const loaded = program.sections
    .filter((s) => s.flags.alloc && s.size > 0)
    .sort((a, b) => a.address - b.address)
    .map(toFileSection);
  checkOverlap(loaded);
  const segments = groupSegments(loaded);
  const sections = [...loaded, ...plainSections(program), ...symbolSections(program, loaded)];
  const names = sectionNames(sections);
  sections.push(names.section);

  const out = new ByteWriter().bytes(new Uint8Array(EHDR_BYTES + segments.length * PHDR_BYTES));
  for (const segment of segments) writeSegment(out, segment);
  for (const section of sections) {
    if ((section.flags & SHF_ALLOC) !== 0) continue;
    out.align(Math.max(1, section.align));
    section.offset = out.length;
    out.bytes(section.bytes);
  }
  out.align(4);
  const sectionTable = out.length;
  writeSectionTable(out, sections, names.offsets);
  const file = out.take();
  const head = new ByteWriter();
  writeHeader(head, program.entry, segments.length, sectionTable, sections.length + 1);
  for (const segment of segments) writeProgramHeader(head, segment);
  file.set(head.take(), 0);
  return file;
}

function toFileSection(s: LinkedSection): FileSection {
  const flags = SHF_ALLOC | (s.flags.write ? SHF_WRITE : 0) | (s.flags.execute ? SHF_EXECINSTR : 0);
  const type = s.flags.nobits ? SHT_NOBITS : SHT_PROGBITS;
  const { name, address, bytes, align } = s;
  const size = s.flags.nobits ? s.size : s.bytes.length;
  return { name, type, flags, address, bytes, size, align: Math.max(1, align), offset: 0 };
}

function checkOverlap(sections: readonly FileSection[]): void {
  sections.forEach((section, index) => {
    const next = sections[index + 1];
    if (next && section.address + section.size > next.address) {
      throw new PrintkitError(
        `sections ${section.name} and ${next.name} overlap at 0x${next.address.toString(16)}`,
      );
    }
  });
}

/** Neighbours with equal rights share a segment; bytes cannot follow zeros within one. */
function groupSegments(sections: readonly FileSection[]): Segment[] {
  const segments: Segment[] = [];
  for (const section of sections) {
    const flags =
      PF_R |
      ((section.flags & SHF_WRITE) !== 0 ? PF_W : 0) |
      ((section.flags & SHF_EXECINSTR) !== 0 ? PF_X : 0);
    const segment = segments[segments.length - 1];
    const last = segment?.sections[segment.sections.length - 1];
    const joins =
      segment?.flags === flags &&
      last !== undefined &&
      section.address - (last.address + last.size) <= GAP_MAX &&
      !(last.type === SHT_NOBITS && section.type !== SHT_NOBITS);
    if (joins) segment.sections.push(section);
    else segments.push({ flags, sections: [section] });
  }
  return segments;
}

function writeSegment(out: ByteWriter, segment: Segment): void {
  const [first] = segment.sections;
  if (!first) return;
  // p_offset and p_vaddr must be congruent modulo p_align.
  const align = segmentAlign(segment);
  while (out.length % align !== first.address % align) out.u8(0);
  const start = out.length;
  for (const section of segment.sections) {
    section.offset = start + section.address - first.address;
    if (section.type === SHT_NOBITS) continue;
    while (out.length < section.offset) out.u8(0);
    out.bytes(section.bytes);
  }
}

const segmentAlign = (segment: Segment): number =>
  Math.max(4, ...segment.sections.map((section) => section.align));

/** Sections without an address: whatever the program brings, attributes, debug information. */
function plainSections(program: LinkedProgram): FileSection[] {
  const plain = (name: string, bytes: Uint8Array, type = SHT_PROGBITS): FileSection => ({
    name,
    type,
    flags: 0,
    address: 0,
    bytes,
    size: bytes.length,
    align: 1,
    offset: 0,
  });
  const sections = program.sections
    .filter((s) => !s.flags.alloc && s.size > 0)
    .map((s) => plain(s.name, s.bytes));
  sections.push(plain('.riscv.attributes', attributes(), SHT_RISCV_ATTRIBUTES));
  if (program.lines) {
    const debug = writeDwarf({
      unitName: program.unitName ?? program.lines[0]?.file ?? 'program',
      producer: program.producer ?? 'printkit',
      lines: program.lines,
      functions: program.symbols.filter((s) => s.type === 'function'),
      code: program.sections.filter((s) => s.flags.alloc && s.flags.execute && !s.flags.nobits),
    });
    sections.push(...debug.map(({ name, bytes }) => plain(name, bytes)));
  }
  return sections;
}

/** RISC-V psABI, "Attributes": format A, vendor riscv, file scope. */
function attributes(): Uint8Array {
  const TAG_STACK_ALIGN = 4;
  const TAG_ARCH = 5;
  const values = new ByteWriter().uleb(TAG_STACK_ALIGN).uleb(16).uleb(TAG_ARCH).string(ARCH);
  const file = new ByteWriter()
    .u8(1)
    .u32(values.length + 5)
    .bytes(values.take());
  const vendor = new ByteWriter().string('riscv').bytes(file.take());
  return new ByteWriter()
    .u8(0x41)
    .u32(vendor.length + 4)
    .bytes(vendor.take())
    .take();
}

function symbolSections(program: LinkedProgram, loaded: readonly FileSection[]): FileSection[] {
  const strings = new ByteWriter().u8(0);
  const table = new ByteWriter().bytes(new Uint8Array(SYM_BYTES));
  const byAddress = (a: LinkedSymbol, b: LinkedSymbol) => a.address - b.address;
  const locals = program.symbols.filter((s) => !s.global).sort(byAddress);
  const globals = program.symbols.filter((s) => s.global).sort(byAddress);
  for (const symbol of [...locals, ...globals]) {
    table.u32(strings.length).u32(symbol.address).u32(symbol.size);
    table.u8((symbol.global ? 0x10 : 0) | STT[symbol.type]).u8(0);
    table.u16(sectionIndex(symbol, loaded));
    strings.string(symbol.name);
  }
  const common = { flags: 0, address: 0, offset: 0 };
  const symtab = table.take();
  const strtab = strings.take();
  return [
    {
      ...common,
      name: '.symtab',
      type: SHT_SYMTAB,
      bytes: symtab,
      size: symtab.length,
      align: 4,
      link: '.strtab',
      info: locals.length + 1,
      entryBytes: SYM_BYTES,
    },
    { ...common, name: '.strtab', type: SHT_STRTAB, bytes: strtab, size: strtab.length, align: 1 },
  ];
}

/** The section that holds the symbol; one at a section's end (like _end) belongs to that section. */
function sectionIndex(symbol: LinkedSymbol, loaded: readonly FileSection[]): number {
  const within = (last: number) =>
    loaded.findIndex(
      (s) => symbol.address >= s.address && symbol.address < s.address + s.size + last,
    );
  const inside = within(0);
  const index = inside >= 0 ? inside : within(1);
  return index >= 0 ? index + 1 : SHN_ABS;
}

function sectionNames(sections: readonly FileSection[]): {
  section: FileSection;
  offsets: Map<string, number>;
} {
  const strings = new ByteWriter().u8(0);
  const offsets = new Map<string, number>();
  for (const name of [...sections.map((s) => s.name), '.shstrtab']) {
    offsets.set(name, strings.length);
    strings.string(name);
  }
  const bytes = strings.take();
  const section: FileSection = {
    name: '.shstrtab',
    type: SHT_STRTAB,
    flags: 0,
    address: 0,
    bytes,
    size: bytes.length,
    align: 1,
    offset: 0,
  };
  return { section, offsets };
}

function writeSectionTable(
  out: ByteWriter,
  sections: readonly FileSection[],
  names: ReadonlyMap<string, number>,
): void {
  out.bytes(new Uint8Array(SHDR_BYTES));
  const index = (name: string | undefined) => sections.findIndex((s) => s.name === name) + 1;
  for (const s of sections) {
    out
      .u32(names.get(s.name) ?? 0)
      .u32(s.type)
      .u32(s.flags)
      .u32(s.address)
      .u32(s.offset);
    out
      .u32(s.size)
      .u32(index(s.link))
      .u32(s.info ?? 0)
      .u32(s.align)
      .u32(s.entryBytes ?? 0);
  }
}

function writeHeader(
  out: ByteWriter,
  entry: number,
  segments: number,
  sectionTable: number,
  sections: number,
): void {
  out.bytes([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]); // ELF32, LSB, SYSV
  out.u16(2).u16(EM_RISCV).u32(1).u32(entry).u32(EHDR_BYTES).u32(sectionTable);
  out.u32(EF_RISCV_RVC).u16(EHDR_BYTES).u16(PHDR_BYTES).u16(segments);
  out
    .u16(SHDR_BYTES)
    .u16(sections)
    .u16(sections - 1);
}

function writeProgramHeader(out: ByteWriter, segment: Segment): void {
  const [first] = segment.sections;
  const last = segment.sections[segment.sections.length - 1];
  const lastFilled = segment.sections.filter((s) => s.type !== SHT_NOBITS).pop();
  if (!first || !last) return;
  const fileBytes = lastFilled ? lastFilled.address + lastFilled.size - first.address : 0;
  const memoryBytes = last.address + last.size - first.address;
  out.u32(PT_LOAD).u32(first.offset).u32(first.address).u32(first.address);
  out.u32(fileBytes).u32(memoryBytes).u32(segment.flags).u32(segmentAlign(segment));
}
