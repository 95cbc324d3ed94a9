// temporary
import { P, mul, sub } from './m31';

export function fillLeaves(
  p: usize,
  q: usize,
  start: u32,
  height: u32,
  width: u32,
  columnBits: u32,
  rowBits: u32,
  first: usize,
  second: usize,
  constants: usize,
  counts: usize,
): void {
  const rows: u32 = 1 << rowBits,
    columns: u32 = counts ? width : 1 << columnBits;
  for (let i: u32 = 0; i < rows; i++) {
    for (let j: u32 = 0; j < columns; j++) {
      const e = start + (i << columnBits) + j;
      const at = 64 * ((e >> 2) as usize) + 4 * ((e & 3) as usize);
      const valid = i < height && j < width;
      const from = 4 * (((i << columnBits) + j) as usize);
      const m: u32 = counts ? load<u32>(counts + from) : 0;
      store<u32>(p + at, valid ? (counts ? (m ? P - m : 0) : 1) : 0);
      store<u32>(p + at, 0, 16);
      store<u32>(p + at, 0, 32);
      store<u32>(p + at, 0, 48);
      if (!valid) {
        store<u32>(q + at, 1);
        store<u32>(q + at, 0, 16);
        store<u32>(q + at, 0, 32);
        store<u32>(q + at, 0, 48);
        continue;
      }
      const x = load<i32>(first + from);
      const y = second ? load<u32>(second + from) : 0;
      for (let k: usize = 0; k < 4; k++) {
        let v = sub(load<u32>(constants + 4 * k), mul(load<u32>(constants + 16 + 4 * k), y));
        if (k == 0) v = sub(v, x < 0 ? P - (-x as u32) : (x as u32));
        store<u32>(q + at + 16 * k, v);
      }
    }
  }
}
