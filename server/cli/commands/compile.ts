/** `veritab compile MODEL.onnx --calibrate ... --out NAME`: turns a float ONNX model into an integer circuit. */
import { setImmediate } from 'node:timers/promises';
import { basename } from 'node:path';
import type { Circuit, Weights } from '../../../circuits/graph/circuit.ts';
import { circuitDigest } from '../../../circuits/graph/encoding.ts';
import { encodeCircuitFile } from '../../../circuits/graph/file.ts';
import { encodeRegistrationFile } from '../../../circuits/graph/proof-file.ts';
import { encodeWeightsFile } from '../../../circuits/graph/weights-file.ts';
import { readModel } from '../../../circuits/onnx/read.ts';
import type { FloatValue } from '../../../circuits/onnx/float-graph.ts';
import type { Calibration } from '../../../circuits/quantize/calibration.ts';
import { readCalibration, readLabels, type CalibrationFormat } from '../../../circuits/quantize/calibration-file.ts';
import { compile as compileModel, type CompileOptions } from '../../../circuits/quantize/compile.ts';
import { evaluate } from '../../../circuits/quantize/evaluate.ts';
import { recipeOf } from '../../../circuits/quantize/recipe.ts';
import type { OpenModel } from '../../../circuits/quantize/runner.ts';
import { openModel } from '../../../wasm/inference/node.ts';
import { command, type Result } from '../command.ts';
import { committedCircuit, registrationOf } from '../commitments.ts';
import { evaluationText, reportText } from '../compile-report.ts';
import {
  calibrationFormat,
  parseCount,
  parseDistribution,
  parseLabels,
  parseNumbers,
  parseRange,
  parseRanges,
  parseShapes,
  SHAPE_ARG,
} from '../compile-options.ts';
import { Failure } from '../failure.ts';
import { readWhole, writeFiles } from '../files.ts';
import { modelPaths } from '../model.ts';
import { encodeRecipeFile } from '../recipe-file.ts';
import { bytesText, count, facts, hex, time } from '../table.ts';
import type { Terminal } from '../terminal.ts';

const DEFAULT_SAMPLES = 32;

