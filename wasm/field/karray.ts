/**
 * Short vectors over K in the kernels' memory: 16 bytes an element. The per-axis vectors of functionals are such arrays. All functions allocate their
 * result in the arena; the caller frees by releasing a mark.
 */
import type { Kernels } from '../runtime/kernels.ts';
import { ZERO, type K } from './qm31.ts';

export interface KArray {
  readonly address: number;
  readonly length: number;
}

/** Room for one result and a little scratch: two blocks of the arena per kernel call would add up, so callers share one per arena mark. */
function withScratch<T>(kernels: Kernels, bytes: number, use: (address: number) => T): T {
  const mark = kernels.arena.mark();
  const result = use(kernels.arena.allocate(bytes));
  kernels.arena.release(mark);
  return result;
}

export function readK(kernels: Kernels, address: number): K {
  const words = kernels.words;
  const w = address >>> 2;
  return [words[w]!, words[w + 1]!, words[w + 2]!, words[w + 3]!];
}

export function writeK(kernels: Kernels, address: number, value: K): void {
  const words = kernels.words;
  const w = address >>> 2;
  words[w] = value[0];
  words[w + 1] = value[1];
  words[w + 2] = value[2];
  words[w + 3] = value[3];
}

/** `length` elements, not cleared. */
export function allocateK(kernels: Kernels, length: number): KArray {
  return { address: kernels.arena.allocate(16 * Math.max(1, length)), length };
}

/** `length` zeros. */
export function zerosK(kernels: Kernels, length: number): KArray {
  const array = allocateK(kernels, length);
  kernels.exports.clear!(array.address, 16 * length);
  return array;
}

export function kArray(kernels: Kernels, values: readonly K[]): KArray {
  const array = allocateK(kernels, values.length);
  values.forEach((v, i) => {
    writeK(kernels, array.address + 16 * i, v);
  });
  return array;
}

/** The elements, as values. */
export function valuesOf(kernels: Kernels, array: KArray): K[] {
  return Array.from({ length: array.length }, (_, i) => readK(kernels, array.address + 16 * i));
}

/** Elements start .. start + length - 1, in place. */
export function sliceK(array: KArray, start: number, length: number): KArray {
  return { address: array.address + 16 * start, length };
}

/** eq(z, start + k) for k < length. */
export function eqArray(kernels: Kernels, z: readonly K[], start: number, length: number): KArray {
  const out = allocateK(kernels, length);
  withScratch(kernels, 16 * z.length + 32 * length + 64, (scratch) => {
    z.forEach((v, i) => {
      writeK(kernels, scratch + 16 * i, v);
    });
    kernels.exports.kEq!(scratch, z.length, start, length, out.address, scratch + 16 * z.length);
  });
  return out;
}

export function dotK(kernels: Kernels, x: KArray, y: KArray): K {
  if (x.length !== y.length) throw new RangeError(`a dot product of ${x.length} and ${y.length} elements`);
  return withScratch(kernels, 16, (out) => {
    kernels.exports.kDot!(x.address, y.address, x.length, out);
    return readK(kernels, out);
  });
}

/** Dot product with int32 values at an address. */
export function dotIntegers(kernels: Kernels, x: KArray, integers: number): K {
  return withScratch(kernels, 16, (out) => {
    kernels.exports.kDotIntegers!(x.address, integers, x.length, out);
    return readK(kernels, out);
  });
}

export function sumK(kernels: Kernels, x: KArray): K {
  if (x.length === 0) return ZERO;
  return withScratch(kernels, 16, (out) => {
    kernels.exports.kSum!(x.address, x.length, out);
    return readK(kernels, out);
  });
}

/** out[k] = integers[k] x[k]. */
export function scaleByIntegers(kernels: Kernels, x: KArray, integers: Int32Array): KArray {
  const out = allocateK(kernels, x.length);
  const at = placeIntegers(kernels, integers);
  kernels.exports.kScaleIntegers!(out.address, x.address, at, x.length);
  return out;
}

/** out[k] = 2^-shift[k] x[k]. */
export function unshift(kernels: Kernels, x: KArray, shift: Uint8Array): KArray {
  const out = allocateK(kernels, x.length);
  const at = kernels.arena.allocate(shift.length);
  kernels.bytes.set(shift, at);
  kernels.exports.kUnshift!(out.address, x.address, at, x.length);
  return out;
}

/** out[k] = x[k] - 2^bits y[k]. */
export function subtractShifted(kernels: Kernels, x: KArray, y: KArray, bits: number): KArray {
  const out = allocateK(kernels, x.length);
  kernels.exports.kSubtractShifted!(out.address, x.address, y.address, bits, x.length);
  return out;
}

/** out[map[k]] += x[k] where map[k] >= 0. */
export function push(kernels: Kernels, x: KArray, map: Int32Array, length: number): KArray {
  const out = zerosK(kernels, length);
  const at = placeIntegers(kernels, map);
  kernels.exports.kPush!(out.address, x.address, at, map.length);
  return out;
}

/** out[i] = sum of x[k] taps[u] over k stride + u dilation - pad = i; `taps` may be a number of ones. */
export function spread(
  kernels: Kernels,
  x: KArray,
  taps: KArray | number,
  length: number,
  stride: number,
  dilation: number,
  pad: number,
): KArray {
  const out = zerosK(kernels, length);
  const [address, count] = typeof taps === 'number' ? [0, taps] : [taps.address, taps.length];
  withScratch(kernels, 16, (scratch) => {
    kernels.exports.kSpread!(out.address, length, x.address, x.length, address, count, stride, dilation, pad, scratch);
  });
  return out;
}

/** out[(c h + i) w + j] = channel[c] row[i] column[j]. */
export function outer(kernels: Kernels, channel: KArray, row: KArray, column: KArray): KArray {
  const out = allocateK(kernels, channel.length * row.length * column.length);
  withScratch(kernels, 16, (scratch) => {
    kernels.exports.kOuter!(channel.address, row.address, column.address, channel.length, row.length, column.length, out.address, scratch);
  });
  return out;
}

/** Sum of channel[c] row[i] column[j] x[c, i, j], x uint8 (`bytes`) or int32, in C-order at an address. */
export function formValue(kernels: Kernels, channel: KArray, row: KArray, column: KArray, x: number, bytes: boolean): K {
  return withScratch(kernels, 64, (out) => {
    const form = bytes ? kernels.exports.kFormBytes! : kernels.exports.kFormIntegers!;
    form(channel.address, row.address, column.address, channel.length, row.length, column.length, x, out, out + 16);
    return readK(kernels, out);
  });
}

/** Copies int32 values into the arena. */
export function placeIntegers(kernels: Kernels, integers: Int32Array): number {
  const at = kernels.arena.allocate(4 * Math.max(1, integers.length));
  kernels.signed.set(integers, at >>> 2);
  return at;
}
