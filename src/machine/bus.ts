// The address decoder in front of the devices. RAM is not on it: the harts reach RAM directly.

import type { AccessBytes, BusDevice } from '../../devices/ports.ts';

/** One device and the window of addresses that it answers. */
export interface BusRegion {
  readonly name: string;
  readonly base: number;
  readonly bytes: number;
  readonly device: BusDevice;
}

export class Bus {
  readonly #regions: BusRegion[] = [];

  get regions(): readonly BusRegion[] {
    return this.#regions;
  }

  /** @throws RangeError when the window overlaps another one. */
  attach(region: BusRegion): void {
    for (const other of this.#regions) {
      if (region.base < other.base + other.bytes && other.base < region.base + region.bytes) {
        throw new RangeError(`${region.name} overlaps ${other.name} on the bus`);
      }
    }
    this.#regions.push(region);
  }

  /** The region that holds a whole access, or undefined for a hole. */
  find(address: number, bytes: AccessBytes): BusRegion | undefined {
    for (const region of this.#regions) {
      if (address >= region.base && address + bytes <= region.base + region.bytes) return region;
    }
    return undefined;
  }
}
