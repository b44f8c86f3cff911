// Splits assembly source into lines without comments and lines into tokens. Syntax: GNU as for
// RISC-V (# and // to the end of the line, C block comments, ; between statements).

/** A source line after comments are gone. */
export interface SourceLine {
  readonly text: string;
  readonly line: number;
}

export type Token =
  | { readonly kind: 'name'; readonly text: string }
  | { readonly kind: 'number'; readonly value: bigint }
  /** 1f, 1b: the next or last numeric label of that number. */
  | { readonly kind: 'local'; readonly label: number; readonly forward: boolean }
  | { readonly kind: 'string'; readonly bytes: Uint8Array; readonly text: string }
  | { readonly kind: 'punct'; readonly text: string };

/** A lexical or syntactic fault; the assembler adds file and line. */
export class AssemblySyntaxError extends Error {}

/** Removes comments (keeping line numbers) and splits into lines. */
export function splitLines(source: string): SourceLine[] {
  let text = '';
  let i = 0;
  while (i < source.length) {
    const two = source.slice(i, i + 2);
    const one = source.charAt(i);
    if (one === '"' || isCharacterQuote(source, i)) {
      const end = one === '"' ? endOfString(source, i) : endOfCharacter(source, i);
      text += source.slice(i, end);
      i = end;
    } else if (two === '/*') {
      const end = source.indexOf('*/', i + 2);
      const stop = end < 0 ? source.length : end + 2;
      text += ' ' + source.slice(i, stop).replace(/[^\n]/g, '');
      i = stop;
    } else if (one === '#' || two === '//') {
      const end = source.indexOf('\n', i);
      const stop = end < 0 ? source.length : end;
      // A C preprocessor line is no comment for its author: keep it, so that it is reported.
      if (one === '#' && PREPROCESSOR.test(source.slice(i, stop)) && /(^|\n)[ \t]*$/.test(text)) {
        text += source.slice(i, stop);
      }
      i = stop;
    } else {
      text += one;
      i++;
    }
  }
  return text.split('\n').map((part, index) => ({ text: part, line: index + 1 }));
}

const PREPROCESSOR = /^#[ \t]*(define|undef|include|if|ifdef|ifndef|elif|else|endif|pragma)\b/;

const isCharacterQuote = (source: string, i: number): boolean =>
  source.charAt(i) === "'" && source.charAt(i + 1) !== '\n' && i + 1 < source.length;

function endOfString(source: string, start: number): number {
  let i = start + 1;
  while (i < source.length && source.charAt(i) !== '"' && source.charAt(i) !== '\n') {
    i += source.charAt(i) === '\\' && source.charAt(i + 1) !== '\n' ? 2 : 1;
  }
  return Math.min(source.length, source.charAt(i) === '\n' ? i : i + 1);
}

function endOfCharacter(source: string, start: number): number {
  const end = start + (source.charAt(start + 1) === '\\' ? 3 : 2);
  return source.charAt(end) === "'" ? end + 1 : end;
}

const ESCAPES: Readonly<Record<string, number>> = {
  n: 10,
  t: 9,
  r: 13,
  b: 8,
  f: 12,
  '\\': 92,
  '"': 34,
  "'": 39,
};

/** The bytes of a string literal's inside: C escapes, octal, \x; other characters as UTF-8. */
function unescape(body: string): Uint8Array {
  const bytes: number[] = [];
  const pattern = /\\([0-7]{1,3})|\\x([0-9a-fA-F]+)|\\([\s\S])|([^\\]+)/g;
  for (const match of body.matchAll(pattern)) {
    const [, octal, hex, escaped, plain] = match as (string | undefined)[];
    if (octal !== undefined) bytes.push(parseInt(octal, 8) & 0xff);
    else if (hex !== undefined) bytes.push(parseInt(hex.slice(-2), 16));
    else if (plain !== undefined) bytes.push(...new TextEncoder().encode(plain));
    else if (escaped !== undefined) {
      const code = ESCAPES[escaped];
      if (code === undefined)
        throw new AssemblySyntaxError(`unknown escape \\${escaped} in string`);
      bytes.push(code);
    }
  }
  return Uint8Array.from(bytes);
}

const RULES: readonly (readonly [RegExp, (text: string) => Token])[] = [
  [/0[xX][0-9a-fA-F]+/y, (text) => ({ kind: 'number', value: BigInt(text) })],
  [/0[bB][01]+/y, (text) => ({ kind: 'number', value: BigInt(text) })],
  [
    /[0-9]+[fb](?![A-Za-z0-9_.$])/y,
    (text) => ({ kind: 'local', label: parseInt(text, 10), forward: text.endsWith('f') }),
  ],
  [/0[0-7]+(?![0-9])/y, (text) => ({ kind: 'number', value: BigInt('0o' + text.slice(1)) })],
  [/[0-9]+/y, (text) => ({ kind: 'number', value: BigInt(text) })],
  [/[A-Za-z_.$][A-Za-z0-9_.$]*/y, (text) => ({ kind: 'name', text })],
  [
    /"(?:[^"\\]|\\[\s\S])*"/y,
    (text) => ({ kind: 'string', bytes: unescape(text.slice(1, -1)), text: text.slice(1, -1) }),
  ],
  [
    /'(?:\\[\s\S]|[^\\])'?/y,
    (text) => ({
      kind: 'number',
      value: BigInt(unescape(text.slice(1).replace(/(.)'$/s, '$1'))[0] ?? 0),
    }),
  ],
  [/<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^~!<>=(),:;@]/y, (text) => ({ kind: 'punct', text })],
];

/** Tokens of one line. A number that runs into letters (`12ab`) is an error, not two tokens. */
export function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  let i = 0;
  while (i < text.length) {
    if (/\s/.test(text.charAt(i))) {
      i++;
      continue;
    }
    const token = nextToken(text, i);
    if (!token) {
      throw new AssemblySyntaxError(
        text.charAt(i) === '"' ? 'string without an end' : `unexpected '${text.charAt(i)}'`,
      );
    }
    i = token.end;
    const joined = token.token.kind === 'number' || token.token.kind === 'local';
    if (joined && /[A-Za-z0-9_.$]/.test(text.charAt(i)) && text.charAt(i - 1) !== "'") {
      throw new AssemblySyntaxError(`malformed number near '${text.slice(i - 1, i + 8)}'`);
    }
    tokens.push(token.token);
  }
  return tokens;
}

function nextToken(text: string, at: number): { token: Token; end: number } | undefined {
  for (const [pattern, make] of RULES) {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match) return { token: make(match[0]), end: at + match[0].length };
  }
  return undefined;
}

export const isPunct = (token: Token | undefined, text: string): boolean =>
  token?.kind === 'punct' && token.text === text;

/** Splits at commas outside of parentheses; no tokens at all give no operands. */
export function splitOperands(tokens: readonly Token[]): Token[][] {
  if (tokens.length === 0) return [];
  const operands: Token[][] = [[]];
  let depth = 0;
  for (const token of tokens) {
    if (isPunct(token, '(')) depth++;
    if (isPunct(token, ')')) depth--;
    if (depth === 0 && isPunct(token, ',')) operands.push([]);
    else operands[operands.length - 1]?.push(token);
  }
  return operands;
}
