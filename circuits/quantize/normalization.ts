/** Folding a normalization of the input into the model, on request: the circuit then reads bytes of 0..255, as pictures are stored. */
import type { FloatValue } from '../onnx/float-graph.ts';
import { ModelError } from '../onnx/float-graph.ts';
import type { Sample } from './calibration.ts';
import type { Normalization } from './program.ts';

/** Elements per channel, and the number of channels, of an input. */
function planeOf({ name, dims }: Pick<FloatValue, 'name' | 'dims'>, { mean, std }: Normalization): number {
  const channels = dims[1] ?? 0;
  if (dims[0] !== 1 || mean.length !== channels || std.length !== channels) {
    throw new ModelError(
      `${mean.length} means and ${std.length} deviations for ${dims.join(' x ')}; one per channel (second axis) is expected`,
      {
        node: name,
      },
    );
  }
  if (![...mean, ...std].every((v) => Number.isFinite(v)) || std.some((v) => v <= 0))
    throw new ModelError('means are finite numbers and deviations positive ones', { node: name });
  return dims.slice(2).reduce((a, b) => a * b, 1);
}

/** `scale * x + offset` per element of an input. Throws `ModelError` where there is not one mean and one deviation per channel. */
export function affineOf(input: FloatValue, normalization: Normalization): { readonly scale: Float64Array; readonly offset: Float64Array } {
  const plane = planeOf(input, normalization);
  const { mean, std } = normalization;
  const elements = plane * mean.length;
  const channel = (n: number): number => Math.floor(n / plane);
  return {
    scale: Float64Array.from({ length: elements }, (_, n) => 1 / std[channel(n)]!),
    offset: Float64Array.from({ length: elements }, (_, n) => -mean[channel(n)]! / std[channel(n)]!),
  };
}

/** What the float model reads for a sample of the circuit's inputs. */
export function normalizedSample(
  sample: Sample,
  inputs: readonly Pick<FloatValue, 'name' | 'dims'>[],
  normalization: Normalization | null,
): Sample {
  if (!normalization) return sample;
  const { mean, std } = normalization;
  return sample.map((values, k) => {
    const plane = planeOf(inputs[k]!, normalization);
    return values.map((v, n) => (v - mean[Math.floor(n / plane)]!) / std[Math.floor(n / plane)]!);
  });
}
