// Physical memory protection registers: 16 entries that hold what is written, with their lock rules.
// Privileged ISA 1.13, 3.7.1. Leaves out the checks themselves: unlocked entries do not bind M-mode,
// the only mode there is; locked ones would and are not enforced.

/** Number of entries: the ISA allows 0, 16 or 64. */
export const PMP_ENTRIES = 16;

const CFG_R = 0x01;
const CFG_W = 0x02;
const CFG_A_TOR = 0x08;
const CFG_A_MASK = 0x18;
const CFG_L = 0x80;
const CFG_WRITABLE = 0x9f;

export class Pmp {
  readonly #config = new Uint8Array(PMP_ENTRIES);
  readonly #address = new Uint32Array(PMP_ENTRIES);

  /** pmpcfg0…3: four entries each. */
  readConfig(register: number): number {
    const first = register * 4;
    let value = 0;
    for (let i = 3; i >= 0; i--) value = (value << 8) | this.#config[first + i];
    return value >>> 0;
  }

  writeConfig(register: number, value: number): void {
    for (let i = 0; i < 4; i++) {
      const entry = register * 4 + i;
      if ((this.#config[entry] & CFG_L) !== 0) continue;
      const next = (value >>> (8 * i)) & CFG_WRITABLE;
      // R=0 with W=1 is reserved; the field is WARL and drops the W.
      this.#config[entry] = (next & CFG_R) === 0 ? next & ~CFG_W : next;
    }
  }

  readAddress(entry: number): number {
    return this.#address[entry];
  }

  /** A locked entry ignores writes, and so does the one below a locked TOR entry. */
  writeAddress(entry: number, value: number): void {
    if ((this.#config[entry] & CFG_L) !== 0) return;
    const above = entry + 1 < PMP_ENTRIES ? this.#config[entry + 1] : 0;
    if ((above & CFG_L) !== 0 && (above & CFG_A_MASK) === CFG_A_TOR) return;
    this.#address[entry] = value;
  }

  reset(): void {
    this.#config.fill(0);
    this.#address.fill(0);
  }

  save(): { config: number[]; address: number[] } {
    return { config: [...this.#config], address: [...this.#address] };
  }

  restore(state: { config: number[]; address: number[] }): void {
    this.#config.set(state.config);
    this.#address.set(state.address);
  }
}
