/** How far a step's sum can go, in real numbers: what decides whether a scale is coarse enough. Exact intervals follow in `../bounds`. */
import type { FloatTerm, LinearStep } from './program.ts';
import type { Quantizer } from './quantizer.ts';
import type { Range } from './statistics.ts';

export interface Extent extends Range {
  /** The largest weight of a convolution times the scale of what it multiplies. */
  readonly largestWeight: number;
  /** The longest of the channels' intervals that starts at 0. */
  readonly reach: number;
}

/** Adds the interval of `w scale (byte - zero)`. */
function widen(interval: { lo: number; hi: number }, weight: number, { scale, zero }: Quantizer): void {
  const low = -zero * scale * weight;
  const high = (255 - zero) * scale * weight;
  interval.lo += Math.min(low, high, 0);
  interval.hi += Math.max(low, high, 0);
}

function addTerm(
  term: FloatTerm,
  c: number,
  channels: number,
  quantizers: readonly Quantizer[],
  interval: { lo: number; hi: number },
): number {
  const of = (channel: number): Quantizer => quantizers[term.quantizers[channel]!]!;
  if (term.kind !== 'convolution') {
    const share =
      term.kind === 'multiple' ? 1 : (term.kernel[0] * term.kernel[1]) / (Math.min(...term.rowCount) * Math.min(...term.columnCount));
    widen(interval, term.factor[c]! * share, of(c));
    return 0;
  }
  const inside = term.operand.shape[0] / term.groups;
  const taps = term.kernel[0] * term.kernel[1];
  const firstChannel = Math.floor(c / (channels / term.groups)) * inside;
  let largest = 0;
  for (let k = 0, at = c * inside * taps; k < inside; k++) {
    const quantizer = of(firstChannel + k);
    for (let tap = 0; tap < taps; tap++, at++) {
      const weight = term.weights[at]!;
      widen(interval, weight, quantizer);
      largest = Math.max(largest, Math.abs(weight) * quantizer.scale);
    }
  }
  return largest;
}

export function extentOf(step: LinearStep, quantizers: readonly Quantizer[]): Extent {
  const channels = step.shape[0];
  const perChannel = step.bias.length / channels;
  let lo = 0;
  let hi = 0;
  let largestWeight = 0;
  let reach = 0;
  for (let c = 0; c < channels; c++) {
    const interval = { lo: 0, hi: 0 };
    for (const term of step.terms) largestWeight = Math.max(largestWeight, addTerm(term, c, channels, quantizers, interval));
    let least = Infinity;
    let most = -Infinity;
    for (let k = c * perChannel; k < (c + 1) * perChannel; k++) {
      least = Math.min(least, step.bias[k]!);
      most = Math.max(most, step.bias[k]!);
    }
    lo = Math.min(lo, interval.lo + least);
    hi = Math.max(hi, interval.hi + most);
    reach = Math.max(reach, -interval.lo + Math.abs(least), interval.hi + Math.abs(most), -interval.lo, interval.hi);
  }
  return { lo, hi, largestWeight, reach };
}
