// The lookup leaves of the tree, whose numerators p are known to everybody but for the tables' multiplicities: 1 for a lookup, 0 for what is absent. Only denominators q are kept, as a quad vector.
// Validity is one bit a leaf, bit k mod 8 of byte floor(k / 8). Behind the planes, where lookups without a plane and the tables' rows are, numerators are base words and the bits are 0; see
// lookup/leaves.ts.

import { addWeighted, LOW_MASK, LOW_SHIFT } from './eq';
import { add4, mul4, sub4 } from './m31';
import { evens, minus, mul0, mul1, mul2, mul3, odds, turn, twist } from './qm31';
import { even, fillBlock, firstFoldGroup, highPairs, lowPairs, odd } from './tree';
import { foldOnes, pairMessageRange } from './pair';

/** Groups of four pairs that are folded before their message is computed from the cache. */
const CHUNK: u32 = 32;

// Lanes of ones where a bit of `bits` is among those of `lanes`.
// @ts-ignore: decorator
@inline
function lanesOf(bits: u32, lanes: v128): v128 {
  return i32x4.ne(v128.and(i32x4.splat(bits), lanes), i32x4.splat(0));
}

// @ts-ignore: decorator
@inline
function canonicalIntegers(x: v128): v128 {
  return i32x4.add(x, v128.and(i32x4.shr_s(x, 31), i32x4.splat(0x7fffffff)));
}

/**
 * Job. Denominators of leaves start .. end - 1: c - first[k] - g second[k], where bit k of `bits` is set, else 1; `bits` = 0: everywhere. first: int32, above -p; second: words, or 0 for none; both and
 * `bits` by the index of the leaf. Items are blocks of four leaves; a block at either end may reach beyond, where leaves are kept. args: q, start, end, first, second, bits, c (4 words), g (4 words). 4 base
 * products a leaf.
 */
export function fillLookups(args: usize, part: u32, begin: u32, end: u32): void {
  const q = load<u32>(args) as usize,
    start = load<u32>(args + 4),
    stop = load<u32>(args + 8),
    first = load<u32>(args + 12) as usize,
    second = load<u32>(args + 16) as usize,
    valid = load<u32>(args + 20) as usize;
  const c0 = v128.load32_splat(args, 24),
    c1 = v128.load32_splat(args, 28),
    c2 = v128.load32_splat(args, 32),
    c3 = v128.load32_splat(args, 36);
  const g0 = v128.load32_splat(args, 40),
    g1 = v128.load32_splat(args, 44),
    g2 = v128.load32_splat(args, 48),
    g3 = v128.load32_splat(args, 52);
  const one = i32x4.splat(1),
    zero = i32x4.splat(0),
    lanes = i32x4(1, 2, 4, 8);
  for (let block: u32 = begin + (start >> 2); block < end + (start >> 2); block++) {
    const k: u32 = 4 * block;
    const to = q + 64 * (block as usize);
    let x0 = sub4(c0, canonicalIntegers(v128.load(first + 4 * (k as usize)))),
      x1 = c1,
      x2 = c2,
      x3 = c3;
    if (second) {
      const y = v128.load(second + 4 * (k as usize));
      x0 = sub4(x0, mul4(g0, y));
      x1 = sub4(x1, mul4(g1, y));
      x2 = sub4(x2, mul4(g2, y));
      x3 = sub4(x3, mul4(g3, y));
    }
    if (valid) {
      const bits = (load<u8>(valid + (k >> 3)) as u32) >> (k & 4);
      const mask = lanesOf(bits, lanes);
      x0 = v128.bitselect(x0, one, mask);
      x1 = v128.and(x1, mask);
      x2 = v128.and(x2, mask);
      x3 = v128.and(x3, mask);
    }
    if (k < start || k + 4 > stop) {
      const index = i32x4.add(i32x4.splat(k), i32x4(0, 1, 2, 3));
      const own = v128.and(i32x4.ge_u(index, i32x4.splat(start)), i32x4.lt_u(index, i32x4.splat(stop)));
      x0 = v128.bitselect(x0, v128.load(to), own);
      x1 = v128.bitselect(x1, v128.load(to, 16), own);
      x2 = v128.bitselect(x2, v128.load(to, 32), own);
      x3 = v128.bitselect(x3, v128.load(to, 48), own);
    }
    v128.store(to, x0);
    v128.store(to, x1, 16);
    v128.store(to, x2, 32);
    v128.store(to, x3, 48);
  }
}

/**
 * Job. Parents of leaves with numerators that are bits: P = p0 q1 + p1 q0, Q = q0 q1. Items are blocks of four parents. args: q, bits, P, Q. 1 K product a parent.
 */
