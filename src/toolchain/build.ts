// TypeScript firmware and assembly → ELF: asc, code generator, assembler, linker, ELF writer.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PrintkitError } from '../errors.ts';
import { runAsc } from './asc.ts';
import { assemble } from './assembler.ts';
import { BAD_CALL, type CompiledModule, compileWasm, START } from './compile.ts';
import { type LinkedProgram, writeElf } from './elf-writer.ts';
import { link, TextOverflow } from './link.ts';
import type { ObjectCode } from './object-code.ts';
import { RUNTIME, RUNTIME_FILE } from './runtime.ts';
import { SourceMap } from './source-map.ts';

export interface BuildOptions {
  /** Directory that source paths are relative to (default: the package's). */
  readonly root?: string;
  /** TypeScript file whose exports are the program (default firmware/main.ts). */
  readonly entry?: string;
  /** Assembly files; the first one's text starts the image (default firmware/arch/entry.S). */
  readonly assembly?: readonly string[];
  /** Where to write the ELF; nothing is written without it. */
  readonly output?: string;
  /** See EmitOptions (default true). */
  readonly stackCheck?: boolean;
  readonly compressed?: boolean;
  /** Patterns of functions that are never inlined (default: lock functions, see NO_INLINE). */
  readonly noInline?: readonly string[];
  /** Source files in place of those on disk, or beside them: path relative to `root` → text. */
  readonly overlay?: Readonly<Record<string, string>>;
}

export interface BuildResult {
  readonly elf: Uint8Array;
  readonly program: LinkedProgram;
  readonly module: CompiledModule;
}

/** Every hart starts here (QEMU's virt board with -bios none does not look at the ELF's entry). */
export const TEXT_BASE = 0x80000000;

/**
 * Functions that debuggers and explorers look for by symbol: the acquire and release of every lock
 * type, the scheduler's and printk()'s doors, and the marks of scenarios.
 */
const NO_INLINE: readonly string[] = [
  'firmware/locking/*_lock',
  'firmware/locking/*_unlock',
  'firmware/locking/*_unlock_*',
  'firmware/locking/*_trylock',
  'firmware/locking/*/down',
  'firmware/locking/*/down_*',
  'firmware/locking/*/up',
  'firmware/printk/console/console_lock',
  'firmware/printk/console/console_trylock',
  'firmware/printk/console/console_unlock',
  'firmware/printk/emit/handover/console_lock_spinning_*',
  'firmware/printk/emit/handover/console_trylock_spinning',
  'firmware/printk/cpu-sync/printk_cpu_sync_wait',
  'firmware/sched/core/schedule',
  'firmware/sched/core/try_to_wake_up',
  'firmware/kernel/panic/panic',
  'firmware/arch/backtrace/dump_stack',
  'firmware/printk/printk/vprintk_emit',
  'firmware/printk/printk/vprintk_store',
  'firmware/scenarios/workload/workload_message',
  'firmware/scenarios/workload/workload_phase',
  'firmware/scenarios/*/scenario_begin',
  'firmware/scenarios/*/scenario_end',
];

/** Room for text and read-only data below the static data; doubled until they fit. */
const TEXT_BUDGET = 512 * 1024;
const TEXT_BUDGET_MAX = 16 * 1024 * 1024;

const LAYOUT_FILE = '__printkit_layout.ts';
const HEAP_BASE = '__printkit_heap_base';
const LAYOUT = `export function ${HEAP_BASE}(): usize { return __heap_base; }\n`;

const BAD_CALL_CODE = `
        .text
        .globl ${BAD_CALL}
        .type ${BAD_CALL}, @function
# Empty slots of the function table point here: a call through a null or stale function pointer.
${BAD_CALL}:
        ebreak
        .size ${BAD_CALL}, . - ${BAD_CALL}
`;

/** The package's directory: the nearest one above that has the firmware. */
function packageRoot(): string {
  let directory = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    try {
      readFileSync(join(directory, 'package.json'));
      return directory;
    } catch {
      const parent = dirname(directory);
      if (parent === directory) throw new PrintkitError('printkit: package.json not found');
      directory = parent;
    }
  }
}

/** @throws PrintkitError with one line that names the place */
export async function buildFirmware(options: BuildOptions = {}): Promise<BuildResult> {
  const root = options.root ?? packageRoot();
  const entry = options.entry ?? 'firmware/main.ts';
  const files = options.assembly ?? ['firmware/arch/entry.S'];
  const overlay = options.overlay ?? {};
  const objects = files.map((file) => assemble(overlay[file] ?? readSource(root, file), { file }));
  for (let budget = TEXT_BUDGET; ; budget *= 2) {
    const memoryBase = TEXT_BASE + budget;
    const { wasm, sourceMap } = await runAsc({
      entries: [entry, LAYOUT_FILE],
      root,
      memoryBase,
      virtual: { ...overlay, [LAYOUT_FILE]: LAYOUT },
      ...(options.entry === undefined ? { abort: 'firmware/kernel/bug/kernel_bug' } : {}),
      noInline: options.noInline ?? NO_INLINE,
    });
    const module = compileWasm(wasm, {
      memoryBase,
      sourceMap: new SourceMap(sourceMap),
      constantExports: [HEAP_BASE],
      ...(options.stackCheck === undefined ? {} : { stackCheck: options.stackCheck }),
      ...(options.compressed === undefined ? {} : { compressed: options.compressed }),
    });
    checkStart(module, objects, entry);
    try {
      const program = link([...objects, ...runtimeObjects()], module, {
        textBase: TEXT_BASE,
        memoryBase,
        heapBase: module.constants.get(HEAP_BASE) ?? memoryBase,
        entrySymbol: '_start',
        unitName: entry,
      });
      const elf = writeElf(program);
      if (options.output !== undefined) write(options.output, elf);
      return { elf, program, module };
    } catch (error) {
      if (error instanceof TextOverflow && budget < TEXT_BUDGET_MAX) continue;
      throw error;
    }
  }
}

let runtime: readonly ObjectCode[] | undefined;

/** The runtime routines, assembled once. */
export function runtimeObjects(): readonly ObjectCode[] {
  runtime ??= [assemble(RUNTIME + BAD_CALL_CODE, { file: RUNTIME_FILE })];
  return runtime;
}

function checkStart(module: CompiledModule, objects: readonly ObjectCode[], entry: string): void {
  if (module.start === undefined) return;
  if (objects.some((o) => o.relocations.some((r) => r.symbol === START))) return;
  throw new PrintkitError(
    `${entry}: a top-level initialiser needs code that runs before main: initialise in a function`,
  );
}

function readSource(root: string, file: string): string {
  try {
    return readFileSync(join(root, file), 'utf8');
  } catch {
    throw new PrintkitError(`cannot read ${file} in ${root}`);
  }
}

function write(path: string, elf: Uint8Array): void {
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, elf);
  } catch (error) {
    throw new PrintkitError(`cannot write ${path}: ${(error as Error).message}`);
  }
}
