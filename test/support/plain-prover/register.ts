/** The plain prover of registration proofs (README section 10), from a vector W given as data. */
import type { Circuit } from '../../../circuits/graph/circuit.ts';
import { vectorVariables } from '../../../wasm/reference/batching.ts';
import { add, fromInteger, integer, multiply, negate, ONE, subtract, ZERO, type K } from '../../../wasm/reference/field.ts';
import { fold } from '../../../wasm/reference/multilinear.ts';
import {
  absorbRegistration,
  drawAlpha,
  registrationLayout,
  registrationLeafClaims,
  squareFunctional,
  WEIGHT_ROWS,
} from '../../../wasm/reference/registration.ts';
import { treeHeight } from '../../../wasm/reference/lookup.ts';
import { commitVector } from './commitment.ts';
import { padded, validIndices } from './leaves.ts';
import { addForm, proveBatches, type PlainOptions } from './prove.ts';
import { proveTree } from './sumcheck.ts';
import { ProofWriter, type Message } from './writer.ts';

/** Proves, or tries to, that W (integers; the vector committed to by the circuit's root) is in range and has the circuit's squares. */
export function plainRegister(
  circuit: Circuit,
  W: readonly number[],
  options: Pick<PlainOptions, 'grind' | 'alter'> = {},
): { proof: Uint8Array; messages: readonly Message[] } {
  const layout = registrationLayout(circuit);
  const writer = new ProofWriter(options.grind, options.alter);
  absorbRegistration(writer, layout);

  const inW = layout.slots.map(validIndices);
  const counts = new Array<number>(256).fill(0);
  for (const index of inW.flat()) if (W[index]! >= -128 && W[index]! < 128) counts[W[index]! + 128]!++;
  const countsCommitment = commitVector(counts);
  writer.sendBytes('counts root', countsCommitment.root);
  const alpha = drawAlpha(writer, layout, (label, zeroBits) => writer.grind(label, zeroBits));
  const numerators = new Array<K>(layout.leaves.length).fill(ZERO);
  const denominators = new Array<K>(layout.leaves.length).fill(ONE);
  layout.leaves.weights.forEach((slot, k) => {
    validIndices(slot).forEach((leaf, n) => {
      numerators[leaf] = ONE;
      denominators[leaf] = subtract(alpha, integer(W[inW[k]![n]!]!));
    });
  });
  validIndices(layout.leaves.rows).forEach((leaf, n) => {
    numerators[leaf] = negate(integer(counts[n]!));
    denominators[leaf] = subtract(alpha, integer(WEIGHT_ROWS[n]!));
  });
  const point = proveTree(writer, { numerators, denominators }, treeHeight(layout.leaves.length));

  const variables = vectorVariables(layout.length);
  const { forms } = squareFunctional(layout, writer.challenge('eta'));
  let e = new Array<K>(2 ** variables).fill(ZERO);
  for (const form of forms) addForm(e, form, ONE);
  const vector = W.map(fromInteger);
  let w = padded(vector, variables);
  const sigma: K[] = [];
  while (sigma.length < variables) {
    writer.send('square round', cubicMessage(e, w));
    const r = writer.challenge('square point');
    sigma.push(r);
    e = fold(e, r);
    w = fold(w, r);
  }
  writer.send('square value', w);

  const claims = registrationLeafClaims(layout, { point, numerator: ZERO, denominator: ZERO }, alpha);
  proveBatches(writer, [
    { vector, commitment: commitVector(vector), functionals: [claims.keys.forms, [{ kind: 'point', point: sigma }]] },
    { vector: counts, commitment: countsCommitment, functionals: [claims.multiplicities.forms] },
  ]);
  return { proof: writer.proof, messages: writer.messages };
}

/** Constant, quadratic and cubic coefficient of `sum over pairs of e(X) w(X)^2`. */
function cubicMessage(e: readonly K[], w: readonly K[]): [K, K, K] {
  let a = ZERO;
  let c = ZERO;
  let d = ZERO;
  for (let i = 0; i < e.length; i += 2) {
    const [e0, w0] = [e[i]!, w[i]!];
    const [e1, w1] = [subtract(e[i + 1]!, e0), subtract(w[i + 1]!, w0)];
    const mixed = multiply(w0, w1);
    const square = multiply(w1, w1);
    a = add(a, multiply(e0, multiply(w0, w0)));
    c = add(c, add(multiply(e0, square), multiply(e1, add(mixed, mixed))));
    d = add(d, multiply(e1, square));
  }
  return [a, c, d];
}
