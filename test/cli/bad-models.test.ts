import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { TensorProto_DataType } from 'onnx-buf';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failing, runJson, temporaryFolder } from '../support/cli.ts';
import { onnxModel, type OnnxModel } from '../support/onnx-builder.ts';

const DIGITS = new Uint8Array(readFileSync(new URL('../../circuits/models/digits/digits.onnx', import.meta.url)));

const folder = temporaryFolder();
afterAll(() => folder.remove());

const x = { name: 'x', dims: [1, 4] };
const relu = { op: 'Relu', name: 'relu', inputs: ['x'], outputs: ['y'] };
const vector = (node: OnnxModel['nodes'][number], more: Partial<OnnxModel> = {}): Uint8Array =>
  onnxModel({ inputs: [x], outputs: ['y'], nodes: [node], ...more });
const product = (weights: readonly number[]): Uint8Array =>
  vector(
    { op: 'MatMul', name: 'product', inputs: ['x', 'w'], outputs: ['y'] },
    { constants: { w: { dims: [4, weights.length / 4], data: weights } } },
  );

const CASES: readonly (readonly [what: string, file: () => Uint8Array, message: RegExp])[] = [
  ['an empty file', () => new Uint8Array(), /it holds no graph/],
  ['a truncated file', () => DIGITS.subarray(0, DIGITS.length - 1000), /cut or damaged/],
  ['half a file', () => DIGITS.subarray(0, DIGITS.length >> 1), /cut or damaged/],
  ['a picture', () => Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52), /not an ONNX file/],
  ['a text', () => new TextEncoder().encode('this is no model\n'.repeat(20)), /not an ONNX file/],
  [
    'an unsupported operator',
    () => vector({ op: 'LSTM', name: 'memory', inputs: ['x'], outputs: ['y'] }),
    /^memory \(LSTM\): .*not supported/,
  ],
  ['an operator nobody knows', () => vector({ op: 'Frobnicate', name: 'odd', inputs: ['x'], outputs: ['y'] }), /^odd \(Frobnicate\): /],
  [
    'a dynamic shape',
    () => vector(relu, { inputs: [{ name: 'x', dims: ['batch', 3, 'height', 8] }] }),
    /dimension 2 \(height\) is not fixed/,
  ],
  ['a weight that is not a number', () => product([1, 2, NaN, 4]), /^product \(MatMul\): constant w holds NaN at position 2/],
  ['an infinite weight', () => product([1, -Infinity, 3, 4]), /^product \(MatMul\): constant w holds -Infinity at position 1/],
  [
    'an input of integers',
    () => vector(relu, { inputs: [{ ...x, type: TensorProto_DataType.INT64 }] }),
    /input x holds INT64, expected FLOAT/,
  ],
  ['an old operator set', () => vector(relu, { opset: 6 }), /operator set 6 is not supported/],
  ['too large an input', () => vector(relu, { inputs: [{ name: 'x', dims: [1, 2 ** 16, 2 ** 16] }] }), /at most 16777216 elements/],
  ['no activation', () => product([1, 2, 3, 4]), /no lookup/],
];

describe('compile says what is wrong with', () => {
  it.each(CASES)('%s', async (_, file, message) => {
    const path = folder.file('bad.onnx');
    writeFileSync(path, file());
    const out = folder.file('out/model');
    const failure = await failing('compile', path, '--calibrate', 'uniform:0,1', '--samples', '1', '--out', out);
    expect(failure).toMatchObject({ exit: 3, code: 'model' });
    expect(failure.message).toMatch(message);
    expect(existsSync(folder.file('out'))).toBe(false);
  });
});

describe('a dynamic shape', () => {
  beforeAll(() => writeFileSync(folder.file('open.onnx'), vector(relu, { inputs: [{ name: 'x', dims: ['batch', 'n'] }] })));

  it('may be given', async () => {
    const args = ['compile', folder.file('open.onnx'), '--calibrate', 'uniform:0,1', '--samples', '1', '--out', folder.file('given/model')];
    expect(await failing(...args, '--shape', 'y=1x4')).toMatchObject({ exit: 3, code: 'model' });
    expect(await failing(...args, '--shape', 'x=1xn')).toMatchObject({ exit: 2, code: 'usage' });
    expect(existsSync(folder.file('given'))).toBe(false);
    expect((await runJson(...args, '--shape', 'x=1x4')).code).toBe(0);
    expect(existsSync(folder.file('given/model.circuit'))).toBe(true);
  });
});
