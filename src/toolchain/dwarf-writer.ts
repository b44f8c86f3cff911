// Debug information for linked code: DWARF 4 line table, one compilation unit with its functions,
// address ranges and call frame information, as gdb, addr2line and objdump read them. Chapters 2, 6
// and 7 of DWARF 4. Left out: types, variables, inlining, lexical blocks.

import { ByteWriter } from './byte-writer.ts';
import { frameRows, type FrameRow } from '../debug/frame-layout.ts';

/** From `address` on, code comes from this place in the source. */
export interface LineRow {
  readonly address: number;
  /** Path relative to the project, with forward slashes: `firmware/serial/8250.ts`. */
  readonly file: string;
  /** 1-based; 0: no source line. */
  readonly line: number;
  /** 1-based; 0: unknown. */
  readonly column: number;
  /** A good place for a breakpoint. */
  readonly isStatement: boolean;
}

/** A function as debuggers show it. */
export interface DebugFunction {
  readonly name: string;
  readonly address: number;
  readonly size: number;
  readonly global: boolean;
}

/** Executable bytes at their final address. */
export interface CodeRange {
  readonly address: number;
  readonly bytes: Uint8Array;
}

export interface DebugInput {
  /** DW_AT_name of the unit: the main source file, relative. */
  readonly unitName: string;
  readonly producer: string;
  readonly lines: readonly LineRow[];
  readonly functions: readonly DebugFunction[];
  readonly code: readonly CodeRange[];
}

/** Non-allocated sections by name. */
export type DebugSections = readonly { readonly name: string; readonly bytes: Uint8Array }[];

/** Builds all debug sections. */
export function writeDwarf(input: DebugInput): DebugSections {
  const code = [...input.code]
    .filter((c) => c.bytes.length > 0)
    .sort((a, b) => a.address - b.address);
  const lines = [...input.lines].sort((a, b) => a.address - b.address);
  const functions = [...input.functions].sort((a, b) => a.address - b.address);
  const files = fileTable(lines, input.unitName);
  return [
    { name: '.debug_line', bytes: lineSection(lines, code, files) },
    { name: '.debug_info', bytes: infoSection(input, functions, lines, code, files) },
    { name: '.debug_abbrev', bytes: abbreviations() },
    { name: '.debug_ranges', bytes: rangesSection(code) },
    { name: '.debug_aranges', bytes: addressRanges(code) },
    { name: '.debug_frame', bytes: frameSection(functions, code) },
  ];
}

/** File numbers from 1. */
function fileTable(lines: readonly LineRow[], unitName: string): Map<string, number> {
  const files = new Map<string, number>([[unitName, 1]]);
  for (const { file } of lines) if (!files.has(file)) files.set(file, files.size + 1);
  return files;
}

// ---- .debug_line (DWARF 4, 6.2) ----

const LINE_BASE = -5;
const LINE_RANGE = 14;
const OPCODE_BASE = 13;
const STANDARD_OPCODE_LENGTHS = [0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1];
const DW_LNS_copy = 1;
const DW_LNS_advance_pc = 2;
const DW_LNS_advance_line = 3;
const DW_LNS_set_file = 4;
const DW_LNS_set_column = 5;
const DW_LNS_negate_stmt = 6;
const DW_LNE_end_sequence = 1;
const DW_LNE_set_address = 2;

function lineSection(
  lines: readonly LineRow[],
  code: readonly CodeRange[],
  files: ReadonlyMap<string, number>,
): Uint8Array {
  const header = new ByteWriter();
  header.u8(1).u8(1).u8(1); // minimum instruction length, operations per instruction, is_stmt
  header
    .u8(LINE_BASE & 0xff)
    .u8(LINE_RANGE)
    .u8(OPCODE_BASE)
    .bytes(STANDARD_OPCODE_LENGTHS);
  header.u8(0); // no include directories: file names hold the whole relative path
  for (const name of files.keys()) header.string(name).uleb(0).uleb(0).uleb(0);
  header.u8(0);
  const unit = new ByteWriter().u16(4).sized(header);
  for (const range of code) {
    const end = range.address + range.bytes.length;
    const rows = lines.filter((row) => row.address >= range.address && row.address < end);
    if (rows.length > 0) lineSequence(unit, rows, end, files);
  }
  return new ByteWriter().sized(unit).take();
}

