// The leaves and the sums of squares of committed weights (../README.md, section 10). A slot of weights is a number of planes of `plane` entries, a power of two, of which the first
// `width` are valid; it starts at entry `offset` of the vector and, with the same offset, of the leaves.

import { P, add4, sub4 } from './m31';
import { addLanes, evens, mul0, mul1, mul2, mul3, odds, turn, twist } from './qm31';

// Address of the words of an element: its coordinates are 16 bytes apart.
// @ts-ignore: decorator
@inline
function elementAt(quads: usize, element: u32): usize {
  return quads + 64 * ((element >> 2) as usize) + 4 * ((element & 3) as usize);
}

// @ts-ignore: decorator
@inline
function put(quads: usize, element: u32, a: u32, b: u32, c: u32, d: u32): void {
  const to = elementAt(quads, element);
  store<u32>(to, a);
  store<u32>(to, b, 16);
  store<u32>(to, c, 32);
  store<u32>(to, d, 48);
}

/** Job. Quad vectors p = 1, q = alpha - w; items are blocks of four words w. args: words, p, q, alpha (4 words). No product. */
export function weightLeaves(args: usize, part: u32, begin: u32, end: u32): void {
  const words = load<u32>(args) as usize,
    p = load<u32>(args + 4) as usize,
    q = load<u32>(args + 8) as usize;
  const a = i32x4.splat(load<u32>(args + 12)),
    b = i32x4.splat(load<u32>(args + 16)),
    c = i32x4.splat(load<u32>(args + 20)),
    d = i32x4.splat(load<u32>(args + 24));
  const one = i32x4.splat(1),
    zero = i32x4.splat(0);
  for (let k = begin; k < end; k++) {
    const toP = p + 64 * (k as usize),
      toQ = q + 64 * (k as usize);
    v128.store(toP, one);
    v128.store(toP, zero, 16);
    v128.store(toP, zero, 32);
    v128.store(toP, zero, 48);
    v128.store(toQ, sub4(a, v128.load(words + 16 * (k as usize))));
    v128.store(toQ, b, 16);
    v128.store(toQ, c, 32);
    v128.store(toQ, d, 48);
  }
}

/** Job. The entries of planes that are not valid become absent leaves, p = 0 and q = 1; items are planes. args: p, q, offset, plane, width. No product. */
export function absentLeaves(args: usize, part: u32, begin: u32, end: u32): void {
  const p = load<u32>(args) as usize,
    q = load<u32>(args + 4) as usize,
    offset = load<u32>(args + 8),
    plane = load<u32>(args + 12),
    width = load<u32>(args + 16);
  for (let k = begin; k < end; k++) {
    for (let j = width; j < plane; j++) {
      put(p, offset + k * plane + j, 0, 0, 0, 0);
      put(q, offset + k * plane + j, 1, 0, 0, 0);
    }
  }
}

/** Job. Adds to the part's 256 counts how often v - 128 stands in valid entries, for every v; other words are not counted. Items are planes. args: words, offset, plane, width, counts. */
export function countWeights(args: usize, part: u32, begin: u32, end: u32): void {
  const words = load<u32>(args) as usize,
    offset = load<u32>(args + 4),
    plane = load<u32>(args + 8),
    width = load<u32>(args + 12),
    counts = (load<u32>(args + 16) as usize) + 1024 * (part as usize);
  for (let k = begin; k < end; k++) {
    let from = words + 4 * ((offset + k * plane) as usize);
    for (let j: u32 = 0; j < width; j++) {
      const w = load<u32>(from);
      const v = w < 128 ? w + 128 : w - (P - 128);
      if (v < 256) {
        const at = counts + 4 * (v as usize);
        store<u32>(at, load<u32>(at) + 1);
      }
      from += 4;
    }
  }
}

/** Job. Quad vector of base words; items are blocks of four. args: words, quads. No product. */
export function liftWords(args: usize, part: u32, begin: u32, end: u32): void {
  const words = load<u32>(args) as usize,
    quads = load<u32>(args + 4) as usize;
  const zero = i32x4.splat(0);
  for (let k = begin; k < end; k++) {
    const to = quads + 64 * (k as usize);
    v128.store(to, v128.load(words + 16 * (k as usize)));
    v128.store(to, zero, 16);
    v128.store(to, zero, 32);
    v128.store(to, zero, 48);
  }
}

/** Job. Every valid entry of plane k becomes factors[floor(k / taps)]; items are planes. args: quads, offset, plane, width, factors (K array), taps. No product. */
export function fillPlanes(args: usize, part: u32, begin: u32, end: u32): void {
  const quads = load<u32>(args) as usize,
    offset = load<u32>(args + 4),
    plane = load<u32>(args + 8),
    width = load<u32>(args + 12),
    factors = load<u32>(args + 16) as usize,
    taps = load<u32>(args + 20);
  for (let k = begin; k < end; k++) {
    const factor = factors + 16 * ((k / taps) as usize);
    const a = load<u32>(factor),
      b = load<u32>(factor, 4),
      c = load<u32>(factor, 8),
      d = load<u32>(factor, 12);
    for (let j: u32 = 0; j < width; j++) put(quads, offset + k * plane + j, a, b, c, d);
  }
}

/**
 * Job. Adds to the part's 12 words the constant, the quadratic and the cubic coefficient of sum e(X) w(X)^2, over pairs of elements of two quad vectors; items are groups of four pairs. args: e, w,
 * sums (48 bytes a part). 7 K products a pair.
 */
