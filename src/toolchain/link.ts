// Puts assembled objects and a compiled module into one image and applies relocations. Layout from
// `textBase` up: text (objects in order, then compiled code), read-only data (jump tables, kallsyms);
// the objects' data, the wasm table and globals ending at `memoryBase`, wasm data, .bss.

import { PrintkitError } from '../errors.ts';
import { BAD_CALL, type CompiledModule } from './compile.ts';
import type { LineRow } from './dwarf-writer.ts';
import type { LinkedProgram, LinkedSection, LinkedSymbol } from './elf-writer.ts';
import { buildKallsyms, KALLSYMS } from './kallsyms.ts';
import type { ObjectCode, ObjectSection, RelocationKind } from './object-code.ts';
import { applyRelocation } from './relocation.ts';

export interface LinkOptions {
  readonly textBase: number;
  readonly memoryBase: number;
  /** End of the module's static data, zeros at the end included. */
  readonly heapBase: number;
  readonly entrySymbol: string;
  readonly unitName: string;
}

/** Thrown when the text does not fit below the memory base. */
export class TextOverflow extends PrintkitError {
  constructor(bytes: number, room: number) {
    super(
      `text and read-only data take ${bytes} bytes, more than the ${room} bytes before the data`,
    );
  }
}

interface Placed {
  readonly object: ObjectCode;
  readonly section: ObjectSection;
  readonly address: number;
}

const up = (n: number, align: number): number => Math.ceil(n / align) * align;

export function link(
  objects: readonly ObjectCode[],
  module: CompiledModule,
  options: LinkOptions,
): LinkedProgram {
  return new Linker(objects, module, options).run();
}

class Linker {
  private readonly objects: readonly ObjectCode[];
  private readonly module: CompiledModule;
  private readonly options: LinkOptions;
  private readonly placed: Placed[] = [];
  private readonly symbols = new Map<string, number>();
  private readonly functionAddresses: number[] = [];
  private readonly tableAddresses: number[] = [];
  private readonly listed: LinkedSymbol[] = [];

  constructor(objects: readonly ObjectCode[], module: CompiledModule, options: LinkOptions) {
    this.objects = objects;
    this.module = module;
    this.options = options;
  }

  run(): LinkedProgram {
    const { textBase } = this.options;
    const textEnd = this.placeText(textBase);
    const tablesBase = up(textEnd, 8);
    const kallsymsBase = this.placeTables(tablesBase);
    const dataStart = this.placeData();
    const end = this.placeBss();
    this.collectSymbols();
    const code = this.listed.filter((s) => s.address >= textBase && s.address < textEnd);
    const kallsyms = buildKallsyms(code, kallsymsBase);
    const rodataEnd = kallsymsBase + kallsyms.length;
    if (rodataEnd > dataStart) {
      throw new TextOverflow(rodataEnd - textBase, dataStart - textBase);
    }
    this.define(KALLSYMS, kallsymsBase, kallsyms.length, 'object');
    this.define('_end', end, 0, 'none');

    const text = new Uint8Array(textEnd - textBase);
    const rodata = new Uint8Array(rodataEnd - tablesBase);
    rodata.set(kallsyms, kallsymsBase - tablesBase);
    const data = this.dataBytes(dataStart);
    this.copyObjects(text, textBase, data, dataStart);
    this.writeFunctions(text, textBase, rodata, tablesBase);
    this.relocateObjects(text, textBase, data, dataStart);
    const view = new DataView(data.buffer);
    for (const p of this.module.pointers) {
      view.setUint32(p.address - dataStart, this.resolve(p.symbol, 'the function table'), true);
    }
    const bssStart = dataStart + data.length;
    const flags = { alloc: true, write: false, execute: false, nobits: false };
    const section = (
      name: string,
      address: number,
      bytes: Uint8Array,
      more: Partial<typeof flags>,
      size = bytes.length,
    ): LinkedSection => ({ name, address, bytes, size, align: 16, flags: { ...flags, ...more } });
    const empty = new Uint8Array(0);
    return {
      entry: this.resolve(this.options.entrySymbol, 'the entry point'),
      sections: [
        section('.text', textBase, text, { execute: true }),
        section('.rodata', tablesBase, rodata, {}),
        section('.data', dataStart, data, { write: true }),
        section('.bss', bssStart, empty, { write: true, nobits: true }, end - bssStart),
      ],
      symbols: this.listed,
      lines: this.lines(),
      unitName: this.options.unitName,
      producer: 'printkit',
    };
  }

