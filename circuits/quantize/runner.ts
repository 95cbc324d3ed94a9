/** What quantizing needs from a platform: a run of the float model. `wasm/inference` gives one. */

/** A loaded ONNX model. */
export interface ModelSession {
  /** Runs one input per call, by name, C-order; resolves to the values asked for when the session was opened, by name. */
  run(
    inputs: Readonly<Record<string, { readonly dims: readonly number[]; readonly data: Float32Array | Uint8Array }>>,
  ): Promise<Readonly<Record<string, { readonly dims: readonly number[]; readonly data: Float32Array | Int32Array | Uint8Array }>>>;
  close(): Promise<void>;
}

/**
 * Opens an ONNX file with the named values (any tensor of the graph, outputs or not) as outputs; one thread, graph optimisation disabled, so
 * that results are the same on every machine.
 */
export type OpenModel = (model: Uint8Array, outputs: readonly string[]) => Promise<ModelSession>;
