/** A coordinator for tests: a real database, real sockets, real verifiers, and a tiny model in one slice and in three. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { openBlobs, type Blobs } from '../../../server/blobs/blobs.ts';
import type { Coordinator, NumberedEvent } from '../../../server/coordinator.ts';
import { systemClock, type Clock } from '../../../server/dispatch/clock.ts';
import { startDispatch, type Dispatch, type DispatchOptions } from '../../../server/dispatch/dispatch.ts';
import { coordinatorKeys } from '../../../server/dispatch/identity.ts';
import { addOwn, createRegistry, type LoadedModel } from '../../../server/models/registry.ts';
import { openStore, type Store } from '../../../server/store/store.ts';
import { createVerifierPool, type VerifierPool } from '../../../server/verify/pool.ts';
import type { Inference } from '../../../server/wire/http.ts';
import { dataFolder } from './database.ts';
import { filesOf, plainRunner, slicedNet } from './sliced-net.ts';
import { TestMiner, type MinerOptions } from './test-miner.ts';

export const ORIGIN = 'http://coordinator.test';
export const KEYS = coordinatorKeys(ORIGIN, new Uint8Array(32).fill(11));

export interface NetworkOptions extends Partial<Pick<DispatchOptions, 'settings' | 'clock' | 'log' | 'observer'>> {
  /** Null: a copy of the embedded database. */
  readonly databaseUrl?: string | null;
  /** An earlier network's, to go on with. */
  readonly data?: string;
  readonly verifier?: VerifierPool;
}

export interface TestNetwork {
  readonly url: string;
  readonly data: string;
  readonly store: Store;
  readonly blobs: Blobs;
  readonly model: LoadedModel;
  readonly dispatch: Dispatch;
  readonly coordinator: Coordinator;
  readonly server: Server;
  miner(options?: Partial<MinerOptions>): TestMiner;
  /** Asks for an inference of the tiny model on random input. */
  infer(options?: {
    slices?: number;
    deadlineMs?: number;
    key?: string;
    address?: string;
    inputs?: readonly Uint8Array[];
  }): Promise<Inference>;
  /** The request, when it is over. */
  over(id: string): Promise<Inference>;
  close(): Promise<void>;
}

export async function startNetwork(options: NetworkOptions = {}): Promise<TestNetwork> {
  const { databaseUrl = null, settings = {}, clock = systemClock } = options;
  const folder = options.data === undefined ? await dataFolder() : { data: options.data, remove: async () => undefined };
  const { data } = folder;
  const store = await openStore({ databaseUrl, data });
  const blobs = openBlobs({
    store,
    place: databaseUrl === null ? 'disk' : 'postgres',
    folder: join(data, 'blobs'),
    now: () => clock.now(),
  });
  const registry = createRegistry({ blobs, runner: plainRunner });
  const model = await addOwn(registry, filesOf(slicedNet()), { name: 'sliced-net', description: '', slices: [1, 3] });
  const verifier = options.verifier ?? createVerifierPool({ workers: 1 });
  const dispatch = await startDispatch({
    store,
    blobs,
    registry,
    verifier,
    keys: KEYS,
    settings,
    clock: clock satisfies Clock,
    publish: () => Promise.reject(new Error('not for this test')),
    ...(options.log === undefined ? {} : { log: options.log }),
    ...(options.observer === undefined ? {} : { observer: options.observer }),
  });
  const server = createServer();
  dispatch.attach(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const miners: TestMiner[] = [];
  const { coordinator } = dispatch;

  return {
    url,
    data,
    store,
    blobs,
    model,
    dispatch,
    coordinator,
    server,
    miner(own = {}) {
      const miner = new TestMiner({ url, blobs: coordinator, ...own });
      miners.push(miner);
      return miner;
    },
    infer({ slices, deadlineMs = 120_000, key = null as string | null, address = '127.0.0.1', inputs = [randomInput()] } = {}) {
      const request = {
        model: 'sliced-net',
        inputs: inputs.map((values) => Buffer.from(values).toString('base64')),
        deadline_ms: deadlineMs,
      };
      return coordinator.infer(slices === undefined ? request : { ...request, slices }, { idempotencyKey: key, address });
    },
    async over(id) {
      for await (const { event } of await eventsOf(coordinator, id)) if (event.type === 'over') return event.inference;
      throw new Error(`the events of ${id} ended before it was over`);
    },
    async close() {
      await dispatch.close();
      for (const miner of miners) miner.vanish();
      await new Promise((resolve) => server.close(resolve));
      if (options.verifier === undefined) await verifier.close();
      await store.close();
      await folder.remove();
    },
  };
}

export async function eventsOf(
  coordinator: Coordinator,
  id: string,
  after = 0,
  signal: AbortSignal = new AbortController().signal,
): Promise<AsyncIterable<NumberedEvent>> {
  const events = await coordinator.events(id, after, signal);
  if (events === null) throw new Error(`there is no request ${id}`);
  return events;
}

function randomInput(): Uint8Array {
  return Uint8Array.from({ length: 6 }, () => Math.floor(256 * Math.random()));
}
