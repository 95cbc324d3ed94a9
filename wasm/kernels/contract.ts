// Contractions of the witness, of activations and of int8 weights with vectors over K: the heavy half of the linear and the batching argument.
//
// A word below 2^31 times a 16-bit limb of a K coordinate is below 2^47, so 2^13 of them add up to less than 2^60 without a reduction; an int16 times a 16-bit limb goes through the
// 16-bit dot product instruction. Vectors over K come in as limbs, made by `splitUnsigned` and `splitSigned`.

import { P } from './m31';

// @ts-ignore: decorator
@inline
function red(x: i64): i64 {
  return (x & 0x7fffffff) + (x >> 31);
}

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
function lanes(v: v128): i64 {
  return i64x2.extract_lane(v, 0) + i64x2.extract_lane(v, 1);
}

/** Entries of a 64-bit lane between two reductions. */
const RUN: u32 = 1 << 13;

// Both lanes, reduced to less than 2^34; they are not negative.
// @ts-ignore: decorator
@inline
function redLanes(v: v128): v128 {
  return i64x2.add(v128.and(v, i64x2.splat(0x7fffffff)), i64x2.shr_u(v, 31));
}

/** out[k] = 8 words: low 16 and high 15 bits of each coordinate of x[k] (K array), k < n. */
export function splitUnsigned(out: usize, x: usize, n: u32): void {
  for (let k: u32 = 0; k < n; k++) {
    for (let i: usize = 0; i < 4; i++) {
      const v = load<u32>(x + 4 * i);
      store<u32>(out + 8 * i, v & 0xffff);
      store<u32>(out + 8 * i + 4, v >> 16);
    }
    out += 32;
    x += 16;
  }
}

/** The same in blocks of four entries: per block 8 vectors (coordinate, limb) of 4 lanes; n is rounded up with zeros. */
export function splitUnsignedBlocks(out: usize, x: usize, n: u32): void {
  for (let k: u32 = 0; k < n; k += 4) {
    for (let lane: u32 = 0; lane < 4; lane++) {
      for (let i: usize = 0; i < 4; i++) {
        const v: u32 = k + lane < n ? load<u32>(x + 16 * ((k + lane) as usize) + 4 * i) : 0;
        store<u32>(out + 32 * i + 4 * (lane as usize), v & 0xffff);
        store<u32>(out + 32 * i + 16 + 4 * (lane as usize), v >> 16);
      }
    }
    out += 128;
  }
}

// The representative of v in (-p/2, p/2), as 15 low bits and a signed 16-bit rest.
// @ts-ignore: decorator
@inline
function centred(v: u32): i32 {
  return v > 0x3fffffff ? (v as i32) - (P as i32) : (v as i32);
}

/** Blocks of eight entries: per block 8 vectors (coordinate, low then high limb) of 8 int16 lanes; n is rounded up with zeros. */
export function splitSignedBlocks(out: usize, x: usize, n: u32): void {
  for (let k: u32 = 0; k < n; k += 8) {
    for (let lane: u32 = 0; lane < 8; lane++) {
      for (let i: usize = 0; i < 4; i++) {
        const v = k + lane < n ? centred(load<u32>(x + 16 * ((k + lane) as usize) + 4 * i)) : 0;
        store<i16>(out + 32 * i + 2 * (lane as usize), (v & 0x7fff) as i16);
        store<i16>(out + 32 * i + 16 + 2 * (lane as usize), (v >> 15) as i16);
      }
    }
    out += 128;
  }
}

/** Pairs of entries (2m, 2m + 1): per pair 8 words (coordinate, low then high limb), each two int16; n is rounded up with zeros. */
export function splitSignedPairs(out: usize, x: usize, n: u32): void {
  for (let k: u32 = 0; k < n; k += 2) {
    for (let side: u32 = 0; side < 2; side++) {
      for (let i: usize = 0; i < 4; i++) {
        const v = k + side < n ? centred(load<u32>(x + 16 * ((k + side) as usize) + 4 * i)) : 0;
        store<i16>(out + 8 * i + 2 * (side as usize), (v & 0x7fff) as i16);
        store<i16>(out + 8 * i + 4 + 2 * (side as usize), (v >> 15) as i16);
      }
    }
    out += 32;
  }
}

