/** Elementwise operators: what they are as expressions, of variables or folded on constants. */
import { broadcastDims, count, dimsText } from '../dims.ts';
import { constant, evaluate, X, type Expression } from '../expression.ts';
import type { FloatValue } from '../float-graph.ts';
import { floatTensor, integerTensor, numbers, type Tensor } from '../tensor.ts';
import type { Meaning, Operator, ScalarStep } from './operator.ts';

/** An operator with one operand, the first. */
export function unary(build: (x: Expression, op: Operator) => Expression): (op: Operator) => Meaning[] {
  return (op) => {
    const operand = op.operand(0);
    // Once at once, so that what is wrong with the attributes is said here.
    const alone = build(X, op);
    if (operand.kind === 'constant') {
      const { tensor } = operand;
      const values = numbers(tensor.type === 'float' ? op.finite(tensor) : tensor).map(evaluate(alone));
      return [folded(op, tensor.dims, values, tensor.type === 'float' ? 'float' : 'integer')];
    }
    const input = op.variable(0);
    return [scalarStep(op, [input], input.dims, ([x]) => build(x!, op))];
  };
}

/** An operand of an elementwise operator: a variable, or a constant; `uniform` if all its values are one number. */
export type PointwiseOperand =
  | { readonly kind: 'variable'; readonly value: FloatValue; readonly dims: readonly number[] }
  | { readonly kind: 'constant'; readonly tensor: Tensor; readonly uniform: number | null; readonly dims: readonly number[] };

/** The operands; `conditions` says whether variables are truth values or numbers. */
export function pointwiseOperand(op: Operator, position: number, condition = false): PointwiseOperand {
  const operand = op.operand(position);
  if (operand.kind === 'constant') {
    const { tensor } = operand;
    const [first] = numbers(tensor.data.length > 0 ? ({ ...tensor, data: tensor.data.slice(0, 1) } as Tensor) : tensor);
    const uniform = first !== undefined && tensor.data.every((value) => value === tensor.data[0]) ? first : null;
    if (first === undefined) throw op.error(`constant ${tensor.name} is empty`);
    return { kind: 'constant', tensor, uniform, dims: tensor.dims };
  }
  const value = condition && operand.kind === 'condition' ? operand.value : op.variable(position);
  if (condition && operand.kind !== 'condition') throw op.error(`operand ${position} is no truth value`);
  return { kind: 'variable', value, dims: value.dims };
}

/**
 * The dimensions of an elementwise result.
 * @throws ModelError if a variable would have to be repeated
 */
export function pointwiseDims(op: Operator, operands: readonly PointwiseOperand[]): number[] {
  const dims = operands.reduce<number[] | null>((all, operand) => all && broadcastDims(all, operand.dims), []);
  const texts = operands.map((operand) => dimsText(operand.dims)).join(' and ');
  if (!dims) throw op.error(`operands of dimensions ${texts} do not broadcast`);
  for (const operand of operands) {
    if (operand.kind === 'variable' && count(operand.dims) !== count(dims)) {
      throw op.error(
        `${operand.value.name} ${dimsText(operand.dims)} would be repeated to ${dimsText(dims)}`,
        'use an operator Expand before it',
      );
    }
  }
  return dims;
}

/** The elementwise operator as a step, if its constants are single numbers; else null. */
export function pointwise(
  op: Operator,
  operands: readonly PointwiseOperand[],
  build: (args: readonly Expression[]) => Expression,
  more: { readonly condition?: boolean; readonly sum?: 1 | -1 } = {},
): ScalarStep | null {
  const dims = pointwiseDims(op, operands);
  if (operands.some((operand) => operand.kind === 'constant' && operand.uniform === null)) return null;
  const variables = operands.flatMap((operand) => (operand.kind === 'variable' ? [operand.value] : []));
  return scalarStep(
    op,
    variables,
    dims,
    (inputs) => {
      let next = 0;
      return build(operands.map((operand) => (operand.kind === 'variable' ? inputs[next++]! : constant(operand.uniform!))));
    },
    more,
  );
}

export function scalarStep(
  op: Operator,
  inputs: readonly FloatValue[],
  dims: readonly number[],
  expression: ScalarStep['expression'],
  { condition = false, sum }: { readonly condition?: boolean; readonly sum?: 1 | -1 } = {},
): ScalarStep {
  const step = { kind: 'scalar', name: op.name, operator: op.type, inputs, output: op.output(dims), expression, condition } as const;
  return sum === undefined ? step : { ...step, sum };
}

/** A folded constant, named as the output. */
export function folded(op: Operator, dims: readonly number[], values: readonly number[], type: 'float' | 'integer' | 'boolean'): Meaning {
  const name = op.outputs[0] ?? '';
  if (type === 'float') return { kind: 'constant', tensor: floatTensor(name, dims, Float32Array.from(values)) };
  if (!values.every(Number.isSafeInteger)) throw op.error('gives numbers that are no safe integers');
  return { kind: 'constant', tensor: { ...integerTensor(name, dims, values), type } };
}

/** Folds an operator of constants, broadcasting them. Integers stay integers, except where `type` says otherwise. */
export function foldPointwise(
  op: Operator,
  apply: (...values: number[]) => number,
  tensors: readonly Tensor[],
  type = tensors.at(-1)!.type,
): Meaning {
  const dims = tensors.reduce<number[] | null>((all, tensor) => all && broadcastDims(all, tensor.dims), []);
  if (!dims) throw op.error(`constants of dimensions ${tensors.map((tensor) => dimsText(tensor.dims)).join(' and ')} do not broadcast`);
  if (count(dims) > 0) op.checkDims(dims);
  const values = tensors.map((tensor) => numbers(tensor.type === 'float' ? op.finite(tensor) : tensor));
  const steps = tensors.map((tensor) => broadcastSteps(tensor.dims, dims));
  const results = Array.from({ length: count(dims) }, (_, position) => {
    const args = values.map((list, k) => list[offset(position, dims, steps[k]!)]!);
    return apply(...args);
  });
  return folded(op, dims, results, type);
}

/** Distance in the operand between neighbours of the result, 0 along repeated axes. */
function broadcastSteps(from: readonly number[], to: readonly number[]): number[] {
  const steps = to.map(() => 0);
  let step = 1;
  for (let axis = from.length - 1; axis >= 0; axis--) {
    if (from[axis]! > 1) steps[axis + to.length - from.length] = step;
    step *= from[axis]!;
  }
  return steps;
}

function offset(position: number, dims: readonly number[], steps: readonly number[]): number {
  let rest = position;
  let result = 0;
  for (let axis = dims.length - 1; axis >= 0; axis--) {
    result += (rest % dims[axis]!) * steps[axis]!;
    rest = Math.floor(rest / dims[axis]!);
  }
  return result;
}
