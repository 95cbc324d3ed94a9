// Arrays of elements of K, one after the other: 16 bytes each, words a, b, c, d of (a + b i) + (c + d i) u. They hold the per-axis vectors of functionals: short, read at random; where an
// element is multiplied by another its four words are the lanes, else scalar code with 64-bit sums; what is long lives in quad vectors (README.md). i^2 = -1, u^2 = 2 + i.
//
// `red(x)` is congruent to x modulo p and below 2^33 in absolute value; a sum of up to 2^28 of them fits an i64.

import { add4, P, sub4 } from './m31';
import { minus, sum4 } from './qm31';

// @ts-ignore: decorator
@inline
function red(x: i64): i64 {
  return (x & 0x7fffffff) + (x >> 31);
}

/** The canonical word congruent to x, |x| < 2^62. */
// @ts-ignore: decorator
@inline
function canonical(x: i64): u32 {
  let y = red(red(x));
  if (y < 0) y += P as i64;
  if (y >= (P as i64)) y -= P as i64;
  return y as u32;
}

// @ts-ignore: decorator
@inline
function at(address: usize, word: usize): i64 {
  return load<u32>(address + 4 * word) as i64;
}

// @ts-ignore: decorator
@inline
function put(address: usize, a: i64, b: i64, c: i64, d: i64): void {
  store<u32>(address, canonical(a));
  store<u32>(address + 4, canonical(b));
  store<u32>(address + 8, canonical(c));
  store<u32>(address + 12, canonical(d));
}

// The rows of multiplication by y: x y = a row0 + b row1 + c row2 + d row3, for x = (a, b, c, d) and y = (e, f, g, h):
//   (e, f, g, h), (-f, e, -h, g), (2g - h, g + 2h, e, f), (-(g + 2h), 2g - h, -f, e). Words at most p.
// @ts-ignore: decorator
@inline
function row1(y: v128): v128 {
  return v128.shuffle<u32>(minus(y), y, 1, 4, 3, 6);
}
// @ts-ignore: decorator
@inline
function row2(y: v128): v128 {
  const high = v128.shuffle<u32>(y, y, 2, 2, 2, 2),
    swapped = v128.shuffle<u32>(y, minus(y), 7, 3, 3, 3);
  // lanes 0 and 1: 2g - h, and g + 2h
  const sums = add4(add4(high, v128.shuffle<u32>(y, y, 2, 3, 3, 3)), swapped);
  return v128.shuffle<u32>(sums, y, 0, 1, 4, 5);
}
// @ts-ignore: decorator
@inline
function row3(y: v128, second: v128): v128 {
  return v128.shuffle<u32>(v128.shuffle<u32>(minus(second), second, 1, 4, 0, 0), v128.shuffle<u32>(minus(y), y, 1, 4, 0, 0), 0, 1, 4, 5);
}

// x y for the element at `x` and rows of y.
// @ts-ignore: decorator
@inline
function timesRows(x: usize, r0: v128, r1: v128, r2: v128, r3: v128): v128 {
  return sum4(v128.load32_splat(x), r0, v128.load32_splat(x, 4), r1, v128.load32_splat(x, 8), r2, v128.load32_splat(x, 12), r3);
}

/** out = x y. 16 base products. `out` may be x or y. */
export function kMul(out: usize, x: usize, y: usize): void {
  const r0 = v128.load(y),
    r2 = row2(r0);
  v128.store(out, timesRows(x, r0, row1(r0), r2, row3(r0, r2)));
}

/** out = sum of x[k] y[k], k < n. 16 base products an entry. */
export function kDot(x: usize, y: usize, n: u32, out: usize): void {
  let s0: i64 = 0,
    s1: i64 = 0,
    s2: i64 = 0,
    s3: i64 = 0;
  for (let k: u32 = 0; k < n; k++) {
    const a = at(x, 0),
      b = at(x, 1),
      c = at(x, 2),
      d = at(x, 3);
    const e = at(y, 0),
      f = at(y, 1),
      g = at(y, 2),
      h = at(y, 3);
    const bd0 = red(c * g - d * h),
      bd1 = red(c * h + d * g);
    s0 += red(a * e - b * f) + 2 * bd0 - bd1;
    s1 += red(a * f + b * e) + bd0 + 2 * bd1;
    s2 += red(a * g - b * h) + red(c * e - d * f);
    s3 += red(a * h + b * g) + red(c * f + d * e);
    x += 16;
    y += 16;
  }
  put(out, s0, s1, s2, s3);
}

