/** Operators that give constants, and those that give another operator's value: Constant, Shape, Cast, Identity, Dropout .. */
import { TensorProto_DataType as Type } from 'onnx-buf';
import { count } from '../dims.ts';
import { floatTensor, integerTensor, decodeTensor, numbers, type Tensor } from '../tensor.ts';
import type { Meaning, Operator } from './operator.ts';
import { folded, scalarStep } from './pointwise.ts';
import { dimsOf, range } from './view.ts';

/** Every form: a tensor, a number, a list. */
export function constantOperator(op: Operator): Meaning[] {
  const name = op.outputs[0] ?? '';
  const tensor = (value: Tensor): Meaning[] => [{ kind: 'constant', tensor: value }];
  const value = op.tensor('value');
  if (value) return tensor(decodeTensor(value, name));
  if (op.has('value_float')) return tensor(floatTensor(name, [], Float32Array.of(op.float('value_float', 0))));
  if (op.has('value_int')) return tensor(integerTensor(name, [], [op.integer('value_int', 0)]));
  const floats = op.floats('value_floats');
  if (floats) return tensor(floatTensor(name, [floats.length], Float32Array.from(floats)));
  const integers = op.integers('value_ints');
  if (integers) return tensor(integerTensor(name, [integers.length], integers));
  throw op.error('has no value that is a dense tensor of numbers');
}

/** The dimensions, or those from `start` to `end` (operator set 15). */
export function shape(op: Operator): Meaning[] {
  const dims = dimsOf(op, 0);
  const bounded = (position: number): number => Math.min(Math.max(position < 0 ? position + dims.length : position, 0), dims.length);
  const part = dims.slice(bounded(op.integer('start', 0)), bounded(op.integer('end', dims.length)));
  return [folded(op, [part.length], part, 'integer')];
}

export function size(op: Operator): Meaning[] {
  return [folded(op, [], [count(dimsOf(op, 0))], 'integer')];
}

export function constantOfShape(op: Operator): Meaning[] {
  const dims = op.list(0);
  if (dims.some((dim) => dim < 0)) throw op.error('has a negative dimension');
  if (count(dims) > 0) op.checkDims(dims);
  const message = op.tensor('value');
  const value = message ? decodeTensor(message, op.outputs[0] ?? '') : null;
  const [number = 0] = value ? numbers(value) : [];
  return [folded(op, dims, new Array<number>(count(dims)).fill(number), value?.type ?? 'float')];
}

/** `start, start + delta, ..` up to before the limit. */
export function rangeOperator(op: Operator): Meaning[] {
  const [start, limit, delta] = [op.number(0), op.number(1), op.number(2)];
  const length = Math.max(Math.ceil((limit - start) / delta), 0);
  if (!Number.isFinite(length)) throw op.error(`has a step of ${delta}`);
  if (length > 0) op.checkDims([length]);
  return [
    folded(
      op,
      [length],
      range(length).map((k) => start + k * delta),
      op.constant(0).type,
    ),
  ];
}

/** Product or sum of a constant, over all of it: what exporters make of shapes. */
export function reduceConstant(step: (a: number, b: number) => number): (op: Operator) => Meaning[] {
  return (op) => {
    const tensor = op.constant(0);
    const axes = op.listSince(op.type === 'ReduceSum' ? 13 : 18, 'axes', 1) ?? range(tensor.dims.length);
    const keep = op.flag('keepdims', true);
    op.ignore('noop_with_empty_axes');
    if (op.axes(axes, tensor.dims.length).length !== tensor.dims.length) throw op.error('reduces a constant over some of its axes');
    const values = numbers(tensor);
    const [first, ...rest] = values;
    if (first === undefined) throw op.error('reduces an empty constant');
    return [folded(op, keep ? tensor.dims.map(() => 1) : [], [rest.reduce(step, first)], tensor.type)];
  };
}

/** Between floats it changes nothing that is kept here; a truth value becomes 0 or 1; constants change their type. */
export function cast(op: Operator): Meaning[] {
  const to = op.integer('to', 0);
  op.ignore('saturate');
  const target = TARGETS[to];
  const operand = op.operand(0);
  if (operand.kind === 'constant' && target) {
    const { tensor } = operand;
    const values = numbers(tensor);
    if (target === 'float') return [folded(op, tensor.dims, values, 'float')];
    return [folded(op, tensor.dims, values.map(target === 'boolean' ? (value) => Number(value !== 0) : Math.trunc), target)];
  }
  if (to === (Type.FLOAT as number)) {
    if (operand.kind === 'variable') return [operand];
    if (operand.kind === 'condition') return [scalarStep(op, [operand.value], operand.value.dims, ([x]) => x!)];
  }
  throw op.error(`casts a computed value to ${Type[to] ?? to}`, 'only float32 is supported: export the model in float32');
}

const TARGETS: Readonly<Record<number, 'float' | 'integer' | 'boolean'>> = {
  [Type.FLOAT]: 'float',
  [Type.DOUBLE]: 'float',
  [Type.INT64]: 'integer',
  [Type.INT32]: 'integer',
  [Type.BOOL]: 'boolean',
};

export function identity(op: Operator): Meaning[] {
  return [op.operand(0)];
}

/** At inference it is the identity; its mask may not be read. */
export function dropout(op: Operator): Meaning[] {
  op.ignore('ratio', 'seed');
  if (op.isGiven(2) && op.number(2) !== 0) throw op.error('is in training mode', 'export the model for inference: model.eval()');
  return [op.operand(0), null];
}

/** Left to the client where it ends the model. */
export function softmax(op: Operator): Meaning[] {
  const logits = op.variable(0);
  const axis = op.integer('axis', op.opset < 13 ? 1 : -1);
  return [{ kind: 'softmax', logits, name: op.name, operator: op.type, axis }];
}
