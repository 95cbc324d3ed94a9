import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { decodeBundle } from '../../server/wire/bundle.ts';
import type { InferenceEvent } from '../../server/wire/http.ts';
import { RequestFailure, type Client } from '../../web/client/client.ts';
import type { Miner } from '../../web/miner/miner.ts';
import { testClient } from '../support/asking.ts';
import { NO_FAULTS, startTestCoordinator, type TestCoordinator } from '../support/coordinator/coordinator.ts';
import { kernelModule } from '../support/kernels.ts';
import { chainOfThree, testMiner } from '../support/mining.ts';

const sample = chainOfThree();
let coordinator: TestCoordinator;
let miner: Miner;
let client: Client;
beforeAll(async () => {
  await kernelModule();
  coordinator = await startTestCoordinator([{ ...sample, plans: [[], [1, 2]] }]);
  miner = testMiner(coordinator.url);
  miner.start();
  // Coming back at once, however often something fails.
  client = testClient(coordinator.url, {
    random: (count) => (count === 4 ? new Uint8Array(4) : crypto.getRandomValues(new Uint8Array(count))),
  });
});
afterEach(() => Object.assign(coordinator.faults, NO_FAULTS));
afterAll(async () => {
  await miner.stop();
  await client.dispose();
  await coordinator.close();
});

/** What a rejection says. */
async function failureOf(action: Promise<unknown>): Promise<RequestFailure> {
  const error: unknown = await action.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(RequestFailure);
  return error as RequestFailure;
}

describe('a client', () => {
  it('lists models, and finds one by name or digest', async () => {
    const models = await client.models();
    expect(models.map(({ name }) => name)).toEqual(['chain']);
    expect(await client.model('chain')).toEqual(models[0]);
    expect(await client.model(models[0]!.digest)).toEqual(models[0]);
  });

  it('gets the answer at once, its proofs as they come, then the bundle', async () => {
    const events: InferenceEvent[] = [];
    const { inference, bundle } = await client.infer('chain', sample.inputs, { slices: 3, onEvent: (event) => events.push(event) });
    expect(inference).toMatchObject({ state: 'proven', cuts: [1, 2] });
    expect(events[0]).toMatchObject({ type: 'snapshot', inference: { state: 'proving', outputs: inference.outputs } });
    expect(events.at(-1)).toMatchObject({ type: 'over', inference: { state: 'proven' } });
    const proven = events.flatMap((event) => (event.type === 'job' && event.job.state === 'proven' ? [event.job.slice] : []));
    expect(proven.sort()).toEqual([0, 1, 2]);
    const { request, inputs, outputs } = decodeBundle(bundle);
    expect({ request, inputs }).toEqual({ request: inference.id, inputs: sample.inputs });
    const { proven: holds } = await client.verify(bundle, {
      model: inference.model,
      inputs: sample.inputs,
      request: inference.id,
      outputs,
    });
    expect(holds).toBe(true);
    expect(await client.bundle(inference.id)).toEqual(bundle);
  });

  it('follows a request across streams that end, without losing or doubling an event', async () => {
    coordinator.faults.eventsPerStream = 1;
    const events: InferenceEvent[] = [];
    await client.infer('chain', sample.inputs, { slices: 3, onEvent: (event) => events.push(event) });
    const request = [...coordinator.requests.values()].at(-1)!;
    // The first is the answer to the question itself.
    expect(events.slice(1)).toEqual(request.events);
  });

  it('asks again where the answer was lost, and still asks once', async () => {
    const before = coordinator.requests.size;
    const failing = new Set(['POST', 'events', 'bundle']);
    coordinator.faults.http = (method, path) => {
      const what = method === 'POST' ? 'POST' : path.split('/').at(-1)!;
      // The connection is cut; then the server is busy; then it answers.
      return failing.delete(what) ? 0 : failing.delete(`${what} again`) ? 503 : null;
    };
    for (const what of ['POST', 'events', 'bundle']) failing.add(`${what} again`);
    const { inference } = await client.infer('chain', sample.inputs);
    expect(inference.state).toBe('proven');
    expect(failing.size).toBe(0);
    expect(coordinator.requests.size).toBe(before + 1);
  });

  it('makes one request of one key', async () => {
    const first = await client.infer('chain', sample.inputs, { idempotencyKey: 'key-1' });
    const second = await client.infer('chain', sample.inputs, { idempotencyKey: 'key-1' });
    expect(second.inference.id).toBe(first.inference.id);
  });

  it('says what the coordinator says where it refuses', async () => {
    expect(await failureOf(client.infer('nothing', sample.inputs))).toMatchObject({ code: 'unknown-model', message: 'no model nothing' });
    expect(await failureOf(client.model('nothing'))).toMatchObject({ code: 'unknown-model' });
    expect(await failureOf(client.bundle('00000000-0000-7000-8000-000000000000'))).toMatchObject({ code: 'unknown-inference' });
    coordinator.faults.http = () => 429;
    expect(await failureOf(client.infer('chain', sample.inputs))).toMatchObject({ code: 'fault' });
  });

  it('says so where there is no coordinator, or something else', async () => {
    const nobody = testClient('http://127.0.0.1:1');
    expect(await failureOf(nobody.models())).toMatchObject({ code: 'network', message: expect.stringContaining('cannot be reached') });
    const other = testClient(coordinator.url, { fetch: async () => new Response('<html></html>') });
    expect(await failureOf(other.models())).toMatchObject({ code: 'answer', message: expect.stringContaining('is this a coordinator?') });
    const wrong = testClient(coordinator.url, { fetch: async () => Response.json({ models: [{ name: 'x' }] }) });
    expect(await failureOf(wrong.models())).toMatchObject({ code: 'answer' });
  });

  it('waits no longer than its deadline and a little', async () => {
    const lost = testClient(coordinator.url, {
      fetch: () => Promise.reject(new Error('no route')),
      clock: { now: fastNow(), after: soon },
    });
    expect(await failureOf(lost.infer('chain', sample.inputs, { deadlineMs: 1000 }))).toMatchObject({ code: 'network' });
  });

  it('says why a request failed', async () => {
    coordinator.faults.job = (frame) => ({ ...frame, circuit: new Uint8Array(32) });
    expect(await failureOf(client.infer('chain', sample.inputs))).toMatchObject({
      code: 'no-proof',
      message: 'slice 0 was tried 5 times',
    });
  });

  it('stops when it is told to', async () => {
    const controller = new AbortController();
    coordinator.faults.eventsPerStream = 1;
    const asking = client.infer('chain', sample.inputs, {
      signal: controller.signal,
      onEvent: () => controller.abort(new Error('enough')),
    });
    await expect(asking).rejects.toThrow('enough');
  });
});

/** Each look at this clock is half a second later. */
function fastNow(): () => number {
  let now = 0;
  return () => (now += 500);
}

function soon(_: number, action: () => void): () => void {
  const timer = setTimeout(action, 0);
  return () => clearTimeout(timer);
}