/**
 * Job. Quad vector out[p] = sum over c of x[c] w[c plane + p], for blocks of four p. args: w, plane (a multiple of 4), channels, limbs of x (splitUnsigned), out.
 * 42 instructions per four entries.
 */
export function contractPlanes(args: usize, part: u32, begin: u32, end: u32): void {
  const w = load<u32>(args) as usize,
    plane = load<u32>(args + 4),
    channels = load<u32>(args + 8),
    limbs = load<u32>(args + 12) as usize,
    out = load<u32>(args + 16) as usize;
  const step: usize = 4 * (plane as usize);
  for (let block = begin; block < end; block++) {
    for (let half: usize = 0; half < 2; half++) {
      let from = w + 16 * (block as usize);
      let x = limbs + 16 * half;
      let a0 = i64x2.splat(0),
        a1 = a0,
        a2 = a0,
        a3 = a0,
        b0 = a0,
        b1 = a0,
        b2 = a0,
        b3 = a0;
      for (let c: u32 = 0; c < channels; c++) {
        const v = v128.load(from);
        const x0 = v128.load32_splat(x),
          x1 = v128.load32_splat(x, 4),
          x2 = v128.load32_splat(x, 8),
          x3 = v128.load32_splat(x, 12);
        a0 = i64x2.add(a0, i64x2.extmul_low_i32x4_u(v, x0));
        b0 = i64x2.add(b0, i64x2.extmul_high_i32x4_u(v, x0));
        a1 = i64x2.add(a1, i64x2.extmul_low_i32x4_u(v, x1));
        b1 = i64x2.add(b1, i64x2.extmul_high_i32x4_u(v, x1));
        a2 = i64x2.add(a2, i64x2.extmul_low_i32x4_u(v, x2));
        b2 = i64x2.add(b2, i64x2.extmul_high_i32x4_u(v, x2));
        a3 = i64x2.add(a3, i64x2.extmul_low_i32x4_u(v, x3));
        b3 = i64x2.add(b3, i64x2.extmul_high_i32x4_u(v, x3));
        from += step;
        x += 32;
        if ((c & (RUN - 1)) == RUN - 1) {
          a0 = redLanes(a0);
          a1 = redLanes(a1);
          a2 = redLanes(a2);
          a3 = redLanes(a3);
          b0 = redLanes(b0);
          b1 = redLanes(b1);
          b2 = redLanes(b2);
          b3 = redLanes(b3);
        }
      }
      const to = out + 64 * (block as usize) + 32 * half;
      joinLimbs(to, a0, a1, b0, b1);
      joinLimbs(to + 16, a2, a3, b2, b3);
    }
  }
}

// Four words: low + 2^16 high, lanes 0, 1 from a, lanes 2, 3 from b.
// @ts-ignore: decorator
@inline
function joinLimbs(to: usize, aLow: v128, aHigh: v128, bLow: v128, bHigh: v128): void {
  store<u32>(to, canonical(i64x2.extract_lane(aLow, 0) + (red(i64x2.extract_lane(aHigh, 0)) << 16)));
  store<u32>(to + 4, canonical(i64x2.extract_lane(aLow, 1) + (red(i64x2.extract_lane(aHigh, 1)) << 16)));
  store<u32>(to + 8, canonical(i64x2.extract_lane(bLow, 0) + (red(i64x2.extract_lane(bHigh, 0)) << 16)));
  store<u32>(to + 12, canonical(i64x2.extract_lane(bLow, 1) + (red(i64x2.extract_lane(bHigh, 1)) << 16)));
}

/** Plain form of `contractPlanes` for planes of 1 or 2 entries: K array out[p]. 4 base products an entry. */
export function contractNarrow(w: usize, plane: u32, channels: u32, x: usize, out: usize): void {
  for (let p: u32 = 0; p < plane; p++) {
    for (let i: usize = 0; i < 16; i += 4) {
      let s: i64 = 0;
      for (let c: u32 = 0; c < channels; c++)
        s += red((load<u32>(w + 4 * ((c * plane + p) as usize)) as i64) * (load<u32>(x + 16 * (c as usize) + i) as i64));
      store<u32>(out + 16 * (p as usize) + i, canonical(s));
    }
  }
}

/**
 * Job. K array out[c] = sum over p of x[p] w[c plane + p], items are planes. args: w, plane, limbs of x (splitUnsignedBlocks; of x itself where plane < 4: a K array), out.
 * 44 instructions per four entries.
 */
