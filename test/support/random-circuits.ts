/**
 * Random small circuits that `checkCircuit` accepts: every kind of layer and term, groups, strides, dilations, padding on either side, operands
 * of several tensors through any index map, shared tables, shifts up to 24. The same seed gives the same circuit.
 */
import { shapeOf, size, type Circuit, type Part, type Shape, type Term, type View } from '../../circuits/graph/circuit.ts';
import { clamp, CircuitDraft, wavy, type Activation, type Sample } from './circuit-draft.ts';

type Axis = 0 | 1 | 2;

/** Accumulators of random layers stay below this. */
const LARGEST = 2 ** 28;

class RandomCircuit {
  private readonly draft: CircuitDraft;
  /** Tensors that a layer may read. */
  private readonly readable: number[] = [];
  private readonly outputs: number[] = [];

  constructor(seed: number) {
    this.draft = new CircuitDraft(seed);
  }

  private integer(low: number, high: number): number {
    return this.draft.integer(low, high);
  }

  private chance(percent: number): boolean {
    return this.integer(1, 100) <= percent;
  }

  private pick<T>(from: readonly T[]): T {
    return from[this.integer(0, from.length - 1)]!;
  }

  private shape(): Shape {
    return [this.integer(1, 6), this.integer(1, 6), this.integer(1, 6)];
  }

  private zero(): number {
    return this.pick([0, 128, 255, this.integer(1, 254)]);
  }

  // ---- operands -----------------------------------------------------------------------------------------------------------------------

  /** A map of one operand axis onto a tensor axis: a run with a step (resize, stride, padding), or anything. -1 outside `covered`. */
  private map(length: number, tensorLength: number, covered: (k: number) => boolean): Int32Array {
    const start = this.integer(-1, tensorLength - 1);
    const step = this.pick([1, 1, 1, 2, -1, 0.5]);
    const wild = this.chance(25);
    return Int32Array.from({ length }, (_, k) => {
      const t = wild ? this.integer(-1, tensorLength - 1) : Math.floor(start + k * step);
      return covered(k) && t >= 0 && t < tensorLength ? t : -1;
    });
  }

  /** A part that covers at most the positions from `from` up to `to` of an operand's axis. */
  private part(tensor: number, shape: Shape, axis: Axis, from: number, to: number): Part {
    const source = this.draft.shape(tensor);
    if (this.chance(25)) {
      const stride = shape.slice(axis + 1).reduce((a, b) => a * b, 1);
      const index = Int32Array.from({ length: size(shape) }, (_, n) => {
        const at = Math.floor(n / stride) % shape[axis];
        return at >= from && at < to ? this.integer(-1, size(source) - 1) : -1;
      });
      return { kind: 'gather', tensor, index };
    }
    const axes = this.chance(60)
      ? ([0, 1, 2] as const)
      : this.pick([
          [0, 2, 1],
          [1, 0, 2],
          [1, 2, 0],
          [2, 0, 1],
          [2, 1, 0],
        ] as const);
    const maps = axes.map((operandAxis, a) =>
      this.map(shape[operandAxis], source[a]!, (k) => operandAxis !== axis || (k >= from && k < to)),
    );
    return { kind: 'axes', tensor, axes, maps: maps as unknown as [Int32Array, Int32Array, Int32Array] };
  }

  /** An operand of a shape: a whole tensor where one fits, else up to three tensors side by side along an axis. */
  private operand(shape: Shape): View {
    const fitting = this.readable.filter((tensor) => this.draft.shape(tensor).every((n, a) => n === shape[a]));
    if (fitting.length && this.chance(50)) return this.draft.whole(this.pick(fitting));
    const axis = this.integer(0, 2) as Axis;
    const ends = Array.from({ length: this.pick([0, 0, 1, 2]) }, () => this.integer(0, shape[axis]));
    const bounds = [0, ...ends.sort((a, b) => a - b), shape[axis]];
    return { shape, parts: bounds.slice(1).map((end, k) => this.part(this.pick(this.readable), shape, axis, bounds[k]!, end)) };
  }