export function leafParents(args: usize, part: u32, begin: u32, end: u32): void {
  const q = load<u32>(args) as usize,
    valid = load<u32>(args + 4) as usize,
    outP = load<u32>(args + 8) as usize,
    outQ = load<u32>(args + 12) as usize;
  for (let k = begin; k < end; k++) {
    const y = q + 128 * (k as usize),
      toP = outP + 64 * (k as usize),
      toQ = outQ + 64 * (k as usize);
    const bits = load<u8>(valid + k) as u32;
    if (bits == 0) {
      fillBlock(toP, 0);
      fillBlock(toQ, 1);
      continue;
    }
    const a = even(y, 0),
      b = even(y, 1),
      c = even(y, 2),
      d = even(y, 3);
    const e = odd(y, 0),
      f = odd(y, 1),
      g = odd(y, 2),
      h = odd(y, 3);
    const t = twist(g, h),
      v = turn(g, h);
    v128.store(toQ, mul0(a, b, c, d, e, f, t, v));
    v128.store(toQ, mul1(a, b, c, d, e, f, t, v), 16);
    v128.store(toQ, mul2(a, b, c, d, e, f, g, h), 32);
    v128.store(toQ, mul3(a, b, c, d, e, f, g, h), 48);
    if (bits == 255) {
      v128.store(toP, add4(a, e));
      v128.store(toP, add4(b, f), 16);
      v128.store(toP, add4(c, g), 32);
      v128.store(toP, add4(d, h), 48);
      continue;
    }
    const m = lanesOf(bits, i32x4(1, 4, 16, 64)),
      n = lanesOf(bits, i32x4(2, 8, 32, 128));
    v128.store(toP, add4(v128.and(a, n), v128.and(e, m)));
    v128.store(toP, add4(v128.and(b, n), v128.and(f, m)), 16);
    v128.store(toP, add4(v128.and(c, n), v128.and(g, m)), 32);
    v128.store(toP, add4(v128.and(d, n), v128.and(h, m)), 48);
  }
}

/**
 * Job. The same where numerators are a bit plus a base word (one of them 0). Items are blocks of four parents. args: q, bits, P, Q, words (by the index of the leaf). 1 K product and 8 base products a
 * parent.
 */
export function tailParents(args: usize, part: u32, begin: u32, end: u32): void {
  const q = load<u32>(args) as usize,
    valid = load<u32>(args + 4) as usize,
    outP = load<u32>(args + 8) as usize,
    outQ = load<u32>(args + 12) as usize,
    words = load<u32>(args + 16) as usize;
  const one = i32x4.splat(1);
  for (let k = begin; k < end; k++) {
    const y = q + 128 * (k as usize),
      w = words + 32 * (k as usize),
      toP = outP + 64 * (k as usize),
      toQ = outQ + 64 * (k as usize);
    const a = even(y, 0),
      b = even(y, 1),
      c = even(y, 2),
      d = even(y, 3);
    const e = odd(y, 0),
      f = odd(y, 1),
      g = odd(y, 2),
      h = odd(y, 3);
    const t = twist(g, h),
      v = turn(g, h);
    v128.store(toQ, mul0(a, b, c, d, e, f, t, v));
    v128.store(toQ, mul1(a, b, c, d, e, f, t, v), 16);
    v128.store(toQ, mul2(a, b, c, d, e, f, g, h), 32);
    v128.store(toQ, mul3(a, b, c, d, e, f, g, h), 48);
    const bits = load<u8>(valid + k) as u32;
    const x = v128.load(w),
      z = v128.load(w, 16);
    const m = add4(evens(x, z), v128.and(lanesOf(bits, i32x4(1, 4, 16, 64)), one)),
      n = add4(odds(x, z), v128.and(lanesOf(bits, i32x4(2, 8, 32, 128)), one));
    v128.store(toP, add4(mul4(a, n), mul4(e, m)));
    v128.store(toP, add4(mul4(b, n), mul4(f, m)), 16);
    v128.store(toP, add4(mul4(c, n), mul4(g, m)), 32);
    v128.store(toP, add4(mul4(d, n), mul4(h, m)), 48);
  }
}

/** q[k] += w[k] x for n elements (whole blocks), w base words, x in K. 4 base products an element. */
export function addWords(q: usize, w: usize, x: usize, n: u32): void {
  const a = v128.load32_splat(x),
    b = v128.load32_splat(x, 4),
    c = v128.load32_splat(x, 8),
    d = v128.load32_splat(x, 12);
  for (let k: u32 = 0; k < n; k += 4) {
    const y = v128.load(w);
    v128.store(q, add4(v128.load(q), mul4(a, y)));
    v128.store(q, add4(v128.load(q, 16), mul4(b, y)), 16);
    v128.store(q, add4(v128.load(q, 32), mul4(c, y)), 32);
    v128.store(q, add4(v128.load(q, 48), mul4(d, y)), 48);
    w += 16;
    q += 64;
  }
}

