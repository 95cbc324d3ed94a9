/** `veritab prove MODEL INPUT... --out FILE`: runs the integer model on an input and proves it, whole or in slices. */
import { nodePlatform } from '../../../wasm/runtime/node.ts';
import { command, THREADS_ARG, threadsOf, type Result } from '../command.ts';
import { parseCount } from '../compile-options.ts';
import { contextText, parseContext } from '../context.ts';
import { writeFiles } from '../files.ts';
import { INPUT_ARGS, INPUT_DESCRIPTION, readInputs } from '../inputs.ts';
import { loadCircuit, loadWeights, MODEL_DESCRIPTION, refuseCommitted } from '../model.ts';
import { outputReports, outputsText } from '../outputs.ts';
import { proveInSlices, proveWhole, type SliceReport } from '../proving.ts';
import { bytesText, facts, hex, table, time } from '../table.ts';

const MAX_SLICES = 4096;

export const prove = command({
  meta: { name: 'prove', description: 'Run a model on an input and prove it' },
  args: {
    model: { type: 'positional', required: true, description: MODEL_DESCRIPTION },
    input: { type: 'positional', required: true, description: INPUT_DESCRIPTION },
    out: { type: 'string', alias: 'o', required: true, valueHint: 'file', description: 'Where the proof goes' },
    context: { type: 'string', valueHint: 'text', description: 'What the proof is bound to: text, or bytes as hex:00ff' },
    slices: {
      type: 'string',
      valueHint: 'n',
      description:
        'Prove in n slices of about equal cost: their proofs go to FILE.0, FILE.1, ..., a list of them to FILE, which verify takes',
    },
    threads: THREADS_ARG,
    ...INPUT_ARGS,
  },
  more: true,
  async run(args, terminal): Promise<Result> {
    const threads = threadsOf(args.threads) ?? nodePlatform.parallelism;
    const count = args.slices === undefined ? null : parseCount('slices', args.slices, 1, 1, MAX_SLICES);
    const context = parseContext(args.context ?? '');
    const model = await loadCircuit(args.model);
    if (count !== null) refuseCommitted(model);
    const weights = await loadWeights(model);
    const { circuit } = model;
    const inputs = await readInputs(circuit, args._.slice(1), { quantized: args.quantized === true, clip: args.clip === true });

    const progress = terminal.progress('proving');
    try {
      const request = { circuit, weights, inputs, context, out: args.out, threads };
      const proven = await (count === null ? proveWhole(request, progress) : proveInSlices(request, count, progress));
      progress.end();
      const { files, digest, outputs, proofBytes, prepareTime, timings, peak, slices } = proven;
      await writeFiles(files);

      const reports = outputReports(circuit, outputs);
      const text = [
        facts([
          ['proof', `${args.out}, ${bytesText(proofBytes)}${slices ? ` in ${slices.length} slices` : ''}`],
          ['circuit', hex(digest)],
          ['context', contextText(context)],
          ['proven in', `${time(timings.total)} on ${threads} ${threads === 1 ? 'thread' : 'threads'} (prepared in ${time(prepareTime)})`],
          ['memory', peak === null ? null : bytesText(peak)],
        ]),
        ...(slices ? [slicesText(slices)] : []),
        outputsText(circuit, reports),
      ].join('\n\n');
      const json = {
        proof: args.out,
        files: files.map(({ path, bytes }) => ({ path, bytes: bytes.length })),
        proof_bytes: proofBytes,
        circuit: hex(digest),
        context: hex(context),
        outputs: reports,
        threads,
        prepare_ms: prepareTime,
        prove_ms: timings.total,
        phases: timings.phases,
        peak_bytes: peak,
        slices,
      };
      return { text, json };
    } finally {
      progress.end();
    }
  },
});

function slicesText(slices: readonly SliceReport[]): string {
  const right = (title: string) => ({ title, align: 'right' as const });
  const columns = [right('slice'), { title: 'layers' }, right('crossing'), right('proof'), right('prepared'), right('proven')];
  return table(
    columns,
    slices.map(({ from, to, crossing, proof_bytes, prepare_ms, prove_ms }, k) => [
      `${k}`,
      from === to ? from : `${from} .. ${to}`,
      crossing?.join(' x ') ?? '',
      bytesText(proof_bytes),
      time(prepare_ms),
      time(prove_ms),
    ]),
  );
}
