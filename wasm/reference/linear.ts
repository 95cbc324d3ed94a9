/** Linear layers (README section 7): direct terms as functionals, convolutions in one batched sumcheck. */
import type { Circuit, Convolution, LinearLayer, Shape } from '../../circuits/graph/circuit.ts';
import { add, integerDot, multiply, ONE, powers, subtract, times, ZERO, type K } from './field.ts';
import { addView, scaleAll, type Axes, type Form, type Functional, type Known } from './functional.ts';
import type { Slot } from './layout.ts';
import { bits, eqTable } from './multilinear.ts';
import type { ProofReader } from './transcript.ts';

/**
 * e[i] = sum over p, u with p stride + u dilation - pad = i of outputs[p] taps[u], for 0 <= i < length: the weight of row (or column) i of
 * an operand, given those of the output rows and of the taps.
 */
export function spread(outputs: readonly K[], taps: readonly K[], length: number, stride: number, dilation: number, pad: number): K[] {
  const out = new Array<K>(length).fill(ZERO);
  outputs.forEach((g, p) => {
    taps.forEach((tap, u) => {
      const i = p * stride + u * dilation - pad;
      if (i >= 0 && i < length) out[i] = add(out[i]!, multiply(g, tap));
    });
  });
  return out;
}

/** Adds the multiples and window sums of `sum channel[c] row[i] column[j] acc[c, i, j]`. */
export function addDirectTerms(functional: Functional, known: Known, layer: LinearLayer, axes: Axes): void {
  for (const term of layer.terms) {
    if (term.kind === 'convolution') continue;
    const channel = axes.channel.map((e, c) => times(term.multiplier[c]!, e));
    if (term.kind === 'multiple') {
      addView(functional, known, term.operand, { ...axes, channel }, true);
      continue;
    }
    const [, height, width] = term.operand.shape;
    const ones = (n: number): K[] => new Array<K>(n).fill(ONE);
    const rows = axes.row.map((g, i) => times(term.rowFactor[i]!, g));
    const columns = axes.column.map((g, j) => times(term.columnFactor[j]!, g));
    const row = spread(rows, ones(term.kernel[0]), height, term.stride[0], 1, term.pad[0]);
    const column = spread(columns, ones(term.kernel[1]), width, term.stride[1], 1, term.pad[1]);
    addView(functional, known, term.operand, { channel, row, column }, true);
  }
}

/** A convolution to be proven: t = sum over c, i, j of channel[c] row[i] column[j] convolution[c, i, j]. */
export interface ConvolutionClaim {
  /** Its place among the circuit's convolutions. */
  readonly site: number;
  readonly term: Convolution;
  readonly outputShape: Shape;
  readonly axes: Axes;
  /** n_k. */
  readonly variables: number;
}

/** The claims of the convolutions of one layer, in order. */
export function convolutionClaims(circuit: Circuit, layerIndex: number, layer: LinearLayer, axes: Axes): ConvolutionClaim[] {
  let site = 0;
  for (const earlier of circuit.layers.slice(0, layerIndex)) {
    if (earlier.kind !== 'maximum') site += earlier.terms.filter((term) => term.kind === 'convolution').length;
  }
  return layer.terms.flatMap((term) => {
    if (term.kind !== 'convolution') return [];
    const variables = Math.max(1, bits(term.kernel[1]) + bits(term.kernel[0]) + bits(term.operand.shape[0]));
    return [{ site: site++, term, outputShape: layer.shape, axes, variables }];
  });
}

/** eq(sigma, .) over the taps and channels, x = (v | u | c_in), v lowest. */
export function splitPoint(claim: ConvolutionClaim, sigma: readonly K[]): { v: K[]; u: K[]; channel: K[] } {
  const { kernel, operand } = claim.term;
  const vBits = bits(kernel[1]);
  const uvBits = vBits + bits(kernel[0]);
  return {
    v: eqTable(sigma.slice(0, vBits), 0, kernel[1]),
    u: eqTable(sigma.slice(vBits, uvBits), 0, kernel[0]),
    channel: eqTable(sigma.slice(uvBits), 0, operand.shape[0]),
  };
}

