// Reads .debug_line of DWARF 2 to 5 (DWARF 5, chapter 6.2): from address to source line. Left out:
// 64-bit DWARF, VLIW op_index, source text and MD5 attributes, split DWARF.

import { PrintkitError } from '../errors.ts';
import { ByteReader, DamagedData } from './byte-reader.ts';
import type { ElfFile } from './elf.ts';

/** A place in a source file. */
export interface SourceLine {
  /** As recorded: relative to the directory of compilation, or absolute. */
  readonly file: string;
  readonly line: number;
  /** 0: unknown. */
  readonly column: number;
}

export interface LineEntry extends SourceLine {
  readonly address: number;
  /** First address behind. */
  readonly end: number;
  readonly isStatement: boolean;
}

interface Row {
  readonly address: number;
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly isStatement: boolean;
  /** The address is the first one behind a sequence. */
  readonly ends: boolean;
}

/** All rows of a program, searchable by address. */
export class LineTable {
  private readonly rows: readonly Row[];

  constructor(rows: readonly Row[]) {
    // Where one sequence ends and the next begins, the beginning counts. Sorting is stable.
    this.rows = [...rows].sort((a, b) => a.address - b.address || Number(b.ends) - Number(a.ends));
  }

  get size(): number {
    return this.rows.length;
  }

  /** The source line of the instruction at `address`. */
  find(address: number): LineEntry | undefined {
    let low = 0;
    let high = this.rows.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.rows[middle]?.address ?? 0) <= address) low = middle + 1;
      else high = middle;
    }
    return this.entry(low - 1);
  }

  /** Every range that has a line, in ascending order of address. */
  *entries(): Generator<LineEntry> {
    for (let i = 0; i < this.rows.length; i++) {
      const entry = this.entry(i);
      if (entry && entry.end > entry.address) yield entry;
    }
  }

  private entry(index: number): LineEntry | undefined {
    const row = this.rows[index];
    if (!row || row.ends || row.line === 0) return undefined;
    const { address, file, line, column, isStatement } = row;
    return {
      address,
      end: this.rows[index + 1]?.address ?? address,
      file,
      line,
      column,
      isStatement,
    };
  }
}

/**
 * Reads the line table of a program; an empty one if it has none.
 * @throws PrintkitError when it is damaged
 */
export function readLineTable(elf: ElfFile): LineTable {
  const section = (name: string) => elf.sections.find((s) => s.name === name)?.bytes;
  const rows: Row[] = [];
  const lines = section('.debug_line');
  if (!lines) return new LineTable(rows);
  const strings: Strings = { line: section('.debug_line_str'), plain: section('.debug_str') };
  try {
    const reader = new ByteReader(lines);
    while (!reader.done) readUnit(reader, strings, rows);
  } catch (error) {
    if (!(error instanceof DamagedData)) throw error;
    throw new PrintkitError(`${elf.name}: damaged line table (.debug_line): ${error.message}`);
  }
  return new LineTable(rows);
}

interface Strings {
  readonly line: Uint8Array | undefined;
  readonly plain: Uint8Array | undefined;
}

interface Program {
  readonly files: readonly string[];
  /** Number of the first file: 1 up to DWARF 4, 0 from DWARF 5 on. */
  readonly firstFile: number;
  readonly minimumBytes: number;
  readonly defaultIsStatement: boolean;
  readonly lineBase: number;
  readonly lineRange: number;
  readonly opcodeLengths: readonly number[];
}

function readUnit(all: ByteReader, strings: Strings, rows: Row[]): void {
  const length = all.u32();
  if (length >= 0xfffffff0) throw new DamagedData('64-bit DWARF is not supported');
  const reader = all.sub(length);
  const version = reader.u16();
  if (version < 2 || version > 5) return; // from another time: skipped as a whole
  let segmentBytes = 0;
  if (version >= 5) {
    reader.skip(1);
    segmentBytes = reader.u8();
  }
  if (segmentBytes !== 0) throw new DamagedData('segmented addresses');
  const headerBytes = reader.u32();
  const header = reader.sub(headerBytes);
  const minimumBytes = header.u8();
  if (version >= 4) header.skip(1);
  const defaultIsStatement = header.u8() !== 0;
  const lineBase = header.i8();
  const lineRange = header.u8();
  const opcodeBase = header.u8();
  const opcodeLengths = Array.from({ length: Math.max(0, opcodeBase - 1) }, () => header.u8());
  if (lineRange === 0) throw new DamagedData('line range of 0');
  const files = version >= 5 ? filesOf5(header, strings) : filesOf2(header);
  const firstFile = version >= 5 ? 0 : 1;
  run(reader, rows, {
    files,
    firstFile,
    minimumBytes,
    defaultIsStatement,
    lineBase,
    lineRange,
    opcodeLengths,
  });
}

/** Directory and name, unless the directory is that of the compilation or the name is absolute. */
const joinPath = (directory: string | undefined, name: string): string =>
  !directory || name.startsWith('/') ? name : `${directory.replace(/\/$/, '')}/${name}`;

