// Expressions of the assembler: parsed when read, evaluated when all labels are known. Operators and
// precedence as in GNU as ("Infix Operators"); 64-bit two's complement.

import { AssemblySyntaxError, isPunct, type Token } from './assembler-lexer.ts';

/** A section while it is being filled. */
export interface SectionBuilder {
  readonly name: string;
  readonly bytes: number[];
  size: number;
  align: number;
  readonly flags: {
    readonly alloc: boolean;
    readonly write: boolean;
    readonly execute: boolean;
    readonly nobits: boolean;
  };
}

/** A name in the making: a label once `section` is set, a value once `value` is set. */
export interface AssemblySymbol {
  readonly name: string;
  section?: SectionBuilder;
  offset: number;
  value?: Expression;
  global: boolean;
  type: 'none' | 'function' | 'object';
  size?: Expression;
  /** Line of the first mention, for the message about an undefined local. */
  readonly line: number;
  /** Numeric label or `.`: never leaves the object by name. */
  readonly anonymous: boolean;
}

export type Expression =
  | { readonly op: 'constant'; readonly value: bigint }
  | { readonly op: 'symbol'; readonly symbol: AssemblySymbol }
  | { readonly op: 'unary'; readonly operator: string; readonly operand: Expression }
  | {
      readonly op: 'binary';
      readonly operator: string;
      readonly left: Expression;
      readonly right: Expression;
    };

/** An expression's value: a constant when `symbol` is absent. */
export interface Value {
  readonly symbol?: AssemblySymbol;
  readonly addend: bigint;
}

/** How names in an expression become symbols. */
export interface Scope {
  name(text: string): AssemblySymbol;
  local(label: number, forward: boolean): AssemblySymbol;
  here(): AssemblySymbol;
}

// GNU as: * / % << >> bind tightest, then | & ^, then + - and comparisons, then && and ||.
const PRECEDENCE: Readonly<Record<string, number>> = {
  '*': 5,
  '/': 5,
  '%': 5,
  '<<': 5,
  '>>': 5,
  '|': 4,
  '&': 4,
  '^': 4,
  '+': 3,
  '-': 3,
  '==': 2,
  '!=': 2,
  '<': 2,
  '>': 2,
  '<=': 2,
  '>=': 2,
  '&&': 1,
  '||': 0,
};

/** Reads tokens one after the other. */
export class Cursor {
  private at = 0;
  private readonly tokens: readonly Token[];

  constructor(tokens: readonly Token[]) {
    this.tokens = tokens;
  }

  peek(ahead = 0): Token | undefined {
    return this.tokens[this.at + ahead];
  }

  next(): Token | undefined {
    return this.tokens[this.at++];
  }

  /** Takes the punctuation if it is next. */
  accept(text: string): boolean {
    if (!isPunct(this.peek(), text)) return false;
    this.at++;
    return true;
  }

  expect(text: string): void {
    if (!this.accept(text)) throw new AssemblySyntaxError(`expected '${text}'`);
  }

  get done(): boolean {
    return this.at >= this.tokens.length;
  }
}

/** Parses a whole operand as one expression. */
export function parseExpression(tokens: readonly Token[], scope: Scope): Expression {
  const cursor = new Cursor(tokens);
  const expression = parseBinary(cursor, scope, 0, 0);
  if (!cursor.done) throw new AssemblySyntaxError(`unexpected ${describe(cursor.peek())}`);
  return expression;
}

const DEPTH_MAX = 200;

function parseBinary(cursor: Cursor, scope: Scope, level: number, depth: number): Expression {
  let left = parseUnary(cursor, scope, depth);
  for (;;) {
    const token = cursor.peek();
    const precedence = token?.kind === 'punct' ? PRECEDENCE[token.text] : undefined;
    if (token?.kind !== 'punct' || precedence === undefined || precedence < level) return left;
    cursor.next();
    const right = parseBinary(cursor, scope, precedence + 1, depth + 1);
    left = fold({ op: 'binary', operator: token.text, left, right });
  }
}

function parseUnary(cursor: Cursor, scope: Scope, depth: number): Expression {
  if (depth > DEPTH_MAX) throw new AssemblySyntaxError('expression nested too deeply');
  const token = cursor.next();
  if (token?.kind === 'number') return { op: 'constant', value: BigInt.asIntN(64, token.value) };
  if (token?.kind === 'local') {
    return { op: 'symbol', symbol: scope.local(token.label, token.forward) };
  }
  if (token?.kind === 'name') {
    const symbol = token.text === '.' ? scope.here() : scope.name(token.text);
    // A constant known by now is taken by value, so that .set may change it later.
    return symbol.value?.op === 'constant' ? symbol.value : { op: 'symbol', symbol };
  }
  if (token?.kind === 'punct') {
    if (token.text === '(') {
      const inner = parseBinary(cursor, scope, 0, depth + 1);
      cursor.expect(')');
      return inner;
    }
    if (['-', '+', '~', '!'].includes(token.text)) {
      const operand = parseUnary(cursor, scope, depth + 1);
      return fold({ op: 'unary', operator: token.text, operand });
    }
  }
  throw new AssemblySyntaxError(`expected an expression, found ${describe(token)}`);
}

