/** `veritab prove MODEL INPUT... --out FILE`: runs the integer model on an input and proves it. */
import { encodeProofFile } from '../../../circuits/graph/proof-file.ts';
import { nodePlatform } from '../../../wasm/runtime/node.ts';
import { createProver } from '../../../wasm/runtime/prover.ts';
import { command, THREADS_ARG, threadsOf, type Result } from '../command.ts';
import { contextText, parseContext } from '../context.ts';
import { writeFiles } from '../files.ts';
import { INPUT_ARGS, INPUT_DESCRIPTION, readInputs } from '../inputs.ts';
import { loadCircuit, loadWeights, MODEL_DESCRIPTION } from '../model.ts';
import { outputReports, outputsText } from '../outputs.ts';
import { bytesText, facts, hex, time } from '../table.ts';

const PHASES = ['forward', 'commit', 'lookups', 'linear', 'batching', 'opening'] as const;

export const prove = command({
  meta: { name: 'prove', description: 'Run a model on an input and prove it' },
  args: {
    model: { type: 'positional', required: true, description: MODEL_DESCRIPTION },
    input: { type: 'positional', required: true, description: INPUT_DESCRIPTION },
    out: { type: 'string', alias: 'o', required: true, valueHint: 'file', description: 'Where the proof goes' },
    context: { type: 'string', valueHint: 'text', description: 'What the proof is bound to: text, or bytes as hex:00ff' },
    threads: THREADS_ARG,
    ...INPUT_ARGS,
  },
  more: true,
  async run(args, terminal): Promise<Result> {
    const threads = threadsOf(args.threads) ?? nodePlatform.parallelism;
    const context = parseContext(args.context ?? '');
    const model = await loadCircuit(args.model);
    const weights = await loadWeights(model);
    const { circuit } = model;
    const inputs = await readInputs(circuit, args._.slice(1), { quantized: args.quantized === true, clip: args.clip === true });

    const progress = terminal.progress('proving');
    const start = performance.now();
    progress.at(0, PHASES.length + 1, 'preparing');
    const prover = await createProver(nodePlatform, circuit, weights, { threads });
    try {
      const prepared = performance.now() - start;
      const { outputs, proof, timings } = await prover.prove(inputs, context, {
        onProgress: (phase) => progress.at(1 + PHASES.indexOf(phase), PHASES.length + 1, phase),
      });
      progress.end();
      const memory = await prover.memory();
      const file = encodeProofFile({ circuit: prover.digest, context, inputs, outputs, proof });
      await writeFiles([{ path: args.out, bytes: file }]);

      const reports = outputReports(circuit, outputs);
      const text = `${facts([
        ['proof', `${args.out}, ${bytesText(proof.length)}`],
        ['circuit', hex(prover.digest)],
        ['context', contextText(context)],
        ['proven in', `${time(timings.total)} on ${threads} ${threads === 1 ? 'thread' : 'threads'} (prepared in ${time(prepared)})`],
        ['memory', memory && bytesText(memory.peak)],
      ])}\n\n${outputsText(circuit, reports)}`;
      const json = {
        proof: args.out,
        proof_bytes: proof.length,
        file_bytes: file.length,
        circuit: hex(prover.digest),
        context: hex(context),
        outputs: reports,
        threads,
        prepare_ms: prepared,
        prove_ms: timings.total,
        phases: timings.phases,
        peak_bytes: memory?.peak ?? null,
      };
      return { text, json };
    } finally {
      progress.end();
      await prover.dispose();
    }
  },
});
