/** Small ONNX models for tests of the compiler, and what is asked of every compiled model. */
import { expect } from 'vitest';
import { checkCircuit } from '../../circuits/bounds/index.ts';
import { execute } from '../../circuits/execute/execute.ts';
import { decodeCircuit, encodeCircuit } from '../../circuits/graph/encoding.ts';
import { compile, type Compiled, type CompileOptions } from '../../circuits/quantize/compile.ts';
import { runFast } from '../../circuits/quantize/forward.ts';
import { quantizeInput, realOutputs } from '../../circuits/quantize/real-values.ts';
import { openModel } from '../../wasm/inference/node.ts';
import { onnxModel, type OnnxModel, type OnnxNode, type OnnxTensor } from '../support/onnx-builder.ts';
import { seededGenerator } from '../support/random.ts';

/** A model written as a chain of operators, each reading the value before it; values are named `v0` (the input), `v1`, .. */
export class Chain {
  readonly nodes: OnnxNode[] = [];
  readonly constants: Record<string, OnnxTensor> = {};
  private readonly random: () => number;
  private next = 1;
  private current = 'v0';
  readonly dims: readonly number[];

  constructor(dims: readonly number[], seed = 1) {
    this.dims = dims;
    this.random = seededGenerator(seed);
  }

  /** Name of the latest value. */
  get value(): string {
    return this.current;
  }

  /** Goes on from another value. */
  from(value: string): this {
    this.current = value;
    return this;
  }

  /** Numbers around 0 with a given spread. */
  numbers(count: number, spread = 1): number[] {
    return Array.from({ length: count }, () => spread * (this.random() + this.random() - 1));
  }

  constant(dims: readonly number[], data: OnnxTensor['data']): string {
    const name = `c${Object.keys(this.constants).length}`;
    this.constants[name] = { dims, data };
    return name;
  }

  weights(dims: readonly number[], spread?: number): string {
    const count = dims.reduce((a, b) => a * b, 1);
    const fanIn = dims.slice(1).reduce((a, b) => a * b, 1);
    return this.constant(dims, this.numbers(count, spread ?? 2.5 / Math.sqrt(fanIn)));
  }

  integers(values: readonly number[]): string {
    return this.constant([values.length], values.map(BigInt));
  }

  /** An operator that reads the latest value, then `more`. */
  add(op: string, more: readonly string[] = [], attributes: OnnxNode['attributes'] = {}): this {
    return this.node(op, [this.current, ...more], attributes);
  }

  node(op: string, inputs: readonly string[], attributes: OnnxNode['attributes'] = {}): this {
    const output = `v${this.next++}`;
    this.nodes.push({ op, name: `${op} ${output}`, inputs, outputs: [output], attributes });
    this.current = output;
    return this;
  }

  conv(outputs: number, inputs: number, kernel: readonly number[], attributes: OnnxNode['attributes'] = {}): this {
    const group = typeof attributes.group === 'number' ? attributes.group : 1;
    return this.add('Conv', [this.weights([outputs, inputs / group, ...kernel]), this.constant([outputs], this.numbers(outputs, 0.3))], {
      kernel_shape: kernel,
      ...attributes,
    });
  }

  model(outputs: readonly string[] = [this.current], opset = 13): OnnxModel {
    return { opset, inputs: [{ name: 'v0', dims: this.dims }], outputs, nodes: this.nodes, constants: this.constants };
  }
}

export const DEFAULTS: CompileOptions = { calibration: { kind: 'uniform', lo: -1, hi: 1, count: 16, seed: 1 } };

/** Compiles a model and checks what must hold of every circuit: it may be proven, it has one encoding, the fast forward pass is the plain executor's. */
export async function compileSmall(model: OnnxModel, options: CompileOptions = DEFAULTS): Promise<Compiled> {
  const compiled = await compile(onnxModel(model), options, { openModel });
  const { circuit, weights } = compiled;
  checkCircuit(circuit, weights);
  const bytes = encodeCircuit(circuit);
  expect(encodeCircuit(decodeCircuit(bytes))).toEqual(bytes);
  const random = seededGenerator(7);
  const inputs = circuit.inputs.map(({ shape }) => Uint8Array.from({ length: shape[0] * shape[1] * shape[2] }, () => 256 * random()));
  const { tensors } = execute(circuit, weights, inputs);
  runFast(circuit, weights, inputs).forEach((tensor, k) => {
    const at = tensors[k]!.findIndex((v, n) => v !== tensor[n]);
    if (at >= 0) throw new Error(`tensor ${k}: ${tensor[at]!} at ${at}, the plain executor has ${tensors[k]![at]!}`);
  });
  return compiled;
}

/** Signal-to-noise of integer against float outputs on inputs that calibration has not seen, in decibels, by output. */
export async function noiseOf(model: OnnxModel, { circuit, weights }: Compiled, count = 8): Promise<number[]> {
  const names = circuit.meaning.outputs.map(({ name }) => name);
  const session = await openModel(onnxModel(model), names);
  const random = seededGenerator(99);
  const signal = names.map(() => 0);
  const noise = names.map(() => 0);
  for (let k = 0; k < count; k++) {
    const data = circuit.meaning.inputs.map(({ dims }) =>
      Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => 2 * random() - 1),
    );
    const feeds = Object.fromEntries(circuit.meaning.inputs.map(({ name, dims }, n) => [name, { dims, data: data[n]! }]));
    const float = await session.run(feeds);
    const tensors = runFast(
      circuit,
      weights,
      data.map((values, n) => quantizeInput(circuit, n, values)),
    );
    realOutputs(
      circuit,
      circuit.outputs.map((tensor) => tensors[tensor]!),
    ).forEach((integer, n) => {
      const reference = float[names[n]!]!;
      expect(circuit.meaning.outputs[n]!.dims.reduce((a, b) => a * b, 1)).toBe(reference.data.length);
      reference.data.forEach((x, i) => {
        signal[n]! += x * x;
        noise[n]! += (x - integer[i]!) ** 2;
      });
    });
  }
  await session.close();
  return names.map((_, n) => (noise[n] === 0 ? Infinity : 10 * Math.log10(signal[n]! / noise[n]!)));
}
