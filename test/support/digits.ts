/** The 10,000 labelled test digits of the MNIST database, from the folder of public models. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

/** Names of the files, for `testWithModels` and `describeWithModels`: images, labels. */
export const TEST_DIGITS = ['t10k-images-idx3-ubyte.gz', 't10k-labels-idx1-ubyte.gz'] as const;

export interface LabelledDigits {
  readonly labels: Uint8Array;
  /** 28 x 28 bytes, 0 (paper) to 255 (ink). */
  readonly images: readonly Uint8Array[];
}

/** Reads the two files (IDX format: big-endian magic, dimensions, bytes). */
export function readTestDigits(imagePath: string, labelPath: string): LabelledDigits {
  const images = readIdx(imagePath, 3);
  const labels = readIdx(labelPath, 1);
  const [count, height, width] = images.dims as [number, number, number];
  if (height !== 28 || width !== 28 || labels.dims[0] !== count) throw new Error(`${imagePath}: expected labelled images of 28 x 28`);
  const size = height * width;
  return { labels: labels.data, images: Array.from({ length: count }, (_, i) => images.data.subarray(i * size, (i + 1) * size)) };
}

function readIdx(path: string, rank: number): { dims: number[]; data: Uint8Array } {
  const file = gunzipSync(readFileSync(path));
  // 0, 0, element type 8 (unsigned byte), number of dimensions.
  if (file.readUInt32BE(0) !== 0x0800 + rank) throw new Error(`${path}: expected an IDX file of bytes with ${rank} dimensions`);
  const dims = Array.from({ length: rank }, (_, i) => file.readUInt32BE(4 + 4 * i));
  const data = new Uint8Array(file.subarray(4 + 4 * rank));
  if (data.length !== dims.reduce((a, b) => a * b, 1)) throw new Error(`${path}: expected ${dims.join(' x ')} bytes, got ${data.length}`);
  return { dims, data };
}
