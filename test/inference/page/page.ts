/** What the inference test calls in the page. */
import { openModel } from '../../../wasm/inference/browser.ts';

const actions = {
  /** Runs a model on one float input; gives the bits of a value. */
  async run(
    model: readonly number[],
    input: string,
    dims: readonly number[],
    values: readonly number[],
    output: string,
  ): Promise<number[]> {
    const session = await openModel(Uint8Array.from(model), [output]);
    const results = await session.run({ [input]: { dims, data: Float32Array.from(values) } });
    await session.close();
    const { buffer, byteOffset, byteLength } = results[output]!.data;
    return [...new Uint8Array(buffer, byteOffset, byteLength)];
  },
};

export type PageActions = typeof actions;

Object.assign(globalThis, { actions });
document.documentElement.dataset.ready = '';