/** Quad vectors even[k] = w[2k], odd[k] = w[2k + 1] for n elements each (whole blocks), w base words. No product. */
export function splitWords(even: usize, odd: usize, w: usize, n: u32): void {
  const zero = i32x4.splat(0);
  for (let k: u32 = 0; k < n; k += 4) {
    const y = v128.load(w),
      z = v128.load(w, 16);
    v128.store(even, evens(y, z));
    v128.store(odd, odds(y, z));
    for (let i: usize = 16; i < 64; i += 16) {
      v128.store(even + i, zero);
      v128.store(odd + i, zero);
    }
    w += 32;
    even += 64;
    odd += 64;
  }
}

// Four blocks of u = q + (bit of the leaf) x, for sixteen leaves.
function shiftGroup(q: usize, bits: u32, x: usize, out: usize): void {
  const a = v128.load32_splat(x),
    b = v128.load32_splat(x, 4),
    c = v128.load32_splat(x, 8),
    d = v128.load32_splat(x, 12);
  for (let block = 0; block < 4; block++) {
    const mask = lanesOf(bits, i32x4(1, 2, 4, 8));
    v128.store(out, add4(v128.load(q), v128.and(mask, a)));
    v128.store(out, add4(v128.load(q, 16), v128.and(mask, b)), 16);
    v128.store(out, add4(v128.load(q, 32), v128.and(mask, c)), 32);
    v128.store(out, add4(v128.load(q, 48), v128.and(mask, d)), 48);
    bits >>= 4;
    q += 64;
    out += 64;
  }
}

/**
 * Job. First round of the leaf layer in u = q + p x: adds to the part's second block of lanes the quadratic coefficient, sum of weight du0 du1, where d is the difference of neighbouring pairs of leaves.
 * Items are groups of sixteen leaves. args: q, bits, presence, low, high, sums (128 bytes a part), scratch (256 bytes a part), x (4 words). 2 K products a pair.
 */
export function leafFirstMessage(args: usize, part: u32, begin: u32, end: u32): void {
  const q = load<u32>(args) as usize,
    valid = load<u32>(args + 4) as usize,
    presence = load<u32>(args + 8) as usize,
    low = load<u32>(args + 12) as usize,
    high = load<u32>(args + 16) as usize,
    sums = (load<u32>(args + 20) as usize) + 128 * (part as usize) + 64,
    scratch = (load<u32>(args + 24) as usize) + 256 * (part as usize);
  let s0 = i32x4.splat(0),
    s1 = s0,
    s2 = s0,
    s3 = s0;
  let group = begin >> LOW_SHIFT;
  for (let k = begin; k < end; k++) {
    if (presence && !load<u8>(presence + k)) continue;
    if (k >> LOW_SHIFT != group) {
      addWeighted(sums, high + 16 * (group as usize), s0, s1, s2, s3);
      s0 = i32x4.splat(0);
      s1 = s0;
      s2 = s0;
      s3 = s0;
      group = k >> LOW_SHIFT;
    }
    const bits = load<u16>(valid + 2 * (k as usize)) as u32;
    let y = q + 256 * (k as usize);
    if (bits != 0 && bits != 0xffff) {
      shiftGroup(y, bits, args + 28, scratch);
      y = scratch;
    }
    const w = low + 64 * ((k & LOW_MASK) as usize);
    let m = sub4(highPairs(y, 0), lowPairs(y, 0)),
      n = sub4(highPairs(y + 128, 0), lowPairs(y + 128, 0));
    const a = evens(m, n),
      e = odds(m, n);
    m = sub4(highPairs(y, 1), lowPairs(y, 1));
    n = sub4(highPairs(y + 128, 1), lowPairs(y + 128, 1));
    const b = evens(m, n),
      f = odds(m, n);
    m = sub4(highPairs(y, 2), lowPairs(y, 2));
    n = sub4(highPairs(y + 128, 2), lowPairs(y + 128, 2));
    const c = evens(m, n),
      g = odds(m, n);
    m = sub4(highPairs(y, 3), lowPairs(y, 3));
    n = sub4(highPairs(y + 128, 3), lowPairs(y + 128, 3));
    const d = evens(m, n),
      h = odds(m, n);
    const t = twist(g, h),
      v = turn(g, h);
    const r0 = mul0(a, b, c, d, e, f, t, v),
      r1 = mul1(a, b, c, d, e, f, t, v),
      r2 = mul2(a, b, c, d, e, f, g, h),
      r3 = mul3(a, b, c, d, e, f, g, h);
    const w0 = v128.load(w),
      w1 = v128.load(w, 16),
      w2 = v128.load(w, 32),
      w3 = v128.load(w, 48);
    const wt = twist(w2, w3),
      wv = turn(w2, w3);
    s0 = add4(s0, mul0(r0, r1, r2, r3, w0, w1, wt, wv));
    s1 = add4(s1, mul1(r0, r1, r2, r3, w0, w1, wt, wv));
    s2 = add4(s2, mul2(r0, r1, r2, r3, w0, w1, w2, w3));
    s3 = add4(s3, mul3(r0, r1, r2, r3, w0, w1, w2, w3));
  }
  if (begin < end) addWeighted(sums, high + 16 * (group as usize), s0, s1, s2, s3);
}

