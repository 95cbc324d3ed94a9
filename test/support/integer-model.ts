/** The exported integer ONNX file of a circuit, run by ONNX Runtime, against the plain executor. */
import { expect } from 'vitest';
import { execute } from '../../circuits/execute/execute.ts';
import type { Circuit, Weights } from '../../circuits/graph/circuit.ts';
import { accumulatorName, publicNames, tensorName, writeIntegerModel } from '../../circuits/onnx/write.ts';
import { openModel } from '../../wasm/inference/node.ts';

/** Expects that every tensor, accumulator and output is the same in both, for each of the inputs. */
export async function expectSameIntegers(circuit: Circuit, weights: Weights, inputs: readonly (readonly Uint8Array[])[]): Promise<void> {
  const names = publicNames(circuit);
  const first = circuit.inputs.length;
  const inner = circuit.layers.flatMap((layer, index) => [
    ...(layer.kind === 'maximum' ? [] : [accumulatorName(first + index)]),
    ...(layer.kind === 'accumulate' ? [] : [tensorName(first + index)]),
  ]);
  const session = await openModel(writeIntegerModel(circuit, weights), [...inner, ...names.outputs]);
  for (const input of inputs) {
    const feeds = circuit.meaning.inputs.map(({ dims }, k) => [names.inputs[k]!, { dims, data: input[k]! }] as const);
    const values = await session.run(Object.fromEntries(feeds));
    const run = execute(circuit, weights, input);
    circuit.layers.forEach((layer, index) => {
      const dims = [1, ...layer.shape];
      const accumulator = run.accumulators[index];
      if (accumulator) expect(values[accumulatorName(first + index)], `accumulator of ${layer.name}`).toEqual({ dims, data: accumulator });
      if (layer.kind === 'accumulate') return;
      expect(values[tensorName(first + index)], `tensor of ${layer.name}`).toEqual({ dims, data: run.tensors[first + index] });
    });
    circuit.meaning.outputs.forEach(({ dims }, k) => {
      expect(values[names.outputs[k]!], `output ${k}`).toEqual({ dims, data: run.outputs[k] });
    });
  }
  await session.close();
}
