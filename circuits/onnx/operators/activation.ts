/** Elementwise operators of one operand. Formulas: ONNX operator reference. */
import { add, call, clamp, constant, multiply, power, scale, type Expression } from '../expression.ts';
import { elu, erf, leakyRelu, roundHalfEven, sigmoid, softplus, softsign } from '../scalar-functions.ts';
import type { Meaning, Operator } from './operator.ts';
import { unary } from './pointwise.ts';

const sigmoidOf = (x: Expression): Expression => call('sigmoid', sigmoid, [x]);
const erfOf = (x: Expression): Expression => call('erf', erf, [x]);
const tanhOf = (x: Expression): Expression => call('tanh', Math.tanh, [x]);
const softplusOf = (x: Expression): Expression => call('softplus', softplus, [x]);

/** A function without parameters. */
function simple(name: string, apply: (x: number) => number): (op: Operator) => Meaning[] {
  return unary((x) => call(name, apply, [x]));
}

export const activations: Readonly<Record<string, (op: Operator) => Meaning[]>> = {
  Relu: unary((x) => clamp(x, 0, Infinity)),
  Sigmoid: unary(sigmoidOf),
  Tanh: unary(tanhOf),
  Erf: unary(erfOf),
  Softplus: unary(softplusOf),
  Softsign: simple('softsign', softsign),
  Abs: simple('abs', Math.abs),
  Neg: unary((x) => scale(x, -1)),
  Exp: simple('exp', Math.exp),
  Log: simple('log', Math.log),
  Sqrt: unary((x) => power(x, 0.5)),
  Reciprocal: unary((x) => power(x, -1)),
  Sign: simple('sign', Math.sign),
  Floor: simple('floor', Math.floor),
  Ceil: simple('ceil', Math.ceil),
  Round: simple('round', roundHalfEven),
  Sin: simple('sin', Math.sin),
  Cos: simple('cos', Math.cos),
  Tan: simple('tan', Math.tan),
  Asin: simple('asin', Math.asin),
  Acos: simple('acos', Math.acos),
  Atan: simple('atan', Math.atan),
  Sinh: simple('sinh', Math.sinh),
  Cosh: simple('cosh', Math.cosh),
  Asinh: simple('asinh', Math.asinh),
  Acosh: simple('acosh', Math.acosh),
  Atanh: simple('atanh', Math.atanh),

  LeakyRelu: unary((x, op) => leaky(x, op.float('alpha', 0.01))),
  PRelu: parametricRelu,
  ThresholdedRelu: unary((x, op) => {
    const alpha = op.float('alpha', 1);
    return call('thresholded-relu', (y) => (y > alpha ? y : 0), [x], [alpha]);
  }),
  Elu: unary((x, op) => eluOf(x, op.float('alpha', 1))),
  Selu: unary((x, op) => scale(eluOf(x, op.float('alpha', 1.6732632423543772)), op.float('gamma', 1.0507009873554805))),
  Celu: unary((x, op) => {
    const alpha = op.float('alpha', 1);
    return call('celu', (y) => elu(y, alpha, alpha), [x], [alpha]);
  }),
  HardSigmoid: unary((x, op) => clamp(add(scale(x, op.float('alpha', 0.2)), constant(op.float('beta', 0.5))), 0, 1)),
  HardSwish: unary((x) => multiply(x, clamp(add(scale(x, 1 / 6), constant(0.5)), 0, 1))),
  Mish: unary((x) => multiply(x, tanhOf(softplusOf(x)))),
  Gelu: unary((x, op) => {
    const approximate = op.text('approximate', 'none');
    if (approximate === 'none') return gelu(x, erfOf(scale(x, Math.SQRT1_2)));
    if (approximate !== 'tanh') throw op.error(`attribute approximate is ${approximate}, expected none or tanh`);
    return gelu(x, tanhOf(scale(add(x, scale(power(x, 3), 0.044715)), Math.sqrt(2 / Math.PI))));
  }),
  Shrink: unary((x, op) => {
    const [lambda, bias] = [op.float('lambd', 0.5), op.float('bias', 0)];
    return call('shrink', (y) => (y < -lambda ? y + bias : y > lambda ? y - bias : 0), [x], [lambda, bias]);
  }),
  Clip: unary((x, op) => {
    const [low, high] = bounds(op);
    return clamp(x, low, high);
  }),
};

/** `0.5 x (1 + curve)` */
function gelu(x: Expression, curve: Expression): Expression {
  return scale(multiply(x, add(curve, constant(1))), 0.5);
}

function leaky(x: Expression, slope: number): Expression {
  if (slope === 0) return clamp(x, 0, Infinity);
  return slope === 1 ? x : call('leaky-relu', (y) => leakyRelu(y, slope), [x], [slope]);
}

function eluOf(x: Expression, alpha: number): Expression {
  return call('elu', (y) => elu(y, alpha), [x], [alpha]);
}

/** Attributes before operator set 11, operands from then on; either may be left out. */
function bounds(op: Operator): [low: number, high: number] {
  if (op.opset < 11) return [op.float('min', -Infinity), op.float('max', Infinity)];
  return [op.isGiven(1) ? op.number(1) : -Infinity, op.isGiven(2) ? op.number(2) : Infinity];
}

function parametricRelu(op: Operator): Meaning[] {
  const slopes = op.weights(1);
  const [slope] = slopes.data;
  if (slope === undefined || slopes.data.some((other) => other !== slope)) {
    throw op.error(`constant ${slopes.name} holds a slope per channel, supported is one for all`, 'train with one slope, or use LeakyRelu');
  }
  return unary((x) => leaky(x, slope))(op);
}
