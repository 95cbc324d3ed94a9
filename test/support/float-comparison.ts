/** The reader against ONNX Runtime: what a float graph gives, value by value, is what the runtime gives for the file. */
import { expect } from 'vitest';
import type { FloatGraph } from '../../circuits/onnx/float-graph.ts';
import { readModel, type ReadOptions } from '../../circuits/onnx/read.ts';
import { openModel } from '../../wasm/inference/node.ts';
import { runFloatGraph } from './float-executor.ts';

/** Values between -2 and 2, multiples of 1/64. */
export function seededFloats(random: () => number, length: number): Float32Array {
  return Float32Array.from({ length }, () => Math.floor(random() * 257 - 128) / 64);
}

/** Largest accepted difference, as a share of the largest value of the tensor (at least 1). */
const TOLERANCE = 2e-5;

/**
 * Reads the file, runs it in both ways on seeded inputs, and expects every node's value to agree in dimensions and values.
 * @returns the graph
 */
export async function expectSameAsRuntime(
  bytes: Uint8Array,
  random: () => number,
  options: ReadOptions & { readonly inputs?: Readonly<Record<string, Float32Array>> } = {},
): Promise<FloatGraph> {
  const graph = readModel(bytes, options);
  const inputs = graph.inputs.map(({ name, dims }) => {
    const data =
      options.inputs?.[name] ??
      seededFloats(
        random,
        dims.reduce((a, b) => a * b, 1),
      );
    return [name, { dims, data }] as const;
  });
  const ours = runFloatGraph(graph, Object.fromEntries(inputs.map(([name, { data }]) => [name, data])));
  const session = await openModel(
    bytes,
    graph.nodes.map(({ output }) => output.name),
  );
  const theirs = await session.run(Object.fromEntries(inputs));
  await session.close();
  for (const { name, kind, output } of graph.nodes) {
    const { dims, data } = theirs[output.name]!;
    expect(output.dims, `dimensions of ${output.name} (${kind} ${name})`).toEqual(dims);
    const values = ours.get(output.name)!;
    const largest = Float64Array.from(data).reduce((most, value) => Math.max(most, Math.abs(value)), 1);
    values.forEach((value, position) => {
      const expected = data[position]!;
      const close = Object.is(value, expected) || Math.abs(value - expected) <= TOLERANCE * largest;
      if (!close) expect.fail(`${output.name}[${position}] (${kind} ${name}): ${value}, ONNX Runtime gives ${expected}`);
    });
  }
  return graph;
}