export const compile = command({
  meta: { name: 'compile', description: 'Turn a float ONNX model into an integer circuit' },
  args: {
    model: { type: 'positional', required: true, description: 'An ONNX file' },
    calibrate: {
      type: 'string',
      required: true,
      valueHint: 'file|uniform:lo,hi|normal:mean,std',
      description: 'Inputs to calibrate with (.npy, .npz, .json, raw), or the distribution they have',
    },
    out: {
      type: 'string',
      alias: 'o',
      required: true,
      valueHint: 'name',
      description: 'Writes NAME.circuit, NAME.weights, NAME.recipe.json',
    },
    samples: {
      type: 'string',
      valueHint: 'n',
      description: `Inputs to calibrate with: of a file all by default, of a distribution ${DEFAULT_SAMPLES}`,
    },
    seed: { type: 'string', valueHint: 'n', description: 'Seed of a distribution; 1 by default' },
    raw: { type: 'string', valueHint: 'uint8|float32', description: 'What raw files hold' },
    ranges: {
      type: 'string',
      valueHint: 'rule',
      description: 'Ranges of activations: minmax (default), percentile:q, mse, or auto, which tries all',
    },
    'input-range': { type: 'string', valueHint: 'lo,hi', description: 'Real values that the bytes of the input stand for' },
    mean: {
      type: 'string',
      valueHint: 'a,b,c',
      description: 'With --std: inputs are bytes, and the model reads (byte - mean) / std, per channel',
    },
    std: { type: 'string', valueHint: 'a,b,c', description: 'See --mean' },
    shape: SHAPE_ARG,
    labels: { type: 'string', valueHint: 'file', description: 'Names of the classes: a JSON list, or one a line' },
    note: { type: 'string', valueHint: 'text', description: 'What a person should know of the input, colour order for example' },
    evaluate: { type: 'string', valueHint: 'file', description: 'Other inputs, on which circuit and float model are compared' },
    'evaluate-labels': { type: 'string', valueHint: 'file', description: 'Their classes, for accuracy: .npy, JSON or raw bytes' },
    committed: { type: 'boolean', description: 'Keep the weights secret: the circuit names a commitment, and they are registered' },
  },
  async run(args, terminal): Promise<Result> {
    const start = performance.now();
    const model = await readWhole(args.model, 'the model');
    const shapes = args.shape === undefined ? {} : { shapes: parseShapes(args.shape) };
    const { inputs, outputs } = readModel(model, shapes);
    const format = (file: string, bytes: Uint8Array): CalibrationFormat => calibrationFormat(file, bytes, args.raw);
    const calibration = await calibrationOf(args, inputs, format);
    const options: CompileOptions = { calibration: calibration.data, ...shapes, ...(await otherOptions(args, outputs)) };
    if (options.normalization !== undefined) checkBytes(args.calibrate, calibration.data);
    const evaluation = await evaluationData(args, inputs, format);

    const compiled = await withProgress(terminal, 'compiling', (report) =>
      compileModel(model, options, { openModel: openBreathing }, ({ phase, done, total }) => report(done, total, phase)),
    );
    const { weights, report } = compiled;
    const evaluated =
      evaluation === null
        ? null
        : await withProgress(terminal, 'evaluating', (progress) =>
            evaluate(compiled, model, evaluation.samples, evaluation.labels, openBreathing, {
              ...(options.normalization && { normalization: options.normalization }),
              onProgress: (done) => progress(done, evaluation.samples.length, ''),
            }),
          );
    const circuit = args.committed === true ? await committedCircuit(compiled.circuit, weights) : compiled.circuit;
    const digest = hex(circuitDigest(circuit));
    const recipe = recipeOf(model, options, compiled, { format: calibration.format, evaluation: evaluated });
    const files = await modelFiles(args.out, circuit, weights);
    files.push({
      path: modelPaths(args.out).recipe,
      bytes: encodeRecipeFile({
        veritab: 'recipe',
        version: 1,
        files: { model: basename(args.model), calibration: calibration.file },
        committed: args.committed === true ? digest : null,
        recipe,
      }),
    });
    await writeFiles(files);

    const total = weights.reduce((sum, { length }) => sum + length, 0);
    const text = [
      reportText(report),
      ...(evaluated ? [evaluationText(evaluated)] : []),
      facts([
        ['circuit', digest],
        ['weights', `${count(total)}, ${args.committed === true ? 'committed' : 'public'}`],
        ['ranges', typeof compiled.ranges === 'string' ? compiled.ranges : `percentile:${compiled.ranges.percentile}`],
        ['written', files.map(({ path, bytes }) => `${path}  ${bytesText(bytes.length)}`).join('\n')],
        ['compiled in', time(performance.now() - start)],
      ]),
    ].join('\n\n');
    const json = {
      circuit: digest,
      weights: args.committed === true ? 'committed' : 'public',
      files: files.map(({ path, bytes }) => ({ path, bytes: bytes.length })),
      ranges: compiled.ranges,
      report,
      evaluation: evaluated,
      compile_ms: performance.now() - start,
    };
    return { text, json };
  },
});

interface CalibrationArguments {
  readonly calibrate: string;
  readonly samples?: string | undefined;
  readonly seed?: string | undefined;
}

interface OptionArguments {
  readonly ranges?: string | undefined;
  readonly 'input-range'?: string | undefined;
  readonly mean?: string | undefined;
  readonly std?: string | undefined;
  readonly labels?: string | undefined;
  readonly note?: string | undefined;
}

interface EvaluationArguments {
  readonly evaluate?: string | undefined;
  readonly 'evaluate-labels'?: string | undefined;
}

type FormatOf = (file: string, bytes: Uint8Array) => CalibrationFormat;

/** A distribution, or the samples of a file. */
async function calibrationOf(
  args: CalibrationArguments,
  inputs: readonly FloatValue[],
  formatOf: FormatOf,
): Promise<{ data: Calibration; format: CalibrationFormat | null; file: string | null }> {
  const seed = parseCount('seed', args.seed, 1, 0, 2 ** 32 - 1);
  const samples = parseCount('samples', args.samples, 0, 1, 1_000_000);
  const distribution = parseDistribution(args.calibrate, samples || DEFAULT_SAMPLES, seed);
  if (distribution !== null) return { data: distribution, format: null, file: null };
  if (args.seed !== undefined) throw new Failure('usage', 'usage', '--seed is for distributions', { got: args.calibrate });
  const bytes = await readWhole(args.calibrate, 'the calibration inputs');
  const format = formatOf(args.calibrate, bytes);
  const all = readCalibration(bytes, inputs, format);
  if (samples > all.length)
    throw new Failure('input', 'calibration', `${args.calibrate} holds too few inputs`, { expected: `${samples}`, got: `${all.length}` });
  return { data: { kind: 'data', samples: samples ? all.slice(0, samples) : all }, format, file: basename(args.calibrate) };
}

