/** Steps that only move elements, and those that change nothing. */
import { float, type OnnxAttribute } from '../onnx-builder.ts';
import { size, type RandomModel, type Step } from './model.ts';

const flatten: Step = (m, value) => m.node('Flatten', [value.name], m.flip() ? {} : { axis: m.between(0, value.dims.length) });

const reshape: Step = (m, value) => {
  const total = size(value.dims);
  const factor = m.pick([1, 2, 3].filter((divisor) => total % divisor === 0));
  const open = m.flip() ? -1 : total / factor;
  const copies = value.dims[0] === 1 && m.flip() ? 0 : 1;
  const wanted = m.pick([[copies, factor, open], [factor, open], [-1], [copies, open, 1, factor]]);
  const allowzero = m.opset >= 14 && !wanted.includes(0) && m.flip() ? { allowzero: 1 } : {};
  return m.node('Reshape', [value.name, m.list(wanted)], allowzero);
};

const squeeze: Step = (m, value) => {
  const axes = value.dims.flatMap((dim, axis) => (dim === 1 && axis > 0 ? [axis] : []));
  if (axes.length === 0) return null;
  const chosen = [m.pick(axes)];
  return m.opset < 13 ? m.node('Squeeze', [value.name], { axes: chosen }) : m.node('Squeeze', [value.name, m.list(chosen)]);
};

const unsqueeze: Step = (m, value) => {
  if (value.dims.length > 3) return null;
  const axes = [m.between(0, value.dims.length)];
  return m.opset < 13 ? m.node('Unsqueeze', [value.name], { axes }) : m.node('Unsqueeze', [value.name, m.list(axes)]);
};

const transpose: Step = (m, value) => {
  const order = value.dims.map((_, axis) => [m.random(), axis] as const).sort((a, b) => a[0] - b[0]);
  return m.node('Transpose', [value.name], m.random() < 0.2 ? {} : { perm: order.map(([, axis]) => axis) });
};

const concat: Step = (m, value) => {
  if (value.dims.length === 0) return null;
  const axis = m.between(0, value.dims.length - 1);
  const [other] = m.node('Relu', [value.name]);
  const zeros = m.flip() ? [m.floats(value.dims, new Float32Array(size(value.dims)).fill(0.5))] : [];
  return m.node('Concat', [value.name, other!, ...zeros], { axis: m.opset >= 11 && m.flip() ? axis - value.dims.length : axis });
};

const split: Step = (m, value) => {
  const axis = value.dims.findIndex((dim) => dim > 1);
  if (axis < 0) return null;
  const total = value.dims[axis]!;
  const first = m.between(1, total - 1);
  const attributes = { axis };
  if (m.opset >= 18 && m.flip()) return m.node('Split', [value.name], { ...attributes, num_outputs: 2 }, 2);
  if (total % 2 === 0 && m.opset < 18 && m.flip()) return m.node('Split', [value.name], attributes, 2);
  if (m.opset < 13) return m.node('Split', [value.name], { ...attributes, split: [first, total - first] }, 2);
  return m.node('Split', [value.name, m.list([first, total - first])], attributes, 2);
};

const slice: Step = (m, value) => {
  if (value.dims.length === 0) return null;
  const axis = m.between(0, value.dims.length - 1);
  const length = value.dims[axis]!;
  const start = m.between(0, length - 1);
  const end = m.pick([m.between(start + 1, length), 2 ** 31 - 1]);
  const negative = m.flip() ? start - length : start;
  if (m.opset < 10) return m.node('Slice', [value.name], { axes: [axis], starts: [negative], ends: [end] });
  if (m.flip()) {
    // Backwards, to the very first element where the end lies before it.
    const operands = [[start], [m.pick([-length - 1, -(2 ** 31)])], [axis], [m.pick([-1, -2])]];
    return m.node('Slice', [value.name, ...operands.map((list) => m.list(list))]);
  }
  const operands = [[negative], [end], [axis], [m.pick([1, 2])]];
  return m.node('Slice', [value.name, ...operands.map((list) => m.list(list))]);
};

const pad: Step = (m, value) => {
  const rank = value.dims.length;
  if (rank === 0) return null;
  const mode = m.pick(['', 'constant', 'edge', 'reflect']);
  const pads = [...value.dims, ...value.dims].map((dim) => m.between(0, mode === 'reflect' ? Math.min(dim - 1, 2) : 2));
  if (mode !== 'reflect' && value.dims[rank - 1]! > 1 && m.flip()) pads[rank - 1] = -1;
  const attributes: Record<string, OnnxAttribute> = mode === '' ? {} : { mode };
  if (m.opset < 11) return m.node('Pad', [value.name], { ...attributes, pads, value: float(0.25) });
  if (m.opset >= 18 && m.flip())
    return m.node('Pad', [value.name, m.list([1, 1]), m.floats([], [0.5]), m.list([-1])], { mode: 'constant' });
  return m.node('Pad', [value.name, m.list(pads), ...(m.flip() ? [m.floats([], [0.25])] : [])], attributes);
};

