// The part of Node's WebAssembly API that the tests use, typed: TypeScript has these types only in its
// DOM library.

/** A function with 32-bit parameters and result. */
export type WasmFunction = (...values: number[]) => number | undefined;

interface WasmModule {
  readonly isModule?: true;
}
interface WasmMemory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

interface Engine {
  Module: {
    new (binary: Uint8Array): WasmModule;
    imports(module: WasmModule): { module: string; name: string }[];
  };
  Instance: new (
    module: WasmModule,
    imports: Record<string, Record<string, WasmFunction>>,
  ) => { exports: Record<string, WasmFunction> & { memory: WasmMemory } };
}

export const wasm = (globalThis as unknown as { WebAssembly: Engine }).WebAssembly;
