/** Add, Sub, Mul, Div and their kin, comparisons, and BatchNormalization. */
import { dimsText, padDims } from '../dims.ts';
import { add, call, clamp, divide, multiply, power, subtract, type Expression } from '../expression.ts';
import type { AffineNode, FloatConstant, FloatValue } from '../float-graph.ts';
import type { Tensor } from '../tensor.ts';
import { foldPointwise, pointwise, pointwiseDims, pointwiseOperand, type PointwiseOperand } from './pointwise.ts';
import type { Meaning, Operator } from './operator.ts';

interface Arithmetic {
  readonly build: (a: Expression, b: Expression, op: Operator) => Expression;
  readonly apply: (a: number, b: number) => number;
  /** If it is a sum: the sign of the second operand. */
  readonly sum?: 1 | -1;
  /** `scale * x + offset` of a variable x and a tensor of constants: the operator's operand that is constant, and what it is. */
  readonly affine?: Partial<Record<0 | 1, (value: number) => readonly [scale: number, offset: number]>>;
}

const binaries: Readonly<Record<string, Arithmetic>> = {
  Add: { build: add, apply: (a, b) => a + b, sum: 1, affine: { 0: (c) => [1, c], 1: (c) => [1, c] } },
  Sub: { build: subtract, apply: (a, b) => a - b, sum: -1, affine: { 0: (c) => [-1, c], 1: (c) => [1, -c] } },
  Mul: { build: multiply, apply: (a, b) => a * b, affine: { 0: (c) => [c, 0], 1: (c) => [c, 0] } },
  Div: { build: quotient, apply: (a, b) => a / b, affine: { 1: (c) => [1 / c, 0] } },
  Pow: { build: exponentiation, apply: (a, b) => a ** b },
  Max: { build: (a, b) => extremum('max', a, b), apply: Math.max },
  Min: { build: (a, b) => extremum('min', a, b), apply: Math.min },
};

export const arithmetic: Readonly<Record<string, (op: Operator) => Meaning[]>> = {
  Add: binary('Add'),
  Sub: binary('Sub'),
  Mul: binary('Mul'),
  Div: binary('Div'),
  Pow: binary('Pow'),
  Max: variadic('Max'),
  Min: variadic('Min'),
  Sum: variadic('Add'),
  Greater: comparison('greater', (a, b) => a > b),
  Less: comparison('less', (a, b) => a < b),
  GreaterOrEqual: comparison('greater-or-equal', (a, b) => a >= b),
  LessOrEqual: comparison('less-or-equal', (a, b) => a <= b),
  Equal: comparison('equal', (a, b) => a === b),
  Where: where,
  BatchNormalization: batchNormalization,
};

function binary(kind: string): (op: Operator) => Meaning[] {
  return (op) => {
    if (op.operands.length !== 2) throw op.error(`has ${op.operands.length} operands, expected 2`);
    return combination(op, kind);
  };
}

function variadic(kind: string): (op: Operator) => Meaning[] {
  return (op) => {
    if (op.operands.length === 1 && op.operand(0).kind === 'variable') return [op.operand(0)];
    return combination(op, kind);
  };
}

function combination(op: Operator, kind: string): Meaning[] {
  const { build, apply, sum, affine } = binaries[kind]!;
  const operands = op.operands.map((_, position) => pointwiseOperand(op, position));
  if (operands.length === 0) throw op.error('has no operands');
  const tensors = operands.flatMap((operand) => (operand.kind === 'constant' ? [operand.tensor] : []));
  if (tensors.length === operands.length) {
    const integers = tensors.every(({ type }) => type !== 'float');
    const step = integers && kind === 'Div' ? (a: number, b: number): number => Math.trunc(a / b) : apply;
    return [foldPointwise(op, (...values) => values.reduce((a, b) => step(a, b)), tensors)];
  }
  for (const tensor of tensors) checkOperand(op, tensor, kind);
  const step = pointwise(op, operands, (args) => args.reduce((a, b) => build(a, b, op)), operands.length === 2 && sum ? { sum } : {});
  if (step) return [step];
  const position = operands.findIndex((operand) => operand.kind === 'constant' && operand.uniform === null) as 0 | 1;
  const [form, other] = [affine?.[position], operands[1 - position]];
  if (!form || operands.length !== 2 || other?.kind !== 'variable') {
    throw op.error(
      `with a constant ${dimsText(operands[position]!.dims)} of different values is not supported`,
      'one number for all elements is',
    );
  }
  return [affineNode(op, other.value, pointwiseDims(op, operands), operands[position]!, form)];
}

function checkOperand(op: Operator, tensor: Tensor, kind: string): void {
  if (tensor.type !== 'float') throw op.error(`constant ${tensor.name} holds integers, expected floats`);
  const bounds = kind === 'Max' || kind === 'Min';
  if (!bounds || tensor.data.some((value) => Number.isNaN(value))) op.finite(tensor);
}

