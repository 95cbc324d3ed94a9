/**
 * Exact intervals of accumulators over all input bytes. Every number here is an integer below 2^53: an accumulator sums at most 2^27 products below 2^40 each; whatever passes 2^30 is refused anyway. Source:
 * the integer model, "Bounds".
 */
import { roundingOffset, zeroOf, type Circuit, type LinearLayer, type Requantize, type Term, type View } from '../graph/circuit.ts';
import { CircuitRefusal } from '../graph/refusal.ts';

/** Inclusive, per output channel. */
export interface Intervals {
  readonly lo: Float64Array;
  readonly hi: Float64Array;
}

/** Smallest and largest of a set of integers that contains 0. */
interface Range {
  readonly lo: number;
  readonly hi: number;
}

/**
 * What `x - z` can be at any position of an operand. Its parts may read tensors with different zero points, and each tap of a window may meet another part; where no part covers, and in padding, it is 0.
 */
function centredRange(circuit: Circuit, view: View): Range {
  const zeros = view.parts.map((part) => zeroOf(circuit, part.tensor));
  return { lo: zeros.reduce((lo, z) => Math.min(lo, -z), 0), hi: zeros.reduce((hi, z) => Math.max(hi, 255 - z), 0) };
}

/** The interval of `sum of w (x - z)`, positive and negative weights summing to `plus` and `minus`, every `x - z` being any value of the range. It contains 0. */
function spread(plus: number, minus: number, x: Range): [number, number] {
  return [plus * x.lo + minus * x.hi, plus * x.hi + minus * x.lo];
}

/** Smallest integer r with r^2 >= n, n below 2^53. */
export function ceilSquareRoot(n: number): number {
  let r = Math.floor(Math.sqrt(n));
  while (BigInt(r) * BigInt(r) < BigInt(n)) r += 1;
  while (r > 0 && BigInt(r - 1) * BigInt(r - 1) >= BigInt(n)) r -= 1;
  return r;
}

function addTerm(circuit: Circuit, layer: LinearLayer, term: Term, weights: Int8Array | null, lo: Float64Array, hi: Float64Array): void {
  const channels = layer.shape[0];
  const range = centredRange(circuit, term.operand);
  const add = (c: number, [a, b]: readonly [number, number]): void => {
    lo[c]! += a;
    hi[c]! += b;
  };
  if (term.kind === 'convolution') {
    const fanIn = (term.operand.shape[0] / term.groups) * term.kernel[0] * term.kernel[1];
    if (term.weights.kind === 'committed') {
      // |sum w x| <= sqrt(sum w^2) sqrt(sum x^2), |x| <= 255: ceil of 255 sqrt(fanIn S)
      for (let c = 0; c < channels; c++) {
        const r = 255 * ceilSquareRoot(fanIn * term.weights.squares[c]!);
        add(c, [-r, r]);
      }
      return;
    }
    for (let c = 0; c < channels; c++) {
      let plus = 0;
      let minus = 0;
      for (let k = c * fanIn, end = k + fanIn; k < end; k++) {
        const w = weights![k]!;
        if (w > 0) plus += w;
        else minus += w;
      }
      add(c, spread(plus, minus, range));
    }
    return;
  }
  const largest = (factors: Int32Array): number => factors.reduce((a, b) => Math.max(a, b), 0);
  const count = term.kind === 'multiple' ? 1 : term.kernel[0] * term.kernel[1] * largest(term.rowFactor) * largest(term.columnFactor);
  for (let c = 0; c < channels; c++) {
    const m = term.multiplier[c]! * count;
    add(c, spread(Math.max(m, 0), Math.min(m, 0), range));
  }
}

/**
 * Per channel, the interval of `bias + sum of terms` (without the rounding offset). `weights`: those of the layer's convolutions, in order; entries are not read where weights are committed.
 */
export function accumulatorBounds(circuit: Circuit, layer: LinearLayer, weights: readonly (Int8Array | null)[]): Intervals {
  const channels = layer.shape[0];
  const lo = new Float64Array(channels);
  const hi = new Float64Array(channels);
  const perChannel = layer.bias.length / channels;
  for (let c = 0; c < channels; c++) {
    lo[c] = Infinity;
    hi[c] = -Infinity;
    for (let k = c * perChannel; k < (c + 1) * perChannel; k++) {
      lo[c] = Math.min(lo[c]!, layer.bias[k]!);
      hi[c] = Math.max(hi[c]!, layer.bias[k]!);
    }
  }
  let next = 0;
  for (const term of layer.terms) addTerm(circuit, layer, term, term.kind === 'convolution' ? (weights[next++] ?? null) : null, lo, hi);
  for (let c = 0; c < channels; c++) {
    if (Math.abs(lo[c]!) > 2 ** 52 || Math.abs(hi[c]!) > 2 ** 52)
      throw new CircuitRefusal(layer.name, 'rule (iii)', `channel ${c}: the accumulator can pass 2^52`);
  }
  return { lo, hi };
}

/** Smallest and largest quotient of each channel. */
export function quotientBounds(layer: Requantize, { lo, hi }: Intervals): Intervals {
  const quotient = (v: number, c: number): number => Math.floor((v + roundingOffset(layer.shift[c]!)) / 2 ** layer.shift[c]!);
  return { lo: lo.map(quotient), hi: hi.map(quotient) };
}
