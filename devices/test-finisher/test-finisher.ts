// SiFive test finisher: one word that ends or reboots the machine.
// There is no public data sheet; values are those of the `sifive,test0/1` bindings and their drivers
// (syscon-poweroff 0x5555, syscon-reboot 0x7777; OpenSBI, riscv-tests). Leaves out: nothing.

import type { AccessBytes, BusDevice } from '../ports.ts';

/** Fail: bits 31:16 are the exit code. */
export const FINISHER_FAIL = 0x3333;
/** Pass: exit code 0. */
export const FINISHER_PASS = 0x5555;
/** Reset the machine. */
export const FINISHER_RESET = 0x7777;
/** Size of the register window in bytes. */
export const FINISHER_BYTES = 0x1000;

export interface TestFinisherPorts {
  /** The guest has ended with this code (0…65535). */
  readonly exit: (code: number) => void;
  readonly reboot: () => void;
}

export class TestFinisher implements BusDevice {
  readonly #ports: TestFinisherPorts;

  constructor(ports: TestFinisherPorts) {
    this.#ports = ports;
  }

  read(_offset: number, _bytes: AccessBytes): number {
    return 0;
  }

  /** Other values and offsets are ignored, as byte writes are: a half word ends without a code. */
  write(offset: number, bytes: AccessBytes, value: number): void {
    if (offset !== 0 || bytes === 1) return;
    switch (value & 0xffff) {
      case FINISHER_FAIL:
        return this.#ports.exit(value >>> 16);
      case FINISHER_PASS:
        return this.#ports.exit(0);
      case FINISHER_RESET:
        return this.#ports.reboot();
    }
  }
}
