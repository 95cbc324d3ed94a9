/** Gemm and MatMul with a constant. */
import { broadcastDims, count, dimsText, padDims, sameDims } from '../dims.ts';
import type { ProductNode } from '../float-graph.ts';
import type { FloatTensor } from '../tensor.ts';
import type { Meaning, Operator } from './operator.ts';

const BOTH_COMPUTED = 'one factor must be a constant: attention and other products of two computed tensors are not supported';

export function matMul(op: Operator): Meaning[] {
  const [left, right] = [op.operand(0), op.operand(1)];
  if (left.kind !== 'constant' && right.kind !== 'constant') throw op.error('both factors are computed', BOTH_COMPUTED);
  return [right.kind === 'constant' ? timesConstant(op) : constantTimes(op)];
}

/** `x W`: x [.., K], W [K, N] or [K]. */
function timesConstant(op: Operator): ProductNode {
  const [input, given] = [op.variable(0), op.weights(1)];
  const vector = given.dims.length === 1;
  const { matrix, leading } = asMatrix(op, given, (dims) => [...dims, 1]);
  const [features, outputs] = [matrix.dims[0]!, matrix.dims[1]!];
  const outerDims = input.dims.slice(0, -1);
  if (input.dims.length === 0 || input.dims.at(-1) !== features) throw mismatch(op, input.dims, given.dims);
  // A batch of 1 in the constant can lengthen the list of dimensions.
  const batched = input.dims.length === 1 ? leading : padDims(outerDims, leading.length + 1);
  const output = op.output([...batched, ...(vector ? [] : [outputs])]);
  const weights = transposed(matrix.data, features, outputs);
  const bias = new Float32Array(outputs);
  return { ...common(op), input, output, outer: count(outerDims), inner: 1, features, outputs, weights, bias };
}

/** `W x`: W [M, K] or [K], x [.., K, N] or [K]. */
function constantTimes(op: Operator): ProductNode {
  const [given, input] = [op.weights(0), op.variable(1)];
  const vector = given.dims.length === 1;
  const { matrix, leading } = asMatrix(op, given, (dims) => [1, ...dims]);
  const [outputs, features] = [matrix.dims[0]!, matrix.dims[1]!];
  const rank = input.dims.length;
  if (rank === 0 || input.dims[Math.max(rank - 2, 0)] !== features) throw mismatch(op, given.dims, input.dims);
  const outerDims = padDims(input.dims.slice(0, -2), leading.length);
  const innerDims = rank === 1 ? [] : [input.dims.at(-1)!];
  const output = op.output([...outerDims, ...(vector ? [] : [outputs]), ...innerDims]);
  const bias = new Float32Array(outputs);
  return { ...common(op), input, output, outer: count(outerDims), inner: count(innerDims), features, outputs, weights: matrix.data, bias };
}

/** A constant factor as a matrix: a vector gets a dimension, leading dimensions must be 1. */
function asMatrix(
  op: Operator,
  tensor: FloatTensor,
  fromVector: (dims: readonly number[]) => number[],
): { matrix: FloatTensor; leading: number[] } {
  const dims = tensor.dims.length === 1 ? fromVector(tensor.dims) : tensor.dims;
  const leading = dims.slice(0, -2);
  if (dims.length < 2 || leading.some((dim) => dim !== 1) || count(dims) === 0) {
    throw op.error(`constant ${tensor.name} has dimensions ${dimsText(tensor.dims)}, expected one matrix`);
  }
  return { matrix: { ...tensor, dims: dims.slice(-2) }, leading };
}

/** `alpha A B + beta C`, A and B transposed on demand. */
export function gemm(op: Operator): Meaning[] {
  const [alpha, beta] = [op.float('alpha', 1), op.float('beta', 1)];
  const [transposeA, transposeB] = [op.flag('transA', false), op.flag('transB', false)];
  const [a, b] = [op.operand(0), op.operand(1)];
  if (a.kind !== 'constant' && b.kind !== 'constant') throw op.error('both factors are computed', BOTH_COMPUTED);
  const constantFirst = b.kind !== 'constant';
  const given = op.weights(constantFirst ? 0 : 1);
  const input = op.variable(constantFirst ? 1 : 0);
  if (given.dims.length !== 2 || input.dims.length !== 2) throw mismatch(op, input.dims, given.dims);
  const [transposeInput, transposeWeights] = constantFirst ? [transposeB, transposeA] : [transposeA, transposeB];
  const [firstDim, secondDim] = [input.dims[0]!, input.dims[1]!];
  // y = x W has the features of x along its second axis, y = W x along its first.
  const featuresLast = constantFirst === transposeInput;
  const [free, features] = featuresLast ? [firstDim, secondDim] : [secondDim, firstDim];
  const outputsFirst = constantFirst !== transposeWeights;
  const [outputs, depth] = outputsFirst ? [given.dims[0]!, given.dims[1]!] : [given.dims[1]!, given.dims[0]!];
  if (depth !== features) throw mismatch(op, input.dims, given.dims);
  const dims = constantFirst ? [outputs, free] : [free, outputs];
  if (transposeInput && free > 1 && outputs > 1) {
    throw op.error(`transposes its computed factor ${dimsText(input.dims)}`, 'export it as a Transpose followed by MatMul');
  }
  const ordered = outputsFirst ? given.data : transposed(given.data, features, outputs);
  const weights = ordered.map((weight) => alpha * weight);
  const bias = op.isGiven(2) ? perOutput(op, op.weights(2), dims, constantFirst).map((value) => beta * value) : new Float32Array(outputs);
  const [outer, inner] = featuresLast ? [free, 1] : [1, free];
  return [{ ...common(op), input, output: op.output(dims), outer, inner, features, outputs, weights, bias }];
}

/** C broadcast to the output's dimensions: one value per output feature. */
function perOutput(op: Operator, tensor: FloatTensor, dims: readonly number[], rowsAreOutputs: boolean): Float32Array {
  const fits = broadcastDims(tensor.dims, dims);
  if (!fits || !sameDims(fits, dims))
    throw op.error(`constant ${tensor.name} ${dimsText(tensor.dims)} does not broadcast to ${dimsText(dims)}`);
  const [rows, columns] = padDims(tensor.dims, 2) as [number, number];
  const outputs = dims[rowsAreOutputs ? 0 : 1]!;
  const at = (row: number, column: number): number => tensor.data[(rows === 1 ? 0 : row) * columns + (columns === 1 ? 0 : column)]!;
  const bias = Float32Array.from({ length: outputs }, (_, n) => (rowsAreOutputs ? at(n, 0) : at(0, n)));
  const others = rowsAreOutputs ? columns : rows;
  for (let k = 1; k < others; k++) {
    if (bias.some((value, n) => value !== (rowsAreOutputs ? at(n, k) : at(k, n)))) {
      throw op.error(
        `constant ${tensor.name} ${dimsText(tensor.dims)} differs between rows of the same output`,
        'export the addition as an operator Add',
      );
    }
  }
  return bias;
}

function common(op: Operator): { kind: 'product'; name: string; operator: string } {
  return { kind: 'product', name: op.name, operator: op.type };
}

function mismatch(op: Operator, a: readonly number[], b: readonly number[]): Error {
  return op.error(`factors ${dimsText(a)} and ${dimsText(b)} do not fit`);
}

/** [rows][columns] to [columns][rows]. */
function transposed(data: Float32Array, rows: number, columns: number): Float32Array {
  const result = new Float32Array(data.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) result[column * rows + row] = data[row * columns + column]!;
  }
  return result;
}