  // ---- layers -------------------------------------------------------------------------------------------------------------------------

  private convolution(shape: Shape): Term {
    const [channels, height, width] = shape;
    const magnitude = (c: number): number => [1, 127, 20, 0, 60, 5][c % 6]!;
    if (height === 1 && width === 1 && this.chance(60)) {
      const operand: Shape = this.chance(50) ? [this.integer(1, 40), 1, 1] : this.shape();
      return this.draft.convolution(this.operand(operand), channels, { kernel: [operand[1], operand[2]], magnitude });
    }
    const groups = this.pick([1, channels, ...[2, 3].filter((g) => channels % g === 0)]);
    const inside = this.pick([1, 1, 2, 3]);
    const pair = (low: number, high: number): [number, number] => [this.integer(low, high), this.integer(low, high)];
    const pointwise = this.chance(30);
    return this.draft.convolution(
      this.operand([groups * inside, this.integer(1, 2 * height + 1), this.integer(1, 2 * width + 1)]),
      channels,
      {
        kernel: pointwise ? [1, 1] : pair(1, 3),
        stride: pair(1, 3),
        pad: pointwise ? [0, 0] : this.chance(10) ? pair(-2, 0) : pair(0, 3),
        dilation: pair(1, 2),
        groups,
        magnitude,
      },
    );
  }

  private term(shape: Shape, magnitude: number): Term {
    const [channels, height, width] = shape;
    const multipliers = Array.from({ length: channels }, () => this.integer(-magnitude, magnitude));
    const kind = this.integer(0, 5);
    if (kind < 3) return this.convolution(shape);
    if (kind < 5) return this.draft.multiple(this.operand(shape), multipliers);
    const factors = (n: number): number[] => Array.from({ length: n }, () => this.pick([1, 1, 2, 3]));
    return this.draft.windowSum(
      this.operand([channels, this.integer(1, 2 * height + 1), this.integer(1, 2 * width + 1)]),
      multipliers,
      [this.integer(1, 3), this.integer(1, 3)],
      [this.integer(1, 2), this.integer(1, 2)],
      [this.integer(-1, 2), this.integer(0, 2)],
      factors(height),
      factors(width),
    );
  }

  /** Most that the accumulator of a channel can be, whatever the inputs. */
  private most(terms: readonly Term[], c: number): number {
    const own = terms.map((term) => {
      if (term.kind === 'convolution') return 127 * (term.operand.shape[0] / term.groups) * term.kernel[0] * term.kernel[1];
      const count = term.kind === 'multiple' ? 1 : term.kernel[0] * term.kernel[1] * 9;
      return count * Math.abs(term.multiplier[c]!);
    });
    return 255 * own.reduce((a, b) => a + b, 0) + 2 ** 12;
  }

  private terms(shape: Shape): Term[] {
    const count = this.pick([1, 1, 2, 3]);
    let magnitude = 2 ** this.integer(0, 20);
    while (255 * 81 * 3 * magnitude > LARGEST / 2) magnitude /= 2;
    return Array.from({ length: count }, () => this.term(shape, magnitude));
  }

  private biases(shape: Shape): number[] {
    return Array.from({ length: this.chance(75) ? shape[0] : size(shape) }, () => this.integer(-(2 ** 12), 2 ** 12));
  }

  private requantize(n: number): number {
    const shape = this.shape();
    const terms = this.terms(shape);
    // Quotients lie within 2^rowBits of 0, or a little more: with shifts of at most 29 - rowBits, rule (i) holds.
    const rowBits = this.integer(5, 10);
    const least = Array.from({ length: shape[0] }, (_, c) => Math.max(0, Math.ceil(Math.log2(this.most(terms, c)) - rowBits)));
    const whole = Math.max(...least) <= 5;
    const shift = least.map((bits) => (whole ? 0 : Math.min(24, 29 - rowBits, bits + this.integer(0, 3))));
    const own: Activation = (q) => (q * q + n) & 255;
    const shared = shift.every((s) => s <= 16);
    const activation = shared ? this.pick([clamp, clamp, wavy, own]) : own;
    return this.draft.requantize(`requantize ${n}`, shape, this.zero(), this.biases(shape), terms, shift, activation);
  }

