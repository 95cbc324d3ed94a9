/**
 * What proving a circuit costs, from the circuit alone: an integer that everybody computes alike, in nanoseconds of one thread of a 2.4 GHz EPYC. Source: the
 * proof system, sections 4, 5 and 12.
 */
import { size, weightCount, type Circuit, type Layer, type Term } from '../graph/circuit.ts';
import { TableRowCount, limbCount } from './table-rows.ts';

/** Picoseconds, so that all sums are exact integers. */
const PICOSECONDS = {
  /** A multiply-add of the forward pass. */
  multiplication: 500,
  /** A public weight, folded over the output channels. */
  weight: 500,
  /** A committed weight, padding included: folded, batched, opened. */
  committedWeight: 30_000,
  /** An operand entry, for each column of the kernel: the other half of the linear sumcheck. */
  operandEntry: 2_000,
  /** A leaf of the lookup tree: a lookup or a table row. */
  leaf: 90_000,
  /** A committed value, padding included: encoded, hashed, batched, opened. */
  value: 45_000,
  /** A proof, however small: grinding, rounds of a few terms, openings. */
  proof: 10_000_000_000,
} as const;

/** What a layer costs, and why. */
export interface LayerCost {
  readonly name: string;
  /** Multiply-adds of its terms. */
  readonly multiplications: number;
  readonly weights: number;
  readonly lookups: number;
  /** Committed values, padding included. */
  readonly values: number;
  readonly picoseconds: number;
}

export interface CircuitCost {
  readonly layers: readonly LayerCost[];
  /** Rows of the lookup tables, which layers share. */
  readonly tables: { readonly rows: number; readonly picoseconds: number };
  /** What every proof costs. */
  readonly fixed: number;
  /** The sum, in picoseconds. */
  readonly picoseconds: number;
}

/** The smallest power of two that is not below n, n at least 1. */
const padded = (n: number): number => (n === 1 ? 1 : 2 ** (32 - Math.clz32(n - 1)));

interface TermCost {
  readonly multiplications: number;
  readonly weights: number;
  readonly picoseconds: number;
}

function termCost(layer: Layer, term: Term): TermCost {
  const elements = size(layer.shape);
  if (term.kind === 'multiple') return { multiplications: elements, weights: 0, picoseconds: elements * PICOSECONDS.multiplication };
  const window = term.kernel[0] * term.kernel[1];
  if (term.kind === 'window-sum') {
    return { multiplications: elements * window, weights: 0, picoseconds: elements * window * PICOSECONDS.multiplication };
  }
  const inside = term.operand.shape[0] / term.groups;
  const multiplications = elements * inside * window;
  const weights = weightCount(layer.shape[0], term);
  const folding =
    term.weights.kind === 'public' ? weights * PICOSECONDS.weight : (weights / inside) * padded(inside) * PICOSECONDS.committedWeight;
  const operand = size(term.operand.shape) * term.kernel[1] * PICOSECONDS.operandEntry;
  return { multiplications, weights, picoseconds: multiplications * PICOSECONDS.multiplication + folding + operand };
}

/** What a layer costs, table rows apart. `isOutput`: its tensor is an output of the circuit, and so not committed. */
export function layerCost(layer: Layer, isOutput: boolean): LayerCost {
  const terms = layer.kind === 'maximum' ? [] : layer.terms.map((term) => termCost(layer, term));
  const total = (of: (cost: TermCost) => number): number => terms.reduce((sum, cost) => sum + of(cost), 0);
  const limbs = layer.kind === 'requantize' ? limbCount(layer) : 0;
  const lookups = layer.kind === 'accumulate' ? 0 : size(layer.shape) * (1 + limbs);
  const plane = layer.shape[0] * padded(layer.shape[1]) * padded(layer.shape[2]);
  const values = layer.kind === 'accumulate' ? 0 : plane * (limbs + (isOutput ? 0 : 1));
  return {
    name: layer.name,
    multiplications: total((cost) => cost.multiplications),
    weights: total((cost) => cost.weights),
    lookups,
    values,
    picoseconds: total((cost) => cost.picoseconds) + lookups * PICOSECONDS.leaf + values * PICOSECONDS.value,
  };
}

/** What so many rows of lookup tables cost, and every proof. */
export function sharedCost(rows: number): { readonly tables: number; readonly fixed: number } {
  return { tables: rows * (PICOSECONDS.leaf + PICOSECONDS.value), fixed: PICOSECONDS.proof };
}

/** The cost of a circuit that `checkCircuit` accepts, layer by layer. */
export function circuitCost(circuit: Circuit): CircuitCost {
  const outputs = new Set(circuit.outputs);
  const layers = circuit.layers.map((layer, index) => layerCost(layer, outputs.has(circuit.inputs.length + index)));
  const count = new TableRowCount(circuit.tables);
  for (const layer of circuit.layers) count.add(layer);
  const { tables, fixed } = sharedCost(count.rows);
  const picoseconds = layers.reduce((sum, layer) => sum + layer.picoseconds, tables + fixed);
  return { layers, tables: { rows: count.rows, picoseconds: tables }, fixed, picoseconds };
}

/** The work of proving a circuit in whole nanoseconds of the reference core, rounded up: the same integer on every machine. */
export function work(circuit: Circuit): number {
  return Math.ceil(circuitCost(circuit).picoseconds / 1000);
}
