// The field F of integers modulo p = 2^31 - 1. All values canonical: 0 .. p - 1.

export const P: u32 = 0x7fffffff;

/** a + b mod p. Scalar. */
// @ts-ignore: decorator
@inline
export function add(a: u32, b: u32): u32 {
  const s = a + b;
  return s >= P ? s - P : s;
}

/** a - b mod p. Scalar. */
// @ts-ignore: decorator
@inline
export function sub(a: u32, b: u32): u32 {
  return a >= b ? a - b : a + P - b;
}

/** a b mod p. Scalar: one 64-bit product. */
// @ts-ignore: decorator
@inline
export function mul(a: u32, b: u32): u32 {
  const t = (a as u64) * (b as u64);
  const s = ((t & 0x7fffffff) as u32) + ((t >> 31) as u32);
  return s >= P ? s - P : s;
}

/** Four sums mod p. 3 instructions. */
// @ts-ignore: decorator
@inline
export function add4(a: v128, b: v128): v128 {
  const s = i32x4.add(a, b);
  return i32x4.min_u(s, i32x4.sub(s, i32x4.splat(0x7fffffff)));
}

/** Four differences mod p. 3 instructions. */
// @ts-ignore: decorator
@inline
export function sub4(a: v128, b: v128): v128 {
  const d = i32x4.sub(a, b);
  return i32x4.min_u(d, i32x4.add(d, i32x4.splat(0x7fffffff)));
}

/**
 * Four products mod p; about 9 instructions. With a2 = 2a < 2^32, the high word of a2 b is the high 31 bits of ab, and half of the low word is its
 * low 31 bits; their sum is at most 2p - 1.
 */
// @ts-ignore: decorator
@inline
export function mul4(a: v128, b: v128): v128 {
  return mul4Doubled(i32x4.add(a, a), b);
}

/** The same with the first factor already doubled (`a2 = 2a`, not reduced): for a factor that is used many times. */
// @ts-ignore: decorator
@inline
export function mul4Doubled(a2: v128, b: v128): v128 {
  const even = i64x2.extmul_low_i32x4_u(a2, b);
  const odd = i64x2.extmul_high_i32x4_u(a2, b);
  const low = v128.shuffle<u32>(even, odd, 0, 2, 4, 6);
  const high = v128.shuffle<u32>(even, odd, 1, 3, 5, 7);
  const s = i32x4.add(i32x4.shr_u(low, 1), high);
  return i32x4.min_u(s, i32x4.sub(s, i32x4.splat(0x7fffffff)));
}
