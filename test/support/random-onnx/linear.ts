/** Steps that are linear, and pools. */
import { seededFloats } from '../float-comparison.ts';
import { float, type OnnxAttribute } from '../onnx-builder.ts';
import { size, type RandomModel, type Step, type Value } from './model.ts';

/** Attributes of a window that fits. */
function window(m: RandomModel, spatial: readonly number[], kernel: readonly number[], pool: boolean): Record<string, OnnxAttribute> {
  const attributes: Record<string, OnnxAttribute> = { strides: spatial.map(() => m.between(1, 3)) };
  const dilates = m.random() < 0.3 && (!pool || m.opset >= 10);
  const dilations = spatial.map((length, axis) => (dilates && (kernel[axis]! - 1) * 2 + 1 <= length ? 2 : 1));
  const auto = m.pick(['', '', 'NOTSET', 'VALID', 'SAME_UPPER', 'SAME_LOWER']);
  if (dilates) attributes.dilations = dilations;
  if (auto !== '') attributes.auto_pad = auto;
  // The runtime refuses windows that leave gaps, and dilated ones, where it is to keep the size.
  if (auto.startsWith('SAME')) {
    attributes.strides = kernel.map((length) => m.between(1, length));
    delete attributes.dilations;
  }
  if (auto === '' || auto === 'NOTSET') {
    const pads = [...kernel, ...kernel].map((length) => m.between(0, length - 1));
    if (m.flip()) attributes.pads = pads;
    if (pool && m.opset >= 10 && m.flip()) attributes.ceil_mode = 1;
  }
  return attributes;
}

function spatialOf({ dims }: Value): readonly number[] | null {
  return dims[0] === 1 && (dims.length === 3 || dims.length === 4) ? dims.slice(2) : null;
}

const conv: Step = (m, value) => {
  const spatial = spatialOf(value);
  if (!spatial) return null;
  const channels = value.dims[1]!;
  const groups = m.pick([1, 1, channels, channels % 2 === 0 ? 2 : 1]);
  const outputs = groups * m.between(1, 2);
  const kernel = spatial.map((length) => m.between(1, Math.min(3, length)));
  const attributes = window(m, spatial, kernel, false);
  if (groups > 1 || m.flip()) attributes.group = groups;
  if (m.flip()) attributes.kernel_shape = kernel;
  const bias = m.flip() ? [m.floats([outputs])] : [];
  return m.node('Conv', [value.name, m.floats([outputs, channels / groups, ...kernel]), ...bias], attributes);
};

/** A convolution that keeps the dimensions. */
const pointConv: Step = (m, value) => {
  const spatial = spatialOf(value);
  if (!spatial) return null;
  const channels = value.dims[1]!;
  return m.node('Conv', [value.name, m.floats([channels, channels, ...spatial.map(() => 1)])]);
};

function pooling(op: string): Step {
  return (m, value) => {
    const spatial = spatialOf(value);
    if (!spatial) return null;
    const kernel = spatial.map((length) => m.between(1, Math.min(3, length)));
    const attributes = window(m, spatial, kernel, op === 'MaxPool');
    if (op === 'AveragePool') {
      if (m.opset >= 10 && !('auto_pad' in attributes) && m.flip()) attributes.ceil_mode = 1;
      if (m.flip()) attributes.count_include_pad = m.between(0, 1);
      if (m.opset < 19) delete attributes.dilations;
    }
    return m.node(op, [value.name], { ...attributes, kernel_shape: kernel });
  };
}

function globalPooling(op: string): Step {
  return (m, value) => (spatialOf(value) ? m.node(op, [value.name]) : null);
}

function reducing(op: string): Step {
  return (m, value) => {
    const rank = value.dims.length;
    if (rank < 2) return null;
    const first = m.between(rank > 2 ? 1 : 0, rank - 1);
    const axes = Array.from({ length: m.between(1, rank - first) }, (_, k) => first + k).map((axis) => (m.flip() ? axis : axis - rank));
    const attributes = m.flip() ? {} : { keepdims: m.between(0, 1) };
    if (m.opset >= 18) return m.node(op, [value.name, m.list(axes)], attributes);
    // Negative axes are counted from the end since operator set 11.
    const counted = m.opset < 11 ? axes.map((axis) => (axis < 0 ? axis + rank : axis)) : axes;
    return m.node(op, [value.name], { ...attributes, axes: counted });
  };
}

