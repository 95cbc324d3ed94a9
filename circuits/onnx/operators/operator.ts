/** One operator of the file, as the code that says what it means sees it: attributes, operands, results, errors. */
import { AttributeProto_AttributeType as AttributeType, type AttributeProto, type TensorProto } from 'onnx-buf';
import type { SourceNode } from '../decode.ts';
import { count, dimsText, MAX_ELEMENTS } from '../dims.ts';
import type { Expression } from '../expression.ts';
import { ModelError, type FloatNode, type FloatValue } from '../float-graph.ts';
import { numbers, type FloatTensor, type Tensor } from '../tensor.ts';

/** What a name stands for while a file is read. */
export type Operand =
  | { readonly kind: 'constant'; readonly tensor: Tensor }
  | { readonly kind: 'variable'; readonly value: FloatValue }
  /** A truth value of a comparison; only elementwise operators read it. */
  | { readonly kind: 'condition'; readonly value: FloatValue }
  /** What a Softmax gives: an output of the model, or an error where somebody reads it. */
  | { readonly kind: 'softmax'; readonly logits: FloatValue; readonly name: string; readonly operator: string; readonly axis: number };

/** An elementwise operator, before runs of them become nodes. Reads one or two variables of the output's number of elements. */
export interface ScalarStep {
  readonly kind: 'scalar';
  readonly name: string;
  readonly operator: string;
  readonly inputs: readonly FloatValue[];
  readonly output: FloatValue;
  /** What it makes of its inputs. */
  readonly expression: (inputs: readonly Expression[]) => Expression;
  /** If it is a sum of its two inputs: the sign of the second. */
  readonly sum?: 1 | -1;
  /** Whether it gives a truth value. */
  readonly condition: boolean;
}

export type Draft = FloatNode | ScalarStep;

/** What an operator means: per output, a constant, another name for something known, or a node; null for an output that nobody may read. */
export type Meaning = Operand | Draft | null;

export class Operator {
  /** Version of the operator set. */
  readonly opset: number;
  readonly type: string;
  readonly name: string;
  /** Null where an optional operand is left out. */
  readonly operands: readonly (Operand | null)[];
  /** Names; '' where nobody wants the output. */
  readonly outputs: readonly string[];
  private readonly attributes = new Map<string, AttributeProto>();
  private readonly unread: Set<string>;

  constructor({ message, name }: SourceNode, opset: number, operands: readonly (Operand | null)[]) {
    this.opset = opset;
    this.type = message.opType;
    this.name = name;
    this.operands = operands;
    this.outputs = message.output;
    for (const attribute of message.attribute) this.attributes.set(attribute.name, attribute);
    this.unread = new Set(this.attributes.keys());
  }

  error(text: string, hint = ''): ModelError {
    return new ModelError(text, { node: this.name, operator: this.type, hint });
  }

  // Attributes

  private attribute(name: string, type: AttributeType): AttributeProto | undefined {
    this.unread.delete(name);
    const attribute = this.attributes.get(name);
    if (attribute && attribute.type !== type) {
      throw this.error(`attribute ${name} is of type ${AttributeType[attribute.type]}, expected ${AttributeType[type]}`);
    }
    return attribute;
  }

  has(name: string): boolean {
    return this.attributes.has(name);
  }

  /** An integer; one beyond the safe integers becomes the nearest safe one. */
  integer(name: string, otherwise: number): number {
    const value = this.attribute(name, AttributeType.INT)?.i;
    return value === undefined ? otherwise : saturated(value);
  }

  flag(name: string, otherwise: boolean): boolean {
    return this.integer(name, Number(otherwise)) !== 0;
  }

  integers(name: string): number[] | undefined {
    return this.attribute(name, AttributeType.INTS)?.ints.map(saturated);
  }

  float(name: string, otherwise: number): number {
    const value = this.attribute(name, AttributeType.FLOAT)?.f ?? Math.fround(otherwise);
    if (Number.isNaN(value)) throw this.error(`attribute ${name} is not a number`);
    return value;
  }

  floats(name: string): number[] | undefined {
    return this.attribute(name, AttributeType.FLOATS)?.floats;
  }

  text(name: string, otherwise: string): string {
    const bytes = this.attribute(name, AttributeType.STRING)?.s;
    return bytes ? new TextDecoder().decode(bytes) : otherwise;
  }

  tensor(name: string): TensorProto | undefined {
    return this.attribute(name, AttributeType.TENSOR)?.t;
  }

  /** Attributes that change nothing about the values. */
  ignore(...names: readonly string[]): void {
    for (const name of names) this.unread.delete(name);
  }

