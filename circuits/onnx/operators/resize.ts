/**
 * Resize and Upsample with mode nearest. Coordinates are computed in float32, as ONNX Runtime does (onnxruntime/core/providers/cpu/tensor/
 * upsamplebase.h), since the nearest element turns on the last bit.
 */
import { dimsText } from '../dims.ts';
import { numbers } from '../tensor.ts';
import type { Meaning, Operator } from './operator.ts';
import { axesView, dimsOf, positions, range } from './view.ts';

const f = Math.fround;

/** One axis: its length before and after, and the factor in between. */
interface ResizedAxis {
  readonly from: number;
  readonly to: number;
  readonly scale: number;
}

type Coordinate = (position: number, axis: ResizedAxis) => number;

const COORDINATES: Readonly<Record<string, Coordinate>> = {
  asymmetric: (position, { scale }) => f(position / scale),
  half_pixel: (position, { scale }) => f(f(f(position + 0.5) / scale) - 0.5),
  pytorch_half_pixel: (position, { to, scale }) => (to > 1 ? f(f(f(position + 0.5) / scale) - 0.5) : 0),
  tf_half_pixel_for_nn: (position, { scale }) => f(f(position + 0.5) / scale),
  align_corners: (position, { from, to }) => (to === 1 ? 0 : f(f(position * f(from - 1)) / f(to - 1))),
  half_pixel_symmetric: (position, { from, to, scale }) => {
    const adjustment = f(to / f(scale * from));
    const center = f(from / 2);
    const offset = f(center * f(1 - adjustment));
    return f(f(offset + f(f(position + 0.5) / scale)) - 0.5);
  },
};

type Rounding = (coordinate: number, shrinks: boolean) => number;

const ROUNDINGS: Readonly<Record<string, Rounding>> = {
  round_prefer_floor: (coordinate) => (coordinate === f(Math.trunc(coordinate) + 0.5) ? Math.floor(coordinate) : roundAway(coordinate)),
  round_prefer_ceil: roundAway,
  floor: Math.floor,
  ceil: Math.ceil,
  /** Before operator set 11. */
  simple: (coordinate, shrinks) => (shrinks ? Math.ceil(coordinate) : Math.trunc(coordinate)),
};

/** To the nearest integer, halves away from zero. */
function roundAway(value: number): number {
  return Math.sign(value) * Math.floor(Math.abs(value) + 0.5);
}

export function upsample(op: Operator): Meaning[] {
  nearestOnly(op);
  const scales = op.opset < 9 ? op.floats('scales') : numbers(op.weights(1));
  return [resized(op, axesOf(op, scales, undefined), 'asymmetric', 'simple')];
}

export function resize(op: Operator): Meaning[] {
  nearestOnly(op);
  if (op.opset < 11) return [resized(op, axesOf(op, numbers(op.weights(1)), undefined), 'asymmetric', 'simple')];
  op.ignore('cubic_coeff_a', 'exclude_outside', 'extrapolation_value', 'antialias');
  const scales = op.isGiven(2) ? numbers(op.weights(2)) : [];
  const sizes = op.isGiven(3) ? op.list(3) : [];
  if (scales.length > 0 === sizes.length > 0) throw op.error('expected either scales or sizes');
  const transformation = op.text('coordinate_transformation_mode', 'half_pixel');
  const rounding = op.text('nearest_mode', 'round_prefer_floor');
  return [resized(op, axesOf(op, scales.length > 0 ? scales : undefined, sizes), transformation, rounding)];
}

function nearestOnly(op: Operator): void {
  const mode = op.text('mode', 'nearest');
  if (mode !== 'nearest')
    throw op.error(`mode ${mode} is not supported, expected nearest`, 'train or export the model with nearest resizing');
}

/** Per axis of the operand, what becomes of it; axes that are not named keep their length. */
function axesOf(op: Operator, scales: readonly number[] | undefined, sizes: readonly number[] | undefined): ResizedAxis[] {
  const dims = dimsOf(op, 0);
  const named = op.axes(op.integers('axes') ?? range(dims.length), dims.length);
  const policy = op.text('keep_aspect_ratio_policy', 'stretch');
  const given = scales ?? sizes;
  if (given?.length !== named.length) throw op.error(`has ${given?.length ?? 0} scales or sizes for ${named.length} axes`);
  const result = dims.map((dim): ResizedAxis => ({ from: dim, to: dim, scale: 1 }));
  if (scales) {
    named.forEach((axis, k) => {
      const [from, scale] = [dims[axis]!, scales[k]!];
      if (!(scale > 0)) throw op.error(`scales are ${dimsText(scales)}, expected positive numbers`);
      result[axis] = { from, to: Math.floor(f(from * scale)), scale };
    });
    return result;
  }
  const wanted = given.map((size, k) => f(size / dims[named[k]!]!));
  if (policy === 'stretch') {
    named.forEach((axis, k) => (result[axis] = { from: dims[axis]!, to: given[k]!, scale: wanted[k]! }));
    return result;
  }
  if (policy !== 'not_larger' && policy !== 'not_smaller') throw op.error(`keep_aspect_ratio_policy is ${policy}`);
  const scale = policy === 'not_larger' ? Math.min(...wanted) : Math.max(...wanted);
  named.forEach((axis) => {
    const to = roundAway(f(scale * dims[axis]!));
    result[axis] = { from: dims[axis]!, to, scale };
  });
  return result;
}

function resized(op: Operator, axes: readonly ResizedAxis[], transformation: string, nearest: string): Meaning {
  const coordinate = COORDINATES[transformation];
  if (!coordinate) {
    throw op.error(`coordinate_transformation_mode ${transformation} is not supported, expected ${Object.keys(COORDINATES).join(', ')}`);
  }
  const rounding = nearest === 'simple' && op.opset >= 11 ? undefined : ROUNDINGS[nearest];
  if (!rounding) throw op.error(`nearest_mode is ${nearest}`);
  op.checkDims(axes.map(({ to }) => to));
  const maps = axes.map((axis, k): [number, Int32Array] => {
    const { from, to, scale } = axis;
    if (scale === 1 && from === to) return [k, positions(from)];
    const source = (position: number): number => Math.min(Math.max(rounding(coordinate(position, axis), scale < 1), 0), from - 1);
    return [k, positions(to, source)];
  });
  return axesView(op, dimsOf(op, 0), new Map(maps));
}
