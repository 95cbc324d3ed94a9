// The sumcheck of sum of eq(z, x) f(x) g(x) over two quad vectors, with the weights of eq.ts.

import { addWeighted, LOW_MASK, LOW_SHIFT } from './eq';
import { add4, sub4 } from './m31';
import { mul0, mul1, mul2, mul3, turn, twist } from './qm31';
import { even, fillBlock, foldRange, odd } from './tree';

/**
 * Adds to two blocks of lanes at `sums` the value at X = 0 of sum of weight (f g - constant), and its quadratic coefficient, over groups begin .. end - 1 of four pairs of elements; `presence` is one byte
 * a group, 0 where it is left out, or 0. 4 K products a pair.
 */
export function pairMessageRange(
  f: usize,
  g: usize,
  presence: usize,
  low: usize,
  high: usize,
  sums: usize,
  constant: u32,
  begin: u32,
  end: u32,
): void {
  let s0 = i32x4.splat(0),
    s1 = s0,
    s2 = s0,
    s3 = s0,
    c0 = s0,
    c1 = s0,
    c2 = s0,
    c3 = s0;
  const one = i32x4.splat(constant);
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
    const x = f + 128 * (k as usize),
      y = g + 128 * (k as usize),
      w = low + 64 * ((k & LOW_MASK) as usize);
    const w0 = v128.load(w),
      w1 = v128.load(w, 16),
      w2 = v128.load(w, 32),
      w3 = v128.load(w, 48);
    const wt = twist(w2, w3),
      wv = turn(w2, w3);
    let a = even(x, 0),
      b = even(x, 1),
      c = even(x, 2),
      d = even(x, 3);
    let e = even(y, 0),
      h = even(y, 1),
      i = even(y, 2),
      j = even(y, 3);
    let t = twist(i, j),
      v = turn(i, j);
    let r0 = sub4(mul0(a, b, c, d, e, h, t, v), one),
      r1 = mul1(a, b, c, d, e, h, t, v),
      r2 = mul2(a, b, c, d, e, h, i, j),
      r3 = mul3(a, b, c, d, e, h, i, j);
    s0 = add4(s0, mul0(r0, r1, r2, r3, w0, w1, wt, wv));
    s1 = add4(s1, mul1(r0, r1, r2, r3, w0, w1, wt, wv));
    s2 = add4(s2, mul2(r0, r1, r2, r3, w0, w1, w2, w3));
    s3 = add4(s3, mul3(r0, r1, r2, r3, w0, w1, w2, w3));
    a = sub4(odd(x, 0), a);
    b = sub4(odd(x, 1), b);
    c = sub4(odd(x, 2), c);
    d = sub4(odd(x, 3), d);
    e = sub4(odd(y, 0), e);
    h = sub4(odd(y, 1), h);
    i = sub4(odd(y, 2), i);
    j = sub4(odd(y, 3), j);
    t = twist(i, j);
    v = turn(i, j);
    r0 = mul0(a, b, c, d, e, h, t, v);
    r1 = mul1(a, b, c, d, e, h, t, v);
    r2 = mul2(a, b, c, d, e, h, i, j);
    r3 = mul3(a, b, c, d, e, h, i, j);
    c0 = add4(c0, mul0(r0, r1, r2, r3, w0, w1, wt, wv));
    c1 = add4(c1, mul1(r0, r1, r2, r3, w0, w1, wt, wv));
    c2 = add4(c2, mul2(r0, r1, r2, r3, w0, w1, w2, w3));
    c3 = add4(c3, mul3(r0, r1, r2, r3, w0, w1, w2, w3));
  }
  if (begin < end) {
    addWeighted(sums, high + 16 * (group as usize), s0, s1, s2, s3);
    addWeighted(sums + 64, high + 16 * (group as usize), c0, c1, c2, c3);
  }
}

/** Folds as `foldRange` does; output blocks that are absent become ones. */
export function foldOnes(y: usize, x: usize, point: usize, presence: usize, blocks: u32, begin: u32, end: u32): void {
  foldRange(y, x, point, presence, blocks, begin, end);
  for (let k = begin; k < end; k++) if (k >= blocks || (presence && !load<u8>(presence + k))) fillBlock(x + 64 * (k as usize), 1);
}

/** The message of two short vectors, on the calling thread: items 0 .. groups - 1, constant 0, nothing left out. */
export function pairMessage(f: usize, g: usize, low: usize, high: usize, sums: usize, groups: u32): void {
  pairMessageRange(f, g, 0, low, high, sums, 0, 0, groups);
}
