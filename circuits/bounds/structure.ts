/** What must hold of a circuit before its numbers are looked at: shapes, views, order, counts. Throws `CircuitRefusal`. */
import {
  convolutions,
  makerOf,
  shapeOf,
  size,
  weightCount,
  type Circuit,
  type LinearLayer,
  type Part,
  type Term,
  type View,
  type Weights,
} from '../graph/circuit.ts';
import { weightsHash, type Hash } from '../graph/encoding.ts';
import { CircuitRefusal } from '../graph/refusal.ts';
import { checkWork } from './work.ts';

export const MAX_TABLE_ROWS = 2 ** 18;
export const MAX_ALL_ROWS = 2 ** 20;
export const MAX_SHIFT = 24;
const MAX_WINDOW = 2 ** 16;
const MAX_POSITION = 2 ** 30;
const MAX_COMMITTED_FAN_IN = 2 ** 17;

const isInteger = (value: number, lo: number, hi: number): boolean => Number.isInteger(value) && value >= lo && value <= hi;

function refuse(layer: string, rule: string, detail: string): never {
  throw new CircuitRefusal(layer, rule, detail);
}

function checkShape(name: string, shape: readonly number[]): void {
  if (shape.length !== 3 || shape.some((n) => !isInteger(n, 1, 2 ** 20)) || size(shape as [number, number, number]) > 2 ** 27) {
    refuse(name, 'shape', `${shape.join(' x ')}: three axes of 1..2^20, at most 2^27 elements`);
  }
}

/** Marks the positions a part covers; refuses one that is covered already. */
function cover(name: string, view: View, part: Part, covered: Uint8Array): void {
  const mark = (position: number): void => {
    if (covered[position]) refuse(name, 'view', 'two parts of an operand cover the same position');
    covered[position] = 1;
  };
  if (part.kind === 'gather') {
    part.index.forEach((source, position) => {
      if (source >= 0) mark(position);
    });
    return;
  }
  const byOperandAxis = [0, 1, 2].map((axis) => part.maps[part.axes.indexOf(axis)]!);
  const [, height, width] = view.shape;
  byOperandAxis[0]!.forEach((a, c) => {
    if (a < 0) return;
    byOperandAxis[1]!.forEach((b, i) => {
      if (b < 0) return;
      byOperandAxis[2]!.forEach((d, j) => {
        if (d >= 0) mark((c * height + i) * width + j);
      });
    });
  });
}

/** Refuses operands in which two parts cover one position. */
function checkOverlaps(circuit: Circuit): void {
  for (const layer of circuit.layers) {
    const views = layer.kind === 'maximum' ? [layer.a, layer.b] : layer.terms.map((term) => term.operand);
    for (const view of views) {
      if (view.parts.length < 2) continue;
      const covered = new Uint8Array(size(view.shape));
      for (const part of view.parts) cover(layer.name, view, part, covered);
    }
  }
}

function checkView(circuit: Circuit, name: string, before: number, view: View): void {
  checkShape(name, view.shape);
  if (!view.parts.length) refuse(name, 'view', 'an operand reads no tensor');
  for (const part of view.parts) {
    if (!isInteger(part.tensor, 0, before - 1)) refuse(name, 'order', `reads tensor ${part.tensor}, which is not before it`);
    if (makerOf(circuit, part.tensor)?.kind === 'accumulate')
      refuse(name, 'order', `reads tensor ${part.tensor}, which is an int32 output`);
    const shape = shapeOf(circuit, part.tensor);
    if (part.kind === 'gather') {
      if (part.index.length !== size(view.shape))
        refuse(name, 'view', `a gather has ${part.index.length} entries for ${size(view.shape)} positions`);
      if (part.index.some((v) => v < -1 || v >= size(shape))) refuse(name, 'view', 'a gather reads outside its tensor');
    } else {
      if ([...part.axes].sort((a, b) => a - b).some((a, k) => a !== k))
        refuse(name, 'view', `axes ${part.axes.join()} are no permutation of 0, 1, 2`);
      part.maps.forEach((map, a) => {
        if (map.length !== view.shape[part.axes[a]!])
          refuse(name, 'view', `the map of tensor axis ${a} has ${map.length} entries for an operand axis of ${view.shape[part.axes[a]!]}`);
        if (map.some((v) => v < -1 || v >= shape[a]!)) refuse(name, 'view', `the map of tensor axis ${a} reads outside the tensor`);
      });
    }
  }
}

