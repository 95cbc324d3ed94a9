/**
 * Slices: a circuit too large or too slow for one proof is cut where all data passes through one uint8 tensor; each piece is again a circuit, and follows
 * from the whole circuit and the cuts alone. Source: the proof system, section 11.
 */
import {
  convolutions,
  makerOf,
  shapeOf,
  zeroOf,
  type Circuit,
  type Layer,
  type Part,
  type Requantize,
  type TensorMeaning,
  type Term,
  type View,
  type Weights,
} from '../graph/circuit.ts';
import { CircuitRefusal } from '../graph/refusal.ts';
import { cutTensors, MAX_OUTPUTS, outputsWithin } from './cuts.ts';

/** A slice: the layers `from` up to `to` (excluded) of a circuit. */
export interface SlicedCircuit {
  readonly circuit: Circuit;
  readonly from: number;
  readonly to: number;
  /** By input and output of the slice: the tensor's number in the whole circuit. */
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  /** The slice's convolutions among those of the whole circuit: the first, and the one after the last. */
  readonly convolutions: readonly [first: number, end: number];
}

/** What a slice's input or output stands for: as in the whole circuit, or plain integers where the tensor is inside of it. */
function meaningOf(circuit: Circuit, tensor: number): TensorMeaning {
  if (tensor < circuit.inputs.length) return circuit.meaning.inputs[tensor]!;
  const output = circuit.outputs.indexOf(tensor);
  if (output >= 0) return circuit.meaning.outputs[output]!;
  const { name } = makerOf(circuit, tensor)!;
  return { name, dims: [1, ...shapeOf(circuit, tensor)], scale: 1, zero: zeroOf(circuit, tensor), note: '', labels: [] };
}

/** The layer with its tensors and table renumbered. */
function renumbered(layer: Layer, tensorOf: (tensor: number) => number, tableOf: (table: number) => number): Layer {
  const part = (p: Part): Part => ({ ...p, tensor: tensorOf(p.tensor) });
  const view = ({ shape, parts }: View): View => ({ shape, parts: parts.map(part) });
  if (layer.kind === 'maximum') return { ...layer, a: view(layer.a), b: view(layer.b) };
  const terms = layer.terms.map((term): Term => ({ ...term, operand: view(term.operand) }));
  return layer.kind === 'requantize' ? { ...layer, terms, table: tableOf(layer.table) } : { ...layer, terms };
}

function sliceOf(circuit: Circuit, inputs: readonly number[], from: number, to: number, crossing: number | null): SlicedCircuit {
  const first = circuit.inputs.length;
  const layers = circuit.layers.slice(from, to);
  const outputs = outputsWithin(circuit, from, to, crossing);
  if (outputs.length > MAX_OUTPUTS)
    throw new CircuitRefusal(
      '',
      'slice',
      `the layers ${from} to ${to - 1} have ${outputs.length} outputs, at most ${MAX_OUTPUTS} are allowed`,
    );
  const used = [...new Set(layers.filter((layer): layer is Requantize => layer.kind === 'requantize').map(({ table }) => table))];
  used.sort((a, b) => a - b);
  const tensorOf = (tensor: number): number => {
    const input = inputs.indexOf(tensor);
    return input >= 0 ? input : tensor - first - from + inputs.length;
  };
  const before = convolutions({ ...circuit, layers: circuit.layers.slice(0, from) }).length;
  return {
    circuit: {
      inputs: inputs.map((tensor) => ({ shape: shapeOf(circuit, tensor), zero: zeroOf(circuit, tensor) })),
      layers: layers.map((layer) => renumbered(layer, tensorOf, (table) => used.indexOf(table))),
      outputs: outputs.map(tensorOf),
      tables: used.map((table) => circuit.tables[table]!),
      weightRoot: null,
      meaning: {
        inputs: inputs.map((tensor) => meaningOf(circuit, tensor)),
        outputs: outputs.map((tensor) => meaningOf(circuit, tensor)),
      },
    },
    from,
    to,
    inputs,
    outputs,
    convolutions: [before, before + convolutions({ ...circuit, layers }).length],
  };
}

/**
 * Cuts a circuit behind the layers that make the tensors `cuts` (ascending tensor numbers; none: the whole is one slice). Deterministic. Slice k reads the
 * tensor of cut k - 1 (the first: the inputs of the circuit); its outputs are those of the circuit's outputs that it makes, in their order, then the tensor of
 * cut k, if it is not among them. The circuit must have passed `checkStructure`. Throws `CircuitRefusal` where a cut is not possible, and for committed
 * weights: their root is one for all slices.
 * @example const slices = slice(circuit, chooseCuts(circuit, 3))
 */
export function slice(circuit: Circuit, cuts: readonly number[]): SlicedCircuit[] {
  if (circuit.weightRoot !== null)
    throw new CircuitRefusal('', 'slice', 'a circuit with committed weights is not cut: each slice would need a root of its own');
  const possible = new Set(cutTensors(circuit));
  cuts.forEach((tensor, k) => {
    if (!possible.has(tensor))
      throw new CircuitRefusal(
        makerOf(circuit, tensor)?.name ?? '',
        'slice',
        `no cut at tensor ${tensor}: cuts are where all data passes through one uint8 tensor, and lookups follow`,
      );
    if (k > 0 && tensor <= cuts[k - 1]!)
      throw new CircuitRefusal('', 'slice', `cuts are ascending tensor numbers, not ${cuts[k - 1]} before ${tensor}`);
  });
  const first = circuit.inputs.length;
  const ends = [...cuts.map((tensor) => tensor - first + 1), circuit.layers.length];
  return ends.map((end, k) => {
    const inputs = k === 0 ? [...circuit.inputs.keys()] : [cuts[k - 1]!];
    return sliceOf(circuit, inputs, k === 0 ? 0 : ends[k - 1]!, end, cuts[k] ?? null);
  });
}

/** The weights of a slice, out of those of the whole circuit. */
export function sliceWeights(weights: Weights, { convolutions: [first, end] }: SlicedCircuit): Weights {
  return weights.slice(first, end);
}
