import { randomUUID } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { blake3 } from '@noble/hashes/blake3.js';
import type { Frame } from '../../server/wire/frames.ts';
import { nodePlatform, workerHandle } from '../../wasm/runtime/node.ts';
import type { ProverPlatform } from '../../wasm/runtime/platform.ts';
import { memoryStorage } from '../../web/client/storage.ts';
import { seedIdentity } from '../../web/miner/identity.ts';
import type { Miner, MinerOptions } from '../../web/miner/miner.ts';
import type { MinerPlatform } from '../../web/miner/platform.ts';
import { NO_FAULTS, startTestCoordinator, type TestCoordinator } from '../support/coordinator/coordinator.ts';
import type { MinerPeer } from '../support/coordinator/miner-peer.ts';
import { hex } from '../support/coordinator/served.ts';
import { kernelModule } from '../support/kernels.ts';
import { chainOfThree, stateWhere, testMiner, testPlatform } from '../support/mining.ts';

const sample = chainOfThree();
let coordinator: TestCoordinator;
beforeAll(async () => {
  await kernelModule();
  coordinator = await startTestCoordinator([sample], { lease: 60_000 });
});
afterAll(() => coordinator.close());

const started: Miner[] = [];
afterEach(async () => {
  Object.assign(coordinator.faults, NO_FAULTS);
  for (const miner of started.splice(0)) await miner.stop();
});

async function connected(options: Partial<MinerOptions> = {}, platform: Partial<MinerPlatform> = {}): Promise<[Miner, MinerPeer]> {
  const welcomed = coordinator.nextMiner();
  const miner = testMiner(coordinator.url, options, testPlatform(platform));
  started.push(miner);
  miner.start();
  const peer = await welcomed;
  await stateWhere(miner, ({ connection }) => connection.kind === 'connected');
  return [miner, peer];
}

const ask = () => coordinator.infer('chain', sample.inputs);

/** A job of nobody's request. */
function strayJob(change: Partial<Frame<'job'>> = {}): Frame<'job'> {
  const [piece] = coordinator.models[0]!.pieces[0]!;
  return {
    type: 'job',
    job: randomUUID(),
    request: randomUUID(),
    kind: 'client',
    slice: 0,
    slices: 1,
    attempt: 1,
    circuit: piece!.digest,
    circuitBlob: piece!.circuitBlob,
    weightsBlob: piece!.weightsBlob,
    inputs: { kind: 'inline', values: sample.inputs },
    within: 60_000,
    ...change,
  };
}

describe('a proof', () => {
  it('that was finished while the connection was away is delivered when it is back', async () => {
    const [miner, peer] = await connected();
    const begun = peer.next('accept');
    const request = ask();
    await begun;
    coordinator.cut({ refuse: true });
    await stateWhere(miner, ({ totals }) => totals.proofs === 1);
    expect(request.inference.state).toBe('proving');
    coordinator.cut();
    await coordinator.over(request);
    expect(request.inference).toMatchObject({ state: 'proven', jobs: [{ attempts: 1 }] });
    expect((await stateWhere(miner, ({ totals }) => totals.accepted === 1)).totals).toMatchObject({ proofs: 1, cancelled: 0 });
  });

  it('that was lost on its way is sent again', async () => {
    const [miner, peer] = await connected();
    peer.onFrame = (frame) => {
      if (frame.type === 'proof') peer.terminate();
    };
    const request = await coordinator.over(ask());
    expect(request.inference).toMatchObject({ state: 'proven', jobs: [{ attempts: 1 }] });
    expect(miner.state.value.totals.proofs).toBe(1);
  });

  it('of a job that the coordinator has given to another is dropped', async () => {
    const [miner, peer] = await connected();
    const job = strayJob();
    const accepted = peer.next('accept');
    peer.send(job);
    await accepted;
    const again = coordinator.nextMiner();
    peer.terminate();
    const back = await again;
    await stateWhere(miner, ({ work, totals }) => work === null && totals.proofs + totals.cancelled >= 1);
    const request = await coordinator.over(ask());
    expect(request.inference.state).toBe('proven');
    expect(back.frames.filter((frame) => frame.type === 'proof' && frame.job === job.job)).toEqual([]);
  });

  it('that is refused is counted, with the reason', async () => {
    const wrong = sample.inputs.map((values) => values.map((v) => v ^ 1));
    coordinator.faults.job = (frame) => ({ ...frame, inputs: { kind: 'inline', values: frame.attempt === 1 ? wrong : sample.inputs } });
    const [miner] = await connected();
    const request = await coordinator.over(ask());
    expect(request.inference).toMatchObject({ state: 'proven', jobs: [{ attempts: 2 }] });
    const { totals, verdicts } = await stateWhere(miner, ({ totals: { accepted } }) => accepted === 1);
    expect(totals).toMatchObject({ proofs: 2, accepted: 1, refused: 1 });
    expect(verdicts[0]).toMatchObject({ ok: false, kind: 'client', check: expect.stringMatching(/./) });
  });
});

