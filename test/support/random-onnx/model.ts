/**
 * Random small ONNX models over the operators that the reader knows, in the form that the operator set asks for: attributes in old ones,
 * operands in new ones.
 */
import { readModel } from '../../../circuits/onnx/read.ts';
import { seededFloats } from '../float-comparison.ts';
import { onnxModel, type OnnxAttribute, type OnnxModel, type OnnxNode, type OnnxTensor } from '../onnx-builder.ts';

export interface Value {
  readonly name: string;
  readonly dims: readonly number[];
}

/** A model under construction. */
export class RandomModel {
  readonly random: () => number;
  readonly opset: number;
  readonly input: Value;
  readonly nodes: OnnxNode[] = [];
  readonly constants: Record<string, OnnxTensor> = {};
  private names = 0;

  constructor(random: () => number, opset: number, dims: readonly number[]) {
    this.random = random;
    this.opset = opset;
    this.input = { name: 'x', dims };
  }

  /** A whole number, both ends included. */
  between(low: number, high: number): number {
    return low + Math.floor(this.random() * (high - low + 1));
  }

  pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.random() * list.length)]!;
  }

  flip(): boolean {
    return this.random() < 0.5;
  }

  name(stem: string): string {
    return `${stem}${this.names++}`;
  }

  floats(dims: readonly number[], data: readonly number[] | Float32Array = seededFloats(this.random, size(dims))): string {
    const name = this.name('c');
    this.constants[name] = { dims, data };
    return name;
  }

  list(values: readonly number[]): string {
    const name = this.name('i');
    this.constants[name] = { dims: [values.length], data: BigInt64Array.from(values, BigInt) };
    return name;
  }

  node(op: string, inputs: readonly string[], attributes: Record<string, OnnxAttribute> = {}, outputs = 1): string[] {
    const results = Array.from({ length: outputs }, () => this.name('v'));
    this.nodes.push({ op, inputs, outputs: results, attributes, ...(this.flip() ? { name: this.name('n') } : {}) });
    return results;
  }

  model(outputs: readonly string[]): OnnxModel {
    const { opset, input, nodes, constants } = this;
    return { opset, inputs: [input], outputs, nodes, constants, constantsAsInputs: opset < 9 };
  }
}

export function size(dims: readonly number[]): number {
  return dims.reduce((a, b) => a * b, 1);
}

/** Adds an operator that reads a value; null where it cannot read one like this. Gives the names of its results. */
export type Step = (model: RandomModel, value: Value) => string[] | null;

/** The largest value that a model is continued from. */
const LARGEST = 400;

/** A model of up to `length` random steps from a random input, each reading the last or an earlier value. */
export function randomModel(random: () => number, opset: number, steps: readonly Step[], length: number): OnnxModel {
  for (let tries = 0; tries < 100; tries++) {
    const model = attempt(random, opset, steps, length);
    if (model) return model;
  }
  throw new Error(`none of the steps can be taken in operator set ${opset}`);
}

function attempt(random: () => number, opset: number, steps: readonly Step[], length: number): OnnxModel | null {
  const spatial = [1 + Math.floor(random() * 6), 2 + Math.floor(random() * 6)];
  const channels = 1 + Math.floor(random() * 4);
  const dims = [
    [1, channels, ...spatial],
    [1, channels, ...spatial],
    [1, channels, spatial[1]!],
    [1, 3 + channels],
  ][Math.floor(random() * 4)]!;
  const m = new RandomModel(random, opset, dims);
  const values: Value[] = [m.input];
  for (let tries = 0; values.length <= length && tries < 20 * length; tries++) {
    const value = m.flip() ? values.at(-1)! : m.pick(values);
    if (size(value.dims) > LARGEST) continue;
    const before = m.nodes.length;
    const results = m.pick(steps)(m, value);
    if (results === null || results.length === 0) {
      m.nodes.length = before;
      continue;
    }
    // The reader's own dimensions, which the comparison checks against the runtime's.
    for (const name of results) values.push({ name, dims: readModel(onnxModel(m.model([name]))).outputs[0]!.dims });
  }
  const [last, ...others] = values.slice(1).reverse();
  if (!last) return null;
  return m.model([last.name, ...(others.length > 0 && m.flip() ? [m.pick(others).name] : [])]);
}
