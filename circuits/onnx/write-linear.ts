/** Accumulators in ONNX: `bias + sum of terms`, int32 [1, C, H, W]. */
import {
  size,
  zeroOf,
  type Circuit,
  type Convolution,
  type LinearLayer,
  type Shape,
  type Term,
  type View,
  type WindowSum,
} from '../graph/circuit.ts';
import type { OnnxGraph } from './write-graph.ts';
import { writeOperand } from './write-view.ts';

/** What is stored for a weight of 0. Unsigned by unsigned products are the fast ones, and exact on every processor. */
const WEIGHT_ZERO = 128;

/** Where a name begins: the tensor that a layer makes, and the term. */
interface Place {
  readonly graph: OnnxGraph;
  readonly circuit: Circuit;
  readonly layer: LinearLayer;
  readonly name: string;
}

/**
 * An operand of a linear term, once per zero point: a copy that holds the tensors of that zero point z, and z elsewhere, where it
 * therefore contributes nothing. The term is the sum over the copies.
 */
function writeCopies({ graph, circuit, name }: Place, view: View): { value: string; zero: number }[] {
  const zeros = [...new Set(view.parts.map((part) => zeroOf(circuit, part.tensor)))];
  return zeros.map((zero) => {
    const parts = view.parts.filter((part) => zeroOf(circuit, part.tensor) === zero);
    return { zero, value: writeOperand(graph, circuit, view, parts, zero, `${name}_zero${zero}`) };
  });
}

function writeSum(graph: OnnxGraph, values: readonly string[], name: string): string | null {
  return values.length ? values.reduce((sum, value, k) => graph.node('Add', [sum, value], `${name}_sum${k}`)) : null;
}

/** Rows (or columns) of the operand that the windows touch, and the padding around them; null where they touch none. */
function extent(
  length: number,
  outputs: number,
  kernel: number,
  stride: number,
  pad: number,
  dilation: number,
): { start: number; end: number; before: number; after: number } | null {
  const windowEnd = (outputs - 1) * stride + (kernel - 1) * dilation + 1 - pad;
  const start = Math.max(0, -pad);
  const end = Math.min(length, windowEnd);
  return start < end ? { start, end, before: Math.max(0, pad), after: Math.max(0, windowEnd - length) } : null;
}

/** ConvInteger of every copy of the operand: exactly the layer's output positions. Null where no window touches the operand. */
function writeConvolution(
  place: Place,
  term: Convolution | WindowSum,
  dilation: readonly [number, number],
  groups: number,
  weights: string,
  weightZero: number,
): string | null {
  const { graph, layer, name } = place;
  const [, height, width] = layer.shape;
  const rows = extent(term.operand.shape[1], height, term.kernel[0], term.stride[0], term.pad[0], dilation[0]);
  const columns = extent(term.operand.shape[2], width, term.kernel[1], term.stride[1], term.pad[1], dilation[1]);
  if (!rows || !columns) return null;
  const cropped = rows.end - rows.start < term.operand.shape[1] || columns.end - columns.start < term.operand.shape[2];
  const attributes = {
    kernel_shape: term.kernel,
    strides: term.stride,
    dilations: dilation,
    group: groups,
    pads: [rows.before, columns.before, rows.after, columns.after],
  };
  const products = writeCopies(place, term.operand).map(({ value, zero }, k) => {
    const bounds = (which: 'start' | 'end'): string =>
      graph.constant(`${name}_${which}`, [2], () => BigInt64Array.of(BigInt(rows[which]), BigInt(columns[which])));
    const axes = (): string => graph.constant('const_rows_columns', [2], () => BigInt64Array.of(2n, 3n));
    const x = cropped ? graph.node('Slice', [value, bounds('start'), bounds('end'), axes()], `${name}_cropped${k}`) : value;
    return graph.node('ConvInteger', [x, weights, graph.byte(zero), graph.byte(weightZero)], `${name}_product${k}`, attributes);
  });
  return writeSum(graph, products, name);
}

/** Whether the only output position sees the whole operand, each position once. */
function isMatrixProduct(layer: LinearLayer, { operand, kernel, pad, dilation, groups }: Convolution): boolean {
  const [, height, width] = layer.shape;
  return (
    groups === 1 &&
    height === 1 &&
    width === 1 &&
    [0, 1].every((a) => kernel[a] === operand.shape[a + 1] && pad[a] === 0 && (dilation[a] === 1 || kernel[a] === 1))
  );
}

