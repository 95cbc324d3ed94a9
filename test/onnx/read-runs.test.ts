import { describe, expect, test } from 'vitest';
import type { FloatNode } from '../../circuits/onnx/float-graph.ts';
import { readModel } from '../../circuits/onnx/read.ts';
import { expectSameAsRuntime } from '../support/float-comparison.ts';
import { float, onnxModel, type OnnxNode, type OnnxTensor } from '../support/onnx-builder.ts';
import { seededGenerator } from '../support/random.ts';

const DIMS = [1, 2, 3, 3];

/** Scalars by name, and the weights of a convolution of two channels. */
const CONSTANTS: Record<string, OnnxTensor> = {
  zero: { dims: [], data: [0] },
  half: { dims: [], data: [0.5] },
  one: { dims: [1], data: [1] },
  two: { dims: [], data: [2] },
  three: { dims: [1, 1], data: [3] },
  six: { dims: [], data: [6] },
  sqrt2: { dims: [], data: [Math.SQRT2] },
  small: { dims: [], data: [0.044715] },
  root: { dims: [], data: [Math.sqrt(2 / Math.PI)] },
  slope: { dims: [2, 1, 1], data: [0.25, 0.25] },
  channels: { dims: [2, 1, 1], data: [0.25, 4] },
  W: { dims: [2, 2, 1, 1], data: [1, -1, 0.5, 2] },
};

/** `Op a b -> y; ..` */
function nodes(text: string): OnnxNode[] {
  return text.split(';').map((line) => {
    const [call, outputs] = line.trim().split(' -> ');
    const [op, ...inputs] = call!.split(' ');
    return { op: op!, inputs, outputs: outputs!.split(' ') };
  });
}

function model(text: string, { outputs = ['y'], opset = 21 }: { outputs?: readonly string[]; opset?: number } = {}): Uint8Array {
  const list = nodes(text);
  const read = new Set(list.flatMap(({ inputs }) => inputs));
  const constants = Object.fromEntries(Object.entries(CONSTANTS).filter(([name]) => read.has(name)));
  return onnxModel({ opset, inputs: [{ name: 'x', dims: DIMS }], outputs, nodes: list, constants });
}

/** What the nodes are: the formula of an elementwise one, `scale x + offset` of an affine one with one scale and offset, the kind of others. */
function described(node: FloatNode): string {
  if (node.kind === 'elementwise') return node.formula;
  if (node.kind !== 'affine' || node.scale.data.length * node.offset.data.length > 1) return node.kind;
  return `${node.scale.data[0]!} x + ${node.offset.data[0]!}`;
}

async function run(text: string, options: { outputs?: readonly string[]; opset?: number } = {}): Promise<string[]> {
  const graph = await expectSameAsRuntime(model(text, options), seededGenerator(7));
  return graph.nodes.map(described);
}

describe('a run of elementwise operators with one source is one function', () => {
  test('one operator', async () => {
    expect(await run('Relu x -> y')).toEqual(['relu']);
    expect(await run('Clip x zero six -> y')).toEqual(['clip(0, 6)']);
    expect(await run('Clip x  six -> y')).toEqual(['min(6)']);
    expect(await run('PRelu x slope -> y')).toEqual(['leaky-relu(0.25)']);
    expect(await run('HardSwish x -> y')).toEqual(['x * clip(0.16666667 * x + 0.5, 0, 1)']);
  });

  test('the same function has the same text, however it is spelled', async () => {
    expect(await run('Relu x -> a; Min a six -> y')).toEqual(['clip(0, 6)']);
    expect(await run('Max zero x -> a; Clip a  six -> y')).toEqual(['clip(0, 6)']);
    expect(await run('Clip x zero  -> y')).toEqual(['relu']);
    expect(await run('Sigmoid x -> s; Mul x s -> y')).toEqual(await run('Sigmoid x -> s; Mul s x -> y'));
  });

  test('gelu in every spelling', async () => {
    const byErf = ['0.5 * x * (erf(0.70710677 * x) + 1)'];
    expect(await run('Gelu x -> y')).toEqual(byErf);
    const curve = 'Div x sqrt2 -> a; Erf a -> b; Add b one -> c;';
    for (const factors of [
      'Mul x half -> d; Mul d c -> y',
      'Mul x c -> d; Mul half d -> y',
      'Mul c half -> d; Mul d x -> y',
      'Mul half c -> d; Mul x d -> y',
    ]) {
      expect(await run(`${curve} ${factors}`)).toEqual(byErf);
    }
    const tanh = ['0.5 * x * (tanh(0.7978846 * x + 0.035677407 * x * x * x) + 1)'];
    const inner = (cube: string): string =>
      `${cube}; Mul small a -> b; Add x b -> c; Mul c root -> d; Tanh d -> e; Add one e -> f; Mul x f -> g; Mul g half -> y`;
    expect(await run(inner('Mul x x -> p; Mul p x -> a'))).toEqual(tanh);
    expect(await run(inner('Pow x three -> a'))).toEqual(tanh);
  });

  test('swish, mish, hard swish by parts', async () => {
    expect(await run('Sigmoid x -> s; Mul x s -> y')).toEqual(['x * sigmoid(x)']);
    expect(await run('Softplus x -> s; Tanh s -> t; Mul x t -> y')).toEqual(['x * tanh(softplus(x))']);
    expect(await run('Add x three -> s; Clip s zero six -> t; Mul x t -> u; Div u six -> y')).toEqual([
      '0.16666667 * x * clip(x + 3, 0, 6)',
    ]);
  });

  test('a choice between branches', async () => {
    expect(await run('Greater x half -> c; Mul x half -> a; Where c x a -> y')).toEqual(['where(greater(x, 0.5), x, 0.5 * x)']);
    expect(await run('Less x zero -> c; Where c one half -> f; Mul f x -> y')).toEqual(['x * where(less(x, 0), 1, 0.5)']);
  });

  test('constants inside of it are scalars or tensors of one number', async () => {
    expect(await run('Mul x slope -> a; Sigmoid a -> b; Mul b slope -> y')).toEqual(['0.25 * sigmoid(0.25 * x)']);
  });
});

