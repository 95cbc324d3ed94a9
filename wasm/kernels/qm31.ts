// The field K, four elements at a time: (a + b i) + (c + d i) u with i^2 = -1, u^2 = 2 + i. A product is four sums of four base products, each sum reduced once:
//
//   (a, b, c, d)(e, f, g, h):   c0 = a e - b f + c (2g - h) - d (g + 2h)      c1 = a f + b e + c (g + 2h) + d (2g - h)
//                               c2 = a g - b h + c e - d f                    c3 = a h + b g + c f + d e
//
// Four products of words up to p add up below 2^64. A negative factor is taken as p - x.

import { add4, sub4 } from './m31';

/** The four lanes of x0 y0 + x1 y1 + x2 y2 + x3 y3 mod p, canonical; words at most p. 29 instructions. */
// @ts-ignore: decorator
@inline
export function sum4(x0: v128, y0: v128, x1: v128, y1: v128, x2: v128, y2: v128, x3: v128, y3: v128): v128 {
  const low = i64x2.add(
    i64x2.add(i64x2.extmul_low_i32x4_u(x0, y0), i64x2.extmul_low_i32x4_u(x1, y1)),
    i64x2.add(i64x2.extmul_low_i32x4_u(x2, y2), i64x2.extmul_low_i32x4_u(x3, y3)),
  );
  const high = i64x2.add(
    i64x2.add(i64x2.extmul_high_i32x4_u(x0, y0), i64x2.extmul_high_i32x4_u(x1, y1)),
    i64x2.add(i64x2.extmul_high_i32x4_u(x2, y2), i64x2.extmul_high_i32x4_u(x3, y3)),
  );
  return reduce64(low, high);
}

/** Canonical words of four 64-bit sums: lanes 0, 1 of `low`, then of `high`. 2^32 = 2 mod p. */
// @ts-ignore: decorator
@inline
export function reduce64(low: v128, high: v128): v128 {
  const p = i32x4.splat(0x7fffffff);
  const l = v128.shuffle<u32>(low, high, 0, 2, 4, 6);
  const h = v128.shuffle<u32>(low, high, 1, 3, 5, 7);
  let s = i32x4.add(v128.and(l, p), v128.and(i32x4.shl(h, 1), p));
  s = i32x4.min_u(s, i32x4.sub(s, p));
  s = i32x4.add(s, i32x4.add(i32x4.shr_u(l, 31), i32x4.shr_u(h, 30)));
  return i32x4.min_u(s, i32x4.sub(s, p));
}

/** p - x (p for 0): a factor of `sum4`, not a canonical word. */
// @ts-ignore: decorator
@inline
export function minus(x: v128): v128 {
  return i32x4.sub(i32x4.splat(0x7fffffff), x);
}

/** 2g - h. */
// @ts-ignore: decorator
@inline
export function twist(g: v128, h: v128): v128 {
  return sub4(add4(g, g), h);
}

/** g + 2h. */
// @ts-ignore: decorator
@inline
export function turn(g: v128, h: v128): v128 {
  return add4(g, add4(h, h));
}

/** The four coordinates of a product, one function each; `t` = twist(g, h), `v` = turn(g, h). */
// @ts-ignore: decorator
@inline
export function mul0(a: v128, b: v128, c: v128, d: v128, e: v128, f: v128, t: v128, v: v128): v128 {
  return sum4(a, e, minus(b), f, c, t, minus(d), v);
}
// @ts-ignore: decorator
@inline
export function mul1(a: v128, b: v128, c: v128, d: v128, e: v128, f: v128, t: v128, v: v128): v128 {
  return sum4(a, f, b, e, c, v, d, t);
}
// @ts-ignore: decorator
@inline
export function mul2(a: v128, b: v128, c: v128, d: v128, e: v128, f: v128, g: v128, h: v128): v128 {
  return sum4(a, g, minus(b), h, c, e, minus(d), f);
}
// @ts-ignore: decorator
@inline
export function mul3(a: v128, b: v128, c: v128, d: v128, e: v128, f: v128, g: v128, h: v128): v128 {
  return sum4(a, h, b, g, c, f, d, e);
}

/** Lanes 0 and 2 of two vectors: the even elements of a pair of blocks. */
// @ts-ignore: decorator
@inline
export function evens(x: v128, y: v128): v128 {
  return v128.shuffle<u32>(x, y, 0, 2, 4, 6);
}

/** Lanes 1 and 3. */
// @ts-ignore: decorator
@inline
export function odds(x: v128, y: v128): v128 {
  return v128.shuffle<u32>(x, y, 1, 3, 5, 7);
}

/** Adds the four lanes of x, mod p, to the word at an address. */
// @ts-ignore: decorator
@inline
export function addLanes(address: usize, x: v128): void {
  const s =
    (i32x4.extract_lane(x, 0) as u64) +
    (i32x4.extract_lane(x, 1) as u64) +
    (i32x4.extract_lane(x, 2) as u64) +
    (i32x4.extract_lane(x, 3) as u64) +
    (load<u32>(address) as u64);
  store<u32>(address, (s % 0x7fffffff) as u32);
}

/** out = x y, one block of four elements each; may overlap exactly. */
export function mulBlocks(out: usize, x: usize, y: usize): void {
  const a = v128.load(x),
    b = v128.load(x, 16),
    c = v128.load(x, 32),
    d = v128.load(x, 48);
  const e = v128.load(y),
    f = v128.load(y, 16),
    g = v128.load(y, 32),
    h = v128.load(y, 48);
  const t = twist(g, h),
    v = turn(g, h);
  v128.store(out, mul0(a, b, c, d, e, f, t, v));
  v128.store(out, mul1(a, b, c, d, e, f, t, v), 16);
  v128.store(out, mul2(a, b, c, d, e, f, g, h), 32);
  v128.store(out, mul3(a, b, c, d, e, f, g, h), 48);
}
