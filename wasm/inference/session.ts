/**
 * ONNX Runtime as the rest of the project sees it: one model, any values of its graph, one thread, no optimisation, so that a model gives
 * the same bits on every machine, in Node and in a page. `node.ts` and `browser.ts` pass in the runtime of their platform.
 */
import type * as Ort from 'onnxruntime-web';
import type { ModelSession, OpenModel } from '../../circuits/quantize/runner.ts';
import { withOutputs } from './outputs.ts';
import { InferenceFailure } from './failure.ts';

export { InferenceFailure } from './failure.ts';

/** What is used of the package `onnxruntime-web`, whichever of its builds. */
export type Runtime = Pick<typeof Ort, 'InferenceSession' | 'Tensor' | 'env'>;

type Input = Parameters<ModelSession['run']>[0][string];
type Value = Awaited<ReturnType<ModelSession['run']>>[string];

const OPTIONS: Ort.InferenceSession.SessionOptions = {
  executionProviders: ['wasm'],
  graphOptimizationLevel: 'disabled',
  executionMode: 'sequential',
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  // Errors only: warnings about the graph would go to the console.
  logSeverityLevel: 3,
};

/** Runs an action of ONNX Runtime; what it throws (an error, or the number of a C++ exception) becomes an `InferenceFailure`. */
async function attempt<T>(what: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (cause) {
    const reason =
      cause instanceof Error
        ? cause.message.replace(/^.*ERROR_MESSAGE: /s, '')
        : `C++ exception ${String(cause)}, often for lack of memory`;
    throw new InferenceFailure(`ONNX Runtime cannot ${what}: ${reason}`, { cause });
  }
}

function toTensor(runtime: Runtime, name: string, { dims, data }: Input): Ort.Tensor {
  const elements = dims.reduce((a, b) => a * b, 1);
  if (data.length !== elements)
    throw new InferenceFailure(`input ${name}: ${data.length} values for dimensions ${dims.join(' x ')}, expected ${elements}`);
  return data instanceof Float32Array ? new runtime.Tensor('float32', data, dims) : new runtime.Tensor('uint8', data, dims);
}

function fromTensor(name: string, { type, data, dims }: Ort.Tensor): Value {
  if (data instanceof Float32Array || data instanceof Int32Array || data instanceof Uint8Array) {
    if (type === 'float32' || type === 'int32' || type === 'uint8') return { dims, data };
  }
  throw new InferenceFailure(`value ${name} has type ${type}; float32, int32 and uint8 can be read`);
}

/**
 * Makes the `OpenModel` of a runtime. It rejects with `InferenceFailure` where the file is no ONNX model, a value is not in its graph, or ONNX
 * Runtime cannot run the model; `run` rejects with it where inputs are missing, unknown, or of the wrong type or size.
 */
export function modelOpener(runtime: Runtime): OpenModel {
  return async (model, outputs) => {
    runtime.env.wasm.numThreads = 1;
    const bytes = withOutputs(model, outputs);
    const session = await attempt('open the model', () => runtime.InferenceSession.create(bytes, OPTIONS));
    return {
      async run(inputs) {
        const expected = session.inputNames;
        const given = Object.keys(inputs);
        if (expected.length !== given.length || !expected.every((name) => Object.hasOwn(inputs, name)))
          throw new InferenceFailure(`expected the inputs ${expected.join(', ')}; got ${given.join(', ') || 'none'}`);
        const feeds = Object.fromEntries(given.map((name) => [name, toTensor(runtime, name, inputs[name]!)]));
        const values = await attempt('run the model', () => session.run(feeds, [...new Set(outputs)]));
        return Object.fromEntries(outputs.map((name) => [name, fromTensor(name, values[name]!)]));
      },
      close: () => attempt('close the model', () => session.release()),
    };
  };
}
