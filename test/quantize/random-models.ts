/** Random ONNX models over the operators that circuits support: images through up to a dozen operators, with branches that join again. */
import { seededGenerator } from '../support/random.ts';
import type { OnnxModel } from '../support/onnx-builder.ts';
import { Chain } from './small-models.ts';

interface Value {
  readonly name: string;
  readonly shape: readonly [number, number, number];
}

const FUNCTIONS = ['Relu', 'Sigmoid', 'Tanh', 'LeakyRelu', 'HardSwish', 'Elu', 'Softplus', 'Abs'];

export class RandomModel {
  private readonly random: () => number;
  private readonly chain: Chain;
  private readonly values: Value[];
  readonly steps: string[] = [];

  constructor(seed: number) {
    this.random = seededGenerator(seed);
    const shape = [this.integer(1, 4), this.integer(4, 9), this.integer(4, 9)] as const;
    this.chain = new Chain([1, ...shape], seed + 1);
    this.values = [{ name: 'v0', shape }];
    for (let k = this.integer(3, 9); k > 0; k--) this.step();
    // Without an activation there might be nothing to prove.
    this.chain.from(this.values.at(-1)!.name);
    this.function(this.values.at(-1)!);
    if (this.random() < 0.5) this.head();
  }

  private integer(low: number, high: number): number {
    return low + Math.floor(this.random() * (high - low + 1));
  }

  private pick<T>(items: readonly T[]): T {
    return items[this.integer(0, items.length - 1)]!;
  }

  private push(shape: readonly number[]): void {
    this.values.push({ name: this.chain.value, shape: [shape[0]!, shape[1]!, shape[2]!] });
  }

  /** Mostly the latest value, sometimes an earlier one. */
  private source(): Value {
    return this.random() < 0.8 ? this.values.at(-1)! : this.pick(this.values);
  }

  private step(): void {
    const kinds = [
      'conv',
      'conv',
      'conv',
      'function',
      'function',
      'max',
      'average',
      'normalize',
      'affine',
      'add',
      'concat',
      'view',
    ] as const;
    const kind = this.pick(kinds);
    this.steps.push(kind);
    const source = this.source();
    this.chain.from(source.name);
    this[kind](source);
  }

  private conv({ shape: [channels, height, width] }: Value): void {
    const depthwise = this.random() < 0.3;
    const outputs = depthwise ? channels * this.integer(1, 2) : this.integer(1, 6);
    const kernel = [this.integer(1, Math.min(3, height)), this.integer(1, Math.min(3, width))] as const;
    const strides = [this.integer(1, 2), this.integer(1, 2)] as const;
    const pads = [0, 0, 0, 0].map(() => this.integer(0, 1));
    this.chain.conv(outputs, channels, kernel, { strides, pads, group: depthwise ? channels : 1 });
    const length = (n: number, axis: 0 | 1): number => Math.floor((n + pads[axis]! + pads[axis + 2]! - kernel[axis]) / strides[axis]) + 1;
    this.push([outputs, length(height, 0), length(width, 1)]);
  }

  private function({ shape }: Value): void {
    this.chain.add(this.pick(FUNCTIONS));
    this.push(shape);
  }

  private pool(op: 'MaxPool' | 'AveragePool', { shape: [channels, height, width] }: Value): void {
    const kernel = [this.integer(1, Math.min(3, height)), this.integer(1, Math.min(3, width))] as const;
    const strides = [this.integer(1, 2), this.integer(1, 2)] as const;
    const pads = [0, 1, 2, 3].map((k) => (kernel[k % 2]! > 1 ? this.integer(0, 1) : 0));
    const counting = op === 'AveragePool' ? { count_include_pad: this.integer(0, 1) } : {};
    this.chain.add(op, [], { kernel_shape: kernel, strides, pads, ...counting });
    const length = (n: number, axis: 0 | 1): number => Math.floor((n + pads[axis]! + pads[axis + 2]! - kernel[axis]) / strides[axis]) + 1;
    this.push([channels, length(height, 0), length(width, 1)]);
  }

  private max(source: Value): void {
    this.pool('MaxPool', source);
  }

  private average(source: Value): void {
    this.pool('AveragePool', source);
  }

