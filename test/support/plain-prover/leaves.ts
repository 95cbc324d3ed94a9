/** Lookups of an execution: the leaves of the tree, the multiplicities, and the witness vector. */
import { readView } from '../../../circuits/execute/execute.ts';
import type { Circuit } from '../../../circuits/graph/circuit.ts';
import { fromInteger, integer, lift, negate, ONE, subtract, ZERO, type K } from '../../../wasm/reference/field.ts';
import { elements, indexIn, limbBits, limbCount, limbOf, type Layout, type Slot } from '../../../wasm/reference/layout.ts';
import { keyOf, type LookupChallenges } from '../../../wasm/reference/lookup.ts';
import type { Witness } from './execution.ts';
import type { Fractions } from './sumcheck.ts';

/** A lookup of (first, second) in a table, at an index of the leaf vector. */
export interface Lookup {
  readonly leaf: number;
  readonly table: number;
  readonly first: number;
  readonly second: number;
}

/** Indices of the valid entries of a slot in its vector, C-order. */
export function validIndices(slot: Slot): number[] {
  const [, height, width] = slot.shape;
  return Array.from({ length: elements(slot.shape) }, (_, n) =>
    indexIn(slot, Math.floor(n / (height * width)), Math.floor(n / width) % height, n % width),
  );
}

export function lookupsOf(circuit: Circuit, layout: Layout, witness: Witness): Lookup[] {
  return circuit.layers.flatMap((layer, layerIndex): Lookup[] => {
    if (layer.kind === 'accumulate') return [];
    const made = witness.tensors[circuit.inputs.length + layerIndex]!;
    const results = validIndices(layout.leaves.results.get(layerIndex)!);
    if (layer.kind === 'maximum') {
      const a = readView(circuit, layer.a, witness.tensors, false);
      const b = readView(circuit, layer.b, witness.tensors, false);
      return results.map((leaf, n) => ({ leaf, table: layout.maximumTable!, first: a[n]! - b[n]!, second: made[n]! - b[n]! }));
    }
    const plane = layer.shape[1] * layer.shape[2];
    const limbs = limbCount(layer);
    const table = layout.circuitTables.get(layer.table)!;
    const quotients = results.map((leaf, n) => ({ leaf, table, first: witness.quotients[layerIndex]![n]!, second: made[n]! }));
    const ofLimbs = layout.leaves.limbs.get(layerIndex)!.flatMap((slot, limb) =>
      validIndices(slot).map((leaf, n) => ({
        leaf,
        table: layout.remainderTables.get(limbBits(layer.shift[Math.floor(n / plane)]!, limb))!,
        first: limbOf(witness.remainders[layerIndex]![n]!, limb, limbs),
        second: 0,
      })),
    );
    return [...quotients, ...ofLimbs];
  });
}

/** How often each row of each table is looked up. Lookups of rows that are not there are not counted. */
export function countLookups(layout: Layout, lookups: readonly Lookup[]): number[][] {
  const counts = layout.tables.map(({ first }) => new Array<number>(first.length).fill(0));
  for (const { table, first, second } of lookups) {
    const rows = layout.tables[table]!;
    const row = first - rows.first[0]!; // the first entries of a table count up by one
    if (row >= 0 && row < rows.first.length && rows.second[row] === second) counts[table]![row]!++;
  }
  return counts;
}

/** Numerators and denominators of the leaves. */
export function leafFractions(
  layout: Layout,
  lookups: readonly Lookup[],
  counts: readonly number[][],
  challenges: LookupChallenges,
): Fractions {
  const numerators = new Array<K>(layout.leaves.length).fill(ZERO);
  const denominators = new Array<K>(layout.leaves.length).fill(ONE);
  for (const { leaf, table, first, second } of lookups) {
    numerators[leaf] = ONE;
    denominators[leaf] = subtract(challenges.alpha, keyOf(first, second, layout.tables[table]!.tag, challenges));
  }
  layout.tables.forEach(({ first, second, tag }, n) => {
    validIndices(layout.leaves.rows[n]!).forEach((leaf, row) => {
      numerators[leaf] = negate(integer(counts[n]![row]!));
      denominators[leaf] = subtract(challenges.alpha, keyOf(first[row]!, second[row]!, tag, challenges));
    });
  });
  return { numerators, denominators };
}

/** The vector w. */
export function witnessVector(circuit: Circuit, layout: Layout, witness: Witness, counts: readonly number[][]): number[] {
  const w = new Array<number>(layout.witness.length).fill(-1);
  const fill = (slot: Slot, values: readonly number[]): void => {
    validIndices(slot).forEach((index, n) => {
      w[index] = fromInteger(values[n]!);
    });
  };
  for (const [tensor, slot] of layout.witness.activations) fill(slot, witness.tensors[tensor]!);
  for (const [layerIndex, slots] of layout.witness.limbs) {
    slots.forEach((slot, limb) =>
      fill(
        slot,
        witness.remainders[layerIndex]!.map((r) => limbOf(r, limb, slots.length)),
      ),
    );
  }
  layout.witness.multiplicities.forEach((slot, n) => fill(slot, counts[n]!));
  return w.map((value, index) => (value >= 0 ? value : fromInteger(witness.padding?.(index) ?? 0)));
}

/** A vector over F, followed by zeros up to 2^variables entries of K. */
export function padded(vector: readonly number[], variables: number): K[] {
  return Array.from({ length: 2 ** variables }, (_, i) => lift(vector[i] ?? 0));
}
