/** Runs a float graph in double precision, plainly: what the nodes of `circuits/onnx/float-graph.ts` say, and nothing else. */
import type {
  AffineNode,
  ConvolutionNode,
  FloatConstant,
  FloatGraph,
  FloatNode,
  PoolNode,
  ProductNode,
  ViewNode,
} from '../../circuits/onnx/float-graph.ts';

type Values = Map<string, Float64Array>;

/** The value of every input and node, by name, C-order. */
export function runFloatGraph(graph: FloatGraph, inputs: Readonly<Record<string, ArrayLike<number>>>): ReadonlyMap<string, Float64Array> {
  const values: Values = new Map();
  for (const { name, dims } of graph.inputs) values.set(name, checked(name, dims, Float64Array.from(inputs[name] ?? [])));
  for (const node of graph.nodes) {
    if (values.has(node.output.name)) throw new Error(`${node.output.name} is given twice`);
    values.set(
      node.output.name,
      checked(
        node.output.name,
        node.output.dims,
        runNode(node, (value) => read(values, value.name)),
      ),
    );
  }
  for (const { name } of graph.outputs) read(values, name);
  return values;
}

function checked(name: string, dims: readonly number[], data: Float64Array): Float64Array {
  const size = dims.reduce((a, b) => a * b, 1);
  if (data.length !== size) throw new Error(`${name}: ${data.length} values for dimensions ${dims.join(' x ')}`);
  return data;
}

function read(values: Values, name: string): Float64Array {
  const value = values.get(name);
  if (!value) throw new Error(`${name} is read before it is given`);
  return value;
}

function runNode(node: FloatNode, of: (value: { readonly name: string }) => Float64Array): Float64Array {
  switch (node.kind) {
    case 'convolution':
      return convolution(node, of(node.input));
    case 'product':
      return product(node, of(node.input));
    case 'affine':
      return affine(node, of(node.input));
    case 'add': {
      const [a, b] = [of(node.inputs[0]), of(node.inputs[1])];
      return a.map((value, k) => node.signs[0] * value + node.signs[1] * b[k]!);
    }
    case 'elementwise':
      return of(node.input).map(node.fn);
    case 'max-pool':
    case 'average-pool':
      return pool(node, of(node.input));
    case 'view':
      return view(node, of);
  }
}

function convolution(node: ConvolutionNode, x: Float64Array): Float64Array {
  const { weights, bias, kernel, stride, pad, dilation, groups } = node;
  const [inputs, height, width] = node.inputShape;
  const [outputs, rows, columns] = node.outputShape;
  const perGroup = inputs / groups;
  const y = new Float64Array(outputs * rows * columns);
  let next = 0;
  for (let c = 0; c < outputs; c++) {
    const first = Math.floor(c / (outputs / groups)) * perGroup;
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) {
        let sum = bias[c]!;
        for (let d = 0; d < perGroup; d++) {
          for (let u = 0; u < kernel[0]; u++) {
            for (let v = 0; v < kernel[1]; v++) {
              const row = i * stride[0] + u * dilation[0] - pad[0];
              const column = j * stride[1] + v * dilation[1] - pad[1];
              if (row < 0 || row >= height || column < 0 || column >= width) continue;
              sum += weights[((c * perGroup + d) * kernel[0] + u) * kernel[1] + v]! * x[((first + d) * height + row) * width + column]!;
            }
          }
        }
        y[next++] = sum;
      }
    }
  }
  return y;
}

function product({ outer, inner, features, outputs, weights, bias }: ProductNode, x: Float64Array): Float64Array {
  const y = new Float64Array(outer * outputs * inner);
  for (let a = 0; a < outer; a++) {
    for (let n = 0; n < outputs; n++) {
      for (let b = 0; b < inner; b++) {
        let sum = bias[n]!;
        for (let k = 0; k < features; k++) sum += weights[n * features + k]! * x[(a * features + k) * inner + b]!;
        y[(a * outputs + n) * inner + b] = sum;
      }
    }
  }
  return y;
}

function affine({ scale, offset, output }: AffineNode, x: Float64Array): Float64Array {
  return x.map((value, position) => at(scale, position, output.dims) * value + at(offset, position, output.dims));
}

/** The constant's element for a flat position of dimensions `dims`. */
function at(constant: FloatConstant, position: number, dims: readonly number[]): number {
  if (constant.dims.length !== dims.length)
    throw new Error(`a constant of rank ${constant.dims.length} for a value of rank ${dims.length}`);
  let rest = position;
  let index = 0;
  let step = 1;
  for (let axis = dims.length - 1; axis >= 0; axis--) {
    if (constant.dims[axis] !== 1) index += (rest % dims[axis]!) * step;
    step *= constant.dims[axis]!;
    rest = Math.floor(rest / dims[axis]!);
  }
  return constant.data[index]!;
}

function pool(node: PoolNode, x: Float64Array): Float64Array {
  const { kernel, stride, pad, dilation, rowCount, columnCount } = node;
  const [channels, height, width] = node.inputShape;
  const [, rows, columns] = node.outputShape;
  const y = new Float64Array(channels * rows * columns);
  let next = 0;
  for (let c = 0; c < channels; c++) {
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) {
        const window: number[] = [];
        for (let u = 0; u < kernel[0]; u++) {
          for (let v = 0; v < kernel[1]; v++) {
            const row = i * stride[0] + u * dilation[0] - pad[0];
            const column = j * stride[1] + v * dilation[1] - pad[1];
            if (row >= 0 && row < height && column >= 0 && column < width) window.push(x[(c * height + row) * width + column]!);
          }
        }
        y[next++] = node.kind === 'max-pool' ? Math.max(...window) : window.reduce((a, b) => a + b, 0) / (rowCount[i]! * columnCount[j]!);
      }
    }
  }
  return y;
}

function view({ parts, fill, output }: ViewNode, of: (value: { readonly name: string }) => Float64Array): Float64Array {
  const y = new Float64Array(output.dims.reduce((a, b) => a * b, 1)).fill(fill);
  const covered = new Uint8Array(y.length);
  for (const { input, index } of parts) {
    const x = of(input);
    for (let position = 0; position < y.length; position++) {
      const source = index ? index[position]! : position;
      if (source < 0) continue;
      if (covered[position]) throw new Error(`${output.name}: position ${position} has two sources`);
      covered[position] = 1;
      y[position] = x[source]!;
    }
  }
  return y;
}
