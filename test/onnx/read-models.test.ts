import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import type { FloatGraph } from '../../circuits/onnx/float-graph.ts';
import { readModel } from '../../circuits/onnx/read.ts';
import { testWithModels } from '../support/models.ts';

/** Number of nodes of each kind, elementwise ones by formula. */
function census({ nodes }: FloatGraph): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const node of nodes) {
    const kind = node.kind === 'elementwise' ? node.formula : node.kind;
    counts[kind] = (counts[kind] ?? 0) + 1;
  }
  return counts;
}

function parameters({ nodes }: FloatGraph): number {
  return nodes.reduce((sum, node) => sum + ('weights' in node ? node.weights.length + node.bias.length : 0), 0);
}

testWithModels('a digit classifier is read', ['mnist_cnn.onnx'], ([path]) => {
  const graph = readModel(readFileSync(path!));
  expect(graph.inputs).toEqual([{ name: 'Input3', dims: [1, 1, 28, 28] }]);
  expect(graph.outputs).toEqual([{ name: 'Plus214_Output_0', dims: [1, 10] }]);
  expect(census(graph)).toEqual({ convolution: 2, relu: 2, 'max-pool': 2, view: 1, product: 1 });
  expect(parameters(graph)).toBe(5_994);
  expect(graph.notes).toEqual([]);
});

testWithModels('a depthwise-separable network is read', ['kws_dscnn.onnx'], ([path]) => {
  const graph = readModel(readFileSync(path!));
  expect(census(graph)).toEqual({ convolution: 9, relu: 9, 'average-pool': 1, view: 1, product: 1 });
  expect(parameters(graph)).toBe(22_604);
});

testWithModels('a residual network is read', ['resnet8_cifar10.onnx'], ([path]) => {
  const graph = readModel(readFileSync(path!));
  expect(census(graph)).toEqual({ convolution: 9, relu: 7, add: 3, 'average-pool': 1, view: 1, product: 1 });
  expect(parameters(graph)).toBe(77_706);
});

testWithModels('a large mobile network is read', ['mobilenet_v2_224.onnx'], ([path]) => {
  const graph = readModel(readFileSync(path!));
  expect(census(graph)).toEqual({ convolution: 52, 'clip(0, 6)': 35, add: 10, 'average-pool': 1, view: 1, product: 1 });
  expect(parameters(graph)).toBe(3_487_816);
  const multiplications = graph.nodes.reduce((sum, node) => {
    if (node.kind === 'product') return sum + node.outer * node.inner * node.features * node.outputs;
    if (node.kind !== 'convolution') return sum;
    return sum + (node.weights.length / node.outputShape[0]) * node.outputShape.reduce((a, b) => a * b);
  }, 0);
  expect(Math.round(multiplications / 1e6)).toBe(301);
});
