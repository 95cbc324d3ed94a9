// The circle code: rows of base words, encoded in place by the circle FFT in the column order of ../README.md (section 9), and the transposed map. Twiddles: for the stage of bit i >= 1 of a
// code of length 2^N, table m = N - i has 2^(m-1) words, at word offset 2^(m-1) of `xs` (one table after the other); for bit 0, `ys` has 2^(N-1) words.

import { add4, mul4, sub4 } from './m31';

// Two stages at once: bits i and i - 1, blocks of 2^(i+1), 2^(i-1) >= 4.
function radix4(row: usize, length: u32, i: u32, upper: usize, lower: usize): void {
  const quarter: usize = (4 as usize) << (i - 1);
  const blocks = length >> (i + 1);
  for (let block: u32 = 0; block < blocks; block++) {
    const t = v128.load32_splat(upper + 4 * (block as usize)),
      t0 = v128.load32_splat(lower + 8 * (block as usize)),
      t1 = v128.load32_splat(lower + 8 * (block as usize), 4);
    let at = row + 4 * quarter * (block as usize);
    const stop = at + quarter;
    for (; at < stop; at += 16) {
      const a = v128.load(at),
        b = v128.load(at + quarter),
        c = mul4(t, v128.load(at + 2 * quarter)),
        d = mul4(t, v128.load(at + 3 * quarter));
      const p = add4(a, c),
        q = mul4(t0, add4(b, d)),
        r = sub4(a, c),
        s = mul4(t1, sub4(b, d));
      v128.store(at, add4(p, q));
      v128.store(at + quarter, sub4(p, q));
      v128.store(at + 2 * quarter, add4(r, s));
      v128.store(at + 3 * quarter, sub4(r, s));
    }
  }
}

// One stage: bit i, 2^i >= 4.
function radix2(row: usize, length: u32, i: u32, table: usize): void {
  const half: usize = (4 as usize) << i;
  const blocks = length >> (i + 1);
  for (let block: u32 = 0; block < blocks; block++) {
    const t = v128.load32_splat(table + 4 * (block as usize));
    let at = row + 2 * half * (block as usize);
    const stop = at + half;
    for (; at < stop; at += 16) {
      const a = v128.load(at),
        b = mul4(t, v128.load(at + half));
      v128.store(at, add4(a, b));
      v128.store(at + half, sub4(a, b));
    }
  }
}

// The stages of bits 1 and 0, eight words at a time.
function lastStages(row: usize, length: u32, x: usize, y: usize): void {
  const stop = row + 4 * (length as usize);
  for (; row < stop; row += 32) {
    const v = v128.load(row),
      w = v128.load(row, 16);
    const pair = v128.load64_zero(x);
    const p = mul4(v128.shuffle<u32>(pair, pair, 0, 0, 1, 1), v128.shuffle<u32>(v, w, 2, 3, 6, 7));
    const low = v128.shuffle<u32>(v, w, 0, 1, 4, 5);
    const s = add4(low, p),
      d = sub4(low, p);
    const tw = v128.load(y);
    const q = mul4(v128.shuffle<u32>(tw, tw, 0, 2, 1, 3), v128.shuffle<u32>(s, d, 1, 3, 5, 7));
    const e = v128.shuffle<u32>(s, d, 0, 2, 4, 6);
    const u = add4(e, q),
      m = sub4(e, q);
    v128.store(row, v128.shuffle<u32>(u, m, 0, 4, 2, 6));
    v128.store(row, v128.shuffle<u32>(u, m, 1, 5, 3, 7), 16);
    x += 8;
    y += 16;
  }
}

/** log2 of the words that are taken through all their last stages while they are in the first cache. */
const CACHED: u32 = 12;

/**
 * Job. Encodes messages of 2^c words (c >= 6) to codewords of 2^N words; items are rows. args: messages, codewords, c, N, xs, ys. The first N - c stages only copy. 0.5 products a word and stage.
 */
