/**
 * The built-in model: a convolutional network that reads a handwritten digit. The network itself is `digits.onnx` beside this file, and
 * `calibration.u8` holds a hundred digits; who uses them reads the files and passes the bytes.
 */
import type { CompileOptions } from '../../quantize/compile.ts';

/** What the model takes and gives, as `digits.onnx` names it. */
export const digitsModel = {
  name: 'digits',
  input: {
    name: 'image',
    dims: [1, 1, 28, 28],
    note: 'grey, 0 (paper) to 255 (ink), row by row; the digit 20 pixels high, its centre of mass in the middle',
  },
  output: { name: 'logits', dims: [1, 10], labels: ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'] },
} as const;

/** An image of a digit: 28 x 28 bytes, row by row, 0 (paper) to 255 (ink). */
export interface Digit {
  readonly label: number;
  readonly pixels: Uint8Array;
}

const SIZE = digitsModel.input.dims[2] * digitsModel.input.dims[3];
const CLASSES = digitsModel.output.labels.length;

/**
 * The digits of `calibration.u8`: images one after the other, 784 bytes each; the label of the i-th is i mod 10. For calibration, and as
 * examples.
 * @throws RangeError if the bytes are not whole images
 */
export function calibrationDigits(bytes: Uint8Array): Digit[] {
  if (bytes.length === 0 || bytes.length % SIZE !== 0) {
    throw new RangeError(`calibration digits: expected a multiple of ${SIZE} bytes, got ${bytes.length}`);
  }
  return Array.from({ length: bytes.length / SIZE }, (_, i) => ({
    label: i % CLASSES,
    pixels: bytes.subarray(i * SIZE, (i + 1) * SIZE),
  }));
}

/**
 * How the model is compiled, everywhere, so that everywhere its circuit has the same digest. The circuit's input bytes are the pixels.
 * @param calibration the bytes of `calibration.u8`
 * @example const { circuit, weights } = await compile(digitsOnnx, digitsCompileOptions(calibration), { openModel });
 */
export function digitsCompileOptions(calibration: Uint8Array): CompileOptions {
  const samples = calibrationDigits(calibration).map(({ pixels }) => [Float32Array.from(pixels)]);
  return {
    calibration: { kind: 'data', samples },
    inputRanges: [[0, 255]],
    labels: digitsModel.output.labels,
    note: digitsModel.input.note,
  };
}
