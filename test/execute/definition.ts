/** The sentences of circuits/graph/circuit.ts, one position at a time, in integers of any size: what the executor is compared with. */
import {
  shapeOf,
  zeroOf,
  type Circuit,
  type Convolution,
  type Layer,
  type Shape,
  type Term,
  type View,
  type Weights,
  type WindowSum,
} from '../../circuits/graph/circuit.ts';

type Position = readonly [number, number, number];

function flat([, height, width]: Shape, [c, i, j]: Position): number {
  return (c * height + i) * width + j;
}

function positions([channels, height, width]: Shape): Position[] {
  return Array.from({ length: channels * height * width }, (_, n) => [
    Math.floor(n / (height * width)),
    Math.floor(n / width) % height,
    n % width,
  ]);
}

/** The tensor and the zero point that an operand's position reads, or null where it is not covered (or outside). */
function read(circuit: Circuit, view: View, tensors: readonly ArrayLike<number>[], at: Position): { x: bigint; z: bigint } | null {
  if (at.some((n, a) => n < 0 || n >= view.shape[a]!)) return null;
  for (const part of view.parts) {
    const value = (n: number) => ({ x: BigInt(tensors[part.tensor]![n]!), z: BigInt(zeroOf(circuit, part.tensor)) });
    if (part.kind === 'gather') {
      const n = part.index[flat(view.shape, at)]!;
      if (n >= 0) return value(n);
      continue;
    }
    const source = part.maps.map((map, a) => map[at[part.axes[a]!]!]!) as unknown as Position;
    if (source.every((t) => t >= 0)) return value(flat(shapeOf(circuit, part.tensor), source));
  }
  return null;
}

/** Sum over a window of `weight(k, u, v) * (x[k, ...] - z)`. */
function window(
  term: Convolution | WindowSum,
  dilation: readonly [number, number],
  channels: readonly number[],
  [, i, j]: Position,
  centred: (at: Position) => bigint,
  weight: (k: number, u: number, v: number) => number,
): bigint {
  let sum = 0n;
  channels.forEach((channel, k) => {
    for (let u = 0; u < term.kernel[0]; u++) {
      for (let v = 0; v < term.kernel[1]; v++) {
        const row = i * term.stride[0] + u * dilation[0] - term.pad[0];
        const column = j * term.stride[1] + v * dilation[1] - term.pad[1];
        sum += BigInt(weight(k, u, v)) * centred([channel, row, column]);
      }
    }
  });
  return sum;
}

function termAt(term: Term, outputs: number, weights: Int8Array | null, at: Position, centred: (at: Position) => bigint): bigint {
  const [c, i, j] = at;
  if (term.kind === 'multiple') return BigInt(term.multiplier[c]!) * centred(at);
  if (term.kind === 'window-sum') {
    const factor = BigInt(term.multiplier[c]!) * BigInt(term.rowFactor[i]!) * BigInt(term.columnFactor[j]!);
    return factor * window(term, [1, 1], [c], at, centred, () => 1);
  }
  const inside = term.operand.shape[0] / term.groups;
  const group = Math.floor(c / (outputs / term.groups));
  const channels = Array.from({ length: inside }, (_, k) => group * inside + k);
  const [rows, columns] = term.kernel;
  return window(term, term.dilation, channels, at, centred, (k, u, v) => weights![((c * inside + k) * rows + u) * columns + v]!);
}

function floorDivide(a: bigint, b: bigint): bigint {
  return a / b - (a % b < 0n ? 1n : 0n);
}

export interface Defined {
  readonly tensors: number[][];
  readonly accumulators: (number[] | null)[];
  readonly quotients: (number[] | null)[];
}

/** All integers of a run. */
export function defined(circuit: Circuit, weights: Weights, inputs: readonly Uint8Array[]): Defined {
  const tensors = inputs.map((input) => [...input]);
  const accumulators: (number[] | null)[] = [];
  const quotients: (number[] | null)[] = [];
  let next = 0;
  const run = (layer: Layer): number[] => {
    const all = positions(layer.shape);
    if (layer.kind === 'maximum') {
      accumulators.push(null);
      quotients.push(null);
      const raw = (view: View, at: Position): number => Number(read(circuit, view, tensors, at)?.x ?? 0n);
      return all.map((at) => Math.max(raw(layer.a, at), raw(layer.b, at)));
    }
    const own = layer.terms.map((term) => (term.kind === 'convolution' ? weights[next++]! : null));
    const accumulator = all.map((at, n) => {
      const bias = layer.bias[layer.bias.length === layer.shape[0] ? at[0] : n]!;
      return layer.terms.reduce((sum, term, k) => {
        const centred = (position: Position): bigint => {
          const value = read(circuit, term.operand, tensors, position);
          return value ? value.x - value.z : 0n;
        };
        return sum + termAt(term, layer.shape[0], own[k]!, at, centred);
      }, BigInt(bias));
    });
    accumulators.push(accumulator.map(Number));
    if (layer.kind === 'accumulate') {
      quotients.push(null);
      return accumulator.map(Number);
    }
    const quotient = accumulator.map((acc, n) => {
      const s = BigInt(layer.shift[all[n]![0]]!);
      return Number(floorDivide(acc + (s > 0n ? 1n << (s - 1n) : 0n), 1n << s));
    });
    quotients.push(quotient);
    const { first, values } = circuit.tables[layer.table]!;
    return quotient.map((q) => values[q - first]!);
  };
  for (const layer of circuit.layers) tensors.push(run(layer));
  return { tensors, accumulators, quotients };
}
