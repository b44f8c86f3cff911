// Where random searches get their choices from: a small seeded generator (sfc32, by Chris Doty-Humphrey,
// public domain), and a source that goes through all choices with their probabilities, for tests and for
// exact statements about strategies.

export interface Rng {
  /** A whole number from 0 up to, not including, n. */
  below(n: number): number;
  /** An index, chosen with probability proportional to its weight. Not all may be zero. */
  weighted(weights: readonly number[]): number;
}

/** Deterministic generator; same seed, same choices. The seed is a whole number below 2^32. */
export class SeededRng implements Rng {
  #a = 0;
  #b = 0;
  #c = 0;
  #counter = 1;

  constructor(seed: number) {
    this.#a = seed >>> 0;
    this.#b = 0x9e3779b9;
    this.#c = 0x243f6a88;
    for (let i = 0; i < 12; i++) this.#next();
  }

  below(n: number): number {
    return Math.floor((this.#next() / 0x1_0000_0000) * n);
  }

  weighted(weights: readonly number[]): number {
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    let left = (this.#next() / 0x1_0000_0000) * total;
    const last = weights.findLastIndex((weight) => weight > 0);
    return weights.findIndex((weight, i) => i === last || (left -= weight) < 0);
  }

  #next(): number {
    const sum = (this.#a + this.#b + this.#counter++) >>> 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) >>> 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) >>> 0;
    return sum;
  }
}

/**
 * The exact distribution of what `run` gives: calls it once for each sequence of choices and adds up the
 * probabilities by result.
 */
export function distribution<T>(run: (rng: Rng) => T): Map<T, number> {
  const result = new Map<T, number>();
  const path: { choice: number; readonly weights: readonly number[] }[] = [];
  do {
    let depth = 0;
    let probability = 1;
    const weighted = (weights: readonly number[]): number => {
      if (depth === path.length) path.push({ choice: nextPossible(weights, 0), weights });
      const { choice } = path[depth++];
      probability *= weights[choice] / weights.reduce((sum, weight) => sum + weight, 0);
      return choice;
    };
    const below = (n: number): number => weighted(new Array<number>(n).fill(1));
    const outcome = run({ below, weighted });
    result.set(outcome, (result.get(outcome) ?? 0) + probability);
  } while (advance(path));
  return result;
}

/** To the next sequence of choices; false if that was the last one. */
function advance(path: { choice: number; readonly weights: readonly number[] }[]): boolean {
  for (let last = path.at(-1); last !== undefined; last = path.at(-1)) {
    last.choice = nextPossible(last.weights, last.choice + 1);
    if (last.choice < last.weights.length) return true;
    path.pop();
  }
  return false;
}

function nextPossible(weights: readonly number[], from: number): number {
  let choice = from;
  while (choice < weights.length && weights[choice] <= 0) choice++;
  return choice;
}
