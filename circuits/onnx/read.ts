/** Reads ONNX files of operator sets 7 to 21. */
import type { TensorProto } from 'onnx-buf';
import { decodeModel, type Source } from './decode.ts';
import { ModelError, type FloatGraph, type FloatNode, type FloatValue } from './float-graph.ts';
import { meaningOf } from './operators/index.ts';
import { Operator, type Draft, type Meaning, type Operand } from './operators/operator.ts';
import { nameOutputs } from './outputs.ts';
import { inputsOf, joinRuns } from './runs.ts';
import { decodeTensor } from './tensor.ts';

/** Most entries of all index maps of a model: a guard against files made to fill the memory. */
const MOST_INDICES = 2 ** 26;

export interface ReadOptions {
  /** Dimensions of inputs that the file leaves open, by the input's name: `{ input: [1, 3, 224, 224] }`. */
  readonly shapes?: Readonly<Record<string, readonly number[]>>;
}

/**
 * Reads a float32 ONNX model: decodes and checks the file, computes every shape, folds constants, and says what is left in few kinds of
 * nodes. A symbolic first dimension of an input is taken as 1. A final Softmax is left out, with a note.
 * @throws ModelError, and nothing else, whatever the bytes: it names node and operator at fault and what could be done
 * @example readModel(bytes).nodes.map(({ kind, name }) => `${kind} ${name}`)
 */
export function readModel(bytes: Uint8Array, options: ReadOptions = {}): FloatGraph {
  const source = decodeModel(bytes, options.shapes ?? {});
  const notes = [...source.notes];
  const { drafts, outputs } = nameOutputs(source, lower(source), notes);
  const nodes = joinRuns(needed(drafts, outputs), new Set(outputs.map(({ name }) => name)));
  checkUse(source.inputs, nodes);
  return { inputs: source.inputs, nodes, outputs, notes };
}

/** The file's operators, said in drafts. */
export interface Lowered {
  /** What each name of the file stands for; initializers only where something reads them. */
  readonly values: ReadonlyMap<string, Operand>;
  readonly drafts: readonly Draft[];
}

/** Operator by operator, in the file's order. */
function lower({ opset, inputs, initializers, nodes }: Source): Lowered {
  const values = new Map<string, Operand>(inputs.map((value) => [value.name, { kind: 'variable', value }]));
  const drafts: Draft[] = [];
  const withoutMeaning = new Map<string, string>();
  let indices = 0;
  for (const node of nodes) {
    const { message, name } = node;
    const operands = message.input.map((input) => {
      const operand = input === '' ? null : (values.get(input) ?? initializer(input, initializers, values));
      if (operand !== undefined) return operand;
      const giver = withoutMeaning.get(input);
      throw new ModelError(
        giver === undefined
          ? `reads ${input}, which no node before it gives`
          : `reads ${input}, an output of ${giver} that is not supported`,
        { node: name, operator: message.opType },
      );
    });
    const op = new Operator(node, opset, operands);
    const meanings = meaningOf(op, message.domain);
    message.output.forEach((output, position) => {
      const meaning = meanings[position] ?? null;
      if (output === '') return;
      if (meaning === null) withoutMeaning.set(output, name);
      else values.set(output, operandOf(meaning));
      if (meaning !== null && isDraft(meaning)) {
        drafts.push(meaning);
        indices += indexCount(meaning);
        if (indices > MOST_INDICES) throw op.error(`the index maps up to here have more than ${MOST_INDICES} entries`);
      }
    });
  }
  return { values, drafts };
}

function initializer(name: string, initializers: ReadonlyMap<string, TensorProto>, values: Map<string, Operand>): Operand | undefined {
  const message = initializers.get(name);
  if (!message) return undefined;
  const operand: Operand = { kind: 'constant', tensor: decodeTensor(message, name) };
  values.set(name, operand);
  return operand;
}

function isDraft(meaning: Meaning): meaning is Draft {
  return meaning !== null && 'output' in meaning;
}

function operandOf(meaning: NonNullable<Meaning>): Operand {
  if (!isDraft(meaning)) return meaning;
  return { kind: meaning.kind === 'scalar' && meaning.condition ? 'condition' : 'variable', value: meaning.output };
}

function indexCount(draft: Draft): number {
  return draft.kind === 'view' ? draft.parts.reduce((sum, { index }) => sum + (index?.length ?? 0), 0) : 0;
}

/** The drafts that an output needs: a value may turn out to be needed for its dimensions only. */
function needed(drafts: readonly Draft[], outputs: readonly FloatValue[]): Draft[] {
  const names = new Set(outputs.map(({ name }) => name));
  return drafts
    .toReversed()
    .filter((draft) => {
      if (!names.has(draft.output.name)) return false;
      for (const { name } of inputsOf(draft)) names.add(name);
      return true;
    })
    .reverse();
}

function checkUse(inputs: readonly FloatValue[], nodes: readonly FloatNode[]): void {
  const read = new Set(nodes.flatMap((node) => inputsOf(node).map(({ name }) => name)));
  const unused = inputs.find(({ name }) => !read.has(name));
  if (unused) throw new ModelError(`no output depends on the input ${unused.name}`, { hint: 'remove the input from the model' });
}