function lineSequence(
  out: ByteWriter,
  rows: readonly LineRow[],
  end: number,
  files: ReadonlyMap<string, number>,
): void {
  let address = rows[0]?.address ?? 0;
  let file = 1;
  let line = 1;
  let column = 0;
  let isStatement = true;
  out.u8(0).uleb(5).u8(DW_LNE_set_address).u32(address);
  rows.forEach((row, index) => {
    // Several rows at one address would give an empty range: the last one tells.
    if (rows[index + 1]?.address === row.address) return;
    const number = files.get(row.file) ?? 1;
    if (number !== file) out.u8(DW_LNS_set_file).uleb((file = number));
    if (row.column !== column) out.u8(DW_LNS_set_column).uleb((column = row.column));
    if (row.isStatement !== isStatement) {
      isStatement = row.isStatement;
      out.u8(DW_LNS_negate_stmt);
    }
    advance(out, row.line - line, row.address - address);
    line = row.line;
    address = row.address;
  });
  out.u8(DW_LNS_advance_pc).uleb(end - address);
  out.u8(0).uleb(1).u8(DW_LNE_end_sequence);
}

/** Appends a row: one special opcode where it fits. */
function advance(out: ByteWriter, lines: number, bytes: number): void {
  const fits = lines >= LINE_BASE && lines < LINE_BASE + LINE_RANGE;
  const special = lines - LINE_BASE + LINE_RANGE * bytes + OPCODE_BASE;
  if (fits && special <= 255) {
    out.u8(special);
    return;
  }
  if (lines !== 0) out.u8(DW_LNS_advance_line).sleb(lines);
  if (bytes !== 0) out.u8(DW_LNS_advance_pc).uleb(bytes);
  out.u8(DW_LNS_copy);
}

// ---- .debug_info, .debug_abbrev (DWARF 4, 7.5) ----

const DW_TAG_compile_unit = 0x11;
const DW_TAG_subprogram = 0x2e;
const DW_AT_name = 0x03;
const DW_AT_stmt_list = 0x10;
const DW_AT_low_pc = 0x11;
const DW_AT_high_pc = 0x12;
const DW_AT_language = 0x13;
const DW_AT_producer = 0x25;
const DW_AT_decl_file = 0x3a;
const DW_AT_decl_line = 0x3b;
const DW_AT_external = 0x3f;
const DW_AT_frame_base = 0x40;
const DW_AT_ranges = 0x55;
const DW_FORM_addr = 0x01;
const DW_FORM_data2 = 0x05;
const DW_FORM_data4 = 0x06;
const DW_FORM_string = 0x08;
const DW_FORM_flag = 0x0c;
const DW_FORM_udata = 0x0f;
const DW_FORM_sec_offset = 0x17;
const DW_FORM_exprloc = 0x18;
/** There is no language code for TypeScript: C makes debuggers take C expressions. */
const DW_LANG_C99 = 0x0c;
const DW_OP_call_frame_cfa = 0x9c;

const UNIT: readonly (readonly [attribute: number, form: number])[] = [
  [DW_AT_producer, DW_FORM_string],
  [DW_AT_language, DW_FORM_data2],
  [DW_AT_name, DW_FORM_string],
  [DW_AT_stmt_list, DW_FORM_sec_offset],
  [DW_AT_low_pc, DW_FORM_addr],
  [DW_AT_ranges, DW_FORM_sec_offset],
];
const SUBPROGRAM: typeof UNIT = [
  [DW_AT_name, DW_FORM_string],
  [DW_AT_low_pc, DW_FORM_addr],
  [DW_AT_high_pc, DW_FORM_data4],
  [DW_AT_external, DW_FORM_flag],
  [DW_AT_decl_file, DW_FORM_udata],
  [DW_AT_decl_line, DW_FORM_udata],
  [DW_AT_frame_base, DW_FORM_exprloc],
];

function abbreviations(): Uint8Array {
  const out = new ByteWriter();
  const entry = (code: number, tag: number, children: boolean, attributes: typeof UNIT) => {
    out
      .uleb(code)
      .uleb(tag)
      .u8(children ? 1 : 0);
    for (const [attribute, form] of attributes) out.uleb(attribute).uleb(form);
    out.u8(0).u8(0);
  };
  entry(1, DW_TAG_compile_unit, true, UNIT);
  entry(2, DW_TAG_subprogram, false, SUBPROGRAM);
  return out.u8(0).take();
}

