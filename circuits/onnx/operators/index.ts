/** What each operator means. Everything that is read is in this table. */
import { activations } from './activation.ts';
import { arithmetic } from './arithmetic.ts';
import {
  cast,
  constantOfShape,
  constantOperator,
  dropout,
  identity,
  rangeOperator,
  reduceConstant,
  shape,
  size,
  softmax,
} from './constant.ts';
import { convolution } from './convolution.ts';
import type { Meaning, Operator } from './operator.ts';
import { globalPool, pool, reduce } from './pool.ts';
import { gemm, matMul } from './product.ts';
import { concat, depthToSpace, expand, gather, pad, slice, spaceToDepth, split, tile, transpose } from './rearrange.ts';
import { flatten, reshape, squeeze, unsqueeze } from './reshape.ts';
import { resize, upsample } from './resize.ts';

const MEANINGS: ReadonlyMap<string, (op: Operator) => Meaning[]> = new Map(
  Object.entries({
    ...activations,
    ...arithmetic,
    Conv: convolution,
    Gemm: gemm,
    MatMul: matMul,
    MaxPool: pool('max-pool'),
    AveragePool: pool('average-pool'),
    GlobalMaxPool: globalPool('max-pool'),
    GlobalAveragePool: globalPool('average-pool'),
    ReduceMax: reduce('max-pool'),
    ReduceMean: reduce('average-pool'),
    ReduceProd: reduceConstant((a, b) => a * b),
    ReduceSum: reduceConstant((a, b) => a + b),
    Reshape: reshape,
    Flatten: flatten,
    Squeeze: squeeze,
    Unsqueeze: unsqueeze,
    Transpose: transpose,
    Concat: concat,
    Split: split,
    Slice: slice,
    Pad: pad,
    Expand: expand,
    Tile: tile,
    Gather: gather,
    DepthToSpace: depthToSpace,
    SpaceToDepth: spaceToDepth,
    Resize: resize,
    Upsample: upsample,
    Identity: identity,
    Dropout: dropout,
    Cast: cast,
    Constant: constantOperator,
    ConstantOfShape: constantOfShape,
    Shape: shape,
    Size: size,
    Range: rangeOperator,
    Softmax: softmax,
    LogSoftmax: softmax,
  }),
);

const RECURRENT = 'recurrent networks are not supported';
const NORMALIZATION = 'it normalizes by statistics of the input; BatchNormalization is supported';
const QUANTIZED = 'the model is quantized already: give the float32 model it was made from';
const CONTROL = 'control flow is not supported: export a model without it';

/** What could be done instead of operators that are often asked for. */
const HINTS: ReadonlyMap<string, string> = new Map([
  ['ConvTranspose', 'use Resize nearest followed by Conv'],
  ['GlobalLpPool', 'use GlobalAveragePool'],
  ['LpPool', 'use AveragePool'],
  ['LSTM', RECURRENT],
  ['GRU', RECURRENT],
  ['RNN', RECURRENT],
  ['LayerNormalization', NORMALIZATION],
  ['InstanceNormalization', NORMALIZATION],
  ['GroupNormalization', NORMALIZATION],
  ['LpNormalization', NORMALIZATION],
  ['LRN', NORMALIZATION],
  ['ArgMax', 'remove it: whoever reads the outputs takes the largest'],
  ['TopK', 'remove it: whoever reads the outputs sorts them'],
  ['NonMaxSuppression', 'remove it: it is left to whoever reads the outputs'],
  ['QuantizeLinear', QUANTIZED],
  ['DequantizeLinear', QUANTIZED],
  ['DynamicQuantizeLinear', QUANTIZED],
  ['QLinearConv', QUANTIZED],
  ['QLinearMatMul', QUANTIZED],
  ['ConvInteger', QUANTIZED],
  ['MatMulInteger', QUANTIZED],
  ['If', CONTROL],
  ['Loop', CONTROL],
  ['Scan', CONTROL],
  ['Einsum', 'export it as MatMul with a constant'],
]);

/**
 * What an operator means, per output.
 * @throws ModelError if it is not supported, or not as it is used here
 */
export function meaningOf(op: Operator, domain: string): readonly Meaning[] {
  if (domain !== '' && domain !== 'ai.onnx') {
    throw op.error(`operators of the domain ${domain} are not supported`, 'export the model with standard operators');
  }
  const meaning = MEANINGS.get(op.type);
  if (!meaning)
    throw op.error('this operator is not supported', HINTS.get(op.type) ?? 'replace it by supported operators, or cut the model before it');
  const results = meaning(op);
  op.finish();
  return results;
}
