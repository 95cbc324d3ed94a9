/** Models that strangers publish, over HTTP and from the command line: checked, cut, served, and served again after a restart. */
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import * as v from 'valibot';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { execute } from '../../circuits/execute/execute.ts';
import { encodeCircuitFile } from '../../circuits/graph/file.ts';
import { encodeWeightsFile } from '../../circuits/graph/weights-file.ts';
import { inferenceSchema, modelListSchema, modelSchema, problemSchema, type Publication } from '../../server/wire/http.ts';
import { hotkeyFromSeed, type Hotkey } from '../../server/wire/keys.ts';
import { publicationText } from '../../server/wire/statements.ts';
import type { Sample } from '../support/circuit-draft.ts';
import { failing, placeSample, runJson, temporaryFolder } from '../support/cli.ts';
import { chainOfThree } from '../support/mining.ts';
import { serveInTest, type TestCoordinator } from '../support/serving.ts';

const folder = temporaryFolder();
const owner = hotkeyFromSeed(new Uint8Array(randomBytes(32)));
let served: TestCoordinator;
let chain: Sample;

beforeAll(async () => {
  chain = chainOfThree();
  served = await serveInTest({ digits: false, modelsPerPublisher: 2 });
});
afterAll(async () => {
  await served.stop();
  folder.remove();
});

/** A circuit like the chain, under another digest. */
function variant(name: string): Sample {
  const { circuit, ...rest } = chain;
  const outputs = circuit.meaning.outputs.map((meaning) => ({ ...meaning, note: name }));
  return { ...rest, circuit: { ...circuit, meaning: { ...circuit.meaning, outputs } } };
}

async function keep(bytes: Uint8Array): Promise<string> {
  const response = await fetch(`${served.origin}/v1/blobs`, { method: 'POST', body: bytes as Uint8Array<ArrayBuffer> });
  expect(response.status).toBe(201);
  return ((await response.json()) as { hash: string }).hash;
}

let clock = Date.now();

/** A publication, signed; `change` comes after the signature. */
async function publication(
  sample: Sample,
  name: string,
  { key = owner, coordinator = served.address, time = clock++ }: { key?: Hotkey; coordinator?: string; time?: number } = {},
) {
  const circuit = await keep(encodeCircuitFile(sample.circuit));
  const weights = await keep(encodeWeightsFile(sample.weights));
  return signed({ name, circuit, weights, time, key, coordinator });
}

function signed({
  name,
  circuit,
  weights,
  time,
  key,
  coordinator,
}: {
  name: string;
  circuit: string;
  weights: string;
  time: number;
  key: Hotkey;
  coordinator: string;
}): Publication {
  const text = new TextEncoder().encode(publicationText({ coordinator, name, circuit, weights, time }));
  const signature = Buffer.from(key.sign(text)).toString('hex');
  return { name, circuit, weights, time, signature, publisher: key.address, slices: [3, 1] };
}

const publish = (body: Publication) =>
  fetch(`${served.origin}/v1/models`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });

async function refusal(body: Publication): Promise<v.InferOutput<typeof problemSchema>> {
  const response = await publish(body);
  return v.parse(problemSchema, await response.json());
}

