/** Elementwise steps: single operators, and what exporters make of activations that have none. */
import { float, type OnnxAttribute } from '../onnx-builder.ts';
import type { Step } from './model.ts';

function withNumber(op: string, numbers: readonly number[], numberFirst = false, since = 7): Step {
  return (m, value) => {
    if (m.opset < since) return null;
    const constant = m.floats(m.pick([[], [1], [1, 1]].filter((dims) => dims.length <= value.dims.length)), [m.pick(numbers)]);
    return m.node(op, numberFirst ? [constant, value.name] : [value.name, constant]);
  };
}

function activation(op: string, since = 7, attributes: readonly Record<string, OnnxAttribute>[] = [{}]): Step {
  return (m, value) => (m.opset < since ? null : m.node(op, [value.name], m.pick(attributes)));
}

const clip: Step = (m, value) => {
  const [low, high] = [m.pick([-1, 0]), m.pick([0.5, 6])];
  const [hasLow, hasHigh] = [m.flip(), m.flip()];
  if (m.opset < 11)
    return m.node('Clip', [value.name], { ...(hasLow ? { min: float(low) } : {}), ...(hasHigh ? { max: float(high) } : {}) });
  return m.node('Clip', [value.name, hasLow ? m.floats([], [low]) : '', ...(hasHigh ? [m.floats([], [high])] : [])]);
};

const prelu: Step = (m, value) => m.node('PRelu', [value.name, m.floats([1], [0.25])]);

/** Gelu with the error function, in any order of its factors. */
const geluByErf: Step = (m, { name }) => {
  if (m.opset < 9) return null;
  const [scaled] = m.flip() ? m.node('Div', [name, m.floats([], [Math.SQRT2])]) : m.node('Mul', [m.floats([], [Math.SQRT1_2]), name]);
  const [curve] = m.node('Erf', [scaled!]);
  const [plus] = m.flip() ? m.node('Add', [curve!, m.floats([], [1])]) : m.node('Add', [m.floats([1], [1]), curve!]);
  const factors = [name, plus!, m.floats([], [0.5])].map((factor) => [m.random(), factor] as const).sort((a, b) => a[0] - b[0]);
  const [a, b, c] = factors.map(([, factor]) => factor) as [string, string, string];
  return m.node('Mul', m.flip() ? [m.node('Mul', [a, b])[0]!, c] : [a, m.node('Mul', [b, c])[0]!]);
};

const geluByTanh: Step = (m, { name }) => {
  const [cube] = m.flip() ? m.node('Pow', [name, m.floats([], [3])]) : m.node('Mul', [name, m.node('Mul', [name, name])[0]!]);
  const [small] = m.node('Mul', [cube!, m.floats([], [0.044715])]);
  const [inner] = m.node('Add', m.flip() ? [name, small!] : [small!, name]);
  const [curve] = m.node('Tanh', m.node('Mul', [m.floats([], [Math.sqrt(2 / Math.PI)]), inner!]));
  const [plus] = m.node('Add', [curve!, m.floats([], [1])]);
  const [half] = m.node('Mul', [name, m.floats([], [0.5])]);
  return m.node('Mul', [half!, plus!]);
};

const geluBySigmoid: Step = (m, { name }) => {
  const [gate] = m.node('Sigmoid', m.node('Mul', [name, m.floats([], [1.702])]));
  return m.node('Mul', m.flip() ? [name, gate!] : [gate!, name]);
};

const silu: Step = (m, { name }) => m.node('Mul', [name, m.node('Sigmoid', [name])[0]!]);

const mishByParts: Step = (m, { name }) => m.node('Mul', [m.node('Tanh', m.node('Softplus', [name]))[0]!, name]);

const hardSwishByParts: Step = (m, { name }) => {
  const [shifted] = m.node('Add', [name, m.floats([], [3])]);
  const bounds = [m.floats([], [0]), m.floats([], [6])];
  const [gate] = m.opset < 11 ? m.node('Clip', [shifted!], { min: float(0), max: float(6) }) : m.node('Clip', [shifted!, ...bounds]);
  return m.node('Div', [m.node('Mul', [name, gate!])[0]!, m.floats([], [6])]);
};

const whereRun: Step = (m, { name }) => {
  if (m.opset < 9) return null;
  const [positive] = m.node('Greater', [name, m.floats([], [0.25])]);
  return m.node('Where', [positive!, name, m.node('Mul', [name, m.floats([], [0.125])])[0]!]);
};

/** `sqrt(|x| + 0.5)`, `exp(tanh x)`, `1 / (1 + exp(-tanh x))`. */
const positiveRoot: Step = (m, { name }) => m.node('Sqrt', m.node('Add', [m.node('Abs', [name])[0]!, m.floats([], [0.5])]));
const boundedExp: Step = (m, { name }) => m.node('Exp', m.node('Tanh', [name]));
const sigmoidByParts: Step = (m, { name }) => {
  const [power] = m.node('Exp', m.node('Neg', m.node('Tanh', [name])));
  return m.node('Div', [m.floats([], [1]), m.node('Add', [m.floats([], [1]), power!])[0]!]);
};

export const ELEMENTWISE_STEPS: Readonly<Record<string, Step>> = {
  'plus a number': withNumber('Add', [3, 0.5]),
  'times a number': withNumber('Mul', [0.5, -1]),
  'to a power': withNumber('Pow', [1, 2, 3]),
  'a number to the power': withNumber('Pow', [0.75], true),
  maximum: withNumber('Max', [0, -0.5], false, 8),
  minimum: withNumber('Min', [0, 1.5], true, 8),
  relu: activation('Relu'),
  'leaky relu': activation('LeakyRelu', 7, [{}, { alpha: float(0.2) }]),
  prelu,
  sigmoid: activation('Sigmoid'),
  tanh: activation('Tanh'),
  'hard sigmoid': activation('HardSigmoid', 7, [{}, { alpha: float(0.25), beta: float(0.375) }]),
  'hard swish': activation('HardSwish', 14),
  elu: activation('Elu', 7, [{}, { alpha: float(0.5) }]),
  selu: activation('Selu', 7, [{}, { alpha: float(1.5), gamma: float(0.75) }]),
  celu: activation('Celu', 12, [{}, { alpha: float(0.5) }]),
  gelu: activation('Gelu', 20, [{}, { approximate: 'none' }, { approximate: 'tanh' }]),
  mish: activation('Mish', 18),
  softplus: activation('Softplus'),
  softsign: activation('Softsign'),
  'thresholded relu': activation('ThresholdedRelu', 10, [{}, { alpha: float(0.5) }]),
  shrink: activation('Shrink', 9, [{}, { lambd: float(0.3), bias: float(0.3) }]),
  abs: activation('Abs'),
  neg: activation('Neg'),
  erf: activation('Erf', 9),
  sin: activation('Sin'),
  atan: activation('Atan'),
  'square root': positiveRoot,
  'bounded exp': boundedExp,
  'sigmoid by parts': sigmoidByParts,
  clip,
  'gelu by erf': geluByErf,
  'gelu by tanh': geluByTanh,
  'gelu by sigmoid': geluBySigmoid,
  silu,
  'mish by parts': mishByParts,
  'hard swish by parts': hardSwishByParts,
  where: whereRun,
};