const batchNormalization: Step = (m, value) => {
  if (!spatialOf(value)) return null;
  const channels = value.dims[1]!;
  const variance = seededFloats(m.random, channels).map((v) => v * v + 0.25);
  const operands = [m.floats([channels]), m.floats([channels]), m.floats([channels]), m.floats([channels], variance)];
  return m.node('BatchNormalization', [value.name, ...operands], m.flip() ? { epsilon: float(1e-3) } : {});
};

const gemm: Step = (m, value) => {
  if (value.dims.length !== 2) return null;
  const [rows, features] = value.dims as [number, number];
  const outputs = m.between(1, 4);
  const attributes: Record<string, OnnxAttribute> = {};
  if (m.flip()) attributes.alpha = float(0.5);
  if (m.flip()) attributes.beta = float(2);
  if (m.random() < 0.2) {
    // Constant first: W x.
    const transposed = m.flip();
    const weights = m.floats(transposed ? [rows, outputs] : [outputs, rows]);
    if (transposed) attributes.transA = 1;
    return m.node('Gemm', [weights, value.name, m.floats(m.pick([[outputs, 1], [1], []]))], attributes);
  }
  const transposed = m.flip();
  if (transposed) attributes.transB = 1;
  const bias = m.opset < 11 || m.flip() ? [m.floats(m.pick([[outputs], [1, outputs], [1], []]))] : [];
  return m.node('Gemm', [value.name, m.floats(transposed ? [outputs, features] : [features, outputs]), ...bias], attributes);
};

const matMul: Step = (m, value) => {
  const rank = value.dims.length;
  if (rank < 1) return null;
  const outputs = m.between(1, 4);
  if (m.flip() || rank === 1) {
    const features = value.dims[rank - 1]!;
    const weights = m.pick([[features, outputs], [features, outputs], rank > 1 ? [features] : [features, outputs], [1, features, outputs]]);
    return m.node('MatMul', [value.name, m.floats(weights)]);
  }
  const features = value.dims[rank - 2]!;
  return m.node('MatMul', [m.floats(m.pick([[outputs, features], [outputs, features], [features]])), value.name]);
};

/** Dimensions that broadcast to the value's, perhaps shorter. */
function broadcastable(m: RandomModel, dims: readonly number[]): number[] {
  const some = dims.map((dim) => (m.flip() ? dim : 1));
  return m.flip() ? some : some.slice(Math.min(m.between(0, dims.length), dims.length));
}

function withConstant(op: string, valueLast = false): Step {
  return (m, value) => {
    const dims = broadcastable(m, value.dims);
    const constant = m.floats(
      dims,
      seededFloats(m.random, size(dims)).map((v) => (v === 0 ? 0.5 : v)),
    );
    return m.node(op, valueLast ? [constant, value.name] : [value.name, constant]);
  };
}

const sine: Step = (m, value) => m.node('Sin', [value.name]);

function ofTwo(op: string, branch: readonly Step[]): Step {
  return (m, value) => {
    const other = m.pick(branch)(m, value);
    return other && m.node(op, m.flip() ? [value.name, other[0]!] : [other[0]!, value.name]);
  };
}

export const LINEAR_STEPS: Readonly<Record<string, Step>> = {
  conv,
  'max pool': pooling('MaxPool'),
  'average pool': pooling('AveragePool'),
  'global average pool': globalPooling('GlobalAveragePool'),
  'global max pool': globalPooling('GlobalMaxPool'),
  'reduce mean': reducing('ReduceMean'),
  'reduce max': reducing('ReduceMax'),
  'batch normalization': batchNormalization,
  gemm,
  matmul: matMul,
  'add a constant': withConstant('Add'),
  'a constant plus': withConstant('Add', true),
  'subtract a constant': withConstant('Sub'),
  'subtract from a constant': withConstant('Sub', true),
  'times a constant': withConstant('Mul'),
  'over a constant': withConstant('Div'),
  'add two': ofTwo('Add', [sine, pointConv, batchNormalization]),
  'subtract two': ofTwo('Sub', [sine, batchNormalization]),
};
