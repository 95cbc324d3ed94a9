import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeBundle } from '../../server/wire/bundle.ts';
import type { Coordinator } from '../../server/coordinator.ts';
import { certificateHolds, coordinatorHolds, jobContext, proofStatement, verdictHolds } from '../../server/wire/statements.ts';
import { sessionKeySigned } from '../../server/wire/keys.ts';
import { blake3 } from '@noble/hashes/blake3.js';
import { prepareVerifier } from '../../wasm/verify.ts';
import { loadKernels } from '../support/kernels.ts';
import { KEYS, startNetwork, type TestNetwork } from '../support/dispatch/network.ts';

describe('a request on a network with one miner', () => {
  let network: TestNetwork;
  let coordinator: Coordinator;
  beforeAll(async () => {
    network = await startNetwork();
    ({ coordinator } = network);
  });
  afterAll(() => network.close());

  it('is answered at once, proven slice by slice, and ends with a bundle that holds', async () => {
    const inputs = [Uint8Array.of(1, 200, 3, 4, 50, 6)];
    const asked = await network.infer({ slices: 3, inputs });
    expect(asked.state).toBe('proving');
    expect(asked.jobs.map(({ state }) => state)).toEqual(['waiting', 'waiting', 'waiting']);
    expect(await coordinator.bundle(asked.id)).toBeNull();

    const miner = await network.miner().welcome();
    const over = await network.over(asked.id);
    expect(over.state).toBe('proven');
    expect(over.outputs).toEqual(asked.outputs);
    expect(over.jobs.map(({ state, miners, attempts }) => ({ state, miners, attempts }))).toEqual(
      Array.from({ length: 3 }, () => ({ state: 'proven', miners: [miner.hotkey.address], attempts: 1 })),
    );

    const blob = (await coordinator.bundle(asked.id))!;
    const bundle = decodeBundle(await blob.read(0, blob.size));
    expect(bundle.request).toBe(asked.id);
    expect(bundle.inputs).toEqual(inputs);
    expect(coordinatorHolds(bundle.coordinator)).toBe(true);
    const kernels = await loadKernels();
    let crossing: Uint8Array | null = null;
    for (const [k, slice] of bundle.slices.entries()) {
      const own = network.model.plans.find(({ slices }) => slices.length === 3)!.slices[k]!;
      const { hotkey, session } = slice.certificate;
      const context = jobContext({ request: asked.id, slice: k, slices: 3, hotkey });
      const verifier = prepareVerifier(kernels, own.sliced.circuit, own.weights);
      if (!verifier.ok) throw new Error(verifier.detail);
      const statement = {
        inputs: crossing === null ? bundle.inputs : [crossing],
        outputs: slice.crossing === null ? bundle.outputs : [slice.crossing],
        context,
      };
      expect(verifier.verify(statement, slice.proof)).toMatchObject({ ok: true });
      crossing = slice.crossing;
      expect(certificateHolds(slice.certificate)).toBe(true);
      const proofHash = blake3(slice.proof);
      expect(sessionKeySigned(session, proofStatement(slice.job, proofHash), slice.proofSignature)).toBe(true);
      const verdict = {
        request: asked.id,
        slice: k,
        slices: 3,
        hotkey,
        job: slice.job,
        proofHash,
        ok: true,
        serviceMs: slice.serviceMs,
        proofBytes: slice.proof.length,
      };
      expect(verdictHolds(KEYS.identity.key, verdict, slice.verdictSignature)).toBe(true);
    }
    const verdicts = [await miner.frame('verdict', 1), await miner.frame('verdict', 2), await miner.frame('verdict', 3)];
    expect(verdicts.map(({ ok }) => ok)).toEqual([true, true, true]);
    expect(await coordinator.miners()).toMatchObject([{ hotkey: miner.hotkey.address, accepted: 3, refused: 0 }]);
  });
});
