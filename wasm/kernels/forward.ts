// The integer forward pass: operands, accumulators, requantisation, maxima. Tensors are dense uint8 (C, H, W); operands are int16 rows of x - z, each row a multiple of 8 values, zero-filled;
// accumulators are dense int32.

/** Rows of x - z from dense uint8 rows; `stride` in bytes. */
export function operandRows(x: usize, rows: u32, width: u32, zero: i32, out: usize, stride: usize): void {
  const z = i16x8.splat(zero as i16);
  for (let row: u32 = 0; row < rows; row++) {
    const to = out + stride * (row as usize);
    let j: u32 = 0;
    for (; j + 8 <= width; j += 8) v128.store(to + 2 * (j as usize), i16x8.sub(v128.load_ext<u8>(x + j), z));
    for (; j < width; j++) store<i16>(to + 2 * (j as usize), ((load<u8>(x + j) as i32) - zero) as i16);
    x += width;
  }
}

/** x - z at operand position (c, i, j) = x[a[c] + b[i] + d[j]] where none of the three int32 offsets is negative; other positions are left as they are. */
export function operandAxes(
  x: usize,
  a: usize,
  b: usize,
  d: usize,
  channels: u32,
  height: u32,
  width: u32,
  zero: i32,
  out: usize,
  stride: usize,
): void {
  for (let c: u32 = 0; c < channels; c++) {
    const ac = load<i32>(a + 4 * (c as usize));
    for (let i: u32 = 0; i < height; i++) {
      const bi = load<i32>(b + 4 * (i as usize));
      if (ac >= 0 && bi >= 0) {
        const from = x + ((ac + bi) as usize);
        for (let j: u32 = 0; j < width; j++) {
          const dj = load<i32>(d + 4 * (j as usize));
          if (dj >= 0) store<i16>(out + 2 * (j as usize), ((load<u8>(from + (dj as usize)) as i32) - zero) as i16);
        }
      }
      out += stride;
    }
  }
}

/** The same through a flat index; -1 is not covered. */
export function operandGather(x: usize, index: usize, rows: u32, width: u32, zero: i32, out: usize, stride: usize): void {
  for (let row: u32 = 0; row < rows; row++) {
    for (let j: u32 = 0; j < width; j++) {
      const k = load<i32>(index);
      if (k >= 0) store<i16>(out + 2 * (j as usize), ((load<u8>(x + (k as usize)) as i32) - zero) as i16);
      index += 4;
    }
    out += stride;
  }
}

// @ts-ignore: decorator
@inline
function laneSum(v: v128): i32 {
  return i32x4.extract_lane(v, 0) + i32x4.extract_lane(v, 1) + i32x4.extract_lane(v, 2) + i32x4.extract_lane(v, 3);
}

// Four positions' columns of the operand, each `length` int16 (a multiple of 8), kernel order (c, u, v).
function gatherColumns(
  x: usize,
  stride: usize,
  height: i32,
  width: i32,
  first: i32,
  channels: i32,
  kh: i32,
  kw: i32,
  sh: i32,
  sw: i32,
  dh: i32,
  dw: i32,
  ph: i32,
  pw: i32,
  outWidth: i32,
  position: i32,
  count: i32,
  out: usize,
  length: usize,
): void {
  memory.fill(out, 0, 8 * length);
  for (let n = 0; n < count; n++) {
    const i = (position + n) / outWidth,
      j = (position + n) % outWidth;
    const top = i * sh - ph,
      left = j * sw - pw;
    let to = out + 2 * length * (n as usize);
    for (let c = 0; c < channels; c++) {
      const plane = x + stride * (((first + c) * height) as usize);
      for (let u = 0; u < kh; u++) {
        const y = top + u * dh;
        if (y < 0 || y >= height) {
          to += 2 * (kw as usize);
          continue;
        }
        const row = plane + stride * (y as usize);
        for (let v = 0; v < kw; v++) {
          const t = left + v * dw;
          if (t >= 0 && t < width) store<i16>(to, load<i16>(row + 2 * (t as usize)));
          to += 2;
        }
      }
    }
  }
}

/**
 * Job. Adds a convolution to int32 accumulators; items are groups of four output positions. args: operand, its row stride, height, width, channels of a group, kernel x2, stride x2, dilation x2,
 * pad x2, output height, output width, weights, weight row stride (a multiple of 8), output channels of a group, groups, accumulators, scratch (8 x weight row stride bytes a part).
 * About 0.35 instructions a multiplication and addition.
 */