function affineNode(
  op: Operator,
  input: FloatValue,
  dims: readonly number[],
  operand: PointwiseOperand,
  form: (value: number) => readonly [scale: number, offset: number],
): AffineNode {
  const { tensor } = operand as PointwiseOperand & { kind: 'constant' };
  const forms = Array.from(tensor.data as Float32Array, form);
  const part = (which: 0 | 1): FloatConstant => {
    const data = Float32Array.from(forms, (pair) => pair[which]);
    op.finite({ type: 'float', name: tensor.name, dims: tensor.dims, data });
    const value = data[0]!;
    if (data.every((other) => other === value)) return { dims: dims.map(() => 1), data: Float32Array.of(value) };
    return { dims: padDims(tensor.dims, dims.length), data };
  };
  return { kind: 'affine', name: op.name, operator: op.type, input, output: op.output(dims), scale: part(0), offset: part(1) };
}

function quotient(a: Expression, b: Expression, op: Operator): Expression {
  if (b.terms.length === 0 && b.offset === 0) throw op.error('divides by 0');
  return divide(a, b);
}

function exponentiation(a: Expression, b: Expression, op: Operator): Expression {
  if (b.terms.length === 0) return power(a, b.offset);
  if (a.terms.length > 0) throw op.error('has a computed exponent', 'base or exponent must be a constant');
  const base = a.offset;
  return call('exponential', (y) => base ** y, [b], [base]);
}

function extremum(name: 'max' | 'min', a: Expression, b: Expression): Expression {
  const bound = a.terms.length === 0 ? a : b.terms.length === 0 ? b : null;
  if (!bound) return call(name, (x, y) => Math[name](x, y), [a, b]);
  const other = bound === a ? b : a;
  return name === 'max' ? clamp(other, bound.offset, Infinity) : clamp(other, -Infinity, bound.offset);
}

function comparison(name: string, apply: (a: number, b: number) => boolean): (op: Operator) => Meaning[] {
  return (op) => {
    const operands = [pointwiseOperand(op, 0), pointwiseOperand(op, 1)];
    const value = (a: number, b: number): number => Number(apply(a, b));
    const tensors = operands.flatMap((operand) => (operand.kind === 'constant' ? [operand.tensor] : []));
    if (tensors.length === 2) return [foldPointwise(op, value, tensors, 'boolean')];
    const step = pointwise(op, operands, (args) => call(name, value, args), { condition: true });
    if (!step) throw op.error('with a constant of different values is not supported', 'one number for all elements is');
    return [step];
  };
}

/** `condition ? a : b`; reads a comparison of the same run. */
function where(op: Operator): Meaning[] {
  const operands = [pointwiseOperand(op, 0, true), pointwiseOperand(op, 1), pointwiseOperand(op, 2)];
  const choose = (condition: number, a: number, b: number): number => (condition !== 0 ? a : b);
  const tensors = operands.flatMap((operand) => (operand.kind === 'constant' ? [operand.tensor] : []));
  if (tensors.length === 3) return [foldPointwise(op, choose, tensors)];
  const step = pointwise(op, operands, (args) => call('where', choose, args));
  if (!step) throw op.error('with a constant of different values is not supported', 'one number for all elements is');
  return [step];
}

/** `scale (x - mean) / sqrt(variance + epsilon) + bias`, per channel. */
function batchNormalization(op: Operator): Meaning[] {
  const input = op.variable(0);
  const [gamma, beta, mean, variance] = [1, 2, 3, 4].map((position) => op.weights(position).data) as [
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  const epsilon = op.float('epsilon', 1e-5);
  op.ignore('momentum');
  if (op.flag('training_mode', false)) throw op.error('is in training mode', 'export the model for inference: model.eval()');
  if (!op.flag('spatial', true)) throw op.error('normalizes per position (spatial = 0)', 'export the model in a newer operator set');
  const channels = input.dims[1];
  if (channels === undefined || [gamma, beta, mean, variance].some(({ length }) => length !== channels)) {
    throw op.error(
      `has ${gamma.length} scales, ${beta.length} biases, ${mean.length} means and ${variance.length} variances for an input ${dimsText(input.dims)}`,
    );
  }
  const scales = gamma.map((value, c) => value / Math.sqrt(variance[c]! + epsilon));
  const offsets = beta.map((value, c) => value - mean[c]! * (gamma[c]! / Math.sqrt(variance[c]! + epsilon)));
  const dims = input.dims.map((dim, axis) => (axis === 1 ? dim : 1));
  const part = (data: Float32Array, name: string): FloatConstant => ({ dims, data: op.finite({ type: 'float', name, dims, data }).data });
  return [
    {
      kind: 'affine',
      name: op.name,
      operator: op.type,
      input,
      output: op.output(input.dims),
      scale: part(scales, 'scale / sqrt(variance + epsilon)'),
      offset: part(offsets, 'bias - mean * scale'),
    },
  ];
}
