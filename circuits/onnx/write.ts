/**
 * An integer circuit as an ONNX file of standard operators, which any ONNX runtime runs to the same bits. Source: the integer model, "Exporting to
 * ONNX".
 *
 * Inside, tensors are [1, C, H, W]. The tensor of number n is called `t<n>` (uint8), the accumulator of the layer that makes it `a<n>` (int32).
 */
import { checkWeights } from '../execute/execute.ts';
import { makerOf, roundingOffset, type Circuit, type Layer, type Requantize, type TensorMeaning, type Weights } from '../graph/circuit.ts';
import { circuitDigest } from '../graph/encoding.ts';
import { OnnxGraph, type TypedValue } from './write-graph.ts';
import { writeAccumulator } from './write-linear.ts';
import { tensorName, writeOperand } from './write-view.ts';

export { tensorName } from './write-view.ts';

/** Name of the accumulator of the layer that makes tensor n. */
export function accumulatorName(tensor: number): string {
  return `a${tensor}`;
}

/** How the names of values inside of the graph begin. */
const INNER = /^([at]\d|const_)/;

/** Names of the ONNX file's inputs and outputs: those of their meaning, or others where those are empty, taken twice, or like an inner name. */
export function publicNames(circuit: Circuit): { readonly inputs: readonly string[]; readonly outputs: readonly string[] } {
  const taken = new Set<string>();
  const name =
    (kind: string) =>
    (meaning: TensorMeaning, k: number): string => {
      let chosen = meaning.name === '' || INNER.test(meaning.name) ? `${kind}${k}` : meaning.name;
      while (taken.has(chosen)) chosen += '_';
      taken.add(chosen);
      return chosen;
    };
  return { inputs: circuit.meaning.inputs.map(name('input')), outputs: circuit.meaning.outputs.map(name('output')) };
}

/** What is added to `acc + h` before it is divided: `|acc + h| < 2^30` becomes positive, so that Div, which truncates, rounds down. */
const LIFT = 2 ** 30;

/** `table[floor((acc + h) / 2^s)]`. */
function writeRequantize(graph: OnnxGraph, circuit: Circuit, layer: Requantize, accumulator: string, name: string): void {
  const { first, values } = circuit.tables[layer.table]!;
  const perChannel = (what: string, of: (shift: number) => number): string =>
    graph.constant(`${name}_${what}`, [1, layer.shape[0], 1, 1], () => Int32Array.from(layer.shift, of));
  const lifted = graph.node('Add', [accumulator, perChannel('offset', (s) => roundingOffset(s) + LIFT)], `${name}_lifted`);
  const divided = graph.node('Div', [lifted, perChannel('unit', (s) => 2 ** s)], `${name}_divided`);
  const row = graph.node('Add', [divided, perChannel('first_row', (s) => -(LIFT / 2 ** s) - first)], `${name}_row`);
  const table = graph.constant(`const_table${layer.table}`, [values.length], () => values);
  graph.node('Gather', [table, row], name, { axis: 0 });
}

function writeLayer(graph: OnnxGraph, circuit: Circuit, layer: Layer, tensor: number, weights: readonly Int8Array[]): void {
  const name = tensorName(tensor);
  if (layer.kind === 'maximum') {
    const operand = (which: 'a' | 'b'): string => {
      const bytes = writeOperand(graph, circuit, layer[which], layer[which].parts, 0, `${name}_${which}`);
      return graph.cast(bytes, `${name}_${which}_wide`, 'int32');
    };
    graph.cast(graph.node('Max', [operand('a'), operand('b')], `${name}_wide`), name, 'uint8');
    return;
  }
  const accumulator = writeAccumulator(graph, circuit, layer, weights, accumulatorName(tensor));
  if (layer.kind === 'requantize') writeRequantize(graph, circuit, layer, accumulator, name);
}

/**
 * The ONNX file of a circuit that `checkCircuit` accepts: inputs and outputs as `circuit.meaning` says, uint8 (int32 for accumulators). Deterministic. Throws
 * `RangeError` where the weights do not have the circuit's sizes.
 * @example const session = await openModel(writeIntegerModel(circuit, weights), publicNames(circuit).outputs)
 */
export function writeIntegerModel(circuit: Circuit, weights: Weights): Uint8Array {
  checkWeights(circuit, weights);
  const graph = new OnnxGraph();
  const names = publicNames(circuit);
  const typed = (name: string, tensor: number, dims: readonly number[]): TypedValue => {
    return { name, type: makerOf(circuit, tensor)?.kind === 'accumulate' ? 'int32' : 'uint8', dims };
  };
  const inputs = circuit.meaning.inputs.map(({ dims }, k) => typed(names.inputs[k]!, k, dims));
  const outputs = circuit.meaning.outputs.map(({ dims }, k) => typed(names.outputs[k]!, circuit.outputs[k]!, dims));
  const inside: TypedValue[] = [];

  circuit.inputs.forEach(({ shape }, k) => {
    graph.node('Reshape', [names.inputs[k]!, graph.dims([1, ...shape])], tensorName(k));
  });
  let nextWeights = 0;
  circuit.layers.forEach((layer, index) => {
    const tensor = circuit.inputs.length + index;
    const dims = [1, ...layer.shape];
    const count = layer.kind === 'maximum' ? 0 : layer.terms.filter((term) => term.kind === 'convolution').length;
    graph.layer = layer.name;
    writeLayer(graph, circuit, layer, tensor, weights.slice(nextWeights, nextWeights + count));
    nextWeights += count;
    if (layer.kind !== 'maximum') inside.push({ name: accumulatorName(tensor), type: 'int32', dims });
    if (layer.kind !== 'accumulate') inside.push({ name: tensorName(tensor), type: 'uint8', dims });
  });
  graph.layer = '';
  circuit.outputs.forEach((tensor, k) => {
    const name = makerOf(circuit, tensor)?.kind === 'accumulate' ? accumulatorName(tensor) : tensorName(tensor);
    graph.node('Reshape', [name, graph.dims(outputs[k]!.dims)], names.outputs[k]!);
  });
  const digest = Array.from(circuitDigest(circuit), (b) => b.toString(16).padStart(2, '0')).join('');
  return graph.model(inputs, outputs, inside, { circuit: digest, meaning: JSON.stringify(circuit.meaning) });
}
