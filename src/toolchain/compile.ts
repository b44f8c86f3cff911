// A wasm module → machine code, not yet placed: every function through lowering, optimisation,
// selection, register allocation and emission; imports to intrinsics or assembly symbols; table,
// globals and data at absolute addresses.

import { PrintkitError } from '../errors.ts';
import { type EmitOptions, type EmittedFunction, emitFunction } from './emit.ts';
import { ADDRESS_OF, type Intrinsic, INTRINSIC_MODULES, INTRINSICS } from './intrinsics.ts';
import { lowerFunction, type LoweringContext } from './lower.ts';
import { optimise } from './optimise/index.ts';
import { allocateRegisters } from './regalloc.ts';
import { selectInstructions } from './select.ts';
import { SourceMap } from './source-map.ts';
import { tidyControlFlow } from './tidy.ts';
import { readWasm, type WasmModule } from './wasm-reader.ts';

export interface CompileOptions extends Partial<EmitOptions> {
  /** Address from which wasm data segments may lie; table and globals go right below it. */
  readonly memoryBase: number;
  /** Source map of the module, for messages and line rows. */
  readonly sourceMap?: SourceMap;
  /** Exports that yield no code: constants for the build (name → value, by compileWasm()). */
  readonly constantExports?: readonly string[];
}

/** A compiled function under the name that relocations use. */
export interface CompiledFunction extends EmittedFunction {
  readonly symbol: string;
  /** Exported: can be called from assembly. */
  readonly global: boolean;
}

export interface CompiledModule {
  readonly functions: readonly CompiledFunction[];
  /** Initialised data at absolute addresses: table and globals first, then the module's segments. */
  readonly data: readonly { readonly address: number; readonly bytes: Uint8Array }[];
  /** Words of the data that hold a function's address. */
  readonly pointers: readonly { readonly address: number; readonly symbol: string }[];
  /** Exported immutable globals: names for addresses. */
  readonly dataSymbols: readonly { readonly name: string; readonly address: number }[];
  readonly constants: ReadonlyMap<string, number>;
  readonly sourceMap: SourceMap;
  /** Function to call before anything else, if top-level code needs one. */
  readonly start: string | undefined;
}

/** Symbol that empty table slots point to. */
export const BAD_CALL = '__bad_indirect_call';

/** Name of the function that runs top-level statements. */
export const START = '__module_start';

export function compileWasm(wasm: Uint8Array, options: CompileOptions): CompiledModule {
  const module = readWasm(wasm);
  const names = new Names(module);
  const sourceMap = options.sourceMap ?? new SourceMap(undefined);
  const fail = (offset: number, message: string): never => {
    const at = sourceMap.find(offset);
    const where = at ? `${at.file}:${at.line}` : `wasm offset 0x${offset.toString(16)}`;
    throw new PrintkitError(`${where}: ${message}`);
  };
  // The trampoline of a parameter whose default is no literal: it reads how many arguments were passed
  // from a global, which an interrupt or another hart may have written since.
  names.displayed.forEach((name, i) => {
    if (name.endsWith('@varargs')) {
      const { start } = module.functions[i - module.imports.length];
      fail(start, `${name.replace('@varargs', '')}: a parameter's default value must be a literal`);
    }
  });
  const globals = placeGlobals(module, options.memoryBase);
  const context: LoweringContext = {
    module,
    tableAddress: globals.tableAddress,
    symbolOf: (index) => names.symbols[index],
    intrinsicOf: (index) => intrinsicOf(module, index, fail),
    globalAddress: (index) => globals.addresses[index],
    fail,
  };
  const emitOptions = {
    stackCheck: options.stackCheck ?? true,
    compressed: options.compressed ?? true,
  };
  const constants = new Map<string, number>();
  const skipped = new Set<number>();
  for (const e of module.exports) {
    if (e.kind !== 'function' || !options.constantExports?.includes(e.name)) continue;
    constants.set(e.name, constantResult(module, e.index - module.imports.length));
    skipped.add(e.index);
  }
  const functions: CompiledFunction[] = [];
  module.functions.forEach((definition, i) => {
    const index = module.imports.length + i;
    if (skipped.has(index)) return;
    const ir = lowerFunction(context, names.displayed[index], definition);
    optimise(ir);
    const machine = selectInstructions(ir, fail);
    allocateRegisters(machine);
    tidyControlFlow(machine);
    const emitted = emitFunction(machine, definition.start, emitOptions);
    const symbol = names.symbols[index];
    functions.push({
      ...emitted,
      symbol,
      global: names.exported.has(index) || index === module.start,
    });
  });
  return {
    functions,
    data: [...globals.data, ...module.data],
    pointers: module.table.map((f, slot) => ({
      address: globals.tableAddress + 4 * slot,
      symbol: f === undefined ? BAD_CALL : names.symbols[f],
    })),
    dataSymbols: module.exports
      .filter((e) => e.kind === 'global' && !module.globals[e.index].mutable)
      .map((e) => ({ name: e.name, address: Number(module.globals[e.index].initial) >>> 0 })),
    constants,
    sourceMap,
    start: module.start === undefined ? undefined : names.symbols[module.start],
  };
}