export function encodeRows(args: usize, part: u32, begin: u32, end: u32): void {
  const messages = load<u32>(args) as usize,
    codewords = load<u32>(args + 4) as usize,
    c = load<u32>(args + 8),
    n = load<u32>(args + 12),
    xs = load<u32>(args + 16) as usize,
    ys = load<u32>(args + 20) as usize;
  const length: u32 = 1 << n;
  const size: usize = (4 as usize) << c;
  for (let item = begin; item < end; item++) {
    const from = messages + size * (item as usize);
    const row = codewords + ((4 as usize) << n) * (item as usize);
    for (let copy: u32 = 0; copy < (1 as u32) << (n - c); copy++) memory.copy(row + size * (copy as usize), from, size);
    let i = c - 1;
    if ((c & 1) == 1) {
      radix2(row, length, i, table(xs, n - i));
      i--;
    }
    for (; i >= max<u32>(3, CACHED); i -= 2) radix4(row, length, i, table(xs, n - i), table(xs, n - i + 1));
    // what is left stays within pieces of 2^(i + 1) words
    const piece: u32 = 1 << (i + 1);
    for (let start: u32 = 0; start < length; start += piece) {
      const at = row + 4 * (start as usize);
      for (let j = i; j >= 3; j -= 2) {
        const block: usize = 4 * ((start >> (j + 1)) as usize);
        radix4(at, piece, j, table(xs, n - j) + block, table(xs, n - j + 1) + 2 * block);
      }
      lastStages(at, piece, table(xs, n - 1) + (start as usize), ys + 2 * (start as usize));
    }
  }
}

// Table m of the x twiddles.
// @ts-ignore: decorator
@inline
function table(xs: usize, m: u32): usize {
  return xs + ((4 as usize) << (m - 1));
}

/**
 * Job. The transposed stages of bits `low` .. c - 1 of vectors of 2^N words, then the sum of their 2^(N - c) blocks into the first; items are vectors, one after the other. args: vectors, low (>= 2), c,
 * N, xs.
 */
export function transposeRows(args: usize, part: u32, begin: u32, end: u32): void {
  const vectors = load<u32>(args) as usize,
    low = load<u32>(args + 4),
    c = load<u32>(args + 8),
    n = load<u32>(args + 12),
    xs = load<u32>(args + 16) as usize;
  const size: usize = (4 as usize) << c;
  for (let item = begin; item < end; item++) {
    const row = vectors + ((4 as usize) << n) * (item as usize);
    for (let i = low; i < c; i++) {
      const half: usize = (4 as usize) << i;
      const twiddles = table(xs, n - i);
      const blocks: u32 = 1 << (n - i - 1);
      for (let block: u32 = 0; block < blocks; block++) {
        const t = v128.load32_splat(twiddles + 4 * (block as usize));
        let at = row + 2 * half * (block as usize);
        const stop = at + half;
        for (; at < stop; at += 16) {
          const a = v128.load(at),
            b = v128.load(at + half);
          v128.store(at, add4(a, b));
          v128.store(at + half, mul4(t, sub4(a, b)));
        }
      }
    }
    for (let copy: u32 = 1; copy < (1 as u32) << (n - c); copy++) {
      const from = row + size * (copy as usize);
      for (let k: usize = 0; k < size; k += 16) v128.store(row + k, add4(v128.load(row + k), v128.load(from + k)));
    }
  }
}

/** out[k] += factor * line[k], k < n (a multiple of 4), base words. */
export function addScaledWords(out: usize, line: usize, factor: u32, n: u32): void {
  const f = i32x4.splat(factor);
  for (let k: usize = 0; k < 4 * (n as usize); k += 16) v128.store(out + k, add4(v128.load(out + k), mul4(f, v128.load(line + k))));
}

/** out[n + k] = factor * out[k], k < n: one more axis of a tensor product of base words. */
export function doubleWords(out: usize, factor: u32, n: u32): void {
  if (n < 4) {
    for (let k: usize = 0; k < (n as usize); k++) {
      const t = (load<u32>(out + 4 * k) as u64) * (factor as u64);
      store<u32>(out + 4 * ((n as usize) + k), (t % 0x7fffffff) as u32);
    }
    return;
  }
  const f = i32x4.splat(factor);
  const size: usize = 4 * (n as usize);
  for (let k: usize = 0; k < size; k += 16) v128.store(out + size + k, mul4(f, v128.load(out + k)));
}

/** Coordinates of a quad vector as four base vectors, `stride` bytes apart: n elements (a multiple of 4). */
export function splitCoordinates(quads: usize, n: u32, out: usize, stride: usize): void {
  for (let k: usize = 0; k < (n as usize); k += 4) {
    for (let i: usize = 0; i < 4; i++) v128.store(out + stride * i + 4 * k, v128.load(quads + 16 * k + 16 * i));
  }
}

/** The inverse of `splitCoordinates`, added to what stands in the quad vector. */
export function addCoordinates(quads: usize, n: u32, from: usize, stride: usize): void {
  for (let k: usize = 0; k < (n as usize); k += 4) {
    for (let i: usize = 0; i < 4; i++) {
      const at = quads + 16 * k + 16 * i;
      v128.store(at, add4(v128.load(at), v128.load(from + stride * i + 4 * k)));
    }
  }
}