/** out = sum of x[k] w[k], w int32, k < n. 4 base products an entry. */
export function kDotIntegers(x: usize, w: usize, n: u32, out: usize): void {
  let s0: i64 = 0,
    s1: i64 = 0,
    s2: i64 = 0,
    s3: i64 = 0;
  for (let k: u32 = 0; k < n; k++) {
    const m = load<i32>(w) as i64;
    s0 += red(m * at(x, 0));
    s1 += red(m * at(x, 1));
    s2 += red(m * at(x, 2));
    s3 += red(m * at(x, 3));
    x += 16;
    w += 4;
  }
  put(out, s0, s1, s2, s3);
}

/** out = sum of x[k] w[k], w uint8, k < n. 4 base products an entry, no reduction but one in 2^20. */
export function kDotBytes(x: usize, w: usize, n: u32, out: usize): void {
  let s0: i64 = 0,
    s1: i64 = 0,
    s2: i64 = 0,
    s3: i64 = 0;
  for (let k: u32 = 0; k < n; k++) {
    const m = load<u8>(w) as i64;
    s0 += m * at(x, 0);
    s1 += m * at(x, 1);
    s2 += m * at(x, 2);
    s3 += m * at(x, 3);
    x += 16;
    w += 1;
    if ((k & 0xfffff) == 0xfffff) {
      s0 = red(s0);
      s1 = red(s1);
      s2 = red(s2);
      s3 = red(s3);
    }
  }
  put(out, s0, s1, s2, s3);
}

/** out = sum of x[k], k < n. */
export function kSum(x: usize, n: u32, out: usize): void {
  let s0: i64 = 0,
    s1: i64 = 0,
    s2: i64 = 0,
    s3: i64 = 0;
  for (let k: u32 = 0; k < n; k++) {
    s0 += at(x, 0);
    s1 += at(x, 1);
    s2 += at(x, 2);
    s3 += at(x, 3);
    x += 16;
  }
  put(out, s0, s1, s2, s3);
}

/** out[k] = factor x[k], k < n. May run in place. 16 base products an entry. */
export function kScale(out: usize, x: usize, factor: usize, n: u32): void {
  const r0 = v128.load(factor),
    r1 = row1(r0),
    r2 = row2(r0),
    r3 = row3(r0, r2);
  for (let k: u32 = 0; k < n; k++) {
    v128.store(out, timesRows(x, r0, r1, r2, r3));
    out += 16;
    x += 16;
  }
}

/** out[k] = w[k] x[k], w int32, k < n. May run in place. */
export function kScaleIntegers(out: usize, x: usize, w: usize, n: u32): void {
  for (let k: u32 = 0; k < n; k++) {
    const m = load<i32>(w) as i64;
    put(out, m * at(x, 0), m * at(x, 1), m * at(x, 2), m * at(x, 3));
    out += 16;
    x += 16;
    w += 4;
  }
}

/** out[k] += x[k], k < n. */
export function kAdd(out: usize, x: usize, n: u32): void {
  for (let k: u32 = 0; k < n; k++) {
    v128.store(out, add4(v128.load(out), v128.load(x)));
    out += 16;
    x += 16;
  }
}

/** out[k] = x[k] - 2^bits y[k], bits < 31, k < n. */
export function kSubtractShifted(out: usize, x: usize, y: usize, bits: u32, n: u32): void {
  for (let k: u32 = 0; k < n; k++) {
    for (let i: usize = 0; i < 16; i += 4)
      store<u32>(out + i, canonical((load<u32>(x + i) as i64) - red((load<u32>(y + i) as i64) << bits)));
    out += 16;
    x += 16;
    y += 16;
  }
}