function checkWindow(
  layer: LinearLayer,
  kernel: readonly number[],
  stride: readonly number[],
  pad: readonly number[],
  dilation: readonly number[],
): void {
  const { name, shape } = layer;
  if (![...kernel, ...stride, ...dilation].every((v) => isInteger(v, 1, MAX_WINDOW)))
    refuse(name, 'shape', 'kernel, stride and dilation are 1..2^16');
  if (!pad.every((v) => isInteger(v, -MAX_WINDOW, MAX_WINDOW))) refuse(name, 'shape', 'padding is -2^16..2^16');
  // positions that 32 bits cannot tell from others would be read in their place
  [0, 1].forEach((axis) => {
    const farthest = shape[axis + 1]! * stride[axis]! + kernel[axis]! * dilation[axis]!;
    if (farthest > MAX_POSITION) refuse(name, 'shape', `a window reaches row or column ${farthest}, at most 2^30 is allowed`);
  });
}

function checkTerm(circuit: Circuit, layer: LinearLayer, before: number, term: Term): void {
  const { name } = layer;
  const [channels, height, width] = layer.shape;
  checkView(circuit, name, before, term.operand);
  if (term.kind === 'convolution') {
    checkWindow(layer, term.kernel, term.stride, term.pad, term.dilation);
    if (!isInteger(term.groups, 1, channels) || channels % term.groups || term.operand.shape[0] % term.groups) {
      refuse(name, 'shape', `${term.groups} groups do not divide ${term.operand.shape[0]} input and ${channels} output channels`);
    }
    if ((term.weights.kind === 'committed') !== (circuit.weightRoot !== null))
      refuse(name, 'weights', 'either all weights of a circuit are committed or none');
    return;
  }
  if (term.multiplier.length !== channels) refuse(name, 'shape', `${term.multiplier.length} multipliers for ${channels} channels`);
  if (term.kind === 'multiple') {
    if (term.operand.shape.some((n, a) => n !== layer.shape[a]))
      refuse(name, 'shape', `a multiple of a ${term.operand.shape.join(' x ')} operand in a ${layer.shape.join(' x ')} layer`);
    return;
  }
  checkWindow(layer, term.kernel, term.stride, term.pad, [1, 1]);
  if (term.operand.shape[0] !== channels) refuse(name, 'shape', 'a window sum keeps the number of channels');
  if (term.rowFactor.length !== height || term.columnFactor.length !== width)
    refuse(name, 'shape', 'a window sum has one factor per output row and column');
  if ([...term.rowFactor, ...term.columnFactor].some((v) => !isInteger(v, 1, 2 ** 20)))
    refuse(name, 'shape', 'factors of a window sum are 1..2^20');
}

function checkLayers(circuit: Circuit): void {
  const inputs = circuit.inputs.length;
  const names = new Set<string>();
  circuit.layers.forEach((layer, index) => {
    const { name } = layer;
    const before = inputs + index;
    if (names.has(name)) refuse(name, 'order', 'two layers have this name');
    names.add(name);
    checkShape(name, layer.shape);
    if (layer.kind === 'maximum') {
      for (const view of [layer.a, layer.b]) {
        checkView(circuit, name, before, view);
        if (view.shape.some((n, a) => n !== layer.shape[a])) refuse(name, 'shape', 'operands of a maximum have the shape of the layer');
      }
    } else {
      if (layer.bias.length !== layer.shape[0] && layer.bias.length !== size(layer.shape))
        refuse(name, 'shape', `${layer.bias.length} biases for ${layer.shape.join(' x ')}`);
      layer.terms.forEach((term) => {
        checkTerm(circuit, layer, before, term);
      });
    }
    if (layer.kind === 'requantize') {
      if (layer.shift.length !== layer.shape[0] || layer.shift.some((s) => s > MAX_SHIFT))
        refuse(name, 'shape', `shifts are one per channel, 0..${MAX_SHIFT}`);
      if (!circuit.tables[layer.table]) refuse(name, 'table', `there is no table ${layer.table}`);
    }
    if (layer.kind !== 'accumulate' && !isInteger(layer.zero, 0, 255)) refuse(name, 'shape', `zero point ${layer.zero}`);
    if (layer.kind === 'accumulate' && !circuit.outputs.includes(before)) refuse(name, 'output', 'an int32 layer must be an output');
  });
}

function checkTables(circuit: Circuit): void {
  let rows = 0;
  const used = new Set(circuit.layers.map((layer) => (layer.kind === 'requantize' ? layer.table : -1)));
  circuit.tables.forEach((table, index) => {
    rows += table.values.length;
    if (!isInteger(table.values.length, 1, MAX_TABLE_ROWS))
      refuse('', 'table', `table ${index} has ${table.values.length} rows, 1..2^18 are allowed`);
    if (!isInteger(table.first, -(2 ** 30), 2 ** 30)) refuse('', 'table', `table ${index} starts at ${table.first}`);
    if (!used.has(index)) refuse('', 'table', `no layer uses table ${index}`);
  });
  if (rows > MAX_ALL_ROWS) refuse('', 'table', `${rows} table rows in all, at most 2^20 are allowed`);
}

