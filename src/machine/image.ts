// A program as the machine takes it: segments of bytes at physical addresses. Where they come from
// (ELF) is not the machine's business.

import { PrintkitError } from '../errors.ts';
import type { Memory } from './memory.ts';
import { RAM_BASE } from './memory-map.ts';

export interface MachineImage {
  /** Address at which all harts start. */
  entry: number;
  segments: {
    /** Physical address. */
    address: number;
    bytes: Uint8Array;
    /** Size in memory: what is beyond `bytes` is zero. */
    memoryBytes: number;
  }[];
  /** Address of HTIF's `tohost` word, if the program has one. */
  tohost?: number;
}

interface Extent {
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

const hex = (address: number) => `0x${address.toString(16)}`;

/** @throws PrintkitError when the image does not fit into memory beside the device tree. */
export function checkImage(
  image: MachineImage,
  memory: Memory,
  deviceTree: { address: number; bytes: Uint8Array },
): void {
  const ram = `RAM (${hex(RAM_BASE)} to ${hex(RAM_BASE + memory.bytes - 1)})`;
  const extents: Extent[] = [
    {
      name: 'device tree at the end of RAM',
      start: deviceTree.address,
      end: deviceTree.address + deviceTree.bytes.length,
    },
  ];
  for (const { address, bytes, memoryBytes } of image.segments) {
    const size = Math.max(bytes.length, memoryBytes);
    if (size === 0) continue;
    const segment = { name: `segment at ${hex(address)}`, start: address, end: address + size };
    if (!memory.contains(address, size)) {
      throw new PrintkitError(
        `${segment.name} (${size} bytes) lies outside of ${ram}: link it there or use --memory`,
      );
    }
    for (const other of extents) {
      if (segment.start < other.end && other.start < segment.end) {
        throw new PrintkitError(`${segment.name} (${size} bytes) overlaps the ${other.name}`);
      }
    }
    extents.push(segment);
  }
  if (!memory.contains(image.entry, 2)) {
    throw new PrintkitError(`entry point ${hex(image.entry)} lies outside of ${ram}`);
  }
  if (image.entry % 2 !== 0) throw new PrintkitError(`entry point ${hex(image.entry)} is odd`);
  if (image.tohost !== undefined && !memory.contains(image.tohost, 4)) {
    throw new PrintkitError(`tohost at ${hex(image.tohost)} lies outside of ${ram}`);
  }
}
