/** The outputs of a model: under the names that the file declares, with the dimensions it declares, without a final Softmax. */
import type { DeclaredOutput, Source } from './decode.ts';
import { dimsText } from './dims.ts';
import { ModelError, type FloatValue } from './float-graph.ts';
import type { Draft } from './operators/operator.ts';
import type { Lowered } from './read.ts';

interface Named {
  readonly drafts: Draft[];
  readonly outputs: FloatValue[];
}

/**
 * An output that is another value's alias (through Identity, Dropout, Cast) gives that value its name; where the value must keep its own,
 * a view is added. Says in `notes` what was left out.
 */
export function nameOutputs({ outputs }: Source, { values, drafts }: Lowered, notes: string[]): Named {
  const produced = new Set(drafts.map(({ output }) => output.name));
  const declared = new Set(outputs.map(({ name }) => name));
  const names = new Map<string, string>();
  const views: Draft[] = [];
  const results: FloatValue[] = [];
  const renamed = (value: FloatValue): FloatValue => ({ ...value, name: names.get(value.name) ?? value.name });

  for (const output of outputs) {
    const value = valueOf(output, values);
    if (!value || value.name === output.name) continue;
    if (produced.has(value.name) && !declared.has(value.name) && !names.has(value.name)) names.set(value.name, output.name);
    else {
      const view = {
        kind: 'view',
        name: `output ${output.name}`,
        operator: 'Identity',
        parts: [{ input: value, index: null }],
        fill: 0,
      } as const;
      views.push({ ...view, output: { name: output.name, dims: value.dims } });
    }
  }
  for (const output of outputs) {
    const operand = values.get(output.name)!;
    const value = operand.kind === 'softmax' ? operand.logits : valueOf(output, values)!;
    checkDeclared(output, value.dims);
    if (operand.kind === 'softmax') {
      const { operator, name, axis } = operand;
      const logits = renamed(value);
      notes.push(
        `${name} (${operator}, axis ${axis}) is left to the client: output ${output.name} is replaced by its argument ${logits.name}`,
      );
      if (!results.some((result) => result.name === logits.name)) results.push(logits);
    } else if (!results.some((result) => result.name === output.name)) results.push({ name: output.name, dims: value.dims });
  }
  return { drafts: [...drafts, ...views].map((draft) => renamedDraft(draft, renamed)), outputs: results };
}

/** The value of an output, null for a Softmax. */
function valueOf({ name }: DeclaredOutput, values: Lowered['values']): FloatValue | null {
  const operand = values.get(name);
  if (!operand || operand.kind === 'constant') throw new ModelError(`output ${name} is a constant: it does not depend on the input`);
  if (operand.kind === 'condition') throw new ModelError(`output ${name} holds truth values, expected floats`);
  return operand.kind === 'variable' ? operand.value : null;
}

function checkDeclared({ name, dims }: DeclaredOutput, actual: readonly number[]): void {
  if (!dims) return;
  const fits = dims.length === actual.length && dims.every((dim, axis) => typeof dim === 'string' || dim === actual[axis]);
  if (!fits) {
    throw new ModelError(`output ${name} is ${dimsText(dims)} in the file, but its operators give ${dimsText(actual)}`, {
      hint: 'the file contradicts itself, or was made for another input shape or batch',
    });
  }
}

function renamedDraft(draft: Draft, renamed: (value: FloatValue) => FloatValue): Draft {
  const output = renamed(draft.output);
  switch (draft.kind) {
    case 'scalar':
      return { ...draft, output, inputs: draft.inputs.map(renamed) };
    case 'add':
      return { ...draft, output, inputs: [renamed(draft.inputs[0]), renamed(draft.inputs[1])] };
    case 'view':
      return { ...draft, output, parts: draft.parts.map(({ input, index }) => ({ input: renamed(input), index })) };
    default:
      return { ...draft, output, input: renamed(draft.input) };
  }
}
