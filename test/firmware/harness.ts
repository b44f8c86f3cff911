// Runs single modules of the firmware in Node's own WebAssembly engine: asc compiles a small entry
// that imports them, and the intrinsics of firmware/arch are done in JavaScript on the wasm memory. One
// hart, no interrupts. For what the modules compute; the machine's tests boot the real image.

import { readFile } from 'node:fs/promises';
import path from 'node:path';
import asc from 'assemblyscript/asc';
import { wasm, type WasmFunction as Hook } from './webassembly.ts';

const root = path.resolve(import.meta.dirname, '../..');
const ENTRY = 'firmware/test-entry.ts';
const MEMORY_PAGES = 64;
/** Above everything that asc places. */
const SCRATCH = 0x20_0000;

export interface Guest {
  call(name: string, ...values: (number | string)[]): number;
  /** Puts bytes into the guest's memory; returns their address. */
  bytes(data: Uint8Array | string): number;
  read(address: number, length: number): string;
  view: DataView;
}

/**
 * Compiles `source`, which imports as a file in firmware/ does, and instantiates it. Strings passed to
 * call() become AssemblyScript strings. `hooks` add or replace imported functions, by name; `files`
 * take the place of modules, by path.
 */
export async function guest(
  source: string,
  hooks: Record<string, Hook> = {},
  files: Record<string, string> = {},
): Promise<Guest> {
  let binary: Uint8Array | undefined;
  const messages: string[] = [];
  const { error } = await asc.main(
    [ENTRY, '--outFile', 'out.wasm', '--runtime', 'stub', '--noAssert', '-O1', '--disableWarning'],
    {
      readFile: (name, base) =>
        name === ENTRY
          ? source
          : name in files
            ? files[name]
            : readFile(path.resolve(root, base, name), 'utf8').catch(() => null),
      writeFile: (_name, contents) => {
        if (typeof contents !== 'string') binary = contents;
      },
      listFiles: () => [],
      stderr: { write: (text: string | Uint8Array) => messages.push(String(text)) },
    },
  );
  if (error || !binary) throw new Error(`asc: ${error?.message}\n${messages.join('')}`);
  const module = new wasm.Module(binary);

  const load = (p: number): number => view.getInt32(p >>> 0, true);
  const save = (p: number, value: number): undefined =>
    view.setInt32(p >>> 0, value, true) as undefined;
  const update =
    (next: (old: number, value: number) => number): Hook =>
    (p, value) => {
      const old = load(p);
      save(p, next(old, value));
      return old;
    };
  const intrinsics: Record<string, Hook> = {
    READ_ONCE: load,
    READ_ONCE8: (p) => view.getUint8(p),
    READ_ONCE16: (p) => view.getUint16(p, true),
    WRITE_ONCE: save,
    WRITE_ONCE8: (p, value) => view.setUint8(p, value) as undefined,
    WRITE_ONCE16: (p, value) => view.setUint16(p, value, true) as undefined,
    smp_load_acquire: load,
    smp_store_release: save,
    hart_tp: () => SCRATCH - 4096,
    address_of___per_cpu_start: () => SCRATCH - 4096,
  };
  for (const order of ['', '_relaxed', '_acquire', '_release']) {
    intrinsics[`xchg${order}`] = update((_old, value) => value);
    intrinsics[`fetch_add${order}`] = update((old, value) => old + value);
    intrinsics[`fetch_or${order}`] = update((old, value) => old | value);
    intrinsics[`cmpxchg${order}`] = (p, expected, value) => {
      const old = load(p);
      if (old === expected) save(p, value);
      return old;
    };
  }
  const imports: Record<string, Record<string, Hook>> = {};
  for (const { module: from, name } of wasm.Module.imports(module)) {
    (imports[from] ??= {})[name] = hooks[name] ?? intrinsics[name] ?? (() => 0);
  }
  const { exports } = new wasm.Instance(module, imports);
  const { memory } = exports;
  memory.grow(Math.max(0, MEMORY_PAGES - memory.buffer.byteLength / 65536));
  const view = new DataView(memory.buffer);
  let next = SCRATCH;

  const place = (data: Uint8Array): number => {
    // The length in front is what an AssemblyScript string needs.
    const address = (next + 15) & ~7;
    view.setUint32(address - 4, data.length, true);
    new Uint8Array(memory.buffer).set(data, address);
    next = address + data.length + 1;
    view.setUint8(next - 1, 0);
    return address;
  };
  return {
    view,
    bytes: (data) => place(typeof data === 'string' ? Buffer.from(data, 'latin1') : data),
    read: (address, length) => Buffer.from(memory.buffer, address, length).toString('latin1'),
    call: (name, ...values) => {
      const before = next;
      const numbers = values.map((v) =>
        typeof v === 'string' ? place(Buffer.from(v, 'utf16le')) : v,
      );
      const result = exports[name](...numbers);
      next = before;
      return result ?? 0;
    },
  };
}
