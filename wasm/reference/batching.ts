/** From many claims to one point per committed vector (README section 8). */
import { add, dot, isEqual, multiply, powers, sum, ZERO, type K } from './field.ts';
import { formAt, type Claim } from './functional.ts';
import { plainRound } from './linear.ts';
import { bits } from './multilinear.ts';
import { openingLevels } from '../parameters.ts';
import { refuseUnless } from './refused.ts';
import type { ProofReader } from './transcript.ts';

/** The claims on one committed vector of `length` entries. */
export interface Batch {
  readonly root: Uint8Array;
  readonly length: number;
  readonly claims: readonly Claim[];
}

/** An opening to be checked: the vector's multilinear extension at `point` is `value`. */
export interface OpeningClaim {
  readonly root: Uint8Array;
  readonly length: number;
  readonly point: readonly K[];
  readonly value: K;
}

/** Variables of a committed vector. */
export function vectorVariables(length: number): number {
  return Math.max(bits(length), openingLevels(length)![0]!.columnBits);
}

/** delta^j, the claims of the batches counted on. */
export function batchFactors(delta: K, batches: readonly { claims: readonly Claim[] }[]): K[][] {
  const all = powers(
    delta,
    batches.reduce((n, { claims }) => n + claims.length, 0),
  );
  return batches.map(({ claims }) => all.splice(0, claims.length));
}

export function verifyBatches(reader: ProofReader, batches: readonly Batch[]): OpeningClaim[] {
  const factors = batchFactors(reader.challenge('delta'), batches);
  const variables = batches.map(({ length }) => vectorVariables(length));
  const rounds = Math.max(...variables);
  let claim = ZERO;
  const point: K[] = [];
  for (let i = 0; i < rounds; i++) {
    batches.forEach(({ claims }, n) => {
      if (variables[n] === rounds - i)
        claim = add(
          claim,
          dot(
            factors[n]!,
            claims.map(({ value }) => value),
          ),
        );
    });
    const [a, c] = reader.receive('batching round', 2) as [K, K];
    const r = reader.challenge('batching point');
    point.push(r);
    claim = plainRound(claim, a, c, r);
  }
  const values = reader.receive('values', batches.length);
  const openings = batches.map(({ root, length }, n) => ({ root, length, point: point.slice(rounds - variables[n]!), value: values[n]! }));
  const expected = batches.map(({ claims }, n) => {
    const { point: rho, value } = openings[n]!;
    const functional = dot(
      factors[n]!,
      claims.map(({ forms }) => sum(forms.map((form) => formAt(form, rho)))),
    );
    return multiply(value, functional);
  });
  refuseUnless(isEqual(sum(expected), claim), 'batching sumcheck', 'the committed vectors do not satisfy the claims');
  return openings;
}
