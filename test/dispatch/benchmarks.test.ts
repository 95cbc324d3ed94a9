import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requests } from '../../server/store/schema.ts';
import { startNetwork, type TestNetwork } from '../support/dispatch/network.ts';

describe('benchmarks', () => {
  let network: TestNetwork;
  beforeAll(async () => {
    network = await startNetwork({ settings: { benchmarkShare: 0.5, pollEvery: 50 } });
  });
  afterAll(() => network.close());

  const ordered = () => network.store.query((database) => database.select().from(requests).where(eq(requests.kind, 'benchmark')));

  it('are ordered while a miner is idle, each on another input, and kept within their share of its time', async () => {
    expect(await ordered()).toEqual([]);
    const miner = await network.miner().welcome();
    await miner.frame('verdict', 3);
    for (const job of miner.of('job')) expect(job.kind).toBe('benchmark');
    for (const verdict of miner.of('verdict')) expect(verdict.ok).toBe(true);
    const inputs = (await ordered()).map((row) => Buffer.from(row.inputs[0] as Uint8Array).toString('hex'));
    expect(new Set(inputs).size).toBe(inputs.length);
    const served = miner.of('verdict').map(({ serviceMs }) => serviceMs);
    const times = (await ordered()).map(({ created }) => created).sort((a, b) => a - b);
    // Half of its time: between two there is at least as long a rest as the one before took.
    for (let n = 1; n < 3; n++) expect(times[n]! - times[n - 1]!).toBeGreaterThanOrEqual(2 * served[n - 1]! - 1);
    miner.vanish();
    await miner.end();
  });

  it('are not ordered while a client waits, whose job goes first', async () => {
    const held = await network.miner({ onJob: (own, job) => (job.kind === 'client' ? undefined : own.work(job)) }).welcome();
    const asked = await network.infer();
    await held.until(() => held.of('job').some(({ kind }) => kind === 'client'), 'client job');
    const before = (await ordered()).length;
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect((await ordered()).length).toBe(before);
    await held.work(held.of('job').find(({ kind }) => kind === 'client')!);
    expect((await network.over(asked.id)).state).toBe('proven');
  });
});
