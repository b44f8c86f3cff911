// What the compiler does not support, and what its user got wrong, is one line that names the place.

import { describe, expect, it } from 'vitest';
import { PrintkitError } from '../../src/errors.ts';
import { assemble } from '../../src/toolchain/assembler.ts';
import { buildFirmware } from '../../src/toolchain/build.ts';
import { compileWasm } from '../../src/toolchain/compile.ts';
import { SourceMap } from '../../src/toolchain/source-map.ts';
import { temporaryFolder } from './support/folder.ts';
import { type Code, encodeModule, i32const, type Type } from './support/wasm-encoder.ts';

const message = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    if (error instanceof PrintkitError) return error.message;
    throw error;
  }
  return 'no error';
};

const messageOf = async (promise: Promise<unknown>): Promise<string> => {
  try {
    await promise;
  } catch (error) {
    if (error instanceof PrintkitError) return error.message;
    throw error;
  }
  return 'no error';
};

describe('unsupported wasm', () => {
  const compileBody = (body: Code, locals: readonly Type[] = []) =>
    compileWasm(encodeModule({ functions: [{ parameters: [], results: [], locals, body }] }), {
      memoryBase: 0x80100000,
      // One mapping: everything comes from line 8 of port.ts.
      sourceMap: new SourceMap(
        JSON.stringify({ version: 3, sources: ['firmware/port.ts'], mappings: 'AAOA' }),
      ),
    });

  for (const [what, body] of [
    ['a float constant', [0x43, 0, 0, 0, 0, 0x1a]],
    ['a float load', [i32const(0), 0x2a, 2, 0, 0x1a]],
    ['memory.size or memory.grow (heap allocation)', [0x3f, 0, 0x1a]],
    ['a float conversion', [i32const(0), 0xb2, 0x1a]],
    ['SIMD', [0xfd, 12, Array.from({ length: 16 }, () => 0), 0x1a]],
    ['exception handling', [0x06, 0x40, 0x0b]],
    ['a tail call', [0x12, 0]],
    ['a wasm atomic operator (use firmware/arch/atomic.ts)', [0xfe, 3, 0]],
    ['a reference', [0xd0, 0x70, 0x1a]],
    ['bulk table access', [0xfc, 12, 0, 0]],
  ] as const) {
    it(`${what} is an error at its TypeScript line`, () => {
      expect(message(() => compileBody(body))).toBe(
        `firmware/port.ts:8: ${what} is not supported by the RV32 back end`,
      );
    });
  }

  it('truncated or foreign bytes are an error', () => {
    const wasm = encodeModule({ functions: [] });
    const compile = (bytes: Uint8Array) => message(() => compileWasm(bytes, { memoryBase: 0 }));
    expect(compile(Uint8Array.of(1, 2, 3))).toMatch(/magic/);
    expect(compile(wasm.subarray(0, -1))).toMatch(/^wasm module, offset 0x\w+: ends early$/);
  });
});

describe('a firmware that cannot be built', () => {
  const ENTRY = '.globl _start\n_start: call start_kernel\n1: j 1b\n';
  const CSR = 'export declare function csr_read(csr: u32): u32;\n';
  const build = (files: Record<string, string>) => {
    const folder = temporaryFolder({ 'entry.S': ENTRY, 'arch/csr.ts': CSR, ...files });
    return messageOf(buildFirmware({ root: folder, entry: 'main.ts', assembly: ['entry.S'] }));
  };

  it('names the line of a CSR number that is not a constant', async () => {
    const main = `import { csr_read } from './arch/csr';
export function start_kernel(n: u32): u32 {
  return csr_read(n) + 1;
}
`;
    expect(await build({ 'main.ts': main })).toBe('main.ts:3: the CSR number must be a constant');
  });

  it('names the line of a float', async () => {
    const main = `export function start_kernel(n: u32): u32 {
  let x: f32 = <f32>n;

  return <u32>(x * 1.5);
}
`;
    expect(await build({ 'main.ts': main })).toMatch(
      /^main\.ts:[24]: a float c\w+ is not supported by the RV32 back end$/,
    );
  });

  it('names the line of a mistake in the TypeScript, and counts the others', async () => {
    const main = 'export function start_kernel(): void {\n  nothing();\n  nowhere();\n}\n';
    expect(await build({ 'main.ts': main })).toBe(
      "main.ts:2: Cannot find name 'nothing'. (and 1 more)",
    );
  });

  it('names an intrinsic that does not exist', async () => {
    const csr = 'export declare function csr_toggle(csr: u32): u32;\n';
    const main = `import { csr_toggle } from './arch/csr';
export function start_kernel(): u32 { return csr_toggle(1); }
`;
    expect(await build({ 'arch/csr.ts': csr, 'main.ts': main })).toBe(
      'main.ts:2: there is no intrinsic csr_toggle in csr.ts',
    );
  });

  it('names an undefined symbol and who uses it', async () => {
    const main = `export declare function elsewhere(): void;
export function start_kernel(): void { elsewhere(); }
`;
    expect(await build({ 'main.ts': main })).toBe(
      'undefined symbol elsewhere, used by start_kernel',
    );
    expect(await build({ 'main.ts': 'export function other(): void {}\n' })).toBe(
      'undefined symbol start_kernel, used by entry.S:2',
    );
  });

  it('says that top-level code has nobody to run it', async () => {
    const main = `import { csr_read } from './arch/csr';
const id: u32 = csr_read(0xf14);
export function start_kernel(): u32 { return id; }
`;
    expect(await build({ 'main.ts': main })).toMatch(/^main\.ts: a top-level initialiser/);
  });

  it('says which file is missing', async () => {
    expect(await build({})).toMatch(/main\.ts/);
    const folder = temporaryFolder({ 'main.ts': '' });
    expect(
      await messageOf(buildFirmware({ root: folder, entry: 'main.ts', assembly: ['no.S'] })),
    ).toMatch(/^cannot read no\.S in /);
  });

  it('names the line of a mistake in the assembly', () => {
    expect(message(() => assemble('  nop\n  frob a0\n', { file: 'entry.S' }))).toMatch(
      /^entry\.S:2: /,
    );
  });
});
