// Puts addresses into instructions and data: RISC-V psABI, "Relocations" (the subset of
// object-code.ts). Used by the assembler for what it knows and by the linker for the rest.

import { FIELDS, fieldMask, fits, insertField, type ImmediateField } from '../machine/encoding.ts';
import type { RelocationKind } from './object-code.ts';

/** Upper 20 bits for lui/auipc, rounded so that the sign-extended low 12 bits complete the value. */
export const high20 = (value: number): number => ((value + 0x800) >>> 12) & 0xfffff;

/** Low 12 bits as addi, loads and stores see them: −2048…2047. */
export const low12 = (value: number): number => (value << 20) >> 20;

const TARGETS = {
  branch: FIELDS.B,
  jal: FIELDS.J,
  rvc_branch: FIELDS.CB,
  rvc_jump: FIELDS.CJ,
} as const;

/**
 * Applies one relocation.
 * @param value S+A as a 32-bit address
 * @param place address of the bytes at `offset`; for pcrel_lo12_*, of the paired auipc
 * @throws RangeError with a reason (`branch target is 5000 bytes away, reach is …`)
 */
export function applyRelocation(
  bytes: Uint8Array | number[],
  offset: number,
  kind: RelocationKind,
  value: number,
  place: number,
): void {
  const distance = (value - place) | 0;
  switch (kind) {
    case 'hi20':
      return put32(bytes, offset, FIELDS.U, high20(value));
    case 'lo12_i':
      return put32(bytes, offset, FIELDS.I, low12(value));
    case 'lo12_s':
      return put32(bytes, offset, FIELDS.S, low12(value));
    case 'pcrel_hi20':
      return put32(bytes, offset, FIELDS.U, high20(distance));
    case 'pcrel_lo12_i':
      return put32(bytes, offset, FIELDS.I, low12(distance));
    case 'pcrel_lo12_s':
      return put32(bytes, offset, FIELDS.S, low12(distance));
    case 'call':
      put32(bytes, offset, FIELDS.U, high20(distance));
      return put32(bytes, offset + 4, FIELDS.I, low12(distance));
    case 'branch':
    case 'jal':
      checkReach(TARGETS[kind], distance);
      return put32(bytes, offset, TARGETS[kind], distance);
    case 'rvc_branch':
    case 'rvc_jump': {
      const f = TARGETS[kind];
      checkReach(f, distance);
      const word = (read(bytes, offset, 2) & ~fieldMask(f)) | insertField(f, distance);
      return write(bytes, offset, 2, word);
    }
    case 'abs32':
      return write(bytes, offset, 4, value);
    case 'abs16':
    case 'abs8': {
      const size = kind === 'abs16' ? 2 : 1;
      if (value >= 2 ** (8 * size) || value < -(2 ** (8 * size - 1))) {
        throw new RangeError(`value 0x${(value >>> 0).toString(16)} does not fit ${size} bytes`);
      }
      return write(bytes, offset, size, value);
    }
  }
}

function checkReach(f: ImmediateField, distance: number): void {
  if (distance % f.step !== 0) throw new RangeError('target is at an odd address');
  if (!fits(f, distance)) {
    throw new RangeError(`target is ${distance} bytes away, reach is ${f.min}…${f.max}`);
  }
}

function put32(bytes: Uint8Array | number[], offset: number, f: ImmediateField, value: number) {
  write(bytes, offset, 4, (read(bytes, offset, 4) & ~fieldMask(f)) | insertField(f, value));
}

function read(bytes: Uint8Array | number[], offset: number, size: number): number {
  let value = 0;
  for (let i = size - 1; i >= 0; i--) value = (value << 8) | (bytes[offset + i] ?? 0);
  return value;
}

function write(bytes: Uint8Array | number[], offset: number, size: number, value: number): void {
  for (let i = 0; i < size; i++) bytes[offset + i] = (value >>> (8 * i)) & 0xff;
}
