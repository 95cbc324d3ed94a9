import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startNetwork, type TestNetwork } from '../support/dispatch/network.ts';

describe('what a request must be', () => {
  let network: TestNetwork;
  const input = new Uint8Array(6).fill(9);
  beforeAll(async () => {
    network = await startNetwork({ settings: { maxRequests: 6, maxRequestsPerAddress: 4, requestRate: 5 } });
  });
  afterAll(() => network.close());

  const ask = (request: object, { idempotencyKey = null as string | null, address = 'somebody' } = {}) =>
    network.coordinator.infer(
      { model: 'sliced-net', inputs: [Buffer.from(input).toString('base64')], ...request },
      { idempotencyKey, address },
    );

  it.each<[string, object, object]>([
    ['for a model that there is', { model: 'nothing' }, { status: 404, code: 'unknown-model', got: 'nothing' }],
    ['of as many inputs', { inputs: ['AAAA', 'AAAA'] }, { status: 400, code: 'input-count' }],
    ['of the right size', { inputs: ['AAAA'] }, { status: 400, code: 'input-size' }],
    ['in base64', { inputs: ['AAAAAAA'] }, { status: 400, code: 'input-encoding' }],
    ['in slices that the model has', { slices: 2 }, { status: 400, code: 'slices', expected: '1 or 3', got: '2' }],
    ['with a deadline within bounds', { deadline_ms: 600_001 }, { status: 400, code: 'deadline', got: '600001' }],
  ])('is one %s', async (_, request, problem) => {
    await expect(ask(request, { address: `asker ${JSON.stringify(request)}` })).rejects.toMatchObject(problem);
  });

  it('gives the same inference for the same key, also at the same time, and refuses another request with it', async () => {
    const options = { idempotencyKey: 'once', address: 'repeater' };
    const [first, second] = await Promise.all([ask({ deadline_ms: 1000 }, options), ask({ deadline_ms: 1000 }, options)]);
    expect(second.id).toBe(first.id);
    expect((await ask({ deadline_ms: 1000 }, options)).id).toBe(first.id);
    await expect(ask({ deadline_ms: 1001 }, options)).rejects.toMatchObject({ status: 409, code: 'idempotency-conflict' });
    await expect(ask({}, { idempotencyKey: 'no spaces' })).rejects.toMatchObject({ status: 400, code: 'idempotency-key' });
    await network.over(first.id);
  });

  it('is one of a bounded number, per address and in all, also of those that come at once', async () => {
    const settled = await Promise.allSettled(Array.from({ length: 8 }, () => ask({ deadline_ms: 5000 }, { address: 'greedy' })));
    const refused = settled.filter((one) => one.status === 'rejected').map(({ reason }) => reason as object);
    expect(refused).toHaveLength(4);
    for (const reason of refused) expect(reason).toMatchObject({ status: 429, code: 'too-many-open', retryAfter: 5 });
    const others = await Promise.allSettled(Array.from({ length: 4 }, (_, n) => ask({ deadline_ms: 5000 }, { address: `other ${n}` })));
    expect(others.map(({ status }) => status).sort()).toEqual(['fulfilled', 'fulfilled', 'rejected', 'rejected']);
    for (const one of others) if (one.status === 'rejected') expect(one.reason).toMatchObject({ status: 429, code: 'queue-full' });
  });

  it('comes at a bounded rate', async () => {
    const settled = await Promise.allSettled(Array.from({ length: 11 }, () => ask({ model: 'nothing' }, { address: 'hasty' })));
    const codes = settled.map((one) => (one.status === 'rejected' ? (one.reason as { code: string }).code : 'accepted'));
    expect(codes.slice(0, 10)).toEqual(Array.from({ length: 10 }, () => 'unknown-model'));
    expect(codes[10]).toBe('rate');
  });
});
