/**
 * Pseudorandom numbers, equal on every machine: sfc32 (Chris Doty-Humphrey, PractRand), which uses 32-bit additions, shifts and
 * exclusive ors only.
 */
export interface Random {
  /** Uniform in [low, high): a multiple of 2^-32 of the span. */
  uniform(low: number, high: number): number;
  /** Uniform among 0 .. bound - 1, up to a bias below bound / 2^32. */
  below(bound: number): number;
}

/** A generator; equal seeds (32 bits) give equal numbers. */
export function createRandom(seed: number): Random {
  let a = 0;
  let b = seed | 0;
  let c = 0;
  let counter = 1;

  /** The next 32 bits, as an unsigned integer. */
  function next(): number {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }
  // The seed has reached every bit of the state after 12 rounds.
  for (let round = 0; round < 12; round++) next();

  return {
    uniform: (low, high) => low + (high - low) * (next() / 2 ** 32),
    below: (bound) => Math.floor((next() / 2 ** 32) * bound),
  };
}

/** Brings an array into random order, in place (Fisher and Yates). */
export function shuffle(items: Int32Array, random: Random): void {
  for (let last = items.length - 1; last > 0; last--) {
    const chosen = random.below(last + 1);
    const item = items[last]!;
    items[last] = items[chosen]!;
    items[chosen] = item;
  }
}
