// The locks of the guest, by name. The firmware links all its spin locks into a list, `lock_list`; a
// lock's words are slock, owner (CPU plus one), name, contended, next (docs/firmware-kernel.md). What has
// a lock has it in front, so what lies behind a lock belongs to the same object. Locks of other guests
// are not known.

import type { Machine } from '../machine/machine.ts';
import type { Symbolizer } from './symbolizer.ts';

/** A lock that a hart waits for, and the hart that holds it. */
export interface WaitedFor {
  readonly lock: string | undefined;
  readonly owner: number | undefined;
}

/** Memory that belongs to a lock or to what the lock is in. */
export interface LockPart {
  /** Address of the lock. */
  readonly lock: number;
  /** Distance from the lock, in bytes. */
  readonly offset: number;
}

/** Bytes of a lock that say who has it: the word that is taken, and the owner. */
export const LOCK_BYTES = 8;
const OFFSET_OWNER = 4;
const OFFSET_NAME = 8;
const OFFSET_NEXT = 16;
/** Behind a semaphore's lock. */
const OFFSET_COUNT = 20;
/** The end of lock_list. */
const LIST_END = 1;
/** No object with a lock in front is larger. */
const OBJECT_BYTES_MAX = 0x100;
/** A semaphore's lock is named after it. */
const SEMAPHORE_LOCK = /^(.*sem)(\.|->)lock$/;

/** What reports ask about the locks of a guest. */
export interface Locks {
  /** Addresses of all that are known. */
  readonly addresses: ReadonlySet<number>;
  /** Whether the guest's memory says who has a lock. */
  isListed(address: number): boolean;
  /** The hart that holds a lock. */
  ownerOf(address: number): number | undefined;
  nameOf(address: number): string;
  /** The semaphore that a lock is in front of. */
  semaphoreOf(address: number): { readonly name: string; readonly count: number } | undefined;
  /** The lock that an address is in, or that is in front of the object that it is in. */
  partAt(address: number): LockPart | undefined;
  describe(address: number): string | undefined;
}

export class GuestLocks implements Locks {
  /** Addresses, as they were in the list when this was made. */
  readonly addresses: ReadonlySet<number>;
  readonly #sorted: readonly number[];
  readonly #machine: Machine;

  constructor(machine: Machine, symbolizer: Symbolizer) {
    this.#machine = machine;
    const found = new Set<number>();
    const list = symbolizer.find('lock_list');
    for (let at = list === undefined ? LIST_END : this.#word(list.address); at > LIST_END;) {
      if (found.has(at)) break;
      found.add(at);
      at = this.#word(at + OFFSET_NEXT);
    }
    this.addresses = found;
    this.#sorted = [...found].sort((a, b) => a - b);
  }

  /** Of the registers of a hart in spin_lock() or its like, the first that points to a lock. */
  waitedFor({ x }: { readonly x: ArrayLike<number> }): WaitedFor {
    const address = Array.from(x, (value) => value >>> 0).find((value) =>
      this.addresses.has(value),
    );
    if (address === undefined) return { lock: undefined, owner: undefined };
    return { lock: this.nameOf(address), owner: this.ownerOf(address) };
  }

  isListed(address: number): boolean {
    return this.addresses.has(address);
  }

  /** The hart that holds a lock. */
  ownerOf(address: number): number | undefined {
    const owner = this.#word(address + OFFSET_OWNER) - 1;
    return owner < 0 ? undefined : owner;
  }

  nameOf(address: number): string {
    return this.#string(this.#word(address + OFFSET_NAME));
  }

  /** The name and the count of the semaphore that a lock is in front of, if it is in front of one. */
  semaphoreOf(address: number): { readonly name: string; readonly count: number } | undefined {
    if (!this.isListed(address)) return undefined;
    const name = SEMAPHORE_LOCK.exec(this.nameOf(address))?.[1];
    return name === undefined ? undefined : { name, count: this.#word(address + OFFSET_COUNT) };
  }

  /** The lock that an address is in, or that is in front of the object that it is in. */
  partAt(address: number): LockPart | undefined {
    const lock = this.#sorted.findLast((each) => each <= address);
    if (lock === undefined || address - lock >= OBJECT_BYTES_MAX) return undefined;
    return { lock, offset: address - lock };
  }

  /** "rq->lock", "rq->lock.owner", "console_sem.count", "p->pi_lock+0x2c". */
  describe(address: number): string | undefined {
    const part = this.partAt(address);
    if (part === undefined) return undefined;
    const name = this.nameOf(part.lock);
    if (part.offset < OFFSET_OWNER) return name;
    if (part.offset < OFFSET_NAME) return `${name}.owner`;
    const semaphore = SEMAPHORE_LOCK.exec(name)?.[1];
    if (part.offset === OFFSET_COUNT && semaphore !== undefined) return `${semaphore}.count`;
    return `${name}+0x${part.offset.toString(16)}`;
  }

  #word(address: number): number {
    const bytes = this.#machine.readMemory(address >>> 0, 4);
    return new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
  }

  /** A string literal of the guest: UTF-16, its length in bytes in the word in front. */
  #string(address: number): string {
    const bytes = this.#machine.readMemory(address, this.#word(address - 4));
    return new TextDecoder('utf-16le').decode(bytes);
  }
}