export function convolve(args: usize, part: u32, begin: u32, end: u32): void {
  const x = load<u32>(args) as usize,
    stride = load<u32>(args + 4) as usize,
    height = load<i32>(args + 8),
    width = load<i32>(args + 12),
    channels = load<i32>(args + 16);
  const kh = load<i32>(args + 20),
    kw = load<i32>(args + 24),
    sh = load<i32>(args + 28),
    sw = load<i32>(args + 32),
    dh = load<i32>(args + 36),
    dw = load<i32>(args + 40);
  const ph = load<i32>(args + 44),
    pw = load<i32>(args + 48),
    outHeight = load<i32>(args + 52),
    outWidth = load<i32>(args + 56);
  const weights = load<u32>(args + 60) as usize,
    length = load<u32>(args + 64) as usize,
    outputs = load<i32>(args + 68),
    groups = load<i32>(args + 72);
  const acc = load<u32>(args + 76) as usize,
    columns = (load<u32>(args + 80) as usize) + 8 * length * (part as usize);
  const positions = outHeight * outWidth;
  for (let block = begin; block < end; block++) {
    const position = 4 * (block as i32);
    const count = min(4, positions - position);
    for (let g = 0; g < groups; g++) {
      gatherColumns(
        x,
        stride,
        height,
        width,
        g * channels,
        channels,
        kh,
        kw,
        sh,
        sw,
        dh,
        dw,
        ph,
        pw,
        outWidth,
        position,
        count,
        columns,
        length,
      );
      for (let o = 0; o < outputs; o += 2) {
        const c = g * outputs + o;
        const two = o + 1 < outputs;
        let w0 = weights + length * (c as usize);
        let w1 = two ? w0 + length : w0;
        let at = columns;
        let a0 = i32x4.splat(0),
          a1 = a0,
          a2 = a0,
          a3 = a0,
          b0 = a0,
          b1 = a0,
          b2 = a0,
          b3 = a0;
        const stop = w0 + length;
        if (count == 1) {
          while (w0 < stop) {
            const x0 = v128.load(at);
            a0 = i32x4.add(a0, i32x4.dot_i16x8_s(x0, v128.load_ext<i8>(w0)));
            b0 = i32x4.add(b0, i32x4.dot_i16x8_s(x0, v128.load_ext<i8>(w1)));
            w0 += 8;
            w1 += 8;
            at += 16;
          }
        } else {
          while (w0 < stop) {
            const m0 = v128.load_ext<i8>(w0),
              m1 = v128.load_ext<i8>(w1);
            const x0 = v128.load(at),
              x1 = v128.load(at + 2 * length),
              x2 = v128.load(at + 4 * length),
              x3 = v128.load(at + 6 * length);
            a0 = i32x4.add(a0, i32x4.dot_i16x8_s(x0, m0));
            b0 = i32x4.add(b0, i32x4.dot_i16x8_s(x0, m1));
            a1 = i32x4.add(a1, i32x4.dot_i16x8_s(x1, m0));
            b1 = i32x4.add(b1, i32x4.dot_i16x8_s(x1, m1));
            a2 = i32x4.add(a2, i32x4.dot_i16x8_s(x2, m0));
            b2 = i32x4.add(b2, i32x4.dot_i16x8_s(x2, m1));
            a3 = i32x4.add(a3, i32x4.dot_i16x8_s(x3, m0));
            b3 = i32x4.add(b3, i32x4.dot_i16x8_s(x3, m1));
            w0 += 8;
            w1 += 8;
            at += 16;
          }
        }
        const to = acc + 4 * ((c * positions + position) as usize);
        addTo(to, a0);
        if (count > 1) addTo(to + 4, a1);
        if (count > 2) addTo(to + 8, a2);
        if (count > 3) addTo(to + 12, a3);
        if (!two) continue;
        const next = to + 4 * (positions as usize);
        addTo(next, b0);
        if (count > 1) addTo(next + 4, b1);
        if (count > 2) addTo(next + 8, b2);
        if (count > 3) addTo(next + 12, b3);
      }
    }
  }
}

// @ts-ignore: decorator
@inline
function addTo(address: usize, v: v128): void {
  store<i32>(address, load<i32>(address) + laneSum(v));
}

/**
 * Job. Adds a convolution with one input channel a group; items are output channels. args: operand, its row stride, height, width, output channels of a group, kernel x2, stride x2,
 * dilation x2, pad x2, output height, output width, weights, weight row stride, accumulators. Eight outputs at a time for column strides 1 and 2.
 */