const resize: Step = (m, value) => {
  if (value.dims.length !== 4) return null;
  const scales = [1, 1, m.pick([1, 2, 3, 1.5, 0.5]), m.pick([2, 2.5, 0.75])];
  if (value.dims.some((dim, axis) => Math.floor(dim * scales[axis]!) < 1)) return null;
  if (m.opset < 9) return m.node('Upsample', [value.name], { mode: 'nearest', scales: float(scales.map((scale) => Math.max(scale, 1))) });
  if (m.opset === 9)
    return m.node(
      'Upsample',
      [
        value.name,
        m.floats(
          [4],
          scales.map((scale) => Math.max(scale, 1)),
        ),
      ],
      { mode: 'nearest' },
    );
  if (m.opset === 10) return m.node('Resize', [value.name, m.floats([4], scales)], { mode: 'nearest' });
  const transformations = [
    'asymmetric',
    'half_pixel',
    'pytorch_half_pixel',
    'align_corners',
    ...(m.opset < 13 ? ['tf_half_pixel_for_nn'] : []),
  ];
  const attributes: Record<string, OnnxAttribute> = { mode: 'nearest' };
  if (m.flip()) attributes.coordinate_transformation_mode = m.pick(transformations);
  if (m.flip()) attributes.nearest_mode = m.pick(['round_prefer_floor', 'round_prefer_ceil', 'floor', 'ceil']);
  const roi = m.opset < 13 ? m.floats([0], []) : '';
  if (m.flip()) return m.node('Resize', [value.name, roi, m.floats([4], scales)], attributes);
  const sizes = value.dims.map((dim, axis) => (axis < 2 ? dim : m.between(1, 2 * dim + 1)));
  return m.node('Resize', [value.name, roi, m.opset < 13 ? m.floats([0], []) : '', m.list(sizes)], attributes);
};

const gather: Step = (m, value) => {
  if (value.dims.length === 0) return null;
  const axis = m.between(0, value.dims.length - 1);
  const name = m.name('i');
  const positions = Array.from({ length: m.between(1, 3) }, () => BigInt(m.between(0, value.dims[axis]! - 1)));
  m.constants[name] = m.flip() ? { dims: [positions.length], data: positions } : { dims: [], data: positions.slice(0, 1) };
  return m.node('Gather', [value.name, name], { axis });
};

const expand: Step = (m, value) => {
  if (m.opset < 8) return null;
  return m.node('Expand', [value.name, m.list(value.dims.map((dim) => (dim === 1 && m.flip() ? 2 : m.pick([1, dim]))))]);
};

const tile: Step = (m, value) =>
  value.dims.length === 0 ? null : m.node('Tile', [value.name, m.list(value.dims.map(() => m.between(1, 2)))]);

const depthToSpace: Step = (m, value) => {
  if (value.dims.length !== 4 || value.dims[1]! % 4 !== 0) return null;
  return m.node('DepthToSpace', [value.name], { blocksize: 2, ...(m.opset >= 11 ? { mode: m.pick(['DCR', 'CRD']) } : {}) });
};

const spaceToDepth: Step = (m, value) => {
  if (value.dims.length !== 4 || value.dims[2]! % 2 !== 0 || value.dims[3]! % 2 !== 0) return null;
  return m.node('SpaceToDepth', [value.name], { blocksize: 2 });
};

const identity: Step = (m, value) => m.node('Identity', [value.name]);

const dropout: Step = (m, value) => m.node('Dropout', [value.name]);

/** What PyTorch makes of `x.view(x.size(0), -1)`. */
const flattenByShape: Step = (m, value) => {
  if (value.dims.length < 1) return null;
  const [batch] = m.node('Gather', [m.node('Shape', [value.name])[0]!, scalarIndex(m)], { axis: 0 });
  const [first] = m.opset < 13 ? m.node('Unsqueeze', [batch!], { axes: [0] }) : m.node('Unsqueeze', [batch!, m.list([0])]);
  const [rest] = m.node('Constant', [], { value: { dims: [1], data: [-1n] } });
  const [shape] = m.node('Concat', [first!, rest!], { axis: 0 });
  return m.node('Reshape', [value.name, shape!]);
};

function scalarIndex(m: RandomModel): string {
  const name = m.name('i');
  m.constants[name] = { dims: [], data: [0n] };
  return name;
}

const castToFloat: Step = (m, value) => m.node('Cast', [value.name], { to: 1 });

export const VIEW_STEPS: Readonly<Record<string, Step>> = {
  flatten,
  reshape,
  squeeze,
  unsqueeze,
  transpose,
  concat,
  split,
  slice,
  pad,
  resize,
  gather,
  expand,
  tile,
  'depth to space': depthToSpace,
  'space to depth': spaceToDepth,
  identity,
  dropout,
  'flatten by shape': flattenByShape,
  cast: castToFloat,
};
