// The ilp32 calling convention (RISC-V psABI, "Integer Calling Convention") for i32 and i64.

import type { ArgumentPlace } from './ir.ts';
import type { FunctionType, ValueType } from './wasm-reader.ts';

export const ZERO = 0;
export const RA = 1;
export const SP = 2;
export const GP = 3;
export const TP = 4;
export const FP = 8;
export const A0 = 10;

/** Words of a value. */
export const words = (type: ValueType): number => (type === 'i64' ? 2 : 1);

/** Where each argument word goes. i64: two registers, a7 and the stack, or 8-aligned on the stack. */
export function placeArguments(types: readonly ValueType[]): {
  places: ArgumentPlace[];
  stackBytes: number;
} {
  const places: ArgumentPlace[] = [];
  let register = A0;
  let offset = 0;
  for (const type of types) {
    const count = words(type);
    if (register > 17 && count === 2) offset = (offset + 7) & ~7;
    for (let i = 0; i < count; i++) {
      if (register <= 17) places.push({ kind: 'register', register: register++ });
      else {
        places.push({ kind: 'stack', offset });
        offset += 4;
      }
    }
  }
  return { places, stackBytes: (offset + 15) & ~15 };
}

export const resultWords = (type: FunctionType): number =>
  type.results.reduce((sum, t) => sum + words(t), 0);
