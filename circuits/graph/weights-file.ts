/** The file of a circuit's weights: u32 count, then per convolution, in circuit order, u32 length and int8 weights. */
import type { Weights } from './circuit.ts';
import { FileRefusal, decodeFields, encodeFields } from './file.ts';

/** Largest weights file that is read. */
export const MAX_WEIGHTS_FILE_BYTES = 2 ** 28;

/** Convolutions of a circuit, at most: as many as terms of any kind. */
const MAX_CONVOLUTIONS = 2 ** 13;

/** Values are -127..127. Throws `FileRefusal` if one is -128, or if there are too many. */
export function encodeWeightsFile(weights: Weights): Uint8Array {
  if (weights.length > MAX_CONVOLUTIONS) throw new FileRefusal('weights', `at most ${MAX_CONVOLUTIONS} convolutions`, `${weights.length}`);
  weights.forEach(refuseLeast);
  const bytes = weights.reduce((sum, { length }) => sum + length, 0);
  if (bytes > MAX_WEIGHTS_FILE_BYTES / 2) throw new FileRefusal('weights', `at most ${MAX_WEIGHTS_FILE_BYTES / 2} weights`, `${bytes}`);
  return encodeFields('weights', (out) => {
    out.list(weights, (own) => {
      out.u32(own.length);
      out.bytes(new Uint8Array(own.buffer, own.byteOffset, own.length));
    });
  });
}

/**
 * Throws `FileRefusal`. Whether the weights are those of a circuit is not known from the file: `checkCircuit` compares lengths and hashes.
 */
export function decodeWeightsFile(file: Uint8Array): Weights {
  return decodeFields('weights', file, MAX_WEIGHTS_FILE_BYTES, (data) => {
    const readOne = (): Int8Array => {
      const bytes = data.bytes(data.count(1));
      return new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length);
    };
    const weights = data.list(4, readOne, MAX_CONVOLUTIONS);
    weights.forEach(refuseLeast);
    return weights;
  });
}

function refuseLeast(weights: Int8Array, n: number): void {
  const at = weights.indexOf(-128);
  if (at >= 0) throw new FileRefusal('weights', 'weights in -127..127', `-128 at position ${at} of convolution ${n}`);
}
