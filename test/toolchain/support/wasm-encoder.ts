// A small WebAssembly encoder for tests: modules of integer functions with one memory, one table and
// globals. Code is written as nested arrays of bytes.

export type Code = readonly (number | Code)[];
export type Type = 'i32' | 'i64' | 'f32';

const TYPE: Readonly<Record<Type, number>> = { i32: 0x7f, i64: 0x7e, f32: 0x7d };

export const unsigned = (n: number): number[] => {
  const bytes: number[] = [];
  let rest = n >>> 0;
  do {
    bytes.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
    rest >>>= 7;
  } while (rest !== 0);
  return bytes;
};

export const signed = (n: bigint | number): number[] => {
  const bytes: number[] = [];
  let rest = BigInt(n);
  for (;;) {
    const byte = Number(rest & 0x7fn);
    rest >>= 7n;
    const done = (rest === 0n && (byte & 0x40) === 0) || (rest === -1n && (byte & 0x40) !== 0);
    bytes.push(done ? byte : byte | 0x80);
    if (done) return bytes;
  }
};

export const i32const = (n: number): Code => [0x41, signed(n | 0)];
export const i64const = (n: bigint): Code => [0x42, signed(BigInt.asIntN(64, n))];
export const localGet = (n: number): Code => [0x20, unsigned(n)];
export const localSet = (n: number): Code => [0x21, unsigned(n)];
export const localTee = (n: number): Code => [0x22, unsigned(n)];
export const globalGet = (n: number): Code => [0x23, unsigned(n)];
export const globalSet = (n: number): Code => [0x24, unsigned(n)];
export const call = (n: number): Code => [0x10, unsigned(n)];
export const br = (n: number): Code => [0x0c, unsigned(n)];
export const brIf = (n: number): Code => [0x0d, unsigned(n)];
export const blockOf = (type: Type | undefined, body: Code): Code => [
  0x02,
  type ? TYPE[type] : 0x40,
  body,
  0x0b,
];
export const loopOf = (body: Code): Code => [0x03, 0x40, body, 0x0b];
export const ifElse = (type: Type | undefined, then: Code, otherwise?: Code): Code => [
  0x04,
  type ? TYPE[type] : 0x40,
  then,
  otherwise ? [0x05, otherwise] : [],
  0x0b,
];
/** A load or store with its offset. */
export const access = (op: number, offset: number): Code => [op, 0, unsigned(offset)];

export interface FunctionSource {
  readonly parameters: readonly Type[];
  readonly results: readonly Type[];
  readonly locals: readonly Type[];
  readonly body: Code;
  readonly name?: string;
}

export interface ModuleSource {
  readonly imports?: readonly {
    module: string;
    name: string;
    parameters: readonly Type[];
    results: readonly Type[];
  }[];
  readonly functions: readonly FunctionSource[];
  /** Function indices from table slot 1 on. */
  readonly table?: readonly number[];
  readonly globals?: readonly { type: Type; mutable: boolean; value: bigint }[];
  readonly data?: readonly { address: number; bytes: readonly number[] }[];
  readonly memoryPages?: number;
}

function flatten(code: Code, into: number[] = []): number[] {
  for (const c of code) {
    if (typeof c === 'number') into.push(c);
    else flatten(c, into);
  }
  return into;
}

const vector = (items: readonly Code[]): Code => [unsigned(items.length), ...items];
const text = (s: string): Code => {
  const bytes = [...new TextEncoder().encode(s)];
  return [unsigned(bytes.length), bytes];
};
const sized = (code: Code): Code => {
  const bytes = flatten(code);
  return [unsigned(bytes.length), bytes];
};
const section = (id: number, content: Code): Code => [id, sized(content)];

/** Every function is exported as `f<index>`, its index counted without imports. */
export function encodeModule(source: ModuleSource): Uint8Array {
  const imports = source.imports ?? [];
  const types: Code[] = [];
  const keys: string[] = [];
  const typeIndex = (f: { parameters: readonly Type[]; results: readonly Type[] }): number => {
    const key = `${f.parameters.join()}>${f.results.join()}`;
    if (!keys.includes(key)) {
      keys.push(key);
      types.push([
        0x60,
        vector(f.parameters.map((t) => [TYPE[t]])),
        vector(f.results.map((t) => [TYPE[t]])),
      ]);
    }
    return keys.indexOf(key);
  };
  const importList = imports.map((i) => [text(i.module), text(i.name), 0, unsigned(typeIndex(i))]);
  const functionList = source.functions.map((f) => unsigned(typeIndex(f)));
  const table = source.table ?? [];
  const globals = (source.globals ?? []).map((g) => [
    TYPE[g.type],
    g.mutable ? 1 : 0,
    g.type === 'i64' ? i64const(g.value) : i32const(Number(g.value)),
    0x0b,
  ]);
  const exported = source.functions.map((f, i) => [
    text(f.name ?? `f${i}`),
    0,
    unsigned(i + imports.length),
  ]);
  const bodies = source.functions.map((f) =>
    sized([vector(f.locals.map((t) => [1, TYPE[t]])), f.body, 0x0b]),
  );
  const data = (source.data ?? []).map((d) => [
    0,
    i32const(d.address),
    0x0b,
    unsigned(d.bytes.length),
    d.bytes,
  ]);
  return Uint8Array.from(
    flatten([
      [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
      section(1, vector(types)),
      imports.length > 0 ? section(2, vector(importList)) : [],
      section(3, vector(functionList)),
      section(4, [1, 0x70, 0, unsigned(table.length + 1)]),
      section(5, [1, 0, unsigned(source.memoryPages ?? 1)]),
      globals.length > 0 ? section(6, vector(globals)) : [],
      section(7, vector([...exported, [text('memory'), 2, 0]])),
      table.length > 0 ? section(9, [1, 0, i32const(1), 0x0b, vector(table.map(unsigned))]) : [],
      section(10, vector(bodies)),
      data.length > 0 ? section(11, vector(data)) : [],
    ]),
  );
}

/** The type indices of encodeModule(), for call_indirect: in order of first appearance. */
export function typeIndexOf(
  source: ModuleSource,
  wanted: { parameters: readonly Type[]; results: readonly Type[] },
): number {
  const keys: string[] = [];
  for (const f of [...(source.imports ?? []), ...source.functions]) {
    const key = `${f.parameters.join()}>${f.results.join()}`;
    if (!keys.includes(key)) keys.push(key);
  }
  return keys.indexOf(`${wanted.parameters.join()}>${wanted.results.join()}`);
}
