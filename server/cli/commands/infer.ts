/** `veritab infer MODEL --input FILE`: asks a coordinator for an answer, follows its proofs, verifies them here. */
import { encodeCircuitFile } from '../../../circuits/graph/file.ts';
import { encodeWeightsFile } from '../../../circuits/graph/weights-file.ts';
import { createArtefacts, type CircuitFiles } from '../../../web/client/artefacts.ts';
import { createBlobs } from '../../../web/client/blobs.ts';
import type { Client } from '../../../web/client/client.ts';
import { decodeBundle, encodeBundle } from '../../wire/bundle.ts';
import type { InferenceEvent, Model } from '../../wire/http.ts';
import { MAX_BUNDLE_BYTES, MAX_SLICES } from '../../wire/limits.ts';
import { command, type Result } from '../command.ts';
import { COORDINATOR_ARG, coordinatorOrigin } from '../coordinator-calls.ts';
import { asking, attributionText, checksText, DATA_ARG, edgeStorage, nodeClient, refuseUnproven } from '../edge.ts';
import { Failure } from '../failure.ts';
import { writeFiles } from '../files.ts';
import { INPUT_ARGS, INPUT_DESCRIPTION, readInputs } from '../inputs.ts';
import { outputReports, outputsText } from '../outputs.ts';
import { bytesText, facts, time } from '../table.ts';
import type { Terminal } from '../terminal.ts';

export const infer = command({
  meta: { name: 'infer', description: 'Ask a coordinator for an answer, and verify its proofs here' },
  args: {
    model: { type: 'positional', required: true, description: "Name or digest of one of the coordinator's models" },
    input: { type: 'string', required: true, valueHint: 'file,...', description: INPUT_DESCRIPTION },
    coordinator: COORDINATOR_ARG,
    slices: { type: 'string', valueHint: 'n', description: "In how many slices it is proven; by default the coordinator's choice" },
    deadline: { type: 'string', valueHint: 'seconds', description: 'For how long proofs are waited for (default: 60)' },
    bundle: {
      type: 'string',
      valueHint: 'file',
      description: 'Where the answer goes with its proofs and its model, to be verified by anyone',
    },
    data: DATA_ARG,
    ...INPUT_ARGS,
  },
  async run(args, terminal): Promise<Result> {
    const coordinator = coordinatorOrigin(args.coordinator);
    const slices = numberOf('slices', args.slices, MAX_SLICES);
    const deadline = numberOf('deadline', args.deadline, 600);
    const storage = edgeStorage(args.data);
    const client = nodeClient(coordinator, storage);
    try {
      const model = await asking(() => client.model(args.model));
      const { digest, circuitBlob, weightsBlob } = model;
      const files = await createArtefacts(createBlobs(coordinator, fetch, storage.blobs), storage.records).get({
        digest,
        circuitBlob,
        weightsBlob,
      });
      const inputs = await readInputs(files.circuit, args.input.split(','), {
        quantized: args.quantized === true,
        clip: args.clip === true,
      });

      const start = performance.now();
      const options = { ...(slices !== null && { slices }), ...(deadline !== null && { deadlineMs: 1000 * deadline }) };
      const { inference, bundle } = await asked(client, model, inputs, options, terminal);
      const answered = performance.now();
      const verdict = await client.verify(bundle, { model: digest, inputs, request: inference.id });
      refuseUnproven(verdict);

      const { outputs } = decodeBundle(bundle);
      const reports = outputReports(files.circuit, outputs);
      const written = args.bundle === undefined ? null : await writeBundle(args.bundle, bundle, files);
      const text = `${facts([
        [
          'proven',
          `by ${inference.jobs.length === 1 ? 'one proof' : `${inference.jobs.length} proofs`}, verified here in ${time(verdict.ms)}`,
        ],
        ['model', args.model === digest ? digest : `${digest}, which ${coordinator} calls ${model.name}`],
        ['request', `${inference.id}, answered with its proofs in ${time(answered - start)}`],
        ['who', attributionText(verdict)],
        ['bundle', written],
      ])}\n\n${checksText(verdict)}\n\n${outputsText(files.circuit, reports)}`;
      const json = {
        proven: verdict.proven,
        attributed: verdict.attributed,
        model: digest,
        request: inference.id,
        outputs: reports,
        checks: verdict.checks,
        answer_ms: answered - start,
        verify_ms: verdict.ms,
        bundle: args.bundle ?? null,
      };
      return { text, json };
    } finally {
      await client.dispose();
    }
  },
});

function numberOf(name: string, text: string | undefined, most: number): number | null {
  if (text === undefined) return null;
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > most)
    throw new Failure('usage', 'usage', `--${name} is out of range`, { expected: `1 to ${most}`, got: text });
  return value;
}

/** Asks and waits, with a bar that counts proven slices. */
async function asked(
  client: Client,
  { digest }: Model,
  inputs: readonly Uint8Array[],
  options: { readonly slices?: number; readonly deadlineMs?: number },
  terminal: Terminal,
) {
  const bar = terminal.progress('proving');
  const proven = new Set<number>();
  let total = 1;
  const onEvent = (event: InferenceEvent): void => {
    const jobs = event.type === 'job' ? [event.job] : event.inference.jobs;
    if (event.type !== 'job') total = event.inference.jobs.length;
    for (const { slice, state } of jobs) if (state === 'proven') proven.add(slice);
    const [busy] = jobs.filter(({ state }) => state === 'proving' || state === 'verifying');
    bar.at(proven.size, total, busy ? `slice ${busy.slice + 1} of ${total}: ${busy.phase ?? busy.state}` : '');
  };
  try {
    return await asking(() => client.infer(digest, inputs, { ...options, onEvent }));
  } finally {
    bar.end();
  }
}

/** The bundle with its model in it, where both fit; says what was written. */
async function writeBundle(path: string, file: Uint8Array, { circuit, weights }: CircuitFiles): Promise<string> {
  const artefacts = { circuit: encodeCircuitFile(circuit), weights: encodeWeightsFile(weights) };
  const fits = file.length + artefacts.circuit.length + artefacts.weights.length + 8 <= MAX_BUNDLE_BYTES;
  const bytes = fits ? encodeBundle({ ...decodeBundle(file), artefacts }) : file;
  await writeFiles([{ path, bytes }]);
  return `${path}, ${bytesText(bytes.length)}${fits ? '' : ', without the model, which is too large'}`;
}
