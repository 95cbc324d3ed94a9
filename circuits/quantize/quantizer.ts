/** Real numbers as bytes: real = scale * (byte - zero). */
import type { Range } from './statistics.ts';

export interface Quantizer {
  readonly scale: number;
  /** 0..255. */
  readonly zero: number;
}

/** To 12 significant decimal digits, so that the last bits of a float run do not reach the circuit's digest. */
export function rounded(x: number): number {
  return Number(x.toPrecision(12));
}

/** Steps of a byte's range. */
const STEPS = 255;

/**
 * The quantizer of a range, which is widened to hold 0: padding is a zero point. Zero point 0 where nothing is negative. `otherwise` is the range's
 * length where it has none.
 */
export function quantizerOf(range: Range, otherwise: number): Quantizer {
  const lo = Math.min(0, range.lo);
  const hi = Math.max(0, range.hi);
  const length = hi - lo > 0 ? hi - lo : otherwise > 0 ? otherwise : 1;
  const scale = rounded(length / STEPS);
  return { scale, zero: zeroPoint(lo, scale) };
}

function zeroPoint(lo: number, scale: number): number {
  return lo < 0 ? Math.min(255, Math.max(0, Math.round(-lo / scale))) : 0;
}

/** The quantizer with a larger scale and the same place of the zero point. */
export function widened({ zero }: Quantizer, scale: number): Quantizer {
  return { scale: rounded(scale), zero };
}

/** The byte of a real number, saturating; ties go up. */
export function byteOf(real: number, { scale, zero }: Quantizer): number {
  return Math.min(255, Math.max(0, Math.floor(real / scale + 0.5) + zero));
}