function checkOutputs(circuit: Circuit): void {
  const { outputs } = circuit;
  const tensors = circuit.inputs.length + circuit.layers.length;
  if (new Set(outputs).size !== outputs.length) refuse('', 'output', 'a tensor is an output twice');
  if (outputs.some((tensor) => !isInteger(tensor, circuit.inputs.length, tensors - 1)))
    refuse('', 'output', 'an output is made by no layer');
  for (const [kind, meanings, own] of [
    ['input', circuit.meaning.inputs, [...circuit.inputs.keys()]],
    ['output', circuit.meaning.outputs, outputs],
  ] as const) {
    if (meanings.length !== own.length) refuse('', 'shape', `${meanings.length} meanings for ${own.length} ${kind}s`);
    meanings.forEach((meaning, k) => {
      const elements = size(shapeOf(circuit, own[k]!));
      if (meaning.dims.reduce((a, b) => a * b, 1) !== elements)
        refuse('', 'shape', `${kind} ${meaning.name}: dimensions ${meaning.dims.join(' x ')} for ${elements} elements`);
      if (!Number.isFinite(meaning.scale) || meaning.scale <= 0) refuse('', 'shape', `${kind} ${meaning.name}: scale ${meaning.scale}`);
      if (meaning.labels.length && meaning.labels.length !== elements)
        refuse('', 'shape', `${kind} ${meaning.name}: ${meaning.labels.length} labels for ${elements} elements`);
    });
  }
}

function checkWeights(circuit: Circuit, weights: Weights | null, hash: Hash | undefined): void {
  const sites = convolutions(circuit);
  if (!circuit.weightRoot && weights?.length !== sites.length)
    refuse('', 'weights', `${sites.length} weight tensors are expected, ${weights ? weights.length : 'none'} given`);
  if (circuit.weightRoot && circuit.weightRoot.length !== 32) refuse('', 'weights', 'the root of committed weights has 32 bytes');
  if (circuit.weightRoot && !sites.length) refuse('', 'weights', 'weights are committed, but there is no convolution');
  sites.forEach(({ layer, term }, k) => {
    const { name } = layer;
    const expected = weightCount(layer.shape[0], term);
    const own = weights?.[k];
    if (weights && !((own as unknown) instanceof Int8Array)) refuse(name, 'weights', 'weights are an Int8Array');
    if (own && own.length !== expected) refuse(name, 'weights', `${expected} weights are expected, ${own.length} given`);
    if (term.weights.kind === 'public') {
      const { hash: bound } = term.weights;
      const actual = weightsHash(own!, hash);
      if (bound.length !== 32 || actual.some((b, i) => b !== bound[i])) refuse(name, 'weights', 'the weights do not match their hash');
      return;
    }
    const { squares } = term.weights;
    const fanIn = expected / layer.shape[0];
    if (fanIn >= MAX_COMMITTED_FAN_IN) refuse(name, 'weights', `fan-in ${fanIn} of committed weights; it must be below 2^17`);
    if (squares.length !== layer.shape[0] || squares.some((s) => !isInteger(s, 0, 2 ** 31)))
      refuse(name, 'weights', 'one sum of squares per channel, 0..2^31');
  });
}

/** All structural checks; see the file's head. */
export function checkStructure(circuit: Circuit, weights: Weights | null, hash?: Hash): void {
  if (!isInteger(circuit.inputs.length, 1, 8)) refuse('', 'shape', `${circuit.inputs.length} inputs; 1 to 8 are allowed`);
  circuit.inputs.forEach((tensor, k) => {
    checkShape(`input ${k}`, tensor.shape);
    if (!isInteger(tensor.zero, 0, 255)) refuse(`input ${k}`, 'shape', `zero point ${tensor.zero}`);
  });
  if (!isInteger(circuit.layers.length, 1, 4096)) refuse('', 'limit', `${circuit.layers.length} layers; 1 to 4,096 are allowed`);
  if (!isInteger(circuit.outputs.length, 1, 8)) refuse('', 'output', `${circuit.outputs.length} outputs; 1 to 8 are allowed`);
  checkLayers(circuit);
  checkTables(circuit);
  checkOutputs(circuit);
  checkWork(circuit);
  checkOverlaps(circuit);
  checkWeights(circuit, weights, hash);
  if (circuit.layers.every((layer) => layer.kind === 'accumulate'))
    refuse('', 'limit', 'no lookup: a circuit without activations is faster computed than proven');
}
