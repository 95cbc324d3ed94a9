/** Each operator, alone or with the neighbours it is fused with, becomes layers whose answers are those of ONNX Runtime up to rounding. */
import { describe, expect, test } from 'vitest';
import type { Circuit, Layer, View } from '../../circuits/graph/circuit.ts';
import { Chain, compileSmall, noiseOf } from './small-models.ts';

/** Name, model, what its circuit looks like, and the least signal-to-noise at each output in decibels. */
interface Case {
  readonly name: string;
  readonly chain: Chain;
  readonly outputs?: readonly string[];
  readonly opset?: number;
  /** Layers, in short: R requantize, M maximum, A int32 output, and how many terms. */
  readonly layers: string;
  readonly decibels?: number;
}

/** A `*` marks a layer whose operand is no product of axis maps. */
function inShort({ layers }: Circuit): string {
  const views = (layer: Layer): View[] => (layer.kind === 'maximum' ? [layer.a, layer.b] : layer.terms.map(({ operand }) => operand));
  const star = (layer: Layer): string => (views(layer).some(({ parts }) => parts.some(({ kind }) => kind === 'gather')) ? '*' : '');
  return layers
    .map(
      (layer) =>
        (layer.kind === 'maximum' ? 'M' : `${layer.kind === 'requantize' ? 'R' : 'A'}${layer.terms.map(({ kind }) => kind[0]!).join('')}`) +
        star(layer),
    )
    .join(' ');
}

const image = (seed?: number): Chain => new Chain([1, 4, 8, 8], seed);
const dense = (chain: Chain, inputs: number, outputs: number): Chain =>
  chain.add('Gemm', [chain.weights([outputs, inputs]), chain.constant([outputs], chain.numbers(outputs))], { transB: 1 });