/** Constants are computed at once: keeps long expressions flat and gives `li` its value. */
function fold(expression: Expression): Expression {
  if (expression.op === 'unary' && expression.operand.op !== 'constant') return expression;
  if (
    expression.op === 'binary' &&
    (expression.left.op !== 'constant' || expression.right.op !== 'constant')
  ) {
    return expression;
  }
  return { op: 'constant', value: evaluate(expression).addend };
}

export const describe = (token: Token | undefined): string => {
  if (!token) return 'the end of the line';
  switch (token.kind) {
    case 'name':
    case 'punct':
      return `'${token.text}'`;
    case 'number':
      return `number ${token.value}`;
    case 'local':
      return `'${token.label}${token.forward ? 'f' : 'b'}'`;
    case 'string':
      return 'a string';
  }
};

/**
 * The value of an expression. Differences of labels in one section are constants.
 * @throws AssemblySyntaxError for an operation that has no value at assembly time
 */
export function evaluate(expression: Expression, depth = 0): Value {
  if (depth > 4 * DEPTH_MAX) throw new AssemblySyntaxError('symbol defined by itself');
  switch (expression.op) {
    case 'constant':
      return { addend: expression.value };
    case 'symbol': {
      const { symbol } = expression;
      return symbol.value ? evaluate(symbol.value, depth + 1) : { symbol, addend: 0n };
    }
    case 'unary':
      return unary(expression.operator, evaluate(expression.operand, depth + 1));
    case 'binary':
      return binary(
        expression.operator,
        evaluate(expression.left, depth + 1),
        evaluate(expression.right, depth + 1),
      );
  }
}

const wrap = (value: bigint): bigint => BigInt.asIntN(64, value);

function unary(operator: string, { symbol, addend }: Value): Value {
  if (operator === '+') return symbol ? { symbol, addend } : { addend };
  if (symbol) throw new AssemblySyntaxError(`'${operator}' needs a constant, not '${symbol.name}'`);
  if (operator === '-') return { addend: wrap(-addend) };
  return { addend: operator === '~' ? ~addend : addend === 0n ? 1n : 0n };
}

function binary(operator: string, left: Value, right: Value): Value {
  if (operator === '+' && !(left.symbol && right.symbol)) {
    const symbol = left.symbol ?? right.symbol;
    const addend = wrap(left.addend + right.addend);
    return symbol ? { symbol, addend } : { addend };
  }
  if (operator === '-' && left.symbol && !right.symbol) {
    return { symbol: left.symbol, addend: wrap(left.addend - right.addend) };
  }
  const [a, b] = comparable(operator, left, right);
  return { addend: wrap(compute(operator, a, b)) };
}

/** Two constants, or two labels of one section as their offsets (for - and comparisons only). */
function comparable(operator: string, left: Value, right: Value): [bigint, bigint] {
  if (!left.symbol && !right.symbol) return [left.addend, right.addend];
  const relative = ['-', '==', '!=', '<', '>', '<=', '>='].includes(operator);
  const a = left.symbol;
  const b = right.symbol;
  if (relative && a && b && (a === b || (a.section && a.section === b.section))) {
    return [left.addend + BigInt(a.offset), right.addend + BigInt(b.offset)];
  }
  const name = (a ?? b)?.name ?? '';
  if (relative && a && b) {
    throw new AssemblySyntaxError(
      `'${a.name} ${operator} ${b.name}': both must be defined in the same section`,
    );
  }
  throw new AssemblySyntaxError(`'${operator}' needs constants, '${name}' is none`);
}

function compute(operator: string, a: bigint, b: bigint): bigint {
  const truth = (condition: boolean) => (condition ? -1n : 0n);
  switch (operator) {
    case '*':
      return a * b;
    case '/':
    case '%':
      if (b === 0n) throw new AssemblySyntaxError('division by zero');
      return operator === '/' ? a / b : a % b;
    case '<<':
    case '>>':
      if (b < 0n || b > 63n) throw new AssemblySyntaxError(`shift by ${b}`);
      return operator === '<<' ? a << b : BigInt.asUintN(64, a) >> b;
    case '|':
      return a | b;
    case '&':
      return a & b;
    case '^':
      return a ^ b;
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '==':
      return truth(a === b);
    case '!=':
      return truth(a !== b);
    case '<':
      return truth(a < b);
    case '>':
      return truth(a > b);
    case '<=':
      return truth(a <= b);
    case '>=':
      return truth(a >= b);
    case '&&':
      return a !== 0n && b !== 0n ? 1n : 0n;
    default:
      return a !== 0n || b !== 0n ? 1n : 0n;
  }
}
