/** Convolutions and matrix products as sums. What multiplies or shifts their operand goes into weights and bias. */
import { size, wholeTensor, type Shape } from '../graph/circuit.ts';
import type { ConvolutionNode, FloatValue, ProductNode } from '../onnx/float-graph.ts';
import { perChannel, plus, through, type Named, type Sum } from './forms.ts';
import { compose, entries, type IndexMap } from './index-map.ts';
import { planeOf } from './layout.ts';
import { elementsOf, failure, requireFinite, type Lowering, type Readable } from './lowering.ts';
import type { FloatConvolution } from './program.ts';
import { withoutRim, type Source } from './views.ts';

/** A bias per position has at most this many entries; where it would have more, the operand is stored instead. */
const MAX_POSITION_BIAS = 2 ** 19;

/** A convolution, its operand seen through `map`. */
interface Window {
  readonly inputShape: Shape;
  readonly outputShape: Shape;
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly pad: readonly [number, number];
  readonly dilation: readonly [number, number];
  readonly groups: number;
  readonly weights: Float64Array;
  readonly map: IndexMap;
}

/** The convolution of a field of constants, 0 outside of it. */
function convolved(field: Float64Array, window: Window): Float64Array {
  const { inputShape, outputShape, kernel, stride, pad, dilation, groups, weights } = window;
  const inside = inputShape[0] / groups;
  const result = new Float64Array(size(outputShape));
  let next = 0;
  for (let c = 0; c < outputShape[0]; c++) {
    const group = Math.floor(c / (outputShape[0] / groups));
    for (let k = group * inside; k < (group + 1) * inside; k++) {
      for (let u = 0; u < kernel[0]; u++) {
        for (let v = 0; v < kernel[1]; v++) {
          const weight = weights[next++]!;
          for (let i = 0; i < outputShape[1]; i++) {
            const row = i * stride[0] + u * dilation[0] - pad[0];
            if (row < 0 || row >= inputShape[1]) continue;
            for (let j = 0; j < outputShape[2]; j++) {
              const column = j * stride[1] + v * dilation[1] - pad[1];
              if (column < 0 || column >= inputShape[2]) continue;
              result[(c * outputShape[1] + i) * outputShape[2] + j]! += weight * field[(k * inputShape[1] + row) * inputShape[2] + column]!;
            }
          }
        }
      }
    }
  }
  return result;
}

/** Weights times a factor per input channel. */
function scaledInputs(window: Window, factor: Float64Array): Float64Array {
  const taps = window.kernel[0] * window.kernel[1];
  const inside = window.inputShape[0] / window.groups;
  const perGroup = window.outputShape[0] / window.groups;
  return window.weights.map((w, n) => {
    const c = Math.floor(n / (inside * taps));
    return w * factor[Math.floor(c / perGroup) * inside + (Math.floor(n / taps) % inside)]!;
  });
}

/** The same window over an operand that is `scale * x + offset`, and the field of constants that this adds, or null where the scale is not per channel. */
function absorbed(
  window: Window,
  { scale, offset }: Readable,
): { readonly window: Window; readonly constants: Float64Array | null } | null {
  const seen = (values: Float64Array): Float64Array => (window.map ? Float64Array.from(window.map, (i) => values[i]!) : values);
  const factor = scale && perChannel(seen(scale), window.inputShape);
  if (scale && !factor) return null;
  const constants = offset && convolved(seen(offset), window);
  return {
    window: factor ? { ...window, weights: scaledInputs(window, factor) } : window,
    constants: constants && (perChannel(constants, window.outputShape) ?? constants),
  };
}

function operandOf(lowering: Lowering, node: ConvolutionNode | ProductNode, value: FloatValue, window: Window) {
  const readable = lowering.readable(value);
  const result = absorbed(window, readable);
  if (result && (result.constants?.length ?? 0) <= Math.max(MAX_POSITION_BIAS, window.outputShape[0]))
    return { ...result, sources: readable.sources };
  lowering.stored(value.name);
  return { window, constants: null, sources: lowering.solid(value, node.operator).sources };
}

function convolutionTerm(
  lowering: Lowering,
  node: ConvolutionNode | ProductNode,
  window: Window,
  sources: readonly Source[],
): FloatConvolution {
  const { draft } = lowering;
  const { operand, pad } = withoutRim(draft.view(window.inputShape, through(window.map, sources)), window.pad);
  const { kernel, stride, dilation, groups, weights } = window;
  return { kind: 'convolution', operand, quantizers: draft.quantizers(operand), kernel, stride, pad, dilation, groups, weights };
}

function sumOf(node: ConvolutionNode | ProductNode, shape: Shape, terms: FloatConvolution[], bias: Float64Array, order: IndexMap): Sum {
  const value: Named = { name: node.output.name, through: null, order };
  const { name, operator } = node;
  return { form: 'sum', name, operator, shape, terms, bias, activation: null, sum: value, value, rescaled: null };
}

