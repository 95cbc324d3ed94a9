/** Integer models run by ONNX Runtime: a session per model, opened when first needed. For a worker: a run blocks its thread. */
import { size, type Circuit, type Weights } from '../../circuits/graph/circuit.ts';
import { publicNames, tensorName, writeIntegerModel } from '../../circuits/onnx/write.ts';
import type { ModelSession } from '../../circuits/quantize/runner.ts';
import { openModel } from '../../wasm/inference/node.ts';

export interface RunnableModel {
  readonly circuit: Circuit;
  readonly weights: Weights;
  /** Tensors inside of the circuit that a run gives, too: those that cross a cut. */
  readonly crossing: readonly number[];
}

export interface RunResult {
  /** By output of the circuit. */
  readonly outputs: readonly (Uint8Array | Int32Array)[];
  /** By crossing tensor of the model. */
  readonly crossing: readonly Uint8Array[];
}

export interface OpenedModel {
  run(inputs: readonly Uint8Array[]): Promise<RunResult>;
  close(): Promise<void>;
}

/** Opens a model. Rejects with `InferenceFailure` where ONNX Runtime cannot run it. */
export async function openIntegerModel({ circuit, weights, crossing }: RunnableModel): Promise<OpenedModel> {
  const names = publicNames(circuit);
  const inside = crossing.map(tensorName);
  const session: ModelSession = await openModel(writeIntegerModel(circuit, weights), [...names.outputs, ...inside]);
  return {
    async run(inputs) {
      const values = await session.run(
        Object.fromEntries(names.inputs.map((name, k) => [name, { dims: circuit.meaning.inputs[k]!.dims, data: inputs[k]! }])),
      );
      return {
        outputs: names.outputs.map((name) => integers(name, values[name]!.data)),
        crossing: inside.map((name) => bytes(name, values[name]!.data)),
      };
    },
    close: () => session.close(),
  };
}

function integers(name: string, data: Float32Array | Int32Array | Uint8Array): Uint8Array | Int32Array {
  if (data instanceof Float32Array) throw new TypeError(`output ${name} of an integer model came as float32`);
  return data;
}

function bytes(name: string, data: Float32Array | Int32Array | Uint8Array): Uint8Array {
  if (!(data instanceof Uint8Array)) throw new TypeError(`tensor ${name}, at which the model is cut, did not come as uint8`);
  return data;
}

/** What is wrong with the inputs of a model, or null. */
export function inputFault(
  circuit: Circuit,
  inputs: readonly Uint8Array[],
): { code: string; message: string; expected: string; got: string } | null {
  const { meaning } = circuit;
  if (inputs.length !== circuit.inputs.length) {
    return {
      code: 'input-count',
      message: 'the number of inputs is not that of the model',
      expected: `${circuit.inputs.length}: ${meaning.inputs.map(({ name }) => name).join(', ')}`,
      got: `${inputs.length}`,
    };
  }
  for (const [k, { shape }] of circuit.inputs.entries()) {
    const { name, dims } = meaning.inputs[k]!;
    if (inputs[k]!.length === size(shape)) continue;
    return {
      code: 'input-size',
      message: `input ${name} does not have the model's shape`,
      expected: `${size(shape)} bytes, ${dims.join(' x ')} of 0 to 255`,
      got: `${inputs[k]!.length} bytes`,
    };
  }
  return null;
}
