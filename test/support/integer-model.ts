/** The exported integer ONNX file of a circuit, run by ONNX Runtime, against the plain executor. */
import { expect } from 'vitest';
import { execute, type Execution } from '../../circuits/execute/execute.ts';
import type { Circuit, Weights } from '../../circuits/graph/circuit.ts';
import { accumulatorName, publicNames, tensorName, writeIntegerModel } from '../../circuits/onnx/write.ts';
import { openModel } from '../../wasm/inference/node.ts';

type Values = Awaited<ReturnType<Awaited<ReturnType<typeof openModel>>['run']>>[string];

/** Expects a value to have these dimensions, elements and type. Millions of elements are compared faster so than by a matcher. */
function expectValue({ dims, data }: Values, expectedDims: readonly number[], expected: Uint8Array | Int32Array, what: string): void {
  expect({ dims, type: data.constructor.name, length: data.length }, what).toEqual({
    dims: expectedDims,
    type: expected.constructor.name,
    length: expected.length,
  });
  const wrong = expected.findIndex((value, n) => data[n] !== value);
  if (wrong >= 0) expect.fail(`${what}: element ${wrong} is ${data[wrong]}, the plain executor gives ${expected[wrong]}`);
}

/** Expects that every tensor, accumulator and output is the same in both, for each of the inputs; gives the plain executions. */
export async function expectSameIntegers(
  circuit: Circuit,
  weights: Weights,
  inputs: readonly (readonly Uint8Array[])[],
): Promise<Execution[]> {
  const names = publicNames(circuit);
  const first = circuit.inputs.length;
  const inner = circuit.layers.flatMap((layer, index) => [
    ...(layer.kind === 'maximum' ? [] : [accumulatorName(first + index)]),
    ...(layer.kind === 'accumulate' ? [] : [tensorName(first + index)]),
  ]);
  const session = await openModel(writeIntegerModel(circuit, weights), [...inner, ...names.outputs]);
  const runs: Execution[] = [];
  for (const input of inputs) {
    const feeds = circuit.meaning.inputs.map(({ dims }, k) => [names.inputs[k]!, { dims, data: input[k]! }] as const);
    const values = await session.run(Object.fromEntries(feeds));
    const run = execute(circuit, weights, input);
    runs.push(run);
    circuit.layers.forEach((layer, index) => {
      const dims = [1, ...layer.shape];
      const accumulator = run.accumulators[index];
      if (accumulator) expectValue(values[accumulatorName(first + index)]!, dims, accumulator, `accumulator of ${layer.name}`);
      if (layer.kind === 'accumulate') return;
      expectValue(values[tensorName(first + index)]!, dims, run.tensors[first + index]!, `tensor of ${layer.name}`);
    });
    circuit.meaning.outputs.forEach(({ dims }, k) => {
      expectValue(values[names.outputs[k]!]!, dims, run.outputs[k]!, `output ${k}`);
    });
  }
  await session.close();
  return runs;
}
