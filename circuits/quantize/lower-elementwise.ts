/** Constants, additions and elementwise functions as parts of sums. */
import { size, type Shape } from '../graph/circuit.ts';
import type { AddNode, AffineNode, ElementwiseNode, FloatConstant, FloatNode, FloatValue } from '../onnx/float-graph.ts';
import { after, arranged, fillField, inLayout, perPosition, plus, scaledSum, type Named, type Sum } from './forms.ts';
import { sameMap, type IndexMap } from './index-map.ts';
import { channelLayout, naturalLayout, type Layout } from './layout.ts';
import { requireFinite, type Lowering } from './lowering.ts';
import { affineOf } from './normalization.ts';
import type { Activation, FloatMultiple, Normalization } from './program.ts';

const ones = (n: number): Float64Array => new Float64Array(n).fill(1);

/** `factor[c] * x + bias` of stored bytes, in a layout. */
function multipleOf(
  lowering: Lowering,
  node: Pick<FloatNode, 'name' | 'operator'>,
  value: FloatValue,
  named: string,
  { shape, order }: Layout,
  factor: Float64Array,
  offset: Float64Array | null,
): Sum {
  const { draft } = lowering;
  const stored = lowering.stored(value.name);
  const sources = inLayout(order, stored.sources);
  const operand = draft.view(shape, sources);
  const term: FloatMultiple = { kind: 'multiple', operand, quantizers: draft.quantizers(operand), factor };
  const field = fillField(stored, size(shape));
  const fill = field && arranged(field, order, shape);
  const filled = fill && perPosition(fill, shape).map((v, n) => v * factor[Math.floor(n / (shape[1] * shape[2]))]!);
  const zero = new Float64Array(shape[0]);
  const bias = [filled, offset].reduce<Float64Array>((sum, part) => (part ? plus(sum, part, shape) : sum), zero);
  const result: Named = { name: named, through: null, order };
  const { name, operator } = node;
  return { form: 'sum', name, operator, shape, terms: [term], bias, activation: null, sum: result, value: result, rescaled: sources };
}

/** An input of bytes whose normalized form the model reads. */
export function normalizedInput(lowering: Lowering, input: FloatValue, normalization: Normalization): Sum {
  const { scale, offset } = affineOf(input, normalization);
  const layout = naturalLayout(lowering.stored(input.name), input.dims, lowering.draft.shapeOf);
  const factor = arranged(scale, layout.order, layout.shape);
  const fitting = factor.length === layout.shape[0] ? layout : channelLayout(input.dims, scale);
  const { shape, order } = fitting;
  const node = { name: input.name, operator: 'input' };
  return multipleOf(lowering, node, input, input.name, fitting, arranged(scale, order, shape), arranged(offset, order, shape));
}

/** A stored value as a sum of its own, unchanged. */
function identitySum(lowering: Lowering, node: FloatNode, value: FloatValue, layout?: Layout): Sum {
  const natural = layout ?? naturalLayout(lowering.stored(value.name), value.dims, lowering.draft.shapeOf);
  return multipleOf(lowering, node, value, value.name, natural, ones(natural.shape[0]), null);
}

/** A constant, one element per flat position of the value it is broadcast to. */
function broadcast({ dims, data }: FloatConstant, to: readonly number[]): Float64Array {
  const elements = to.reduce((a, b) => a * b, 1);
  if (data.length === 1) return new Float64Array(elements).fill(data[0]!);
  const result = new Float64Array(elements);
  const coordinates = to.map(() => 0);
  const steps = dims.map((n, axis) => (n === 1 ? 0 : dims.slice(axis + 1).reduce((a, b) => a * b, 1)));
  for (let i = 0, source = 0; i < elements; i++) {
    result[i] = data[source]!;
    for (let axis = to.length - 1; axis >= 0; axis--) {
      coordinates[axis]! += 1;
      source += steps[axis]!;
      if (coordinates[axis]! < to[axis]!) break;
      source -= steps[axis]! * to[axis]!;
      coordinates[axis] = 0;
    }
  }
  return result;
}

