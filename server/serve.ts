/** A coordinator, put together from its configuration: store, blobs, models, verifiers, dispatch, and the interface in front of them. */
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { size } from '../circuits/graph/circuit.ts';
import { createApi } from './api/api.ts';
import { clientAddress } from './api/address.ts';
import { createMetrics } from './api/metrics.ts';
import { openPages } from './api/pages.ts';
import { listen } from './api/server.ts';
import { openBlobs } from './blobs/blobs.ts';
import { hotkeySeed } from './config/hotkey.ts';
import { addressesOf, type Config } from './config/schema.ts';
import { startDispatch } from './dispatch/dispatch.ts';
import { coordinatorKeys } from './dispatch/identity.ts';
import type { Log } from './dispatch/observer.ts';
import { createPublications } from './models/publication.ts';
import { addDigits, addFolder, createRegistry, type ModelRegistry } from './models/registry.ts';
import { createModelRunner } from './models/runner.ts';
import { openStore } from './store/store.ts';
import { createVerifierPool, type VerifierPool } from './verify/pool.ts';

export interface RunningCoordinator {
  /** Where it is reached, `http://127.0.0.1:8420`. */
  readonly origin: string;
  /** Its SS58 address. */
  readonly address: string;
  /** Stops taking requests, lets miners finish what they have, says goodbye to them, ends what is left. */
  drain(): Promise<void>;
}

/** So many models are made ready before the first request. */
const WARM = 4;

/** How long connections may take to end, ms. */
const CLOSE_WITHIN = 2000;

/** Ends things in the reverse of the order in which they began. */
class Endings {
  readonly #actions: (() => Promise<void> | void)[] = [];

  add(action: () => Promise<void> | void): void {
    this.#actions.push(action);
  }

