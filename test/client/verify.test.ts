import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import type { Circuit } from '../../circuits/graph/circuit.ts';
import { circuitDigest } from '../../circuits/graph/encoding.ts';
import { encodeCircuitFile } from '../../circuits/graph/file.ts';
import { encodeWeightsFile } from '../../circuits/graph/weights-file.ts';
import { calibrationDigits } from '../../circuits/models/digits/digits.ts';
import { slice, sliceWeights } from '../../circuits/slice/slice.ts';
import { decodeBundle, encodeBundle, type Bundle, type BundleSlice } from '../../server/wire/bundle.ts';
import { hotkeyFromSeed, sessionKeyFromSecret } from '../../server/wire/keys.ts';
import { certificateText, coordinatorStatement, jobContext } from '../../server/wire/statements.ts';
import { prepareProver } from '../../wasm/prove.ts';
import type { Check, Client, VerifyOptions } from '../../web/client/client.ts';
import type { Miner } from '../../web/miner/miner.ts';
import { servedDigits, testClient } from '../support/asking.ts';
import { startTestCoordinator, type TestCoordinator } from '../support/coordinator/coordinator.ts';
import { hex } from '../support/coordinator/served.ts';
import { loadKernels } from '../support/kernels.ts';
import { testMiner } from '../support/mining.ts';
import { seededGenerator } from '../support/random.ts';

const calibration = new Uint8Array(readFileSync(join(import.meta.dirname, '../../circuits/models/digits/calibration.u8')));
const [inputs, otherInputs] = [37, 52].map((n) => [calibrationDigits(calibration)[n]!.pixels]) as [Uint8Array[], Uint8Array[]];

const kernels = await loadKernels();
const digits = await servedDigits();
const model = hex(circuitDigest(digits.circuit));
let coordinator: TestCoordinator;
let miner: Miner;
let client: Client;
/** Of one request in three slices; of another one with the same input; of one with another input; of one in one slice. */
let bundle: Bundle;
let second: Bundle;
let other: Bundle;
let whole: Bundle;

beforeAll(async () => {
  coordinator = await startTestCoordinator([digits]);
  miner = testMiner(coordinator.url);
  miner.start();
  client = testClient(coordinator.url);
  const ask = async (values: Uint8Array[], slices: number): Promise<Bundle> =>
    decodeBundle((await client.infer('digits', values, { slices })).bundle);
  bundle = await ask(inputs, 3);
  second = await ask(inputs, 3);
  other = await ask(otherInputs, 3);
  whole = await ask(inputs, 1);
});
afterAll(async () => {
  await miner.stop();
  await client.dispose();
  await coordinator.close();
  await kernels.end();
});

const wanted = (): VerifyOptions => ({ model, inputs, request: bundle.request, outputs: bundle.outputs });

async function verdictOf(changed: Bundle | Uint8Array, options: Partial<VerifyOptions> = {}) {
  const seen: Check[] = [];
  const file = changed instanceof Uint8Array ? changed : encodeBundle(changed);
  const verdict = await client.verify(file, { ...wanted(), ...options, onCheck: (check) => seen.push(check) });
  expect(seen).toEqual(verdict.checks);
  return verdict;
}

/** The checks that do not hold, as `slice 1`. */
async function refusedBy(changed: Bundle | Uint8Array, options: Partial<VerifyOptions> = {}): Promise<string[]> {
  const { checks, proven } = await verdictOf(changed, options);
  expect(proven).toBe(false);
  return checks.filter(({ ok }) => !ok).map(({ name, slice: k }) => (k === null ? name : `${name} ${k}`));
}

const plusOne = <T extends Uint8Array | Int32Array>(values: T, at = 0): T => {
  const changed = values.slice() as T;
  changed[at]! += 1;
  return changed;
};

const withSlice = (k: number, change: (own: BundleSlice) => Partial<BundleSlice>, of = bundle): Bundle => ({
  ...of,
  slices: of.slices.map((own, n) => (n === k ? { ...own, ...change(own) } : own)),
});