function infoSection(
  input: DebugInput,
  functions: readonly DebugFunction[],
  lines: readonly LineRow[],
  code: readonly CodeRange[],
  files: ReadonlyMap<string, number>,
): Uint8Array {
  const unit = new ByteWriter().u16(4).u32(0).u8(4); // version, abbreviations, address size
  unit.uleb(1).string(input.producer).u16(DW_LANG_C99).string(input.unitName).u32(0);
  // With DW_AT_ranges the base address counts: 0 makes the entries plain addresses.
  unit.u32(0).u32(0);
  const finder = rowFinder(lines);
  for (const f of functions) {
    if (f.size === 0 || !code.some((c) => contains(c, f))) continue;
    const row = finder(f.address);
    unit
      .uleb(2)
      .string(f.name)
      .u32(f.address)
      .u32(f.size)
      .u8(f.global ? 1 : 0);
    unit.uleb(row ? (files.get(row.file) ?? 1) : 1).uleb(row?.line ?? 0);
    unit.uleb(1).u8(DW_OP_call_frame_cfa);
  }
  unit.u8(0);
  return new ByteWriter().sized(unit).take();
}

const contains = (range: CodeRange, f: DebugFunction): boolean =>
  f.address >= range.address && f.address + f.size <= range.address + range.bytes.length;

/** Finds the last row at or before an address; addresses must be asked in ascending order. */
function rowFinder(lines: readonly LineRow[]): (address: number) => LineRow | undefined {
  let next = 0;
  return (address) => {
    while (next < lines.length && (lines[next]?.address ?? 0) <= address) next++;
    return lines[next - 1];
  };
}

function rangesSection(code: readonly CodeRange[]): Uint8Array {
  const out = new ByteWriter();
  for (const { address, bytes } of code) out.u32(address).u32(address + bytes.length);
  return out.u32(0).u32(0).take();
}

/** .debug_aranges (DWARF 4, 6.1.2): lets readers find the unit without parsing it. */
function addressRanges(code: readonly CodeRange[]): Uint8Array {
  const body = new ByteWriter().u16(2).u32(0).u8(4).u8(0);
  body.u32(0); // tuples are aligned to 8 from the start of the section: 4 (length) + 8 + 4
  for (const { address, bytes } of code) body.u32(address).u32(bytes.length);
  body.u32(0).u32(0);
  return new ByteWriter().sized(body).take();
}

// ---- .debug_frame (DWARF 4, 6.4) ----

const DW_CFA_advance_loc4 = 0x04;
const DW_CFA_undefined = 0x07;
const DW_CFA_same_value = 0x08;
const DW_CFA_def_cfa = 0x0c;
const DW_CFA_offset = 0x80;
const RA = 1;
const SP = 2;
const DATA_ALIGN = -4;

function frameSection(functions: readonly DebugFunction[], code: readonly CodeRange[]): Uint8Array {
  const out = new ByteWriter();
  const cie = new ByteWriter().u32(0xffffffff).u8(3).string('');
  cie.uleb(1).sleb(DATA_ALIGN).uleb(RA); // code alignment, data alignment, return address column
  cie.u8(DW_CFA_def_cfa).uleb(SP).uleb(0).u8(DW_CFA_same_value).uleb(RA);
  out.sized(padFrame(cie));
  for (const f of functions) {
    const range = code.find((c) => contains(c, f));
    if (!range || f.size === 0) continue;
    const start = f.address - range.address;
    const fde = new ByteWriter().u32(0).u32(f.address).u32(f.size);
    // Nobody called the first function: unwinders stop at an undefined return address.
    if (f.name === '_start') fde.u8(DW_CFA_undefined).uleb(RA);
    else frameInstructions(fde, frameRows(range.bytes.subarray(start, start + f.size)));
    out.sized(padFrame(fde));
  }
  return out.take();
}

/** Entries are padded with DW_CFA_nop so that the next one is aligned. */
const padFrame = (entry: ByteWriter): ByteWriter => entry.align(4);

function frameInstructions(out: ByteWriter, rows: readonly FrameRow[]): void {
  let at = 0;
  for (const row of rows) {
    if (row.offset !== at) out.u8(DW_CFA_advance_loc4).u32(row.offset - at);
    at = row.offset;
    out.u8(DW_CFA_def_cfa).uleb(row.cfaRegister).uleb(row.cfaOffset);
    for (const [register, slot] of row.changed) {
      if (slot === undefined) out.u8(DW_CFA_same_value).uleb(register);
      else out.u8(DW_CFA_offset | register).uleb(slot / DATA_ALIGN);
    }
  }
}
