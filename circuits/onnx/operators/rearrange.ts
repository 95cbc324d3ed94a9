/** Transpose, Concat, Split, Slice, Pad, Expand, Tile, Gather, DepthToSpace, SpaceToDepth: elements moved, left out or repeated. */
import { broadcastDims, count, dimsText, padDims, sameDims, strides } from '../dims.ts';
import { numbers } from '../tensor.ts';
import type { Meaning, Operator } from './operator.ts';
import { axesView, axisOffsets, dimsOf, positions, productIndex, range, view, type ViewPart } from './view.ts';

export function transpose(op: Operator): Meaning[] {
  const dims = dimsOf(op, 0);
  const given = op.integers('perm') ?? range(dims.length).reverse();
  const permutation = op.axes(given, dims.length);
  if (permutation.length !== dims.length) throw op.error(`perm ${dimsText(given)} does not order ${dims.length} dimensions`);
  const steps = strides(dims);
  const result = permutation.map((axis) => dims[axis]!);
  return [
    view(op, result, [{ operand: 0, index: productIndex(permutation.map((axis) => axisOffsets(positions(dims[axis]!), steps[axis]!))) }]),
  ];
}

export function concat(op: Operator): Meaning[] {
  const all = op.operands.map((_, position) => dimsOf(op, position));
  const [first] = all;
  if (!first) throw op.error('has no operands');
  if (!op.has('axis')) throw op.error('attribute axis is missing');
  const axis = op.axis(op.integer('axis', 0), first.length);
  if (all.some((dims) => !sameDims(without(dims, axis), without(first, axis)) || dims.length !== first.length)) {
    throw op.error(`joins dimensions ${all.map(dimsText).join(', ')} along axis ${axis}`);
  }
  const total = all.reduce((sum, dims) => sum + dims[axis]!, 0);
  const result = first.map((dim, a) => (a === axis ? total : dim));
  if (count(result) > 0) op.checkDims(result);
  let start = 0;
  const parts = all.map((dims, operand): ViewPart => {
    const steps = strides(dims);
    const from = start;
    start += dims[axis]!;
    const offsets = result.map((dim, a) => {
      const coordinates = a === axis ? positions(dim, (o) => (o >= from && o < from + dims[axis]! ? o - from : -1)) : positions(dim);
      return axisOffsets(coordinates, steps[a]!);
    });
    return { operand, index: productIndex(offsets) };
  });
  return [view(op, result, parts)];
}

function without(dims: readonly number[], axis: number): number[] {
  return dims.filter((_, a) => a !== axis);
}

/** Sizes from an attribute, an operand, or equal ones; with `num_outputs` the last may be smaller. */
export function split(op: Operator): Meaning[] {
  const dims = dimsOf(op, 0);
  const axis = op.axis(op.integer('axis', 0), dims.length);
  const total = dims[axis]!;
  const pieces = op.opset >= 18 && op.has('num_outputs') ? op.integer('num_outputs', 0) : op.outputs.length;
  const given = op.listSince(13, 'split', 1);
  const each = Math.ceil(total / pieces);
  if (!given && (pieces < 1 || pieces !== op.outputs.length || (!op.has('num_outputs') && total % pieces !== 0))) {
    throw op.error(`splits ${total} elements into ${pieces} pieces for ${op.outputs.length} outputs`);
  }
  const sizes = given ?? range(pieces).map((k) => (k < pieces - 1 ? each : total - each * (pieces - 1)));
  if (sizes.length !== op.outputs.length || sizes.some((size) => size < 1) || sizes.reduce((a, b) => a + b, 0) !== total) {
    throw op.error(`splits ${total} elements into pieces of ${dimsText(sizes)} for ${op.outputs.length} outputs`);
  }
  let start = 0;
  return sizes.map((size, output) => {
    const from = start;
    start += size;
    if (op.outputs[output] === '') return null;
    return axesView(op, dims, new Map([[axis, positions(size, (o) => from + o)]]), output);
  });
}

