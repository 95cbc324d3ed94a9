/** MaxPool, AveragePool, GlobalMaxPool, GlobalAveragePool, and ReduceMax and ReduceMean over neighbouring axes. */
import { count, dimsText } from '../dims.ts';
import type { FloatValue, PoolNode } from '../float-graph.ts';
import type { Meaning, Operator } from './operator.ts';
import { countPerOutput, pairOf, planeOf, shapeOf, windowFields, windows } from './window.ts';

type Kind = PoolNode['kind'];

export function pool(kind: Kind): (op: Operator) => Meaning[] {
  return (op) => {
    const input = op.variable(0);
    const { channels, spatial } = planeOf(op, input.dims);
    const kernel = op.integers('kernel_shape');
    if (!kernel) throw op.error('attribute kernel_shape is missing');
    op.ignore('storage_order');
    const includesPadding = kind === 'average-pool' && op.flag('count_include_pad', false);
    const axes = windows(op, spatial, kernel);
    for (const [k, axis] of axes.entries()) {
      const empty = countPerOutput(axis, includesPadding).indexOf(0);
      if (empty >= 0)
        throw op.error(
          `its window ${empty} along spatial axis ${k} lies in the padding altogether`,
          'pads must be smaller than the kernel',
        );
    }
    const results = axes.map(({ outputs }) => outputs);
    const output = op.output([1, channels, ...results]);
    const counts = axes.map((axis) => countPerOutput(axis, includesPadding));
    const [rowCount, columnCount] = kind === 'average-pool' ? pairOf(counts, [1]) : [[], []];
    return [
      {
        kind,
        name: op.name,
        operator: op.type,
        input,
        output,
        inputShape: shapeOf(channels, spatial),
        outputShape: shapeOf(channels, results),
        ...windowFields(axes),
        rowCount,
        columnCount,
      },
    ];
  };
}

export function globalPool(kind: Kind): (op: Operator) => Meaning[] {
  return (op) => {
    const input = op.variable(0);
    const { channels, spatial } = planeOf(op, input.dims);
    return [wholePool(op, kind, input, op.output([1, channels, ...spatial.map(() => 1)]), shapeOf(channels, spatial))];
  };
}

/** Axes are an attribute before operator set 18. */
export function reduce(kind: Kind): (op: Operator) => Meaning[] {
  return (op) => {
    const input = op.variable(0);
    const rank = input.dims.length;
    const keep = op.flag('keepdims', true);
    const nothing = op.flag('noop_with_empty_axes', false);
    const given = op.listSince(18, 'axes', 1) ?? [];
    if (given.length === 0 && nothing) return [{ kind: 'variable', value: input }];
    const axes = op.axes(given.length === 0 ? input.dims.map((_, axis) => axis) : given, rank);
    const output = op.output(
      keep ? input.dims.map((dim, axis) => (axes.includes(axis) ? 1 : dim)) : input.dims.filter((_, axis) => !axes.includes(axis)),
    );

    // Axes of length 1 do not matter: what is left must be one block [outer, reduced.., inner].
    const long = axes.filter((axis) => input.dims[axis]! > 1).sort((a, b) => a - b);
    const [first = 0, last = -1] = [long[0], long.at(-1)];
    if (input.dims.slice(first, last + 1).some((dim, k) => dim > 1 && !long.includes(first + k))) {
      throw op.error(
        `reduces axes ${dimsText(axes)} of dimensions ${dimsText(input.dims)}`,
        'axes must be neighbours, or a Transpose must make them so',
      );
    }
    const outer = count(input.dims.slice(0, first));
    const reduced = input.dims.slice(first, last + 1).filter((dim) => dim > 1);
    const inner = count(input.dims.slice(last + 1));
    const shape: [number, number, number] =
      inner === 1 && reduced.length === 2 ? [outer, reduced[0]!, reduced[1]!] : [outer, count(reduced), inner];
    return [wholePool(op, kind, input, output, shape, inner === 1 ? shape[2] : 1)];
  };
}

/** One window over all rows, and over `columns` columns. */
function wholePool(
  op: Operator,
  kind: Kind,
  input: FloatValue,
  output: FloatValue,
  shape: [number, number, number],
  columns = shape[2],
): PoolNode {
  const [channels, height, width] = shape;
  const across = width / columns;
  const average = kind === 'average-pool';
  return {
    kind,
    name: op.name,
    operator: op.type,
    input,
    output,
    inputShape: shape,
    outputShape: [channels, 1, across],
    kernel: [height, columns],
    stride: [1, 1],
    pad: [0, 0],
    dilation: [1, 1],
    rowCount: average ? [height] : [],
    columnCount: average ? Array.from({ length: across }, () => columns) : [],
  };
}
