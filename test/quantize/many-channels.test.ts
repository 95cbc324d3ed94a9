import { expect, test } from 'vitest';
import { compile } from '../../circuits/quantize/compile.ts';
import { openModel } from '../../wasm/inference/node.ts';
import { onnxModel } from '../support/onnx-builder.ts';

test('a model may have more channels than a call takes arguments', async () => {
  const channels = 2 ** 17 + 3;
  const model = onnxModel({
    inputs: [{ name: 'x', dims: [1, channels] }],
    outputs: ['y', 'z'],
    nodes: [
      { op: 'Relu', inputs: ['x'], outputs: ['y'] },
      { op: 'Add', inputs: ['y', 'x'], outputs: ['z'] },
    ],
  });
  const calibration = { kind: 'uniform', lo: -1, hi: 1, count: 1, seed: 1 } as const;
  const { circuit, report } = await compile(model, { calibration }, { openModel });
  expect(circuit.layers.map(({ kind, shape }) => [kind, shape[0]])).toEqual([
    ['requantize', channels],
    ['accumulate', channels],
  ]);
  for (const { cosine } of report.outputs) expect(cosine).toBeGreaterThan(0.9999);
});
