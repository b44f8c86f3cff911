// Text-level constructs of the assembler: .macro, .rept and .irp. GNU as, "Macro" and "Rept"; left
// out: :req, :vararg, keyword arguments and .exitm.

import { AssemblySyntaxError, type SourceLine } from './assembler-lexer.ts';

export interface Macro {
  readonly parameters: readonly { readonly name: string; readonly fallback: string }[];
  readonly body: readonly SourceLine[];
}

const OPENERS: Readonly<Record<string, string>> = {
  '.macro': '.endm',
  '.rept': '.endr',
  '.irp': '.endr',
};

/** First word of a line, in lower case when it is a directive. */
export const firstWord = (text: string): string =>
  /^\s*([^\s,:]+)/.exec(text)?.[1]?.toLowerCase() ?? '';

/** The rest of a line after its first word. */
export const afterFirstWord = (text: string): string => text.replace(/^\s*[^\s,:]+/, '').trim();

/**
 * The lines between an opening directive at `start` and its end.
 * @returns the body and the index of the closing line
 */
export function collectBlock(
  lines: readonly SourceLine[],
  start: number,
  opener: string,
): { body: SourceLine[]; end: number } {
  const pending = [OPENERS[opener]];
  for (let i = start + 1; i < lines.length; i++) {
    const word = firstWord(lines[i]?.text ?? '');
    if (word === pending[pending.length - 1]) pending.pop();
    else if (Object.hasOwn(OPENERS, word)) pending.push(OPENERS[word]);
    if (pending.length === 0) return { body: lines.slice(start + 1, i), end: i };
  }
  throw new AssemblySyntaxError(`${opener} without ${OPENERS[opener]}`);
}

/** `name a, b=1` or `name a b=1`. */
export function parseMacroHead(rest: string): { name: string; parameters: Macro['parameters'] } {
  const [name = '', ...words] = rest.split(/[\s,]+/).filter((word) => word !== '');
  if (!/^[A-Za-z_.$][\w.$]*$/.test(name)) throw new AssemblySyntaxError('.macro needs a name');
  const parameters = words.map((word) => {
    const [parameter = '', fallback = ''] = word.split('=');
    if (!/^[A-Za-z_]\w*$/.test(parameter)) {
      throw new AssemblySyntaxError(`cannot understand macro parameter '${word}'`);
    }
    return { name: parameter, fallback };
  });
  return { name, parameters };
}

/** Splits macro arguments at commas outside of quotes and parentheses. */
export function splitArguments(text: string): string[] {
  if (text.trim() === '') return [];
  const parts = [''];
  let depth = 0;
  let quoted = false;
  for (const character of text) {
    if (character === '"') quoted = !quoted;
    if (!quoted && character === '(') depth++;
    if (!quoted && character === ')') depth--;
    if (character === ',' && !quoted && depth === 0) parts.push('');
    else parts[parts.length - 1] += character;
  }
  return parts.map((part) => part.trim());
}

/** The macro's body with `\name`, `\@` and `\()` replaced; lines keep the place of the call. */
export function expandMacro(
  name: string,
  macro: Macro,
  given: readonly string[],
  serial: number,
  line: number,
): SourceLine[] {
  if (given.length > macro.parameters.length) {
    throw new AssemblySyntaxError(
      `macro ${name} takes ${macro.parameters.length} arguments, not ${given.length}`,
    );
  }
  const values = new Map(
    macro.parameters.map((p, i): [string, string] => [
      p.name,
      given[i] === undefined || given[i] === '' ? p.fallback : given[i],
    ]),
  );
  return macro.body.map(({ text }) => ({ text: substitute(text, values, serial), line }));
}

/** Replaces `\name` for every known name. */
export const substitute = (
  text: string,
  values: ReadonlyMap<string, string>,
  serial: number,
): string =>
  text.replace(/\\(\(\)|@|[A-Za-z_]\w*)/g, (whole, word: string) => {
    if (word === '()') return '';
    if (word === '@') return `${serial}`;
    return values.get(word) ?? whole;
  });
