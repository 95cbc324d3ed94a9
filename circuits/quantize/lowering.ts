/** The state of lowering a model: the program so far, and what is known of each value. */
import { ModelError, type FloatGraph, type FloatNode, type FloatValue } from '../onnx/float-graph.ts';
import { ProgramDraft } from './draft.ts';
import { fillField, perPosition, through, type Form, type Stored, type Sum } from './forms.ts';
import { shapeOfDims } from './layout.ts';
import type { Source } from './views.ts';

/** A value as a linear layer reads it: `scale * x + offset` per flat position, x what the sources hold (0 where they do not cover). */
export interface Readable {
  readonly sources: readonly Source[];
  /** null: 1. */
  readonly scale: Float64Array | null;
  /** null: 0. */
  readonly offset: Float64Array | null;
}

/** Number of elements of a value. */
export function elementsOf(value: FloatValue): number {
  return value.dims.reduce((a, b) => a * b, 1);
}

/** The error of a node that cannot be turned into layers. */
export function failure(node: FloatNode, message: string, hint = ''): ModelError {
  return new ModelError(message, { node: node.name, operator: node.operator, hint });
}

/** Throws `ModelError` unless all constants of a node are finite. */
export function requireFinite(node: FloatNode, what: string, values: Float32Array | Float64Array): void {
  const at = values.findIndex((v) => !Number.isFinite(v));
  if (at >= 0) throw failure(node, `${what} ${at} is ${values[at]!}; finite numbers are expected`);
}

function inputsOf(node: FloatNode): readonly FloatValue[] {
  if (node.kind === 'add') return node.inputs;
  return node.kind === 'view' ? node.parts.map((part) => part.input) : [node.input];
}

export class Lowering {
  readonly draft = new ProgramDraft();
  /** Nodes that an earlier one has taken care of. */
  readonly done = new Set<FloatNode>();
  private readonly forms = new Map<string, Form>();
  private readonly readers = new Map<string, FloatNode[]>();
  private readonly outputs: ReadonlySet<string>;
  private readonly normalized = new Set<string>();

  constructor(graph: FloatGraph) {
    this.outputs = new Set(graph.outputs.map(({ name }) => name));
    for (const node of graph.nodes) {
      for (const { name } of inputsOf(node)) this.readers.set(name, [...(this.readers.get(name) ?? []), node]);
    }
  }

  set(name: string, form: Form): void {
    this.forms.set(name, form);
  }

  /** The form of an input that was normalized on request. */
  setNormalized(name: string, form: Form): void {
    this.set(name, form);
    this.normalized.add(name);
  }

  /** Is this an input whose zero is no byte? */
  isNormalized(name: string): boolean {
    return this.normalized.has(name);
  }

  form(name: string): Form {
    const form = this.forms.get(name);
    if (!form) throw new ModelError('is read before it is computed', { node: name });
    return form;
  }

  /** The only reader of a value, or null where there are several or none, or it is an output. */
  onlyReader(name: string): FloatNode | null {
    const readers = this.readers.get(name) ?? [];
    return readers.length === 1 && !this.outputs.has(name) ? readers[0]! : null;
  }

  /** A sum that a reader may continue: nothing else needs it, or it costs nothing to compute it twice. */
  continuable(name: string): Sum | null {
    const form = this.form(name);
    if (form.form !== 'sum') return null;
    const onlyOutput = this.outputs.has(name) && !this.readers.has(name);
    return form.rescaled !== null || onlyOutput || this.onlyReader(name) !== null ? form : null;
  }

  /** The value as stored bytes; stores it if need be. */
  stored(name: string): Stored {
    const form = this.form(name);
    if (form.form === 'stored') return form;
    const stored: Stored = { form: 'stored', sources: [{ tensor: this.draft.store(form), index: form.value.order }], fill: 0 };
    this.set(name, stored);
    return stored;
  }

  /** The value as one whole tensor, constants included. */
  copied(value: FloatValue, operator: string): Stored {
    const tensor = this.draft.copy(value.name, operator, this.stored(value.name), shapeOfDims(value.dims), value.name);
    const copied: Stored = { form: 'stored', sources: [{ tensor, index: null }], fill: 0 };
    this.set(value.name, copied);
    return copied;
  }

  /** The value as stored bytes, no position of which is a constant other than 0. */
  solid(value: FloatValue, operator: string): Stored {
    const stored = this.stored(value.name);
    return fillField(stored, elementsOf(value)) ? this.copied(value, operator) : stored;
  }

  /** The value as a linear layer reads it: a sum that only rescales stored bytes is read through. */
  readable(value: FloatValue): Readable {
    const form = this.form(value.name);
    const term = form.form === 'sum' && form.rescaled && !form.activation ? form.terms[0] : undefined;
    if (form.form !== 'sum' || term?.kind !== 'multiple') {
      const stored = this.stored(value.name);
      return { sources: stored.sources, scale: null, offset: fillField(stored, elementsOf(value)) };
    }
    const { order } = form.value;
    const seen = (constants: Float64Array): Float64Array => {
      const all = perPosition(constants, form.shape);
      return order ? Float64Array.from(order, (position) => all[position]!) : all;
    };
    const offset = seen(form.bias);
    return { sources: through(order, form.rescaled!), scale: seen(term.factor), offset: offset.some((v) => v !== 0) ? offset : null };
  }
}
