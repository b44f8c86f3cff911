// Reservations of LR and SC under exploration. A store of another hart breaks one even if it stores what
// was there, and a trap drops the hart's own; so LR and SC do not commute with those though they share no
// byte that changes. Both is kept as cells beyond memory, for what has been seen to be used so at all.

import type { HartTrack } from './hart-track.ts';
import type { Access } from './model.ts';
import type { Ownership } from './ownership.ts';

/** From here on: cells of harts, then those of words. No other state has addresses there. */
const RESERVATIONS = 2 ** 33;
const OF_WORDS = RESERVATIONS + 0x1000;

/** What a hart does to its reservation. */
const RESERVES = 1;
const TRAPS = 2;

export class Reservations {
  readonly #tracks: readonly HartTrack[];
  readonly #ownership: Ownership;
  /** What each hart has been seen to do. */
  readonly #seen: Uint8Array;
  /** RAM offsets of words that LR has been seen to load. */
  readonly #words = new Set<number>();

  constructor(tracks: readonly HartTrack[], ownership: Ownership) {
    this.#tracks = tracks;
    this.#ownership = ownership;
    this.#seen = new Uint8Array(tracks.length);
  }

  /** What LR or SC accesses beside the word. */
  used(track: HartTrack, offset: number): readonly Access[] {
    if (!this.#words.has(offset)) {
      this.#words.add(offset);
      this.#ownership.grown = true;
    }
    return [access(OF_WORDS + offset, 'read'), ...this.#ofHart(track, RESERVES, 'read')];
  }

  /** A trap, on its way in or out. */
  trapped(track: HartTrack): readonly Access[] {
    return this.#ofHart(track, TRAPS, 'write');
  }

  #ofHart({ hart }: HartTrack, does: number, kind: Access['kind']): readonly Access[] {
    const before = this.#seen[hart.id];
    const now = (this.#seen[hart.id] |= does);
    if (now !== (RESERVES | TRAPS)) return [];
    if (now !== before) this.#ownership.grown = true;
    return [access(RESERVATIONS + 4 * hart.id, kind)];
  }

  /** What a store accesses beside the bytes that it leaves as they were. */
  stored(offset: number): readonly Access[] {
    const word = offset & ~3;
    return this.#words.has(word) ? [access(OF_WORDS + word, 'write')] : [];
  }

  /**
   * A store breaks what other harts have reserved; `save` is called before.
   * @returns whether it has broken any
   */
  break(track: HartTrack, offset: number, bytes: number, save: (of: HartTrack) => void): boolean {
    let broken = false;
    for (const other of this.#tracks) {
      const { reservation } = other.hart;
      if (other === track || reservation < 0) continue;
      if (reservation >= offset + bytes || offset >= reservation + 4) continue;
      save(other);
      other.hart.reservation = -1;
      broken = true;
    }
    return broken;
  }
}

const access = (address: number, kind: Access['kind']): Access => ({ address, bytes: 4, kind });

/** Whether an access changes anything that is looked at, other than by an SC. */
export function changes({ address, kind }: Access): boolean {
  return kind === 'write' && address < RESERVATIONS;
}
