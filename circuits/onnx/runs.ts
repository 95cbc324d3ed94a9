/**
 * Runs of elementwise operators become single nodes.
 *
 * A run is a set of elementwise operators of which one, the last, is read outside of it, and which read one value that is not theirs. It is a
 * function of that value: an affine node if it is affine, else an elementwise node. Runs are as large as they can be, except that an affine
 * start right after something linear stays a node of its own, for that can be folded into the linear operator.
 */
import { affineForm, evaluate, formula, size, X, type Expression } from './expression.ts';
import { ModelError, type AffineNode, type ElementwiseNode, type FloatNode, type FloatValue } from './float-graph.ts';
import type { Draft, ScalarStep } from './operators/operator.ts';

/** Most functions in one expression. Sharing makes texts grow: `y = x * sigmoid(x)`, n times over, writes x 2^n times. */
const LONGEST_EXPRESSION = 1024;

const LINEAR: ReadonlySet<Draft['kind']> = new Set(['convolution', 'product', 'affine', 'add', 'average-pool']);

interface Run {
  /** Numbers of drafts. */
  readonly members: Set<number>;
  source: FloatValue;
}

/** @param outputs names of the values that are outputs of the model */
export function joinRuns(drafts: readonly Draft[], outputs: ReadonlySet<string>): FloatNode[] {
  const producers = new Map(drafts.map((draft, k) => [draft.output.name, k]));
  const readers = new Map<string, number[]>();
  drafts.forEach((draft, k) => {
    for (const name of new Set(inputsOf(draft).map((value) => value.name))) readers.set(name, [...(readers.get(name) ?? []), k]);
  });
  const joined = new Set<number>();
  const nodes: FloatNode[] = [];
  for (let k = drafts.length - 1; k >= 0; k--) {
    if (joined.has(k)) continue;
    const draft = drafts[k]!;
    if (draft.kind !== 'scalar') nodes.push(draft);
    else {
      const run = runEndingIn(k);
      run?.members.forEach((member) => joined.add(member));
      nodes.push(run ? runNode(draft, run) : standAlone(draft));
    }
  }
  return nodes.reverse();

  /** The largest run whose last operator this is; null if even the operator alone reads several values. */
  function runEndingIn(last: number): Run | null {
    const members = new Set([last]);
    const boundary = new Map(inputsOf(drafts[last]!).map((value) => [value.name, value]));
    let run: Run | null = null;
    for (;;) {
      const [source] = boundary.values();
      if (boundary.size === 1) run = { members: new Set(members), source: source! };
      // Latest first: then all that can read a value is in the run before the value is looked at.
      const next = [...boundary.keys()]
        .map((name) => producers.get(name) ?? -1)
        .filter((k) => k >= 0 && canJoin(k, members))
        .reduce((a, b) => Math.max(a, b), -1);
      if (next < 0) break;
      members.add(next);
      boundary.delete(drafts[next]!.output.name);
      for (const value of inputsOf(drafts[next]!)) boundary.set(value.name, value);
    }
    if (run) leaveAffineStart(run, last);
    return run;
  }

  function canJoin(k: number, members: ReadonlySet<number>): boolean {
    const { kind, output } = drafts[k]!;
    return kind === 'scalar' && !outputs.has(output.name) && (readers.get(output.name) ?? []).every((reader) => members.has(reader));
  }

  function leaveAffineStart(run: Run, last: number): void {
    if (affineForm(expressionOf(run, last))) return;
    for (;;) {
      const { source, members } = run;
      const producer = drafts[producers.get(source.name) ?? -1];
      const [first, ...others] = readers.get(source.name) ?? [];
      if (!producer || !isLinear(producer) || first === undefined || others.length > 0 || outputs.has(source.name) || first === last)
        return;
      const step = drafts[first]!;
      if (!isAffineStep(step)) return;
      members.delete(first);
      run.source = step.output;
    }
  }

  function expressionOf({ members, source }: Run, last: number): Expression {
    const known = new Map([[source.name, X]]);
    for (const member of [...members].sort((a, b) => a - b)) {
      const step = drafts[member] as ScalarStep;
      const expression = step.expression(step.inputs.map(({ name }) => known.get(name)!));
      if (size(expression) > LONGEST_EXPRESSION) {
        throw new ModelError('the elementwise operators before it are too many for one function', {
          node: step.name,
          operator: step.operator,
        });
      }
      known.set(step.output.name, expression);
    }
    return known.get(drafts[last]!.output.name)!;
  }

  function runNode(step: ScalarStep, run: Run): AffineNode | ElementwiseNode {
    const { name, operator, output } = step;
    if (step.condition) throw new ModelError('its truth values are read outside of an elementwise expression', { node: name, operator });
    const expression = expressionOf(run, drafts.indexOf(step));
    const text = formula(expression);
    if (/NaN|Infinity/.test(text))
      throw new ModelError(`computes ${text}, whose constants are no finite numbers`, { node: name, operator });
    const affine = affineForm(expression);
    const common = { name, operator, input: run.source, output };
    if (!affine) return { ...common, kind: 'elementwise', fn: evaluate(expression), formula: text };
    const dims = output.dims.map(() => 1);
    return {
      ...common,
      kind: 'affine',
      scale: { dims, data: Float32Array.of(affine.scale) },
      offset: { dims, data: Float32Array.of(affine.offset) },
    };
  }
}

/** What a start can be folded into. A sum that is read here alone and is not in the run has two sources: it becomes an addition. */
function isLinear(draft: Draft): boolean {
  return LINEAR.has(draft.kind) || isAffineStep(draft) || (draft.kind === 'scalar' && draft.sum !== undefined);
}

/** The operator alone is affine. */
function isAffineStep(draft: Draft): boolean {
  return draft.kind === 'scalar' && draft.inputs.length === 1 && affineForm(draft.expression([X])) !== null;
}

/** An operator of two values that are no functions of one. */
function standAlone({ name, operator, inputs, output, sum, condition }: ScalarStep): FloatNode {
  if (sum !== undefined && !condition) return { kind: 'add', name, operator, inputs: [inputs[0]!, inputs[1]!], signs: [1, sum], output };
  const names = [...new Set(inputs.map((input) => input.name))].join(' and ');
  throw new ModelError(`combines ${names}, which are not functions of one tensor`, {
    node: name,
    operator,
    hint: 'of two computed tensors only sums and differences are supported; gates and attention are not',
  });
}

/** What a draft reads. */
export function inputsOf(draft: Draft): readonly FloatValue[] {
  switch (draft.kind) {
    case 'add':
    case 'scalar':
      return draft.inputs;
    case 'view':
      return draft.parts.map(({ input }) => input);
    default:
      return [draft.input];
  }
}
