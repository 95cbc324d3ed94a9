/** Operands in ONNX: index maps as Gather, what is not covered as Where. All tensors are [1, C, H, W]. */
import {
  isIdentityMap,
  shapeOf,
  size,
  type AxisPart,
  type Circuit,
  type GatherPart,
  type Part,
  type Shape,
  type View,
} from '../graph/circuit.ts';
import type { OnnxGraph } from './write-graph.ts';

/** Name of a uint8 tensor in the ONNX graph. */
export function tensorName(tensor: number): string {
  return `t${tensor}`;
}

/** Dimensions of a vector along one operand axis of [1, C, H, W]. */
function along(axis: number, length: number): number[] {
  return [0, 1, 2, 3].map((a) => (a === axis + 1 ? length : 1));
}

/** `value` where the mask says so, else `otherwise`. */
function select(graph: OnnxGraph, mask: boolean[], dims: number[], value: string, otherwise: string, name: string): string {
  return graph.node('Where', [graph.constant(`${name}_mask`, dims, () => mask), value, otherwise], name);
}

/** The part where it covers, else `otherwise`. */
function writeAxisPart(graph: OnnxGraph, shape: Shape, part: AxisPart, otherwise: string, name: string): string {
  let value = tensorName(part.tensor);
  part.maps.forEach((map, a) => {
    if (isIdentityMap(map, shape[a]!)) return;
    const index = graph.constant(`${name}_index${a}`, [map.length], () => map.map((t) => Math.max(t, 0)));
    value = graph.node('Gather', [value, index], `${name}_axis${a}`, { axis: a + 1 });
  });
  if (part.axes.some((axis, a) => axis !== a)) {
    // Operand axis o is tensor axis a where axes[a] = o.
    const perm = [0, ...[0, 1, 2].map((o) => part.axes.indexOf(o) + 1)];
    value = graph.node('Transpose', [value], `${name}_transposed`, { perm });
  }
  part.maps.forEach((map, a) => {
    if (map.every((t) => t >= 0)) return;
    const axis = part.axes[a]!;
    const mask = Array.from(map, (t) => t >= 0);
    value = select(graph, mask, along(axis, map.length), value, otherwise, `${name}_covered${a}`);
  });
  return value;
}

function writeGatherPart(graph: OnnxGraph, source: Shape, shape: Shape, part: GatherPart, otherwise: string, name: string): string {
  const tensor = tensorName(part.tensor);
  const dims = [1, ...shape];
  if (isIdentityMap(part.index, size(source))) return graph.node('Reshape', [tensor, graph.dims(dims)], `${name}_reshaped`);
  const flat = graph.node('Reshape', [tensor, graph.dims([size(source)])], `${name}_flat`);
  const index = graph.constant(`${name}_index`, dims, () => part.index.map((n) => Math.max(n, 0)));
  const value = graph.node('Gather', [flat, index], `${name}_gathered`, { axis: 0 });
  if (part.index.every((n) => n >= 0)) return value;
  const mask = Array.from(part.index, (n) => n >= 0);
  return select(graph, mask, dims, value, otherwise, `${name}_covered`);
}

/**
 * Writes the operand that these parts of a view make, uint8 [1, C, H, W], `fill` where none of them covers. Returns its name. `name` begins the
 * names of what is needed on the way.
 */
export function writeOperand(graph: OnnxGraph, circuit: Circuit, view: View, parts: readonly Part[], fill: number, name: string): string {
  if (!parts.length) throw new Error('an operand reads at least one tensor');
  return parts.reduce<string | null>((before, part, k) => {
    const source = shapeOf(circuit, part.tensor);
    // A scalar constant spreads over what a part does not cover; the next part lies over that.
    return part.kind === 'axes'
      ? writeAxisPart(graph, source, part, before ?? graph.byte(fill), `${name}_part${k}`)
      : writeGatherPart(graph, source, view.shape, part, before ?? graph.byte(fill), `${name}_part${k}`);
  }, null)!;
}
