import { create, toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema, TensorProto_DataType, TensorProtoSchema } from 'onnx-buf';
import { describe, expect, test } from 'vitest';
import { readModel } from '../../circuits/onnx/read.ts';
import { expectSameAsRuntime } from '../support/float-comparison.ts';
import { float, onnxMessage, onnxModel, type OnnxModel, type OnnxNode } from '../support/onnx-builder.ts';
import { seededGenerator } from '../support/random.ts';

const relu = (input: string, output: string): OnnxNode => ({ op: 'Relu', inputs: [input], outputs: [output] });

function model(more: Partial<OnnxModel>): Uint8Array {
  return onnxModel({ inputs: [{ name: 'x', dims: [1, 4] }], outputs: ['y'], nodes: [relu('x', 'y')], ...more });
}

describe('inputs', () => {
  test('a symbolic first dimension is 1, and said so', () => {
    const graph = readModel(model({ inputs: [{ name: 'x', dims: ['batch', 4] }], outputs: [{ name: 'y', dims: ['batch', 4] }] }));
    expect(graph.inputs).toEqual([{ name: 'x', dims: [1, 4] }]);
    expect(graph.outputs).toEqual([{ name: 'y', dims: [1, 4] }]);
    expect(graph.notes).toEqual(['the first dimension of input x (batch) is taken as 1']);
  });

  test('other symbols must be given', () => {
    const bytes = model({ inputs: [{ name: 'x', dims: ['batch', 3, 'h', 'w'] }] });
    expect(() => readModel(bytes)).toThrow('input x is [batch, 3, h, w]: dimension 2 (h) is not fixed (give the shape of x in numbers)');
    expect(readModel(bytes, { shapes: { x: [1, 3, 8, 9] } }).outputs).toEqual([{ name: 'y', dims: [1, 3, 8, 9] }]);
    expect(() => readModel(bytes, { shapes: { x: [1, 4, 8, 9] } })).toThrow(
      'input x is [batch, 3, h, w] in the file and was given as [1, 4, 8, 9]',
    );
    expect(() => readModel(bytes, { shapes: { z: [1] } })).toThrow('a shape was given for z, which is no input; the inputs are: x');
    expect(() => readModel(bytes, { shapes: { x: [1, 3, 0, 9] } })).toThrow('expected positive ones');
  });

  test('several are read', async () => {
    const inputs = [
      { name: 'a', dims: [1, 3] },
      { name: 'b', dims: [1, 3] },
    ];
    const nodes = [{ op: 'Sub', inputs: ['a', 'b'], outputs: ['y'] }];
    const graph = await expectSameAsRuntime(model({ inputs, nodes }), seededGenerator(1));
    expect(graph.inputs.map(({ name }) => name)).toEqual(['a', 'b']);
  });

  test('initializers among the inputs are constants', async () => {
    const nodes = [{ op: 'Add', inputs: ['x', 'c'], outputs: ['y'] }];
    const bytes = model({ opset: 8, nodes, constants: { c: { dims: [4], data: [1, 2, 3, 4] } }, constantsAsInputs: true });
    expect((await expectSameAsRuntime(bytes, seededGenerator(2))).inputs).toHaveLength(1);
  });
});

