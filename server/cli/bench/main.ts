/**
 * `npm run bench`: how long proofs take.
 *
 *   npm run bench                             every model, on 1 and 2 threads
 *   npm run bench -- --only NAME              one model
 *   npm run bench -- --threads 1,2,4          other numbers of threads
 *   npm run bench -- --json FILE              writes the results
 *   npm run bench -- --compare FILE           prints ratios to results that were written before
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem, type } from 'node:os';
import { parseArgs } from 'node:util';
import type { Circuit } from '../../../circuits/graph/circuit.ts';
import { compile } from '../../../circuits/quantize/compile.ts';
import { openModel } from '../../../wasm/inference/node.ts';
import { commitCircuit } from '../../../wasm/prove.ts';
import { loadKernels, nodePlatform } from '../../../wasm/runtime/node.ts';
import { startKernels } from '../../../wasm/runtime/threads.ts';
import { time } from '../table.ts';
import { createTerminal } from '../terminal.ts';
import { measure, type BenchResult, type Measured } from './measure.ts';
import { comparisonText, machineText, resultsText, type BenchReport, type Machine } from './report.ts';
import { SUBJECTS, type Subject } from './subjects.ts';

const terminal = createTerminal(process, false);

/** The options, or the process ends with what is wrong with them. */
function options(): { only: string | undefined; threads: number[]; json: string | undefined; compare: string | undefined } {
  try {
    const { values } = parseArgs({
      options: {
        only: { type: 'string' },
        threads: { type: 'string', default: '1,2' },
        json: { type: 'string' },
        compare: { type: 'string' },
      },
    });
    const threads = values.threads.split(',').map(Number);
    if (threads.some((n) => !Number.isInteger(n) || n < 1 || n > 64))
      throw new Error(`--threads ${values.threads}: expected numbers 1..64, such as 1,2`);
    const names = [...new Set(SUBJECTS.map(({ model }) => model))];
    if (values.only !== undefined && !names.includes(values.only))
      throw new Error(`--only ${values.only}: expected one of ${names.join(', ')}`);
    return { only: values.only, threads, json: values.json, compare: values.compare };
  } catch (error) {
    terminal.note(`error: ${(error as Error).message}`);
    process.exit(2);
  }
}

/** Compiles a model; circuits with committed weights are made from those with public ones. */
async function prepare(subject: Subject, file: Uint8Array): Promise<Measured> {
  const progress = terminal.progress(`compiling ${subject.model}`);
  const { circuit, weights } = await compile(file, { calibration: subject.calibration }, { openModel }, ({ done, total, phase }) => {
    progress.at(done, total, phase);
  });
  progress.end();
  const { model, warmUps, runs } = subject;
  return {
    model,
    weightsAre: subject.weights,
    circuit: subject.weights === 'public' ? circuit : await committed(circuit, weights),
    weights,
    warmUps,
    runs,
  };
}

async function committed(circuit: Circuit, weights: readonly Int8Array[]): Promise<Circuit> {
  const running = await startKernels(await loadKernels(), () => nodePlatform.startThread());
  try {
    return commitCircuit(running.kernels, circuit, weights);
  } finally {
    await running.end();
  }
}

function machine(): Machine {
  return {
    processor: cpus()[0]?.model ?? 'unknown processor',
    parallelism: nodePlatform.parallelism,
    memory_bytes: totalmem(),
    node: process.versions.node,
    system: `${type()} ${release()}`,
  };
}

const { only, threads, json, compare } = options();
const earlier = compare === undefined ? null : (JSON.parse(readFileSync(compare, 'utf8')) as BenchReport);
const results: BenchResult[] = [];
console.log(machineText(machine()));
for (const subject of SUBJECTS.filter(({ model }) => only === undefined || model === only)) {
  const file = subject.load();
  if (file === null) {
    terminal.note(`not measured: ${subject.model}: its file is not there; set $VERITAB_MODELS to the folder of public models`);
    continue;
  }
  const start = performance.now();
  const measured = await prepare(subject, file);
  terminal.note(`${subject.model}, ${subject.weights} weights: compiled in ${time(performance.now() - start)}`);
  for (const n of threads) {
    const progress = terminal.progress(`proving ${subject.model} on ${n} ${n === 1 ? 'thread' : 'threads'}`);
    results.push(await measure(measured, n, (done, total) => progress.at(done, total)));
    progress.end();
  }
}
console.log(`\n${resultsText(results)}`);
if (earlier) console.log(`\nRatios to ${compare}:\n${comparisonText(results, earlier.results)}`);
if (json !== undefined) writeFileSync(json, `${JSON.stringify({ machine: machine(), results } satisfies BenchReport, null, 2)}\n`);