// Adds x to four elements.
// @ts-ignore: decorator
@inline
function addBlock(to: usize, x: usize): void {
  for (let i: usize = 0; i < 4; i++) v128.store(to + 16 * i, add4(v128.load(to + 16 * i), v128.load32_splat(x + 4 * i)));
}

// u0 and u1 of output blocks begin .. end - 1. 2 K products an output of both.
function leafFoldRange(args: usize, u0: usize, u1: usize, scratch: usize, begin: u32, end: u32): void {
  const q = load<u32>(args) as usize,
    valid = load<u32>(args + 4) as usize,
    presence = load<u32>(args + 8) as usize,
    blocks = load<u32>(args + 24);
  const r = args + 44,
    x = args + 60;
  const r0 = v128.load32_splat(r),
    r1 = v128.load32_splat(r, 4),
    r2 = v128.load32_splat(r, 8),
    r3 = v128.load32_splat(r, 12);
  const t = twist(r2, r3),
    v = turn(r2, r3),
    minus1 = minus(r1),
    minus3 = minus(r3),
    minusV = minus(v);
  for (let k = begin; k < end; k++) {
    const to: usize = 64 * (k as usize);
    if (k >= blocks || (presence && !load<u8>(presence + k))) {
      fillBlock(u0 + to, 1);
      fillBlock(u1 + to, 1);
      continue;
    }
    const bits = load<u16>(valid + 2 * (k as usize)) as u32;
    let from = q + 256 * (k as usize);
    if (bits != 0 && bits != 0xffff) {
      shiftGroup(from, bits, x, scratch);
      from = scratch;
    }
    firstFoldGroup(from, u0 + to, u1 + to, r0, r1, r2, r3, t, v, minus1, minus3, minusV);
    if (bits == 0xffff) {
      addBlock(u0 + to, x);
      addBlock(u1 + to, x);
    }
  }
}

/**
 * Job. Binds variable 0 of the leaf layer to r, and adds the next round's message of u0 u1 - 1, see pair.ts. Items are groups of eight outputs. args: q, bits, presence of blocks and of items, where u0 and
 * u1 go, blocks, low (0: no message), high, sums (128 bytes a part), scratch (256 bytes a part), r (4 words), x (4 words). 2 K products an output, 4 a pair.
 */
export function leafFirstFold(args: usize, part: u32, begin: u32, end: u32): void {
  const u0 = load<u32>(args + 16) as usize,
    u1 = load<u32>(args + 20) as usize,
    low = load<u32>(args + 28) as usize,
    sums = (load<u32>(args + 36) as usize) + 128 * (part as usize),
    scratch = (load<u32>(args + 40) as usize) + 256 * (part as usize);
  for (let k = begin; k < end; k += CHUNK) {
    const stop = min(end, k + CHUNK);
    leafFoldRange(args, u0, u1, scratch, 2 * k, 2 * stop);
    if (low) pairMessageRange(u0, u1, load<u32>(args + 12), low, load<u32>(args + 32), sums, 1, k, stop);
  }
}

/**
 * Job. The same for later rounds. args: u0, u1, where they go, presence of blocks and of items, blocks, low (0: no message), high, sums, r (4 words). 2 K products an output, 4 a pair.
 */
export function leafFold(args: usize, part: u32, begin: u32, end: u32): void {
  const u0 = load<u32>(args + 8) as usize,
    u1 = load<u32>(args + 12) as usize,
    low = load<u32>(args + 28) as usize,
    sums = (load<u32>(args + 36) as usize) + 128 * (part as usize);
  for (let k = begin; k < end; k += CHUNK) {
    const stop = min(end, k + CHUNK);
    foldOnes(load<u32>(args), u0, args + 40, load<u32>(args + 16), load<u32>(args + 24), 2 * k, 2 * stop);
    foldOnes(load<u32>(args + 4), u1, args + 40, load<u32>(args + 16), load<u32>(args + 24), 2 * k, 2 * stop);
    if (low) pairMessageRange(u0, u1, load<u32>(args + 20), low, load<u32>(args + 32), sums, 1, k, stop);
  }
}