describe('a job', () => {
  it('may have its inputs in blobs', async () => {
    coordinator.faults.job = (frame) => {
      const hashes = sample.inputs.map((bytes) => {
        const hash = blake3(bytes);
        coordinator.blobs.set(hex(hash), bytes);
        return hash;
      });
      return { ...frame, inputs: { kind: 'blobs', hashes } };
    };
    await connected();
    expect((await coordinator.over(ask())).inference.state).toBe('proven');
  });

  it('more than it holds is declined as busy', async () => {
    const [, peer] = await connected({ capacity: 1 });
    const declined = peer.next('decline');
    const [first, second] = [strayJob(), strayJob()];
    peer.send(first);
    peer.send(second);
    expect(await declined).toMatchObject({ job: second.job, reason: 'busy' });
  });

  it.each<[what: string, change: (frame: Frame<'job'>) => Partial<Frame<'job'>>]>([
    ['whose files are not there', () => ({ circuitBlob: new Uint8Array(32) })],
    [
      'whose files are not what their names say',
      () => {
        const name = new Uint8Array(32).fill(1);
        coordinator.blobs.set(hex(name), Uint8Array.of(1, 2, 3));
        return { weightsBlob: name };
      },
    ],
    ['whose circuit is another one', () => ({ circuit: new Uint8Array(32).fill(2) })],
    ['whose weights are no weights', ({ circuitBlob }) => ({ weightsBlob: circuitBlob })],
    ['whose input is not to be had', () => ({ inputs: { kind: 'blobs', hashes: [new Uint8Array(32)] } })],
  ])('%s is declined: artefact', async (_, change) => {
    const [miner, peer] = await connected();
    const declined = peer.next('decline');
    const job = strayJob();
    peer.send({ ...job, ...change(job) });
    expect(await declined).toMatchObject({ job: job.job, reason: 'artefact' });
    expect(miner.state.value.trouble).toMatchObject({ reason: 'artefact' });
  });

  it('whose input does not fit is declined: failed', async () => {
    const [, peer] = await connected();
    const declined = peer.next('decline');
    peer.send(strayJob({ inputs: { kind: 'inline', values: [new Uint8Array(3)] } }));
    expect(await declined).toMatchObject({ reason: 'failed', detail: expect.stringContaining('expected 32 bytes') });
  });

  it('that waits is cancelled without a trace; clients go before benchmarks', async () => {
    const [miner, peer] = await connected({ capacity: 4 });
    const jobs = [strayJob(), strayJob({ kind: 'benchmark' }), strayJob({ kind: 'benchmark' }), strayJob()];
    for (const job of jobs) peer.send(job);
    peer.send({ type: 'cancel', job: jobs[1]!.job, reason: 'answered' });
    await stateWhere(miner, ({ totals }) => totals.proofs === 3);
    const proven = () => peer.frames.flatMap((frame) => (frame.type === 'proof' ? [frame.job] : []));
    await expect.poll(proven).toEqual([jobs[0]!.job, jobs[3]!.job, jobs[2]!.job]);
    expect(miner.state.value.totals.cancelled).toBe(1);
  });

  it('that is worked on is cancelled, and the next one is done', async () => {
    const [miner, peer] = await connected();
    const job = strayJob();
    const preparing = stateWhere(miner, ({ work }) => work?.phase === 'prepare');
    peer.send(job);
    await preparing;
    peer.send({ type: 'cancel', job: job.job, reason: 'request-over' });
    await stateWhere(miner, ({ totals }) => totals.cancelled === 1);
    expect((await coordinator.over(ask())).inference.state).toBe('proven');
    expect(peer.frames.some((frame) => (frame.type === 'proof' || frame.type === 'decline') && frame.job === job.job)).toBe(false);
  });
});

