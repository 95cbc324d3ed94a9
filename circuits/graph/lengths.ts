/** Lengths of the vectors that a circuit's proof has, and their limits. Source: wasm/README.md, section 4. */
import { size, type Circuit, type Requantize } from './circuit.ts';
import { CircuitRefusal } from './refusal.ts';

export const MAX_VECTOR_LENGTH = 37_748_736;
export const MAX_LEAVES = 2 ** 26;
const LIMB_BITS = 12;

const padded = (n: number): number => (n <= 1 ? 1 : 2 ** (32 - Math.clz32(n - 1)));

function limbs(layer: Requantize): number {
  const largest = layer.shift.reduce((a, b) => Math.max(a, b), 0);
  return largest === 0 ? 0 : largest <= LIMB_BITS ? 1 : 2;
}

/** Rows of all lookup tables: remainders, maxima, quotients. */
export function tableRows(circuit: Circuit): number {
  const widths = new Set<number>();
  let rows = circuit.layers.some((layer) => layer.kind === 'maximum') ? 511 : 0;
  for (const layer of circuit.layers) {
    if (layer.kind !== 'requantize') continue;
    const count = limbs(layer);
    for (const s of layer.shift) {
      if (count > 0) widths.add(Math.min(s, LIMB_BITS));
      if (count > 1) widths.add(Math.max(s - LIMB_BITS, 0));
    }
  }
  for (const width of widths) rows += 2 ** width;
  return rows + circuit.tables.reduce((sum, table) => sum + table.values.length, 0);
}

/** Entries of the witness vector, padding included; entries and valid entries of the leaves; entries of the committed weights' vector (0 where public). */
export function vectorLengths(circuit: Circuit): {
  readonly witness: number;
  readonly leaves: number;
  readonly validLeaves: number;
  readonly weights: number;
} {
  const outputs = new Set(circuit.outputs);
  const rows = tableRows(circuit);
  let witness = rows;
  let leaves = rows;
  let validLeaves = rows;
  let weights = 0;
  circuit.layers.forEach((layer, index) => {
    if (layer.kind !== 'maximum') {
      for (const term of layer.terms) {
        if (term.kind !== 'convolution' || term.weights.kind === 'public') continue;
        weights += layer.shape[0] * term.kernel[0] * term.kernel[1] * padded(term.operand.shape[0] / term.groups);
      }
    }
    if (layer.kind === 'accumulate') return;
    const plane = layer.shape[0] * padded(layer.shape[1]) * padded(layer.shape[2]);
    const count = layer.kind === 'maximum' ? 0 : limbs(layer);
    witness += plane * (count + (outputs.has(circuit.inputs.length + index) ? 0 : 1));
    leaves += plane * (count + 1);
    validLeaves += size(layer.shape) * (count + 1);
  });
  return { witness, leaves, validLeaves, weights };
}

/** Throws `CircuitRefusal` where a vector is longer than can be committed to, or there are too many leaves. */
export function checkLengths(circuit: Circuit): void {
  const { witness, leaves, validLeaves, weights } = vectorLengths(circuit);
  if (witness > MAX_VECTOR_LENGTH)
    throw new CircuitRefusal(
      '',
      'limit',
      `${witness} committed values, at most ${MAX_VECTOR_LENGTH} are allowed: cut the model into slices`,
    );
  if (weights > MAX_VECTOR_LENGTH)
    throw new CircuitRefusal(
      '',
      'limit',
      `${weights} committed weights, at most ${MAX_VECTOR_LENGTH} are allowed: cut the model into slices`,
    );
  if (validLeaves > MAX_LEAVES)
    throw new CircuitRefusal('', 'limit', `${validLeaves} lookups, at most ${MAX_LEAVES} are allowed: cut the model into slices`);
  if (leaves > 2 * MAX_LEAVES)
    throw new CircuitRefusal(
      '',
      'limit',
      `${leaves} leaves with padding, at most ${2 * MAX_LEAVES} are allowed: cut the model into slices`,
    );
}
