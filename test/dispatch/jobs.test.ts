import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { and, eq } from 'drizzle-orm';
import type { Frame } from '../../server/wire/frames.ts';
import { CLOSE } from '../../server/wire/limits.ts';
import { attempts, jobs, miners, verdicts } from '../../server/store/schema.ts';
import { eventsOf, startNetwork, type TestNetwork } from '../support/dispatch/network.ts';
import type { TestMiner } from '../support/dispatch/test-miner.ts';

const idle = (): void => undefined;

describe('jobs', () => {
  let network: TestNetwork;
  const present: TestMiner[] = [];
  beforeAll(async () => {
    network = await startNetwork({ settings: { lease: 1500, grace: 300, pollEvery: 100 } });
    // What is slow the first time, kernels, verifiers, is not what leases are about here.
    await join();
    await network.over((await network.infer()).id);
    await leave();
  });
  async function leave(): Promise<void> {
    for (const miner of present.splice(0)) {
      miner.vanish();
      await miner.end();
    }
  }
  afterEach(leave);
  afterAll(() => network.close());

  async function join(options: Parameters<TestNetwork['miner']>[0] = {}): Promise<TestMiner> {
    const miner = network.miner(options);
    present.push(miner);
    return miner.welcome();
  }

  const attemptsAt = (job: string) =>
    network.store.query((database) => database.select().from(attempts).where(eq(attempts.job, job)).orderBy(attempts.number));

  it('go to another miner when their lease is over, and the late proof of a job that is done is not judged', async () => {
    const slow = await join({ onJob: idle });
    const asked = await network.infer();
    const job = await slow.frame('job');
    const quick = await join();
    expect(await network.over(asked.id)).toMatchObject({ state: 'proven', jobs: [{ attempts: 2, miners: [quick.hotkey.address] }] });
    expect(await attemptsAt(job.job)).toMatchObject([{ state: 'cancelled', reason: 'answered' }, { state: 'proven' }]);
    slow.deliver(job.job, await slow.prove(job));
    expect(await slow.frame('cancel')).toMatchObject({ job: job.job, reason: 'answered' });
    expect(slow.of('verdict')).toEqual([]);
  });

  it('are kept by a miner that renews its lease', async () => {
    const steady = await join({ onJob: idle });
    const asked = await network.infer();
    const job = await steady.frame('job');
    await join({ onJob: idle, capacity: 1 });
    for (let n = 0; n < 6; n++) {
      steady.send({ type: 'progress', job: job.job, phase: 'commit' });
      await new Promise((resolve) => setTimeout(resolve, 400));
    }
    expect((await attemptsAt(job.job))[0]).toMatchObject({ state: 'open', phase: 'commit' });
    await steady.work(job);
    expect(await network.over(asked.id)).toMatchObject({ state: 'proven', jobs: [{ miners: [steady.hotkey.address] }] });
  });

  it('wait a moment for a connection that broke off, whose proof is welcome on the next one', async () => {
    const first = await join({ onJob: idle });
    const asked = await network.infer();
    const job = await first.frame('job');
    const proof = await first.prove(job);
    first.vanish();
    await first.end();
    const { hotkey, session } = first;
    const second = await join({ hotkey, session, certificate: first.certificate! });
    expect((await second.frame('welcome')).open).toEqual([job.job]);
    second.deliver(job.job, proof);
    expect(await second.frame('verdict')).toMatchObject({ job: job.job, ok: true });
    expect(await network.over(asked.id)).toMatchObject({ state: 'proven', jobs: [{ attempts: 1 }] });
  });

  it('get one verdict, however often their proof is sent', async () => {
    const miner = await join({ onJob: idle });
    const asked = await network.infer();
    const job = await miner.frame('job');
    const proof = await miner.prove(job);
    for (let n = 0; n < 5; n++) miner.deliver(job.job, proof);
    await network.over(asked.id);
    miner.deliver(job.job, proof);
    const [first, again] = [await miner.frame('verdict', 1), await miner.frame('verdict', 2)];
    expect(again).toEqual(first);
    const rows = await network.store.query((database) => database.select().from(verdicts).where(eq(verdicts.job, job.job)));
    expect(rows).toHaveLength(1);
    const [counted] = await network.store.query((database) =>
      database.select().from(miners).where(eq(miners.hotkey, miner.hotkey.address)),
    );
    expect(counted).toMatchObject({ accepted: 1, refused: 0 });
  });

  it('are taken from a miner that says goodbye at once, and that does not count as a try', async () => {
    const leaving = await join({ onJob: idle });
    const asked = await network.infer();
    const job = await leaving.frame('job');
    leaving.send({ type: 'bye', code: 'stopped', message: '', retryAfter: null });
    expect((await leaving.end()).code).toBe(1000);
    await join();
    expect(await network.over(asked.id)).toMatchObject({ state: 'proven' });
    const [row] = await network.store.query((database) => database.select().from(jobs).where(eq(jobs.id, job.job)));
    expect(row).toMatchObject({ attempts: 2, tried: 1 });
  });

  it('come back to a miner whose prover failed once, where nobody else is there', async () => {
    let jobsSeen = 0;
    const shaky = await join({
      onJob: async (miner, job) => {
        if (jobsSeen++ === 0) miner.send({ type: 'decline', job: job.job, reason: 'failed', detail: 'the worker ended' });
        else await miner.work(job);
      },
    });
    const asked = await network.infer();
    expect(await network.over(asked.id)).toMatchObject({ state: 'proven', jobs: [{ attempts: 2, miners: [shaky.hotkey.address] }] });
  });

  it('fail their request after five tries', async () => {
    await join({ onJob: (miner, job) => miner.send({ type: 'decline', job: job.job, reason: 'failed', detail: 'always' }) });
    const asked = await network.infer();
    const over = await network.over(asked.id);
    expect(over).toMatchObject({ state: 'failed', error: { code: 'attempts' }, jobs: [{ state: 'failed', attempts: 5 }] });
    expect(over.error!.message).toContain('was tried 5 times');
  });

  it('are not offered again to a miner that has too little memory for them', async () => {
    let offered = 0;
    await join({
      onJob: (miner, job) => {
        offered++;
        miner.send({ type: 'decline', job: job.job, reason: 'memory', detail: '' });
      },
    });
    const asked = await network.infer({ deadlineMs: 1500 });
    expect(await network.over(asked.id)).toMatchObject({ state: 'failed', error: { code: 'deadline' } });
    expect(offered).toBe(1);
  });

  it('end with the deadline of their request, which their miner is told', async () => {
    const slow = await join({ onJob: idle });
    const asked = await network.infer({ deadlineMs: 500 });
    const job = await slow.frame('job');
    const over = await network.over(asked.id);
    expect(over).toMatchObject({ state: 'failed', error: { code: 'deadline' } });
    expect(over.finished! - over.deadline).toBeLessThan(1000);
    expect(await slow.frame('cancel')).toMatchObject({ job: job.job, reason: 'request-over' });
  });

  it('are closed to who was never given them', async () => {
    const owner = await join({ onJob: idle });
    const asked = await network.infer();
    const job = await owner.frame('job');
    const other = await join({ onJob: idle, capacity: 1 });
    other.deliver(job.job, await owner.prove(job));
    expect(await other.end()).toMatchObject({ code: CLOSE.malformed, bye: { code: 'foreign-job' } });
    await owner.work(job);
    expect(await network.over(asked.id)).toMatchObject({ state: 'proven', jobs: [{ miners: [owner.hotkey.address] }] });
  });

  it('of which nothing is known are told off politely', async () => {
    const miner = await join();
    const job = '00000000-0000-7000-8000-000000000000';
    miner.deliver(job, new Uint8Array(10));
    expect(await miner.frame('cancel')).toMatchObject({ job, reason: 'expired' });
  });

  describe('with a proof that does not hold', () => {
    const cheats: [string, (miner: TestMiner, job: Frame<'job'>) => Promise<Frame<'proof'>>, string][] = [
      ['garbage', async (miner, job) => miner.proofFrame(job.job, new Uint8Array(1000)), ''],
      [
        "another miner's context",
        async (miner, job) =>
          miner.proofFrame(job.job, await miner.prove(job, miner.contextOf({ ...job, request: '00000000-0000-7000-8000-000000000000' }))),
        '',
      ],
      [
        'the signature of another job',
        async (miner, job) => ({ ...miner.proofFrame(job.request, await miner.prove(job)), job: job.job }),
        'signature',
      ],
    ];

    it('give it a strike, and rest after the third; others prove the job', async () => {
      let seen = 0;
      const cheat = await join({
        capacity: 1,
        onJob: async (miner, job) => {
          const [, forge] = cheats[seen++ % cheats.length]!;
          miner.send(await forge(miner, job));
        },
      });
      const asked = [await network.infer(), await network.infer(), await network.infer()];
      const { code, bye } = await cheat.end();
      expect(code).toBe(CLOSE.paused);
      expect(bye).toMatchObject({ code: 'paused' });
      expect(bye!.message).toContain('three of its proofs within a day were refused');
      expect(bye!.retryAfter).toBeGreaterThan(3_500_000);
      const told = cheat.of('verdict');
      expect(told.map(({ ok }) => ok)).toEqual([false, false, false]);
      expect(told[2]!.check).toBe('signature');
      for (const { check, detail } of told) expect([check, detail]).not.toContain('');

      const again = network.miner({ hotkey: cheat.hotkey });
      expect(await again.end()).toMatchObject({ code: CLOSE.paused, bye: { code: 'paused' } });
      const honest = await join();
      for (const { id } of asked)
        expect(await network.over(id)).toMatchObject({ state: 'proven', jobs: [{ attempts: 2, miners: [honest.hotkey.address] }] });
      expect(await network.coordinator.miners()).toContainEqual(
        expect.objectContaining({ hotkey: cheat.hotkey.address, accepted: 0, refused: 3, paused_until: expect.any(Number) }),
      );
    });

    it('do not go to the same hotkey again', async () => {
      const cheat = await join({ onJob: (miner, job) => miner.deliver(job.job, new Uint8Array(100)) });
      const asked = await network.infer({ deadlineMs: 1500 });
      expect(await network.over(asked.id)).toMatchObject({ state: 'failed', error: { code: 'deadline' } });
      expect(cheat.of('job')).toHaveLength(1);
    });
  });

  describe('as events', () => {
    it('are numbered without gaps, and can be followed from any of them', async () => {
      await join();
      const asked = await network.infer({ slices: 3 });
      await network.over(asked.id);
      const after = async (number: number) => {
        const seen = [];
        for await (const { id, event } of await eventsOf(network.coordinator, asked.id, number)) seen.push({ id, type: event.type });
        return seen;
      };
      const all = await after(1);
      expect(all.map(({ id }) => id)).toEqual(all.map((_, k) => k + 2));
      expect(all.at(-1)!.type).toBe('over');
      expect(new Set(all.slice(0, -1).map(({ type }) => type))).toEqual(new Set(['job']));
      expect(await after(4)).toEqual(all.slice(3));
      expect(await after(all.at(-1)!.id)).toEqual([]);
      // Who knows nothing, and who knows what never was, begins with the whole.
      expect((await after(0)).map(({ type }) => type)).toEqual(['snapshot', 'over']);
      expect((await after(10_000)).map(({ type }) => type)).toEqual(['snapshot', 'over']);
    });

    it('stop when who follows leaves', async () => {
      const asked = await network.infer({ deadlineMs: 1000 });
      const leaving = new AbortController();
      const seen: string[] = [];
      for await (const { event } of await eventsOf(network.coordinator, asked.id, 0, leaving.signal)) {
        seen.push(event.type);
        leaving.abort();
      }
      expect(seen).toEqual(['snapshot']);
      await network.over(asked.id);
    });
  });

  it('are hedged: a second miner is asked when the first is later than usual, and the slower one is told', async () => {
    const usual = await join();
    for (let n = 0; n < 10; n++) await network.over((await network.infer()).id);
    usual.vanish();
    await usual.end();
    const slow = await join({ onJob: idle });
    const asked = await network.infer();
    const job = await slow.frame('job');
    const renewal = setInterval(() => slow.send({ type: 'progress', job: job.job, phase: 'commit' }), 200);
    const second = await join();
    expect(await network.over(asked.id)).toMatchObject({ state: 'proven', jobs: [{ attempts: 2, miners: [second.hotkey.address] }] });
    expect(await slow.frame('cancel')).toMatchObject({ job: job.job, reason: 'answered' });
    clearInterval(renewal);
    const [first] = await network.store.query((database) =>
      database
        .select()
        .from(attempts)
        .where(and(eq(attempts.job, job.job), eq(attempts.number, 1))),
    );
    expect(first).toMatchObject({ state: 'cancelled', reason: 'answered' });
  });
});
