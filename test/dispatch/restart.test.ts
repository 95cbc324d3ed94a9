import { eq } from 'drizzle-orm';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { jobs, requests, verdicts } from '../../server/store/schema.ts';
import { createVerifierPool, type VerifierPool } from '../../server/verify/pool.ts';
import { dataFolder } from '../support/dispatch/database.ts';
import { startNetwork, type NetworkOptions, type TestNetwork } from '../support/dispatch/network.ts';
import { findPostgres, startPostgres, type PostgresServer } from '../support/dispatch/postgres.ts';
import type { TestMiner } from '../support/dispatch/test-miner.ts';

const programs = findPostgres();
const settings = { grace: 300, pollEvery: 100 };

let verifier: VerifierPool;
beforeAll(async () => {
  verifier = createVerifierPool({ workers: 1 });
  // What is slow the first time, kernels and verifiers, is not what this is about.
  const network = await startNetwork({ settings, verifier });
  await network.miner().welcome();
  for (const slices of [1, 3]) await network.over((await network.infer({ slices, deadlineMs: 100_000 })).id);
  await network.close();
});
afterAll(() => verifier.close());

const running: TestNetwork[] = [];
async function start(options: NetworkOptions): Promise<TestNetwork> {
  const network = await startNetwork({ settings, verifier, ...options });
  running.push(network);
  return network;
}
afterEach(async () => {
  for (const network of running.splice(0)) await network.close();
});

const verdictsOf = (network: TestNetwork, request: string) =>
  network.store.query((database) =>
    database
      .select({ ok: verdicts.ok, slice: jobs.slice })
      .from(verdicts)
      .innerJoin(jobs, eq(jobs.id, verdicts.job))
      .where(eq(jobs.request, request))
      .orderBy(jobs.slice),
  );

const reconnected = (network: TestNetwork, { hotkey, session, certificate }: TestMiner): TestMiner =>
  network.miner({ hotkey, session, certificate: certificate! });

describe('a coordinator that ends in the middle', () => {
  it('is followed by one that finishes the request: no proof is asked for or counted twice', async () => {
    const folder = await dataFolder();
    const first = await start({ data: folder.data });
    let given = 0;
    const done: string[] = [];
    const miner = await first
      .miner({
        capacity: 1,
        onJob: async (own, job) => {
          // Two slices are proven; the third is not.
          if (given++ < 2) await own.work(job);
          else done.push(job.job);
        },
      })
      .welcome();
    const asked = await first.infer({ slices: 3 });
    await miner.frame('job', 3);
    const proof = await miner.prove(miner.of('job')[2]!);
    await first.close();
    running.pop();

    const second = await start({ data: folder.data });
    const again = await reconnected(second, miner).welcome();
    expect(again.of('welcome')[0]!.open).toContain(done[0]);
    again.deliver(done[0]!, proof);
    const over = await second.over(asked.id);
    expect(over).toMatchObject({ state: 'proven', jobs: [{ attempts: 1 }, { attempts: 1 }, { attempts: 1 }] });
    expect(await verdictsOf(second, asked.id)).toEqual([0, 1, 2].map((slice) => ({ ok: true, slice })));
    expect((await second.coordinator.miners())[0]).toMatchObject({ accepted: 3 });
    expect(await second.coordinator.bundle(asked.id)).not.toBeNull();
    await second.close();
    running.pop();
    await folder.remove();
  });

  it('is followed by one that makes the bundle of a request whose last proof it had accepted', async () => {
    const folder = await dataFolder();
    const first = await start({ data: folder.data });
    await first.miner().welcome();
    const asked = await first.infer();
    await first.over(asked.id);
    // As if it had ended before it wrote the end: jobs proven, and no more.
    await first.store.query((database) =>
      database.update(requests).set({ state: 'proving', bundle: null, finished: null }).where(eq(requests.id, asked.id)),
    );
    await first.close();
    running.pop();
    const second = await start({ data: folder.data });
    let inference = await second.coordinator.inference(asked.id);
    for (let n = 0; n < 100 && inference!.state === 'proving'; n++) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      inference = await second.coordinator.inference(asked.id);
    }
    expect(inference!.state).toBe('proven');
    expect(await second.coordinator.bundle(asked.id)).not.toBeNull();
    await second.close();
    running.pop();
    await folder.remove();
  });

  it('lets its miners finish when it is told to drain, and takes nobody any more', async () => {
    const network = await start({});
    const miner = await network.miner({ onJob: () => undefined }).welcome();
    const asked = await network.infer();
    const job = await miner.frame('job');
    const drained = network.dispatch.drain();
    await expect(network.infer()).rejects.toMatchObject({ status: 503, code: 'draining', retryAfter: 5 });
    await miner.work(job);
    expect(await miner.frame('verdict')).toMatchObject({ ok: true });
    expect(await miner.end()).toMatchObject({ code: 4503, bye: { code: 'draining' } });
    await drained;
    expect(await network.coordinator.inference(asked.id)).toMatchObject({ state: 'proven' });
  });
});

describe.skipIf(programs === null)('two coordinators on one server', () => {
  let postgres: PostgresServer;
  beforeAll(async () => {
    postgres = await startPostgres(programs!);
  });
  afterAll(() => postgres.stop());

  it('are one network: a request at one is proven by a miner at the other, and can be followed at both', async () => {
    const databaseUrl = await postgres.database();
    const one = await start({ databaseUrl });
    const two = await start({ databaseUrl });
    const miner = await two.miner().welcome();
    const asked = await one.infer({ slices: 3 });
    const [here, there] = await Promise.all([one.over(asked.id), two.over(asked.id)]);
    expect(here).toMatchObject({ state: 'proven', jobs: Array.from({ length: 3 }, () => ({ miners: [miner.hotkey.address] })) });
    expect(there).toEqual(here);
    const [a, b] = await Promise.all([one, two].map(async ({ coordinator }) => (await coordinator.bundle(asked.id))!.size));
    expect(a).toBe(b);
  });

  it('finish the requests of one that is killed, whose miner comes over', async () => {
    const databaseUrl = await postgres.database();
    const one = await start({ databaseUrl });
    const two = await start({ databaseUrl });
    const lost = await one.miner({ onJob: () => undefined }).welcome();
    const asked = await one.infer();
    const job = await lost.frame('job');
    const proof = await lost.prove(job);
    await one.close();
    running.shift();
    const moved = await reconnected(two, lost).welcome();
    expect(moved.of('welcome')[0]!.open).toEqual([job.job]);
    moved.deliver(job.job, proof);
    expect(await two.over(asked.id)).toMatchObject({ state: 'proven', jobs: [{ attempts: 1, miners: [lost.hotkey.address] }] });
    expect(await verdictsOf(two, asked.id)).toEqual([{ ok: true, slice: 0 }]);
  });

  it('let a session have one connection between them', async () => {
    const databaseUrl = await postgres.database();
    const one = await start({ databaseUrl });
    const two = await start({ databaseUrl });
    const first = await one.miner().welcome();
    const second = await reconnected(two, first).welcome();
    expect((await first.end()).code).toBe(4409);
    expect(second.closed).toBeNull();
  });

  it('go on after the server was killed', async () => {
    const network = await start({ databaseUrl: await postgres.database() });
    await network.miner().welcome();
    const asked = await network.infer({ slices: 3 });
    await postgres.kill();
    await postgres.start();
    const late = await network.infer({ slices: 3 });
    expect((await network.over(asked.id)).state).toBe('proven');
    expect((await network.over(late.id)).state).toBe('proven');
    expect(await verdictsOf(network, asked.id)).toHaveLength(3);
  });
});
