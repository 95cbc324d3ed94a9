import { create, toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema, StringStringEntryProtoSchema, TensorProto_DataLocation, TensorProto_DataType } from 'onnx-buf';
import { describe, expect, test } from 'vitest';
import { ModelError } from '../../circuits/onnx/float-graph.ts';
import { readModel } from '../../circuits/onnx/read.ts';
import { onnxMessage, onnxModel, type OnnxModel, type OnnxNode, type OnnxTensor } from '../support/onnx-builder.ts';

/** The error that reading gives. */
function refusal(bytes: Uint8Array): ModelError {
  try {
    readModel(bytes);
  } catch (error) {
    if (error instanceof ModelError) return error;
    throw error;
  }
  throw new Error('the model was read');
}

const IMAGE = [1, 2, 4, 4];

function refused(
  node: Partial<OnnxNode> & { op: string },
  constants: Record<string, OnnxTensor> = {},
  more: Partial<OnnxModel> = {},
): string {
  const full = { inputs: ['x', ...Object.keys(constants)], outputs: ['y'], name: 'n', ...node };
  return refusal(onnxModel({ opset: 17, inputs: [{ name: 'x', dims: IMAGE }], outputs: ['y'], nodes: [full], constants, ...more })).message;
}

const ones = (...dims: number[]): OnnxTensor => ({ dims, data: new Float32Array(dims.reduce((a, b) => a * b, 1)).fill(1) });

describe('what is no model', () => {
  test('an empty file, a picture, a text', () => {
    expect(refusal(new Uint8Array()).message).toBe('not an ONNX model: it holds no graph');
    const picture = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52);
    expect(refusal(picture).message).toMatch(/^not an ONNX/);
    expect(refusal(new TextEncoder().encode('{"format": "not onnx"}')).message).toMatch(/^not an ONNX/);
  });

  test('a model that is cut, anywhere', () => {
    const bytes = onnxModel({ inputs: [{ name: 'x', dims: [1] }], outputs: ['y'], nodes: [{ op: 'Relu', inputs: ['x'], outputs: ['y'] }] });
    for (let length = 0; length < bytes.length; length++) expect(refusal(bytes.subarray(0, length))).toBeInstanceOf(ModelError);
  });

  test('operator sets before 7 and after 21', () => {
    const node = { op: 'Relu', inputs: ['x'] };
    expect(refused(node, {}, { opset: 6 })).toBe(
      'operator set 6 is not supported, expected 7 to 21 (export or convert the model to operator set 17)',
    );
    expect(refused(node, {}, { opset: 22 })).toMatch(/^operator set 22/);
  });
});

describe('an operator that is not supported is named, with what could be done', () => {
  test('of the standard', () => {
    const bytes = onnxModel({
      inputs: [{ name: 'x', dims: IMAGE }],
      outputs: ['y'],
      nodes: [{ op: 'ConvTranspose', inputs: ['x', 'W'], outputs: ['y'], name: 'up/1' }],
      constants: { W: ones(2, 2, 2, 2) },
    });
    const error = refusal(bytes);
    expect(error).toMatchObject({ node: 'up/1', operator: 'ConvTranspose', hint: 'use Resize nearest followed by Conv' });
    expect(error.message).toBe('up/1 (ConvTranspose): this operator is not supported (use Resize nearest followed by Conv)');
  });

  test('of another domain', () => {
    expect(refused({ op: 'Relu', domain: 'com.microsoft' })).toMatch(
      /^n \(Relu\): operators of the domain com.microsoft are not supported/,
    );
  });
});

