/**
 * A circuit's integers, fast enough to calibrate with in plain JavaScript: matrix products over gathered rows. The same integers as
 * `../execute`, which tests compare it with.
 */
import {
  isIdentityMap,
  roundingOffset,
  shapeOf,
  size,
  zeroOf,
  type Circuit,
  type Convolution,
  type LinearLayer,
  type Requantize,
  type Shape,
  type View,
  type WindowSum,
} from '../graph/circuit.ts';
import { readView } from '../execute/view.ts';

type Tensors = readonly (Uint8Array | Int32Array)[];
/** What is known of a circuit while its layers are made. */
export type Frame = Pick<Circuit, 'inputs' | 'layers'>;

/** An operand, x - z or the raw bytes, 0 where uncovered. */
function operandOf(frame: Frame, view: View, tensors: Tensors, centred: boolean): Int32Array {
  const circuit = frame as Circuit;
  const [part, second] = view.parts;
  if (part?.kind === 'axes' && !second && part.axes.every((axis, a) => axis === a)) {
    const shape = shapeOf(circuit, part.tensor);
    if (part.maps.every((map, a) => isIdentityMap(map, shape[a]!))) {
      const zero = centred ? zeroOf(circuit, part.tensor) : 0;
      const bytes = tensors[part.tensor]!;
      const operand = new Int32Array(bytes.length);
      for (let n = 0; n < bytes.length; n++) operand[n] = bytes[n]! - zero;
      return operand;
    }
  }
  return readView(circuit, view, tensors, centred);
}

/** Rows of a matrix: row k starts at `start + k * step`. */
interface Rows {
  readonly values: Int32Array;
  readonly start: number;
  readonly step: number;
}

/** `acc[start + p] += sum over k of weights[first + k] rows[k][p]` for p below `count`. */
function addProduct(acc: Int32Array, start: number, count: number, weights: Int8Array, first: number, depth: number, rows: Rows): void {
  const { values, step } = rows;
  if (count === 1) {
    let sum = acc[start]!;
    for (let k = 0, at = rows.start; k < depth; k++, at += step) sum = (sum + Math.imul(weights[first + k]!, values[at]!)) | 0;
    acc[start] = sum;
    return;
  }
  let k = 0;
  for (; k + 4 <= depth; k += 4) {
    const a = weights[first + k]!;
    const b = weights[first + k + 1]!;
    const c = weights[first + k + 2]!;
    const d = weights[first + k + 3]!;
    if ((a | b | c | d) === 0) continue;
    const ra = rows.start + k * step;
    const rb = ra + step;
    const rc = rb + step;
    const rd = rc + step;
    for (let p = 0; p < count; p++) {
      acc[start + p] =
        (acc[start + p]! +
          Math.imul(a, values[ra + p]!) +
          Math.imul(b, values[rb + p]!) +
          Math.imul(c, values[rc + p]!) +
          Math.imul(d, values[rd + p]!)) |
        0;
    }
  }
  for (; k < depth; k++) {
    const a = weights[first + k]!;
    if (a === 0) continue;
    const ra = rows.start + k * step;
    for (let p = 0; p < count; p++) acc[start + p] = (acc[start + p]! + Math.imul(a, values[ra + p]!)) | 0;
  }
}

/** `acc[to + i, j] += factor * x[from + i stride + row, j stride + column]` where that lies inside the plane. */
function addTap(
  acc: Int32Array,
  to: number,
  [, outHeight, outWidth]: Shape,
  x: Int32Array,
  from: number,
  [, height, width]: Shape,
  factor: number,
  stride: readonly [number, number],
  row: number,
  column: number,
): void {
  const first = Math.max(0, Math.ceil(-column / stride[1]));
  const end = Math.min(outWidth, Math.ceil((width - column) / stride[1]));
  for (let i = 0; i < outHeight; i++) {
    const y = i * stride[0] + row;
    if (y < 0 || y >= height) continue;
    let source = from + y * width + first * stride[1] + column;
    const base = to + i * outWidth;
    for (let j = first; j < end; j++, source += stride[1]) acc[base + j] = (acc[base + j]! + Math.imul(factor, x[source]!)) | 0;
  }
}

/** Positions that a block of gathered rows holds. */
const BLOCK = 1024;

/** Row k = (channel, u, v) of the block: what tap (u, v) of that channel reads at output positions first .. first + count - 1. */
function gatherRows(
  block: Int32Array,
  first: number,
  count: number,
  term: Convolution,
  channel: number,
  channels: number,
  x: Int32Array,
  out: Shape,
): void {
  const [, height, width] = term.operand.shape;
  const { kernel, stride, pad, dilation } = term;
  let to = 0;
  for (let k = channel; k < channel + channels; k++) {
    for (let u = 0; u < kernel[0]; u++) {
      for (let v = 0; v < kernel[1]; v++) {
        let i = Math.floor(first / out[2]);
        let j = first % out[2];
        for (let p = 0; p < count; p++, to++) {
          const row = i * stride[0] + u * dilation[0] - pad[0];
          const column = j * stride[1] + v * dilation[1] - pad[1];
          block[to] = row >= 0 && row < height && column >= 0 && column < width ? x[(k * height + row) * width + column]! : 0;
          if (++j === out[2]) {
            j = 0;
            i++;
          }
        }
      }
    }
  }
}

