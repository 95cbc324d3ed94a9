/**
 * Seeded numbers, the same on every machine: integer arithmetic and exact divisions only. The generator is xoshiro128** (Blackman and Vigna,
 * "Scrambled linear pseudorandom number generators", 2018), seeded by splitmix32.
 */

const rotated = (x: number, k: number): number => (x << k) | (x >>> (32 - k));

/** Uniform multiples of 2^-24 in [0, 1). */
export function uniformGenerator(seed: number): () => number {
  let mix = seed >>> 0;
  const splitmix = (): number => {
    mix = (mix + 0x9e3779b9) >>> 0;
    let z = mix;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return z ^ (z >>> 16);
  };
  const s: [number, number, number, number] = [splitmix(), splitmix(), splitmix(), splitmix()];
  return () => {
    const result = Math.imul(rotated(Math.imul(s[1], 5), 7), 9) >>> 0;
    const t = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotated(s[3], 11);
    return (result >>> 8) / 2 ** 24;
  };
}

/**
 * Numbers of mean 0 and variance 1: the sum of twelve uniform ones less 6 (Irwin-Hall), close to normal within 3 and never beyond 6. No logarithm or
 * cosine, whose last bit differs between engines.
 */
export function normalGenerator(seed: number): () => number {
  const uniform = uniformGenerator(seed);
  return () => {
    let sum = -6;
    for (let k = 0; k < 12; k++) sum += uniform();
    return sum;
  };
}
