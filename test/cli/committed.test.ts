import { copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeCircuitFile } from '../../circuits/graph/file.ts';
import { decodeWeightsFile, encodeWeightsFile } from '../../circuits/graph/weights-file.ts';
import { registrationSecurity, securityTable } from '../../wasm/verify.ts';
import { failing, runJson, temporaryFolder } from '../support/cli.ts';
import { kernelModule } from '../support/kernels.ts';
import { onnxModel } from '../support/onnx-builder.ts';

const MODEL = join(import.meta.dirname, '../../circuits/models/digits');
const DIGITS = join(MODEL, 'digits.onnx');
const CALIBRATION = join(MODEL, 'calibration.u8');

const folder = temporaryFolder();
afterAll(() => folder.remove());
const model = folder.file('digits');
const digit = folder.file('digit.raw');
const proof = folder.file('digit.proof');

async function succeeding(...args: string[]): Promise<Record<string, unknown>> {
  const { code, json } = await runJson(...args);
  expect(json).not.toHaveProperty('error');
  expect(code).toBe(0);
  return json;
}

/** The model under another name, some of its files changed. */
function copyModel(name: string, change: Partial<Record<'weights' | 'registration', Uint8Array | null>> = {}): string {
  copyFileSync(`${model}.circuit`, `${folder.file(name)}.circuit`);
  for (const part of ['weights', 'registration'] as const) {
    const bytes = change[part] === undefined ? readFileSync(`${model}.${part}`) : change[part];
    if (bytes !== null) writeFileSync(`${folder.file(name)}.${part}`, bytes);
  }
  return folder.file(name);
}

beforeAll(async () => {
  await kernelModule();
  writeFileSync(digit, readFileSync(CALIBRATION).subarray(37 * 784, 38 * 784));
  const compiled = await succeeding(
    'compile',
    DIGITS,
    '--calibrate',
    CALIBRATION,
    '--raw',
    'uint8',
    '--input-range',
    '0,255',
    '--committed',
    '--out',
    model,
  );
  expect(compiled).toMatchObject({ weights: 'committed' });
  await succeeding('prove', model, digit, '--out', proof, '--threads', '1');
});

describe('a model with committed weights', () => {
  it('is compiled to a circuit, its weights, and the proof that registers them', async () => {
    const files = readdirSync(folder.path).filter((name) => name.startsWith('digits.'));
    expect(files.sort()).toEqual(['digits.circuit', 'digits.recipe.json', 'digits.registration', 'digits.weights']);
    const { weightRoot } = decodeCircuitFile(readFileSync(`${model}.circuit`));
    const inspected = await succeeding('inspect', `${model}.circuit`);
    expect(inspected).toMatchObject({ weights: 'committed', weight_root: Buffer.from(weightRoot!).toString('hex'), most_slices: 1 });
    expect(await succeeding('inspect', `${model}.registration`)).toMatchObject({ kind: 'registration', circuit: inspected.digest });
  });

  it('is compiled to the same circuit by its recipe', async () => {
    const { digest } = await succeeding('inspect', `${model}.circuit`);
    const recipe = `${model}.recipe.json`;
    expect(await succeeding('reproduce', recipe, '--model', DIGITS, '--calibrate', CALIBRATION)).toMatchObject({ circuit: digest });
    const wrong = folder.file('wrong.recipe.json');
    writeFileSync(wrong, readFileSync(recipe, 'utf8').replace(digest as string, 'ab'.repeat(32)));
    expect(await failing('reproduce', wrong, '--model', DIGITS, '--calibrate', CALIBRATION)).toMatchObject({
      exit: 1,
      code: 'not-reproduced',
      got: digest,
    });
  });

  it('is verified without its weights, by both verifiers', async () => {
    const verified = await succeeding('verify', proof, copyModel('public', { weights: null }), '--reference', '--input', digit);
    expect(verified).toMatchObject({ verified: true, weights: 'registered', slices: null });
  });

  it('is verified without a registration proof only on request, which the verdict says', async () => {
    const bare = copyModel('bare', { registration: null });
    expect(await failing('verify', proof, bare)).toMatchObject({ exit: 1, code: 'not-registered', got: 'no such file' });
    expect(await succeeding('verify', proof, bare, '--unregistered')).toMatchObject({ weights: 'unregistered' });
  });

  it('is refused with a registration proof that is changed, cut, or of another circuit', async () => {
    const good = readFileSync(`${model}.registration`);
    const at = (n: number) => good.map((byte, k) => (k === n ? byte ^ 1 : byte));
    expect(await failing('verify', proof, copyModel('changed', { registration: at(1000) }))).toMatchObject({
      exit: 1,
      code: 'not-verified',
      message: expect.stringContaining('registration'),
    });
    expect(await failing('verify', proof, copyModel('other', { registration: at(10) }))).toMatchObject({ exit: 1, code: 'wrong-model' });
    expect(await failing('verify', proof, copyModel('cut', { registration: good.subarray(0, -1) }))).toMatchObject({
      exit: 3,
      code: 'file-format',
    });
  });

  it('is not run or proven with other weights', async () => {
    const weights = decodeWeightsFile(readFileSync(`${model}.weights`)).map((own, n) => (n === 2 ? own.with(9, own[9]! ^ 1) : own));
    const other = copyModel('others', { weights: encodeWeightsFile(weights) });
    const refused = { exit: 1, code: 'weights', message: 'weights: these are not the weights that the circuit commits to' };
    expect(await failing('prove', other, digit, '--out', folder.file('none.proof'))).toMatchObject(refused);
    expect(await failing('run', other, digit)).toMatchObject(refused);
    expect(readdirSync(folder.path)).not.toContain('none.proof');
    expect(await succeeding('run', model, digit)).toMatchObject({ outputs: [{ name: 'logits' }] });
  });

  it('is not proven in slices', async () => {
    expect(await failing('prove', model, digit, '--slices', '2', '--out', folder.file('none.proof'))).toMatchObject({
      exit: 1,
      code: 'committed-weights',
      expected: 'public weights',
    });
    expect(readdirSync(folder.path)).not.toContain('none.proof');
  });

  it('has a security table for proofs and one for the registration', async () => {
    const circuit = decodeCircuitFile(readFileSync(`${model}.circuit`));
    const { security } = await succeeding('inspect', `${model}.circuit`, '--security');
    expect(security).toMatchObject({ proof: { rounds: securityTable(circuit) }, registration: { rounds: registrationSecurity(circuit) } });
  });
});

it('a model that cannot be committed to is refused before anything is written', async () => {
  const inputs = 2 ** 17;
  const wide = onnxModel({
    inputs: [{ name: 'x', dims: [1, inputs] }],
    outputs: ['y'],
    nodes: [
      { op: 'MatMul', name: 'product', inputs: ['x', 'w'], outputs: ['p'] },
      { op: 'Relu', inputs: ['p'], outputs: ['y'] },
    ],
    constants: { w: { dims: [inputs, 1], data: new Float32Array(inputs).fill(1) } },
  });
  writeFileSync(folder.file('wide.onnx'), wide);
  const args = ['compile', folder.file('wide.onnx'), '--calibrate', 'uniform:0,1', '--samples', '1', '--out', folder.file('none/wide')];
  expect(await failing(...args, '--committed')).toMatchObject({
    exit: 1,
    code: 'weights',
    message: expect.stringContaining('it must be below 2^17'),
  });
  expect(readdirSync(folder.path)).not.toContain('none');
});