  private place(object: ObjectCode, section: ObjectSection, at: number): number {
    const address = up(at, section.align);
    this.placed.push({ object, section, address });
    return address + section.size;
  }

  private *sections(
    wanted: (s: ObjectSection) => boolean,
  ): Generator<{ object: ObjectCode; section: ObjectSection }> {
    for (const object of this.objects) {
      for (const section of object.sections) {
        if (section.flags.alloc && section.size > 0 && wanted(section)) yield { object, section };
      }
    }
  }

  private placeText(base: number): number {
    let at = base;
    const isText = (s: ObjectSection) => s.flags.execute;
    for (const { object, section } of this.sections(isText)) at = this.place(object, section, at);
    for (const f of this.module.functions) {
      at = up(at, 4);
      this.functionAddresses.push(at);
      at += f.bytes.length;
    }
    return at;
  }

  private placeTables(base: number): number {
    let at = base;
    for (const f of this.module.functions) {
      this.tableAddresses.push(at);
      at += 4 * f.tables.length;
    }
    return at;
  }

  private placeData(): number {
    const isData = (s: ObjectSection) => !s.flags.execute && !s.flags.nobits;
    const list = [...this.sections(isData)];
    const size = list.reduce((sum, { section }) => up(sum, section.align) + section.size, 0);
    const first = this.module.data[0]?.address ?? this.options.memoryBase;
    const start = Math.floor((first - size) / 64) * 64;
    let at = start;
    for (const { object, section } of list) at = this.place(object, section, at);
    return start;
  }

  private dataBytes(start: number): Uint8Array {
    let end = this.options.memoryBase;
    for (const d of this.module.data) {
      let { length } = d.bytes;
      while (length > 0 && d.bytes[length - 1] === 0) length--;
      if (length > 0) end = Math.max(end, d.address + length);
    }
    const bytes = new Uint8Array(up(end, 16) - start);
    for (const d of this.module.data) {
      const at = d.address - start;
      bytes.set(d.bytes.subarray(0, Math.max(0, bytes.length - at)), at);
    }
    return bytes;
  }

  private placeBss(): number {
    let at = up(Math.max(this.options.heapBase, this.options.memoryBase), 16);
    const isBss = (s: ObjectSection) => s.flags.nobits;
    for (const { object, section } of this.sections(isBss)) at = this.place(object, section, at);
    return up(at, 16);
  }

  private addressOf(object: ObjectCode, section: string): number {
    const found = this.placed.find((p) => p.object === object && p.section.name === section);
    return found?.address ?? this.options.textBase;
  }

  private define(name: string, address: number, size: number, type: LinkedSymbol['type']): void {
    if (this.symbols.has(name)) throw new PrintkitError(`symbol ${name} is defined twice`);
    this.symbols.set(name, address);
    this.listed.push({ name, address, size, type, global: true });
  }

