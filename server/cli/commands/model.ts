/** `veritab model publish NAME`, `veritab model list`: the models of a coordinator. */
import * as v from 'valibot';
import { checkCircuit } from '../../../circuits/bounds/index.ts';
import { KeyFileError, readKeyFile } from '../../../web/miner/key-file.ts';
import { coordinatorSchema, digestSchema, modelListSchema, modelSchema, publicationSchema, type Model } from '../../wire/http.ts';
import { hotkeyFromSeed } from '../../wire/keys.ts';
import { publicationText } from '../../wire/statements.ts';
import { command, type Result } from '../command.ts';
import { callCoordinator, COORDINATOR_ARG, coordinatorOrigin } from '../coordinator-calls.ts';
import { Failure } from '../failure.ts';
import { readWhole } from '../files.ts';
import { loadCircuit, loadWeights, MODEL_DESCRIPTION } from '../model.ts';
import { bytesText, count, facts, hex, table, time } from '../table.ts';

const keptSchema = v.strictObject({ hash: digestSchema, size: v.number() });

export const model = command({
  meta: { name: 'model', description: 'List the models of a coordinator, or publish one there' },
  args: {
    action: { type: 'positional', required: true, description: 'publish or list' },
    model: { type: 'positional', required: false, description: `What is published. ${MODEL_DESCRIPTION}` },
    coordinator: COORDINATOR_ARG,
    key: { type: 'string', valueHint: 'file', description: 'Hotkey that publishes: a Bittensor hotkey file without a password, or a seed' },
    name: { type: 'string', valueHint: 'name', description: 'Name that it gets; by default that of the files' },
    description: { type: 'string', valueHint: 'text', description: 'What it does, for people' },
    slices: { type: 'string', valueHint: 'n,...', description: 'Into how many slices it is cut, first choice first (default: 1)' },
  },
  async run(args): Promise<Result> {
    const origin = coordinatorOrigin(args.coordinator);
    switch (args.action) {
      case 'list':
        if (args.model !== undefined) throw new Failure('usage', 'usage', 'model list takes no model', { got: args.model });
        return list(origin);
      case 'publish':
        return publish(origin, args);
      default:
        throw new Failure('usage', 'usage', `there is no command model ${args.action}`, { expected: 'publish or list', got: args.action });
    }
  },
});

async function list(origin: string): Promise<Result> {
  const { models } = await callCoordinator(origin, '/v1/models', modelListSchema);
  const right = (title: string) => ({ title, align: 'right' as const });
  const columns = [
    { title: 'name' },
    { title: 'digest' },
    right('layers'),
    right('weights'),
    right('proof'),
    { title: 'slices' },
    { title: 'publisher' },
  ];
  const rows = models.map(({ name, digest, layers, weights, work, plans, publisher }) => [
    name,
    digest,
    count(layers),
    count(weights),
    time(work / 1e6),
    plans.map(({ slices }) => slices.length).join(', '),
    publisher ?? 'the coordinator',
  ]);
  return { text: models.length === 0 ? `${origin} serves no models` : table(columns, rows), json: { models } };
}

interface PublishArgs {
  readonly model?: string | undefined;
  readonly key?: string | undefined;
  readonly name?: string | undefined;
  readonly description?: string | undefined;
  readonly slices?: string | undefined;
}

async function publish(origin: string, args: PublishArgs): Promise<Result> {
  if (args.model === undefined)
    throw new Failure('usage', 'usage', 'which model is to be published?', { expected: 'veritab model publish NAME' });
  if (args.key === undefined) throw new Failure('usage', 'usage', 'who publishes?', { expected: '--key with a hotkey file' });
  const loaded = await loadCircuit(args.model);
  const weights = await loadWeights(loaded);
  // What the coordinator would refuse, is said here, before anything is sent.
  checkCircuit(loaded.circuit, weights);
  const name = args.name ?? loaded.paths.circuit.replace(/^.*[\\/]/, '').replace(/\.circuit$/, '');
  const slices = (args.slices ?? '1').split(',').map(Number);
  const hotkey = hotkeyFromSeed(await seedIn(args.key));
  const coordinator = await callCoordinator(origin, '/v1/coordinator', coordinatorSchema);

  const files = await Promise.all([readWhole(loaded.paths.circuit, 'the circuit'), readWhole(loaded.paths.weights, 'the weights')]);
  const [circuit, weightsBlob] = [await keep(origin, files[0]), await keep(origin, files[1])];
  const statement = { coordinator: coordinator.address, name, circuit, weights: weightsBlob, time: Date.now() };
  const publication = {
    name,
    description: args.description ?? '',
    circuit,
    weights: weightsBlob,
    slices,
    publisher: hotkey.address,
    time: statement.time,
    signature: hex(hotkey.sign(new TextEncoder().encode(publicationText(statement)))),
  };
  const checked = v.safeParse(publicationSchema, publication);
  if (!checked.success) {
    const [issue] = checked.issues;
    const path = v.getDotPath(issue) ?? '';
    throw new Failure('usage', 'usage', `--${path.split('.')[0] ?? ''}: ${issue.message}`, {
      expected: issue.expected ?? '',
      got: issue.received,
    });
  }
  const published = await callCoordinator(origin, '/v1/models', modelSchema, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(publication),
  });
  return { text: publishedText(origin, published), json: { coordinator, model: published } };
}

async function seedIn(file: string): Promise<Uint8Array> {
  const text = new TextDecoder().decode(await readWhole(file, 'the hotkey'));
  try {
    return readKeyFile(text);
  } catch (error) {
    if (error instanceof KeyFileError)
      throw new Failure('input', 'key-file', `${file}: ${error.message}`, { expected: error.expected, got: error.got });
    throw error;
  }
}

/** Puts a file into the coordinator's blobs; gives its hash. */
async function keep(origin: string, bytes: Uint8Array): Promise<string> {
  const body = bytes as Uint8Array<ArrayBuffer>;
  const { hash } = await callCoordinator(origin, '/v1/blobs', keptSchema, {
    method: 'POST',
    headers: { 'content-type': 'application/octet-stream' },
    body,
  });
  return hash;
}

function publishedText(origin: string, { name, digest, publisher, plans, circuitBytes, weightsBytes }: Model): string {
  return facts([
    ['published', `${name} at ${origin}`],
    ['circuit', digest],
    ['publisher', publisher],
    ['files', `${bytesText(circuitBytes)} circuit, ${bytesText(weightsBytes)} weights`],
    ['slices', plans.map(({ slices }) => `${slices.length}: ${slices.map(({ work }) => time(work / 1e6)).join(' + ')}`).join('\n')],
  ]);
}
