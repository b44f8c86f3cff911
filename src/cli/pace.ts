// Keeps virtual time at wall-clock speed. The target is always computed from one origin, so errors
// of sleeping do not add up; a machine that is too slow drops its lag beyond a bound instead of
// catching up in a burst. Pure: the wall clock is injected.

/** Lag that is made up for; beyond it, virtual time runs late for good. */
export const LAG_NS_MAX = 100_000_000;

export class Pacer {
  readonly #wallNs: () => number;
  #originNs = 0;
  #droppedNs = 0;

  /** @param wallNs a monotonic clock in ns */
  constructor(wallNs: () => number) {
    this.#wallNs = wallNs;
  }

  /** Wall-clock time in ns that virtual time has been given up on. */
  get droppedNs(): number {
    return this.#droppedNs;
  }

  /** From now on, virtual time `virtualNs` corresponds to this very moment. */
  start(virtualNs: number): void {
    this.#originNs = this.#wallNs() - virtualNs;
  }

  /** The virtual time in ns that corresponds to this very moment. */
  get wallNs(): number {
    return Math.floor(this.#wallNs() - this.#originNs);
  }

  /** How far a busy machine should run by now. */
  target(virtualNs: number): number {
    const target = this.wallNs;
    const excess = target - virtualNs - LAG_NS_MAX;
    if (excess <= 0) return target;
    this.#originNs += excess;
    this.#droppedNs += excess;
    return target - excess;
  }

  /** Wall-clock ns until `virtualNs` is due; negative when it is overdue. */
  untilDue(virtualNs: number): number {
    return virtualNs + this.#originNs - this.#wallNs();
  }
}
