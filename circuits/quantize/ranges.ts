/** The range of real numbers that a tensor's bytes stand for, by one of several rules. */
import type { Histogram, Range, StepStatistics } from './statistics.ts';

/** `auto` is decided by the compiler, which tries the other three. */
export type RangeRule = 'minmax' | 'mse' | { readonly percentile: number };

/** The value below which a share of the counted values lies, linear within a bin. */
function quantile({ lo, hi, counts }: Histogram, share: number): number {
  const total = counts.reduce((a, b) => a + b, 0);
  const width = (hi - lo) / counts.length;
  let below = 0;
  for (let k = 0; k < counts.length; k++) {
    const next = below + counts[k]!;
    if (next >= share * total && counts[k]! > 0) return lo + width * (k + (share * total - below) / counts[k]!);
    below = next;
  }
  return hi;
}

/** Expected squared error of storing the counted values in 255 steps of lo .. hi: s^2 / 12 inside, the distance outside. */
function squaredError({ lo, hi, counts }: Histogram, range: Range): number {
  const width = (hi - lo) / counts.length;
  const step = (range.hi - range.lo) / 255;
  let error = 0;
  counts.forEach((count, k) => {
    if (count === 0) return;
    const v = lo + width * (k + 0.5);
    const outside = Math.max(range.lo - v, v - range.hi, 0);
    error += count * (step ** 2 / 12 + outside ** 2);
  });
  return error;
}

/** Shares of the whole range that are tried for the smallest squared error. */
const SHARES = Array.from({ length: 80 }, (_, k) => 1 - k / 100);

function leastSquares(histogram: Histogram): Range {
  const candidates = SHARES.map((share) => ({ lo: Math.min(0, histogram.lo) * share, hi: Math.max(0, histogram.hi) * share }));
  const errors = candidates.map((range) => squaredError(histogram, range));
  return candidates[errors.indexOf(Math.min(...errors))]!;
}

/** The range of a step's stored values. Histograms must have been gathered for any rule but `minmax`. */
export function rangeOf({ value, histogram }: StepStatistics, rule: RangeRule): Range {
  if (rule === 'minmax' || !histogram || !(histogram.hi > histogram.lo)) return value;
  if (rule === 'mse') return leastSquares(histogram);
  const share = rule.percentile / 100;
  return { lo: quantile(histogram, 1 - share), hi: quantile(histogram, share) };
}