  private maximum(n: number): number {
    const shape = this.shape();
    return this.draft.maximum(`maximum ${n}`, this.zero(), this.operand(shape), this.operand(shape));
  }

  private accumulate(n: number): number {
    const shape = this.shape();
    return this.draft.accumulate(`accumulate ${n}`, shape, this.biases(shape), this.terms(shape));
  }

  build(name: string, bottlenecks: boolean): Sample {
    const inputs = this.pick([1, 1, 2]);
    for (let k = 0; k < inputs; k++) this.readable.push(this.draft.input(this.shape(), this.zero()));
    const layers = bottlenecks ? this.integer(2, 9) : this.integer(1, 7);
    for (let n = 0; n < layers; n++) {
      const tensor = n > 0 && this.chance(25) ? this.maximum(n) : this.requantize(n);
      this.readable.push(tensor);
      if (!bottlenecks) continue;
      if (this.chance(60)) this.readable.splice(0, this.readable.length - 1);
      if (n < layers - 1 && this.chance(10)) this.outputs.push(tensor);
      if (n < layers - 1 && this.outputs.length < 4 && this.chance(10)) this.outputs.push(this.accumulate(n));
    }
    this.outputs.push(this.readable.at(-1)!);
    for (let n = this.integer(1, 3); n > 1; n--) this.outputs.push(this.accumulate(layers + n));
    return this.draft.finish(name, this.outputs);
  }
}

/** A random circuit with its weights and one input. With `bottlenecks`, all data passes here and there through one tensor. */
export function randomCircuit(seed: number, { bottlenecks = false } = {}): Sample {
  return new RandomCircuit(seed).build(`random circuit ${seed}`, bottlenecks);
}

/** What of a circuit's variety is there, for a test that random circuits have all of it: names of features. */
export function features(circuit: Circuit): Set<string> {
  const found = new Set<string>();
  const look = (view: View): void => {
    if (view.parts.length > 1) found.add('several parts');
    if (new Set(view.parts.map((part) => part.tensor)).size > 1) found.add('several tensors');
    for (const part of view.parts) {
      if (part.kind === 'gather') found.add('gather');
      else if (part.axes.some((axis, a) => axis !== a)) found.add('transposed');
      else if (part.maps.every((map, a) => map.length === shapeOf(circuit, part.tensor)[a] && map.every((t, k) => t === k)))
        found.add('whole');
    }
  };
  const shared = new Set<number>();
  for (const layer of circuit.layers) {
    found.add(layer.kind);
    if (layer.kind === 'maximum') {
      look(layer.a);
      look(layer.b);
      continue;
    }
    if (layer.bias.length > layer.shape[0]) found.add('bias per position');
    if (layer.kind === 'requantize') {
      if (shared.has(layer.table)) found.add('shared table');
      shared.add(layer.table);
      if (layer.shift.every((s) => s === 0)) found.add('no remainder');
      if (layer.shift.some((s) => s > 12)) found.add('two limbs');
      if (layer.shift.some((s) => s > 20)) found.add('shift above 20');
    }
    for (const term of layer.terms) {
      found.add(term.kind);
      look(term.operand);
      if (term.kind !== 'convolution') continue;
      const { groups, kernel, stride, dilation, pad, operand } = term;
      if (groups > 1) found.add(groups === operand.shape[0] ? 'depthwise' : 'groups');
      if (stride.some((v) => v > 1)) found.add('stride');
      if (dilation.some((v, a) => v > 1 && kernel[a]! > 1)) found.add('dilation');
      if (pad.some((v) => v > 0)) found.add('padding');
      if (pad.some((v) => v < 0)) found.add('negative padding');
      if (layer.shape[1] * layer.shape[2] === 1 && kernel[0] === operand.shape[1] && kernel[1] === operand.shape[2])
        found.add('matrix product');
    }
  }
  return found;
}