/** What functions are called: in relocations (unique) and in symbol tables. */
class Names {
  readonly symbols: string[];
  readonly displayed: string[];
  readonly exported = new Map<number, string>();

  constructor(module: WasmModule) {
    for (const e of module.exports) {
      if (e.kind === 'function') this.exported.set(e.index, e.name);
    }
    const imports = module.imports.map((i) => i.name);
    const plain = module.functions.map((_, i) => {
      const index = imports.length + i;
      if (index === module.start) return START;
      const exported = this.exported.get(index);
      return exported ?? plainName(module.names.get(index) ?? `function${index}`);
    });
    this.displayed = [...imports, ...plain];
    this.symbols = this.displayed.map((name, index) =>
      index < imports.length || this.exported.has(index) || index === module.start
        ? name
        : `${name}@${index}`,
    );
  }
}

/** `firmware/serial/port/Port#send` → `Port.send`. */
function plainName(name: string): string {
  const generic = name.indexOf('<');
  const end = generic < 0 ? name.length : generic;
  return name.slice(name.lastIndexOf('/', end) + 1).replace('#', '.');
}

function intrinsicOf(
  module: WasmModule,
  index: number,
  fail: (offset: number, message: string) => never,
): Intrinsic | undefined {
  if (index >= module.imports.length) return undefined;
  const { module: from, name } = module.imports[index];
  if (name.startsWith(ADDRESS_OF)) {
    return (b) => b.append('symbol', [], 0, name.slice(ADDRESS_OF.length));
  }
  const intrinsic = INTRINSICS[`${from}.${name}`];
  if (intrinsic === undefined && INTRINSIC_MODULES.has(from)) {
    return (b) => fail(b.loc, `there is no intrinsic ${name} in ${from}.ts`);
  }
  return intrinsic;
}

interface Globals {
  readonly tableAddress: number;
  readonly addresses: number[];
  readonly data: { address: number; bytes: Uint8Array }[];
}

/** The table, then the mutable globals, ending at the memory base. */
function placeGlobals(module: WasmModule, memoryBase: number): Globals {
  let size = 4 * module.table.length;
  const offsets = module.globals.map((g) => {
    if (!g.mutable) return 0;
    size += g.type === 'i64' ? 8 : 4;
    return size - (g.type === 'i64' ? 8 : 4);
  });
  const tableAddress = memoryBase - ((size + 15) & ~15);
  const bytes = new Uint8Array(memoryBase - tableAddress);
  const view = new DataView(bytes.buffer);
  module.globals.forEach((g, i) => {
    if (!g.mutable) return;
    if (g.type === 'i64') view.setBigInt64(offsets[i], g.initial, true);
    else view.setInt32(offsets[i], Number(g.initial), true);
  });
  return {
    tableAddress,
    addresses: offsets.map((o) => tableAddress + o),
    data: [{ address: tableAddress, bytes }],
  };
}

/** The value of a function that is nothing but `i32.const n`. */
function constantResult(module: WasmModule, index: number): number {
  const { start } = module.functions[index];
  const code = module.bytes;
  if (code[start] !== 0x41) throw new Error('not a constant function');
  let value = 0;
  let shift = 0;
  let at = start + 1;
  for (; ; at++) {
    value |= (code[at] & 0x7f) << shift;
    shift += 7;
    if (code[at] < 0x80) break;
  }
  if (shift < 32 && code[at] & 0x40) value |= -1 << shift;
  return value >>> 0;
}
