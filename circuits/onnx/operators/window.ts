/** Where windows of convolutions and pools lie: padding, strides, dilation, rounding. Source: ONNX operators Conv, MaxPool, AveragePool. */
import { dimsText, MAX_ELEMENTS } from '../dims.ts';
import type { PoolNode } from '../float-graph.ts';
import type { Operator } from './operator.ts';

/** Windows along one axis: output o reads positions `o stride - before + k dilation`, k < kernel. */
export interface WindowAxis {
  readonly size: number;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  readonly before: number;
  readonly after: number;
  readonly outputs: number;
}

/** Rows and columns of a value [1, C, L] or [1, C, H, W]. */
export interface Plane {
  readonly channels: number;
  readonly spatial: readonly number[];
}

/** @throws ModelError for a batch that is not 1, or for three spatial dimensions */
export function planeOf(op: Operator, dims: readonly number[]): Plane {
  const [batch, channels, ...spatial] = dims;
  if (channels === undefined || spatial.length < 1 || spatial.length > 2) {
    throw op.error(
      `reads dimensions ${dimsText(dims)}, expected [1, C, L] or [1, C, H, W]`,
      'only one and two spatial dimensions are supported',
    );
  }
  if (batch !== 1) throw op.error(`reads a batch of ${batch!}, expected 1`, 'export the model with batch size 1');
  return { channels, spatial };
}

/** [channels, rows, columns]: one dimension is columns. */
export function shapeOf(channels: number, spatial: readonly number[]): [number, number, number] {
  return spatial.length === 1 ? [channels, 1, spatial[0]!] : [channels, spatial[0]!, spatial[1]!];
}

/** A value per row and column from one per spatial dimension. */
export function pairOf<T>(values: readonly T[], row: T): [T, T] {
  return values.length === 1 ? [row, values[0]!] : [values[0]!, values[1]!];
}

/** What convolutions and pools say of their windows. */
export function windowFields(axes: readonly WindowAxis[]): Pick<PoolNode, 'kernel' | 'stride' | 'pad' | 'dilation'> {
  const each = (field: 'kernel' | 'stride' | 'before' | 'dilation', row: number): [number, number] =>
    pairOf(
      axes.map((axis) => axis[field]),
      row,
    );
  return { kernel: each('kernel', 1), stride: each('stride', 1), pad: each('before', 0), dilation: each('dilation', 1) };
}

/** Reads strides, dilations, pads, auto_pad and ceil_mode. */
export function windows(op: Operator, spatial: readonly number[], kernel: readonly number[]): WindowAxis[] {
  const rank = spatial.length;
  const read = (name: string, length: number, otherwise: number, least: number): number[] => {
    const values = op.integers(name) ?? Array.from({ length }, () => otherwise);
    if (values.length !== length || values.some((value) => value < least || value > MAX_ELEMENTS)) {
      throw op.error(`${name} is ${dimsText(values)}, expected ${length} numbers, at least ${least}`);
    }
    return values;
  };
  if (kernel.length !== rank || kernel.some((size) => size < 1 || size > MAX_ELEMENTS)) {
    throw op.error(`the kernel is ${dimsText(kernel)}, expected ${rank} positive numbers`);
  }
  const strides = read('strides', rank, 1, 1);
  const dilations = read('dilations', rank, 1, 1);
  const pads = read('pads', 2 * rank, 0, 0);
  const auto = op.text('auto_pad', 'NOTSET');
  const up = op.flag('ceil_mode', false);
  return spatial.map((size, axis): WindowAxis => {
    const [stride, dilation] = [strides[axis]!, dilations[axis]!];
    const extent = (kernel[axis]! - 1) * dilation + 1;
    const common = { size, kernel: kernel[axis]!, stride, dilation };
    if (auto === 'SAME_UPPER' || auto === 'SAME_LOWER') {
      const outputs = Math.ceil(size / stride);
      const pad = Math.max((outputs - 1) * stride + extent - size, 0);
      const before = auto === 'SAME_UPPER' ? Math.floor(pad / 2) : Math.ceil(pad / 2);
      return { ...common, before, after: pad - before, outputs };
    }
    if (auto !== 'NOTSET' && auto !== 'VALID') throw op.error(`auto_pad is ${auto}, expected NOTSET, SAME_UPPER, SAME_LOWER or VALID`);
    const [before, after] = auto === 'VALID' ? [0, 0] : [pads[axis]!, pads[axis + rank]!];
    const steps = (size + before + after - extent) / stride;
    const outputs = up ? Math.ceil(steps) + 1 : Math.floor(steps) + 1;
    // The last window begins within the value or its padding before it.
    const beyond = up && (outputs - 1) * stride >= size + before;
    return { ...common, before, after, outputs: steps < 0 ? 0 : beyond ? outputs - 1 : outputs };
  });
}

/** Per output, how many positions of its window lie in the value; with `padding`, in the value or its padding. */
export function countPerOutput(axis: WindowAxis, padding: boolean): number[] {
  const [low, high] = padding ? [-axis.before, axis.size + axis.after] : [0, axis.size];
  return Array.from({ length: axis.outputs }, (_, o) => {
    const start = o * axis.stride - axis.before;
    const first = Math.max(Math.ceil((low - start) / axis.dilation), 0);
    const last = Math.min(Math.floor((high - 1 - start) / axis.dilation), axis.kernel - 1);
    return Math.max(last - first + 1, 0);
  });
}
