// Reads a WebAssembly module's binary form (WebAssembly 2.0, chapter 5) as far as asc emits it: one
// memory, one table, integer types. Function bodies stay bytes; lower.ts reads them operator by
// operator. Left out: imported memories, tables and globals, reference types, passive elements.

import { PrintkitError } from '../errors.ts';

export type ValueType = 'i32' | 'i64' | 'f32' | 'f64';

export interface FunctionType {
  readonly parameters: readonly ValueType[];
  readonly results: readonly ValueType[];
}

export interface ImportedFunction {
  readonly module: string;
  readonly name: string;
  readonly type: FunctionType;
}

export interface DefinedFunction {
  readonly type: FunctionType;
  /** Declared locals, parameters not included. */
  readonly locals: readonly ValueType[];
  /** First operator and end of the body, as offsets in the file. */
  readonly start: number;
  readonly end: number;
}

export interface WasmGlobal {
  readonly type: ValueType;
  readonly mutable: boolean;
  readonly initial: bigint;
}

export interface WasmModule {
  readonly bytes: Uint8Array;
  readonly types: FunctionType[];
  readonly imports: ImportedFunction[];
  readonly functions: DefinedFunction[];
  readonly globals: WasmGlobal[];
  /** Table slots: function indices, undefined where nothing is. */
  readonly table: (number | undefined)[];
  readonly exports: { name: string; kind: 'function' | 'global'; index: number }[];
  readonly data: { address: number; bytes: Uint8Array }[];
  readonly names: Map<number, string>;
  readonly globalNames: Map<number, string>;
  start: number | undefined;
}

const VALUE_TYPES: Readonly<Record<number, ValueType>> = {
  0x7f: 'i32',
  0x7e: 'i64',
  0x7d: 'f32',
  0x7c: 'f64',
};

/** A cursor over the bytes: LEB128 numbers, names, vectors. */
export class Reader {
  readonly bytes: Uint8Array;
  at: number;
  readonly end: number;

  constructor(bytes: Uint8Array, at = 0, end = bytes.length) {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }

  byte(): number {
    if (this.at >= this.end) throw malformed(this.at, 'ends early');
    return this.bytes[this.at++];
  }

  u32(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const b = this.byte();
      value |= (b & 0x7f) << shift;
      if (b < 0x80) return value >>> 0;
    }
    throw malformed(this.at, 'number too long');
  }

  s32(): number {
    let value = 0;
    for (let shift = 0; shift < 35;) {
      const b = this.byte();
      value |= (b & 0x7f) << shift;
      shift += 7;
      if (b < 0x80) return shift < 32 && b & 0x40 ? value | (-1 << shift) : value;
    }
    throw malformed(this.at, 'number too long');
  }

  s64(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const b = this.byte();
      value |= BigInt(b & 0x7f) << shift;
      if (b < 0x80) return BigInt.asIntN(64, b & 0x40 ? value | (-1n << (shift + 7n)) : value);
    }
    throw malformed(this.at, 'number too long');
  }

  take(length: number): Uint8Array {
    if (this.at + length > this.end) throw malformed(this.at, 'ends early');
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  name(): string {
    return new TextDecoder().decode(this.take(this.u32()));
  }

  vector<T>(read: () => T): T[] {
    return Array.from({ length: this.u32() }, read);
  }

  valueType(): ValueType {
    const b = this.byte();
    const type = VALUE_TYPES[b];
    if (type === undefined) throw malformed(this.at - 1, `value type 0x${b.toString(16)}`);
    return type;
  }
}

const malformed = (at: number, what: string) =>
  new PrintkitError(`wasm module, offset 0x${at.toString(16)}: ${what}`);

export function readWasm(bytes: Uint8Array): WasmModule {
  const r = new Reader(bytes);
  if (bytes.length < 8 || r.take(4).join() !== '0,97,115,109') {
    throw new PrintkitError('wasm module: does not start with the magic bytes \\0asm');
  }
  r.at = 8;
  const m: WasmModule = {
    bytes,
    types: [],
    imports: [],
    functions: [],
    globals: [],
    table: [],
    exports: [],
    data: [],
    names: new Map(),
    globalNames: new Map(),
    start: undefined,
  };
  const declared: number[] = [];
  while (r.at < bytes.length) {
    const id = r.byte();
    const size = r.u32();
    if (r.at + size > bytes.length) throw malformed(r.at, 'ends early');
    const section = new Reader(bytes, r.at, r.at + size);
    r.at += size;
    readSection(m, id, section, declared);
  }
  return m;
}

