// Which functions of a guest take and give back locks, as a table: the guest's locks then have names,
// owners and an order, whatever guest it is. The firmware's own table is one of these. docs/explore.md
// has the format for users; what is read is checked, as anybody may have written it.

import { PrintkitError } from '../errors.ts';
import type { Symbolizer } from './symbolizer.ts';

const FORMAT = 'printkit locks';
const VERSION = 1;

/**
 * `spin`, `rwlock`: waiters spin. `mutex`: waiters sleep. `semaphore`: waiters sleep, and whoever likes
 * gives it back. `handover`: a duty that waiters spin for, and whose owner may hand it to one of them.
 */
export const LOCK_KINDS = ['spin', 'rwlock', 'mutex', 'semaphore', 'handover'] as const;
export type TableKind = (typeof LOCK_KINDS)[number];

const DOES = ['acquire', 'try', 'wait', 'release'] as const;
const MODES = ['exclusive', 'shared'] as const;
const RESULTS = ['zero', 'nonzero', 'always'] as const;

export interface LockFunction {
  /** Symbol of the function. */
  readonly name: string;
  /** `try` gives up instead of waiting; `wait` waits until it is given back, and does not take it. */
  readonly does: (typeof DOES)[number];
  readonly kind: TableKind;
  /** The argument register with the lock's address, or the symbol of the one lock. Default a0. */
  readonly lock?: string;
  /** Default exclusive. */
  readonly mode?: (typeof MODES)[number];
  /** It takes the lock with interrupts off, though they may be on when it is called. */
  readonly irqs?: 'off';
  /**
   * What it returns when it has done what it does. Default: a `try` returns anything but zero, and
   * others always do it.
   */
  readonly succeeds?: (typeof RESULTS)[number];
  /** The guest need not have this function. */
  readonly optional?: boolean;
}

/** The function that switches a hart from one task to another, and where it has them. */
export interface SwitchFunction {
  readonly name: string;
  readonly prev: string;
  readonly next: string;
  readonly optional?: boolean;
}

export interface LockTable {
  readonly format: typeof FORMAT;
  readonly version: typeof VERSION;
  readonly functions: readonly LockFunction[];
  /** Without it, a lock that waiters sleep for counts as its hart's and not as its task's. */
  readonly switch?: SwitchFunction;
}

const spin = { kind: 'spin' } as const;
const rwlock = { kind: 'rwlock' } as const;
const mutex = { kind: 'mutex' } as const;
const semaphore = { kind: 'semaphore' } as const;
const consoleOwner = { kind: 'handover', lock: 'console_owner' } as const;
const consoleSem = { kind: 'semaphore', lock: 'console_sem' } as const;
/** Whether console_sem has gone from the console's owner to who waits for him. */
const HANDED_OVER = 'console_lock_spinning_disable_and_check';
const TAKEN_OVER = 'console_trylock_spinning';

/**
 * The firmware's lock functions (firmware/locking/; its irqsave variants go through these), and those of the
 * console's owner, who never waits to become it (firmware/printk/emit/handover.ts).
 */
export const FIRMWARE_LOCKS: LockTable = {
  format: FORMAT,
  version: VERSION,
  functions: [
    { name: 'spin_lock', does: 'acquire', ...spin },
    { name: 'spin_trylock', does: 'try', ...spin },
    { name: 'do_raw_unlock', does: 'release', ...spin },
    { name: 'read_lock', does: 'acquire', ...rwlock, mode: 'shared' },
    { name: 'read_trylock', does: 'try', ...rwlock, mode: 'shared', optional: true },
    { name: 'read_unlock', does: 'release', ...rwlock },
    { name: 'write_lock', does: 'acquire', ...rwlock },
    { name: 'write_unlock', does: 'release', ...rwlock },
    { name: 'mutex_lock', does: 'acquire', ...mutex },
    { name: 'mutex_trylock', does: 'try', ...mutex },
    { name: 'mutex_unlock', does: 'release', ...mutex },
    { name: 'down', does: 'acquire', ...semaphore },
    { name: 'down_interruptible', does: 'acquire', ...semaphore, succeeds: 'zero', optional: true },
    { name: 'down_timeout', does: 'acquire', ...semaphore, succeeds: 'zero', optional: true },
    { name: 'down_trylock', does: 'try', ...semaphore, succeeds: 'zero' },
    { name: 'up', does: 'release', ...semaphore },
    { name: 'console_lock_spinning_enable', does: 'try', ...consoleOwner, succeeds: 'always' },
    { name: HANDED_OVER, does: 'release', ...consoleOwner },
    { name: HANDED_OVER, does: 'release', ...consoleSem, succeeds: 'nonzero' },
    { name: TAKEN_OVER, does: 'wait', ...consoleOwner },
    { name: TAKEN_OVER, does: 'try', ...consoleSem },
  ],
  switch: { name: '__switch_to', prev: 'a0', next: 'a1' },
};

