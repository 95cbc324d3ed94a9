/** What `compile` is told on the command line. */
import type { Calibration } from '../../circuits/quantize/calibration.ts';
import { formatOf, type CalibrationFormat } from '../../circuits/quantize/calibration-file.ts';
import type { RangeRule } from '../../circuits/quantize/ranges.ts';
import { Failure } from './failure.ts';

export const SHAPE_ARG = {
  type: 'string',
  valueHint: 'name=dims,...',
  description: 'Dimensions of inputs that an ONNX file leaves open: input=1x3x224x224',
} as const;

function usage(message: string, expected: string, got: string): Failure {
  return new Failure('usage', 'usage', message, { expected, got });
}

/** `input=1x3x224x224,mask=1x10`: dimensions of inputs by name. */
export function parseShapes(text: string): Record<string, readonly number[]> {
  return Object.fromEntries(
    text.split(',').map((item) => {
      const at = item.lastIndexOf('=');
      const dims = item
        .slice(at + 1)
        .split('x')
        .map(Number);
      if (at < 1 || dims.some((n) => !Number.isSafeInteger(n) || n < 1))
        throw usage('--shape does not name an input and its dimensions', 'name=1x3x224x224', item);
      return [item.slice(0, at), dims];
    }),
  );
}

/** `minmax`, `percentile:99.9`, `mse` or `auto`. */
export function parseRanges(text: string): RangeRule | 'auto' {
  if (text === 'minmax' || text === 'mse' || text === 'auto') return text;
  const percentile = /^percentile:(\d+(?:\.\d+)?)$/.exec(text);
  const value = Number(percentile?.[1]);
  if (!(value > 50 && value <= 100)) throw usage('--ranges is no rule', 'minmax, percentile:q (50 < q <= 100), mse or auto', text);
  return { percentile: value };
}

const NUMBER = String.raw`[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?`;
const DISTRIBUTION = new RegExp(`^(uniform|normal):(${NUMBER}),(${NUMBER})$`, 'i');

/** `uniform:lo,hi` or `normal:mean,std`; null for anything else, which is the name of a file. */
export function parseDistribution(text: string, count: number, seed: number): Calibration | null {
  if (!/^(uniform|normal):/.test(text)) return null;
  const [, kind, first, second] = DISTRIBUTION.exec(text) ?? [];
  if (kind === undefined) throw usage('--calibrate is no distribution', 'uniform:lo,hi or normal:mean,std', text);
  const [a, b] = [Number(first), Number(second)];
  if (kind === 'uniform') {
    if (!(a < b)) throw usage('--calibrate states an empty interval', 'uniform:lo,hi with lo < hi', text);
    return { kind, lo: a, hi: b, count, seed };
  }
  if (!(b > 0)) throw usage('--calibrate states no deviation', 'normal:mean,std with std > 0', text);
  return { kind: 'normal', mean: a, std: b, count, seed };
}

/** An integer option. */
export function parseCount(name: string, text: string | undefined, byDefault: number, least: number, most: number): number {
  if (text === undefined) return byDefault;
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < least || value > most)
    throw usage(`--${name} is out of range`, `an integer in ${least} .. ${most}`, text);
  return value;
}

/** `1,2.5,-3`. */
export function parseNumbers(name: string, text: string): number[] {
  const values = text.split(',').map((part) => (part.trim() === '' ? NaN : Number(part)));
  if (!values.every(Number.isFinite)) throw usage(`--${name} is no list of numbers`, '1,2.5,-3', text);
  return values;
}

/** `lo,hi`. */
export function parseRange(name: string, text: string): readonly [number, number] {
  const [lo = NaN, hi = NaN, ...more] = parseNumbers(name, text);
  if (!(lo < hi) || more.length > 0) throw usage(`--${name} is no interval`, 'lo,hi with lo < hi', text);
  return [lo, hi];
}

const LABEL_BYTES = 255;

/** Names of `expected` classes: a JSON list of texts, or one name a line. Throws `Failure` (input). */
export function parseLabels(file: string, bytes: Uint8Array, expected: number): string[] {
  const labels = labelsOf(file, bytes);
  if (labels.length !== expected)
    throw new Failure('input', 'labels', `${file} does not name the classes of the model's first output`, {
      expected: `${expected} labels`,
      got: `${labels.length}`,
    });
  const long = labels.find((label) => new TextEncoder().encode(label).length > LABEL_BYTES);
  if (long !== undefined)
    throw new Failure('input', 'labels', `${file}: a label is too long`, {
      expected: `at most ${LABEL_BYTES} bytes`,
      got: `${long.slice(0, 40)}...`,
    });
  return labels;
}

function labelsOf(file: string, bytes: Uint8Array): string[] {
  const what = { expected: 'a JSON list of texts, or one name a line' };
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new Failure('input', 'labels', `${file} is not UTF-8 text`, { ...what, cause });
  }
  if (!text.trimStart().startsWith('[')) {
    const lines = text.trimEnd();
    return lines === '' ? [] : lines.split(/\r?\n/);
  }
  let labels: unknown;
  try {
    labels = JSON.parse(text);
  } catch (cause) {
    throw new Failure('input', 'labels', `${file} is not JSON`, { ...what, cause });
  }
  if (Array.isArray(labels) && labels.every((label) => typeof label === 'string')) return labels;
  throw new Failure('input', 'labels', `${file} holds no labels`, what);
}

/** The format of a file of inputs: what its name and first bytes tell, or what `--raw` says of files that tell nothing. */
export function calibrationFormat(file: string, bytes: Uint8Array, raw: string | undefined): CalibrationFormat {
  if (raw !== undefined && raw !== 'uint8' && raw !== 'float32') throw usage('--raw is no kind of numbers', 'uint8 or float32', raw);
  // Raw numbers may begin like JSON, but hardly like an archive.
  if (raw !== undefined && !/\.(json|npy|npz)$/i.test(file)) return raw;
  return formatOf(bytes);
}