describe('affine runs stay affine', () => {
  test('scale and offset are joined', async () => {
    expect(await run('Mul x two -> a; Add a three -> b; Neg b -> y')).toEqual(['-2 x + -3']);
    expect(await run('Add x x -> y')).toEqual(['2 x + 0']);
    expect(await run('Mul x half -> a; Sub x a -> y')).toEqual(['0.5 x + 0']);
  });

  test('right after something linear they stay out of the function that follows', async () => {
    expect(await run('Conv x W -> c; Mul c two -> a; Add a one -> b; Relu b -> y')).toEqual(['convolution', '2 x + 1', 'relu']);
    expect(await run('Conv x W -> c; Add x c -> a; Mul a half -> b; Sigmoid b -> y')).toEqual([
      'convolution',
      'add',
      '0.5 x + 0',
      'sigmoid',
    ]);
  });

  test('elsewhere they belong to the function', async () => {
    expect(await run('Mul x two -> a; Relu a -> y')).toEqual(['relu(2 * x)']);
    expect(await run('Conv x W -> c; Relu c -> a; Mul a half -> b; Conv b W -> y')).toEqual([
      'convolution',
      '0.5 * relu(x)',
      'convolution',
    ]);
    expect(await run('GlobalMaxPool x -> p; Mul p two -> a; Tanh a -> y')).toEqual(['max-pool', 'tanh(2 * x)']);
  });

  test('values per channel are nodes of their own', async () => {
    expect(await run('Conv x W -> c; Mul c channels -> a; Sigmoid a -> s; Mul a s -> y')).toEqual([
      'convolution',
      'affine',
      'x * sigmoid(x)',
    ]);
  });
});

describe('a run ends where a value is needed elsewhere', () => {
  test('in another operator', async () => {
    expect(await run('Sigmoid x -> s; Tanh s -> t; Conv s W -> c; Add c t -> y')).toEqual(['sigmoid', 'tanh', 'convolution', 'add']);
  });

  test('as an output', async () => {
    expect(await run('Sigmoid x -> s; Tanh s -> y', { outputs: ['y', 's'] })).toEqual(['sigmoid', 'tanh']);
  });

  test('but one that is needed by nobody is not computed', async () => {
    expect(await run('Relu x -> y; Erf x -> z')).toEqual(['relu']);
  });
});

test('two sources are added, and nothing else', async () => {
  expect(await run('Conv x W -> c; Sigmoid c -> s; Sub x s -> y')).toEqual(['convolution', 'sigmoid', 'add']);
  expect(() => readModel(model('Conv x W -> c; Sigmoid c -> s; Mul x s -> y'))).toThrow(
    /Mul of y \(Mul\): combines x and s, which are not functions of one tensor .*gates/,
  );
});

test('a chain that doubles its text at every step is refused before it fills the memory', () => {
  const steps = Array.from({ length: 40 }, (_, k) => `Sigmoid v${k} -> s${k}; Mul v${k} s${k} -> v${k + 1}`).join('; ');
  expect(() => readModel(model(`Relu x -> v0; ${steps}; Relu v40 -> y`))).toThrow(/too many for one function/);
});

test('an attribute that an operator does not have is not passed over', () => {
  const attributes = { alpha: float(0.5) };
  const bytes = onnxModel({
    inputs: [{ name: 'x', dims: [1] }],
    outputs: ['y'],
    nodes: [{ op: 'Relu', inputs: ['x'], outputs: ['y'], attributes }],
  });
  expect(() => readModel(bytes)).toThrow(/attribute alpha is not supported/);
});
