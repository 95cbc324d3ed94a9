/** The accumulator of a linear layer: `bias + sum of terms`. */
import { size, type Circuit, type Convolution, type LinearLayer, type Shape, type Term, type WindowSum } from '../graph/circuit.ts';
import { readView } from './view.ts';

/** An accumulator must stay within int32; a circuit that `checkCircuit` accepts stays within 2^30. */
const LIMIT = 2 ** 31;

/** One channel of a tensor: all the tensor's values, and where the channel's begin. */
interface Plane<Values> {
  readonly values: Values;
  readonly start: number;
  readonly shape: Shape;
}

type Sums = Plane<Float64Array>;
type Operand = Plane<Int32Array>;

/** `out[i, j] += factor * x[i stride + row, j stride + column]` where that lies inside x: one tap of a window over one plane. */
function addTap(out: Sums, x: Operand, factor: number, stride: readonly [number, number], row: number, column: number): void {
  const [, outHeight, outWidth] = out.shape;
  const [, height, width] = x.shape;
  const { values: sums } = out;
  const { values } = x;
  const firstColumn = Math.max(0, Math.ceil(-column / stride[1]));
  const endColumn = Math.min(outWidth, Math.ceil((width - column) / stride[1]));
  for (let i = 0; i < outHeight; i++) {
    const y = i * stride[0] + row;
    if (y < 0 || y >= height) continue;
    const to = out.start + i * outWidth;
    let from = x.start + y * width + firstColumn * stride[1] + column;
    for (let j = firstColumn; j < endColumn; j++, from += stride[1]) sums[to + j]! += factor * values[from]!;
  }
}

/** `x[c, ...]` for every channel c of a tensor. */
function planes<Values>(values: Values, shape: Shape): Plane<Values>[] {
  return Array.from({ length: shape[0] }, (_, c) => ({ values, start: c * shape[1] * shape[2], shape }));
}

function addConvolution(sum: readonly Sums[], x: readonly Operand[], term: Convolution, weights: Int8Array): void {
  const { kernel, stride, pad, dilation, groups } = term;
  const inside = x.length / groups;
  let next = 0;
  sum.forEach((out, c) => {
    const firstChannel = Math.floor(c / (sum.length / groups)) * inside;
    for (let k = firstChannel; k < firstChannel + inside; k++) {
      for (let u = 0; u < kernel[0]; u++) {
        for (let v = 0; v < kernel[1]; v++) {
          addTap(out, x[k]!, weights[next++]!, stride, u * dilation[0] - pad[0], v * dilation[1] - pad[1]);
        }
      }
    }
  });
}

function addWindowSum(sum: readonly Sums[], x: readonly Operand[], term: WindowSum): void {
  const { kernel, stride, pad, multiplier, rowFactor, columnFactor } = term;
  sum.forEach((out, c) => {
    const [, height, width] = out.shape;
    const window: Sums = { values: new Float64Array(height * width), start: 0, shape: [1, height, width] };
    for (let u = 0; u < kernel[0]; u++) for (let v = 0; v < kernel[1]; v++) addTap(window, x[c]!, 1, stride, u - pad[0], v - pad[1]);
    for (let i = 0; i < height; i++) {
      for (let j = 0; j < width; j++) {
        out.values[out.start + i * width + j]! += multiplier[c]! * rowFactor[i]! * columnFactor[j]! * window.values[i * width + j]!;
      }
    }
  });
}

function addTerm(sum: readonly Sums[], x: readonly Operand[], term: Term, weights: Int8Array | null): void {
  if (term.kind === 'convolution') addConvolution(sum, x, term, weights!);
  else if (term.kind === 'window-sum') addWindowSum(sum, x, term);
  else sum.forEach((out, c) => addTap(out, x[c]!, term.multiplier[c]!, [1, 1], 0, 0));
}

/**
 * The accumulator, C-order. `weights`: those of the layer's convolutions, in order. `tensors`: values by tensor number. Throws `RangeError` where
 * it leaves int32: summed in double precision, exact below 2^53.
 */
export function accumulate(
  circuit: Circuit,
  layer: LinearLayer,
  weights: readonly Int8Array[],
  tensors: readonly ArrayLike<number>[],
): Int32Array {
  const sum = new Float64Array(size(layer.shape));
  const perPosition = layer.bias.length === sum.length;
  const plane = layer.shape[1] * layer.shape[2];
  for (let n = 0; n < sum.length; n++) sum[n] = layer.bias[perPosition ? n : Math.floor(n / plane)]!;
  let next = 0;
  for (const term of layer.terms) {
    const operand = planes(readView(circuit, term.operand, tensors, true), term.operand.shape);
    addTerm(planes(sum, layer.shape), operand, term, term.kind === 'convolution' ? weights[next++]! : null);
  }
  const outside = sum.find((v) => v < -LIMIT || v >= LIMIT);
  if (outside !== undefined) throw new RangeError(`layer ${layer.name}: accumulator ${outside} leaves int32`);
  return Int32Array.from(sum);
}