describe('outputs', () => {
  test('a final Softmax is left to the client, and said so', () => {
    const nodes = [relu('x', 'logits'), { op: 'Softmax', inputs: ['logits'], outputs: ['y'], name: 'soft', attributes: { axis: -1 } }];
    const graph = readModel(model({ nodes, outputs: [{ name: 'y', dims: [1, 4] }] }));
    expect(graph.outputs).toEqual([{ name: 'logits', dims: [1, 4] }]);
    expect(graph.notes).toEqual(['soft (Softmax, axis -1) is left to the client: output y is replaced by its argument logits']);
    expect(graph.nodes.map(({ kind }) => kind)).toEqual(['elementwise']);
  });

  test('probabilities and logits side by side are one output', () => {
    const nodes = [relu('x', 'logits'), { op: 'LogSoftmax', inputs: ['logits'], outputs: ['y'] }];
    expect(readModel(model({ nodes, outputs: ['y', 'logits'] })).outputs).toEqual([{ name: 'logits', dims: [1, 4] }]);
  });

  test('a Softmax inside of the model is refused', () => {
    const nodes = [{ op: 'Softmax', inputs: ['x'], outputs: ['s'], name: 'soft' }, relu('s', 'y')];
    expect(() => readModel(model({ nodes }))).toThrow(
      /Relu of y \(Relu\): reads the Softmax soft \(a Softmax is supported only as the last/,
    );
  });

  test('the name of an output is kept behind an Identity', async () => {
    const nodes = [relu('x', 'a'), { op: 'Identity', inputs: ['a'], outputs: ['b'] }, { op: 'Dropout', inputs: ['b'], outputs: ['y'] }];
    const graph = await expectSameAsRuntime(model({ nodes }), seededGenerator(3));
    expect(graph.nodes.map(({ kind, output }) => `${kind} ${output.name}`)).toEqual(['elementwise y']);
  });

  test('one value may be two outputs, and an input an output', async () => {
    const nodes = [
      relu('x', 'a'),
      { op: 'Identity', inputs: ['a'], outputs: ['y'] },
      { op: 'Identity', inputs: ['a'], outputs: ['z'] },
      { op: 'Identity', inputs: ['x'], outputs: ['w'] },
    ];
    const graph = await expectSameAsRuntime(model({ nodes, outputs: ['y', 'z', 'w', 'a'] }), seededGenerator(4));
    expect(graph.outputs.map(({ name }) => name)).toEqual(['y', 'z', 'w', 'a']);
    expect(graph.nodes.map(({ kind, output }) => `${kind} ${output.name}`)).toEqual(['elementwise a', 'view y', 'view z', 'view w']);
  });

  test('declared dimensions must be those that the operators give', () => {
    expect(() => readModel(model({ outputs: [{ name: 'y', dims: [1, 5] }] }))).toThrow(
      'output y is [1, 5] in the file, but its operators give [1, 4]',
    );
    expect(() => readModel(model({ outputs: [{ name: 'y', dims: ['n', 4, 1] }] }))).toThrow('output y is [n, 4, 1] in the file');
  });

  test('one that does not depend on the input is refused', () => {
    const constants = { c: { dims: [1], data: [1] } };
    expect(() => readModel(model({ nodes: [relu('c', 'y')], constants }))).toThrow('output y is a constant');
    expect(() => readModel(model({ outputs: ['z'] }))).toThrow("output 'z' is given by no node");
  });
});

describe('constants', () => {
  const add = (name: string): OnnxNode => ({ op: 'Add', inputs: ['x', name], outputs: ['y'] });

  test('every form of the operator Constant', async () => {
    const forms = [{ value: { dims: [], data: [2] } }, { value_float: float(2) }, { value_floats: float([2]) }];
    for (const attributes of forms) {
      const nodes = [{ op: 'Constant', inputs: [], outputs: ['c'], attributes }, add('c')];
      const graph = await expectSameAsRuntime(model({ nodes }), seededGenerator(5));
      expect(graph.nodes).toMatchObject([{ kind: 'affine', offset: { data: Float32Array.of(2) } }]);
    }
    for (const attributes of [{ value_ints: [2, 2] }, { value: { dims: [2], data: [2n, 2n] } }]) {
      const nodes = [
        { op: 'Constant', inputs: [], outputs: ['c'], attributes },
        { op: 'Reshape', inputs: ['x', 'c'], outputs: ['y'] },
      ];
      expect((await expectSameAsRuntime(model({ nodes }), seededGenerator(6))).outputs[0]!.dims).toEqual([2, 2]);
    }
  });

  test('what is computed from constants and shapes is a constant', async () => {
    const op = (type: string, inputs: string[], output: string, attributes = {}): OnnxNode => ({
      op: type,
      inputs,
      outputs: [output],
      attributes,
    });
    const nodes = [
      op('Shape', ['x'], 's'),
      op('Slice', ['s', 'one', 'end'], 'tail'),
      op('ReduceProd', ['tail'], 'product', { keepdims: 0 }),
      op('Div', ['product', 'two'], 'half'),
      op('Cast', ['half'], 'float', { to: TensorProto_DataType.FLOAT }),
      op('Ceil', ['float'], 'up'),
      op('Cast', ['up'], 'whole', { to: TensorProto_DataType.INT64 }),
      op('Unsqueeze', ['whole', 'zero'], 'list'),
      op('Concat', ['list', 'minus', 'unit'], 'dims', { axis: 0 }),
      op('Reshape', ['x', 'dims'], 'r'),
      op('Shape', ['r'], 't'),
      op('ConstantOfShape', ['t'], 'ones', { value: { dims: [1], data: [1.5] } }),
      op('Mul', ['ones', 'w'], 'scaled'),
      op('Sqrt', ['scaled'], 'roots'),
      op('Transpose', ['roots'], 'turned', { perm: [0, 1, 2] }),
      op('Add', ['r', 'turned'], 'y'),
    ];
    const constants = {
      one: { dims: [1], data: [1n] },
      end: { dims: [1], data: [2n ** 63n - 1n] },
      two: { dims: [], data: [2n] },
      zero: { dims: [1], data: [0n] },
      minus: { dims: [1], data: [-1n] },
      unit: { dims: [1], data: [1n] },
      w: { dims: [2, 1], data: [1, 4] },
    };
    const graph = await expectSameAsRuntime(model({ nodes, constants }), seededGenerator(7));
    expect(graph.nodes.map(({ kind }) => kind)).toEqual(['view', 'affine']);
    expect(graph.outputs[0]!.dims).toEqual([2, 2, 1]);
  });

  test('float16 and float64 become float32, in every storage', () => {
    const message = onnxMessage({ inputs: [{ name: 'x', dims: [1, 2] }], outputs: ['y'], nodes: [add('c')] });
    const tensors = [
      { dataType: TensorProto_DataType.FLOAT16, int32Data: [0x3c00, 0xc100] },
      { dataType: TensorProto_DataType.FLOAT16, rawData: Uint8Array.of(0x00, 0x3c, 0x00, 0xc1) },
      { dataType: TensorProto_DataType.DOUBLE, doubleData: [1, -2.5] },
      { dataType: TensorProto_DataType.FLOAT, floatData: [1, -2.5] },
    ];
    for (const tensor of tensors) {
      message.graph!.initializer = [create(TensorProtoSchema, { name: 'c', dims: [2n], ...tensor })];
      const graph = readModel(toBinary(ModelProtoSchema, message));
      expect(graph.nodes).toMatchObject([{ offset: { dims: [1, 2], data: Float32Array.of(1, -2.5) } }]);
    }
  });
});

test('a value that several operators read is computed once', async () => {
  const nodes = [
    relu('x', 'a'),
    { op: 'Concat', inputs: ['a', 'x', 'a'], outputs: ['b'], attributes: { axis: 1 } },
    { op: 'Split', inputs: ['b'], outputs: ['p', 'unread', 'q'], attributes: { axis: 1 } },
    { op: 'Sub', inputs: ['p', 'q'], outputs: ['y'] },
  ];
  const graph = await expectSameAsRuntime(model({ nodes, outputs: ['y', 'p', 'q'] }), seededGenerator(8));
  expect(graph.nodes.map(({ kind, output }) => `${kind} ${output.name}`)).toEqual(['elementwise a', 'view b', 'view p', 'view q', 'add y']);
  expect(new Set(graph.nodes.map(({ name }) => name)).size).toBe(graph.nodes.length);
});

test('names are unique, and say what has none', () => {
  const nodes = [{ ...relu('x', 'a'), name: 'same' }, { op: 'Flatten', inputs: ['a'], outputs: ['b'], name: 'same' }, relu('b', 'y')];
  expect(readModel(model({ nodes })).nodes.map(({ name }) => name)).toEqual(['same', 'same #2', 'Relu of y']);
});

test('an average that counts padding does not count beyond it', async () => {
  for (const opset of [11, 19]) {
    const attributes = { kernel_shape: [2, 3], strides: [2, 2], pads: [0, 1, 0, 0], ceil_mode: 1, count_include_pad: 1 };
    const nodes = [{ op: 'AveragePool', inputs: ['x'], outputs: ['y'], attributes }];
    const graph = await expectSameAsRuntime(model({ opset, inputs: [{ name: 'x', dims: [1, 1, 3, 5] }], nodes }), seededGenerator(9));
    expect(graph.nodes).toMatchObject([{ rowCount: [2, 1], columnCount: [3, 3, 2], outputShape: [1, 2, 3] }]);
  }
});