function addConvolution(acc: Int32Array, out: Shape, term: Convolution, weights: Int8Array, x: Int32Array): void {
  const { kernel, stride, pad, dilation, groups } = term;
  const [channels, height, width] = term.operand.shape;
  const inside = channels / groups;
  const perGroup = out[0] / groups;
  const taps = kernel[0] * kernel[1];
  const depth = inside * taps;
  const places = out[1] * out[2];
  if (perGroup === 1 && inside === 1) {
    for (let c = 0, next = 0; c < out[0]; c++) {
      for (let u = 0; u < kernel[0]; u++) {
        for (let v = 0; v < kernel[1]; v++, next++) {
          addTap(
            acc,
            c * places,
            out,
            x,
            c * height * width,
            term.operand.shape,
            weights[next]!,
            stride,
            u * dilation[0] - pad[0],
            v * dilation[1] - pad[1],
          );
        }
      }
    }
    return;
  }
  const direct =
    (taps === 1 && stride[0] === 1 && stride[1] === 1 && pad[0] === 0 && pad[1] === 0 && height === out[1] && width === out[2]) ||
    (places === 1 && kernel[0] === height && kernel[1] === width && pad[0] === 0 && pad[1] === 0 && dilation[0] === 1 && dilation[1] === 1);
  const block = direct ? x : new Int32Array(depth * Math.min(BLOCK, places));
  for (let group = 0; group < groups; group++) {
    for (let first = 0; first < places; first += BLOCK) {
      const count = Math.min(BLOCK, places - first);
      if (!direct) gatherRows(block, first, count, term, group * inside, inside, x, out);
      const rows: Rows = direct
        ? { values: x, start: group * depth * places + first, step: places }
        : { values: block, start: 0, step: count };
      for (let c = group * perGroup; c < (group + 1) * perGroup; c++)
        addProduct(acc, c * places + first, count, weights, c * depth, depth, rows);
    }
  }
}

function addWindowSum(acc: Int32Array, out: Shape, term: WindowSum, x: Int32Array): void {
  const [, height, width] = term.operand.shape;
  const places = out[1] * out[2];
  const sum = new Int32Array(places);
  for (let c = 0; c < out[0]; c++) {
    sum.fill(0);
    for (let u = 0; u < term.kernel[0]; u++) {
      for (let v = 0; v < term.kernel[1]; v++)
        addTap(sum, 0, out, x, c * height * width, term.operand.shape, 1, term.stride, u - term.pad[0], v - term.pad[1]);
    }
    for (let p = 0; p < places; p++) {
      const factor = Math.imul(term.rowFactor[Math.floor(p / out[2])]!, term.columnFactor[p % out[2]]!);
      acc[c * places + p] = (acc[c * places + p]! + Math.imul(Math.imul(term.multiplier[c]!, factor), sum[p]!)) | 0;
    }
  }
}

/** The accumulator of a layer that the bounds accept. `weights`: those of the layer's convolutions, in order. */
export function accumulateFast(frame: Frame, layer: LinearLayer, weights: readonly Int8Array[], tensors: Tensors): Int32Array {
  const acc = new Int32Array(size(layer.shape));
  const places = layer.shape[1] * layer.shape[2];
  if (layer.bias.length === acc.length) acc.set(layer.bias);
  else layer.bias.forEach((b, c) => acc.fill(b, c * places, (c + 1) * places));
  let next = 0;
  for (const term of layer.terms) {
    const x = operandOf(frame, term.operand, tensors, true);
    if (term.kind === 'convolution') addConvolution(acc, layer.shape, term, weights[next++]!, x);
    else if (term.kind === 'window-sum') addWindowSum(acc, layer.shape, term, x);
    else for (let n = 0; n < acc.length; n++) acc[n] = (acc[n]! + Math.imul(term.multiplier[Math.floor(n / places)]!, x[n]!)) | 0;
  }
  return acc;
}

/** `table(floor((acc + h) / 2^s))`, elementwise. */
export function requantized(layer: Pick<Requantize, 'shape' | 'shift'>, acc: Int32Array, table: (quotient: number) => number): Uint8Array {
  const bytes = new Uint8Array(acc.length);
  const places = layer.shape[1] * layer.shape[2];
  layer.shift.forEach((shift, c) => {
    const h = roundingOffset(shift);
    for (let n = c * places; n < (c + 1) * places; n++) bytes[n] = table((acc[n]! + h) >> shift);
  });
  return bytes;
}

/** The larger bytes of two operands. */
export function maximumFast(frame: Frame, a: View, b: View, tensors: Tensors): Uint8Array {
  const left = operandOf(frame, a, tensors, false);
  const right = operandOf(frame, b, tensors, false);
  return Uint8Array.from(left, (v, n) => Math.max(v, right[n]!));
}

/** All tensors of one run of a circuit that `checkCircuit` accepts, by number. */
export function runFast(circuit: Circuit, weights: readonly Int8Array[], inputs: readonly Uint8Array[]): (Uint8Array | Int32Array)[] {
  const tensors: (Uint8Array | Int32Array)[] = [...inputs];
  let next = 0;
  for (const layer of circuit.layers) {
    if (layer.kind === 'maximum') {
      tensors.push(maximumFast(circuit, layer.a, layer.b, tensors));
      continue;
    }
    const count = layer.terms.filter((term) => term.kind === 'convolution').length;
    const acc = accumulateFast(circuit, layer, weights.slice(next, next + count), tensors);
    next += count;
    if (layer.kind === 'accumulate') {
      tensors.push(acc);
      continue;
    }
    const { first, values } = circuit.tables[layer.table]!;
    tensors.push(requantized(layer, acc, (quotient) => values[quotient - first]!));
  }
  return tensors;
}
