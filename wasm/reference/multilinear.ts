/** Multilinear polynomials (README section 1): eq, the number of index bits, evaluation. Index bit 0 belongs to variable 0. */
import { add, multiply, negate, ONE, subtract, ZERO, type K } from './field.ts';

/** Number of bits of n - 1, 0 for n <= 1: the variables that the indices 0 .. n - 1 need. */
export function bits(n: number): number {
  let count = 0;
  while (2 ** count < n) count++;
  return count;
}

/**
 * eq(z, start), .., eq(z, start + length - 1), where eq(z, k) = prod over t of (bit t of k ? z_t : 1 - z_t). The range must lie within
 * the 2^z.length indices.
 */
export function eqTable(z: readonly K[], start: number, length: number): K[] {
  if (start < 0 || length < 0 || start + length > 2 ** z.length) {
    throw new RangeError(`indices ${start} .. ${start + length - 1} do not fit ${z.length} bits`);
  }
  if (length === 0) return [];
  if (z.length === 0) return [ONE];
  // eq(z, 2 h + b) = eq(z without its first, h) (b ? z_0 : 1 - z_0)
  const firstHalf = Math.floor(start / 2);
  const lastHalf = Math.floor((start + length - 1) / 2);
  const halves = eqTable(z.slice(1), firstHalf, lastHalf - firstHalf + 1);
  const odd = halves.map((e) => multiply(e, z[0]!));
  return Array.from({ length }, (_, i) => {
    const half = Math.floor((start + i) / 2) - firstHalf;
    return (start + i) % 2 === 1 ? odd[half]! : subtract(halves[half]!, odd[half]!);
  });
}

/** eq(x, y) = prod over t of (x_t y_t + (1 - x_t)(1 - y_t)) of two points of one length. */
export function eqPoints(x: readonly K[], y: readonly K[]): K {
  if (x.length !== y.length) throw new RangeError(`eq of points of ${x.length} and ${y.length} coordinates`);
  return x.reduce((product, a, t) => {
    const b = y[t]!;
    const ab = multiply(a, b);
    return multiply(product, add(add(ab, ab), subtract(subtract(ONE, a), b)));
  }, ONE);
}

/** Binds variable 0 to r: entry h becomes v[2h] + r (v[2h + 1] - v[2h]). Entries past the end equal `absent`. */
export function fold(values: readonly K[], r: K, absent: K = ZERO): K[] {
  return Array.from({ length: Math.ceil(values.length / 2) }, (_, h) => {
    const low = values[2 * h]!;
    const high = values[2 * h + 1] ?? absent;
    return add(low, multiply(r, add(high, negate(low))));
  });
}
