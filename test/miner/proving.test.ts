import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { blake3 } from '@noble/hashes/blake3.js';
import { execute } from '../../circuits/execute/execute.ts';
import { verdictHolds } from '../../server/wire/statements.ts';
import { startTestCoordinator, type TestCoordinator } from '../support/coordinator/coordinator.ts';
import { kernelModule } from '../support/kernels.ts';
import { chainOfThree, stateWhere, testMiner } from '../support/mining.ts';

const sample = chainOfThree();
let coordinator: TestCoordinator;
beforeAll(async () => {
  await kernelModule();
  coordinator = await startTestCoordinator([{ ...sample, plans: [[], [1, 2]] }]);
});
afterAll(() => coordinator.close());

describe('a miner', () => {
  it('proves every slice of a request, and the coordinator accepts each', async () => {
    const miner = testMiner(coordinator.url);
    miner.start();
    const request = await coordinator.over(coordinator.infer('chain', sample.inputs, { slices: 3 }));
    expect(request.inference).toMatchObject({ state: 'proven', error: null });
    expect(request.bundle?.outputs).toEqual(execute(sample.circuit, sample.weights, sample.inputs).outputs);

    const { totals, times, verdicts, connection } = await stateWhere(miner, (state) => state.verdicts.length === 3);
    expect(connection).toMatchObject({ kind: 'connected', origin: coordinator.url, coordinator: coordinator.address });
    expect(totals).toMatchObject({ proofs: 3, accepted: 3, refused: 0, declined: 0, cancelled: 0 });
    expect(times.map(({ kind }) => kind)).toEqual(['client', 'client', 'client']);
    expect(verdicts.every(({ ok, circuit }) => ok && circuit !== null)).toBe(true);
    for (const [k, slice] of request.bundle!.slices.entries()) {
      const { job, proof, serviceMs, verdictSignature } = slice;
      const said = { request: request.id, slice: k, slices: 3, hotkey: slice.certificate.hotkey, job, ok: true, serviceMs };
      expect(
        verdictHolds(coordinator.identity.key, { ...said, proofHash: blake3(proof), proofBytes: proof.length }, verdictSignature),
      ).toBe(true);
    }
    await miner.stop();
  });
});