function filesOf2(header: ByteReader): string[] {
  const directories = [''];
  for (let name = header.string(); name !== ''; name = header.string()) directories.push(name);
  const files: string[] = [];
  for (let name = header.string(); name !== ''; name = header.string()) {
    files.push(joinPath(directories[header.uleb()], name));
    header.uleb();
    header.uleb();
  }
  return files;
}

const DW_LNCT_path = 1;
const DW_LNCT_directory_index = 2;

interface NameEntry {
  path: string;
  directory: number;
}

function filesOf5(header: ByteReader, strings: Strings): string[] {
  const directories = nameEntries(header, strings).map((entry) => entry.path);
  const [compilation] = directories;
  return nameEntries(header, strings).map(({ path, directory }) => {
    const name = directories[directory];
    return joinPath(directory === 0 || name === compilation ? undefined : name, path);
  });
}

function nameEntries(header: ByteReader, strings: Strings): NameEntry[] {
  const formats = Array.from(
    { length: header.u8() },
    () => [header.uleb(), header.uleb()] as const,
  );
  const count = header.uleb();
  // An entry takes a byte at least: a damaged count must not make us loop for ever.
  if (count > header.end - header.offset) {
    throw new DamagedData('too many file names');
  }
  return Array.from({ length: count }, () => {
    const entry: NameEntry = { path: '', directory: 0 };
    for (const [content, form] of formats) {
      const value = readForm(header, form, strings);
      if (content === DW_LNCT_path && typeof value === 'string') entry.path = value;
      if (content === DW_LNCT_directory_index && typeof value === 'number') entry.directory = value;
    }
    return entry;
  });
}

function readForm(header: ByteReader, form: number, strings: Strings): string | number | undefined {
  const stringAt = (bytes: Uint8Array | undefined): string => {
    const offset = header.u32();
    if (!bytes) throw new DamagedData('string section missing');
    return new ByteReader(bytes, Math.min(offset, bytes.length)).string();
  };
  switch (form) {
    case 0x08: // DW_FORM_string
      return header.string();
    case 0x1f: // DW_FORM_line_strp
      return stringAt(strings.line);
    case 0x0e: // DW_FORM_strp
      return stringAt(strings.plain);
    case 0x0b: // DW_FORM_data1
      return header.u8();
    case 0x05: // DW_FORM_data2
      return header.u16();
    case 0x06: // DW_FORM_data4
      return header.u32();
    case 0x0f: // DW_FORM_udata
      return header.uleb();
    case 0x07: // DW_FORM_data8
      return void header.skip(8);
    case 0x1e: // DW_FORM_data16
      return void header.skip(16);
    case 0x09: // DW_FORM_block
      return void header.skip(header.uleb());
    default:
      throw new DamagedData(`unknown form ${form} in the file table`);
  }
}

/** Runs the line number program (6.2.5). Every opcode takes a byte at least: it always ends. */
function run(reader: ByteReader, rows: Row[], program: Program): void {
  const { lineBase, lineRange, minimumBytes, opcodeLengths } = program;
  const opcodeBase = opcodeLengths.length + 1;
  const start = () => ({
    address: 0,
    file: 1,
    line: 1,
    column: 0,
    isStatement: program.defaultIsStatement,
  });
  let state = start();
  const append = (ends: boolean) => {
    const file = program.files[state.file - program.firstFile] ?? '??';
    rows.push({ ...state, address: state.address >>> 0, file, ends });
  };
  const advance = (operations: number) => {
    state.address = (state.address + operations * minimumBytes) % 2 ** 32;
  };
  while (!reader.done) {
    const opcode = reader.u8();
    if (opcode >= opcodeBase) {
      const adjusted = opcode - opcodeBase;
      advance(Math.floor(adjusted / lineRange));
      state.line += lineBase + (adjusted % lineRange);
      append(false);
      continue;
    }
    switch (opcode) {
      case 0: {
        const extended = reader.sub(reader.uleb());
        if (extended.done) break;
        const kind = extended.u8();
        if (kind === 1) {
          append(true);
          state = start();
        } else if (kind === 2) {
          state.address = extended.u32();
        } else if (kind === 3) {
          throw new DamagedData('DW_LNE_define_file is not supported');
        }
        break;
      }
      case 1: // DW_LNS_copy
        append(false);
        break;
      case 2: // DW_LNS_advance_pc
        advance(reader.uleb());
        break;
      case 3: // DW_LNS_advance_line
        state.line += reader.sleb();
        break;
      case 4: // DW_LNS_set_file
        state.file = reader.uleb();
        break;
      case 5: // DW_LNS_set_column
        state.column = reader.uleb();
        break;
      case 6: // DW_LNS_negate_stmt
        state.isStatement = !state.isStatement;
        break;
      case 8: // DW_LNS_const_add_pc
        advance(Math.floor((255 - opcodeBase) / lineRange));
        break;
      case 9: // DW_LNS_fixed_advance_pc
        state.address = (state.address + reader.u16()) % 2 ** 32;
        break;
      default: // basic block, prologue end, epilogue begin, isa and what may come: skip the operands
        for (let i = 0; i < (opcodeLengths[opcode - 1] ?? 0); i++) reader.uleb();
    }
  }
}
