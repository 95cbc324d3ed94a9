/** Committed weights: the circuit that names their root, and the proof that registers them. */
import { checkCircuit } from '../../circuits/bounds/index.ts';
import type { Circuit, Weights } from '../../circuits/graph/circuit.ts';
import { commitCircuit, prepareProver, proveRegistration } from '../../wasm/prove.ts';
import { loadKernels, nodePlatform } from '../../wasm/runtime/node.ts';
import { startKernels } from '../../wasm/runtime/threads.ts';

/** The circuit with the same layers whose weights are committed instead of public. Throws `CircuitRefusal` where the wider bounds break a rule. */
export async function committedCircuit(circuit: Circuit, weights: Weights): Promise<Circuit> {
  const running = await startKernels(await loadKernels(), () => nodePlatform.startThread(), { threads: nodePlatform.parallelism });
  try {
    return commitCircuit(running.kernels, circuit, weights);
  } finally {
    await running.end();
  }
}

/** Throws `CircuitRefusal` unless the weights are those that a circuit commits to, or its public ones. */
export async function checkWeights(circuit: Circuit, weights: Weights): Promise<void> {
  if (circuit.weightRoot === null) {
    checkCircuit(circuit, weights);
    return;
  }
  const running = await startKernels(await loadKernels(), () => nodePlatform.startThread());
  try {
    prepareProver(running.kernels, circuit, weights).dispose();
  } finally {
    await running.end();
  }
}

/** The registration proof of a circuit with committed weights. */
export async function registrationOf(circuit: Circuit, weights: Weights): Promise<Uint8Array> {
  const running = await startKernels(await loadKernels(), () => nodePlatform.startThread(), { threads: nodePlatform.parallelism });
  try {
    return proveRegistration(running.kernels, circuit, weights).proof.slice();
  } finally {
    await running.end();
  }
}
