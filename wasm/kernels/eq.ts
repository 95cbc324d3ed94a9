// Tables of eq(z, .) as quad vectors, from two small ones over the low and the high variables.

import { add4 } from './m31';
import { evens, mul0, mul1, mul2, mul3, odds, turn, twist } from './qm31';

// Transposes the four words of four elements: coordinate k of all four.
// @ts-ignore: decorator
@inline
function coordinate(x: v128, y: v128, z: v128, w: v128, k: i32): v128 {
  const first = k & 1 ? v128.shuffle<u32>(x, y, 1, 5, 3, 7) : v128.shuffle<u32>(x, y, 0, 4, 2, 6);
  const second = k & 1 ? v128.shuffle<u32>(z, w, 1, 5, 3, 7) : v128.shuffle<u32>(z, w, 0, 4, 2, 6);
  return k & 2 ? v128.shuffle<u32>(first, second, 2, 3, 6, 7) : v128.shuffle<u32>(first, second, 0, 1, 4, 5);
}

/**
 * Job. Quad vector out[k] = low[(start + k) mod size] high[floor((start + k) / size)], for two K arrays; items are blocks of four. `high` must have an entry for every k of a block. args:
 * out, start, low, size, high. 1 K product an entry.
 */
export function eqProduct(args: usize, part: u32, begin: u32, end: u32): void {
  const out = load<u32>(args) as usize,
    start = load<u32>(args + 4),
    low = load<u32>(args + 8) as usize,
    size = load<u32>(args + 12),
    high = load<u32>(args + 16) as usize;
  if (begin >= end) return;
  const first = start + 4 * begin;
  let x = low + 16 * ((first % size) as usize),
    y = high + 16 * ((first / size) as usize);
  const wrap = low + 16 * (size as usize);
  for (let k = begin; k < end; k++) {
    const x0 = v128.load(x),
      y0 = v128.load(y);
    x += 16;
    if (x == wrap) {
      x = low;
      y += 16;
    }
    const x1 = v128.load(x),
      y1 = v128.load(y);
    x += 16;
    if (x == wrap) {
      x = low;
      y += 16;
    }
    const x2 = v128.load(x),
      y2 = v128.load(y);
    x += 16;
    if (x == wrap) {
      x = low;
      y += 16;
    }
    const x3 = v128.load(x),
      y3 = v128.load(y);
    x += 16;
    if (x == wrap) {
      x = low;
      y += 16;
    }
    const a = coordinate(x0, x1, x2, x3, 0),
      b = coordinate(x0, x1, x2, x3, 1),
      c = coordinate(x0, x1, x2, x3, 2),
      d = coordinate(x0, x1, x2, x3, 3);
    const e = coordinate(y0, y1, y2, y3, 0),
      f = coordinate(y0, y1, y2, y3, 1),
      g = coordinate(y0, y1, y2, y3, 2),
      h = coordinate(y0, y1, y2, y3, 3);
    const t = twist(g, h),
      v = turn(g, h),
      to = out + 64 * (k as usize);
    v128.store(to, mul0(a, b, c, d, e, f, t, v));
    v128.store(to, mul1(a, b, c, d, e, f, t, v), 16);
    v128.store(to, mul2(a, b, c, d, e, f, g, h), 32);
    v128.store(to, mul3(a, b, c, d, e, f, g, h), 48);
  }
}

/** Job. out[k] = x[2k] + x[2k + 1]: eq over the variables but the lowest. Items are blocks of four outputs; in place only on one thread. args: x, out. No product. */
export function addPairs(args: usize, part: u32, begin: u32, end: u32): void {
  const x = load<u32>(args) as usize,
    out = load<u32>(args + 4) as usize;
  for (let k = begin; k < end; k++) {
    const from = x + 128 * (k as usize),
      to = out + 64 * (k as usize);
    for (let i: usize = 0; i < 64; i += 16) {
      const y = v128.load(from + i),
        z = v128.load(from + i, 64);
      v128.store(to + i, add4(evens(y, z), odds(y, z)));
    }
  }
}