/** Wf(sigma) from public weights, [c_out][c_in / groups][u][v]. About 5 ns per weight. */
export function weightsAt(claim: ConvolutionClaim, weights: Int8Array, sigma: readonly K[]): K {
  const { groups, operand } = claim.term;
  const { v, u, channel } = splitPoint(claim, sigma);
  const inside = operand.shape[0] / groups;
  const outside = claim.outputShape[0] / groups;
  const taps = u.flatMap((a) => scaleAll(a, v));
  let total = ZERO;
  for (let group = 0; group < groups; group++) {
    const ofKernel = channel.slice(group * inside, (group + 1) * inside).flatMap((e) => scaleAll(e, taps));
    for (let c = group * outside; c < (group + 1) * outside; c++) {
      total = add(total, multiply(claim.axes.channel[c]!, integerDot(weights, c * ofKernel.length, ofKernel)));
    }
  }
  return total;
}

/** Wf(sigma) as a form on the slot of committed weights, planes (c_out, u, v); a product where there is one group only. */
export function weightForm(claim: ConvolutionClaim, slot: Slot, sigma: readonly K[]): Form {
  const { groups, operand } = claim.term;
  const { v, u, channel } = splitPoint(claim, sigma);
  const taps = u.flatMap((a) => scaleAll(a, v));
  if (groups === 1) {
    const planes = claim.axes.channel.flatMap((e) => scaleAll(e, taps));
    return { kind: 'product', slot, axes: { channel: planes, row: [ONE], column: channel } };
  }
  const inside = operand.shape[0] / groups;
  const outside = claim.outputShape[0] / groups;
  const coefficients = claim.axes.channel.flatMap((e, c) => {
    const start = Math.floor(c / outside) * inside;
    const own = channel.slice(start, start + inside);
    return scaleAll(e, taps).flatMap((tap) => scaleAll(tap, own));
  });
  return { kind: 'dense', slot, coefficients };
}

/** Xf(sigma) as a functional of the operand. */
export function addInput(functional: Functional, known: Known, claim: ConvolutionClaim, sigma: readonly K[]): void {
  const { operand, stride, dilation, pad } = claim.term;
  const { v, u, channel } = splitPoint(claim, sigma);
  const row = spread(claim.axes.row, u, operand.shape[1], stride[0], dilation[0], pad[0]);
  const column = spread(claim.axes.column, v, operand.shape[2], stride[1], dilation[1], pad[1]);
  addView(functional, known, operand, { channel, row, column }, true);
}

/** The value at r of a round polynomial with constant a, quadratic coefficient c and h(0) + h(1) = claim. */
export function plainRound(claim: K, a: K, c: K, r: K): K {
  const b = subtract(subtract(claim, add(a, a)), c);
  return add(a, multiply(r, add(b, multiply(r, c))));
}

/** The linear sumcheck: returns the point of each claim, and what sum of beta^k Wf_k(sigma_k) Xf_k(sigma_k) must be. */
export function verifyLinearSumcheck(
  reader: ProofReader,
  claims: readonly ConvolutionClaim[],
  values: readonly K[],
): { factors: K[]; points: K[][]; total: K } {
  const factors = powers(reader.challenge('beta'), claims.length);
  const rounds = claims.reduce((n, { variables }) => Math.max(n, variables), 0);
  let total = ZERO;
  const point: K[] = [];
  for (let i = 0; i < rounds; i++) {
    claims.forEach(({ variables }, k) => {
      if (variables === rounds - i) total = add(total, multiply(factors[k]!, values[k]!));
    });
    const [a, c] = reader.receive('linear round', 2) as [K, K];
    const r = reader.challenge('linear point');
    point.push(r);
    total = plainRound(total, a, c, r);
  }
  return { factors, points: claims.map(({ variables }) => point.slice(rounds - variables)), total };
}
