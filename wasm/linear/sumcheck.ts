/**
 * All convolutions and matrix products in one batched sumcheck; shorter ones join late. Source: README.md, section 7.
 */
import { add, inverse, mul, powers, sub, ZERO, type K } from '../field/qm31.ts';
import { foldQuads, productRound, quadVector, readQuad, roundValue } from '../claims/product.ts';
import { kArray } from '../field/karray.ts';
import type { Kernels } from '../runtime/kernels.ts';
import { Refused } from '../statement/refused.ts';
import type { ProverTranscript, VerifierTranscript } from '../transcript/transcript.ts';
import { inputTable, weightTable, type ConvolutionClaim, type OperandRows, type WeightRows } from './convolution.ts';

/** The prover's tables of all convolutions: those with the same number of variables stand one after the other in a pair of quad vectors. */
export interface LinearTables {
  readonly claims: readonly ConvolutionClaim[];
  readonly groups: readonly {
    readonly variables: number;
    readonly members: readonly number[];
    readonly weights: number;
    readonly inputs: number;
  }[];
  /** t of each convolution. */
  readonly sums: readonly K[];
}

/** Builds Wf and Xf of every convolution and their sums. `weights` and `operands` by the order of `claims`. */
export function linearTables(
  kernels: Kernels,
  claims: readonly ConvolutionClaim[],
  weights: readonly WeightRows[],
  operands: readonly OperandRows[],
): LinearTables {
  const sums: K[] = claims.map(() => ZERO);
  const sizes = [...new Set(claims.map((c) => c.variables))].sort((a, b) => b - a);
  const groups = sizes.map((variables) => {
    const members = claims.flatMap((c, k) => (c.variables === variables ? [k] : []));
    const stride = 2 ** variables;
    const w = quadVector(kernels, members.length * stride);
    const x = quadVector(kernels, members.length * stride);
    members.forEach((k, position) => {
      weightTable(kernels, claims[k]!, weights[k]!, w, position * stride);
      inputTable(kernels, claims[k]!, operands[k]!, x, position * stride);
      sums[k] = dotQuads(kernels, w, x, position * stride, stride);
    });
    return { variables, members, weights: w, inputs: x };
  });
  return { claims, groups, sums };
}

/** <w, x> over elements start .. start + length - 1 of two quad vectors. */
function dotQuads(kernels: Kernels, w: number, x: number, start: number, length: number): K {
  const mark = kernels.arena.mark();
  const a = kernels.arena.allocate(16 * length);
  const b = kernels.arena.allocate(16 * length);
  const out = kernels.arena.allocate(16);
  kernels.exports.kFromQuads!(a, w, start, length);
  kernels.exports.kFromQuads!(b, x, start, length);
  kernels.exports.kDot!(a, b, length, out);
  const at = out >>> 2;
  const words = kernels.words;
  const value: K = [words[at]!, words[at + 1]!, words[at + 2]!, words[at + 3]!];
  kernels.arena.release(mark);
  return value;
}

/** A point and the two table values at it, per convolution. */
export interface LinearEnd {
  readonly points: readonly (readonly K[])[];
  readonly weights: readonly K[];
  readonly inputs: readonly K[];
}

function scaleQuads(kernels: Kernels, quads: number, start: number, length: number, factor: K): void {
  const mark = kernels.arena.mark();
  const a = kernels.arena.allocate(16 * length);
  kernels.exports.kFromQuads!(a, quads, start, length);
  kernels.exports.kScale!(a, a, kArray(kernels, [factor]).address, length);
  kernels.exports.kToQuads!(quads, start, a, length);
  kernels.arena.release(mark);
}

/** The prover's sumcheck. Destroys the tables. */
export function proveLinear(kernels: Kernels, transcript: ProverTranscript, tables: LinearTables): LinearEnd {
  const { claims, groups } = tables;
  const beta = transcript.challenge('beta');
  const factors = powers(beta, claims.length);
  const rounds = Math.max(...claims.map((c) => c.variables));
  for (const group of groups) {
    group.members.forEach((k, position) => {
      if (k > 0) scaleQuads(kernels, group.weights, position * 2 ** group.variables, 2 ** group.variables, factors[k]!);
    });
  }
  const point: K[] = [];
  for (let i = 0; i < rounds; i++) {
    let a = ZERO;
    let c = ZERO;
    const active = groups.filter((g) => g.variables >= rounds - i);
    for (const group of active) {
      const [x, y] = productRound(kernels, group.weights, group.inputs, group.members.length * 2 ** (rounds - i));
      a = add(a, x);
      c = add(c, y);
    }
    transcript.sendElements('linear round', [a, c]);
    const r = transcript.challenge('linear point');
    point.push(r);
    for (const group of active) {
      const length = group.members.length * 2 ** (rounds - i);
      foldQuads(kernels, group.weights, length, r);
      foldQuads(kernels, group.inputs, length, r);
    }
  }
  const weights: K[] = claims.map(() => ZERO);
  const inputs: K[] = claims.map(() => ZERO);
  const inverses = powers(inverse(beta), claims.length);
  for (const group of groups) {
    group.members.forEach((k, position) => {
      weights[k] = mul(inverses[k]!, readQuad(kernels, group.weights, position));
      inputs[k] = readQuad(kernels, group.inputs, position);
    });
  }
  return { points: claims.map((c) => point.slice(rounds - c.variables)), weights, inputs };
}

/** What the verifier's sumcheck leaves to check: sum beta^k Wf_k Xf_k = value. */
export interface LinearReduction {
  readonly factors: readonly K[];
  readonly points: readonly (readonly K[])[];
  readonly value: K;
}

export function verifyLinear(transcript: VerifierTranscript, claims: readonly ConvolutionClaim[], sums: readonly K[]): LinearReduction {
  const factors = powers(transcript.challenge('beta'), claims.length);
  const rounds = Math.max(...claims.map((c) => c.variables));
  const point: K[] = [];
  let value = ZERO;
  for (let i = 0; i < rounds; i++) {
    claims.forEach((c, k) => {
      if (c.variables === rounds - i) value = add(value, mul(factors[k]!, sums[k]!));
    });
    const [a, c] = transcript.receiveElements('linear round', 2) as [K, K];
    const r = transcript.challenge('linear point');
    point.push(r);
    value = roundValue(value, a, c, r);
  }
  return { factors, points: claims.map((c) => point.slice(rounds - c.variables)), value };
}

/** Throws `Refused` unless the tables' values at the points give the sumcheck's value. */
export function checkLinear({ factors, value }: LinearReduction, weights: readonly K[], inputs: readonly K[]): void {
  const sum = weights.reduce((total, w, k) => add(total, mul(factors[k]!, mul(w, inputs[k]!))), ZERO);
  if (sub(sum, value).some((word) => word !== 0))
    throw new Refused('linear', 'the linear sumcheck does not end in the product of weights and inputs');
}