  /** @throws ModelError if an attribute was left unread: it may have asked for something else */
  finish(): void {
    const [first] = this.unread;
    if (first !== undefined) throw this.error(`attribute ${first} is not supported in operator set ${this.opset}`);
  }

  // Operands

  operand(position: number): Operand {
    const operand = this.operands[position];
    if (!operand) throw this.error(`operand ${position} is missing`);
    return operand;
  }

  isGiven(position: number): boolean {
    return (this.operands[position] ?? null) !== null;
  }

  /** An operand that is no constant. */
  variable(position: number): FloatValue {
    const operand = this.operand(position);
    if (operand.kind === 'variable') return operand.value;
    if (operand.kind === 'constant')
      throw this.error(`operand ${position} is the constant ${operand.tensor.name}, expected a computed value`);
    throw this.error(
      operand.kind === 'softmax' ? `reads the ${operand.operator} ${operand.name}` : `operand ${position} is the result of a comparison`,
      operand.kind === 'softmax'
        ? 'a Softmax is supported only as the last operator of the model, where it is left to the client'
        : 'comparisons are supported only inside of elementwise expressions of one tensor',
    );
  }

  constant(position: number): Tensor {
    const operand = this.operand(position);
    if (operand.kind === 'constant') return operand.tensor;
    throw this.error(`operand ${position} is computed, expected a constant`, 'it must not depend on the input of the model');
  }

  /** A float constant whose values are all finite. */
  weights(position: number): FloatTensor {
    const tensor = this.constant(position);
    if (tensor.type !== 'float') throw this.error(`operand ${position}, the constant ${tensor.name}, holds integers, expected floats`);
    return this.finite(tensor);
  }

  finite(tensor: FloatTensor): FloatTensor {
    const { data } = tensor;
    let at = 0;
    while (at < data.length && Number.isFinite(data[at])) at++;
    if (at < data.length) {
      throw this.error(
        `constant ${tensor.name} holds ${tensor.data[at]!} at position ${at}, expected finite numbers`,
        'the weights are damaged or training diverged',
      );
    }
    return tensor;
  }

  /** The integers of a constant list. */
  list(position: number): number[] {
    const tensor = this.constant(position);
    if (tensor.type === 'float') throw this.error(`operand ${position}, the constant ${tensor.name}, holds floats, expected integers`);
    if (tensor.dims.length > 1)
      throw this.error(`operand ${position}, the constant ${tensor.name}, has dimensions ${dimsText(tensor.dims)}, expected a list`);
    return numbers(tensor);
  }

  /** A list that is an attribute before operator set `since` and an operand from then on; undefined if not given. */
  listSince(since: number, name: string, position: number): number[] | undefined {
    if (this.opset < since) return this.integers(name);
    return this.isGiven(position) ? this.list(position) : undefined;
  }

  /** The one number of a constant, which may be infinite. */
  number(position: number): number {
    const tensor = this.constant(position);
    const [value] = numbers(tensor);
    if (value === undefined || tensor.data.length !== 1 || Number.isNaN(value)) {
      throw this.error(`operand ${position}, the constant ${tensor.name}, has ${tensor.data.length} values, expected one number`);
    }
    return value;
  }

  /** Whether every operand that is given is a constant. */
  isConstant(): boolean {
    return this.operands.every((operand) => operand === null || operand.kind === 'constant');
  }

  // Results

  /** The `position`-th output. @throws ModelError if its dimensions are none that can be */
  output(dims: readonly number[], position = 0): FloatValue {
    this.checkDims(dims);
    return { name: this.outputs[position] ?? '', dims };
  }

  checkDims(dims: readonly number[]): void {
    if (dims.some((dim) => !Number.isSafeInteger(dim) || dim < 1)) {
      throw this.error(`its output would have dimensions ${dimsText(dims)}`, 'every dimension must be at least 1');
    }
    if (count(dims) > MAX_ELEMENTS)
      throw this.error(`its output would have dimensions ${dimsText(dims)}, more than ${MAX_ELEMENTS} elements`);
  }

  /** An axis of a tensor of this rank, counted from the front. */
  axis(axis: number, rank: number): number {
    const result = axis < 0 ? axis + rank : axis;
    if (!Number.isInteger(result) || result < 0 || result >= rank) throw this.error(`axis ${axis} of a tensor of ${rank} dimensions`);
    return result;
  }

  /** Different axes, counted from the front, in the order given. */
  axes(axes: readonly number[], rank: number): number[] {
    const result = axes.map((axis) => this.axis(axis, rank));
    if (new Set(result).size !== result.length) throw this.error(`axes ${dimsText(axes)} name one twice`);
    return result;
  }
}

function saturated(value: bigint): number {
  return Math.min(Math.max(Number(value), Number.MIN_SAFE_INTEGER), Number.MAX_SAFE_INTEGER);
}