/** Starts, ends, axes and steps are attributes before operator set 10 (without steps). */
export function slice(op: Operator): Meaning[] {
  const dims = dimsOf(op, 0);
  const old = op.opset < 10;
  const read = (name: string, position: number): number[] | undefined => op.listSince(10, name, position);
  const [starts, ends] = [read('starts', 1), read('ends', 2)];
  if (!starts || !ends) throw op.error('starts and ends are missing');
  const axes = op.axes(read('axes', 3) ?? range(starts.length), dims.length);
  const steps = (old ? undefined : read('steps', 4)) ?? starts.map(() => 1);
  if (ends.length !== starts.length || axes.length !== starts.length || steps.length !== starts.length) {
    throw op.error(`has ${starts.length} starts, ${ends.length} ends, ${axes.length} axes, ${steps.length} steps`);
  }
  const maps = axes.map((axis, k): [number, Int32Array] => [axis, sliced(op, dims[axis]!, starts[k]!, ends[k]!, steps[k]!)]);
  return [axesView(op, dims, new Map(maps))];
}

function sliced(op: Operator, size: number, start: number, end: number, step: number): Int32Array {
  if (step === 0) throw op.error('has a step of 0');
  const bounded = (position: number, low: number, high: number): number =>
    Math.min(Math.max(position < 0 ? position + size : position, low), high);
  const [first, last] =
    step > 0 ? [bounded(start, 0, size), bounded(end, 0, size)] : [bounded(start, 0, size - 1), bounded(end, -1, size - 1)];
  return positions(Math.max(Math.ceil((last - first) / step), 0), (o) => first + o * step);
}

/** Constant, edge, reflect and wrap. Pads and value are attributes before operator set 11. Negative pads cut. */
export function pad(op: Operator): Meaning[] {
  const dims = dimsOf(op, 0);
  const mode = op.text('mode', 'constant');
  const pads = op.listSince(11, 'pads', 1);
  const fill = op.opset < 11 ? op.float('value', 0) : op.isGiven(2) ? op.number(2) : 0;
  const axes = op.isGiven(3) ? op.axes(op.list(3), dims.length) : range(dims.length);
  if (pads?.length !== 2 * axes.length) throw op.error(`has ${pads?.length ?? 0} pads for ${axes.length} axes, expected two each`);
  const maps = axes.map((axis, k): [number, Int32Array] => {
    const [before, after] = [pads[k]!, pads[k + axes.length]!];
    const length = dims[axis]! + before + after;
    if (length < 1) throw op.error(`pads an axis of ${dims[axis]!} by ${before} and ${after}`);
    op.checkDims([length]);
    return [axis, positions(length, (o) => padded(op, o - before, dims[axis]!, mode))];
  });
  return [axesView(op, dims, new Map(maps), 0, fill)];
}

/** The coordinate that a padded one reads; -1 for the fill. */
function padded(op: Operator, coordinate: number, size: number, mode: string): number {
  if (coordinate >= 0 && coordinate < size) return coordinate;
  if (mode === 'constant') return -1;
  if (mode === 'edge') return coordinate < 0 ? 0 : size - 1;
  if (mode === 'wrap') return ((coordinate % size) + size) % size;
  if (mode !== 'reflect') throw op.error(`mode ${mode} is not supported, expected constant, edge, reflect or wrap`);
  const mirrored = coordinate < 0 ? -coordinate : 2 * (size - 1) - coordinate;
  if (mirrored < 0 || mirrored >= size) throw op.error(`reflects more than the ${size} elements of an axis`);
  return mirrored;
}

export function expand(op: Operator): Meaning[] {
  const dims = dimsOf(op, 0);
  const wanted = op.list(1);
  const result = broadcastDims(dims, wanted);
  if (!result) throw op.error(`cannot expand ${dimsText(dims)} to ${dimsText(wanted)}`);
  return [repeated(op, dims, result)];
}

export function tile(op: Operator): Meaning[] {
  const dims = dimsOf(op, 0);
  const repeats = op.list(1);
  if (repeats.length !== dims.length) throw op.error(`has ${repeats.length} repeats for ${dims.length} dimensions`);
  return [
    repeated(
      op,
      dims,
      dims.map((dim, axis) => dim * repeats[axis]!),
    ),
  ];
}

