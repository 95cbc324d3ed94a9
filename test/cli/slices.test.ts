import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { execute } from '../../circuits/execute/execute.ts';
import { circuitDigest } from '../../circuits/graph/encoding.ts';
import { decodeProofFile, encodeProofFile, type ProofFile } from '../../circuits/graph/proof-file.ts';
import { chooseCuts } from '../../circuits/slice/cuts.ts';
import { slice } from '../../circuits/slice/slice.ts';
import { sliceContext } from '../../wasm/verify.ts';
import { clamp, clampAround128, CircuitDraft, type Sample } from '../support/circuit-draft.ts';
import { denseNet } from '../support/circuits.ts';
import { failing, placeSample, runCli, runJson, temporaryFolder } from '../support/cli.ts';
import { kernelModule } from '../support/kernels.ts';

/** Three layers in a row, then a sum; the second tensor is an output too. */
function rowNet(): Sample {
  const draft = new CircuitDraft(5);
  const x = draft.input([2, 4, 4], 3);
  const a = draft.requantize('a', [2, 4, 4], 0, [0, 9], [draft.convolution(draft.whole(x), 2)], [4, 4], clamp);
  const b = draft.requantize('b', [2, 2, 2], 7, [1, 2], [draft.convolution(draft.whole(a), 2, { stride: [2, 2] })], [3, 4], clampAround128);
  const c = draft.requantize('c', [2, 4, 4], 0, [5, 6], [draft.convolution(draft.whole(b), 2, { pad: [2, 2] })], [2, 2], clampAround128);
  const out = draft.accumulate('out', [1, 1, 1], [1], [draft.convolution(draft.whole(c), 1, { kernel: [4, 4] })]);
  return draft.finish('row net', [out, b]);
}

const folder = temporaryFolder();
afterAll(() => folder.remove());
const sample = rowNet();
const { outputs } = execute(sample.circuit, sample.weights, sample.inputs);
const context = new TextEncoder().encode('for Ada');
const chain = folder.file('row.proof');
let model = '';
let inputs: string[] = [];

interface List {
  readonly cuts: number[];
  readonly context: string;
  readonly outputs: { type: string; values: number[] }[];
  readonly slices: string[];
}

/** The list of the chain, or one that differs; gives its path. */
function placeList(change: (list: List) => object = () => ({})): string {
  const list = JSON.parse(readFileSync(chain, 'utf8')) as List;
  writeFileSync(folder.file('changed.proof'), JSON.stringify({ ...list, ...change(list) }));
  return folder.file('changed.proof');
}

/** The chain with another proof file for slice k; gives the list's path. */
function placeSlice(k: number, change: (file: ProofFile) => Partial<ProofFile>): string {
  const file = decodeProofFile(readFileSync(`${chain}.${k}`));
  writeFileSync(folder.file('slice.proof'), encodeProofFile({ ...file, ...change(file) }));
  return placeList(({ slices }) => ({ slices: slices.with(k, 'slice.proof') }));
}

beforeAll(async () => {
  await kernelModule();
  ({ model, inputs } = placeSample(folder.path, 'row', sample));
  const { code, json } = await runJson(
    'prove',
    model,
    ...inputs,
    '--slices',
    '3',
    '--out',
    chain,
    '--context',
    'for Ada',
    '--threads',
    '1',
  );
  expect(code).toBe(0);
  expect(json).toMatchObject({
    proof: chain,
    outputs: outputs.map((values) => ({ values: [...values] })),
    files: ['.0', '.1', '.2', ''].map((end) => ({ path: `${chain}${end}` })),
  });
  expect((json.slices as object[]).length).toBe(3);
});

