/** A tiny model that can be cut into three slices, and what a coordinator needs to serve it without a worker. */
import { execute } from '../../../circuits/execute/execute.ts';
import { encodeCircuitFile } from '../../../circuits/graph/file.ts';
import { encodeWeightsFile } from '../../../circuits/graph/weights-file.ts';
import { prepareModel } from '../../../server/models/prepared.ts';
import type { ModelRunner } from '../../../server/models/runner.ts';
import { clamp, CircuitDraft, type Sample } from '../circuit-draft.ts';

/** Three matrix products with lookups between, and int32 outputs. `seed`: another one is another model. */
export function slicedNet(seed = 40): Sample {
  const draft = new CircuitDraft(seed);
  const x = draft.input([6, 1, 1], 3);
  const layer = (name: string, from: number, channels: number): number =>
    draft.requantize(
      name,
      [channels, 1, 1],
      0,
      Array.from({ length: channels }, (_, c) => 40 * c),
      [draft.convolution(draft.whole(from), channels, { magnitude: () => 20 })],
      Array.from({ length: channels }, () => 5),
      clamp,
    );
  const c = layer('third', layer('second', layer('first', x, 5), 4), 4);
  const out = draft.accumulate('out', [3, 1, 1], [5, -7, 11], [draft.convolution(draft.whole(c), 3)]);
  return draft.finish('sliced net', [out]);
}

export function filesOf({ circuit, weights }: Sample) {
  return { circuit: encodeCircuitFile(circuit), weights: encodeWeightsFile(weights) };
}

/** Prepares and runs models right here, with the plain executor. */
export const plainRunner: ModelRunner = {
  digits: () => Promise.reject(new Error('not for this test')),
  prepare: async (circuitFile, weightsFile, slices) => prepareModel(circuitFile, weightsFile, slices),
  async run(_, { circuit, weights, crossing }, inputs) {
    const { tensors, outputs } = execute(circuit, weights, inputs);
    return { outputs: [...outputs], crossing: crossing.map((tensor) => tensors[tensor] as Uint8Array) };
  },
  close: async () => undefined,
};