export function convolveDepthwise(args: usize, part: u32, begin: u32, end: u32): void {
  const x = load<u32>(args) as usize,
    stride = load<u32>(args + 4) as usize,
    height = load<i32>(args + 8),
    width = load<i32>(args + 12),
    outputs = load<u32>(args + 16);
  const kh = load<i32>(args + 20),
    kw = load<i32>(args + 24),
    sh = load<i32>(args + 28),
    sw = load<i32>(args + 32),
    dh = load<i32>(args + 36),
    dw = load<i32>(args + 40);
  const ph = load<i32>(args + 44),
    pw = load<i32>(args + 48),
    outHeight = load<i32>(args + 52),
    outWidth = load<i32>(args + 56);
  const weights = load<u32>(args + 60) as usize,
    length = load<u32>(args + 64) as usize,
    acc = load<u32>(args + 68) as usize;
  for (let c = begin; c < end; c++) {
    const plane = x + stride * (((c / outputs) * (height as u32)) as usize);
    for (let i = 0; i < outHeight; i++) {
      const to = acc + 4 * ((((c as i32) * outHeight + i) * outWidth) as usize);
      for (let u = 0; u < kh; u++) {
        const y = i * sh + u * dh - ph;
        if (y < 0 || y >= height) continue;
        const row = plane + stride * (y as usize);
        for (let v = 0; v < kw; v++) {
          const w = load<i8>(weights + length * (c as usize) + ((u * kw + v) as usize)) as i32;
          if (!w) continue;
          // outputs j with 0 <= j sw + offset < width
          const offset = v * dw - pw;
          let j = offset >= 0 ? 0 : (-offset + sw - 1) / sw;
          const last = width - 1 - offset;
          const stop = last < 0 ? 0 : min(outWidth, last / sw + 1);
          const m = i16x8.splat(w as i16);
          if (sw == 1) {
            for (; j + 8 <= stop; j += 8) {
              const q = v128.load(row + 2 * ((j + offset) as usize));
              const at = to + 4 * (j as usize);
              v128.store(at, i32x4.add(v128.load(at), i32x4.extmul_low_i16x8_s(q, m)));
              v128.store(at, i32x4.add(v128.load(at, 16), i32x4.extmul_high_i16x8_s(q, m)), 16);
            }
          } else if (sw == 2) {
            for (; j + 8 <= stop && 2 * j + offset + 16 <= width; j += 8) {
              const from = row + 2 * ((2 * j + offset) as usize);
              const q = v128.shuffle<u16>(v128.load(from), v128.load(from, 16), 0, 2, 4, 6, 8, 10, 12, 14);
              const at = to + 4 * (j as usize);
              v128.store(at, i32x4.add(v128.load(at), i32x4.extmul_low_i16x8_s(q, m)));
              v128.store(at, i32x4.add(v128.load(at, 16), i32x4.extmul_high_i16x8_s(q, m)), 16);
            }
          }
          for (; j < stop; j++) {
            const at = to + 4 * (j as usize);
            store<i32>(at, load<i32>(at) + w * (load<i16>(row + 2 * ((j * sw + offset) as usize)) as i32));
          }
        }
      }
    }
  }
}

/** Accumulators start as the bias: per channel, or per position. */
export function fillBias(acc: usize, bias: usize, channels: u32, plane: u32, perPosition: bool): void {
  if (perPosition) {
    memory.copy(acc, bias, 4 * (channels as usize) * (plane as usize));
    return;
  }
  for (let c: u32 = 0; c < channels; c++) {
    const b = load<i32>(bias + 4 * (c as usize));
    for (let p: u32 = 0; p < plane; p++) {
      store<i32>(acc, b);
      acc += 4;
    }
  }
}

/** acc[c, i, j] += multiplier[c] x[c, i, j]. */
export function addMultiple(acc: usize, x: usize, stride: usize, multiplier: usize, channels: u32, height: u32, width: u32): void {
  for (let c: u32 = 0; c < channels; c++) {
    const m = load<i32>(multiplier + 4 * (c as usize));
    for (let i: u32 = 0; i < height; i++) {
      for (let j: u32 = 0; j < width; j++) {
        store<i32>(acc, load<i32>(acc) + m * (load<i16>(x + 2 * (j as usize)) as i32));
        acc += 4;
      }
      x += stride;
    }
  }
}

