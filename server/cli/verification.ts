/** Proofs and chains of proofs checked against a model, each by two verifiers that share nothing. */
import { checkStructure } from '../../circuits/bounds/structure.ts';
import type { Circuit, Weights } from '../../circuits/graph/circuit.ts';
import type { ProofFile } from '../../circuits/graph/proof-file.ts';
import { CircuitRefusal } from '../../circuits/graph/refusal.ts';
import { loadKernels, nodePlatform } from '../../wasm/runtime/node.ts';
import { startKernels, type RunningKernels } from '../../wasm/runtime/threads.ts';
import {
  prepareVerifier,
  verifyReference,
  verifySlices,
  type Refusal,
  type SliceVerifier,
  type WeightStanding,
} from '../../wasm/verify.ts';
import type { Chain } from './chain-file.ts';
import { Failure } from './failure.ts';
import type { LoadedCircuit } from './model.ts';
import { stoppable } from './signals.ts';

export interface Verified {
  readonly weights: WeightStanding;
  /** Milliseconds. */
  readonly prepareTime: number;
  readonly verifyTime: number;
}

function refusal(verifier: string, { check, detail }: Refusal, slice: string | null = null): Failure {
  if (check === 'circuit' && slice === null) return new Failure('refused', 'circuit-rule', `the circuit is refused: ${detail}`);
  const what = slice === null ? 'the proof' : slice;
  return new Failure('refused', 'not-verified', `${what} is refused: ${check}: ${detail}`, {
    expected: `a proof that passes the ${verifier}`,
    got: `a failure of the check "${check}"`,
  });
}

async function withKernels<T>(threads: number, action: (kernels: RunningKernels['kernels']) => T | Promise<T>): Promise<T> {
  const running = await startKernels(await loadKernels(), () => nodePlatform.startThread(), { threads });
  try {
    return await action(running.kernels);
  } finally {
    await running.end();
  }
}

/** Throws `Failure` (refused) unless the proof holds. `weights`: null where they are committed. */
export async function verifyProof(
  { circuit }: LoadedCircuit,
  weights: Weights | null,
  file: ProofFile,
  registration: Uint8Array | null,
  threads: number,
): Promise<Verified> {
  const start = performance.now();
  return withKernels(threads, (kernels) => {
    const verifier = prepareVerifier(kernels, circuit, weights, registration);
    if (!verifier.ok) throw refusal('verifier', verifier);
    const prepared = performance.now();
    const verdict = verifier.verify(file, file.proof);
    if (!verdict.ok) throw refusal('verifier', verdict);
    return { weights: verdict.weights, prepareTime: prepared - start, verifyTime: performance.now() - prepared };
  });
}

/** As `verifyProof`, by the reference verifier. Milliseconds that it took. */
export function verifyProofPlainly(
  { circuit }: LoadedCircuit,
  weights: Weights | null,
  file: ProofFile,
  registration: Uint8Array | null,
): number {
  const start = performance.now();
  const verdict = stoppable(() => verifyReference(circuit, weights, file, file.proof, registration));
  if (!verdict.ok) throw refusal('reference verifier', verdict);
  return performance.now() - start;
}

/** Throws `Failure` (refused) unless every proof of the chain holds and they fit together. */
export async function verifyChain(model: LoadedCircuit, weights: Weights, chain: Chain, threads: number): Promise<Verified> {
  const start = performance.now();
  let prepareTime = 0;
  await withKernels(threads, async (kernels) => {
    prepareTime += performance.now() - start;
    await checkChain('verifier', model, weights, chain, (circuit, own) => {
      const begin = performance.now();
      const verifier = prepareVerifier(kernels, circuit, own);
      prepareTime += performance.now() - begin;
      return verifier;
    });
  });
  return { weights: 'public', prepareTime, verifyTime: performance.now() - start - prepareTime };
}

/** As `verifyChain`, by the reference verifier. Milliseconds that it took. */
export async function verifyChainPlainly(model: LoadedCircuit, weights: Weights, chain: Chain): Promise<number> {
  const start = performance.now();
  await checkChain('reference verifier', model, weights, chain, (circuit, own) => ({
    ok: true,
    verify: (statement, proof) => stoppable(() => verifyReference(circuit, own, statement, proof)),
    dispose: () => undefined,
  }));
  return performance.now() - start;
}

/** `verifySlices` looks at this too, but then a circuit at fault and cuts that do not fit it are the same refusal. */
function refuseMalformed(name: string, circuit: Circuit, weights: Weights): void {
  try {
    checkStructure(circuit, weights);
  } catch (error) {
    if (!(error instanceof CircuitRefusal)) throw error;
    throw refusal(name, { ok: false, check: 'circuit', detail: error.message });
  }
}

async function checkChain(
  name: string,
  { circuit }: LoadedCircuit,
  weights: Weights,
  chain: Chain,
  start: (circuit: Circuit, weights: Weights) => SliceVerifier | Refusal,
): Promise<void> {
  refuseMalformed(name, circuit, weights);
  const verdict = await verifySlices(circuit, weights, chain.cuts, start, chain, chain.slices);
  if (verdict.ok) return;
  const { slice } = verdict;
  throw refusal(name, verdict, slice === null ? 'the chain' : `${chain.paths[slice]!} (slice ${slice} of ${chain.slices.length})`);
}