// ---- reading ------------------------------------------------------------------------------------

type Fields = Readonly<Record<string, unknown>>;

/**
 * @param file for messages
 * @throws PrintkitError that says where it is wrong
 */
export function parseLockTable(text: string, file: string): LockTable {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch (error) {
    throw new PrintkitError(`${file}: no JSON: ${(error as Error).message.replace(/\s+/g, ' ')}`);
  }
  const table = fieldsOf(data, file, ['format', 'version', 'functions', 'switch']);
  if (table['format'] !== FORMAT) {
    throw new PrintkitError(`${file}: no table of locks: "format" has to be "${FORMAT}"`);
  }
  if (table['version'] !== VERSION) {
    const found = JSON.stringify(table['version']) ?? 'missing';
    throw new PrintkitError(`${file}: "version" is ${found}, this is version ${VERSION}`);
  }
  const { functions } = table;
  if (!Array.isArray(functions) || functions.length === 0) {
    throw new PrintkitError(`${file}: "functions" has to be a list with at least one function`);
  }
  const entries: readonly unknown[] = functions;
  const parsed = entries.map((entry, i) => functionOf(entry, `${file}: function ${i + 1}`));
  checkTwice(parsed, file);
  return {
    format: FORMAT,
    version: VERSION,
    functions: parsed,
    ...(table['switch'] === undefined
      ? {}
      : { switch: switchOf(table['switch'], `${file}: "switch"`) }),
  };
}

const FUNCTION_FIELDS: readonly (keyof LockFunction)[] = [
  ...(['name', 'does', 'kind', 'lock', 'mode', 'irqs', 'succeeds', 'optional'] as const),
];

function functionOf(data: unknown, where: string): LockFunction {
  const entry = fieldsOf(data, where, FUNCTION_FIELDS);
  const name = textOf(entry, 'name', where);
  const at = `${where} ("${name}")`;
  const lock = entry['lock'] === undefined ? {} : { lock: textOf(entry, 'lock', at) };
  const mode = optionOf(entry, 'mode', MODES, at);
  const irqs = optionOf(entry, 'irqs', ['off'] as const, at);
  const succeeds = optionOf(entry, 'succeeds', RESULTS, at);
  return {
    name,
    does: choiceOf(entry, 'does', DOES, at),
    kind: choiceOf(entry, 'kind', LOCK_KINDS, at),
    ...lock,
    ...(mode && { mode }),
    ...(irqs && { irqs }),
    ...(succeeds && { succeeds }),
    ...optionalOf(entry, at),
  };
}

/** A function may do something to several locks, but to each only one thing. */
function checkTwice(functions: readonly LockFunction[], file: string): void {
  const keyOf = ({ name, kind, lock = 'a0' }: LockFunction): string => `${name} ${kind} ${lock}`;
  const keys = functions.map(keyOf);
  const again = keys.findIndex((key, i) => keys.indexOf(key) < i);
  if (again < 0) return;
  throw new PrintkitError(
    `${file}: function ${again + 1} ("${functions[again].name}"): is there already, ` +
      `as function ${keys.indexOf(keys[again]) + 1}, for the same lock`,
  );
}

function switchOf(data: unknown, where: string): SwitchFunction {
  const entry = fieldsOf(data, where, ['name', 'prev', 'next', 'optional']);
  const [name, prev, next] = ['name', 'prev', 'next'].map((field) => textOf(entry, field, where));
  for (const register of [prev, next]) {
    if (registerOf(register) !== undefined) continue;
    throw new PrintkitError(`${where}: "${register}" is none of a0 to a7`);
  }
  return { name, prev, next, ...optionalOf(entry, where) };
}

function fieldsOf(data: unknown, where: string, known: readonly string[]): Fields {
  if (typeof data !== 'object' || data === null || Array.isArray(data)) {
    throw new PrintkitError(`${where}: has to be an object`);
  }
  const unknown = Object.keys(data).find((field) => !known.includes(field));
  if (unknown !== undefined) {
    throw new PrintkitError(`${where}: unknown field "${unknown}"; there are ${known.join(', ')}`);
  }
  return data as Fields;
}

function textOf(entry: Fields, field: string, where: string): string {
  const value = entry[field];
  if (typeof value === 'string' && value !== '') return value;
  throw new PrintkitError(`${where}: "${field}" has to be a name`);
}