const cases: Case[] = [
  { name: 'a dense net', chain: dense(dense(new Chain([1, 20]), 20, 16).add('Relu'), 16, 5), layers: 'Rc Ac' },
  {
    name: 'a convolution with strides, pads and groups',
    chain: image()
      .conv(8, 4, [3, 2], { strides: [2, 1], pads: [1, 0, 2, 1], group: 2 })
      .add('Relu')
      .conv(3, 8, [1, 1]),
    layers: 'Rc Ac',
  },
  {
    name: 'a dilated and a depthwise convolution',
    chain: image()
      .conv(4, 4, [3, 3], { dilations: [2, 2], group: 4 })
      .add('Relu')
      .conv(3, 4, [2, 2]),
    layers: 'Rc Ac',
  },
  {
    name: 'a convolution over sequences',
    chain: new Chain([1, 3, 20])
      .conv(6, 3, [5], { pads: [2, 2] })
      .add('Relu')
      .conv(2, 6, [3]),
    layers: 'Rc Ac',
  },
  {
    name: 'a max pool after an activation',
    chain: image()
      .conv(5, 4, [3, 3])
      .add('Relu')
      .add('MaxPool', [], { kernel_shape: [2, 2], strides: [2, 2] })
      .conv(2, 5, [3, 3]),
    layers: 'Rc M M Ac',
  },
  {
    name: 'an activation after a max pool, which changes places with it',
    chain: image()
      .conv(5, 4, [3, 3])
      .add('MaxPool', [], { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] })
      .add('Relu')
      .conv(2, 5, [3, 3]),
    layers: 'Rc M M M M Ac',
  },
  {
    name: 'a padded max pool of signed values',
    chain: image()
      .conv(5, 4, [3, 3])
      .add('MaxPool', [], { kernel_shape: [3, 3], strides: [1, 1], pads: [1, 1, 1, 1] })
      .conv(2, 5, [3, 3]),
    layers: 'Rc M M M M Ac',
  },
  {
    name: 'a large max pool',
    chain: image()
      .conv(5, 4, [1, 1])
      .add('MaxPool', [], { kernel_shape: [7, 5], strides: [3, 3], dilations: [1, 1] })
      .conv(2, 5, [1, 1]),
    layers: 'Rc M M M M M M Ac',
  },
  {
    name: 'an average pool with padding that counts',
    chain: image()
      .conv(5, 4, [1, 1])
      .add('Relu')
      .add('AveragePool', [], { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1], count_include_pad: 1 })
      .conv(2, 5, [1, 1]),
    layers: 'Rc Rw Ac',
  },
  {
    name: 'an average pool with padding that does not count',
    chain: image()
      .conv(5, 4, [1, 1])
      .add('Relu')
      .add('AveragePool', [], { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] })
      .conv(2, 5, [1, 1]),
    layers: 'Rc Rw Ac',
  },
  {
    name: 'a global average and a dense layer',
    chain: dense(image().conv(16, 4, [1, 1]).add('Relu').add('GlobalAveragePool').add('Flatten'), 16, 4),
    layers: 'Rc Rw Ac',
  },
  {
    name: 'batch normalization after a convolution',
    chain: (() => {
      const c = image().conv(5, 4, [3, 3]);
      const own = [
        c.constant([5], [1, 2, 0.5, 1.5, 1]),
        c.constant([5], c.numbers(5)),
        c.constant([5], c.numbers(5)),
        c.constant([5], [0.5, 1, 2, 1, 1]),
      ];
      return c.add('BatchNormalization', own).add('Relu').conv(2, 5, [3, 3]);
    })(),
    layers: 'Rc Ac',
  },
  {
    name: 'a normalization of the input before a padded convolution',
    chain: (() => {
      const c = image();
      return c
        .add('Sub', [c.constant([1, 4, 1, 1], [0.1, -0.2, 0.3, 0])])
        .add('Div', [c.constant([1, 4, 1, 1], [0.5, 0.25, 0.6, 1])])
        .conv(5, 4, [3, 3], { pads: [1, 1, 1, 1] })
        .add('Relu')
        .conv(2, 5, [3, 3]);
    })(),
    layers: 'Rc Ac',
  },
  {
    name: 'batch normalization before activation and convolution',
    chain: (() => {
      const c = image();
      const own = [
        c.constant([4], [1, 2, 0.5, 1.5]),
        c.constant([4], c.numbers(4)),
        c.constant([4], c.numbers(4)),
        c.constant([4], [0.5, 1, 2, 1]),
      ];
      return c.add('BatchNormalization', own).add('Relu').conv(2, 4, [3, 3]);
    })(),
    layers: 'Rm Ac',
  },
  {
    name: 'a residual',
    chain: (() => {
      const c = image()
        .conv(4, 4, [3, 3], { pads: [1, 1, 1, 1] })
        .add('Relu');
      const short = c.value;
      return c
        .conv(4, 4, [3, 3], { pads: [1, 1, 1, 1] })
        .add('Add', [short])
        .add('Relu')
        .conv(2, 4, [2, 2]);
    })(),
    layers: 'Rc Rcm Ac',
  },
  {
    name: 'a difference of two convolutions',
    chain: (() => {
      const c = image().conv(6, 4, [3, 3]);
      const left = c.value;
      return c.from('v0').conv(6, 4, [3, 3]).node('Sub', [left, c.value]).add('Relu').conv(2, 6, [2, 2]);
    })(),
    layers: 'Rcc Ac',
  },
  {
    name: 'a sum of stored tensors',
    chain: (() => {
      const c = image().conv(4, 4, [1, 1]).add('Relu');
      const a = c.value;
      c.conv(4, 4, [1, 1]).add('Sigmoid');
      return c.add('Add', [a]).add('Relu').conv(2, 4, [1, 1]);
    })(),
    layers: 'Rc Rc Rmm Ac',
    decibels: 25,
  },
  ...['Sigmoid', 'Tanh', 'Elu', 'Softplus', 'HardSigmoid', 'HardSwish', 'LeakyRelu', 'Softsign'].map((op): Case => ({
    name: op,
    chain: image().conv(5, 4, [3, 3]).add(op).conv(2, 5, [3, 3]),
    opset: 14,
    layers: 'Rc Ac',
  })),
  { name: 'GELU', chain: image().conv(5, 4, [3, 3]).add('Gelu').conv(2, 5, [3, 3]), opset: 20, layers: 'Rc Ac' },
  {
    name: 'SiLU',
    chain: (() => {
      const c = image().conv(5, 4, [3, 3]);
      const x = c.value;
      return c.add('Sigmoid').add('Mul', [x]).conv(2, 5, [3, 3]);
    })(),
    layers: 'Rc Ac',
  },
  {
    name: 'ReLU6',
    chain: (() => {
      const c = image().conv(5, 4, [3, 3]);
      return c.add('Clip', [c.constant([], [0]), c.constant([], [0.75])]).conv(2, 5, [3, 3]);
    })(),
    layers: 'Rc Ac',
  },
  { name: 'an activation of the input', chain: image().add('Tanh').conv(2, 4, [3, 3]), layers: 'Rm Ac' },
  { name: 'an activation that ends the model', chain: image().conv(5, 4, [3, 3]).add('Sigmoid'), layers: 'Rc' },
  {
    name: 'a concatenation that a convolution reads',
    chain: (() => {
      const c = image().conv(3, 4, [1, 1]).add('Relu');
      const a = c.value;
      c.from('v0').conv(5, 4, [1, 1]).add('Sigmoid');
      return c.node('Concat', [a, c.value], { axis: 1 }).conv(2, 8, [3, 3]);
    })(),
    layers: 'Rc Rc Ac',
  },
  {
    name: 'a concatenation of rows',
    chain: (() => {
      const c = image().conv(3, 4, [1, 1]).add('Relu');
      const a = c.value;
      c.from('v0').conv(3, 4, [1, 1]).add('Relu');
      return c.node('Concat', [a, c.value], { axis: 2 }).conv(2, 3, [3, 3]);
    })(),
    layers: 'Rc Rc Ac',
  },
  {
    name: 'a concatenation of vectors before a dense layer',
    chain: (() => {
      const c = image().conv(3, 4, [1, 1]).add('Relu').add('Flatten');
      const a = c.value;
      c.from('v0').conv(1, 4, [1, 1]).add('Sigmoid').add('Flatten');
      return dense(c.node('Concat', [a, c.value], { axis: 1 }), 256, 4);
    })(),
    layers: 'Rc Rc Acc',
  },
  {
    name: 'a slice and a pad',
    chain: (() => {
      const c = image().conv(4, 4, [1, 1]).add('Relu');
      c.add('Slice', [c.integers([1, 2]), c.integers([7, 8]), c.integers([2, 3])]);
      return c.add('Pad', [c.integers([0, 0, 1, 2, 0, 0, 0, 1])]).conv(3, 4, [3, 3]);
    })(),
    layers: 'Rc Ac',
  },
  {
    name: 'a pad with a constant before a convolution',
    chain: (() => {
      const c = image().conv(4, 4, [1, 1]).add('Relu');
      return c.add('Pad', [c.integers([0, 0, 1, 1, 0, 0, 1, 1]), c.constant([], [0.7])]).conv(3, 4, [3, 3]);
    })(),
    layers: 'Rc Ac',
  },
  {
    name: 'a pad with zeros before a max pool',
    chain: (() => {
      const c = image().conv(4, 4, [1, 1]).add('Relu');
      return c
        .add('Pad', [c.integers([0, 0, 1, 1, 0, 0, 1, 1])])
        .add('MaxPool', [], { kernel_shape: [2, 2] })
        .conv(3, 4, [3, 3]);
    })(),
    layers: 'Rc M M Ac',
  },
  {
    name: 'a pad with zeros before a max pool of signed values',
    chain: (() => {
      const c = image().conv(4, 4, [1, 1]);
      return c
        .add('Pad', [c.integers([0, 0, 1, 1, 0, 0, 1, 1])])
        .add('MaxPool', [], { kernel_shape: [2, 2] })
        .conv(3, 4, [3, 3]);
    })(),
    layers: 'Rc Rm M M Ac',
  },
  {
    name: 'a transposed flatten before a dense layer',
    chain: dense(
      image()
        .conv(2, 4, [1, 1])
        .add('Relu')
        .add('Transpose', [], { perm: [0, 2, 3, 1] })
        .add('Flatten'),
      128,
      4,
    ),
    layers: 'Rc Ac',
  },
  {
    name: 'channels last',
    chain: new Chain([1, 8, 8, 4])
      .add('Transpose', [], { perm: [0, 3, 1, 2] })
      .conv(5, 4, [3, 3])
      .add('Relu')
      .conv(2, 5, [3, 3]),
    layers: 'Rc Ac',
  },
  {
    name: 'a matrix product at every place',
    chain: (() => {
      const c = new Chain([1, 6, 10]);
      c.add('MatMul', [c.constant([10, 12], c.numbers(120))]).add('Relu');
      return c.add('MatMul', [c.constant([12, 4], c.numbers(48))]).add('Relu');
    })(),
    layers: 'Rc Rc Rm',
  },
  {
    name: 'a shuffle of channels',
    chain: (() => {
      const c = image().conv(6, 4, [1, 1]).add('Relu');
      c.add('Reshape', [c.integers([1, 2, 3, 8, 8])])
        .add('Transpose', [], { perm: [0, 2, 1, 3, 4] })
        .add('Reshape', [c.integers([1, 6, 8, 8])]);
      return c.conv(4, 6, [3, 3], { group: 2 });
    })(),
    layers: 'Rc Ac',
  },
  {
    name: 'a split into two heads',
    chain: (() => {
      const c = image().conv(6, 4, [1, 1]).add('Relu');
      const all = c.value;
      c.nodes.push({ op: 'Split', inputs: [all, c.integers([2, 4])], outputs: ['left', 'right'], attributes: { axis: 1 } });
      c.from('left').conv(3, 2, [1, 1]);
      const left = c.value;
      c.from('right').conv(3, 4, [1, 1]);
      return c.node('Add', [left, c.value]).add('Relu').conv(2, 3, [1, 1]);
    })(),
    layers: 'Rc Rcc Ac',
  },
  {
    name: 'a nearest resize',
    chain: (() => {
      const c = image().conv(4, 4, [1, 1]).add('Relu');
      return c
        .add('Resize', ['', c.constant([4], [1, 1, 2, 2])], {
          mode: 'nearest',
          coordinate_transformation_mode: 'asymmetric',
          nearest_mode: 'floor',
        })
        .conv(3, 4, [3, 3]);
    })(),
    layers: 'Rc Ac',
  },
  {
    name: 'two outputs, one of them inside the model',
    chain: image().conv(4, 4, [3, 3]).add('Relu').conv(3, 4, [3, 3]),
    outputs: ['v2', 'v3'],
    layers: 'Rc Ac',
  },
  {
    name: 'a transposed output',
    chain: image()
      .conv(4, 4, [3, 3])
      .add('Relu')
      .add('Transpose', [], { perm: [0, 2, 3, 1] }),
    layers: 'Rc Rm',
  },
  {
    name: 'a scale and shift that ends the model',
    chain: (() => {
      const c = image().conv(4, 4, [3, 3]).add('Relu').conv(3, 4, [3, 3]);
      return c.add('Mul', [c.constant([], [10])]).add('Add', [c.constant([3, 1, 1], [1, -5, 2])]);
    })(),
    layers: 'Rc Ac',
  },
  {
    name: 'a slope per channel, spelled out',
    chain: (() => {
      const c = image().conv(4, 4, [3, 3]);
      const x = c.value;
      const negative = c.add('Mul', [c.constant([4, 1, 1], [0.1, 0.25, -0.3, 0.5])]).value;
      const positive = c
        .from(x)
        .add('Relu')
        .add('Mul', [c.constant([4, 1, 1], [0.9, 0.75, 1.3, 0.5])]).value;
      return c.node('Add', [negative, positive]).conv(3, 4, [3, 3]);
    })(),
    layers: 'Rc Rm Rmm Ac',
  },
];

describe('an operator', () => {
  test.each(cases)('$name', async ({ chain, outputs, opset, layers, decibels = 30 }) => {
    const model = chain.model(outputs, opset);
    const compiled = await compileSmall(model);
    expect(inShort(compiled.circuit)).toBe(layers);
    for (const snr of await noiseOf(model, compiled)) expect(snr).toBeGreaterThan(decibels);
  });
});
