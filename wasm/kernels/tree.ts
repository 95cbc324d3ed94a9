// The tree of fractions (../README.md, section 6). A node is (p, q); node i has children 2i and 2i + 1; absent nodes are (0, 1).
//
// Nodes of one height are two quad vectors p and q, filled with absent nodes up to a multiple of 32 elements. A layer's sumcheck runs over the parents' index x with
// g(x) = p0 q1 + p1 q0 + lambda q0 q1 = p0 q1 + e q0, where e = p1 + lambda q1. After its first round it works on four quad vectors p0, q0, e, q1, filled with 0, 1, lambda, 1 up to a
// multiple of 8 elements. Absent parents have g = lambda; so the messages here are those of g - lambda, which absent nodes do not contribute to. Weights are those of eq.ts.
//
// `presence` points to one byte for each group of elements that an item (or a block of outputs) is made from: 0 where all of them are absent, which is then not computed; the pointer 0 stands for
// ones. Blocks from `blocks` on, which the input does not reach, are absent too.

import { add4, sub4 } from './m31';
import { addWeighted, LOW_MASK, LOW_SHIFT } from './eq';
import { evens, minus, mul0, mul1, mul2, mul3, odds, sum4, turn, twist } from './qm31';

// @ts-ignore: decorator
@inline
export function even(from: usize, coordinate: usize): v128 {
  return evens(v128.load(from + 16 * coordinate), v128.load(from + 16 * coordinate, 64));
}

// @ts-ignore: decorator
@inline
export function odd(from: usize, coordinate: usize): v128 {
  return odds(v128.load(from + 16 * coordinate), v128.load(from + 16 * coordinate, 64));
}

// Of two blocks: elements 0, 1, 4, 5, and 2, 3, 6, 7.
// @ts-ignore: decorator
@inline
export function lowPairs(from: usize, coordinate: usize): v128 {
  return v128.shuffle<u32>(v128.load(from + 16 * coordinate), v128.load(from + 16 * coordinate, 64), 0, 1, 4, 5);
}

// @ts-ignore: decorator
@inline
export function highPairs(from: usize, coordinate: usize): v128 {
  return v128.shuffle<u32>(v128.load(from + 16 * coordinate), v128.load(from + 16 * coordinate, 64), 2, 3, 6, 7);
}

// Four elements equal to a base word.
// @ts-ignore: decorator
@inline
export function fillBlock(to: usize, word: u32): void {
  const zero = i32x4.splat(0);
  v128.store(to, i32x4.splat(word));
  v128.store(to, zero, 16);
  v128.store(to, zero, 32);
  v128.store(to, zero, 48);
}

/**
 * Job. Parents of the nodes (p, q): P = p0 q1 + p1 q0, Q = q0 q1. Items are blocks of four parents. args: p, q, P, Q, presence, blocks. 3 K products a parent.
 */
