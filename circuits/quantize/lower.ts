/**
 * From a float model to the layers of a circuit: what is one layer, what it reads, where an addition joins the accumulator of the convolution that feeds
 * it, what is only an index map. Source: the integer model, "Layers" and "Quantizing".
 */
import { size, type Shape } from '../graph/circuit.ts';
import {
  ModelError,
  type ElementwiseNode,
  type FloatGraph,
  type FloatNode,
  type FloatValue,
  type PoolNode,
  type ViewNode,
} from '../onnx/float-graph.ts';
import { isMonotone } from './draft.ts';
import { through, uncovered, type Form, type Named, type Stored, type Sum } from './forms.ts';
import { compose, inverse } from './index-map.ts';
import { shapeOfDims } from './layout.ts';
import { lowerAdd, lowerAffine, lowerElementwise, normalizedInput } from './lower-elementwise.ts';
import { lowerConvolution, lowerProduct } from './lower-linear.ts';
import { elementsOf, failure, Lowering } from './lowering.ts';
import { maximumPool } from './max-pool.ts';
import type { Normalization, Program, ProgramOutput } from './program.ts';
import { sourcesOf, withoutRim } from './views.ts';

/** Anything at or below is "nothing there" for a maximum. */
const NEVER_LARGEST = -1e9;

/** The elementwise node after a max pool, if it may as well come before: it never falls, and nothing else reads the pool. */
function activationAfter(lowering: Lowering, node: PoolNode): ElementwiseNode | null {
  const reader = lowering.onlyReader(node.output.name);
  return reader?.kind === 'elementwise' && isMonotone(reader) ? reader : null;
}

function lowerMaxPool(lowering: Lowering, node: PoolNode): void {
  const { draft } = lowering;
  const sum = lowering.continuable(node.input.name);
  const reader = sum && !sum.activation ? activationAfter(lowering, node) : null;
  let output = node.output.name;
  if (sum && reader) {
    const { formula, fn } = reader;
    const activation = { formula, fn };
    lowering.set(node.input.name, { ...sum, activation, value: { ...sum.value, through: activation } });
    lowering.done.add(reader);
    output = reader.output.name;
  }
  let stored = lowering.stored(node.input.name);
  // An uncovered position reads as the byte 0, the smallest value.
  const harmless = stored.fill <= NEVER_LARGEST || (stored.fill <= 0 && draft.isNonNegative(stored.sources));
  if (!harmless && hasHoles(stored, node.input)) stored = lowering.copied(node.input, node.operator);
  const view = maximumPool(draft, node, draft.view(node.inputShape, stored.sources));
  lowering.set(output, { form: 'stored', sources: sourcesOf(view, draft.shapeOf), fill: 0 });
}

function hasHoles(stored: Stored, value: FloatValue): boolean {
  return uncovered(stored.sources, elementsOf(value)).includes(1);
}

function lowerAveragePool(lowering: Lowering, node: PoolNode): Sum {
  if (node.dilation.some((d) => d !== 1)) throw failure(node, 'dilated average pooling is not supported');
  const { draft } = lowering;
  const { name, operator, inputShape, kernel, stride, rowCount, columnCount } = node;
  const shape: Shape = node.outputShape;
  const { sources } = lowering.solid(node.input, operator);
  const { operand, pad } = withoutRim(draft.view(inputShape, sources), node.pad);
  const factor = new Float64Array(shape[0]).fill(1);
  const value: Named = { name: node.output.name, through: null, order: null };
  return {
    form: 'sum',
    name,
    operator,
    shape,
    terms: [{ kind: 'window-sum', operand, quantizers: draft.quantizers(operand), factor, kernel, stride, pad, rowCount, columnCount }],
    bias: new Float64Array(shape[0]),
    activation: null,
    sum: value,
    value,
    rescaled: null,
  };
}

