/** Any value of a graph as an output of its model. */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema, ValueInfoProtoSchema, type ModelProto } from 'onnx-buf';
import { InferenceFailure } from './failure.ts';

function decode(model: Uint8Array): ModelProto {
  try {
    return fromBinary(ModelProtoSchema, model);
  } catch (cause) {
    throw new InferenceFailure(`not an ONNX file: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

/**
 * The model with exactly these outputs, in this order. One that was no output gets no type: ONNX Runtime infers it. Throws `InferenceFailure`
 * where the file is no ONNX model or no node makes a value of this name.
 */
export function withOutputs(model: Uint8Array, outputs: readonly string[]): Uint8Array {
  const proto = decode(model);
  const { graph } = proto;
  if (!graph) throw new InferenceFailure('not an ONNX file: it has no graph');
  if (!outputs.length) throw new InferenceFailure('no value was asked for');
  const made = new Set(graph.node.flatMap((node) => node.output));
  const typed = new Map(graph.output.map((value) => [value.name, value]));
  graph.output = [...new Set(outputs)].map((name) => {
    if (name === '' || !made.has(name)) throw new InferenceFailure(`no node of the model makes a value ${JSON.stringify(name)}`);
    return typed.get(name) ?? create(ValueInfoProtoSchema, { name });
  });
  return toBinary(ModelProtoSchema, proto);
}