  async run(): Promise<void> {
    for (let action = this.#actions.pop(); action !== undefined; action = this.#actions.pop()) await action();
  }
}

/**
 * Starts a coordinator; when this resolves it answers. Rejects, with everything ended that had begun, where the address is taken, the database cannot be opened, or a key is no key.
 * @param version of the software
 */
export async function startCoordinator(
  config: Config,
  { log, version }: { readonly log: Log; readonly version: string },
): Promise<RunningCoordinator> {
  const endings = new Endings();
  try {
    return await start(config, log, version, endings);
  } catch (error) {
    await endings.run();
    throw error;
  }
}

async function start(config: Config, log: Log, version: string, endings: Endings): Promise<RunningCoordinator> {
  await mkdir(config.data, { recursive: true });
  const seed = await hotkeySeed(config.hotkey ?? join(config.data, 'coordinator.key'), config.hotkey === null ? '--data' : '--hotkey');
  // The port first: who cannot have it, shall know before anything else is begun.
  const { host, tlsCert, tlsKey } = config;
  const listening = await listen({
    host,
    port: config.port,
    tls: tlsCert === null || tlsKey === null ? null : { cert: tlsCert, key: tlsKey },
  });
  endings.add(() => listening.close(CLOSE_WITHIN));
  const origin = config.origin ?? ownOrigin(config, listening.port);
  const keys = coordinatorKeys(origin, seed);

  const store = await openStore({
    databaseUrl: config.databaseUrl,
    data: config.data,
    onFailure: (error, final) => log.error({ err: error, final }, 'the embedded database failed'),
  });
  endings.add(() => store.close());
  const blobs = openBlobs({ store, place: config.blobs, folder: join(config.data, 'blobs'), cap: config.blobBytes, now: Date.now });
  const runner = createModelRunner();
  const registry = createRegistry({ blobs, runner });
  endings.add(() => registry.close());
  const verifier = createVerifierPool({ workers: config.verifiers, memory: config.verifierBytes });
  endings.add(() => verifier.close());

  if (config.digits) await addDigits(registry, runner, join(config.data, 'models'));
  if (config.modelsFolder !== null)
    await addFolder(registry, config.modelsFolder, (file, reason) =>
      log.error({ err: reason, file }, 'a model of the folder is not served'),
    );
  const publications = createPublications({
    registry,
    blobs,
    store,
    coordinator: keys.address,
    modelsPerPublisher: config.modelsPerPublisher,
    now: Date.now,
    onFailure: (name, reason) => log.error({ err: reason, model: name }, 'a published model is not served'),
  });
  endings.add(() => publications.close());
  await publications.refresh();
  await warm(registry, verifier);

  // After dispatch has ended, so that who follows a request hears of its end; before the store, from which that is read.
  const over = new AbortController();
  endings.add(() => {
    over.abort();
    return listening.close(CLOSE_WITHIN);
  });

  const metrics = createMetrics();
  const trustedProxies = addressesOf(config.trustedProxies);
  const dispatch = await startDispatch({
    store,
    blobs,
    registry,
    verifier,
    keys,
    observer: metrics.observer,
    log,
    settings: {
      maxRequests: config.maxRequests,
      maxRequestsPerAddress: config.maxRequestsPerAddress,
      maxMiners: config.maxMiners,
      maxMinersPerAddress: config.maxMinersPerAddress,
      benchmarkShare: config.benchmarkShare,
      drainWithin: 1000 * config.drainSeconds,
    },
    addressOf: (request) => clientAddress(request, trustedProxies),
    publish: async (publication) => (await publications.publish(publication)).info,
  });
  endings.add(() => dispatch.close());

  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  endings.add(() => void delay.disable());
  let draining = false;
  const api = createApi({
    coordinator: dispatch.coordinator,
    metrics,
    pages: await openPages(config.web ?? builtPages()),
    log,
    version,
    corsOrigins: config.corsOrigins,
    trustedProxies,
    limits: { maxInputBytes: config.maxInputBytes, maxModelBytes: config.maxModelBytes, maxUploadBytes: config.maxUploadBytes },
    draining: () => draining,
    over: over.signal,
    figures() {
      const { running, waiting, prepared, bytes, failures } = verifier.figures();
      return {
        verifications_running: running,
        verifications_waiting: waiting,
        verifiers_prepared: prepared,
        verifiers_bytes: bytes,
        verifier_failures: failures,
        models: registry.list().length,
        event_loop_delay_p999_milliseconds: delay.percentile(99.9) / 1e6,
      };
    },
  });
  dispatch.attach(listening.server);
  listening.answer(api.fetch);
  log.info(
    { origin, coordinator: keys.address, models: registry.list().map(({ info }) => info.name), embedded: store.embedded },
    'listening',
  );

  return {
    origin,
    address: keys.address,
    async drain() {
      draining = true;
      log.info({}, 'draining');
      await dispatch.drain();
      await endings.run();
      log.info({}, 'drained');
    },
  };
}

/** What a first request for one of the coordinator's own models would wait for. */
async function warm(registry: ModelRegistry, verifier: VerifierPool): Promise<void> {
  const own = registry.list().filter(({ info }) => info.publisher === null);
  for (const model of own.slice(0, WARM)) {
    await model.run(model.circuit.inputs.map(({ shape }) => new Uint8Array(size(shape))));
    for (const { digest, sliced, weights } of model.plans[0]!.slices)
      await verifier.prepare({ digest, load: async () => ({ circuit: sliced.circuit, weights }) });
  }
}

/** The address as a browser writes it. */
function ownOrigin({ host, tlsCert }: Config, port: number): string {
  const name = ['0.0.0.0', '::'].includes(host) ? 'localhost' : host.includes(':') ? `[${host}]` : host;
  return new URL(`${tlsCert === null ? 'http' : 'https'}://${name}:${port}`).origin;
}

/** dist/web lies in the repository, and beside dist/node. */
function builtPages(): string {
  const [fromSources, fromBuilt] = ['../dist/web', '../../web'].map((path) => fileURLToPath(new URL(path, import.meta.url)));
  return import.meta.url.endsWith('.ts') || !existsSync(fromBuilt!) ? fromSources! : fromBuilt!;
}
