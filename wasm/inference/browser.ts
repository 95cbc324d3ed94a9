/** ONNX Runtime in a page or its workers. */
import * as runtime from 'onnxruntime-web/wasm';
// The bundler gives both files addresses of their own. With only one of them, a built page hangs as soon as there is more than one thread.
import mjs from 'onnxruntime-web/ort-wasm-simd-threaded.mjs?url';
import wasm from 'onnxruntime-web/ort-wasm-simd-threaded.wasm?url';
import { modelOpener } from './session.ts';

export { InferenceFailure } from './failure.ts';

runtime.env.wasm.wasmPaths = { wasm, mjs };

export const openModel = modelOpener(runtime);