describe('a publication', () => {
  it('is served, cut as its publisher wants, and computes what the circuit says', async () => {
    const response = await publish(await publication(chain, 'chain'));
    expect(response.status).toBe(201);
    const model = v.parse(modelSchema, await response.json());
    expect(model).toMatchObject({ name: 'chain', publisher: owner.address, layers: 4 });
    expect(model.plans.map(({ slices }) => slices.length)).toEqual([3, 1]);
    for (const blob of [model.circuitBlob, model.weightsBlob]) expect((await fetch(`${served.origin}/v1/blobs/${blob}`)).status).toBe(200);
    const asked = await fetch(`${served.origin}/v1/inferences`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'chain', inputs: chain.inputs.map((bytes) => Buffer.from(bytes).toString('base64')) }),
    });
    const inference = v.parse(inferenceSchema, await asked.json());
    const expected = execute(chain.circuit, chain.weights, chain.inputs).outputs.map((values) =>
      Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('base64'),
    );
    expect(inference.outputs).toEqual(expected);
    expect(inference.jobs).toHaveLength(3);
  });

  it('counts for its coordinator, its signer and its time only', async () => {
    const good = await publication(variant('signature'), 'signature');
    const other = hotkeyFromSeed(new Uint8Array(randomBytes(32)));
    expect(await refusal({ ...good, name: 'renamed' })).toMatchObject({ status: 400, code: 'signature' });
    expect(await refusal({ ...good, publisher: other.address })).toMatchObject({ status: 400, code: 'signature' });
    expect(await refusal({ ...good, weights: good.circuit })).toMatchObject({ status: 400, code: 'signature' });
    expect(await refusal({ ...good, publisher: 'nobody' })).toMatchObject({ status: 400, code: 'publisher' });
    expect(await refusal(await publication(variant('other'), 'other', { coordinator: other.address }))).toMatchObject({
      status: 400,
      code: 'signature',
    });
    for (const time of [Date.now() - 600_000, Date.now() + 600_000])
      expect(await refusal(await publication(variant('time'), 'time', { time }))).toMatchObject({ status: 400, code: 'time' });
  });

  it('is refused for files that are not there, are none, or do not belong together', async () => {
    const base = { time: clock++, key: owner, coordinator: served.address };
    const circuit = await keep(encodeCircuitFile(variant('files').circuit));
    const weights = await keep(encodeWeightsFile(chain.weights));
    const text = await keep(new TextEncoder().encode('not a file of ours'));
    const fewer = await keep(encodeWeightsFile(chain.weights.slice(1)));
    const changed = await keep(
      encodeWeightsFile(chain.weights.map((own, n) => (n === 0 ? own.map((w, k) => (k === 0 ? (w === 5 ? 6 : 5) : w)) : own))),
    );
    const missing = '0'.repeat(64);
    const cases = [
      [{ circuit: missing, weights }, 'unknown-blob'],
      [{ circuit, weights: missing }, 'unknown-blob'],
      [{ circuit: text, weights }, 'circuit'],
      [{ circuit, weights: text }, 'weights'],
      [{ circuit: weights, weights: circuit }, 'circuit'],
      [{ circuit, weights: fewer }, 'weights'],
      [{ circuit, weights: changed }, 'weights'],
    ] as const;
    for (const [files, code] of cases)
      expect(await refusal(signed({ ...base, ...files, name: 'files' }))).toMatchObject({ status: 400, code });
    expect(await refusal({ ...signed({ ...base, circuit, weights, name: 'files' }), slices: [9] })).toMatchObject({
      status: 400,
      code: 'slices',
    });
  });

  it('of a circuit whose accumulators may overflow is refused, whatever its bytes claim', async () => {
    const { circuit } = variant('bounds');
    const layer = circuit.layers[0]!;
    if (layer.kind !== 'requantize') throw new Error('expected a requantize layer');
    const layers = [{ ...layer, bias: layer.bias.map(() => 2 ** 30) }, ...circuit.layers.slice(1)];
    const refused = await refusal(await publication({ ...chain, circuit: { ...circuit, layers } }, 'bounds'));
    expect(refused).toMatchObject({ status: 400, code: 'circuit', got: 'rule rule (iii)' });
  });

  it('takes no name of another, is not repeated, and replaces only what is older', async () => {
    const other = hotkeyFromSeed(new Uint8Array(randomBytes(32)));
    expect(await refusal(await publication(variant('thief'), 'chain', { key: other }))).toMatchObject({ status: 409, code: 'name-taken' });
    expect(await refusal(await publication(chain, 'again'))).toMatchObject({ status: 409, code: 'already-published' });
    const older = await publication(variant('older'), 'chain', { time: Date.now() - 200_000 });
    expect(await refusal(older)).toMatchObject({ status: 409, code: 'newer-published' });
    const newer = await publication(variant('newer'), 'chain');
    expect((await publish(newer)).status).toBe(201);
    expect(await refusal(newer)).toMatchObject({ status: 409, code: 'newer-published' });
    expect(await refusal(await publication(variant('third'), 'third'))).toMatchObject({
      status: 403,
      code: 'quota',
      expected: 'at most 2 models',
    });
    const { models } = v.parse(modelListSchema, await (await fetch(`${served.origin}/v1/models`)).json());
    expect(models.map(({ name, circuitBlob }) => [name, circuitBlob])).toEqual([['chain', newer.circuit]]);
  });
});

describe('veritab model', () => {
  it('publishes and lists', async () => {
    const { model } = placeSample(folder.path, 'mine', variant('mine'));
    const key = folder.file('key');
    writeFileSync(key, randomBytes(32).toString('hex'));
    const published = await runJson(
      'model',
      'publish',
      model,
      '--coordinator',
      served.origin,
      '--key',
      key,
      '--slices',
      '1,3',
      '--description',
      'a test',
    );
    expect(published.code).toBe(0);
    const own = v.parse(modelSchema, published.json.model);
    expect(own).toMatchObject({ name: 'mine', description: 'a test', circuitBytes: readFileSync(`${model}.circuit`).length });
    expect(own.plans.map(({ slices }) => slices.length)).toEqual([1, 3]);
    const listed = await runJson('model', 'list', '--coordinator', served.origin);
    expect(v.parse(modelListSchema, listed.json).models.map(({ name }) => name)).toEqual(['chain', 'mine']);
    const taken = await failing('model', 'publish', model, '--coordinator', served.origin, '--key', key, '--name', 'chain');
    expect(taken).toMatchObject({ exit: 1, code: 'name-taken' });
  });

  it('refuses what it cannot do', async () => {
    const { model } = placeSample(folder.path, 'refused', variant('refused'));
    const key = folder.file('encrypted');
    writeFileSync(key, '$NACLabc');
    const args = ['model', 'publish', model, '--coordinator', served.origin] as const;
    expect(await failing(...args)).toMatchObject({ exit: 2, code: 'usage' });
    expect(await failing(...args, '--key', key)).toMatchObject({ exit: 3, code: 'key-file' });
    writeFileSync(key, randomBytes(32).toString('hex'));
    expect(await failing(...args, '--key', key, '--name', 'Not A Name')).toMatchObject({ exit: 2, code: 'usage' });
    expect(await failing('model', 'list', '--coordinator', 'http://127.0.0.1:9')).toMatchObject({ exit: 4, code: 'network' });
    expect(await failing('model', 'forget', '--coordinator', served.origin)).toMatchObject({ exit: 2, code: 'usage' });
  });
});
