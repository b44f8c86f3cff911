// Runs the functions of a wasm module twice: by Node's WebAssembly, and compiled to RV32 on our
// machine. A driver in assembly calls them one after the other, notes results and traps, and checks
// that the callee-saved registers survive.

import { assemble } from '../../../src/toolchain/assembler.ts';
import { runtimeObjects } from '../../../src/toolchain/build.ts';
import {
  type CompiledModule,
  type CompileOptions,
  compileWasm,
} from '../../../src/toolchain/compile.ts';
import type { LinkedProgram } from '../../../src/toolchain/elf-writer.ts';
import { link } from '../../../src/toolchain/link.ts';
import { Machine } from '../../../src/machine/machine.ts';

export const TEXT_BASE = 0x80000000;
export const MEMORY_BASE = 0x80100000;
/** Pages that reach beyond MEMORY_BASE by 64 KiB: Node reserves them, it does not touch them. */
export const MEMORY_PAGES = MEMORY_BASE / 65536 + 1;
const HEAP_BASE = MEMORY_BASE + 65536;
const RECORDS = 0x81000000;
const ARGUMENT_WORDS = 16;
const RECORD_WORDS = 1 + ARGUMENT_WORDS + 3;
const STATUS_OK = 1;
const STATUS_TRAP = 2;

/** s10: record, s11: end. A record: function, 8 register and 8 stack argument words, a0, a1, status. */
const DRIVER = `
        .text
        .globl _start
_start: csrr    t0, mhartid
1:      bnez    t0, 1b
        la      t0, trap
        csrw    mtvec, t0
        li      gp, 0
        li      tp, 0x7474
        la      t0, position
        li      s10, ${RECORDS}
        lw      s11, 0(s10)             # number of records
        addi    s10, s10, 4
next:   beqz    s11, done
        la      t0, position
        sw      s10, 0(t0)
        sw      s11, 4(t0)
        la      sp, stack_top
        addi    sp, sp, -32
        .irp    n, 0, 4, 8, 12, 16, 20, 24, 28
        lw      t0, (36+\\n)(s10)
        sw      t0, \\n(sp)
        .endr
        lw      a0, 4(s10)
        lw      a1, 8(s10)
        lw      a2, 12(s10)
        lw      a3, 16(s10)
        lw      a4, 20(s10)
        lw      a5, 24(s10)
        lw      a6, 28(s10)
        lw      a7, 32(s10)
        li      s0, 0x100
        li      s1, 0x101
        li      s2, 0x102
        li      s3, 0x103
        li      s4, 0x104
        li      s5, 0x105
        li      s6, 0x106
        li      s7, 0x107
        li      s8, 0x108
        li      s9, 0x109
        lw      t0, 0(s10)
        jalr    t0
        la      t0, position
        lw      t1, 0(t0)
        lw      t2, 4(t0)
        sw      a0, 68(t1)
        sw      a1, 72(t1)
        li      t3, 3                   # a callee-saved register was lost
        bne     t1, s10, 1f
        bne     t2, s11, 1f
        la      t4, stack_top
        addi    t4, t4, -32
        bne     t4, sp, 1f
        .irp    n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9
        li      t4, 0x100+\\n
        bne     t4, s\\n, 1f
        .endr
        li      t3, ${STATUS_OK}
1:      sw      t3, 76(t1)
        mv      s10, t1
        mv      s11, t2
        j       advance
        .balign 4
trap:   la      t0, position
        lw      s10, 0(t0)
        lw      s11, 4(t0)
        csrr    t1, mcause
        li      t2, 3
        li      t3, ${STATUS_TRAP}
        beq     t1, t2, 1f
        addi    t3, t1, 16              # not an ebreak: 16 + cause
1:      sw      t3, 76(s10)
        csrr    t1, mepc
        sw      t1, 68(s10)
advance:
        addi    s10, s10, ${4 * RECORD_WORDS}
        addi    s11, s11, -1
        j       next
done:   li      t0, 0x100000
        li      t1, 0x5555
        sw      t1, 0(t0)
1:      j       1b
        .globl  echo_sum
# An external function for tests of imports: a0 + a1.
echo_sum:
        add     a0, a0, a1
        ret
        .bss
        .balign 16
position: .space 16
        .space  65536
stack_top:
        .space  16
`;

/** What of the WebAssembly API the tests need (lib.dom is not loaded). */
interface WebAssemblyApi {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (
    module: object,
    imports: object,
  ) => { readonly exports: Readonly<Record<string, unknown>> };
  readonly RuntimeError: new () => Error;
}

const { WebAssembly } = globalThis as unknown as { readonly WebAssembly: WebAssemblyApi };

const driver = [assemble(DRIVER, { file: 'driver.S' })];

