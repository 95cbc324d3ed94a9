import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { execute } from '../../circuits/execute/execute.ts';
import { circuitDigest } from '../../circuits/graph/encoding.ts';
import { encodeCircuitFile } from '../../circuits/graph/file.ts';
import { decodeProofFile, encodeProofFile, type ProofFile } from '../../circuits/graph/proof-file.ts';
import { encodeWeightsFile } from '../../circuits/graph/weights-file.ts';
import { estimateMemory } from '../../wasm/prove.ts';
import { securityTable, totalBits } from '../../wasm/verify.ts';
import { denseNet, featureNet } from '../support/circuits.ts';
import { failing, placeSample, runCli, runJson, temporaryFolder } from '../support/cli.ts';
import { kernelModule } from '../support/kernels.ts';

const folder = temporaryFolder();
const sample = featureNet();
let model: string;
let inputs: string[];
const proof = folder.file('feature.proof');
let good: ProofFile;

beforeAll(async () => {
  await kernelModule();
  ({ model, inputs } = placeSample(folder.path, 'feature', sample));
  const { code } = await runJson('prove', model, ...inputs, '--out', proof, '--context', 'for Ada', '--threads', '1');
  expect(code).toBe(0);
  good = decodeProofFile(readFileSync(proof));
});
afterAll(() => folder.remove());

const outputs = execute(sample.circuit, sample.weights, sample.inputs).outputs;

/** Verifies a proof file that differs from the good one. */
function verifyChanged(changes: Partial<ProofFile>, ...args: string[]) {
  const path = folder.file('changed.proof');
  writeFileSync(path, encodeProofFile({ ...good, ...changes }));
  return failing('verify', path, model, ...args);
}

/** With another byte in the middle. */
const changed = (bytes: Uint8Array): Uint8Array => bytes.map((byte, n) => (n === bytes.length >> 1 ? byte ^ 1 : byte));

