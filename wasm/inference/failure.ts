/** A model cannot be opened or run; the message says what ONNX Runtime, or the check before it, had against it. */
export class InferenceFailure extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'InferenceFailure';
  }
}