function convolutionSum(lowering: Lowering, node: ConvolutionNode | ProductNode, wanted: Window, order: IndexMap): Sum {
  const { window, constants, sources } = operandOf(lowering, node, node.input, wanted);
  if (lowering.isNormalized(node.input.name) && constants && constants.length > window.outputShape[0]) {
    throw failure(
      node,
      'pads the input that is to be normalized: padding of 0 is no byte',
      'normalize before the model, or put the normalization into the model',
    );
  }
  const own = Float64Array.from(node.bias);
  const bias = constants ? plus(own, constants, window.outputShape) : own;
  return sumOf(node, window.outputShape, [convolutionTerm(lowering, node, window, sources)], bias, order);
}

export function lowerConvolution(lowering: Lowering, node: ConvolutionNode): Sum {
  requireFinite(node, 'weight', node.weights);
  requireFinite(node, 'bias', node.bias);
  return convolutionSum(lowering, node, { ...node, weights: Float64Array.from(node.weights), map: null }, null);
}

/** One source's share of a matrix product of a whole vector: a convolution with the kernel (H, W) of the whole tensor, or with 1 x 1 of what it reads. */
function vectorTerm(lowering: Lowering, node: ProductNode, source: Source, scale: Float64Array | null): FloatConvolution {
  const { draft } = lowering;
  const { features, outputs } = node;
  const tensorShape = draft.shapeOf(source.tensor);
  const tensorSize = size(tensorShape);
  const index = entries(source.index, features);
  const covered = Int32Array.from(index.keys()).filter((k) => index[k]! >= 0);
  const common = { kind: 'convolution', stride: [1, 1], pad: [0, 0], dilation: [1, 1], groups: 1 } as const;
  const weight = (n: number, k: number): number => node.weights[n * features + k]! * (scale?.[k] ?? 1);
  if (2 * covered.length < tensorSize) {
    const operand = draft.view([covered.length, 1, 1], [{ tensor: source.tensor, index: covered.map((k) => index[k]!) }]);
    const weights = Float64Array.from({ length: outputs * covered.length }, (_, at) =>
      weight(Math.floor(at / covered.length), covered[at % covered.length]!),
    );
    return { ...common, operand, quantizers: draft.quantizers(operand), kernel: [1, 1], weights };
  }
  const weights = new Float64Array(outputs * tensorSize);
  for (let n = 0; n < outputs; n++) for (const k of covered) weights[n * tensorSize + index[k]!]! += weight(n, k);
  const operand = wholeTensor(source.tensor, tensorShape);
  return { ...common, operand, quantizers: draft.quantizers(operand), kernel: [tensorShape[1], tensorShape[2]], weights };
}

function vectorProduct(lowering: Lowering, node: ProductNode): Sum {
  const { features, outputs } = node;
  const { sources, scale, offset } = lowering.readable(node.input);
  const bias = Float64Array.from(node.bias);
  if (offset) for (let n = 0; n < outputs; n++) for (let k = 0; k < features; k++) bias[n]! += node.weights[n * features + k]! * offset[k]!;
  const terms = sources.map((source) => vectorTerm(lowering, node, source, scale));
  return sumOf(node, [outputs, 1, 1], terms, bias, null);
}

/** A matrix product at several places is a 1 x 1 convolution over the transposed value. */
function placedProduct(lowering: Lowering, node: ProductNode): Sum {
  const { outer, inner, features, outputs } = node;
  const places = outer * inner;
  // Operand position (k, a, b) is flat position (a, k, b) of the value, and output position (n, a, b) is (a, n, b).
  const placed = (channels: number): IndexMap =>
    outer === 1
      ? null
      : Int32Array.from({ length: channels * places }, (_, position) => {
          const k = Math.floor(position / places);
          const a = Math.floor(position / inner) % outer;
          return (a * channels + k) * inner + (position % inner);
        });
  const map = placed(features);
  const { sources } = lowering.readable(node.input);
  const [height, width] = planeOf(features, places, through(map, sources), [outer, inner], lowering.draft.shapeOf);
  const order = placed(outputs);
  const back = order && new Int32Array(order.length);
  if (order && back) order.forEach((valuePosition, position) => (back[valuePosition] = position));
  const window: Window = {
    inputShape: [features, height, width],
    outputShape: [outputs, height, width],
    kernel: [1, 1],
    stride: [1, 1],
    pad: [0, 0],
    dilation: [1, 1],
    groups: 1,
    weights: Float64Array.from(node.weights),
    map: compose(map, null),
  };
  return convolutionSum(lowering, node, window, back);
}

export function lowerProduct(lowering: Lowering, node: ProductNode): Sum {
  requireFinite(node, 'weight', node.weights);
  requireFinite(node, 'bias', node.bias);
  if (elementsOf(node.input) !== node.outer * node.features * node.inner)
    throw failure(node, `${node.outer} x ${node.features} x ${node.inner} elements expected, got ${node.input.dims.join(' x ')}`);
  return node.outer * node.inner === 1 ? vectorProduct(lowering, node) : placedProduct(lowering, node);
}