  private positive(count: number): number[] {
    return Array.from({ length: count }, () => 0.5 + this.random());
  }

  private normalize({ shape }: Value): void {
    const [channels] = shape;
    const { chain } = this;
    chain.add('BatchNormalization', [
      chain.constant([channels], this.positive(channels)),
      chain.constant([channels], chain.numbers(channels, 0.5)),
      chain.constant([channels], chain.numbers(channels, 0.5)),
      chain.constant([channels], this.positive(channels)),
    ]);
    this.push(shape);
  }

  private affine({ shape }: Value): void {
    const { chain } = this;
    const dims = shape.map((n) => (this.random() < 0.4 ? n : 1));
    const count = dims.reduce((a, b) => a * b, 1);
    if (this.random() < 0.5) chain.add('Mul', [chain.constant(dims, this.positive(count))]);
    else chain.add('Add', [chain.constant(dims, chain.numbers(count, 0.5))]);
    this.push(shape);
  }

  /** A value of the same channels, rows and columns; the source itself if there is no other. */
  private twin({ name, shape }: Value): Value {
    const others = this.values.filter((value) => value.name !== name && value.shape.every((n, axis) => n === shape[axis]));
    return others.length ? this.pick(others) : { name, shape };
  }

  private add(source: Value): void {
    this.chain.node(this.pick(['Add', 'Add', 'Sub']), [this.twin(source).name, source.name]);
    // x - x is zero, which has no sign to keep
    if (this.chain.nodes.at(-1)!.op === 'Sub' && this.chain.nodes.at(-1)!.inputs[0] === source.name) {
      this.chain.nodes.pop();
      this.chain.node('Add', [source.name, source.name]);
    }
    this.push(source.shape);
  }

  private concat(source: Value): void {
    const axis = this.integer(0, 2);
    const other = this.twin(source);
    this.chain.node('Concat', [other.name, source.name], { axis: axis + 1 });
    this.push(source.shape.map((n, a) => (a === axis ? 2 * n : n)));
  }

  private view({ shape }: Value): void {
    this.push(this.rearranged(shape));
  }

  /** Adds an index map; returns the shape that comes out. */
  private rearranged([channels, height, width]: Value['shape']): readonly number[] {
    const { chain } = this;
    switch (this.integer(0, 4)) {
      case 0: {
        const perm = this.pick([
          [0, 2, 1],
          [1, 0, 2],
          [2, 0, 1],
          [1, 2, 0],
        ]);
        chain.add('Transpose', [], { perm: [0, ...perm.map((axis) => axis + 1)] });
        return perm.map((axis) => [channels, height, width][axis]!);
      }
      case 1: {
        const [from, to] = [this.integer(0, 1), height - this.integer(0, 1)];
        if (to <= from) return [channels, height, width];
        chain.add('Slice', [chain.integers([from]), chain.integers([to]), chain.integers([2])]);
        return [channels, to - from, width];
      }
      case 2: {
        const pads = [0, 0, this.integer(0, 1), this.integer(0, 2), 0, 0, this.integer(0, 1), this.integer(0, 1)];
        chain.add('Pad', [chain.integers(pads), chain.constant([], [this.pick([0, 0, 0.3, -0.4])])]);
        return [channels, height + pads[2]! + pads[6]!, width + pads[3]! + pads[7]!];
      }
      case 3: {
        const scales = [1, 1, this.integer(1, 2), this.integer(1, 2)];
        const attributes = { mode: 'nearest', coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' };
        chain.add('Resize', ['', chain.constant([4], scales)], attributes);
        return [channels, height * scales[2]!, width * scales[3]!];
      }
      default:
        chain.add('Reshape', [chain.integers([1, height, channels, width])]);
        return [height, channels, width];
    }
  }

  private head(): void {
    const { name, shape } = this.values.at(-1)!;
    const features = shape.reduce((a, b) => a * b, 1);
    this.chain.from(name).add('Flatten');
    this.chain.add('Gemm', [this.chain.weights([4, features]), this.chain.constant([4], this.chain.numbers(4))], { transB: 1 });
    this.steps.push('head');
  }

  model(): OnnxModel {
    return this.chain.model([this.chain.value], 14);
  }
}
