/** `veritab verify bundle FILE`: checks an answer with all its proofs, from its model's digest alone. */
import { decodeCircuitFile } from '../../circuits/graph/file.ts';
import { createArtefacts } from '../../web/client/artefacts.ts';
import { createBlobs } from '../../web/client/blobs.ts';
import { decodeBundle, type Bundle } from '../wire/bundle.ts';
import { addressOf } from '../wire/keys.ts';
import type { Result } from './command.ts';
import { coordinatorOrigin } from './coordinator-calls.ts';
import { asking, attributionText, checksText, edgeStorage, nodeClient, refuseUnproven } from './edge.ts';
import { Failure } from './failure.ts';
import { readWhole } from './files.ts';
import { readInputs } from './inputs.ts';
import { outputReports, outputsText } from './outputs.ts';
import { bytesText, facts, hex, time } from './table.ts';

export interface BundleArgs {
  /** What the bundle must be about; else its word is taken, and that is said. */
  readonly digest?: string | undefined;
  readonly input?: string | undefined;
  readonly quantized?: boolean | undefined;
  readonly clip?: boolean | undefined;
  /** Where the model is fetched from, if it is not in the bundle. */
  readonly coordinator: string;
  readonly data: string;
}

/** Throws `FileRefusal` where the file is no bundle, `Failure` (refused) where its answer is not proven. */
export async function verifyBundle(path: string, args: BundleArgs): Promise<Result> {
  const wanted = args.digest ?? null;
  if (wanted !== null && !/^[0-9a-f]{64}$/.test(wanted))
    throw new Failure('usage', 'usage', '--digest is no digest', { expected: '64 lower-case hexadecimal digits', got: wanted });
  const file = await readWhole(path, 'the bundle');
  const bundle = decodeBundle(file);
  const coordinator = coordinatorOrigin(args.coordinator);
  const storage = edgeStorage(args.data);
  const client = nodeClient(coordinator, storage);

  /** Only to read an input as its model takes it. Whether it is the model's circuit, the verification finds out. */
  async function circuitOf({ artefacts, model }: Bundle) {
    if (artefacts) return decodeCircuitFile(artefacts.circuit);
    const { digest, circuitBlob, weightsBlob } = await asking(() => client.model(hex(model)));
    const { circuit } = await createArtefacts(createBlobs(coordinator, fetch, storage.blobs), storage.records).get({
      digest,
      circuitBlob,
      weightsBlob,
    });
    return circuit;
  }

  try {
    const inputs =
      args.input === undefined
        ? null
        : await readInputs(await circuitOf(bundle), args.input.split(','), {
            quantized: args.quantized === true,
            clip: args.clip === true,
          });
    const verdict = await client.verify(file, { model: wanted, inputs });
    refuseUnproven(verdict);
    const meaning = { meaning: verdict.meaning! };
    const reports = outputReports(meaning, bundle.outputs);
    const text = `${facts([
      ['proven', `${path}, ${bytesText(file.length)}, verified in ${time(verdict.ms)}`],
      ['model', wanted === null ? `${hex(bundle.model)}: the bundle's word, compare it with the model you mean` : wanted],
      ['input', inputs === null ? "the bundle's word: --input compares it" : 'yours'],
      ['request', `${bundle.request}, ${new Date(bundle.created).toISOString()} by the clock of ${addressOf(bundle.coordinator.hotkey)}`],
      ['who', attributionText(verdict)],
    ])}\n\n${checksText(verdict)}\n\n${outputsText(meaning, reports)}`;
    const json = {
      proven: true,
      attributed: verdict.attributed,
      bundle: path,
      model: hex(bundle.model),
      request: bundle.request,
      created: bundle.created,
      coordinator: addressOf(bundle.coordinator.hotkey),
      miners: bundle.slices.map(({ certificate }) => addressOf(certificate.hotkey)),
      outputs: reports,
      checks: verdict.checks,
      verify_ms: verdict.ms,
    };
    return { text, json };
  } finally {
    await client.dispose();
  }
}