/** MatMulInteger of every copy of the operand, flattened. */
function writeMatrixProduct(place: Place, term: Convolution, weights: Int8Array): string | null {
  const { graph, layer, name } = place;
  const channels = layer.shape[0];
  const features = size(term.operand.shape);
  const matrix = graph.constant(`${name}_weights`, [features, channels], () => {
    const stored = new Uint8Array(features * channels);
    for (let c = 0; c < channels; c++)
      for (let k = 0; k < features; k++) stored[k * channels + c] = weights[c * features + k]! + WEIGHT_ZERO;
    return stored;
  });
  const products = writeCopies(place, term.operand).map(({ value, zero }, k) => {
    const row = graph.node('Reshape', [value, graph.dims([1, features])], `${name}_row${k}`);
    return graph.node('MatMulInteger', [row, matrix, graph.byte(zero), graph.byte(WEIGHT_ZERO)], `${name}_product${k}`);
  });
  return graph.node('Reshape', [writeSum(graph, products, name)!, graph.dims([1, channels, 1, 1])], `${name}_plane`);
}

function integers(graph: OnnxGraph, name: string, dims: readonly number[], values: Int32Array): string {
  return graph.constant(name, dims, () => values);
}

function writeTerm(place: Place, term: Term, weights: Int8Array | null): string | null {
  const { graph, layer, name } = place;
  const [channels, height, width] = layer.shape;
  if (term.kind === 'convolution') {
    if (isMatrixProduct(layer, term)) return writeMatrixProduct(place, term, weights!);
    const dims = [channels, term.operand.shape[0] / term.groups, ...term.kernel];
    const stored = graph.constant(`${name}_weights`, dims, () => Uint8Array.from(weights!, (w) => w + WEIGHT_ZERO));
    return writeConvolution(place, term, term.dilation, term.groups, stored, WEIGHT_ZERO);
  }
  const multiplier = integers(graph, `${name}_multiplier`, [1, channels, 1, 1], term.multiplier);
  if (term.kind === 'multiple') {
    const copies = writeCopies(place, term.operand).map(({ value, zero }, k) => {
      const wide = graph.cast(value, `${name}_wide${k}`, 'int32');
      const minusZero = (): string => integers(graph, `const_minus${zero}`, [], Int32Array.of(-zero));
      return zero === 0 ? wide : graph.node('Add', [wide, minusZero()], `${name}_centred${k}`);
    });
    return graph.node('Mul', [writeSum(graph, copies, name)!, multiplier], `${name}_multiple`);
  }
  const ones = graph.constant(`${name}_ones`, [channels, 1, ...term.kernel], () =>
    new Uint8Array(channels * term.kernel[0] * term.kernel[1]).fill(1),
  );
  const sums = writeConvolution(place, term, [1, 1], channels, ones, 0);
  if (sums === null) return null;
  let product = graph.node('Mul', [sums, multiplier], `${name}_multiple`);
  const scale = (factor: Int32Array, axis: string, dims: readonly number[]): void => {
    if (factor.every((f) => f === 1)) return;
    product = graph.node('Mul', [product, integers(graph, `${name}_${axis}_factor`, dims, factor)], `${name}_by${axis}`);
  };
  scale(term.rowFactor, 'row', [1, 1, height, 1]);
  scale(term.columnFactor, 'column', [1, 1, 1, width]);
  return product;
}

function biasOf({ bias, shape }: { bias: Int32Array; shape: Shape }): { dims: number[]; values: Int32Array } {
  const perChannel = bias.length === shape[0];
  return { dims: perChannel ? [1, shape[0], 1, 1] : [1, ...shape], values: bias };
}

/**
 * Writes the accumulator of a layer under `name`. `weights`: those of its convolutions, in order. No number on the way leaves int32 in a circuit that
 * `checkCircuit` accepts: every partial sum lies within the sum of the terms' intervals, which all contain 0.
 */
export function writeAccumulator(
  graph: OnnxGraph,
  circuit: Circuit,
  layer: LinearLayer,
  weights: readonly Int8Array[],
  name: string,
): string {
  let next = 0;
  const terms = layer.terms.map((term, k) =>
    writeTerm({ graph, circuit, layer, name: `${name}_term${k}` }, term, term.kind === 'convolution' ? weights[next++]! : null),
  );
  const { dims, values } = biasOf(layer);
  const sum = writeSum(
    graph,
    terms.filter((term) => term !== null),
    `${name}_terms`,
  );
  const bias = integers(graph, `${name}_bias`, dims, values);
  if (sum !== null) return graph.node('Add', [sum, bias], name);
  return graph.node('Expand', [bias, graph.dims([1, ...layer.shape])], name);
}