function choiceOf<T extends string>(
  entry: Fields,
  field: string,
  choices: readonly T[],
  where: string,
): T {
  const found = choices.find((choice) => choice === entry[field]);
  if (found !== undefined) return found;
  throw new PrintkitError(`${where}: "${field}" has to be one of ${choices.join(', ')}`);
}

function optionOf<T extends string>(
  entry: Fields,
  field: string,
  choices: readonly T[],
  where: string,
): T | undefined {
  return entry[field] === undefined ? undefined : choiceOf(entry, field, choices, where);
}

function optionalOf(entry: Fields, where: string): { readonly optional?: boolean } {
  const { optional } = entry;
  if (optional === undefined) return {};
  if (typeof optional === 'boolean') return { optional };
  throw new PrintkitError(`${where}: "optional" has to be true or false`);
}

// ---- in a guest -----------------------------------------------------------------------------------

/** A function of the table, with addresses in place of names. Plain data. */
export interface LockSite extends Pick<LockFunction, 'does' | 'kind' | 'mode' | 'irqs'> {
  readonly address: number;
  /** Number of the register with the lock's address, or that address. */
  readonly lock: { readonly register: number } | { readonly address: number };
  readonly succeeds: 'zero' | 'nonzero' | undefined;
}

export interface LockSites {
  readonly functions: readonly LockSite[];
  readonly switch:
    { readonly address: number; readonly prev: number; readonly next: number } | undefined;
}

const A0 = 10;

/** Number of an argument register. */
function registerOf(name: string): number | undefined {
  const number = /^a([0-7])$/.exec(name)?.[1];
  return number === undefined ? undefined : A0 + Number(number);
}

/** @throws PrintkitError for a function that the guest does not have, with similar names */
export function lockSites(table: LockTable, symbolizer: Symbolizer, where: string): LockSites {
  const addressOf = (name: string, at: string): number => {
    try {
      return symbolizer.address(name);
    } catch (error) {
      throw error instanceof PrintkitError ? new PrintkitError(`${at}${error.message}`) : error;
    }
  };
  const codeOf = (name: string, optional: boolean): number | undefined => {
    if (optional && symbolizer.find(name) === undefined) return undefined;
    const address = addressOf(name, `${where}: `);
    if (!symbolizer.hasCode || symbolizer.isCode(address)) return address;
    throw new PrintkitError(`${where}: '${name}' is no function`);
  };
  const lockOf = (name: string, user: string): number => {
    const at = `${where}: lock of ${user}: `;
    if (symbolizer.find(name)?.type !== 'function') {
      return addressOf(name, `${at}none of a0 to a7, and `);
    }
    throw new PrintkitError(`${at}'${name}' is a function`);
  };
  const functions: LockSite[] = [];
  for (const { name, lock = 'a0', optional = false, ...rest } of table.functions) {
    const address = codeOf(name, optional);
    if (address === undefined) continue;
    const register = registerOf(lock);
    const target = register === undefined ? lockOf(lock, name) : undefined;
    functions.push({
      does: rest.does,
      kind: rest.kind,
      ...(rest.mode && { mode: rest.mode }),
      ...(rest.irqs && { irqs: rest.irqs }),
      address,
      lock: target === undefined ? { register: register ?? A0 } : { address: target },
      succeeds: resultOf(rest),
    });
  }
  const {
    name,
    prev,
    next,
    optional = false,
  } = table.switch ?? {
    name: '',
    prev: '',
    next: '',
    optional: true,
  };
  const address = codeOf(name, optional);
  const tasks = { prev: registerOf(prev) ?? A0, next: registerOf(next) ?? A0 + 1 };
  return { functions, switch: address === undefined ? undefined : { address, ...tasks } };
}

/** What it returns when it has done it; undefined: whatever it returns. */
function resultOf({
  does,
  succeeds = does === 'try' ? 'nonzero' : 'always',
}: Pick<LockFunction, 'does' | 'succeeds'>): LockSite['succeeds'] {
  return succeeds === 'always' ? undefined : succeeds;
}

/** The firmware's sites, or undefined for another guest: one that has no list of its locks. */
export function firmwareSites(symbolizer: Symbolizer): LockSites | undefined {
  if (symbolizer.find('lock_list') === undefined) return undefined;
  const optional = {
    ...FIRMWARE_LOCKS,
    functions: FIRMWARE_LOCKS.functions.map((each) => ({ ...each, optional: true })),
    switch: { name: '__switch_to', prev: 'a0', next: 'a1', optional: true },
  };
  return lockSites(optional, symbolizer, 'locks');
}