export function dotPlanes(args: usize, part: u32, begin: u32, end: u32): void {
  const w = load<u32>(args) as usize,
    plane = load<u32>(args + 4),
    limbs = load<u32>(args + 8) as usize,
    out = load<u32>(args + 12) as usize;
  for (let c = begin; c < end; c++) {
    const start = w + 4 * (plane as usize) * (c as usize),
      to = out + 16 * (c as usize);
    if (plane < 4) {
      for (let i: usize = 0; i < 16; i += 4) {
        let s: i64 = 0;
        for (let p: usize = 0; p < (plane as usize); p++)
          s += red((load<u32>(start + 4 * p) as i64) * (load<u32>(limbs + 16 * p + i) as i64));
        store<u32>(to + i, canonical(s));
      }
      continue;
    }
    for (let half: usize = 0; half < 2; half++) {
      let from = start,
        x = limbs + 64 * half;
      const last = start + 4 * (plane as usize);
      let pause = from + 16 * (RUN as usize);
      let a0 = i64x2.splat(0),
        a1 = a0,
        a2 = a0,
        a3 = a0,
        b0 = a0,
        b1 = a0,
        b2 = a0,
        b3 = a0;
      while (from < last) {
        const v = v128.load(from);
        const x0 = v128.load(x),
          x1 = v128.load(x, 16),
          x2 = v128.load(x, 32),
          x3 = v128.load(x, 48);
        a0 = i64x2.add(a0, i64x2.extmul_low_i32x4_u(v, x0));
        b0 = i64x2.add(b0, i64x2.extmul_high_i32x4_u(v, x0));
        a1 = i64x2.add(a1, i64x2.extmul_low_i32x4_u(v, x1));
        b1 = i64x2.add(b1, i64x2.extmul_high_i32x4_u(v, x1));
        a2 = i64x2.add(a2, i64x2.extmul_low_i32x4_u(v, x2));
        b2 = i64x2.add(b2, i64x2.extmul_high_i32x4_u(v, x2));
        a3 = i64x2.add(a3, i64x2.extmul_low_i32x4_u(v, x3));
        b3 = i64x2.add(b3, i64x2.extmul_high_i32x4_u(v, x3));
        from += 16;
        x += 128;
        if (from == pause) {
          a0 = redLanes(a0);
          a1 = redLanes(a1);
          a2 = redLanes(a2);
          a3 = redLanes(a3);
          b0 = redLanes(b0);
          b1 = redLanes(b1);
          b2 = redLanes(b2);
          b3 = redLanes(b3);
          pause = from + 16 * (RUN as usize);
        }
      }
      store<u32>(to + 8 * half, canonical(lanes(a0) + lanes(b0) + (red(lanes(a1) + lanes(b1)) << 16)));
      store<u32>(to + 8 * half + 4, canonical(lanes(a2) + lanes(b2) + (red(lanes(a3) + lanes(b3)) << 16)));
    }
  }
}

// @ts-ignore: decorator
@inline
function sumLanes(v: v128): i64 {
  return (
    (i32x4.extract_lane(v, 0) as i64) +
    (i32x4.extract_lane(v, 1) as i64) +
    (i32x4.extract_lane(v, 2) as i64) +
    (i32x4.extract_lane(v, 3) as i64)
  );
}

/**
 * Job. K array out[row] = sum over k of x[k] m[row, k], m int8, rows `stride` bytes apart, read in whole blocks of 8 (what lies beyond a row's end is met by zero limbs). args: m,
 * stride, blocks, limbs of x (splitSignedBlocks), out. About 3 instructions an entry. 256 blocks of |m| <= 128 fit the 32-bit sums.
 */
