/** Seeded randomness for tests: mulberry32, and field elements with edge words mixed in. */
import { P, type K } from '../../wasm/field/qm31.ts';

/** Uniform numbers in [0, 1), the same for the same seed. */
export function seededGenerator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A canonical word; one in eight is 0, 1 or p - 1. */
export function seededWord(random: () => number): number {
  const kind = Math.floor(random() * 24);
  if (kind < 3) return [0, 1, P - 1][kind]!;
  return Math.floor(random() * P);
}

export function seededElements(random: () => number, n: number): K[] {
  return Array.from({ length: n }, (): K => [seededWord(random), seededWord(random), seededWord(random), seededWord(random)]);
}
