/** Comparing the estimate of a circuit's memory with what proving it takes. */
import type { Circuit, Weights } from '../../circuits/graph/circuit.ts';
import { size } from '../../circuits/graph/circuit.ts';
import { compile } from '../../circuits/quantize/compile.ts';
import { SUBJECTS } from '../../server/cli/bench/subjects.ts';
import { openModel } from '../../wasm/inference/node.ts';
import { commitCircuit, estimateMemory, prepareProver, type MemoryEstimate } from '../../wasm/prove.ts';
import type { Kernels } from '../../wasm/runtime/kernels.ts';

export interface Model {
  readonly circuit: Circuit;
  readonly weights: Weights;
}

/** The estimate, and the largest top of the arena while a proof was prepared and made. */
export function estimateAndPeak(kernels: Kernels, { circuit, weights }: Model): { estimate: MemoryEstimate; peak: number } {
  kernels.arena.resetPeak();
  const prover = prepareProver(kernels, circuit, weights);
  prover.prove(
    circuit.inputs.map(({ shape }) => Uint8Array.from({ length: size(shape) }, (_, k) => 37 * k)),
    new Uint8Array(32),
  );
  prover.dispose();
  return { estimate: estimateMemory(circuit, { threads: kernels.threads }), peak: kernels.arena.peak };
}

/** A model of the bench, whose file must be there. */
export async function benchModel(kernels: Kernels, name: string, weightsAre: 'public' | 'committed'): Promise<Model> {
  const subject = SUBJECTS.find(({ model, weights }) => model === name && weights === weightsAre)!;
  const file = subject.load()!;
  const { circuit, weights } = await compile(file, { calibration: subject.calibration }, { openModel });
  return { circuit: weightsAre === 'public' ? circuit : commitCircuit(kernels, circuit, weights), weights };
}