export function treeParents(args: usize, part: u32, begin: u32, end: u32): void {
  const p = load<u32>(args) as usize,
    q = load<u32>(args + 4) as usize,
    outP = load<u32>(args + 8) as usize,
    outQ = load<u32>(args + 12) as usize,
    presence = load<u32>(args + 16) as usize,
    blocks = load<u32>(args + 20);
  for (let k = begin; k < end; k++) {
    const x = p + 128 * (k as usize),
      y = q + 128 * (k as usize),
      toP = outP + 64 * (k as usize),
      toQ = outQ + 64 * (k as usize);
    if (k >= blocks || (presence && !load<u8>(presence + k))) {
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
      v = turn(g, h),
      u = twist(c, d),
      w = turn(c, d);
    v128.store(toQ, mul0(a, b, c, d, e, f, t, v));
    v128.store(toQ, mul1(a, b, c, d, e, f, t, v), 16);
    v128.store(toQ, mul2(a, b, c, d, e, f, g, h), 32);
    v128.store(toQ, mul3(a, b, c, d, e, f, g, h), 48);
    const i = even(x, 0),
      j = even(x, 1),
      l = even(x, 2),
      m = even(x, 3);
    const n = odd(x, 0),
      o = odd(x, 1),
      r = odd(x, 2),
      s = odd(x, 3);
    v128.store(toP, add4(mul0(i, j, l, m, e, f, t, v), mul0(n, o, r, s, a, b, u, w)));
    v128.store(toP, add4(mul1(i, j, l, m, e, f, t, v), mul1(n, o, r, s, a, b, u, w)), 16);
    v128.store(toP, add4(mul2(i, j, l, m, e, f, g, h), mul2(n, o, r, s, a, b, c, d)), 32);
    v128.store(toP, add4(mul3(i, j, l, m, e, f, g, h), mul3(n, o, r, s, a, b, c, d)), 48);
  }
}

/**
 * Job. First round of a layer whose children are (p, q): adds to the part's second block of lanes the quadratic coefficient, sum of weight (dp0 dq1 + (dp1 + lambda dq1) dq0), where d is the
 * difference of neighbouring parents. Items are groups of four pairs of parents (16 children). args: p, q, presence, low, high, sums (128 bytes a part), lambda (4 words). 4 K products a pair.
 */
export function treeFirstMessage(args: usize, part: u32, begin: u32, end: u32): void {
  const p = load<u32>(args) as usize,
    q = load<u32>(args + 4) as usize,
    presence = load<u32>(args + 8) as usize,
    low = load<u32>(args + 12) as usize,
    high = load<u32>(args + 16) as usize,
    sums = (load<u32>(args + 20) as usize) + 128 * (part as usize) + 64;
  const l0 = i32x4.splat(load<u32>(args + 24)),
    l1 = i32x4.splat(load<u32>(args + 28)),
    l2 = i32x4.splat(load<u32>(args + 32)),
    l3 = i32x4.splat(load<u32>(args + 36));
  const lt = twist(l2, l3),
    lv = turn(l2, l3);
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
    const x = p + 256 * (k as usize),
      y = q + 256 * (k as usize),
      w = low + 64 * ((k & LOW_MASK) as usize);
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
    m = sub4(highPairs(x, 0), lowPairs(x, 0));
    n = sub4(highPairs(x + 128, 0), lowPairs(x + 128, 0));
    const i0 = evens(m, n),
      j0 = odds(m, n);
    m = sub4(highPairs(x, 1), lowPairs(x, 1));
    n = sub4(highPairs(x + 128, 1), lowPairs(x + 128, 1));
    const i1 = evens(m, n),
      j1 = odds(m, n);
    m = sub4(highPairs(x, 2), lowPairs(x, 2));
    n = sub4(highPairs(x + 128, 2), lowPairs(x + 128, 2));
    const i2 = evens(m, n),
      j2 = odds(m, n);
    m = sub4(highPairs(x, 3), lowPairs(x, 3));
    n = sub4(highPairs(x + 128, 3), lowPairs(x + 128, 3));
    const i3 = evens(m, n),
      j3 = odds(m, n);
    const t = twist(g, h),
      v = turn(g, h),
      tt = twist(c, d),
      vv = turn(c, d);
    const o0 = add4(j0, mul0(e, f, g, h, l0, l1, lt, lv)),
      o1 = add4(j1, mul1(e, f, g, h, l0, l1, lt, lv));
    const o2 = add4(j2, mul2(e, f, g, h, l0, l1, l2, l3)),
      o3 = add4(j3, mul3(e, f, g, h, l0, l1, l2, l3));
    const r0 = add4(mul0(i0, i1, i2, i3, e, f, t, v), mul0(o0, o1, o2, o3, a, b, tt, vv));
    const r1 = add4(mul1(i0, i1, i2, i3, e, f, t, v), mul1(o0, o1, o2, o3, a, b, tt, vv));
    const r2 = add4(mul2(i0, i1, i2, i3, e, f, g, h), mul2(o0, o1, o2, o3, a, b, c, d));
    const r3 = add4(mul3(i0, i1, i2, i3, e, f, g, h), mul3(o0, o1, o2, o3, a, b, c, d));
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

// Of 16 elements: element 2i + side of the sequence x[4i + .] + r (x[4i + 2 + .] - x[4i + .]), into a block for even and one for odd children.
// @ts-ignore: decorator
@inline
export function firstFoldGroup(
  x: usize,
  toEven: usize,
  toOdd: usize,
  e: v128,
  h: v128,
  i: v128,
  j: v128,
  t: v128,
  v: v128,
  minusH: v128,
  minusJ: v128,
  minusV: v128,
): void {
  const y = x + 128;
  const a0 = lowPairs(x, 0),
    b0 = lowPairs(x, 1),
    c0 = lowPairs(x, 2),
    d0 = lowPairs(x, 3);
  const a = sub4(highPairs(x, 0), a0),
    b = sub4(highPairs(x, 1), b0),
    c = sub4(highPairs(x, 2), c0),
    d = sub4(highPairs(x, 3), d0);
  const a1 = lowPairs(y, 0),
    b1 = lowPairs(y, 1),
    c1 = lowPairs(y, 2),
    d1 = lowPairs(y, 3);
  const k = sub4(highPairs(y, 0), a1),
    l = sub4(highPairs(y, 1), b1),
    m = sub4(highPairs(y, 2), c1),
    n = sub4(highPairs(y, 3), d1);
  let u = add4(a0, sum4(a, e, b, minusH, c, t, d, minusV)),
    w = add4(a1, sum4(k, e, l, minusH, m, t, n, minusV));
  v128.store(toEven, evens(u, w));
  v128.store(toOdd, odds(u, w));
  u = add4(b0, sum4(a, h, b, e, c, v, d, t));
  w = add4(b1, sum4(k, h, l, e, m, v, n, t));
  v128.store(toEven, evens(u, w), 16);
  v128.store(toOdd, odds(u, w), 16);
  u = add4(c0, sum4(a, i, b, minusJ, c, e, d, minusH));
  w = add4(c1, sum4(k, i, l, minusJ, m, e, n, minusH));
  v128.store(toEven, evens(u, w), 32);
  v128.store(toOdd, odds(u, w), 32);
  u = add4(d0, sum4(a, j, b, i, c, h, d, e));
  w = add4(d1, sum4(k, j, l, i, m, h, n, e));
  v128.store(toEven, evens(u, w), 48);
  v128.store(toOdd, odds(u, w), 48);
}

// lambda, four times.
// @ts-ignore: decorator
@inline
function fillLambda(to: usize, lambda: usize): void {
  v128.store(to, v128.load32_splat(lambda));
  v128.store(to, v128.load32_splat(lambda, 4), 16);
  v128.store(to, v128.load32_splat(lambda, 8), 32);
  v128.store(to, v128.load32_splat(lambda, 12), 48);
}

/** p0, q0, e, q1 of output blocks begin .. end - 1, from the children (p, q) and r, lambda. 5 K products an output. */
function firstFoldRange(
  p: usize,
  q: usize,
  p0: usize,
  q0: usize,
  e: usize,
  q1: usize,
  point: usize,
  presence: usize,
  blocks: u32,
  begin: u32,
  end: u32,
): void {
  const r0 = i32x4.splat(load<u32>(point)),
    r1 = i32x4.splat(load<u32>(point, 4)),
    r2 = i32x4.splat(load<u32>(point, 8)),
    r3 = i32x4.splat(load<u32>(point, 12));
  const t = twist(r2, r3),
    v = turn(r2, r3),
    minus1 = minus(r1),
    minus3 = minus(r3),
    minusV = minus(v);
  for (let k = begin; k < end; k++) {
    const from: usize = 256 * (k as usize),
      to: usize = 64 * (k as usize);
    if (k >= blocks || (presence && !load<u8>(presence + k))) {
      fillBlock(p0 + to, 0);
      fillBlock(q0 + to, 1);
      fillLambda(e + to, point + 16);
      fillBlock(q1 + to, 1);
      continue;
    }
    firstFoldGroup(q + from, q0 + to, q1 + to, r0, r1, r2, r3, t, v, minus1, minus3, minusV);
    firstFoldGroup(p + from, p0 + to, e + to, r0, r1, r2, r3, t, v, minus1, minus3, minusV);
  }
  const l0 = i32x4.splat(load<u32>(point, 16)),
    l1 = i32x4.splat(load<u32>(point, 20)),
    l2 = i32x4.splat(load<u32>(point, 24)),
    l3 = i32x4.splat(load<u32>(point, 28));
  const lt = twist(l2, l3),
    lv = turn(l2, l3);
  for (let k = begin; k < end; k++) {
    if (k >= blocks || (presence && !load<u8>(presence + k))) continue;
    const x = q1 + 64 * (k as usize),
      to = e + 64 * (k as usize);
    const a = v128.load(x),
      b = v128.load(x, 16),
      c = v128.load(x, 32),
      d = v128.load(x, 48);
    v128.store(to, add4(v128.load(to), mul0(a, b, c, d, l0, l1, lt, lv)));
    v128.store(to, add4(v128.load(to, 16), mul1(a, b, c, d, l0, l1, lt, lv)), 16);
    v128.store(to, add4(v128.load(to, 32), mul2(a, b, c, d, l0, l1, l2, l3)), 32);
    v128.store(to, add4(v128.load(to, 48), mul3(a, b, c, d, l0, l1, l2, l3)), 48);
  }
}

/** x[m] = y[2m] + r (y[2m + 1] - y[2m]) for output blocks begin .. end - 1; absent ones are left as they are. 1 K product an output. */
export function foldRange(y: usize, x: usize, point: usize, presence: usize, blocks: u32, begin: u32, end: u32): void {
  const e = v128.load32_splat(point),
    h = v128.load32_splat(point, 4),
    i = v128.load32_splat(point, 8),
    j = v128.load32_splat(point, 12);
  const t = twist(i, j),
    v = turn(i, j),
    minusH = minus(h),
    minusJ = minus(j),
    minusV = minus(v);
  for (let k = begin; k < min(end, blocks); k++) {
    if (presence && !load<u8>(presence + k)) continue;
    const from = y + 128 * (k as usize),
      to = x + 64 * (k as usize);
    const a0 = even(from, 0),
      b0 = even(from, 1),
      c0 = even(from, 2),
      d0 = even(from, 3);
    const a = sub4(odd(from, 0), a0),
      b = sub4(odd(from, 1), b0),
      c = sub4(odd(from, 2), c0),
      d = sub4(odd(from, 3), d0);
    v128.store(to, add4(a0, sum4(a, e, b, minusH, c, t, d, minusV)));
    v128.store(to, add4(b0, sum4(a, h, b, e, c, v, d, t)), 16);
    v128.store(to, add4(c0, sum4(a, i, b, minusJ, c, e, d, minusH)), 32);
    v128.store(to, add4(d0, sum4(a, j, b, i, c, h, d, e)), 48);
  }
}

/**
 * Adds to two blocks of lanes at `sums` the value at X = 0 of sum of weight (p0 q1 + e q0 - lambda), and its quadratic coefficient, over groups begin .. end - 1 of four pairs; `presence` is by group.
 * 6 K products a pair.
 */
function messageRange(
  p0: usize,
  q0: usize,
  e: usize,
  q1: usize,
  presence: usize,
  low: usize,
  high: usize,
  sums: usize,
  lambda: usize,
  begin: u32,
  end: u32,
): void {
  const l0 = v128.load32_splat(lambda),
    l1 = v128.load32_splat(lambda, 4),
    l2 = v128.load32_splat(lambda, 8),
    l3 = v128.load32_splat(lambda, 12);
  let s0 = i32x4.splat(0),
    s1 = s0,
    s2 = s0,
    s3 = s0,
    c0 = s0,
    c1 = s0,
    c2 = s0,
    c3 = s0;
  let group = begin >> LOW_SHIFT;
  for (let k = begin; k < end; k++) {
    if (presence && !load<u8>(presence + k)) continue;
    if (k >> LOW_SHIFT != group) {
      addWeighted(sums, high + 16 * (group as usize), s0, s1, s2, s3);
      addWeighted(sums + 64, high + 16 * (group as usize), c0, c1, c2, c3);
      s0 = i32x4.splat(0);
      s1 = s0;
      s2 = s0;
      s3 = s0;
      c0 = s0;
      c1 = s0;
      c2 = s0;
      c3 = s0;
      group = k >> LOW_SHIFT;
    }
    const offset: usize = 128 * (k as usize),
      w = low + 64 * ((k & LOW_MASK) as usize);
    const pp = p0 + offset,
      qq = q0 + offset,
      ee = e + offset,
      rr = q1 + offset;
    const w0 = v128.load(w),
      w1 = v128.load(w, 16),
      w2 = v128.load(w, 32),
      w3 = v128.load(w, 48);
    const wt = twist(w2, w3),
      wv = turn(w2, w3);
    let x0 = i32x4.splat(0),
      x1 = x0,
      x2 = x0,
      x3 = x0;
    {
      const a = even(pp, 0),
        b = even(pp, 1),
        c = even(pp, 2),
        d = even(pp, 3);
      const f = even(rr, 0),
        g = even(rr, 1),
        h = even(rr, 2),
        i = even(rr, 3);
      const t = twist(h, i),
        v = turn(h, i);
      x0 = mul0(a, b, c, d, f, g, t, v);
      x1 = mul1(a, b, c, d, f, g, t, v);
      x2 = mul2(a, b, c, d, f, g, h, i);
      x3 = mul3(a, b, c, d, f, g, h, i);
    }
    {
      const a = even(ee, 0),
        b = even(ee, 1),
        c = even(ee, 2),
        d = even(ee, 3);
      const f = even(qq, 0),
        g = even(qq, 1),
        h = even(qq, 2),
        i = even(qq, 3);
      const t = twist(h, i),
        v = turn(h, i);
      x0 = sub4(add4(x0, mul0(a, b, c, d, f, g, t, v)), l0);
      x1 = sub4(add4(x1, mul1(a, b, c, d, f, g, t, v)), l1);
      x2 = sub4(add4(x2, mul2(a, b, c, d, f, g, h, i)), l2);
      x3 = sub4(add4(x3, mul3(a, b, c, d, f, g, h, i)), l3);
    }
    s0 = add4(s0, mul0(x0, x1, x2, x3, w0, w1, wt, wv));
    s1 = add4(s1, mul1(x0, x1, x2, x3, w0, w1, wt, wv));
    s2 = add4(s2, mul2(x0, x1, x2, x3, w0, w1, w2, w3));
    s3 = add4(s3, mul3(x0, x1, x2, x3, w0, w1, w2, w3));
    {
      const a = sub4(odd(pp, 0), even(pp, 0)),
        b = sub4(odd(pp, 1), even(pp, 1)),
        c = sub4(odd(pp, 2), even(pp, 2)),
        d = sub4(odd(pp, 3), even(pp, 3));
      const f = sub4(odd(rr, 0), even(rr, 0)),
        g = sub4(odd(rr, 1), even(rr, 1)),
        h = sub4(odd(rr, 2), even(rr, 2)),
        i = sub4(odd(rr, 3), even(rr, 3));
      const t = twist(h, i),
        v = turn(h, i);
      x0 = mul0(a, b, c, d, f, g, t, v);
      x1 = mul1(a, b, c, d, f, g, t, v);
      x2 = mul2(a, b, c, d, f, g, h, i);
      x3 = mul3(a, b, c, d, f, g, h, i);
    }
    {
      const a = sub4(odd(ee, 0), even(ee, 0)),
        b = sub4(odd(ee, 1), even(ee, 1)),
        c = sub4(odd(ee, 2), even(ee, 2)),
        d = sub4(odd(ee, 3), even(ee, 3));
      const f = sub4(odd(qq, 0), even(qq, 0)),
        g = sub4(odd(qq, 1), even(qq, 1)),
        h = sub4(odd(qq, 2), even(qq, 2)),
        i = sub4(odd(qq, 3), even(qq, 3));
      const t = twist(h, i),
        v = turn(h, i);
      x0 = add4(x0, mul0(a, b, c, d, f, g, t, v));
      x1 = add4(x1, mul1(a, b, c, d, f, g, t, v));
      x2 = add4(x2, mul2(a, b, c, d, f, g, h, i));
      x3 = add4(x3, mul3(a, b, c, d, f, g, h, i));
    }
    c0 = add4(c0, mul0(x0, x1, x2, x3, w0, w1, wt, wv));
    c1 = add4(c1, mul1(x0, x1, x2, x3, w0, w1, wt, wv));
    c2 = add4(c2, mul2(x0, x1, x2, x3, w0, w1, w2, w3));
    c3 = add4(c3, mul3(x0, x1, x2, x3, w0, w1, w2, w3));
  }
  if (begin < end) {
    addWeighted(sums, high + 16 * (group as usize), s0, s1, s2, s3);
    addWeighted(sums + 64, high + 16 * (group as usize), c0, c1, c2, c3);
  }
}

/** Groups of four pairs that are folded before their message is computed from the cache. */
const CHUNK: u32 = 32;

/**
 * Job. Binds variable 0 of the layer whose children are (p, q) to r, and adds the next round's message, see `messageRange`. Items are groups of eight outputs. args: p, q, then where p0, q0,
 * e, q1 go, presence of blocks and of items, blocks, low (0: no message), high, sums (128 bytes a part), r (4 words), lambda (4 words). 16 K products an item's pair.
 */
export function treeFirstFold(args: usize, part: u32, begin: u32, end: u32): void {
  const p0 = load<u32>(args + 8) as usize,
    q0 = load<u32>(args + 12) as usize,
    e = load<u32>(args + 16) as usize,
    q1 = load<u32>(args + 20) as usize,
    low = load<u32>(args + 36) as usize,
    sums = (load<u32>(args + 44) as usize) + 128 * (part as usize);
  for (let k = begin; k < end; k += CHUNK) {
    const stop = min(end, k + CHUNK);
    firstFoldRange(
      load<u32>(args),
      load<u32>(args + 4),
      p0,
      q0,
      e,
      q1,
      args + 48,
      load<u32>(args + 24),
      load<u32>(args + 32),
      2 * k,
      2 * stop,
    );
    if (low) messageRange(p0, q0, e, q1, load<u32>(args + 28), low, load<u32>(args + 40), sums, args + 64, k, stop);
  }
}

/**
 * Job. The same for later rounds. args: p0, q0, e, q1, where they go, presence of blocks and of items, blocks, low (0: no message), high, sums, r (4 words), lambda (4 words). 14 K products an item's
 * pair.
 */
export function treeFold(args: usize, part: u32, begin: u32, end: u32): void {
  const p0 = load<u32>(args + 16) as usize,
    q0 = load<u32>(args + 20) as usize,
    e = load<u32>(args + 24) as usize,
    q1 = load<u32>(args + 28) as usize,
    presence = load<u32>(args + 32) as usize,
    blocks = load<u32>(args + 40),
    low = load<u32>(args + 44) as usize,
    sums = (load<u32>(args + 52) as usize) + 128 * (part as usize);
  for (let k = begin; k < end; k += CHUNK) {
    const stop = min(end, k + CHUNK);
    for (let vector: usize = 0; vector < 16; vector += 4)
      foldRange(load<u32>(args + vector), load<u32>(args + vector, 16), args + 56, presence, blocks, 2 * k, 2 * stop);
    for (let block: u32 = 2 * k; block < 2 * stop; block++) {
      if (block < blocks && (!presence || load<u8>(presence + block))) continue;
      const to: usize = 64 * (block as usize);
      fillBlock(p0 + to, 0);
      fillBlock(q0 + to, 1);
      fillLambda(e + to, args + 72);
      fillBlock(q1 + to, 1);
    }
    if (low) messageRange(p0, q0, e, q1, load<u32>(args + 36), low, load<u32>(args + 48), sums, args + 72, k, stop);
  }
}
