/** ONNX Runtime in Node: WebAssembly there too, so that Node and page compute the same bits. */
import * as runtime from 'onnxruntime-web';
import { modelOpener } from './session.ts';

export { InferenceFailure } from './failure.ts';

export const openModel = modelOpener(runtime);
