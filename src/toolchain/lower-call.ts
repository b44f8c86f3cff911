// Calls in the IR: argument placement and result words.

import { placeArguments } from './abi.ts';
import type { Builder } from './builder.ts';
import type { Value } from './ir.ts';
import type { ValueType } from './wasm-reader.ts';

/**
 * Appends a call and returns its result words.
 * @param callee a symbol, or the address of the code
 */
export function appendCall(
  b: Builder,
  callee: string | Value,
  types: readonly ValueType[],
  args: Value[],
  results: number,
): Value[] {
  const { places, stackBytes } = placeArguments(types);
  const name = typeof callee === 'string' ? callee : '';
  const call = b.append('call', typeof callee === 'string' ? args : [callee, ...args], 0, name);
  call.call = { arguments: places, results, stackBytes };
  if (results === 0) return [];
  return results === 1 ? [call] : [call, b.append('callhi', [call])];
}