/** Position o along an axis reads o modulo the operand's dimension. */
function repeated(op: Operator, dims: readonly number[], result: readonly number[]): Meaning {
  op.checkDims(result);
  const from = padDims(dims, result.length);
  const steps = strides(from);
  const offsets = result.map((dim, axis) =>
    axisOffsets(
      positions(dim, (o) => o % from[axis]!),
      steps[axis]!,
    ),
  );
  return view(op, result, [{ operand: 0, index: productIndex(offsets) }]);
}

/** Slices along an axis, at constant positions. A scalar position takes the axis away. */
export function gather(op: Operator): Meaning[] {
  const dims = dimsOf(op, 0);
  const axis = op.axis(op.integer('axis', 0), dims.length);
  const tensor = op.constant(1);
  if (tensor.type === 'float') throw op.error(`constant ${tensor.name} holds floats, expected integers`);
  const size = dims[axis]!;
  const coordinates = Int32Array.from(numbers(tensor), (position) => {
    const coordinate = position < 0 ? position + size : position;
    if (coordinate < 0 || coordinate >= size) throw op.error(`reads position ${position} of an axis of ${size}`);
    return coordinate;
  });
  const result = [...dims.slice(0, axis), ...tensor.dims, ...dims.slice(axis + 1)];
  if (count(result) > 0) op.checkDims(result);
  const steps = strides(dims);
  const offsets = dims.map((dim, a) => axisOffsets(a === axis ? coordinates : positions(dim), steps[a]!));
  return [view(op, result, [{ operand: 0, index: productIndex(offsets) }])];
}

/** [1, b b C, H, W] to [1, C, H b, W b]; `CRD` has the block inside of the channel. */
export function depthToSpace(op: Operator): Meaning[] {
  const [dims, block] = blockDims(op);
  const [batch, depth, height, width] = dims;
  const mode = op.text('mode', 'DCR');
  if (mode !== 'DCR' && mode !== 'CRD') throw op.error(`mode is ${mode}, expected DCR or CRD`);
  const channels = depth / block ** 2;
  if (!Number.isInteger(channels)) throw op.error(`cannot take blocks of ${block} out of ${depth} channels`);
  const plane = height * width;
  const [channelStep, rowStep, columnStep] =
    mode === 'DCR' ? [plane, block * channels * plane, channels * plane] : [block * block * plane, block * plane, plane];
  const offsets = [
    axisOffsets(positions(batch), depth * plane),
    axisOffsets(positions(channels), channelStep),
    axisOffsets(positions(height), width),
    axisOffsets(positions(block), rowStep),
    axisOffsets(positions(width), 1),
    axisOffsets(positions(block), columnStep),
  ];
  return [view(op, [batch, channels, height * block, width * block], [{ operand: 0, index: productIndex(offsets) }])];
}

/** [1, C, H, W] to [1, b b C, H / b, W / b]. */
export function spaceToDepth(op: Operator): Meaning[] {
  const [dims, block] = blockDims(op);
  const [batch, channels, height, width] = dims;
  const [rows, columns] = [height / block, width / block];
  if (!Number.isInteger(rows) || !Number.isInteger(columns)) throw op.error(`cannot cut ${height} x ${width} into blocks of ${block}`);
  const offsets = [
    axisOffsets(positions(batch), channels * height * width),
    axisOffsets(positions(block), width),
    axisOffsets(positions(block), 1),
    axisOffsets(positions(channels), height * width),
    axisOffsets(positions(rows), block * width),
    axisOffsets(positions(columns), block),
  ];
  return [view(op, [batch, channels * block * block, rows, columns], [{ operand: 0, index: productIndex(offsets) }])];
}

function blockDims(op: Operator): [dims: [number, number, number, number], block: number] {
  const dims = dimsOf(op, 0);
  const block = op.integer('blocksize', 0);
  if (dims.length !== 4 || block < 1)
    throw op.error(`takes blocks of ${block} of ${dimsText(dims)}, expected 4 dimensions and a positive block`);
  return [[...dims] as [number, number, number, number], block];
}