/** out[k] = 2^-s[k] x[k], s bytes below 31 (2^-s = 2^(31 - s)), k < n. */
export function kUnshift(out: usize, x: usize, s: usize, n: u32): void {
  for (let k: u32 = 0; k < n; k++) {
    const bits = load<u8>(s + k) as i64;
    const left = bits ? 31 - bits : 0;
    for (let i: usize = 0; i < 16; i += 4) store<u32>(out + i, canonical(red((load<u32>(x + i) as i64) << left)));
    out += 16;
    x += 16;
  }
}

/** out[map[k]] += x[k] where map[k] >= 0, k < n. */
export function kPush(out: usize, x: usize, map: usize, n: u32): void {
  for (let k: u32 = 0; k < n; k++) {
    const target = load<i32>(map + 4 * (k as usize));
    if (target >= 0) kAdd(out + 16 * (target as usize), x + 16 * (k as usize), 1);
  }
}

/**
 * out[i] += x[k] taps[u] for i = k stride + u dilation - pad, where 0 <= i < length; k < n, u < count. `taps` = 0 stands for ones. One K product per
 * pair.
 */
export function kSpread(
  out: usize,
  length: i32,
  x: usize,
  n: i32,
  taps: usize,
  count: i32,
  stride: i32,
  dilation: i32,
  pad: i32,
  scratch: usize,
): void {
  for (let k = 0; k < n; k++) {
    for (let u = 0; u < count; u++) {
      const i = k * stride + u * dilation - pad;
      if (i < 0 || i >= length) continue;
      if (taps) {
        kMul(scratch, x + 16 * (k as usize), taps + 16 * (u as usize));
        kAdd(out + 16 * (i as usize), scratch, 1);
      } else {
        kAdd(out + 16 * (i as usize), x + 16 * (k as usize), 1);
      }
    }
  }
}

/** The table eq(z, 0 .. 2^bits - 1), by doubling from the highest variable down, so that variable 0 is the lowest bit. One K product an entry. */
export function eqTable(z: usize, bits: u32, out: usize): void {
  store<u32>(out, 1);
  store<u32>(out + 4, 0);
  store<u32>(out + 8, 0);
  store<u32>(out + 12, 0);
  for (let t: u32 = 0; t < bits; t++) {
    const half: usize = (16 as usize) << (t as usize);
    const r0 = v128.load(z + 16 * (t as usize)),
      r1 = row1(r0),
      r2 = row2(r0),
      r3 = row3(r0, r2);
    for (let k: usize = 0; k < half; k += 16) {
      const low = out + k,
        product = timesRows(low, r0, r1, r2, r3);
      v128.store(low + half, product);
      v128.store(low, sub4(v128.load(low), product));
    }
  }
}

/**
 * out[k] = eq(z, start + k), k < length; z has `bits` variables, bits <= 31. Costs two K products an entry: a table over the low bits that the range needs, scaled by the value of the
 * high bits (a range meets at most two values of them). `scratch` holds 2^ceil(log2 length) + 2 elements.
 */
export function kEq(z: usize, bits: u32, start: u32, length: u32, out: usize, scratch: usize): void {
  if (!length) return;
  let low: u32 = 32 - clz<u32>(length - 1);
  if (length == 1) low = 0;
  if (low > bits) low = bits;
  const factor = scratch,
    one = scratch + 16,
    table = scratch + 32;
  eqTable(z, low, table);
  const mask: u32 = (1 << low) - 1;
  if (low == bits && start + length <= mask + 1) {
    memory.copy(out, table + 16 * (start as usize), 16 * (length as usize));
    return;
  }
  let k: u32 = 0;
  while (k < length) {
    const high = (start + k) >> low;
    store<u32>(factor, 1);
    store<u32>(factor + 4, 0);
    store<u32>(factor + 8, 0);
    store<u32>(factor + 12, 0);
    for (let t = low; t < bits; t++) {
      const zt = z + 16 * (t as usize);
      if ((high >> (t - low)) & 1) kMul(factor, factor, zt);
      else {
        put(one, 1 - at(zt, 0), -at(zt, 1), -at(zt, 2), -at(zt, 3));
        kMul(factor, factor, one);
      }
    }
    // an index beyond 2^bits has no value: eq is 0 there, which only a malformed layout asks for
    const beyond = bits < 32 && ((high as u64) << low) >> bits != 0;
    const stop = min(length, ((high + 1) << low) - start);
    const to = out + 16 * (k as usize);
    if (beyond) memory.fill(to, 0, 16 * ((stop - k) as usize));
    else kScale(to, table + 16 * (((start + k) & mask) as usize), factor, stop - k);
    k = stop;
  }
}

