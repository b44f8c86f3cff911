// What became of each message: said, stored, on the wire, in memory, or lost and why; and in which order
// messages came out. Pure: from calls of printk(), lines on the wire and the log in memory.

import type { PrintkCall } from './probe.ts';
import type { WireLine } from '../lines/wire.ts';

/** Why a message is not on the wire at the end. */
export type Loss =
  /** It is in the log, which a crash dump shows. */
  | 'memory'
  /** The store found no room for it. */
  | 'no room'
  /** The store refused it, inside of another printk() on the same CPU. */
  | 'recursion'
  /** printk() returned without giving it to the store. */
  | 'suppressed'
  /** Stored, and gone: later ones took its place. */
  | 'overwritten'
  /** Its CPU hung or was stopped before the store had it. */
  | 'unfinished'
  /** Only a part of it is there, or other output is in the middle of it. */
  | 'garbled';

export const LOSSES: readonly Loss[] = [
  ...(['memory', 'no room', 'recursion', 'suppressed', 'overwritten'] as const),
  ...(['unfinished', 'garbled'] as const),
];

/** A message with all that is known of it. */
export interface MessageFate {
  readonly name: string;
  readonly call: PrintkCall;
  /** When its line had left whole; undefined if it never did. */
  readonly wireNs: number | undefined;
  readonly loss: Loss | undefined;
}

export interface Account {
  readonly fates: readonly MessageFate[];
  /** Lines that said a message again. */
  readonly repeated: number;
  /** Messages on the wire behind a later one of the same CPU and context. */
  readonly outOfStream: number;
  /** Messages on the wire behind one whose printk() began when theirs had returned, on any CPU. */
  readonly outOfOrder: number;
}

const MESSAGE = /workload ([a-z]\d+) (\d+): the quick brown fox runs$/;
/** The beginning of a message, whatever comes then. */
const TRACE = /workload ([a-z]\d+) (\d+):/g;

/**
 * @param memory texts of the records in memory at the end; undefined if the log could not be read
 */
export function account(
  calls: readonly PrintkCall[],
  lines: readonly WireLine[],
  memory: readonly string[] | undefined,
): Account {
  const wire = new Map<string, number>();
  const traces = new Set<string>();
  const order: string[] = [];
  let repeated = 0;
  for (const { text, endNs } of lines) {
    for (const [, stream, number] of text.matchAll(TRACE)) traces.add(`${stream} ${number}`);
    const match = MESSAGE.exec(text);
    if (match === null) continue;
    const name = `${match[1]} ${match[2]}`;
    if (wire.has(name)) repeated++;
    else {
      wire.set(name, endNs);
      order.push(name);
    }
  }
  const inMemory = new Set(memory?.flatMap((text) => nameIn(text) ?? []));
  const fates = calls.flatMap((call): MessageFate[] => {
    if (call.message === undefined) return [];
    const name = `${call.message.stream} ${call.message.number}`;
    const wireNs = wire.get(name);
    if (wireNs !== undefined) return [{ name, call, wireNs, loss: undefined }];
    const loss = inMemory.has(name) ? 'memory' : traces.has(name) ? 'garbled' : lossOf(call);
    return [{ name, call, wireNs, loss }];
  });
  return { fates, repeated, ...disorder(order, fates) };
}

function nameIn(text: string): string | undefined {
  const match = MESSAGE.exec(text);
  return match === null ? undefined : `${match[1]} ${match[2]}`;
}

function lossOf(call: PrintkCall): Loss {
  if (call.stored === true) return 'overwritten';
  if (call.stored === false) return call.nested ? 'recursion' : 'no room';
  return call.returnNs === undefined ? 'unfinished' : 'suppressed';
}

function disorder(
  order: readonly string[],
  fates: readonly MessageFate[],
): { outOfStream: number; outOfOrder: number } {
  const byName = new Map(fates.map((fate) => [fate.name, fate.call]));
  const last = new Map<string, number>();
  let begun = -Infinity;
  let outOfStream = 0;
  let outOfOrder = 0;
  for (const call of order.map((name) => byName.get(name))) {
    if (call?.message === undefined) continue;
    const { stream, number } = call.message;
    if (number < (last.get(stream) ?? -1)) outOfStream++;
    last.set(stream, Math.max(number, last.get(stream) ?? -1));
    if ((call.returnNs ?? Infinity) < begun) outOfOrder++;
    begun = Math.max(begun, call.enterNs);
  }
  return { outOfStream, outOfOrder };
}