describe('prove', () => {
  it('writes a proof of what the plain executor computes', () => {
    expect(good).toMatchObject({ circuit: circuitDigest(sample.circuit), context: new TextEncoder().encode('for Ada'), outputs });
    expect(good.inputs).toEqual(sample.inputs);
    expect(readdirSync(folder.path).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  it('gives the same bytes on two threads', async () => {
    const again = folder.file('again.proof');
    await runCli('prove', model, ...inputs, '-o', again, '--context', `hex:${Buffer.from('for Ada').toString('hex')}`, '--threads=2');
    expect(Buffer.compare(readFileSync(again), readFileSync(proof))).toBe(0);
  });

  it('refuses weights that are not those of the circuit', async () => {
    const other = placeSample(folder.path, 'weights', sample);
    writeFileSync(
      `${other.model}.weights`,
      encodeWeightsFile(sample.weights.map((own, n) => (n === 3 ? own.map((w, k) => (k === 0 ? (w > 0 ? w - 1 : w + 1) : w)) : own))),
    );
    const out = folder.file('none.proof');
    const failure = await failing('prove', other.model, ...inputs, '--out', out);
    expect(failure).toMatchObject({ exit: 1, code: 'weights' });
    expect(failure.message).toContain('groups with shortcut');
    expect(readdirSync(folder.path)).not.toContain('none.proof');
  });

  it('refuses a circuit that breaks a bound, by layer and rule', async () => {
    const layers = sample.circuit.layers.map((layer) =>
      layer.kind === 'requantize' ? { ...layer, shift: layer.shift.map(() => 0) } : layer,
    );
    placeSample(folder.path, 'broken', { ...sample, circuit: { ...sample.circuit, layers } });
    for (const args of [
      ['prove', folder.file('broken'), ...inputs, '--out', folder.file('none.proof')],
      ['run', folder.file('broken'), ...inputs],
    ]) {
      const failure = await failing(...args);
      expect(failure).toMatchObject({ exit: 1, code: 'circuit-rule' });
      expect(failure.message).toMatch(/^layer convolution: rule \(ii\): channel \d/);
    }
  });
});

describe('prove refuses inputs', () => {
  const place = (name: string, content: string | Uint8Array): string => {
    writeFileSync(folder.file(name), content);
    return folder.file(name);
  };

  it.each<[string, () => string[], object]>([
    ['of the wrong shape', () => [place('short.raw', sample.inputs[0]!.slice(1)), inputs[1]!], { exit: 3, code: 'input-shape' }],
    [
      'out of range',
      () => [inputs[0]!, place('big.json', JSON.stringify(Array.from(sample.inputs[1]!, () => 1e6)))],
      { exit: 3, code: 'input-range', got: '1000000' },
    ],
    ['that are no numbers', () => [inputs[0]!, place('odd.json', '["a"]')], { exit: 3, code: 'input-format' }],
    ['that are missing', () => [inputs[0]!, folder.file('missing.raw')], { exit: 3, code: 'file', got: 'ENOENT' }],
    ['too few', () => [inputs[0]!], { exit: 2, code: 'input-count' }],
  ])('%s, and writes nothing', async (_, files, failure) => {
    expect(await failing('prove', model, ...files(), '--out', folder.file('none.proof'))).toMatchObject(failure);
    expect(readdirSync(folder.path).filter((name) => name.includes('none.proof'))).toEqual([]);
  });

  it('by name of the file where a model is missing or is none', async () => {
    expect(await failing('prove', folder.file('nothing'), ...inputs, '--out', folder.file('none.proof'))).toMatchObject({
      exit: 3,
      code: 'file',
    });
    const weights = readFileSync(`${model}.weights`);
    for (const [circuit, own] of [
      [weights, weights],
      [readFileSync(`${model}.circuit`), weights.subarray(0, -1)],
      [readFileSync(`${model}.circuit`).subarray(0, -1), weights],
    ]) {
      place('damaged.circuit', circuit!);
      place('damaged.weights', own!);
      const failure = await failing('prove', folder.file('damaged'), ...inputs, '--out', folder.file('none.proof'));
      expect(failure.exit).toBe(3);
      expect(['file-format', 'circuit-encoding']).toContain(failure.code);
    }
    expect(readdirSync(folder.path).filter((name) => name.includes('none.proof'))).toEqual([]);
  });
});

describe('run', () => {
  it('gives the integers and the reals of every output', async () => {
    const { code, json } = await runJson('run', model, ...inputs);
    expect(code).toBe(0);
    expect(json.outputs).toMatchObject(outputs.map((values) => ({ values: [...values], real: expect.any(Array) })));
  });
});

describe('verify', () => {
  it('accepts, with both verifiers, and shows what was proven', async () => {
    const { code, json } = await runJson('verify', proof, model, '--reference', '--context', 'for Ada', '--input', inputs.join(','));
    expect(code).toBe(0);
    expect(json).toMatchObject({ verified: true, weights: 'public', outputs: outputs.map((values) => ({ values: [...values] })) });
    expect(json.reference_ms).toBeGreaterThan(0);
  });

  it.each<[string, (file: ProofFile) => Partial<ProofFile>]>([
    ['input', ({ inputs: [a, b] }) => ({ inputs: [changed(a!), b!] })],
    ['output', ({ outputs: [a, ...rest] }) => ({ outputs: [(a as Int32Array).map((v) => v + 1), ...rest] })],
    ['context', ({ context }) => ({ context: changed(context) })],
    ['proof byte', ({ proof: bytes }) => ({ proof: changed(bytes) })],
    ['end of the proof', ({ proof: bytes }) => ({ proof: bytes.slice(0, -4) })],
    ['four bytes behind the proof', ({ proof: bytes }) => ({ proof: Uint8Array.of(...bytes, 0, 0, 0, 0) })],
    ['number of outputs', ({ outputs: [a] }) => ({ outputs: [a!] })],
    ['type of an output', ({ outputs: [a, ...rest] }) => ({ outputs: [new Uint8Array(a!.length), ...rest] })],
    ['length of an input', ({ inputs: [a, b] }) => ({ inputs: [a!.slice(1), b!] })],
  ])('refuses another %s', async (_, change) => {
    expect(await verifyChanged(change(good))).toMatchObject({ exit: 1, code: 'not-verified' });
  });

  it('refuses a proof of another model, context or input by name', async () => {
    expect(await verifyChanged({ circuit: circuitDigest(denseNet().circuit) })).toMatchObject({ exit: 1, code: 'wrong-model' });
    expect(await failing('verify', proof, model, '--context', 'for Bob')).toMatchObject({
      exit: 1,
      code: 'wrong-context',
      expected: '"for Bob"',
      got: '"for Ada"',
    });
    const other = folder.file('other.raw');
    writeFileSync(other, changed(sample.inputs[0]!));
    expect(await failing('verify', proof, model, '--input', `${other},${inputs[1]!}`)).toMatchObject({ exit: 1, code: 'wrong-input' });
  });

  it('refuses a file that is cut, extended or of another kind as no proof file', async () => {
    const file = readFileSync(proof);
    for (const bytes of [file.subarray(0, -1), Buffer.concat([file, Buffer.of(0)]), encodeCircuitFile(sample.circuit), Buffer.of()]) {
      writeFileSync(folder.file('cut.proof'), bytes);
      expect(await failing('verify', folder.file('cut.proof'), model)).toMatchObject({ exit: 3, code: 'file-format' });
    }
  });

  it('refuses weights that do not match the hash in the circuit', async () => {
    const weights = sample.weights.map((own, n) => (n === 0 ? own.map((w) => -w) : own));
    const other = placeSample(folder.path, 'unlike', { ...sample, weights });
    const failure = await failing('verify', proof, other.model);
    expect(failure).toMatchObject({ exit: 1, code: 'circuit-rule' });
    expect(failure.message).toContain('the circuit is refused: layer convolution: weights: ');
  });
});

describe('inspect', () => {
  it('shows a circuit: what it means, and a row per layer', async () => {
    const { stdout } = await runCli('inspect', `${model}.circuit`);
    expect(stdout).toContain(Buffer.from(circuitDigest(sample.circuit)).toString('hex'));
    expect(stdout).toMatch(/^convolution +convolution 3x3 +4 x 7 x 6 +3,024 +72 +0-6 +336/m);
    expect(stdout).toMatch(/^gathered maximum +maximum \(gathered\)/m);
  });

  it('counts the lookups that the proof has', async () => {
    const { json } = await runJson('inspect', `${model}.circuit`);
    const { layers, totals } = json as { layers: { lookups: number; weights: number }[]; totals: { lookups: number; weights: number } };
    expect(layers.reduce((sum, { lookups }) => sum + lookups, 0)).toBe(totals.lookups);
    expect(totals.weights).toBe(sample.weights.reduce((sum, { length }) => sum + length, 0));
  });

  it('shows proofs and weights', async () => {
    expect((await runJson('inspect', proof)).json).toMatchObject({ kind: 'proof', proof_bytes: good.proof.length });
    expect((await runJson('inspect', `${model}.weights`)).json).toMatchObject({
      kind: 'weights',
      lengths: sample.weights.map(({ length }) => length),
    });
  });

  it('shows how sure each round of a proof is, and all together', async () => {
    const rounds = securityTable(sample.circuit);
    const { json } = await runJson('inspect', `${model}.circuit`, '--security');
    expect(json.security).toEqual({
      proof: { rounds, least_bits: Math.min(...rounds.map(({ bits }) => bits)), total_bits: totalBits(rounds) },
      registration: null,
    });
    const { stdout } = await runCli('inspect', `${model}.circuit`, '--security');
    expect(stdout).toMatch(/^lookup challenges +1 +\d+ leaves \/ q +1\d\d\.\d$/m);
    expect(stdout).toMatch(new RegExp(`^all +sum +${(Math.floor(10 * totalBits(rounds)) / 10).toFixed(1)}$`, 'm'));
  });

  it('estimates the memory of a proof, and keeps to it', async () => {
    const { json } = await runJson('inspect', `${model}.circuit`, '--memory', '--threads', '2');
    const { kernels, javascript } = estimateMemory(sample.circuit, { threads: 2 });
    expect(json.memory).toMatchObject({ threads: 2, kernels, total: kernels + javascript });
    const { json: proven } = await runJson('prove', model, ...inputs, '--threads', '2', '--out', folder.file('measured.proof'));
    expect(proven.peak_bytes).toBeGreaterThan(0);
    expect(proven.peak_bytes).toBeLessThanOrEqual(kernels);
    expect((await runCli('inspect', `${model}.circuit`, '--memory', '--threads', '1')).stdout).toMatch(/^ {2}witness +[\d.]+ KB/m);
  });

  it('has no security and memory of anything but circuits', async () => {
    for (const option of ['--security', '--memory'])
      expect(await failing('inspect', proof, option)).toMatchObject({ exit: 2, code: 'usage', message: `${option} is for circuits` });
  });

  it('refuses a circuit that is malformed', async () => {
    const layers = sample.circuit.layers.map((layer) => (layer.kind === 'requantize' ? { ...layer, table: 9 } : layer));
    writeFileSync(folder.file('odd.circuit'), encodeCircuitFile({ ...sample.circuit, layers }));
    expect(await failing('inspect', folder.file('odd.circuit'))).toMatchObject({
      exit: 1,
      code: 'circuit-rule',
      message: expect.stringContaining('table'),
    });
  });
});
