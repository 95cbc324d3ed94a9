import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { prepareProver } from '../../wasm/prove.ts';
import { nodePlatform } from '../../wasm/runtime/node.ts';
import { createProver, createVerifier, type Prover, type WorkerVerifier } from '../../wasm/runtime/prover.ts';
import { featureNet } from '../support/circuits.ts';
import { loadKernels } from '../support/kernels.ts';

const { circuit, weights, inputs } = featureNet();
const context = new TextEncoder().encode('job 7');

describe('a prover in a worker of Node, with two threads', () => {
  let prover: Prover;
  let verifier: WorkerVerifier;
  beforeAll(async () => {
    await loadKernels();
    prover = await createProver(nodePlatform, circuit, weights, { threads: 2 });
    const accepted = await createVerifier(nodePlatform, circuit, weights, { threads: 2 });
    if (!accepted.ok) throw new Error(accepted.detail);
    verifier = accepted;
  });
  afterAll(async () => {
    await Promise.all([prover.dispose(), verifier.dispose()]);
  });

  it('gives the proof that one thread gives here, byte for byte', async () => {
    const local = prepareProver(await loadKernels(), circuit, weights);
    const expected = local.prove(inputs, context);
    const phases: string[] = [];
    const { outputs, proof, timings } = await prover.prove(inputs, context, { onProgress: (phase) => phases.push(phase) });
    expect(prover.digest).toEqual(local.digest);
    expect(outputs).toEqual(expected.outputs);
    expect(proof).toEqual(expected.proof);
    expect(phases).toEqual(Object.keys(timings.phases));
  });

  it('gives proofs that the verifier in its worker accepts, for that input and context only', async () => {
    const { outputs, proof } = await prover.prove(inputs, context);
    expect(await verifier.verify({ inputs, outputs, context }, proof)).toEqual({ ok: true, weights: 'public' });
    const other = new TextEncoder().encode('job 8');
    expect(await verifier.verify({ inputs, outputs, context: other }, proof)).toMatchObject({ ok: false });
    expect(await verifier.verify({ inputs, outputs, context }, proof.subarray(1))).toMatchObject({ ok: false });
  });

  it('gives the same proof, from the same memory, after a warm-up', async () => {
    const before = await prover.prove(inputs, context);
    const memory = await prover.memory();
    expect(await prover.warmUp(200)).toBeGreaterThan(0);
    expect(await prover.prove(inputs, context)).toMatchObject({ proof: before.proof, outputs: before.outputs });
    expect(await prover.memory()).toEqual(memory);
  });

  it('refuses inputs that do not fit and goes on', async () => {
    await expect(prover.prove([], context)).rejects.toMatchObject({ name: 'Refused', check: 'input' });
    await expect(prover.prove(inputs, context)).resolves.toBeDefined();
  });

  it('needs no more memory after 200 proofs than after 10', async () => {
    for (let k = 0; k < 10; k++) await prover.prove(inputs, context);
    const after10 = await prover.memory();
    for (let k = 0; k < 190; k++) await prover.prove(inputs, context);
    expect(await prover.memory()).toEqual(after10);
  });
});