/** A sum seen through a map that reads every position once. */
function rearranged(sum: Sum, node: ViewNode): Sum | null {
  const index = node.parts[0]!.index;
  if (node.parts.length !== 1 || (index && !(index.length === size(sum.shape) && inverse(index)))) return null;
  const value: Named = { name: node.output.name, through: null, order: compose(index, sum.value.order) };
  return sum.activation ? { ...sum, value } : { ...sum, sum: value, value };
}

function lowerView(lowering: Lowering, node: ViewNode): Form {
  const [only] = node.parts;
  const sum = only && lowering.continuable(only.input.name);
  const turned = sum && rearranged(sum, node);
  if (turned) return turned;
  const length = elementsOf(node.output);
  const read = node.parts.map(({ input, index }) => ({ input, index, stored: lowering.stored(input.name) }));
  const own = read.map(({ index }) => ({ tensor: -1, index }));
  const open = uncovered(own, length).includes(1);
  // One constant for all uncovered positions, this node's and those of what it reads.
  const fills = new Set(open ? [node.fill] : []);
  for (const { stored, input } of read) if (hasHoles(stored, input)) fills.add(stored.fill);
  const [fill = 0] = fills;
  const sources = read.flatMap(({ input, index, stored }) =>
    through(index, (fills.size > 1 && hasHoles(stored, input) ? lowering.copied(input, node.operator) : stored).sources),
  );
  return { form: 'stored', sources, fill: fills.size > 1 ? node.fill : fill };
}

/** The form of a node's output, or null where the node has set what it makes itself. */
function formOf(lowering: Lowering, node: FloatNode): Form | null {
  switch (node.kind) {
    case 'convolution':
      return lowerConvolution(lowering, node);
    case 'product':
      return lowerProduct(lowering, node);
    case 'affine':
      return lowerAffine(lowering, node);
    case 'add':
      return lowerAdd(lowering, node);
    case 'elementwise':
      return lowerElementwise(lowering, node);
    case 'view':
      return lowerView(lowering, node);
    case 'average-pool':
      return lowerAveragePool(lowering, node);
    case 'max-pool':
      lowerMaxPool(lowering, node);
      return null;
  }
}

/** The tensor of an output: an accumulator where a sum ends the model, else whole bytes of its own. */
function lowerOutput(lowering: Lowering, output: FloatValue, inputs: number, taken: ReadonlySet<number>): number {
  const { draft } = lowering;
  const sum = lowering.continuable(output.name);
  if (sum && !sum.activation && !sum.rescaled && !sum.value.order) return draft.accumulate(sum);
  const stored = lowering.stored(output.name);
  const [source, second] = stored.sources;
  if (source && !second && !source.index && source.tensor >= inputs && !taken.has(source.tensor)) return source.tensor;
  return draft.copy(output.name, 'output', stored, shapeOfDims(output.dims), output.name);
}

/** Throws `ModelError` where the model has no form as a circuit. */
export function lower(graph: FloatGraph, normalization: Normalization | null = null): Program {
  const lowering = new Lowering(graph);
  for (const input of graph.inputs) {
    if (!elementsOf(input)) throw new ModelError(`has no elements: ${input.dims.join(' x ')}`, { node: input.name });
    const tensor = lowering.draft.input(input.name, input.dims, shapeOfDims(input.dims));
    lowering.set(input.name, { form: 'stored', sources: [{ tensor, index: null }], fill: 0 });
    if (normalization) lowering.setNormalized(input.name, normalizedInput(lowering, input, normalization));
  }
  for (const node of graph.nodes) {
    if (lowering.done.has(node)) continue;
    const form = formOf(lowering, node);
    if (form) lowering.set(node.output.name, form);
  }
  const taken = new Set<number>();
  const outputs = graph.outputs.map(({ name, dims }): ProgramOutput => {
    const tensor = lowerOutput(lowering, { name, dims }, graph.inputs.length, taken);
    taken.add(tensor);
    return { name, dims, tensor };
  });
  return lowering.draft.finish(outputs, normalization, graph.notes);
}