describe('operators in ways that are not supported', () => {
  test('two computed factors', () => {
    expect(refused({ op: 'MatMul', inputs: ['x', 'x'] })).toMatch(
      /^n \(MatMul\): both factors are computed \(one factor must be a constant/,
    );
  });

  test('a batch', () => {
    const more = { inputs: [{ name: 'x', dims: [2, 2, 4, 4] }] };
    expect(refused({ op: 'Conv' }, { W: ones(2, 2, 1, 1) }, more)).toBe(
      'n (Conv): reads a batch of 2, expected 1 (export the model with batch size 1)',
    );
  });

  test('three spatial dimensions', () => {
    const more = { inputs: [{ name: 'x', dims: [1, 2, 4, 4, 4] }] };
    expect(refused({ op: 'Conv' }, { W: ones(2, 2, 1, 1, 1) }, more)).toMatch(/expected \[1, C, L\] or \[1, C, H, W\]/);
  });

  test('weights that do not fit', () => {
    expect(refused({ op: 'Conv' }, { W: ones(2, 3, 1, 1) })).toBe(
      'n (Conv): weights W have dimensions [2, 3, 1, 1] in 1 groups, the input [1, 2, 4, 4]',
    );
  });

  test('a window larger than the input', () => {
    expect(refused({ op: 'Conv' }, { W: ones(2, 2, 5, 5) })).toMatch(/its output would have dimensions \[1, 2, 0, 0\]/);
  });

  test('a slope per channel', () => {
    expect(refused({ op: 'PRelu' }, { s: { dims: [2, 1, 1], data: [0.1, 0.2] } })).toMatch(/constant s holds a slope per channel/);
  });

  test('a bound per channel', () => {
    expect(refused({ op: 'Max' }, { c: { dims: [2, 1, 1], data: [0.1, 0.2] } })).toMatch(/with a constant \[2, 1, 1\] of different values/);
  });

  test('a computed tensor that would be repeated', () => {
    expect(refused({ op: 'Add' }, { c: ones(3, 2, 4, 4) })).toMatch(
      /x \[1, 2, 4, 4\] would be repeated to \[3, 2, 4, 4\] \(use an operator Expand/,
    );
  });

  test('training mode', () => {
    const constants = { a: ones(2), b: ones(2), c: ones(2), d: ones(2) };
    expect(refused({ op: 'BatchNormalization', attributes: { training_mode: 1 } }, constants)).toMatch(/is in training mode/);
  });

  test('linear resizing', () => {
    const attributes = { mode: 'linear' };
    const constants = { s: { dims: [4], data: [1, 1, 2, 2] } };
    expect(refused({ op: 'Resize', inputs: ['x', '', 's'], attributes }, constants)).toMatch(
      /mode linear is not supported, expected nearest/,
    );
  });

  test('a second output that has no meaning here', () => {
    const nodes = [
      { op: 'MaxPool', inputs: ['x'], outputs: ['p', 'where'], name: 'pool', attributes: { kernel_shape: [2, 2] } },
      { op: 'Cast', inputs: ['where'], outputs: ['y'], name: 'n', attributes: { to: 1 } },
    ];
    expect(refused({ op: '' }, {}, { nodes })).toBe('n (Cast): reads where, an output of pool that is not supported');
  });

  test('a reduction over axes that are apart', () => {
    expect(refused({ op: 'ReduceMean', attributes: { axes: [1, 3] } })).toMatch(/reduces axes \[1, 3\].*axes must be neighbours/);
  });

  test('another type than float', () => {
    const more = { inputs: [{ name: 'x', dims: IMAGE, type: TensorProto_DataType.FLOAT16 }] };
    expect(refused({ op: 'Relu' }, {}, more)).toBe('input x holds FLOAT16, expected FLOAT (export the model in float32)');
    expect(refused({ op: 'Cast', attributes: { to: TensorProto_DataType.INT32 } })).toMatch(/casts a computed value to INT32/);
  });
});

describe('weights', () => {
  test('that are no numbers are named', () => {
    const data = new Float32Array(4).fill(1);
    data[2] = NaN;
    expect(refused({ op: 'Conv' }, { W: { dims: [2, 2, 1, 1], data } })).toBe(
      'n (Conv): constant W holds NaN at position 2, expected finite numbers (the weights are damaged or training diverged)',
    );
    expect(refused({ op: 'Add' }, { c: { dims: [1], data: [Infinity] } })).toMatch(/constant c holds Infinity at position 0/);
  });

  test('that are folded are named too', () => {
    const nodes = [
      { op: 'Div', inputs: ['one', 'zero'], outputs: ['c'], name: 'division' },
      { op: 'Mul', inputs: ['x', 'c'], outputs: ['y'], name: 'n' },
    ];
    const constants = { one: ones(1), zero: { dims: [1], data: [0] } };
    expect(refused({ op: '' }, {}, { nodes, constants })).toBe(
      'n (Mul): constant c holds Infinity at position 0, expected finite numbers (the weights are damaged or training diverged)',
    );
  });

  test('a variance that gives no scale', () => {
    const constants = { a: ones(2), b: ones(2), c: ones(2), d: { dims: [2], data: [1, -1] } };
    expect(refused({ op: 'BatchNormalization' }, constants)).toMatch(/scale \/ sqrt\(variance \+ epsilon\) holds NaN at position 1/);
  });

  test('outside of the file', () => {
    const message = onnxMessage({
      inputs: [{ name: 'x', dims: [1] }],
      outputs: ['y'],
      nodes: [{ op: 'Add', inputs: ['x', 'W'], outputs: ['y'] }],
      constants: { W: ones(1) },
    });
    const [tensor] = message.graph!.initializer;
    tensor!.rawData = new Uint8Array();
    tensor!.dataLocation = TensorProto_DataLocation.EXTERNAL;
    tensor!.externalData = [create(StringStringEntryProtoSchema, { key: 'location', value: 'model.onnx.data' })];
    expect(refusal(toBinary(ModelProtoSchema, message)).message).toBe(
      'constant W: its values are stored outside of the ONNX file, in model.onnx.data (save the model with its weights in one file)',
    );
  });

  test('fewer than the dimensions say', () => {
    const message = onnxMessage({
      inputs: [{ name: 'x', dims: [1] }],
      outputs: ['y'],
      nodes: [{ op: 'Add', inputs: ['x', 'W'], outputs: ['y'] }],
      constants: { W: ones(1) },
    });
    message.graph!.initializer[0]!.dims = [2n ** 40n];
    expect(refusal(toBinary(ModelProtoSchema, message)).message).toMatch(
      /dimensions \[1099511627776\] of FLOAT need .* the file has 4 bytes/,
    );
  });
});

describe('sizes', () => {
  test('that a file only claims are refused before memory is taken', () => {
    expect(refused({ op: 'Tile' }, { r: { dims: [4], data: [1n, 1000n, 1000n, 1000n] } })).toMatch(/more than 16777216 elements/);
    expect(refused({ op: 'Pad' }, { p: { dims: [8], data: [0n, 0n, 0n, 0n, 0n, 0n, 0n, 2n ** 50n] } })).toMatch(
      /more than 16777216 elements/,
    );
    const nodes = [
      { op: 'ConstantOfShape', inputs: ['s'], outputs: ['c'] },
      { op: 'Add', inputs: ['x', 'c'], outputs: ['y'] },
    ];
    expect(refused({ op: '' }, {}, { nodes, constants: { s: { dims: [1], data: [2n ** 40n] } } })).toMatch(/more than 16777216 elements/);
    expect(refused({ op: 'Relu' }, {}, { inputs: [{ name: 'x', dims: [1, 2 ** 13, 2 ** 13] }] })).toMatch(/at most 16777216 elements/);
  });
});

test('a node that reads what is given later is refused', () => {
  const nodes = [
    { op: 'Relu', inputs: ['a'], outputs: ['y'], name: 'n' },
    { op: 'Relu', inputs: ['x'], outputs: ['a'] },
  ];
  expect(refused({ op: '' }, {}, { nodes })).toBe('n (Relu): reads a, which no node before it gives');
});

test('a name that is given twice is refused', () => {
  const nodes = [
    { op: 'Relu', inputs: ['x'], outputs: ['y'] },
    { op: 'Abs', inputs: ['x'], outputs: ['y'], name: 'n' },
  ];
  expect(refused({ op: '' }, {}, { nodes })).toBe('n (Abs): gives y, which has a value already');
});

test('an input that no output depends on is refused', () => {
  const inputs = ['x', 'z'].map((name) => ({ name, dims: [1, 2] }));
  expect(refused({ op: 'Relu', inputs: ['x'] }, {}, { inputs })).toBe('no output depends on the input z (remove the input from the model)');
});