describe('a bundle', () => {
  it('is verified from the digest of its model, check by check', async () => {
    const verdict = await verdictOf(bundle);
    expect(verdict).toMatchObject({ proven: true, attributed: true });
    expect(verdict.meaning?.outputs[0]!.labels).toEqual(['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
    expect(verdict.checks.map(({ name, slice: k, ok }) => [name, k, ok])).toEqual([
      ['digest', null, true],
      ['input', null, true],
      ['cover', null, true],
      ['slice', 0, true],
      ['slice', 1, true],
      ['slice', 2, true],
      ['chain', null, true],
      ['miner', 0, true],
      ['miner', 1, true],
      ['miner', 2, true],
      ['coordinator', null, true],
    ]);
    expect(verdict.checks.every(({ ms }) => ms >= 0 && ms <= verdict.ms)).toBe(true);
  });

  it('of one slice is verified too', async () => {
    expect(await verdictOf(whole, { request: whole.request })).toMatchObject({ proven: true, attributed: true });
  });

  it('says where nobody told what to expect', async () => {
    const { proven, checks } = await verdictOf(bundle, { model: null, inputs: null, request: null, outputs: null });
    expect(proven).toBe(true);
    expect(checks[0]!.detail).toContain('nobody said which model it should be');
    expect(checks[1]!.detail).toContain('nobody said what was put in');
  });

  it('that holds its model needs no network', async () => {
    const offline = testClient('http://127.0.0.1:9', { fetch: () => Promise.reject(new Error('offline')) });
    const artefacts = { circuit: digits.circuitFile, weights: digits.weightsFile };
    expect(await offline.verify(encodeBundle({ ...bundle, artefacts }), wanted())).toMatchObject({ proven: true, attributed: true });
    const without = await offline.verify(encodeBundle(bundle), wanted());
    expect(without).toMatchObject({ proven: false, attributed: true, meaning: null });
    expect(without.checks[0]).toMatchObject({ name: 'digest', ok: false, detail: expect.stringContaining('offline') });
    await offline.dispose();
  });

  it('is given up when it is told to be', async () => {
    const controller = new AbortController();
    const verifying = client.verify(encodeBundle(bundle), {
      ...wanted(),
      signal: controller.signal,
      onCheck: ({ name }) => {
        if (name === 'cover') controller.abort(new Error('enough'));
      },
    });
    await expect(verifying).rejects.toThrow('enough');
    expect(await verdictOf(bundle)).toMatchObject({ proven: true });
  });
});

/** A circuit of another meaning, with everything else of the first. */
function relabelled(): Circuit {
  const [output] = digits.circuit.meaning.outputs;
  return { ...digits.circuit, meaning: { ...digits.circuit.meaning, outputs: [{ ...output!, labels: [...output!.labels].reverse() }] } };
}

/** A bundle of another circuit: each proof made by the same hotkey for its place in the request. Proofs are deterministic, so that of a slice that is the same in both is too. */
function provenBy(own: Circuit, weights: readonly Int8Array[], request: string, cuts: readonly number[], digest: Uint8Array): Bundle {
  const pieces = slice(own, cuts);
  let values: readonly Uint8Array[] = inputs;
  const outputs: (Uint8Array | Int32Array)[] = [];
  const slices = pieces.map((piece, k) => {
    const prover = prepareProver(kernels, piece.circuit, sliceWeights(weights, piece));
    const { certificate } = bundle.slices[0]!;
    const proven = prover.prove(values, jobContext({ request, slice: k, slices: pieces.length, hotkey: certificate.hotkey }));
    prover.dispose();
    const isLast = k === pieces.length - 1;
    if (isLast) outputs.push(...proven.outputs);
    else values = [proven.outputs[0] as Uint8Array];
    return { ...bundle.slices[0]!, crossing: isLast ? null : values[0]!, proof: proven.proof };
  });
  return { ...bundle, model: digest, request, cuts, outputs, slices };
}

describe('the answer of a bundle is refused, by the check that finds it,', () => {
  test.each<[what: string, change: () => Bundle | Uint8Array, by: string[], options?: () => Partial<VerifyOptions>]>([
    ['another output', () => ({ ...bundle, outputs: [plusOne(bundle.outputs[0]!)] }), ['slice 2'], () => ({ outputs: null })],
    ['another output than was claimed', () => bundle, ['chain'], () => ({ outputs: [plusOne(bundle.outputs[0]!)] })],
    ['another input', () => ({ ...bundle, inputs: [plusOne(bundle.inputs[0]!, 300)] }), ['input', 'slice 0']],
    ['an input that nobody compares', () => ({ ...bundle, inputs: [plusOne(bundle.inputs[0]!)] }), ['slice 0'], () => ({ inputs: null })],
    ['a shorter input', () => ({ ...bundle, inputs: [bundle.inputs[0]!.slice(1)] }), ['input', 'chain']],
    ['no input', () => ({ ...bundle, inputs: [] }), ['input', 'chain']],
    ['an honest bundle about another input', () => other, ['input'], () => ({ request: null, outputs: null })],
    ['the bundle of another request', () => second, ['input']],
    [
      'the bundle of another request under this name',
      () => ({ ...second, request: bundle.request }),
      ['slice 0', 'slice 1', 'slice 2', 'coordinator'],
    ],
    ['another model', () => bundle, ['digest'], () => ({ model: '00'.repeat(32) })],
    ['another digest', () => ({ ...bundle, model: plusOne(bundle.model) }), ['digest'], () => ({ model: null })],
    [
      'other labels under the digest',
      () => ({ ...bundle, artefacts: { circuit: encodeCircuitFile(relabelled()), weights: digits.weightsFile } }),
      ['digest'],
    ],
    [
      'other labels with a digest of their own',
      () => ({
        ...bundle,
        model: circuitDigest(relabelled()),
        artefacts: { circuit: encodeCircuitFile(relabelled()), weights: digits.weightsFile },
      }),
      ['slice 2'],
      () => ({ model: null }),
    ],
    [
      'other weights',
      () => ({
        ...bundle,
        artefacts: {
          circuit: digits.circuitFile,
          weights: encodeWeightsFile(digits.weights.map((w, k) => (k === 1 ? w.map((v) => -v) : w))),
        },
      }),
      ['digest'],
    ],
    [
      "another model's proofs",
      () => provenBy(relabelled(), digits.weights, bundle.request, bundle.cuts, bundle.model),
      ['slice 2', 'coordinator', 'miner 1', 'miner 2'],
    ],
    [
      'swapped slices',
      () => ({ ...bundle, slices: [0, 2, 1].map((k, n) => ({ ...bundle.slices[k]!, crossing: bundle.slices[n]!.crossing })) }),
      ['slice 1', 'slice 2', 'coordinator'],
    ],
    [
      'swapped slices with their tensors',
      () =>
        withSlice(
          0,
          () => bundle.slices[1]!,
          withSlice(1, () => bundle.slices[0]!),
        ),
      ['chain 0', 'coordinator'],
    ],
    ['a slice of another request', () => withSlice(1, () => second.slices[1]!), ['slice 1', 'coordinator']],
    [
      'a slice twice',
      () => withSlice(1, () => ({ ...bundle.slices[0]!, crossing: bundle.slices[1]!.crossing })),
      ['slice 1', 'coordinator'],
    ],
    ['a slice of another length of chain', () => ({ ...bundle, cuts: [], slices: [bundle.slices[2]!] }), ['slice 0', 'coordinator']],
    [
      'a dropped slice',
      () => ({ ...bundle, cuts: bundle.cuts.slice(1), slices: bundle.slices.slice(1) }),
      ['slice 0', 'slice 1', 'coordinator'],
    ],
    [
      'a dropped last slice',
      () => ({ ...bundle, cuts: bundle.cuts.slice(0, 1), slices: [bundle.slices[0]!, bundle.slices[2]!] }),
      ['slice 0', 'slice 1', 'coordinator'],
    ],
    ['another crossing tensor', () => withSlice(0, ({ crossing }) => ({ crossing: plusOne(crossing!) })), ['slice 0', 'slice 1']],
    ['a shorter crossing tensor', () => withSlice(1, ({ crossing }) => ({ crossing: crossing!.slice(1) })), ['chain 1']],
    ['a cut where none is possible', () => ({ ...bundle, cuts: [bundle.cuts[0]!, 9999] }), ['cover']],
    ['cuts in another order', () => ({ ...bundle, cuts: [...bundle.cuts].reverse() }), ['cover']],
    [
      'bytes where int32 values belong',
      () => ({ ...bundle, outputs: [Uint8Array.from(bundle.outputs[0]!)] }),
      ['chain'],
      () => ({ outputs: null }),
    ],
    ['an output more', () => ({ ...bundle, outputs: [...bundle.outputs, bundle.outputs[0]!] }), ['chain'], () => ({ outputs: null })],
    ['another proof', () => withSlice(2, ({ proof }) => ({ proof: plusOne(proof, 5000) })), ['slice 2', 'miner 2', 'coordinator']],
    [
      'a byte behind a proof',
      () => withSlice(1, ({ proof }) => ({ proof: Uint8Array.of(...proof, 0) })),
      ['slice 1', 'miner 1', 'coordinator'],
    ],
    ['no proof', () => withSlice(1, () => ({ proof: new Uint8Array(0) })), ['slice 1', 'miner 1', 'coordinator']],
    [
      'another hotkey',
      () => withSlice(1, ({ certificate }) => ({ certificate: { ...certificate, hotkey: plusOne(certificate.hotkey) } })),
      ['slice 1', 'miner 1', 'coordinator'],
    ],
  ])('beside %s', async (_, change, by, options) => {
    expect((await refusedBy(change(), options?.())).sort()).toEqual([...by].sort());
  });

  it('where it is no bundle', async () => {
    const file = encodeBundle(bundle);
    const embedded = { circuit: digits.circuitFile.slice(0, -1), weights: digits.weightsFile };
    for (const wrong of [
      new Uint8Array(0),
      file.subarray(0, -1),
      Uint8Array.of(...file, 0),
      digits.circuitFile,
      encodeBundle({ ...bundle, artefacts: embedded }),
    ])
      expect((await refusedBy(wrong))[0]).toBe('digest');
  });

  it('wherever a byte of what it says changes', async () => {
    const random = seededGenerator(4);
    const file = encodeBundle(bundle);
    const said = ({ model: digest, request, cuts, inputs: x, outputs: y, slices }: Bundle) => ({
      digest,
      request,
      cuts,
      x,
      y,
      slices: slices.map(({ crossing, proof, certificate: { hotkey } }) => ({ crossing, proof, hotkey })),
    });
    for (let n = 0; n < 60; n++) {
      const at = Math.floor(file.length * random());
      const changed = file.with(at, file[at]! ^ (1 << Math.floor(8 * random())));
      const { proven } = await verdictOf(changed, { model: null, inputs: null, request: null, outputs: null });
      if (proven) expect(said(decodeBundle(changed)), `byte ${at}`).toEqual(said(bundle));
    }
  });
});

describe('who proved it is refused, though the answer is proven,', () => {
  const refused = async (changed: Bundle): Promise<string[]> => {
    const { checks, proven, attributed } = await verdictOf(changed);
    expect({ proven, attributed }).toEqual({ proven: true, attributed: false });
    return checks.filter(({ ok }) => !ok).map(({ name, slice: k }) => (k === null ? name : `${name} ${k}`));
  };

  it('where a certificate is forged, for another coordinator, or had expired', async () => {
    const thief = sessionKeyFromSecret(new Uint8Array(32).fill(3));
    const certified = (change: Partial<BundleSlice['certificate']>) =>
      withSlice(1, ({ certificate }) => ({ certificate: { ...certificate, ...change } }));
    expect(await refused(certified({ session: thief.publicKey }))).toEqual(['miner 1']);
    expect(await refused(certified({ signature: new Uint8Array(64) }))).toEqual(['miner 1']);
    expect(await refused(certified({ expires: 8.64e15 }))).toEqual(['miner 1']);
    expect(await refused(certified({ coordinator: 'nobody' }))).toEqual(['miner 1']);
    const { certificate } = bundle.slices[0]!;
    expect(await refused({ ...bundle, created: certificate.expires + 3_600_000 })).toEqual(['miner 0', 'miner 1', 'miner 2']);
  });

  it('where a certificate was made for another coordinator by the hotkey itself', async () => {
    // The same hotkey, which may sign what it likes; the proof is its own.
    const seed = new Uint8Array(32).fill(9);
    const hotkey = hotkeyFromSeed(seed);
    const session = sessionKeyFromSecret(new Uint8Array(32).fill(10));
    const draft = { ...bundle.slices[0]!.certificate, hotkey: hotkey.publicKey, session: session.publicKey, coordinator: hotkey.address };
    const certificate = { ...draft, signature: hotkey.sign(new TextEncoder().encode(certificateText(draft))) };
    const { checks } = await verdictOf(withSlice(0, () => ({ certificate })));
    expect(checks.find(({ name, slice: k }) => name === 'miner' && k === 0)).toMatchObject({
      ok: false,
      detail: expect.stringContaining('another coordinator'),
    });
  });

  it('where signatures are not of the proof or the verdict', async () => {
    expect(await refused(withSlice(0, ({ proofSignature }) => ({ proofSignature: plusOne(proofSignature) })))).toEqual(['miner 0']);
    expect(await refused(withSlice(0, () => ({ job: bundle.slices[1]!.job })))).toEqual(['miner 0', 'coordinator']);
    for (const wrong of [
      withSlice(2, ({ serviceMs }) => ({ serviceMs: serviceMs + 1 })),
      withSlice(2, () => ({ verdictSignature: bundle.slices[1]!.verdictSignature })),
    ])
      expect(await refused(wrong)).toEqual(['coordinator']);
    const { coordinator: own } = bundle;
    expect(await refused({ ...bundle, coordinator: { ...own, key: sessionKeyFromSecret(new Uint8Array(32).fill(1)).publicKey } })).toEqual([
      'coordinator',
    ]);
    const stranger = hotkeyFromSeed(new Uint8Array(32).fill(2));
    const named = { ...own, hotkey: stranger.publicKey, signature: stranger.sign(coordinatorStatement(own.key)) };
    expect(await refused({ ...bundle, coordinator: named })).toEqual(['miner 0', 'miner 1', 'miner 2']);
  });
});