describe('a miner', () => {
  it('that was started anew says that it has lost its jobs', async () => {
    const storage = memoryStorage();
    const identity = seedIdentity(new Uint8Array(32).fill(6));
    const [miner, peer] = await connected({ identity }, { storage });
    const begun = peer.next('accept');
    const request = ask();
    await begun;
    // As if it had been killed: no goodbye.
    coordinator.cut({ refuse: true });
    await miner.stop();
    coordinator.cut();
    const [, back] = await connected({ identity }, { storage });
    expect(back.resumed).toBe(true);
    await coordinator.over(request);
    expect(request.inference).toMatchObject({ state: 'proven', jobs: [{ attempts: 2 }] });
    expect(back.frames.find((frame) => frame.type === 'decline')).toMatchObject({ reason: 'failed' });
  });

  it('needs no download for what it holds, and says so', async () => {
    const storage = memoryStorage();
    const [miner] = await connected({}, { storage });
    await coordinator.over(ask());
    await expect.poll(() => miner.state.value.cache.count).toBe(2);
    await miner.stop();
    coordinator.faults.http = (_, path) => (path.startsWith('/v1/blobs') ? 500 : null);
    const [other, back] = await connected({}, { storage });
    expect(back.hello.holds.map(hex)).toEqual([hex(coordinator.models[0]!.pieces[0]![0]!.digest)]);
    expect((await coordinator.over(ask())).inference.state).toBe('proven');
    await other.clearCache();
    expect(other.state.value.cache).toEqual({ count: 0, bytes: 0 });
  });

  it('loses one attempt when its worker dies, and nothing else', async () => {
    const workers: Worker[] = [];
    const prover: ProverPlatform = {
      parallelism: 1,
      startProver() {
        const worker = new Worker(new URL('../../wasm/runtime/node-worker.mjs', import.meta.url), { workerData: 'prover', execArgv: [] });
        workers.push(worker);
        return workerHandle(worker);
      },
    };
    const [miner] = await connected({}, { prover });
    // While it prepares; then while it proves, if the blow is quick enough; then while it rests.
    const preparing = stateWhere(miner, ({ work }) => work?.phase === 'prepare');
    const first = ask();
    await preparing;
    await expect.poll(() => workers.length).toBe(1);
    await workers[0]!.terminate();
    await coordinator.over(first);
    expect(first.inference).toMatchObject({ state: 'proven', jobs: [{ attempts: 2 }] });
    expect(miner.state.value.totals).toMatchObject({ declined: 1, refused: 0 });
    expect(miner.state.value.trouble).toMatchObject({ reason: 'failed' });

    const second = ask();
    await stateWhere(miner, ({ work }) => work !== null);
    await workers.at(-1)!.terminate();
    await coordinator.over(second);
    expect(second.inference.state).toBe('proven');
    expect(second.jobs[0]!.attempts).toBeLessThanOrEqual(2);

    await workers.at(-1)!.terminate();
    const third = await coordinator.over(ask());
    expect(third.inference).toMatchObject({ state: 'proven', jobs: [{ attempts: 1 }] });
    expect(miner.state.value.totals.refused).toBe(0);
  });

  it('gives memory back when there is nothing to do, and works again when there is', async () => {
    const [miner] = await connected({ restAfter: 300 });
    await coordinator.over(ask());
    await stateWhere(miner, ({ provers }) => provers.length === 1 && provers[0]!.bytes > 0);
    await stateWhere(miner, ({ provers }) => provers.length === 1 && provers[0]!.bytes === 0);
    expect((await coordinator.over(ask())).inference.state).toBe('proven');
  });

  it('proves with another number of threads when it is told to', async () => {
    const [miner] = await connected({ threads: 1 }, { prover: { ...nodePlatform, parallelism: 2 } });
    await coordinator.over(ask());
    await miner.setThreads(2);
    expect(miner.state.value.threads).toBe(2);
    expect((await coordinator.over(ask())).inference.state).toBe('proven');
    await expect(miner.setThreads(0)).rejects.toThrow('expected threads of 1 to 256, got 0');
  });
});
