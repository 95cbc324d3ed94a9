// Linear combinations of rows over K.

import { add4 } from './m31';
import { minus, sum4, turn, twist } from './qm31';

/**
 * Job. Quad vector out[k] = sum over i of weight[i] * rows[i * blocks * 4 + k]; items are blocks of four k. args: rows (a quad vector), blocks of a row, weights (K array), rows' number, out. One K
 * product an entry.
 */
export function combineQuads(args: usize, part: u32, begin: u32, end: u32): void {
  const rows = load<u32>(args) as usize,
    blocks = load<u32>(args + 4) as usize,
    weights = load<u32>(args + 8) as usize,
    count = load<u32>(args + 12),
    out = load<u32>(args + 16) as usize;
  for (let item = begin; item < end; item++) memory.fill(out + 64 * (item as usize), 0, 64);
  for (let row: u32 = 0; row < count; row++) {
    const w = weights + 16 * (row as usize);
    const e = v128.load32_splat(w),
      f = v128.load32_splat(w, 4),
      g = v128.load32_splat(w, 8),
      h = v128.load32_splat(w, 12);
    const t = twist(g, h),
      v = turn(g, h),
      minusF = minus(f),
      minusH = minus(h),
      minusV = minus(v);
    for (let item = begin; item < end; item++) {
      const x = rows + 64 * (blocks * (row as usize) + (item as usize)),
        to = out + 64 * (item as usize);
      const a = v128.load(x),
        b = v128.load(x, 16),
        c = v128.load(x, 32),
        d = v128.load(x, 48);
      v128.store(to, add4(v128.load(to), sum4(a, e, b, minusF, c, t, d, minusV)));
      v128.store(to, add4(v128.load(to, 16), sum4(a, f, b, e, c, v, d, t)), 16);
      v128.store(to, add4(v128.load(to, 32), sum4(a, g, b, minusH, c, e, d, minusF)), 32);
      v128.store(to, add4(v128.load(to, 48), sum4(a, h, b, g, c, f, d, e)), 48);
    }
  }
}