function readSection(m: WasmModule, id: number, r: Reader, declared: number[]): void {
  switch (id) {
    case 0:
      if (r.name() === 'name') readNames(m, r);
      return;
    case 1:
      m.types.push(...r.vector(() => readFunctionType(r)));
      return;
    case 2:
      r.vector(() => {
        const [module, name] = [r.name(), r.name()];
        const kind = r.byte();
        if (kind !== 0) throw malformed(r.at, `import ${module}.${name} is not a function`);
        m.imports.push({ module, name, type: m.types[r.u32()] });
      });
      return;
    case 3:
      declared.push(...r.vector(() => r.u32()));
      return;
    case 4:
      r.vector(() => {
        r.byte();
        const [minimum] = readLimits(r);
        m.table.length = minimum;
        m.table.fill(undefined);
      });
      return;
    case 6:
      r.vector(() => {
        const type = r.valueType();
        const mutable = r.byte() === 1;
        m.globals.push({ type, mutable, initial: readConstant(m, r) });
      });
      return;
    case 7:
      r.vector(() => {
        const name = r.name();
        const kind = r.byte();
        const index = r.u32();
        if (kind === 0) m.exports.push({ name, kind: 'function', index });
        if (kind === 3) m.exports.push({ name, kind: 'global', index });
      });
      return;
    case 8:
      m.start = r.u32();
      return;
    case 9:
      r.vector(() => {
        const flags = r.u32();
        if (flags !== 0) throw malformed(r.at, 'element segment that is not active');
        const base = Number(readConstant(m, r));
        r.vector(() => r.u32()).forEach((f, i) => (m.table[base + i] = f));
      });
      return;
    case 10:
      r.vector(() => {
        const size = r.u32();
        const end = r.at + size;
        const locals: ValueType[] = [];
        r.vector(() => {
          const count = r.u32();
          const type = r.valueType();
          for (let i = 0; i < count; i++) locals.push(type);
        });
        m.functions.push({ type: m.types[declared[m.functions.length]], locals, start: r.at, end });
        r.at = end;
      });
      return;
    case 11:
      r.vector(() => {
        const flags = r.u32();
        if (flags === 1) throw malformed(r.at, 'passive data segment');
        if (flags === 2) r.u32();
        const address = Number(readConstant(m, r)) >>> 0;
        m.data.push({ address, bytes: r.take(r.u32()) });
      });
      return;
    case 5: // memory: its size says nothing here
    case 12: // data count
      return;
    default:
      throw malformed(r.at, `section ${id} is not supported`);
  }
}

function readFunctionType(r: Reader): FunctionType {
  if (r.byte() !== 0x60) throw malformed(r.at - 1, 'not a function type');
  return { parameters: r.vector(() => r.valueType()), results: r.vector(() => r.valueType()) };
}

function readLimits(r: Reader): [number, number | undefined] {
  const flags = r.byte();
  const minimum = r.u32();
  return [minimum, flags & 1 ? r.u32() : undefined];
}

/** A constant expression: i32.const, i64.const or global.get, then end. */
function readConstant(m: WasmModule, r: Reader): bigint {
  const op = r.byte();
  let value = 0n;
  if (op === 0x41) value = BigInt(r.s32());
  else if (op === 0x42) value = r.s64();
  else if (op === 0x23) value = m.globals[r.u32()].initial;
  else if (op === 0x43 || op === 0x44)
    r.take(op === 0x43 ? 4 : 8); // a float nobody may read
  else throw malformed(r.at - 1, `operator 0x${op.toString(16)} in a constant expression`);
  if (r.byte() !== 0x0b) throw malformed(r.at - 1, 'constant expression too long');
  return value;
}

function readNames(m: WasmModule, r: Reader): void {
  while (r.at < r.end) {
    const kind = r.byte();
    const end = r.u32() + r.at;
    const target = kind === 1 ? m.names : kind === 7 ? m.globalNames : undefined;
    if (target) r.vector(() => target.set(r.u32(), r.name()));
    r.at = end;
  }
}
