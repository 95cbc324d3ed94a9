// Weights of a sumcheck that carries a factor eq(z, .): entry k of the table is low[k mod 64] high[floor(k / 64)], `low` a quad vector, `high` a K array, so that the table itself is never built:
// a kernel sums up to 64 terms with weights from `low` and multiplies the sum by one entry of `high`.

import { eqTable, kEq, kToQuads } from './karray';
import { add4 } from './m31';
import { minus, sum4, turn, twist } from './qm31';

/** Variables of the low table. */
export const LOW_BITS: u32 = 6;
/** Blocks of four entries of the low table, less one; and log2 of their number. */
export const LOW_MASK: u32 = 15;
export const LOW_SHIFT: u32 = 4;

/**
 * The two tables of eq(z, .), z of `bits` variables; `high` gets the entries first .. first + groups - 1. `low` has room for 64 entries; `scratch` for 64, and for what `kEq` wants. One K product an entry
 * of `low`, two of `high`.
 */
export function eqWeights(z: usize, bits: u32, first: u32, groups: u32, low: usize, high: usize, scratch: usize): void {
  const lowBits = min(bits, LOW_BITS);
  if (lowBits < 2) memory.fill(low, 0, 64);
  eqTable(z, lowBits, scratch);
  kToQuads(low, 0, scratch, 1 << lowBits);
  kEq(z + 16 * (lowBits as usize), bits - lowBits, first, groups, high, scratch);
}

/** Adds the product of a sum of terms (its four lanes apart) and one entry of the high table to a block of lanes at `sums`. */
export function addWeighted(sums: usize, high: usize, a: v128, b: v128, c: v128, d: v128): void {
  const e = v128.load32_splat(high),
    f = v128.load32_splat(high, 4),
    g = v128.load32_splat(high, 8),
    h = v128.load32_splat(high, 12);
  const t = twist(g, h),
    v = turn(g, h),
    minusB = minus(b),
    minusD = minus(d);
  v128.store(sums, add4(v128.load(sums), sum4(a, e, minusB, f, c, t, minusD, v)));
  v128.store(sums, add4(v128.load(sums, 16), sum4(a, f, b, e, c, v, d, t)), 16);
  v128.store(sums, add4(v128.load(sums, 32), sum4(a, g, minusB, h, c, e, minusD, f)), 32);
  v128.store(sums, add4(v128.load(sums, 48), sum4(a, h, b, g, c, f, d, e)), 48);
}