export function dotInt8Rows(args: usize, part: u32, begin: u32, end: u32): void {
  const m = load<u32>(args) as usize,
    stride = load<u32>(args + 4) as usize,
    blocks = load<u32>(args + 8),
    limbs = load<u32>(args + 12) as usize,
    out = load<u32>(args + 16) as usize;
  for (let row = begin; row < end; row++) {
    const start = m + stride * (row as usize),
      to = out + 16 * (row as usize);
    let s0: i64 = 0,
      s1: i64 = 0,
      s2: i64 = 0,
      s3: i64 = 0;
    let block: u32 = 0;
    while (block < blocks) {
      const stop = min(blocks, block + 128);
      let from = start + 8 * (block as usize),
        x = limbs + 128 * (block as usize);
      let a0 = i32x4.splat(0),
        a1 = a0,
        a2 = a0,
        a3 = a0,
        a4 = a0,
        a5 = a0,
        a6 = a0,
        a7 = a0;
      for (; block < stop; block++) {
        const v = v128.load_ext<i8>(from);
        a0 = i32x4.add(a0, i32x4.dot_i16x8_s(v, v128.load(x)));
        a1 = i32x4.add(a1, i32x4.dot_i16x8_s(v, v128.load(x, 16)));
        a2 = i32x4.add(a2, i32x4.dot_i16x8_s(v, v128.load(x, 32)));
        a3 = i32x4.add(a3, i32x4.dot_i16x8_s(v, v128.load(x, 48)));
        a4 = i32x4.add(a4, i32x4.dot_i16x8_s(v, v128.load(x, 64)));
        a5 = i32x4.add(a5, i32x4.dot_i16x8_s(v, v128.load(x, 80)));
        a6 = i32x4.add(a6, i32x4.dot_i16x8_s(v, v128.load(x, 96)));
        a7 = i32x4.add(a7, i32x4.dot_i16x8_s(v, v128.load(x, 112)));
        from += 8;
        x += 128;
      }
      s0 += sumLanes(a0) + (sumLanes(a1) << 15);
      s1 += sumLanes(a2) + (sumLanes(a3) << 15);
      s2 += sumLanes(a4) + (sumLanes(a5) << 15);
      s3 += sumLanes(a6) + (sumLanes(a7) << 15);
    }
    store<u32>(to, canonical(s0));
    store<u32>(to + 4, canonical(s1));
    store<u32>(to + 8, canonical(s2));
    store<u32>(to + 12, canonical(s3));
  }
}

/** Job. The same for m int16 with |m| <= 255; `stride` in bytes. */
export function dotInt16Rows(args: usize, part: u32, begin: u32, end: u32): void {
  const m = load<u32>(args) as usize,
    stride = load<u32>(args + 4) as usize,
    blocks = load<u32>(args + 8),
    limbs = load<u32>(args + 12) as usize,
    out = load<u32>(args + 16) as usize;
  const outStride = load<u32>(args + 20) as usize;
  for (let row = begin; row < end; row++) {
    const start = m + stride * (row as usize),
      to = out + outStride * (row as usize);
    let s0: i64 = 0,
      s1: i64 = 0,
      s2: i64 = 0,
      s3: i64 = 0;
    let block: u32 = 0;
    while (block < blocks) {
      const stop = min(blocks, block + 64);
      let from = start + 16 * (block as usize),
        x = limbs + 128 * (block as usize);
      let a0 = i32x4.splat(0),
        a1 = a0,
        a2 = a0,
        a3 = a0,
        a4 = a0,
        a5 = a0,
        a6 = a0,
        a7 = a0;
      for (; block < stop; block++) {
        const v = v128.load(from);
        a0 = i32x4.add(a0, i32x4.dot_i16x8_s(v, v128.load(x)));
        a1 = i32x4.add(a1, i32x4.dot_i16x8_s(v, v128.load(x, 16)));
        a2 = i32x4.add(a2, i32x4.dot_i16x8_s(v, v128.load(x, 32)));
        a3 = i32x4.add(a3, i32x4.dot_i16x8_s(v, v128.load(x, 48)));
        a4 = i32x4.add(a4, i32x4.dot_i16x8_s(v, v128.load(x, 64)));
        a5 = i32x4.add(a5, i32x4.dot_i16x8_s(v, v128.load(x, 80)));
        a6 = i32x4.add(a6, i32x4.dot_i16x8_s(v, v128.load(x, 96)));
        a7 = i32x4.add(a7, i32x4.dot_i16x8_s(v, v128.load(x, 112)));
        from += 16;
        x += 128;
      }
      s0 += sumLanes(a0) + (sumLanes(a1) << 15);
      s1 += sumLanes(a2) + (sumLanes(a3) << 15);
      s2 += sumLanes(a4) + (sumLanes(a5) << 15);
      s3 += sumLanes(a6) + (sumLanes(a7) << 15);
    }
    store<u32>(to, canonical(s0));
    store<u32>(to + 4, canonical(s1));
    store<u32>(to + 8, canonical(s2));
    store<u32>(to + 12, canonical(s3));
  }
}

