import { copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { circuitDigest } from '../../circuits/graph/encoding.ts';
import { decodeCircuitFile } from '../../circuits/graph/file.ts';
import { calibrationDigits, digitsModel } from '../../circuits/models/digits/digits.ts';
import { CNN_264K, generate } from '../../server/cli/bench/generated.ts';
import { openModel } from '../../wasm/inference/node.ts';
import { failing, runJson, temporaryFolder } from '../support/cli.ts';
import { describeWithModels } from '../support/models.ts';

const MODEL = join(import.meta.dirname, '../../circuits/models/digits');
const DIGITS = join(MODEL, 'digits.onnx');
const CALIBRATION = join(MODEL, 'calibration.u8');
const BYTES = ['--raw', 'uint8', '--input-range', '0,255'];
const FROM_DATA = ['--calibrate', CALIBRATION, ...BYTES];

const folder = temporaryFolder();
afterAll(() => folder.remove());

function place(name: string, content: string | Uint8Array): string {
  writeFileSync(folder.file(name), content);
  return folder.file(name);
}

/** Names of what a command may have left in a folder. */
const within = (path: string): string[] => readdirSync(path).sort();

async function succeeding(...args: string[]): Promise<Record<string, unknown>> {
  const { code, json } = await runJson(...args);
  expect(json).not.toHaveProperty('error');
  expect(code).toBe(0);
  return json;
}

const circuitIn = (name: string) => decodeCircuitFile(readFileSync(`${folder.file(name)}.circuit`));
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

describe('compile, then reproduce', () => {
  let digest = '';
  beforeAll(async () => {
    const json = await succeeding('compile', DIGITS, ...FROM_DATA, '--samples', '20', '--out', folder.file('made/digits'));
    digest = json.circuit as string;
    expect(json).toMatchObject({ weights: 'public', ranges: 'minmax', evaluation: null });
  });

  it('writes the circuit, its weights and the recipe, and nothing else', () => {
    expect(within(folder.file('made'))).toEqual(['digits.circuit', 'digits.recipe.json', 'digits.weights']);
    const circuit = circuitIn('made/digits');
    expect(hex(circuitDigest(circuit))).toBe(digest);
    expect(circuit.meaning.inputs[0]).toMatchObject({ name: digitsModel.input.name, dims: [1, 1, 28, 28], scale: 1, zero: 0 });
    const recipe = JSON.parse(readFileSync(folder.file('made/digits.recipe.json'), 'utf8')) as object;
    expect(recipe).toMatchObject({
      files: { model: 'digits.onnx', calibration: 'calibration.u8' },
      committed: null,
      recipe: { circuit: digest, calibration: { kind: 'data', count: 20, format: 'uint8' }, options: { inputRanges: [[0, 255]] } },
    });
  });

  it('gives the same circuit by its recipe, from files that are named or lie beside it', async () => {
    const recipe = folder.file('made/digits.recipe.json');
    expect(await failing('reproduce', recipe)).toMatchObject({ exit: 2, code: 'usage', message: 'digits.onnx is not beside the recipe' });
    expect(await succeeding('reproduce', recipe, '--model', DIGITS, '--calibrate', CALIBRATION)).toMatchObject({ circuit: digest });
    copyFileSync(recipe, place('digits.recipe.json', ''));
    copyFileSync(DIGITS, folder.file('digits.onnx'));
    copyFileSync(CALIBRATION, folder.file('calibration.u8'));
    expect(await succeeding('reproduce', folder.file('digits.recipe.json'))).toMatchObject({ reproduced: true, circuit: digest });
  });

  it('is refused with other files, and where another circuit comes out', async () => {
    const text = readFileSync(folder.file('made/digits.recipe.json'), 'utf8');
    const other = place(
      'other.u8',
      readFileSync(CALIBRATION).map((byte, n) => (n === 7 ? byte ^ 1 : byte)),
    );
    const onnx = place('other.onnx', Buffer.concat([readFileSync(DIGITS), Buffer.of(0x12, 0)]));
    const recipe = place('same.recipe.json', text);
    const given = ['--model', DIGITS, '--calibrate', CALIBRATION];
    expect(await failing('reproduce', recipe, '--model', DIGITS, '--calibrate', other)).toMatchObject({
      exit: 3,
      code: 'calibration',
      message: expect.stringContaining("these are not the recipe's calibration inputs"),
    });
    expect(await failing('reproduce', recipe, '--model', onnx, '--calibrate', CALIBRATION)).toMatchObject({
      exit: 3,
      message: expect.stringContaining("this is not the recipe's model"),
    });
    const zeros = '0'.repeat(64);
    expect(await failing('reproduce', place('wrong.recipe.json', text.replace(digest, zeros)), ...given)).toMatchObject({
      exit: 1,
      code: 'not-reproduced',
      expected: zeros,
      got: digest,
    });
  });

  it.each<[string, (text: string) => string, string]>([
    ['cut', (text) => text.slice(0, -20), 'the recipe is not JSON'],
    ['of another kind', () => '{"veritab":"chain"}', "the recipe's field veritab is wrong"],
    ['of another version', (text) => text.replace('"version": 1', '"version": 2'), "the recipe's field version is wrong"],
    ['without a digest', (text) => text.replace(/"circuit": "\w*"/, '"circuit": "ab"'), "the recipe's field recipe.circuit is wrong"],
    [
      'with another rule',
      (text) => text.replace('"options": {', '"options": { "ranges": "max",'),
      "the recipe's field recipe.options.ranges is wrong",
    ],
  ])('is refused by a recipe that is %s', async (_, change, message) => {
    const text = readFileSync(folder.file('made/digits.recipe.json'), 'utf8');
    const path = place('bad.recipe.json', change(text));
    expect(await failing('reproduce', path, '--model', DIGITS, '--calibrate', CALIBRATION)).toMatchObject({
      exit: 3,
      code: 'recipe',
      message,
    });
  });
});

describe('compile --labels', () => {
  const names = ['zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine'];
  const compile = (file: string) => [
    'compile',
    DIGITS,
    '--calibrate',
    'uniform:0,255',
    '--samples',
    '2',
    '--labels',
    file,
    '--out',
    folder.file('labelled'),
  ];

  it('takes a name a line, or a JSON list, and names the answer with it', async () => {
    const lines = await succeeding(...compile(place('labels.txt', `${names.join('\r\n')}\r\n`)), '--note', 'grey');
    const list = await succeeding(...compile(place('labels.json', JSON.stringify(names))), '--note', 'grey');
    expect(lines.circuit).toBe(list.circuit);
    expect(circuitIn('labelled').meaning).toMatchObject({ inputs: [{ note: 'grey' }], outputs: [{ labels: names }] });
    const digit = calibrationDigits(new Uint8Array(readFileSync(CALIBRATION)))[37]!;
    const { outputs } = await succeeding('run', folder.file('labelled'), place('seven.raw', digit.pixels));
    expect(outputs).toMatchObject([{ answer: { index: 7, label: 'seven' } }]);
  });

  it.each<[string, string | Uint8Array, object]>([
    ['too few', 'a\nb\n', { expected: '10 labels', got: '2' }],
    ['none', '\n', { expected: '10 labels', got: '0' }],
    ['one with a long name', ['x'.repeat(256), ...names.slice(1)].join('\n'), { expected: 'at most 255 bytes' }],
    ['numbers', JSON.stringify(names.map((_, n) => n)), { expected: 'a JSON list of texts, or one name a line' }],
    ['half a list', '["a", "b"', { message: expect.stringContaining('is not JSON') }],
    ['no text', Uint8Array.of(0xff, 0xfe, 10), { message: expect.stringContaining('is not UTF-8 text') }],
  ])('refuses %s', async (_, content, failure) => {
    const out = folder.file('unlabelled/model');
    expect(await failing(...compile(place('labels.bad', content)).with(-1, out))).toMatchObject({ exit: 3, code: 'labels', ...failure });
    expect(within(folder.path)).not.toContain('unlabelled');
  });
});

describe('compile --mean --std', () => {
  const onnx = folder.file('cnn.onnx');
  const NORMALIZED = ['--mean', '100,120,140.5', '--std', '60,50,70'];
  beforeAll(() => writeFileSync(onnx, generate(CNN_264K, 1)));

  it('gives a circuit that reads bytes where the model reads normalized numbers', async () => {
    await succeeding('compile', onnx, '--calibrate', 'uniform:0,255', '--samples', '4', ...NORMALIZED, '--out', folder.file('cnn'));
    const [input] = circuitIn('cnn').meaning.inputs;
    expect(input).toMatchObject({ dims: [1, 3, 32, 32], scale: 1, zero: 0 });
    expect(input!.note).toContain('mean 100, 120, 140.5, std 60, 50, 70');

    const bytes = Uint8Array.from({ length: 3 * 32 * 32 }, (_, n) => (n * 73 + (n >> 4) * 31) % 256);
    const { outputs } = await succeeding('run', folder.file('cnn'), place('picture.raw', bytes));
    const [{ real }] = outputs as [{ real: number[] }];
    const [mean, std] = [
      [100, 120, 140.5],
      [60, 50, 70],
    ];
    const session = await openModel(new Uint8Array(readFileSync(onnx)), ['gemm11']);
    const plane = 32 * 32;
    const pixels = Float32Array.from(bytes, (byte, n) => (byte - mean[Math.floor(n / plane)]!) / std[Math.floor(n / plane)]!);
    const { gemm11: float } = await session.run({ input: { dims: [1, 3, 32, 32], data: pixels } });
    await session.close();
    const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number => Array.from(a).reduce((sum, v, n) => sum + v * b[n]!, 0);
    expect(dot(real, float!.data) / Math.sqrt(dot(real, real) * dot(float!.data, float!.data))).toBeGreaterThan(0.999);
  });

  it.each<[string[], object]>([
    [['--mean', '1,2,3'], { exit: 2, message: '--mean and --std go together' }],
    [['--std', '1,2,3'], { exit: 2, message: '--mean and --std go together' }],
    [['--mean', '1,2,x', '--std', '1,2,3'], { exit: 2, message: '--mean is no list of numbers' }],
    [[...NORMALIZED, '--input-range', '0,1'], { exit: 2, message: expect.stringContaining('--input-range has no place') }],
    [['--mean', '1', '--std', '1'], { exit: 3, code: 'model', message: expect.stringContaining('one per channel') }],
    [['--mean', '1,2,3', '--std', '1,0,1'], { exit: 3, code: 'model', message: expect.stringContaining('deviations positive') }],
    [[...NORMALIZED, '--calibrate', 'uniform:-1,1'], { exit: 3, code: 'calibration', got: '-1 .. 1' }],
  ])('refuses %j', async (options, failure) => {
    const calibrate = options.includes('--calibrate') ? [] : ['--calibrate', 'uniform:0,255'];
    expect(await failing('compile', onnx, ...calibrate, '--samples', '1', ...options, '--out', folder.file('none/cnn'))).toMatchObject(
      failure,
    );
    expect(within(folder.path)).not.toContain('none');
  });

  describeWithModels('on a model whose first layer pads', ['resnet8_cifar10.onnx'], ([path]) => {
    it('is refused, since a padding of zero is no byte, unless the means are zero', async () => {
      const compile = (mean: string) => [
        'compile',
        path!,
        '--calibrate',
        'uniform:0,255',
        '--samples',
        '1',
        '--mean',
        mean,
        '--std',
        '64,64,64',
        '--out',
        folder.file(`padded${mean}`),
      ];
      expect(await failing(...compile('128,128,128'))).toMatchObject({
        exit: 3,
        code: 'model',
        message: expect.stringContaining('padding of 0 is no byte'),
      });
      expect(within(folder.path).filter((name) => name.startsWith('padded'))).toEqual([]);
      expect(await succeeding(...compile('0,0,0'))).toMatchObject({ weights: 'public' });
    });
  });
});

describe('compile --evaluate', () => {
  const evaluate = (labels: string) => [
    'compile',
    DIGITS,
    ...FROM_DATA,
    '--samples',
    '10',
    '--evaluate',
    CALIBRATION,
    '--evaluate-labels',
    labels,
    '--out',
    folder.file('evaluated/digits'),
  ];

  it('compares circuit and float model, with labels by their accuracy', async () => {
    const { evaluation } = await succeeding(
      ...evaluate(place('classes.json', JSON.stringify(Array.from({ length: 100 }, (_, n) => n % 10)))),
    );
    const { count, agreement, accuracy } = evaluation as { count: number; agreement: number; accuracy: { float: number; integer: number } };
    expect(count).toBe(100);
    for (const share of [agreement, accuracy.float, accuracy.integer]) expect(share).toBeGreaterThan(0.95);
    const recipe = JSON.parse(readFileSync(folder.file('evaluated/digits.recipe.json'), 'utf8')) as { recipe: object };
    expect(recipe.recipe).toMatchObject({ evaluation });
  });

  it('refuses labels that are none, or too few', async () => {
    expect(await failing(...evaluate(place('classes.json', '["a"]')))).toMatchObject({ exit: 3, code: 'calibration' });
    expect(await failing(...evaluate(place('classes.json', '[1, 2]')))).toMatchObject({ exit: 3 });
    expect(await failing(...evaluate(folder.file('nothing')))).toMatchObject({ exit: 3, code: 'file' });
    const args = ['compile', DIGITS, ...FROM_DATA, '--evaluate-labels', CALIBRATION, '--out', folder.file('x')];
    expect(await failing(...args)).toMatchObject({ exit: 2, message: '--evaluate-labels needs --evaluate' });
  });
});

it('compile refuses calibration inputs that do not fit', async () => {
  const compile = (...options: string[]) => failing('compile', DIGITS, ...options, '--out', folder.file('none/x'));
  expect(await compile('--calibrate', place('short.u8', new Uint8Array(783)), ...BYTES)).toMatchObject({
    exit: 3,
    code: 'calibration',
    message: expect.stringContaining('783 bytes are no multiple'),
  });
  expect(await compile('--calibrate', CALIBRATION)).toMatchObject({
    exit: 3,
    code: 'calibration',
    message: expect.stringContaining('say float32 or uint8'),
  });
  expect(await compile('--calibrate', place('nan.json', JSON.stringify([Array.from({ length: 784 }, () => 'NaN')])))).toMatchObject({
    exit: 3,
  });
  expect(await compile(...FROM_DATA, '--samples', '101')).toMatchObject({ exit: 3, code: 'calibration', expected: '101', got: '100' });
  expect(await compile(...FROM_DATA, '--seed', '3')).toMatchObject({ exit: 2, message: '--seed is for distributions' });
  expect(await compile('--calibrate', folder.file('missing.npy'))).toMatchObject({ exit: 3, code: 'file' });
  expect(within(folder.path)).not.toContain('none');
});
