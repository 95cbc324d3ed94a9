/**
 * A coordinator: requests come in through `coordinator`, miners through the sockets that `attach` serves, and what is proven goes out as bundles. All state is in the store: a process that is killed is
 * followed by another one that goes on, or by the coordinators that share its database.
 */
import type { IncomingMessage, Server } from 'node:http';
import { and, desc, eq, gt, sql } from 'drizzle-orm';
import type { Blobs } from '../blobs/blobs.ts';
import { Problem, type Coordinator } from '../coordinator.ts';
import type { ModelRegistry } from '../models/registry.ts';
import { jobs, miners, network, requests, sessions } from '../store/schema.ts';
import type { Store } from '../store/store.ts';
import type { VerifierPool } from '../verify/pool.ts';
import type { MinerInfo } from '../wire/http.ts';
import { admission } from './admission.ts';
import { benchmarker } from './benchmarks.ts';
import { systemClock, type Clock } from './clock.ts';
import { followEvents } from './events.ts';
import { minerGateway, type MinerGateway } from './gateway.ts';
import type { CoordinatorKeys } from './identity.ts';
import { leaseKeeper } from './leases.ts';
import { nobody, silent, type Log, type Observer } from './observer.ts';
import { proofDesk, type ProofDesk } from './proofs.ts';
import { forget } from './retention.ts';
import { ServiceTimes } from './service-times.ts';
import { DEFAULT_SETTINGS, type Settings } from './settings.ts';
import { readInference } from './view.ts';
import { workFloor } from './work.ts';

export interface DispatchOptions {
  readonly store: Store;
  readonly blobs: Blobs;
  readonly registry: ModelRegistry;
  readonly verifier: VerifierPool;
  readonly keys: CoordinatorKeys;
  readonly clock?: Clock;
  readonly settings?: Partial<Settings>;
  readonly observer?: Observer;
  readonly log?: Log;
  /** Whom limits of miners are counted against; default: the address of their socket. */
  readonly addressOf?: (request: IncomingMessage) => string;
  /** Publishes a model: what signatures and quotas say is checked there. */
  readonly publish: Coordinator['publish'];
}

export interface Dispatch {
  readonly coordinator: Coordinator;
  /** Serves miners on the server's upgrades. */
  attach(server: Server): void;
  /** No new requests or miners; waits for jobs that are out, a while; says goodbye to miners. */
  drain(): Promise<void>;
  /** Ends everything at once. The store, the blobs and the verifiers are their owner's to close. */
  close(): Promise<void>;
}

/**
 * Starts a coordinator. Rejects where the database belongs to a network with another hotkey.
 * @example
 * const dispatch = await startDispatch({ store, blobs, registry, verifier, keys: coordinatorKeys(origin, seed), publish });
 * dispatch.attach(server);
 */
export async function startDispatch(options: DispatchOptions): Promise<Dispatch> {
  const { store, blobs, registry, verifier, keys, clock = systemClock, observer = nobody, log = silent } = options;
  const settings = { ...DEFAULT_SETTINGS, ...options.settings };
  await checkNetwork(store, keys);

  let draining = false;
  const admitted = admission({ store, blobs, registry, clock, settings });
  const benchmark = benchmarker({
    registry,
    admitted,
    clock,
    share: settings.benchmarkShare,
    connections: () => gateway.connections(),
  });
  let forgotten = clock.now();
  async function onPoll(): Promise<void> {
    const now = clock.now();
    if (!draining) await benchmark();
    if (now - forgotten < settings.forgetEvery) return;
    forgotten = now;
    await forget(store, blobs, now);
  }

  const leases = leaseKeeper({ store, clock, lease: settings.lease, log });
  const times = new ServiceTimes();
  const finish = { store, blobs, keys, clock, observer };
  const floor = workFloor({
    store,
    clock,
    settings,
    observer,
    log,
    times,
    leases,
    finish,
    gateway: (): MinerGateway => gateway,
    proofs: (): ProofDesk => proofs,
    onPoll,
  });
  const gateway = minerGateway({
    store,
    keys,
    clock,
    settings,
    log,
    observer,
    desk: floor.desk,
    queue: floor.waiting,
    addressOf: options.addressOf,
  });
  const proofs = proofDesk({
    store,
    blobs,
    verifier,
    keys,
    clock,
    observer,
    lease: settings.lease,
    onProven: (request) => floor.finish(request),
  });

  const coordinator: Coordinator = {
    identity: { origin: keys.identity.origin, address: keys.address },
    models: async () => registry.list().map(({ info }) => info),
    model: async (name) => registry.get(name)?.info ?? null,
    publish: (publication) => options.publish(publication),
    async infer(request, caller) {
      if (draining) throw new Problem(503, 'draining', 'this coordinator is going down', { retryAfter: 5 });
      const inference = await admitted.infer(request, caller);
      floor.watch(inference.deadline);
      return inference;
    },
    inference: (id) => store.query((database) => readInference(database, id, clock.now())),
    events: (id, after, signal) => followEvents(store, clock, settings.pollEvery, id, after, signal),
    async bundle(id) {
      const [request] = await store.query((database) =>
        database.select({ bundle: requests.bundle }).from(requests).where(eq(requests.id, id)),
      );
      const name = request?.bundle ?? null;
      return name === null ? null : blobs.get(name);
    },
    blob: (hash) => blobs.get(hash),
    putBlob: (bytes) => blobs.put(bytes, 'upload'),
    miners: () => minerList(store, clock.now() - settings.deadAfter),
    async stats() {
      return figures(store, clock.now() - settings.deadAfter);
    },
    ready: () => store.ready(),
  };

  await floor.start();
  gateway.start();
  return {
    coordinator,
    attach: gateway.attach,
    async drain() {
      draining = true;
      gateway.shut();
      await floor.rest();
      const end = clock.now() + settings.drainWithin;
      const busy = (): boolean => [...gateway.connections()].some(({ open }) => open > 0);
      while (busy() && clock.now() < end) await new Promise<void>((resolve) => clock.after(50, resolve));
      await gateway.close();
      await floor.stop();
      await leases.stop();
    },
    async close() {
      draining = true;
      await floor.rest();
      await gateway.close();
      await floor.stop();
      await leases.stop();
    },
  };
}

