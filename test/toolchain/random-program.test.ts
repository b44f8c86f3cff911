// Random functions, compiled and run on our machine, give what Node's WebAssembly gives: results,
// traps, memory and globals. A failing run is shrunk to a small module and printed with its seed.

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Call, compile, MEMORY_PAGES, runOnMachine, runOnNode } from './support/harness.ts';
import { GLOBALS, randomArguments, randomFunction, resultType } from './support/random-program.ts';
import { encodeModule, type FunctionSource, globalGet } from './support/wasm-encoder.ts';

const FUNCTIONS_PER_MODULE = 40;
const MODULES = 120;

const padding: FunctionSource[] = [0, 1, 2, 3].map((i) => ({
  parameters: ['i32', 'i32', 'i64', 'i64'],
  results: [resultType(i)],
  locals: [],
  body: i % 2 === 0 ? [0x41, 7] : [0x42, 9],
}));

it('computes what Node computes', { timeout: 300_000 }, () => {
  const functions = fc.array(randomFunction, { minLength: 1, maxLength: FUNCTIONS_PER_MODULE });
  const args = fc.array(randomArguments, { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(functions, args, (makers, lists) => {
      const made = makers.map((make, i) => make(i));
      const all = [...made, ...padding.slice(made.length)];
      const globals = [
        { parameters: [], results: ['i32'], locals: [], body: globalGet(0) },
        { parameters: [], results: ['i64'], locals: [], body: globalGet(1) },
      ] as const;
      const wasm = encodeModule({
        functions: [...all, ...globals],
        globals: GLOBALS,
        table: all.map((_, i) => i),
        memoryPages: MEMORY_PAGES,
      });
      const calls: Call[] = made.flatMap((_, i) =>
        lists.map((list) => ({ name: `f${i}`, args: list })),
      );
      calls.push({ name: `f${all.length}`, args: [] }, { name: `f${all.length + 1}`, args: [] });
      const types = new Map<string, string>(all.map((_, i) => [`f${i}`, resultType(i)]));
      types.set(`f${all.length}`, 'i32').set(`f${all.length + 1}`, 'i64');
      const expected = runOnNode(wasm, calls);
      const actual = runOnMachine(compile(wasm), calls, types);
      expect(actual.outcomes).toEqual(expected.outcomes);
      expect(Buffer.compare(actual.memory, expected.memory)).toBe(0);
    }),
    { numRuns: MODULES, seed: Number(process.env['PRINTKIT_SEED'] ?? 1), endOnFailure: false },
  );
});