export interface Call {
  /** Export name. */
  readonly name: string;
  readonly args: readonly (number | bigint)[];
}

/** `trap`, or the result as a signed number; undefined for a function without one. */
export type Outcome = number | bigint | 'trap' | undefined;

export interface Compiled {
  readonly module: CompiledModule;
  readonly program: LinkedProgram;
}

export function compile(wasm: Uint8Array, options: Partial<CompileOptions> = {}): Compiled {
  const module = compileWasm(wasm, { memoryBase: MEMORY_BASE, ...options });
  const program = link([...driver, ...runtimeObjects()], module, {
    textBase: TEXT_BASE,
    memoryBase: MEMORY_BASE,
    heapBase: HEAP_BASE,
    entrySymbol: '_start',
    unitName: 'test.ts',
  });
  return { module, program };
}

/** Runs the calls on our machine, in order, and gives their results and the module's 64 KiB. */
export function runOnMachine(
  { program }: Compiled,
  calls: readonly Call[],
  resultTypes: ReadonlyMap<string, string | undefined>,
): { outcomes: Outcome[]; memory: Uint8Array; instructions: number } {
  const machine = new Machine({ harts: 1, memoryBytes: 32 << 20 });
  const records = new Int32Array(1 + RECORD_WORDS * calls.length);
  records[0] = calls.length;
  const addresses = new Map(program.symbols.map((s) => [s.name, s.address]));
  calls.forEach((c, i) => {
    const at = 1 + RECORD_WORDS * i;
    const address = addresses.get(c.name);
    if (address === undefined) throw new Error(`no function ${c.name}`);
    records[at] = address;
    placeArguments(c.args).forEach((word, n) => (records[at + 1 + n] = word));
  });
  machine.load({
    entry: program.entry,
    segments: [
      ...program.sections.map((s) => ({
        address: s.address,
        bytes: s.bytes,
        memoryBytes: s.size,
      })),
      {
        address: RECORDS,
        bytes: new Uint8Array(records.buffer),
        memoryBytes: records.byteLength,
      },
    ],
  });
  machine.reset();
  const stop = machine.run(Infinity, { maxInstructions: 50_000_000 });
  if (stop.kind !== 'exit') {
    throw new Error(`machine stopped: ${JSON.stringify(stop)}, pc ${machine.harts[0].pc >>> 0}`);
  }
  const bytes = machine.readMemory(RECORDS, records.byteLength).slice();
  const after = new DataView(bytes.buffer);
  const outcomes = calls.map((c, i): Outcome => {
    const at = 4 * (1 + RECORD_WORDS * i) + 68;
    const status = after.getInt32(at + 8, true);
    if (status === STATUS_TRAP) return 'trap';
    if (status !== STATUS_OK) {
      const where = (after.getInt32(at, true) >>> 0).toString(16);
      throw new Error(`${c.name}(${c.args.join()}): status ${status}, a0 or mepc ${where}`);
    }
    const type = resultTypes.get(c.name);
    if (type === undefined) return undefined;
    return type === 'i64' ? after.getBigInt64(at, true) : after.getInt32(at, true);
  });
  return {
    outcomes,
    memory: machine.readMemory(MEMORY_BASE, 65536).slice(),
    instructions: machine.harts[0].instret,
  };
}

/** The calling convention: 8 registers, then the stack, i64 aligned to 8 there. */
function placeArguments(args: readonly (number | bigint)[]): number[] {
  const words: number[] = [];
  for (const arg of args) {
    if (typeof arg === 'number') words.push(arg | 0);
    else {
      if (words.length > 8 && words.length % 2 === 1) words.push(0);
      if (words.length === 8) words.length = 8;
      words.push(Number(BigInt.asIntN(32, arg)), Number(BigInt.asIntN(32, arg >> 32n)));
    }
  }
  if (words.length > ARGUMENT_WORDS) throw new Error('too many arguments for the driver');
  return words;
}

/** The same by Node. */
export function runOnNode(
  wasm: Uint8Array,
  calls: readonly Call[],
  imports: object = {},
): { outcomes: Outcome[]; memory: Uint8Array } {
  const instance = new WebAssembly.Instance(new WebAssembly.Module(wasm), imports);
  const outcomes = calls.map((c): Outcome => {
    const f = instance.exports[c.name] as (...args: unknown[]) => number | bigint | undefined;
    try {
      return f(...c.args);
    } catch (error) {
      if (error instanceof WebAssembly.RuntimeError) return 'trap';
      throw error;
    }
  });
  const { buffer } = instance.exports['memory'] as { buffer: ArrayBuffer };
  const memory = buffer.byteLength > MEMORY_BASE ? new Uint8Array(buffer, MEMORY_BASE, 65536) : [];
  return { outcomes, memory: Uint8Array.from(memory) };
}