  private collectSymbols(): void {
    for (const object of this.objects) {
      for (const s of object.symbols) {
        if (s.section === undefined) continue;
        const address = this.addressOf(object, s.section) + s.offset;
        const { name, size, type } = s;
        if (s.global) this.define(name, address, size, type);
        else this.listed.push({ name, address, size, type, global: false });
      }
    }
    this.module.functions.forEach((f, i) => {
      const address = this.functionAddresses[i];
      const size = f.bytes.length;
      if (f.global) this.define(f.name, address, size, 'function');
      else {
        this.symbols.set(f.symbol, address);
        this.listed.push({ name: f.name, address, size, type: 'function', global: false });
      }
    });
    for (const { name, address } of this.module.dataSymbols) {
      if (address >= this.options.memoryBase) this.define(name, address, 0, 'object');
    }
    const bad = this.symbols.get(BAD_CALL);
    if (bad === undefined) throw new Error(`${BAD_CALL} is not defined`);
  }

  private resolve(symbol: string, user: string): number {
    const address = this.symbols.get(symbol);
    if (address === undefined) {
      throw new PrintkitError(`undefined symbol ${symbol.replace(/@\d+$/, '')}, used by ${user}`);
    }
    return address;
  }

  private copyObjects(text: Uint8Array, textBase: number, data: Uint8Array, dataBase: number) {
    for (const { section, address } of this.placed) {
      if (section.flags.nobits) continue;
      if (section.flags.execute) text.set(section.bytes, address - textBase);
      else data.set(section.bytes, address - dataBase);
    }
  }

  private writeFunctions(text: Uint8Array, textBase: number, rodata: Uint8Array, base: number) {
    const tables = new DataView(rodata.buffer);
    this.module.functions.forEach((f, i) => {
      const address = this.functionAddresses[i];
      text.set(f.bytes, address - textBase);
      f.tables.forEach((offset, slot) => {
        tables.setUint32(this.tableAddresses[i] - base + 4 * slot, address + offset, true);
      });
      for (const r of f.relocations) {
        const target = r.symbol === '' ? this.tableAddresses[i] : this.resolve(r.symbol, f.name);
        const place = address + r.offset;
        this.apply(text, place - textBase, r.kind, target + r.addend, place, f.name);
      }
    });
  }

  private relocateObjects(text: Uint8Array, textBase: number, data: Uint8Array, dataBase: number) {
    for (const object of this.objects) {
      for (const r of object.relocations) {
        const { section, address } =
          this.placed.find((p) => p.object === object && p.section.name === r.section) ??
          fail(`section ${r.section} of ${object.file}`);
        const where = `${object.file}:${r.line}`;
        const own = object.sections.some((s) => s.name === r.symbol);
        const target = own ? this.addressOf(object, r.symbol) : this.resolve(r.symbol, where);
        const place = address + (r.pairOffset ?? r.offset);
        const bytes = section.flags.execute ? text : data;
        const offset = address + r.offset - (section.flags.execute ? textBase : dataBase);
        this.apply(bytes, offset, r.kind, target + r.addend, place, where);
      }
    }
  }

  private apply(
    bytes: Uint8Array,
    offset: number,
    kind: RelocationKind,
    value: number,
    place: number,
    where: string,
  ): void {
    try {
      applyRelocation(bytes, offset, kind, value, place);
    } catch (error) {
      if (error instanceof RangeError) throw new PrintkitError(`${where}: ${error.message}`);
      throw error;
    }
  }

  private lines(): LineRow[] {
    const rows: LineRow[] = [];
    const push = (address: number, file: string, line: number, column: number) =>
      rows.push({ address, file, line, column, isStatement: true });
    for (const object of this.objects) {
      for (const l of object.lines) {
        push(this.addressOf(object, l.section) + l.offset, object.file, l.line, 0);
      }
    }
    this.module.functions.forEach((f, i) => {
      let last: LineRow | undefined;
      for (const row of f.rows) {
        const at = this.module.sourceMap.find(row.loc);
        if (at === undefined) continue;
        if (last && last.file === at.file && last.line === at.line) continue;
        push(this.functionAddresses[i] + row.offset, at.file, at.line, at.column);
        last = rows[rows.length - 1];
      }
    });
    return rows;
  }
}

function fail(what: string): never {
  throw new Error(`${what} was not placed`);
}
