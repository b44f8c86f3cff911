// What the source of a guest calls the memory that a line accesses: the variable of a READ_ONCE() or its
// like, the field of an offsetof. For guests whose sources are there; found by the names that the line table
// has, from the working directory and from the package on.

import fs from 'node:fs';
import path from 'node:path';

/** Accesses of one word, as the LKMM names them. */
const ACCESS =
  /\b(?:READ_ONCE|WRITE_ONCE|smp_load_acquire|smp_store_release|xchg|cmpxchg|fetch_[a-z]+)\w*\(\s*([\w.]+)\s*[,)]/g;
const FIELD = /\boffsetof<(\w+)>\('(\w+)'\)/g;

export interface SourceName {
  /** "begun"; undefined when the line has none, or more than one. */
  readonly variable: string | undefined;
  /** "on_cpu", and the type that has it. */
  readonly field: string | undefined;
  readonly type: string | undefined;
}

const NO_NAME: SourceName = { variable: undefined, field: undefined, type: undefined };

export class SourceText {
  readonly #roots: readonly string[];
  /** Lines by file. */
  readonly #files = new Map<string, readonly string[]>();

  constructor(roots: readonly string[] = defaultRoots()) {
    this.#roots = roots;
  }

  /** What a line, given as `file:line`, calls the memory that it accesses. */
  namesIn(source: string | undefined): SourceName {
    const text = source === undefined ? undefined : this.line(source);
    if (text === undefined) return NO_NAME;
    const variables = new Set([...text.matchAll(ACCESS)].map(([, name]) => name));
    const fields = [...text.matchAll(FIELD)];
    const [variable] = variables.size === 1 ? variables : [undefined];
    const [, type, field] = fields.length === 1 ? fields[0] : [undefined, undefined, undefined];
    return { variable, field, type };
  }

  /** A line, given as `file:line`; undefined if the file is not there or shorter. */
  line(source: string): string | undefined {
    const [, file, number] = /^(.*):(\d+)$/.exec(source) ?? [];
    return file === undefined ? undefined : this.#linesOf(file)[Number(number) - 1];
  }

  #linesOf(file: string): readonly string[] {
    const known = this.#files.get(file);
    if (known !== undefined) return known;
    const lines = this.#roots
      .map((root) => readText(path.resolve(root, file)))
      .find((text) => text !== undefined)
      ?.split('\n');
    this.#files.set(file, lines ?? []);
    return lines ?? [];
  }
}

function readText(file: string): string | undefined {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

/** The working directory, and every folder that this file is in. */
function defaultRoots(): string[] {
  const roots = [process.cwd()];
  for (let folder = import.meta.dirname; ; folder = path.dirname(folder)) {
    roots.push(folder);
    if (path.dirname(folder) === folder) return roots;
  }
}
