/** A program under construction: tensors, steps, and which tensors share a quantizer. */
import { size, type Shape, type View } from '../graph/circuit.ts';
import { ModelError } from '../onnx/float-graph.ts';
import { uncovered, type Stored, type Sum } from './forms.ts';
import type { Activation, FloatTerm, LinearStep, Normalization, Program, ProgramInput, ProgramOutput, Step } from './program.ts';
import { viewOf, type Source } from './views.ts';

interface DraftTensor {
  readonly shape: Shape;
  readonly quantizer: number;
  /** Known to be so whatever the input. */
  readonly nonNegative: boolean;
}

/** Arguments that tell what a function does where activations live. */
const PROBES: readonly number[] = Array.from({ length: 4097 }, (_, k) => ((k - 2048) / 128) ** 3);

/** Never below zero, as far as probing tells. */
export function isNonNegative({ fn }: Activation): boolean {
  return PROBES.every((x) => fn(x) >= 0);
}

/** Never falling, as far as probing tells. */
export function isMonotone({ fn }: Activation): boolean {
  return PROBES.every((x, k) => k === 0 || fn(x) >= fn(PROBES[k - 1]!));
}

const LONGEST_NAME = 240;

function shortened(name: string): string {
  const bytes = new TextEncoder().encode(name);
  return bytes.length <= LONGEST_NAME ? name : new TextDecoder().decode(bytes.subarray(0, LONGEST_NAME)).replace(/�+$/, '');
}

export class ProgramDraft {
  private readonly inputs: ProgramInput[] = [];
  private readonly steps: Step[] = [];
  private readonly tensors: DraftTensor[] = [];
  private readonly names = new Set<string>();
  /** Union-find over quantizers. */
  private readonly parents: number[] = [];
  readonly shapeOf = (tensor: number): Shape => this.tensors[tensor]!.shape;

  input(name: string, dims: readonly number[], shape: Shape): number {
    const quantizer = this.newQuantizer();
    this.inputs.push({ name, dims, shape, quantizer });
    return this.tensors.push({ shape, quantizer, nonNegative: false }) - 1;
  }

  private newQuantizer(): number {
    return this.parents.push(this.parents.length) - 1;
  }

  private root(quantizer: number): number {
    let q = quantizer;
    while (this.parents[q] !== q) q = this.parents[q]!;
    return q;
  }

  /** Makes tensors share a quantizer. Returns it. */
  shareQuantizer(tensors: readonly number[]): number {
    const roots = tensors.map((tensor) => this.root(this.tensors[tensor]!.quantizer));
    const first = Math.min(...roots);
    for (const q of roots) this.parents[q] = first;
    return first;
  }

  isNonNegative(sources: readonly Source[]): boolean {
    return sources.every(({ tensor }) => this.tensors[tensor]!.nonNegative);
  }

  /** The operand that reads these sources. */
  view(shape: Shape, sources: readonly Source[]): View {
    const view = viewOf(shape, sources, this.shapeOf);
    if (!view.parts.length) throw new ModelError('an operand reads nothing but constants');
    return view;
  }

  /** The quantizer of each channel of an operand. Tensors that one channel reads come to share theirs. */
  quantizers(view: View): Int32Array {
    const result = new Int32Array(view.shape[0]).fill(-1);
    const owner: number[] = [];
    for (const part of view.parts) {
      const plane = size(view.shape) / view.shape[0];
      const channels =
        part.kind === 'axes'
          ? part.maps[part.axes.indexOf(0)]!.map((source) => (source < 0 ? 0 : 1))
          : Int32Array.from({ length: view.shape[0] }, (_, c) =>
              part.index.subarray(c * plane, (c + 1) * plane).some((source) => source >= 0) ? 1 : 0,
            );
      channels.forEach((reads, c) => {
        if (!reads) return;
        const other = owner[c];
        if (other !== undefined) this.shareQuantizer([other, part.tensor]);
        owner[c] = part.tensor;
        result[c] = this.tensors[part.tensor]!.quantizer;
      });
    }
    // A channel that reads nothing contributes nothing, in whatever unit.
    const any = this.tensors[view.parts[0]!.tensor]!.quantizer;
    return result.map((q) => (q < 0 ? any : q));
  }

