/**
 * Rules (i) to (iii) of a circuit (README section 3, "Rules"): the equations of a proof hold modulo p; under these rules they hold for the integers too. Written from that page alone, beside the check in
 * `circuits/bounds` that everybody shares: an interval that is too narrow there lets both verifiers accept what is false, and no proof can tell.
 */
import { roundingOffset, zeroOf, type Circuit, type LinearLayer, type Term, type Weights } from '../../circuits/graph/circuit.ts';
import { P } from '../parameters.ts';
import { refuseUnless } from './refused.ts';

/** Both included. */
interface Interval {
  readonly lo: bigint;
  readonly hi: bigint;
}

const plus = (x: Interval, y: Interval): Interval => ({ lo: x.lo + y.lo, hi: x.hi + y.hi });

/** Ceiling of the square root of n >= 0, by bisection: low^2 < n <= high^2. */
function ceilRoot(n: bigint): bigint {
  if (n === 0n) return 0n;
  let [low, high] = [0n, n];
  while (high - low > 1n) {
    const middle = (low + high) / 2n;
    if (middle * middle < n) low = middle;
    else high = middle;
  }
  return high;
}

/** What a term can add to an accumulator of channel c. `weights`: a convolution's, null where they are committed. */
function ofTerm(circuit: Circuit, layer: LinearLayer, term: Term, weights: Int8Array | null, c: number): Interval {
  if (term.kind === 'convolution' && term.weights.kind === 'committed') {
    const fanIn = (term.operand.shape[0] / term.groups) * term.kernel[0] * term.kernel[1];
    const radius = 255n * ceilRoot(BigInt(fanIn) * BigInt(term.weights.squares[c]!));
    return { lo: -radius, hi: radius };
  }
  // sums of the positive and of the negative coefficients
  let [positive, negative] = [0n, 0n];
  if (term.kind === 'convolution') {
    const fanIn = weights!.length / layer.shape[0];
    const own = weights!.subarray(c * fanIn, (c + 1) * fanIn);
    positive = BigInt(own.reduce((sum, w) => sum + Math.max(w, 0), 0));
    negative = BigInt(own.reduce((sum, w) => sum + Math.min(w, 0), 0));
  } else {
    const most = (factors: Int32Array): bigint => BigInt(factors.reduce((x, y) => Math.max(x, y)));
    const count =
      term.kind === 'multiple' ? 1n : BigInt(term.kernel[0]) * BigInt(term.kernel[1]) * most(term.rowFactor) * most(term.columnFactor);
    const all = count * BigInt(term.multiplier[c]!);
    if (all > 0n) positive = all;
    else negative = all;
  }
  const zeros = term.operand.parts.map((part) => zeroOf(circuit, part.tensor));
  const least = -BigInt(zeros.reduce((x, y) => Math.max(x, y)));
  const most = 255n - BigInt(zeros.reduce((x, y) => Math.min(x, y)));
  return { lo: positive * least + negative * most, hi: positive * most + negative * least };
}

/** The biases of a channel: one, or one per position. */
function ofBias(layer: LinearLayer, c: number): Interval {
  const count = layer.bias.length / layer.shape[0];
  const own = layer.bias.subarray(c * count, (c + 1) * count);
  return { lo: BigInt(own.reduce((x, y) => Math.min(x, y))), hi: BigInt(own.reduce((x, y) => Math.max(x, y))) };
}

/** Refuses a circuit that breaks a rule. Its structure has been checked, and its weights (null where they are committed) are those that it names. */
export function refuseBrokenRules(circuit: Circuit, weights: Weights | null): void {
  const bound = 2n ** 30n;
  let next = 0;
  for (const layer of circuit.layers) {
    if (layer.kind === 'maximum') continue;
    const terms = layer.terms.map((term) => ({ term, own: term.kind === 'convolution' ? (weights?.[next++] ?? null) : null }));
    for (let c = 0; c < layer.shape[0]; c++) {
      const where = `layer ${layer.name}, channel ${c}`;
      const { lo, hi } = terms.reduce((sum, { term, own }) => plus(sum, ofTerm(circuit, layer, term, own, c)), ofBias(layer, c));
      const shift = layer.kind === 'requantize' ? layer.shift[c]! : 0;
      const h = BigInt(roundingOffset(shift));
      refuseUnless(-bound < lo && hi + h < bound, 'circuit', `${where}: ${lo}..${hi + h} breaks rule (iii)`);
      if (layer.kind === 'accumulate') continue;
      const { first, values } = circuit.tables[layer.table]!;
      const unit = 2n ** BigInt(shift);
      const rows = BigInt(values.length);
      refuseUnless(unit * rows <= BigInt(P), 'circuit', `${where}: ${rows} table rows at 2^${shift} break rule (i)`);
      const from = unit * BigInt(first);
      refuseUnless(from <= lo + h && hi + h < from + unit * rows, 'circuit', `${where}: ${lo + h}..${hi + h} breaks rule (ii)`);
    }
  }
}