/**
 * Job. K array out[k] = sum over rows c of x[c] m[c, k], m int8, rows `stride` bytes apart (a multiple of 8, zero-filled), for blocks of eight k. args: m, stride, rows, limb pairs of x
 * (splitSignedPairs), out, scratch (256 bytes a part). About 3 instructions an entry.
 */
export function contractInt8Rows(args: usize, part: u32, begin: u32, end: u32): void {
  const m = load<u32>(args) as usize,
    stride = load<u32>(args + 4) as usize,
    rows = load<u32>(args + 8),
    pairs = load<u32>(args + 12) as usize,
    out = load<u32>(args + 16) as usize;
  const sums = (load<u32>(args + 20) as usize) + 256 * (part as usize);
  for (let block = begin; block < end; block++) {
    memory.fill(sums, 0, 256);
    for (let start: u32 = 0; start < rows; start += 256) {
      const stop = min(rows, start + 256);
      for (let half: usize = 0; half < 2; half++) {
        let from = m + 8 * (block as usize) + stride * (start as usize),
          x = pairs + 16 * (start as usize) + 16 * half;
        let a0 = i32x4.splat(0),
          a1 = a0,
          a2 = a0,
          a3 = a0,
          b0 = a0,
          b1 = a0,
          b2 = a0,
          b3 = a0;
        for (let c = start; c < stop; c += 2) {
          const even = v128.load_ext<i8>(from);
          const odd = c + 1 < stop ? v128.load_ext<i8>(from + stride) : i32x4.splat(0);
          const low = v128.shuffle<i16>(even, odd, 0, 8, 1, 9, 2, 10, 3, 11),
            high = v128.shuffle<i16>(even, odd, 4, 12, 5, 13, 6, 14, 7, 15);
          const x0 = v128.load32_splat(x),
            x1 = v128.load32_splat(x, 4),
            x2 = v128.load32_splat(x, 8),
            x3 = v128.load32_splat(x, 12);
          a0 = i32x4.add(a0, i32x4.dot_i16x8_s(low, x0));
          b0 = i32x4.add(b0, i32x4.dot_i16x8_s(high, x0));
          a1 = i32x4.add(a1, i32x4.dot_i16x8_s(low, x1));
          b1 = i32x4.add(b1, i32x4.dot_i16x8_s(high, x1));
          a2 = i32x4.add(a2, i32x4.dot_i16x8_s(low, x2));
          b2 = i32x4.add(b2, i32x4.dot_i16x8_s(high, x2));
          a3 = i32x4.add(a3, i32x4.dot_i16x8_s(low, x3));
          b3 = i32x4.add(b3, i32x4.dot_i16x8_s(high, x3));
          from += 2 * stride;
          x += 32;
        }
        addSums(sums + 128 * half, a0, a1);
        addSums(sums + 128 * half + 32, b0, b1);
        addSums(sums + 128 * half + 64, a2, a3);
        addSums(sums + 128 * half + 96, b2, b3);
      }
    }
    for (let k: usize = 0; k < 8; k++) {
      const to = out + 16 * (8 * (block as usize) + k);
      for (let i: usize = 0; i < 4; i++) store<u32>(to + 4 * i, canonical(load<i64>(sums + 64 * i + 8 * k)));
    }
  }
}

// sums[0..4) += low + 2^15 high.
// @ts-ignore: decorator
@inline
function addSums(sums: usize, low: v128, high: v128): void {
  store<i64>(sums, load<i64>(sums) + (i32x4.extract_lane(low, 0) as i64) + ((i32x4.extract_lane(high, 0) as i64) << 15));
  store<i64>(sums + 8, load<i64>(sums + 8) + (i32x4.extract_lane(low, 1) as i64) + ((i32x4.extract_lane(high, 1) as i64) << 15));
  store<i64>(sums + 16, load<i64>(sums + 16) + (i32x4.extract_lane(low, 2) as i64) + ((i32x4.extract_lane(high, 2) as i64) << 15));
  store<i64>(sums + 24, load<i64>(sums + 24) + (i32x4.extract_lane(low, 3) as i64) + ((i32x4.extract_lane(high, 3) as i64) << 15));
}