/** A database belongs to the coordinators of one hotkey: certificates and verdicts in it name that one. */
async function checkNetwork(store: Store, { address }: CoordinatorKeys): Promise<void> {
  await store.query((database) => database.insert(network).values({ name: 'hotkey', value: address }).onConflictDoNothing());
  const [row] = await store.query((database) => database.select().from(network).where(eq(network.name, 'hotkey')));
  if (row!.value !== address)
    throw new Error(`this database belongs to the network of the coordinator ${row!.value}, the key that was given is that of ${address}`);
}

/** How many miners are listed. */
const LISTED = 1000;

/** Miners that were heard in the last day, those that are connected first. `alive`: who was heard since then may be connected. */
async function minerList(store: Store, alive: number): Promise<MinerInfo[]> {
  const rows = await store.query((database) =>
    database
      .selectDistinctOn([sessions.hotkey], {
        hotkey: sessions.hotkey,
        agent: sessions.agent,
        threads: sessions.threads,
        connected: sql<boolean>`${sessions.connection} is not null and ${sessions.seen} > ${alive}`,
        since: miners.created,
        accepted: miners.accepted,
        refused: miners.refused,
        paused_until: miners.pausedUntil,
      })
      .from(sessions)
      .innerJoin(miners, eq(miners.hotkey, sessions.hotkey))
      .where(gt(sessions.seen, alive - 24 * 3_600_000))
      .orderBy(sessions.hotkey, desc(sessions.seen))
      .limit(LISTED),
  );
  return rows.sort((a, b) => Number(b.connected) - Number(a.connected) || b.accepted - a.accepted);
}

async function figures(store: Store, alive: number): Promise<Readonly<Record<string, number>>> {
  return store.query(async (database) => {
    const [connected] = await database
      .select({ count: sql<string>`count(*)` })
      .from(sessions)
      .where(and(sql`${sessions.connection} is not null`, gt(sessions.seen, alive)));
    const [accepted] = await database
      .select({ accepted: sql<string>`coalesce(sum(${miners.accepted}), 0)`, refused: sql<string>`coalesce(sum(${miners.refused}), 0)` })
      .from(miners);
    const [open] = await database
      .select({
        waiting: sql<string>`count(*) filter (where ${jobs.state} = 'waiting')`,
        proving: sql<string>`count(*) filter (where ${jobs.state} in ('proving', 'verifying'))`,
      })
      .from(jobs)
      .where(sql`${jobs.state} in ('waiting', 'proving', 'verifying')`);
    const [asked] = await database
      .select({
        open: sql<string>`count(*) filter (where ${requests.state} = 'proving')`,
        proven: sql<string>`count(*) filter (where ${requests.state} = 'proven')`,
        failed: sql<string>`count(*) filter (where ${requests.state} = 'failed')`,
      })
      .from(requests)
      .where(eq(requests.kind, 'client'));
    return {
      miners: Number(connected!.count),
      proofs_accepted: Number(accepted!.accepted),
      proofs_refused: Number(accepted!.refused),
      jobs_waiting: Number(open!.waiting),
      jobs_proving: Number(open!.proving),
      requests_open: Number(asked!.open),
      requests_proven: Number(asked!.proven),
      requests_failed: Number(asked!.failed),
    };
  });
}