/** out = sum over c, i, j of channel[c] row[i] column[j] x[c, i, j], x uint8, C-order. */
export function kFormBytes(
  channel: usize,
  row: usize,
  column: usize,
  channels: u32,
  height: u32,
  width: u32,
  x: usize,
  out: usize,
  scratch: usize,
): void {
  const inner = scratch,
    plane = scratch + 16;
  memory.fill(out, 0, 16);
  for (let c: u32 = 0; c < channels; c++) {
    memory.fill(plane, 0, 16);
    for (let i: u32 = 0; i < height; i++) {
      kDotBytes(column, x, width, inner);
      kMul(inner, inner, row + 16 * (i as usize));
      kAdd(plane, inner, 1);
      x += width;
    }
    kMul(plane, plane, channel + 16 * (c as usize));
    kAdd(out, plane, 1);
  }
}

/** The same for x int32. */
export function kFormIntegers(
  channel: usize,
  row: usize,
  column: usize,
  channels: u32,
  height: u32,
  width: u32,
  x: usize,
  out: usize,
  scratch: usize,
): void {
  const inner = scratch,
    plane = scratch + 16;
  memory.fill(out, 0, 16);
  for (let c: u32 = 0; c < channels; c++) {
    memory.fill(plane, 0, 16);
    for (let i: u32 = 0; i < height; i++) {
      kDotIntegers(column, x, width, inner);
      kMul(inner, inner, row + 16 * (i as usize));
      kAdd(plane, inner, 1);
      x += 4 * (width as usize);
    }
    kMul(plane, plane, channel + 16 * (c as usize));
    kAdd(out, plane, 1);
  }
}

/** out[(c h + i) w + j] = channel[c] row[i] column[j]. Two K products an entry. */
export function kOuter(
  channel: usize,
  row: usize,
  column: usize,
  channels: u32,
  height: u32,
  width: u32,
  out: usize,
  scratch: usize,
): void {
  for (let c: u32 = 0; c < channels; c++) {
    for (let i: u32 = 0; i < height; i++) {
      kMul(scratch, channel + 16 * (c as usize), row + 16 * (i as usize));
      kScale(out, column, scratch, width);
      out += 16 * (width as usize);
    }
  }
}

/** Quad vector (README.md) from an array: elements start .. start + n - 1 of the quad vector become x[0 .. n - 1]. */
export function kToQuads(quads: usize, start: u32, x: usize, n: u32): void {
  for (let k: u32 = 0; k < n; k++) {
    const e = start + k;
    const to = quads + 64 * ((e >> 2) as usize) + 4 * ((e & 3) as usize);
    store<u32>(to, load<u32>(x));
    store<u32>(to + 16, load<u32>(x + 4));
    store<u32>(to + 32, load<u32>(x + 8));
    store<u32>(to + 48, load<u32>(x + 12));
    x += 16;
  }
}

/** The inverse of `kToQuads`. */
export function kFromQuads(x: usize, quads: usize, start: u32, n: u32): void {
  for (let k: u32 = 0; k < n; k++) {
    const e = start + k;
    const from = quads + 64 * ((e >> 2) as usize) + 4 * ((e & 3) as usize);
    store<u32>(x, load<u32>(from));
    store<u32>(x + 4, load<u32>(from + 16));
    store<u32>(x + 8, load<u32>(from + 32));
    store<u32>(x + 12, load<u32>(from + 48));
    x += 16;
  }
}
