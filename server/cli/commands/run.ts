/** `veritab run MODEL INPUT...`: the integer model on an input, without a proof. */
import { execute } from '../../../circuits/execute/execute.ts';
import { command, type Result } from '../command.ts';
import { checkWeights } from '../commitments.ts';
import { INPUT_ARGS, INPUT_DESCRIPTION, readInputs } from '../inputs.ts';
import { loadCircuit, loadWeights, MODEL_DESCRIPTION } from '../model.ts';
import { outputReports, outputsText } from '../outputs.ts';
import { stoppable } from '../signals.ts';
import { facts, hex, time } from '../table.ts';

export const run = command({
  meta: { name: 'run', description: 'Run an integer model on an input, without a proof' },
  args: {
    model: { type: 'positional', required: true, description: MODEL_DESCRIPTION },
    input: { type: 'positional', required: true, description: INPUT_DESCRIPTION },
    ...INPUT_ARGS,
  },
  more: true,
  async run(args): Promise<Result> {
    const model = await loadCircuit(args.model);
    const weights = await loadWeights(model);
    const { circuit, digest } = model;
    const inputs = await readInputs(circuit, args._.slice(1), { quantized: args.quantized === true, clip: args.clip === true });
    await checkWeights(circuit, weights);
    const start = performance.now();
    const { outputs } = stoppable(() => execute(circuit, weights, inputs));
    const milliseconds = performance.now() - start;
    const reports = outputReports(circuit, outputs);
    const text = `${facts([
      ['circuit', hex(digest)],
      ['time', `${time(milliseconds)} in plain JavaScript`],
    ])}\n\n${outputsText(circuit, reports)}`;
    return { text, json: { circuit: hex(digest), outputs: reports, run_ms: milliseconds } };
  },
});
