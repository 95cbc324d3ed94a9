/** Conv, in one and two dimensions. */
import { dimsText, sameDims } from '../dims.ts';
import type { Meaning, Operator } from './operator.ts';
import { planeOf, shapeOf, windowFields, windows } from './window.ts';

export function convolution(op: Operator): Meaning[] {
  const input = op.variable(0);
  const { channels, spatial } = planeOf(op, input.dims);
  const weights = op.weights(1);
  const [outputs, perGroup, ...kernel] = weights.dims;
  const groups = op.integer('group', 1);
  if (
    outputs === undefined ||
    kernel.length !== spatial.length ||
    !(groups >= 1) ||
    perGroup! * groups !== channels ||
    outputs % groups !== 0
  ) {
    throw op.error(
      `weights ${weights.name} have dimensions ${dimsText(weights.dims)} in ${groups} groups, the input ${dimsText(input.dims)}`,
    );
  }
  const declared = op.integers('kernel_shape') ?? kernel;
  if (!sameDims(declared, kernel)) throw op.error(`kernel_shape is ${dimsText(declared)}, the weights have ${dimsText(kernel)}`);
  const bias = op.isGiven(2) ? op.weights(2).data : new Float32Array(outputs);
  if (bias.length !== outputs) throw op.error(`has ${bias.length} biases for ${outputs} output channels`);
  const axes = windows(op, spatial, kernel);
  const results = axes.map((axis) => axis.outputs);
  const output = op.output([1, outputs, ...results]);
  return [
    {
      kind: 'convolution',
      name: op.name,
      operator: op.type,
      input,
      output,
      weights: weights.data,
      bias,
      inputShape: shapeOf(channels, spatial),
      outputShape: shapeOf(outputs, results),
      ...windowFields(axes),
      groups,
    },
  ];
}