describe('prove --slices', () => {
  it('writes a proof for each slice of the best cuts, and a list of them', () => {
    const pieces = slice(sample.circuit, chooseCuts(sample.circuit, 3));
    const files = pieces.map((_, k) => decodeProofFile(readFileSync(`${chain}.${k}`)));
    expect(files.map(({ circuit }) => circuit)).toEqual(pieces.map((piece) => circuitDigest(piece.circuit)));
    expect(files.map((file) => file.context)).toEqual(files.map((_, k) => sliceContext(context, k, 3)));
    expect(files[0]!.inputs).toEqual(sample.inputs);
    expect(
      readdirSync(folder.path)
        .filter((name) => name.startsWith('row.proof'))
        .sort(),
    ).toEqual(['', '.0', '.1', '.2'].map((end) => `row.proof${end}`));
    expect(readdirSync(folder.path).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  it('shows the layers of each slice, and what crosses', async () => {
    const { stdout } = await runCli('prove', model, ...inputs, '--slices', '2', '--out', folder.file('two.proof'), '--threads', '1');
    expect(stdout).toMatch(/^proof +.*two\.proof, .* KB in 2 slices$/m);
    expect(stdout).toMatch(/^ +0 {2}\S.*\d x \d x \d .*KB/m);
    expect(stdout).toMatch(/^ +1 {2}.* out .*KB/m);
  });

  it.each([
    ['5', { message: 'this model cannot be cut into 5 slices', expected: '1 to 3' }],
    ['0', { message: '--slices is out of range' }],
    ['two', { message: '--slices is out of range' }],
  ])('refuses %s slices', async (count, failure) => {
    const out = folder.file('none.proof');
    expect(await failing('prove', model, ...inputs, '--slices', count, '--out', out)).toMatchObject({ exit: 2, code: 'usage', ...failure });
    expect(readdirSync(folder.path).filter((name) => name.startsWith('none'))).toEqual([]);
  });
});

describe('verify accepts a chain', () => {
  it('with both verifiers, and shows what was proven', async () => {
    const { code, json } = await runJson('verify', chain, model, '--reference', '--context', 'for Ada', '--input', inputs.join(','));
    expect(code).toBe(0);
    expect(json).toMatchObject({
      verified: true,
      slices: 3,
      weights: 'public',
      outputs: outputs.map((values) => ({ values: [...values] })),
    });
    expect(json.reference_ms).toBeGreaterThan(0);
  });

  it('whose files were renamed, as the list says', async () => {
    writeFileSync(folder.file('middle'), readFileSync(`${chain}.1`));
    expect(
      (
        await runJson(
          'verify',
          placeList(({ slices }) => ({ slices: slices.with(1, 'middle') })),
          model,
        )
      ).code,
    ).toBe(0);
  });
});

describe('verify refuses a chain', () => {
  const refused = (list: string, ...args: string[]) => failing('verify', list, model, ...args);

  it.each<[string, () => string, string]>([
    [
      'with another output',
      () => placeList(({ outputs: [own, ...rest] }) => ({ outputs: [{ ...own, values: [own!.values[0]! + 1] }, ...rest] })),
      'not-verified',
    ],
    ['with an output less', () => placeList((list) => ({ outputs: list.outputs.slice(0, 1) })), 'not-verified'],
    ['cut elsewhere', () => placeList(({ cuts: [first, second] }) => ({ cuts: [first, second! + 1] })), 'not-verified'],
    ['with its cuts in another order', () => placeList(({ cuts }) => ({ cuts: cuts.toReversed() })), 'not-verified'],
    [
      'of two slices, one of them left out',
      () => placeList(({ cuts, slices }) => ({ cuts: cuts.slice(1), slices: slices.slice(1) })),
      'wrong-context',
    ],
    ['with its slices in another order', () => placeList(({ slices }) => ({ slices: slices.toReversed() })), 'wrong-context'],
    ['for another context', () => placeList(() => ({ context: '00' })), 'wrong-context'],
    ['with another byte in a proof', () => placeSlice(1, ({ proof }) => ({ proof: proof.with(99, proof[99]! ^ 1) })), 'not-verified'],
    ['with a proof cut', () => placeSlice(2, ({ proof }) => ({ proof: proof.slice(0, -4) })), 'not-verified'],
    [
      'with another crossing tensor',
      () => placeSlice(1, ({ inputs: [own] }) => ({ inputs: [own!.with(0, own![0]! ^ 1)] })),
      'not-verified',
    ],
    ['with a slice of another circuit', () => placeSlice(0, () => ({ circuit: circuitDigest(denseNet().circuit) })), 'not-verified'],
  ])('%s', async (_, place, code) => {
    for (const more of [[], ['--reference']]) expect(await refused(place(), ...more)).toMatchObject({ exit: 1, code });
  });

  it('by the name of the slice at fault', async () => {
    const { message } = await refused(placeSlice(1, ({ proof }) => ({ proof: proof.with(99, proof[99]! ^ 1) })));
    expect(message).toContain(`${folder.file('slice.proof')} (slice 1 of 3) is refused: `);
  });

  it('of another model, context or input by name', async () => {
    const other = placeSample(folder.path, 'dense', denseNet());
    expect(await failing('verify', chain, other.model)).toMatchObject({ exit: 1, code: 'wrong-model' });
    expect(await refused(chain, '--context', 'for Bob')).toMatchObject({ exit: 1, code: 'wrong-context', got: '"for Ada"' });
    writeFileSync(folder.file('other.raw'), sample.inputs[0]!.with(3, sample.inputs[0]![3]! ^ 1));
    expect(await refused(chain, '--input', folder.file('other.raw'))).toMatchObject({ exit: 1, code: 'wrong-input' });
  });

  it('with weights that do not match the hash', async () => {
    const weights = sample.weights.map((own, n) => (n === 0 ? own.map((w) => -w) : own));
    const other = placeSample(folder.path, 'unlike', { ...sample, weights });
    expect(await failing('verify', chain, other.model)).toMatchObject({
      exit: 1,
      code: 'circuit-rule',
      message: expect.stringContaining('weights'),
    });
  });

  it.each<[string, () => string, object]>([
    [
      'a slice is missing',
      () => placeList(({ slices }) => ({ slices: slices.with(2, 'gone') })),
      { code: 'file', message: expect.stringContaining('the proof of slice 2') },
    ],
    [
      'a slice is no proof file',
      () => placeList(({ slices }) => ({ slices: slices.with(0, 'row.circuit') })),
      { code: 'file-format', got: 'kind 1 (circuit)' },
    ],
    ['a slice lies elsewhere', () => placeList(({ slices }) => ({ slices: slices.with(0, '../row.proof.0') })), { code: 'chain' }],
    [
      'the list has a slice more than cuts',
      () => placeList(({ slices }) => ({ slices: [...slices, 'row.proof.0'] })),
      { code: 'chain', expected: '3, for 2 cuts' },
    ],
    ['an output does not fit its type', () => placeList(() => ({ outputs: [{ type: 'uint8', values: [256] }] })), { code: 'chain' }],
    ['the context is not hexadecimal', () => placeList(() => ({ context: 'for Ada' })), { code: 'chain' }],
    ['the version is another', () => placeList(() => ({ version: 2 })), { code: 'chain', expected: '1', got: '2' }],
  ])('where %s', async (_, place, failure) => {
    expect(await refused(place())).toMatchObject({ exit: 3, ...failure });
  });

  it('where the list is cut', async () => {
    writeFileSync(folder.file('cut.proof'), readFileSync(chain).subarray(0, -5));
    expect(await refused(folder.file('cut.proof'))).toMatchObject({ exit: 3, code: 'chain', message: 'the chain is not JSON' });
    rmSync(folder.file('cut.proof'));
  });
});

describe('inspect', () => {
  it('shows a chain, and says that it has not been verified', async () => {
    const { json } = await runJson('inspect', chain);
    expect(json).toMatchObject({
      kind: 'chain',
      circuit: Buffer.from(circuitDigest(sample.circuit)).toString('hex'),
      context: Buffer.from(context).toString('hex'),
      cuts: chooseCuts(sample.circuit, 3),
      slices: [0, 1, 2].map((k) => ({ file: `${chain}.${k}` })),
    });
    expect((await runCli('inspect', chain)).stdout).toMatch(/^verified +no: /m);
  });

  it('says how often a circuit can be cut', async () => {
    expect((await runJson('inspect', `${model}.circuit`)).json).toMatchObject({ most_slices: 3 });
  });
});
