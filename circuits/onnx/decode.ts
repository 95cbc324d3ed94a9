/** From the bytes of a file to an ONNX graph whose frame is sound: versions, inputs, outputs, names. */
import { fromBinary } from '@bufbuild/protobuf';
import {
  ModelProtoSchema,
  TensorProto_DataType,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from 'onnx-buf';
import { dimsText, MAX_ELEMENTS, count } from './dims.ts';
import { ModelError, type FloatValue } from './float-graph.ts';

const OLDEST_OPSET = 7;
const NEWEST_OPSET = 21;

/** Most inputs and outputs of a model that can be proven. */
const MOST_INPUTS = 8;

/** An operator of the file with a name for messages. */
export interface SourceNode {
  readonly message: NodeProto;
  /** Unique: its own, or operator and output where it has none. */
  readonly name: string;
}

/** What the file declares about an output; a dimension it does not fix is a text. */
export interface DeclaredOutput {
  readonly name: string;
  /** Null if the file says nothing. */
  readonly dims: readonly (number | string)[] | null;
}

export interface Source {
  readonly opset: number;
  /** Without the initializers that old files list among them. */
  readonly inputs: readonly FloatValue[];
  readonly outputs: readonly DeclaredOutput[];
  readonly initializers: ReadonlyMap<string, TensorProto>;
  /** In the file's order; only those that an output needs. */
  readonly nodes: readonly SourceNode[];
  readonly notes: readonly string[];
}

/**
 * Decodes a file.
 * @param shapes dimensions of inputs whose own are symbolic, by name
 * @throws ModelError
 */
export function decodeModel(bytes: Uint8Array, shapes: Readonly<Record<string, readonly number[]>>): Source {
  const model = decodeMessage(bytes);
  const { graph } = model;
  if (!graph) throw new ModelError('not an ONNX model: it holds no graph');
  const opset = operatorSet(model);
  if (graph.sparseInitializer.length > 0) {
    throw new ModelError('sparse initializers are not supported', { hint: 'store the weights as dense tensors' });
  }
  const initializers = new Map<string, TensorProto>();
  for (const tensor of graph.initializer) {
    if (tensor.name === '') throw new ModelError('an initializer has no name');
    if (initializers.has(tensor.name)) throw new ModelError(`two initializers are named ${tensor.name}`);
    initializers.set(tensor.name, tensor);
  }
  const notes: string[] = [];
  const declared = graph.input.filter(({ name }) => !initializers.has(name));
  const stranger = Object.keys(shapes).find((name) => !declared.some((input) => input.name === name));
  if (stranger !== undefined) {
    const names = declared.map(({ name }) => name).join(', ');
    throw new ModelError(`a shape was given for ${stranger}, which is no input; the inputs are: ${names}`);
  }
  const inputs = declared.map((input) => inputValue(input, shapes, notes));
  const outputs = graph.output.map(declaredOutput);
  if (inputs.length < 1 || inputs.length > MOST_INPUTS)
    throw new ModelError(`a model has 1 to ${MOST_INPUTS} inputs, this one has ${inputs.length}`);
  if (outputs.length < 1 || outputs.length > MOST_INPUTS)
    throw new ModelError(`a model has 1 to ${MOST_INPUTS} outputs, this one has ${outputs.length}`);
  return { opset, inputs, outputs, initializers, nodes: neededNodes(graph, initializers), notes };
}

function decodeMessage(bytes: Uint8Array): ModelProto {
  try {
    return fromBinary(ModelProtoSchema, bytes, { readUnknownFields: false });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ModelError(`not an ONNX file, or one that is cut or damaged: ${reason}`);
  }
}

function operatorSet({ opsetImport }: ModelProto): number {
  const standard = opsetImport.filter(({ domain }) => domain === '' || domain === 'ai.onnx');
  const [first] = standard;
  if (!first || standard.length > 1) {
    throw new ModelError(`not an ONNX model: it names ${standard.length} versions of the standard operators, expected one`);
  }
  const opset = Number(first.version);
  if (opset < OLDEST_OPSET || opset > NEWEST_OPSET) {
    throw new ModelError(`operator set ${opset} is not supported, expected ${OLDEST_OPSET} to ${NEWEST_OPSET}`, {
      hint: 'export or convert the model to operator set 17',
    });
  }
  return opset;
}

/** Dimensions as declared: a text where symbolic, '?' where nothing is said; null if there is no shape at all. */
function declaredDims({ type }: ValueInfoProto): (number | string)[] | null {
  if (type?.value.case !== 'tensorType' || !type.value.value.shape) return null;
  return type.value.value.shape.dim.map(({ value }) => {
    if (value.case === 'dimValue') return value.value > 0n ? Number(value.value) : '?';
    return value.case === 'dimParam' && value.value !== '' ? value.value : '?';
  });
}

function declaredOutput(output: ValueInfoProto): DeclaredOutput {
  return { name: output.name, dims: declaredDims(output) };
}

function inputValue(input: ValueInfoProto, shapes: Readonly<Record<string, readonly number[]>>, notes: string[]): FloatValue {
  const { name } = input;
  if (name === '') throw new ModelError('an input has no name');
  const type = input.type?.value;
  if (type?.case !== 'tensorType') throw new ModelError(`input ${name} is no tensor`);
  const elements = type.value.elemType;
  if (elements !== (TensorProto_DataType.FLOAT as number)) {
    throw new ModelError(`input ${name} holds ${TensorProto_DataType[elements] ?? `type ${elements}`}, expected FLOAT`, {
      hint: 'export the model in float32',
    });
  }
  const declared = declaredDims(input);
  const given = Object.hasOwn(shapes, name) ? shapes[name] : undefined;
  const dims = given ? chosenDims(name, declared, given) : fixedDims(name, declared, notes);
  if (dims.some((dim) => !Number.isSafeInteger(dim) || dim < 1) || count(dims) > MAX_ELEMENTS) {
    throw new ModelError(`input ${name} has dimensions ${dimsText(dims)}, expected positive ones and at most ${MAX_ELEMENTS} elements`);
  }
  return { name, dims };
}

function chosenDims(name: string, declared: readonly (number | string)[] | null, given: readonly number[]): readonly number[] {
  const fits =
    !declared || (declared.length === given.length && declared.every((dim, axis) => typeof dim === 'string' || dim === given[axis]));
  if (!fits) throw new ModelError(`input ${name} is ${dimsText(declared)} in the file and was given as ${dimsText(given)}`);
  return [...given];
}

function fixedDims(name: string, declared: readonly (number | string)[] | null, notes: string[]): number[] {
  if (!declared) throw new ModelError(`input ${name} has no shape`, { hint: `give it: shapes: { '${name}': [1, 3, 224, 224] }` });
  return declared.map((dim, axis) => {
    if (typeof dim === 'number') return dim;
    if (axis > 0) {
      throw new ModelError(`input ${name} is ${dimsText(declared)}: dimension ${axis} (${dim}) is not fixed`, {
        hint: `give the shape of ${name} in numbers`,
      });
    }
    notes.push(`the first dimension of input ${name} (${dim}) is taken as 1`);
    return 1;
  });
}

/** The nodes that an output needs. Each name is given once, and before it is read. */
function neededNodes(graph: GraphProto, initializers: ReadonlyMap<string, TensorProto>): SourceNode[] {
  const names = new Set<string>();
  const nodes = graph.node.map((message): SourceNode => {
    const output = message.output.find((value) => value !== '') ?? '';
    const wanted = message.name === '' ? `${message.opType} of ${output}` : message.name;
    let name = wanted;
    for (let k = 2; names.has(name); k++) name = `${wanted} #${k}`;
    names.add(name);
    return { message, name };
  });

  const defined = new Set(initializers.keys());
  for (const { name } of graph.input.filter((input) => !initializers.has(input.name))) {
    if (defined.has(name)) throw new ModelError(`two inputs are named ${name}`);
    defined.add(name);
  }
  const needed = new Set(graph.output.map(({ name }) => name));
  for (const { message, name } of nodes) {
    for (const output of message.output.filter((value) => value !== '')) {
      if (defined.has(output)) throw new ModelError(`gives ${output}, which has a value already`, { node: name, operator: message.opType });
      defined.add(output);
    }
  }
  for (const output of needed) {
    if (!defined.has(output)) throw new ModelError(`output '${output}' is given by no node`);
  }
  return nodes
    .reverse()
    .filter(({ message }) => {
      const isNeeded = message.output.some((output) => output !== '' && needed.has(output));
      if (isNeeded) message.input.forEach((input) => needed.add(input));
      return isNeeded;
    })
    .reverse();
}