const renamed = (sum: Sum, name: string): Sum => {
  const value: Named = { name, through: null, order: sum.value.order };
  return { ...sum, sum: value, value };
};

export function lowerAffine(lowering: Lowering, node: AffineNode): Sum {
  requireFinite(node, 'factor', node.scale.data);
  requireFinite(node, 'constant', node.offset.data);
  const { input, output } = node;
  const scale = broadcast(node.scale, input.dims);
  const offset = broadcast(node.offset, input.dims);
  const sum = lowering.continuable(input.name);
  if (sum && !sum.activation) {
    const factor = arranged(scale, sum.value.order, sum.shape);
    if (factor.length === sum.shape[0]) {
      const scaled = scaledSum(sum, factor);
      const bias = plus(scaled.bias, arranged(offset, sum.value.order, sum.shape), sum.shape);
      return renamed({ ...scaled, bias }, output.name);
    }
  }
  const a = scale[0]!;
  const b = offset[0]!;
  if (sum?.activation && scale.every((v) => v === a) && offset.every((v) => v === b)) {
    return activatedBy(sum, { formula: `${a} x + ${b}`, fn: (x) => a * x + b }, output.name);
  }
  const natural = naturalLayout(lowering.stored(input.name), input.dims, lowering.draft.shapeOf);
  const factor = arranged(scale, natural.order, natural.shape);
  const layout = factor.length === natural.shape[0] ? natural : channelLayout(input.dims, scale);
  return multipleOf(
    lowering,
    node,
    input,
    output.name,
    layout,
    arranged(scale, layout.order, layout.shape),
    arranged(offset, layout.order, layout.shape),
  );
}

function activatedBy(sum: Sum, activation: Activation, name: string): Sum {
  return { ...sum, activation: after(sum.activation, activation), value: { name, through: null, order: sum.value.order } };
}

/** The sum that a node's elementwise function is applied to: the one that computes its input, or the stored input itself. */
export function lowerElementwise(lowering: Lowering, node: ElementwiseNode): Sum {
  const { formula, fn, input, output } = node;
  const sum = lowering.continuable(input.name) ?? identitySum(lowering, node, input);
  return activatedBy(sum, { formula, fn }, output.name);
}

const sameShape = (a: Shape, b: Shape): boolean => a.every((n, axis) => n === b[axis]);

function added(a: Sum, b: Sum, name: string): Sum {
  const value: Named = { name, through: null, order: a.value.order };
  const [main, other] = a.rescaled && !b.rescaled ? [b, a] : [a, b];
  return {
    form: 'sum',
    name: main.name,
    operator: main.operator,
    shape: a.shape,
    terms: [...main.terms, ...other.terms],
    bias: plus(a.bias, b.bias, a.shape),
    activation: null,
    sum: value,
    value,
    rescaled: null,
  };
}

export function lowerAdd(lowering: Lowering, node: AddNode): Sum {
  const [first, second] = node.inputs;
  const open = (value: FloatValue): Sum | null => {
    const sum = lowering.continuable(value.name);
    return sum && !sum.activation ? sum : null;
  };
  const sums = [open(first), open(second)];
  // The layout of the sum that cannot change its own; the other operand follows.
  const leader = sums.find((sum) => sum && !sum.rescaled) ?? sums.find((sum) => sum !== null) ?? identitySum(lowering, node, first);
  const layout: Layout = { shape: leader.shape, order: leader.value.order };
  const fits = (sum: Sum, order: IndexMap): boolean => sameShape(sum.shape, layout.shape) && sameMap(sum.value.order, order);
  const terms = node.inputs.map((value, k): Sum => {
    const sum = sums[k];
    const own = sum && fits(sum, layout.order) ? sum : identitySum(lowering, node, value, layout);
    return node.signs[k] === 1 ? own : scaledSum(own, new Float64Array(own.shape[0]).fill(-1));
  });
  return added(terms[0]!, terms[1]!, node.output.name);
}