  private uniqueName(wanted: string): string {
    const base = shortened(wanted);
    let name = base;
    for (let k = 2; this.names.has(name); k++) name = `${base} ${k}`;
    this.names.add(name);
    return name;
  }

  private add(step: Step, quantizer: number, nonNegative: boolean): number {
    this.steps.push(step);
    return this.tensors.push({ shape: step.shape, quantizer, nonNegative }) - 1;
  }

  private linear(sum: Sum, quantizer: number | null, copy: boolean): LinearStep {
    const { operator, shape, terms, bias, activation } = sum;
    return {
      kind: 'linear',
      name: this.uniqueName(sum.name),
      operator,
      shape,
      terms,
      bias,
      activation,
      sum: sum.sum,
      value: sum.value,
      quantizer,
      copy,
    };
  }

  /** Stores a sum as bytes. Returns the tensor. */
  store(sum: Sum): number {
    const quantizer = this.newQuantizer();
    return this.add(this.linear(sum, quantizer, false), quantizer, sum.activation !== null && isNonNegative(sum.activation));
  }

  /** Makes a sum an int32 output. Returns the tensor. */
  accumulate(sum: Sum): number {
    return this.add(this.linear(sum, null, false), -1, false);
  }

  /** Copies stored bytes, so that they are one whole tensor. Returns the tensor. */
  copy(name: string, operator: string, stored: Stored, shape: Shape, valueName: string): number {
    const quantizer = this.shareQuantizer(stored.sources.map(({ tensor }) => tensor));
    const operand = this.view(shape, stored.sources);
    const open = uncovered(stored.sources, size(shape));
    const term: FloatTerm = { kind: 'multiple', operand, quantizers: this.quantizers(operand), factor: new Float64Array(shape[0]).fill(1) };
    const value = { name: valueName, through: null, order: null };
    const bias = stored.fill !== 0 && open.includes(1) ? Float64Array.from(open, (v) => v * stored.fill) : new Float64Array(shape[0]);
    const sum: Sum = { form: 'sum', name, operator, shape, terms: [term], bias, activation: null, sum: value, value, rescaled: null };
    return this.add(this.linear(sum, quantizer, true), quantizer, stored.fill >= 0 && this.isNonNegative(stored.sources));
  }

  /** The larger of two operands. Returns the tensor. */
  maximum(name: string, operator: string, a: View, b: View): number {
    const tensors = [...a.parts, ...b.parts].map((part) => part.tensor);
    const quantizer = this.shareQuantizer(tensors);
    const step: Step = { kind: 'maximum', name: this.uniqueName(name), operator, shape: a.shape, a, b, quantizer };
    return this.add(
      step,
      quantizer,
      tensors.every((tensor) => this.tensors[tensor]!.nonNegative),
    );
  }

  finish(outputs: readonly ProgramOutput[], normalization: Normalization | null, notes: readonly string[]): Program {
    const settled = (q: number): number => this.root(q);
    const term = (t: FloatTerm): FloatTerm => ({ ...t, quantizers: t.quantizers.map(settled) });
    return {
      inputs: this.inputs.map((input) => ({ ...input, quantizer: settled(input.quantizer) })),
      steps: this.steps.map((step): Step => {
        if (step.kind === 'maximum') return { ...step, quantizer: settled(step.quantizer) };
        return { ...step, terms: step.terms.map(term), quantizer: step.quantizer === null ? null : settled(step.quantizer) };
      }),
      outputs,
      normalization,
      quantizers: this.parents.length,
      notes,
    };
  }
}