/**
 * Job. Quad vector entry ((c << uBits | u) << vBits | v) += from element `base` on, for channels c: sum over i < outputs of row[i] t[c, i stride + u dilation - pad, v] (0 outside 0 .. height - 1),
 * t a K array [channel][height][columns of the kernel]. args: t, height, kernel rows, kernel columns, uBits, vBits, row, outputs, stride, dilation, pad, quads, base, scratch (32 bytes a part).
 */
export function contractWindows(args: usize, part: u32, begin: u32, end: u32): void {
  const t = load<u32>(args) as usize,
    height = load<i32>(args + 4),
    kh = load<i32>(args + 8),
    kw = load<i32>(args + 12),
    uBits = load<u32>(args + 16),
    vBits = load<u32>(args + 20);
  const row = load<u32>(args + 24) as usize,
    outputs = load<i32>(args + 28),
    stride = load<i32>(args + 32),
    dilation = load<i32>(args + 36),
    pad = load<i32>(args + 40);
  const quads = load<u32>(args + 44) as usize,
    base = load<u32>(args + 48);
  for (let c = begin; c < end; c++) {
    for (let u = 0; u < kh; u++) {
      for (let v = 0; v < kw; v++) {
        let s0: i64 = 0,
          s1: i64 = 0,
          s2: i64 = 0,
          s3: i64 = 0;
        for (let i = 0; i < outputs; i++) {
          const y = i * stride + u * dilation - pad;
          if (y < 0 || y >= height) continue;
          const x = row + 16 * (i as usize),
            w = t + 16 * ((((c as i32) * height + y) * kw + v) as usize);
          const a = load<u32>(x) as i64,
            b = load<u32>(x + 4) as i64,
            d = load<u32>(x + 8) as i64,
            e = load<u32>(x + 12) as i64;
          const f = load<u32>(w) as i64,
            g = load<u32>(w + 4) as i64,
            h = load<u32>(w + 8) as i64,
            k = load<u32>(w + 12) as i64;
          const high0 = red(d * h - e * k),
            high1 = red(d * k + e * h);
          s0 += red(a * f - b * g) + 2 * high0 - high1;
          s1 += red(a * g + b * f) + high0 + 2 * high1;
          s2 += red(a * h - b * k) + red(d * f - e * g);
          s3 += red(a * k + b * h) + red(d * g + e * f);
        }
        const element = base + ((((c << uBits) | (u as u32)) << vBits) | (v as u32));
        const to = quads + 64 * ((element >> 2) as usize) + 4 * ((element & 3) as usize);
        store<u32>(to, canonical(s0));
        store<u32>(to + 16, canonical(s1));
        store<u32>(to + 32, canonical(s2));
        store<u32>(to + 48, canonical(s3));
      }
    }
  }
}

/** Quad vector entry ((c << uBits | u) << vBits | v), from element `base` on, = x[c, u, v], c < channels: K array to padded kernel index. */
export function placeTaps(quads: usize, base: u32, x: usize, channels: u32, kh: u32, kw: u32, uBits: u32, vBits: u32): void {
  for (let c: u32 = 0; c < channels; c++) {
    for (let u: u32 = 0; u < kh; u++) {
      for (let v: u32 = 0; v < kw; v++) {
        const element = base + ((((c << uBits) | u) << vBits) | v);
        const to = quads + 64 * ((element >> 2) as usize) + 4 * ((element & 3) as usize);
        store<u32>(to, load<u32>(x));
        store<u32>(to + 16, load<u32>(x + 4));
        store<u32>(to + 32, load<u32>(x + 8));
        store<u32>(to + 48, load<u32>(x + 12));
        x += 16;
      }
    }
  }
}

/**
 * Depthwise weights: K array out[g, tap] = sum over the channels c of group g of x[c] m[c, tap], m int8 [groups * perGroup][taps], rows `stride` bytes apart. 4 base products a weight.
 */
export function contractDepthwise(m: usize, stride: usize, groups: u32, perGroup: u32, taps: u32, x: usize, out: usize): void {
  for (let g: u32 = 0; g < groups; g++) {
    for (let tap: u32 = 0; tap < taps; tap++) {
      for (let i: usize = 0; i < 16; i += 4) {
        let s: i64 = 0;
        for (let o: u32 = 0; o < perGroup; o++) {
          const c = g * perGroup + o;
          s += (load<i8>(m + stride * (c as usize) + tap) as i64) * (load<u32>(x + 16 * (c as usize) + i) as i64);
        }
        store<u32>(out + i, canonical(s));
      }
      out += 16;
    }
  }
}