export function squareRound(args: usize, part: u32, begin: u32, end: u32): void {
  const e = load<u32>(args) as usize,
    w = load<u32>(args + 4) as usize,
    sums = (load<u32>(args + 8) as usize) + 48 * (part as usize);
  let a0 = i32x4.splat(0),
    a1 = a0,
    a2 = a0,
    a3 = a0,
    c0 = a0,
    c1 = a0,
    c2 = a0,
    c3 = a0,
    d0 = a0,
    d1 = a0,
    d2 = a0,
    d3 = a0;
  for (let k = begin; k < end; k++) {
    const x = e + 128 * (k as usize),
      y = w + 128 * (k as usize);
    // e(0), w(0), then the differences to e(1), w(1)
    const e0 = evens(v128.load(x), v128.load(x, 64)),
      e1 = evens(v128.load(x, 16), v128.load(x, 80)),
      e2 = evens(v128.load(x, 32), v128.load(x, 96)),
      e3 = evens(v128.load(x, 48), v128.load(x, 112));
    const w0 = evens(v128.load(y), v128.load(y, 64)),
      w1 = evens(v128.load(y, 16), v128.load(y, 80)),
      w2 = evens(v128.load(y, 32), v128.load(y, 96)),
      w3 = evens(v128.load(y, 48), v128.load(y, 112));
    const f0 = sub4(odds(v128.load(x), v128.load(x, 64)), e0),
      f1 = sub4(odds(v128.load(x, 16), v128.load(x, 80)), e1),
      f2 = sub4(odds(v128.load(x, 32), v128.load(x, 96)), e2),
      f3 = sub4(odds(v128.load(x, 48), v128.load(x, 112)), e3);
    const v0 = sub4(odds(v128.load(y), v128.load(y, 64)), w0),
      v1 = sub4(odds(v128.load(y, 16), v128.load(y, 80)), w1),
      v2 = sub4(odds(v128.load(y, 32), v128.load(y, 96)), w2),
      v3 = sub4(odds(v128.load(y, 48), v128.load(y, 112)), w3);
    const eTwist = twist(e2, e3),
      eTurn = turn(e2, e3),
      fTwist = twist(f2, f3),
      fTurn = turn(f2, f3),
      wTwist = twist(w2, w3),
      wTurn = turn(w2, w3),
      vTwist = twist(v2, v3),
      vTurn = turn(v2, v3);
    // w(0)^2
    let s0 = mul0(w0, w1, w2, w3, w0, w1, wTwist, wTurn),
      s1 = mul1(w0, w1, w2, w3, w0, w1, wTwist, wTurn),
      s2 = mul2(w0, w1, w2, w3, w0, w1, w2, w3),
      s3 = mul3(w0, w1, w2, w3, w0, w1, w2, w3);
    a0 = add4(a0, mul0(s0, s1, s2, s3, e0, e1, eTwist, eTurn));
    a1 = add4(a1, mul1(s0, s1, s2, s3, e0, e1, eTwist, eTurn));
    a2 = add4(a2, mul2(s0, s1, s2, s3, e0, e1, e2, e3));
    a3 = add4(a3, mul3(s0, s1, s2, s3, e0, e1, e2, e3));
    // twice w(0) times the difference
    s0 = mul0(w0, w1, w2, w3, v0, v1, vTwist, vTurn);
    s1 = mul1(w0, w1, w2, w3, v0, v1, vTwist, vTurn);
    s2 = mul2(w0, w1, w2, w3, v0, v1, v2, v3);
    s3 = mul3(w0, w1, w2, w3, v0, v1, v2, v3);
    s0 = add4(s0, s0);
    s1 = add4(s1, s1);
    s2 = add4(s2, s2);
    s3 = add4(s3, s3);
    c0 = add4(c0, mul0(s0, s1, s2, s3, f0, f1, fTwist, fTurn));
    c1 = add4(c1, mul1(s0, s1, s2, s3, f0, f1, fTwist, fTurn));
    c2 = add4(c2, mul2(s0, s1, s2, s3, f0, f1, f2, f3));
    c3 = add4(c3, mul3(s0, s1, s2, s3, f0, f1, f2, f3));
    // the square of the difference
    s0 = mul0(v0, v1, v2, v3, v0, v1, vTwist, vTurn);
    s1 = mul1(v0, v1, v2, v3, v0, v1, vTwist, vTurn);
    s2 = mul2(v0, v1, v2, v3, v0, v1, v2, v3);
    s3 = mul3(v0, v1, v2, v3, v0, v1, v2, v3);
    c0 = add4(c0, mul0(s0, s1, s2, s3, e0, e1, eTwist, eTurn));
    c1 = add4(c1, mul1(s0, s1, s2, s3, e0, e1, eTwist, eTurn));
    c2 = add4(c2, mul2(s0, s1, s2, s3, e0, e1, e2, e3));
    c3 = add4(c3, mul3(s0, s1, s2, s3, e0, e1, e2, e3));
    d0 = add4(d0, mul0(s0, s1, s2, s3, f0, f1, fTwist, fTurn));
    d1 = add4(d1, mul1(s0, s1, s2, s3, f0, f1, fTwist, fTurn));
    d2 = add4(d2, mul2(s0, s1, s2, s3, f0, f1, f2, f3));
    d3 = add4(d3, mul3(s0, s1, s2, s3, f0, f1, f2, f3));
  }
  addLanes(sums, a0);
  addLanes(sums + 4, a1);
  addLanes(sums + 8, a2);
  addLanes(sums + 12, a3);
  addLanes(sums + 16, c0);
  addLanes(sums + 20, c1);
  addLanes(sums + 24, c2);
  addLanes(sums + 28, c3);
  addLanes(sums + 32, d0);
  addLanes(sums + 36, d1);
  addLanes(sums + 40, d2);
  addLanes(sums + 44, d3);
}