/** acc[c, i, j] += multiplier[c] rowFactor[i] columnFactor[j] * sum of x over the window. */
export function addWindowSum(
  acc: usize,
  x: usize,
  stride: usize,
  multiplier: usize,
  rowFactor: usize,
  columnFactor: usize,
  channels: u32,
  height: i32,
  width: i32,
  kh: i32,
  kw: i32,
  sh: i32,
  sw: i32,
  ph: i32,
  pw: i32,
  outHeight: i32,
  outWidth: i32,
): void {
  for (let c: u32 = 0; c < channels; c++) {
    const m = load<i32>(multiplier + 4 * (c as usize));
    for (let i = 0; i < outHeight; i++) {
      const mi = m * load<i32>(rowFactor + 4 * (i as usize));
      for (let j = 0; j < outWidth; j++) {
        let s = 0;
        for (let u = max(0, ph - i * sh); u < kh; u++) {
          const y = i * sh + u - ph;
          if (y >= height) break;
          for (let v = max(0, pw - j * sw); v < kw; v++) {
            const t = j * sw + v - pw;
            if (t >= width) break;
            s += load<i16>(x + stride * (y as usize) + 2 * (t as usize)) as i32;
          }
        }
        store<i32>(acc, load<i32>(acc) + mi * load<i32>(columnFactor + 4 * (j as usize)) * s);
        acc += 4;
      }
    }
    x += stride * (height as usize);
  }
}

/**
 * Requantises one channel: q = (acc + h) >> s, r the rest, y = table[q - first]. Writes y densely, and y, q and the remainder's limbs in the padded plane (y, limbs where given, not 0); counts the
 * table's and the limbs' rows. `limbs` 0, 1 or 2.
 */
export function requantizeChannel(
  acc: usize,
  height: u32,
  width: u32,
  columnBits: u32,
  shift: u32,
  first: i32,
  table: usize,
  counts: usize,
  dense: usize,
  y: usize,
  q: usize,
  limbs: u32,
  r0: usize,
  counts0: usize,
  r1: usize,
  counts1: usize,
): void {
  const h: i32 = shift ? 1 << (shift - 1) : 0;
  const mask: i32 = (1 << shift) - 1;
  for (let i: u32 = 0; i < height; i++) {
    const line: usize = 4 * ((i << columnBits) as usize);
    for (let j: u32 = 0; j < width; j++) {
      const a = load<i32>(acc) + h;
      acc += 4;
      const quotient = a >> shift,
        rest = a & mask;
      const row = (quotient - first) as usize;
      const value = load<u8>(table + row) as u32;
      const at: usize = line + 4 * (j as usize);
      store<u8>(dense++, value as u8);
      store<i32>(q + at, quotient);
      if (y) store<u32>(y + at, value);
      store<u32>(counts + 4 * row, load<u32>(counts + 4 * row) + 1);
      if (limbs == 1) {
        store<u32>(r0 + at, rest as u32);
        const k = counts0 + 4 * (rest as usize);
        store<u32>(k, load<u32>(k) + 1);
      } else if (limbs == 2) {
        const low = rest & 0xfff,
          high = rest >> 12;
        store<u32>(r0 + at, low as u32);
        store<u32>(r1 + at, high as u32);
        const k = counts0 + 4 * (low as usize),
          l = counts1 + 4 * (high as usize);
        store<u32>(k, load<u32>(k) + 1);
        store<u32>(l, load<u32>(l) + 1);
      }
    }
  }
}

/**
 * m = max(a, b) of two operands (raw bytes in int16 rows): m densely, and in padded planes m (where given), a - b and m - b; counts rows of the maximum table by a - b + 255.
 */
export function maximum(
  a: usize,
  b: usize,
  stride: usize,
  channels: u32,
  height: u32,
  width: u32,
  rowBits: u32,
  columnBits: u32,
  counts: usize,
  dense: usize,
  m: usize,
  difference: usize,
  gain: usize,
): void {
  for (let c: u32 = 0; c < channels; c++) {
    for (let i: u32 = 0; i < height; i++) {
      const line: usize = 4 * (((c << (rowBits + columnBits)) + (i << columnBits)) as usize);
      for (let j: u32 = 0; j < width; j++) {
        const x = load<i16>(a + 2 * (j as usize)) as i32,
          y = load<i16>(b + 2 * (j as usize)) as i32;
        const d = x - y;
        const larger = max(x, y);
        const at: usize = line + 4 * (j as usize);
        store<u8>(dense++, larger as u8);
        if (m) store<u32>(m + at, larger as u32);
        store<i32>(difference + at, d);
        store<i32>(gain + at, larger - y);
        const k = counts + 4 * ((d + 255) as usize);
        store<u32>(k, load<u32>(k) + 1);
      }
      a += stride;
      b += stride;
    }
  }
}
