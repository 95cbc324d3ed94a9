// The plain product sumcheck over two quad vectors: sum over k of f[k] g[k], variable 0 first. Vectors are read in pairs of blocks (8 elements); what lies beyond their
// elements up to a whole pair of blocks is zero.

import { add4, sub4 } from './m31';
import { addLanes, evens, mul0, mul1, mul2, mul3, odds, sum4, minus, turn, twist } from './qm31';

/**
 * Job. Adds to the part's 8 words the constant a = sum f(0) g(0) and the quadratic coefficient c = sum (f(1) - f(0))(g(1) - g(0)), over pairs of elements; items are groups of four pairs.
 * args: f, g, sums (32 bytes a part). 2 K products a pair.
 */
export function productRound(args: usize, part: u32, begin: u32, end: u32): void {
  const f = load<u32>(args) as usize,
    g = load<u32>(args + 4) as usize,
    sums = (load<u32>(args + 8) as usize) + 32 * (part as usize);
  let s0 = i32x4.splat(0),
    s1 = s0,
    s2 = s0,
    s3 = s0,
    q0 = s0,
    q1 = s0,
    q2 = s0,
    q3 = s0;
  for (let k = begin; k < end; k++) {
    const x = f + 128 * (k as usize),
      y = g + 128 * (k as usize);
    let a = evens(v128.load(x), v128.load(x, 64)),
      b = evens(v128.load(x, 16), v128.load(x, 80)),
      c = evens(v128.load(x, 32), v128.load(x, 96)),
      d = evens(v128.load(x, 48), v128.load(x, 112));
    let e = evens(v128.load(y), v128.load(y, 64)),
      h = evens(v128.load(y, 16), v128.load(y, 80)),
      i = evens(v128.load(y, 32), v128.load(y, 96)),
      j = evens(v128.load(y, 48), v128.load(y, 112));
    let t = twist(i, j),
      v = turn(i, j);
    s0 = add4(s0, mul0(a, b, c, d, e, h, t, v));
    s1 = add4(s1, mul1(a, b, c, d, e, h, t, v));
    s2 = add4(s2, mul2(a, b, c, d, e, h, i, j));
    s3 = add4(s3, mul3(a, b, c, d, e, h, i, j));
    a = sub4(odds(v128.load(x), v128.load(x, 64)), a);
    b = sub4(odds(v128.load(x, 16), v128.load(x, 80)), b);
    c = sub4(odds(v128.load(x, 32), v128.load(x, 96)), c);
    d = sub4(odds(v128.load(x, 48), v128.load(x, 112)), d);
    e = sub4(odds(v128.load(y), v128.load(y, 64)), e);
    h = sub4(odds(v128.load(y, 16), v128.load(y, 80)), h);
    i = sub4(odds(v128.load(y, 32), v128.load(y, 96)), i);
    j = sub4(odds(v128.load(y, 48), v128.load(y, 112)), j);
    t = twist(i, j);
    v = turn(i, j);
    q0 = add4(q0, mul0(a, b, c, d, e, h, t, v));
    q1 = add4(q1, mul1(a, b, c, d, e, h, t, v));
    q2 = add4(q2, mul2(a, b, c, d, e, h, i, j));
    q3 = add4(q3, mul3(a, b, c, d, e, h, i, j));
  }
  addLanes(sums, s0);
  addLanes(sums + 4, s1);
  addLanes(sums + 8, s2);
  addLanes(sums + 12, s3);
  addLanes(sums + 16, q0);
  addLanes(sums + 20, q1);
  addLanes(sums + 24, q2);
  addLanes(sums + 28, q3);
}

/**
 * Job. out[m] = f[2m] + r (f[2m + 1] - f[2m]); items are output blocks. `out` may not overlap `f` unless a single thread runs it in order. args: f, out, then r (4 words). 1 K product
 * an output.
 */
export function foldQuads(args: usize, part: u32, begin: u32, end: u32): void {
  const f = load<u32>(args) as usize,
    out = load<u32>(args + 4) as usize;
  const e = i32x4.splat(load<u32>(args + 8)),
    h = i32x4.splat(load<u32>(args + 12)),
    i = i32x4.splat(load<u32>(args + 16)),
    j = i32x4.splat(load<u32>(args + 20));
  const t = twist(i, j),
    v = turn(i, j),
    minusH = minus(h),
    minusJ = minus(j),
    minusV = minus(v);
  for (let k = begin; k < end; k++) {
    const x = f + 128 * (k as usize),
      to = out + 64 * (k as usize);
    const a0 = evens(v128.load(x), v128.load(x, 64)),
      b0 = evens(v128.load(x, 16), v128.load(x, 80)),
      c0 = evens(v128.load(x, 32), v128.load(x, 96)),
      d0 = evens(v128.load(x, 48), v128.load(x, 112));
    const a = sub4(odds(v128.load(x), v128.load(x, 64)), a0),
      b = sub4(odds(v128.load(x, 16), v128.load(x, 80)), b0),
      c = sub4(odds(v128.load(x, 32), v128.load(x, 96)), c0),
      d = sub4(odds(v128.load(x, 48), v128.load(x, 112)), d0);
    v128.store(to, add4(a0, sum4(a, e, b, minusH, c, t, d, minusV)));
    v128.store(to, add4(b0, sum4(a, h, b, e, c, v, d, t)), 16);
    v128.store(to, add4(c0, sum4(a, i, b, minusJ, c, e, d, minusH)), 32);
    v128.store(to, add4(d0, sum4(a, j, b, i, c, h, d, e)), 48);
  }
}