/** What the circuit is to be like. */
async function otherOptions(args: OptionArguments, outputs: readonly FloatValue[]): Promise<Partial<CompileOptions>> {
  const { ranges, mean, std, labels, note } = args;
  const range = args['input-range'];
  if ((mean === undefined) !== (std === undefined)) throw new Failure('usage', 'usage', '--mean and --std go together');
  if (mean !== undefined && range !== undefined)
    throw new Failure('usage', 'usage', '--input-range has no place beside --mean and --std: the inputs are bytes', { got: range });
  return {
    ...(ranges !== undefined && { ranges: parseRanges(ranges) }),
    ...(range !== undefined && { inputRanges: [parseRange('input-range', range)] }),
    ...(mean !== undefined && std !== undefined && { normalization: { mean: parseNumbers('mean', mean), std: parseNumbers('std', std) } }),
    ...(labels !== undefined && { labels: parseLabels(labels, await readWhole(labels, 'the labels'), elements(outputs[0]!)) }),
    ...(note !== undefined && { note }),
  };
}

const elements = ({ dims }: FloatValue): number => dims.reduce((a, b) => a * b, 1);

/** With --mean and --std the circuit's inputs are bytes, and so must be what it is calibrated with. */
function checkBytes(file: string, calibration: Calibration): void {
  const expected = 'values of 0 .. 255: with --mean and --std the inputs are bytes';
  const refuse = (got: string): never => {
    throw new Failure('input', 'calibration', `${file}: the calibration inputs are no bytes`, { expected, got });
  };
  if (calibration.kind === 'uniform' && (calibration.lo < 0 || calibration.hi > 255)) refuse(`${calibration.lo} .. ${calibration.hi}`);
  if (calibration.kind !== 'data') return;
  for (const values of calibration.samples.flat()) {
    const other = values.find((value) => !(value >= 0 && value <= 255));
    if (other !== undefined) refuse(`${other}`);
  }
}

/** The inputs to compare on, with their classes if they are known. */
async function evaluationData(args: EvaluationArguments, inputs: readonly FloatValue[], formatOf: FormatOf) {
  const labelFile = args['evaluate-labels'];
  if (args.evaluate === undefined) {
    if (labelFile !== undefined) throw new Failure('usage', 'usage', '--evaluate-labels needs --evaluate');
    return null;
  }
  const bytes = await readWhole(args.evaluate, 'the inputs to evaluate on');
  const samples = readCalibration(bytes, inputs, formatOf(args.evaluate, bytes));
  if (labelFile === undefined) return { samples, labels: null };
  const labelBytes = await readWhole(labelFile, 'the classes of the inputs to evaluate on');
  const format = calibrationFormat(labelFile, labelBytes, 'uint8');
  return { samples, labels: readLabels(labelBytes, format === 'npy' || format === 'json' ? format : 'uint8') };
}

/** The files of a circuit and its weights, with the registration proof of committed ones. */
async function modelFiles(out: string, circuit: Circuit, weights: Weights): Promise<{ path: string; bytes: Uint8Array }[]> {
  const paths = modelPaths(out);
  const files = [
    { path: paths.circuit, bytes: encodeCircuitFile(circuit) },
    { path: paths.weights, bytes: encodeWeightsFile(weights) },
  ];
  if (circuit.weightRoot !== null) {
    const proof = await registrationOf(circuit, weights);
    files.push({ path: paths.registration, bytes: encodeRegistrationFile({ circuit: circuitDigest(circuit), proof }) });
  }
  return files;
}

/** Runs of a model block; between them the process looks whether it is to stop. */
export const openBreathing: OpenModel = async (model, outputs) => {
  const session = await openModel(model, outputs);
  return {
    async run(inputs) {
      await setImmediate();
      return session.run(inputs);
    },
    close: () => session.close(),
  };
};

async function withProgress<T>(
  terminal: Terminal,
  label: string,
  action: (report: (done: number, total: number, what: string) => void) => Promise<T>,
): Promise<T> {
  const progress = terminal.progress(label);
  try {
    return await action((done, total, what) => progress.at(done, total, what));
  } finally {
    progress.end();
  }
}
