// Runs AssemblyScript's compiler (its JavaScript API) on the firmware: TypeScript → optimised wasm,
// with a source map. Loaded only when something is compiled: Binaryen is large.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PrintkitError } from '../errors.ts';

export interface AscOptions {
  /** Source files, relative to `root`; the first is the program's entry. */
  readonly entries: readonly string[];
  readonly root: string;
  /** First address of static data. */
  readonly memoryBase: number;
  /** Files that are not on disk: path relative to `root` → text. */
  readonly virtual?: Readonly<Record<string, string>>;
  /** Functions that stay functions of their own: patterns of asc's internal names, `*` for anything. */
  /** Function for `throw`: gets message, file, line and column; asc's internal name. */
  readonly abort?: string;
  readonly noInline?: readonly string[];
}

export interface AscResult {
  readonly wasm: Uint8Array;
  readonly sourceMap: string;
}

const PAGE = 65536;
/** Pages beyond the memory base that asc believes to be there. */
const PAGES = 1024;

interface Diagnostic {
  readonly category: number;
  readonly message: string;
  readonly range: { readonly source: { readonly normalizedPath: string }; start: number } | null;
}

const CATEGORY_ERROR = 3;

/** @throws PrintkitError with the first diagnostic as `file: message` */
export async function runAsc(options: AscOptions): Promise<AscResult> {
  const { default: asc } = await import('assemblyscript/asc');
  const files = new Map<string, Uint8Array | string>();
  const errors: string[] = [];
  const virtual = options.virtual ?? {};
  const args = [
    ...options.entries,
    ...['--outFile', 'out.wasm', '--sourceMap', '--debug'],
    ...['--runtime', 'stub', '--noAssert', '-O3', '--noColors'],
    ...(options.abort === undefined ? [] : ['--use', `abort=${options.abort}`]),
    ...['--memoryBase', String(options.memoryBase)],
    ...['--initialMemory', String(Math.floor(options.memoryBase / PAGE) + PAGES)],
  ];
  const sourceOf = (name: string): string | null => {
    if (name in virtual) return virtual[name];
    try {
      return readFileSync(join(options.root, name), 'utf8');
    } catch {
      return null;
    }
  };
  const noInline = options.noInline ?? [];
  const transforms: unknown[] = [];
  if (noInline.length > 0) {
    const { default: binaryen } = await import('binaryen');
    // asc has no decorator for it; Binaryen has a pass, which must run before the optimiser does.
    transforms.push({
      afterCompile(module: { runPasses(passes: string[]): void }) {
        for (const pattern of noInline) {
          binaryen.setPassArgument('no-inline', pattern);
          module.runPasses(['no-inline']);
        }
        binaryen.setPassArgument('no-inline', null);
      },
    });
  }
  const { error } = await asc.main(args, {
    transforms: transforms as never[],
    readFile: sourceOf,
    writeFile: (name: string, contents: Uint8Array | string) => void files.set(name, contents),
    listFiles: () => [],
    reportDiagnostic: (diagnostic: unknown) => {
      const d = diagnostic as Diagnostic;
      if (d.category === CATEGORY_ERROR) errors.push(describe(d, sourceOf));
    },
  });
  const wasm = files.get('out.wasm');
  const sourceMap = files.get('out.wasm.map');
  if (error || errors.length > 0 || !(wasm instanceof Uint8Array) || sourceMap === undefined) {
    const [first = error?.message ?? 'asc wrote no output'] = errors;
    const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : '';
    throw new PrintkitError(`${first}${more}`);
  }
  return { wasm, sourceMap: sourceMap.toString() };
}

function describe(d: Diagnostic, sourceOf: (name: string) => string | null): string {
  if (d.range === null) return d.message;
  const file = d.range.source.normalizedPath;
  const before = (sourceOf(file) ?? '').slice(0, d.range.start);
  return `${file}:${before.split('\n').length}: ${d.message}`;
}
