/** Going down in good order, and coming back. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startCoordinator } from '../../server/serve.ts';
import { silent } from '../../server/dispatch/observer.ts';
import { addressOf, hotkeyFromSeed } from '../../server/wire/keys.ts';
import { hotkeySeed } from '../../server/config/hotkey.ts';
import type { Inference } from '../../server/wire/http.ts';
import { temporaryFolder } from '../support/cli.ts';
import { stateWhere, testMiner, testPlatform } from '../support/mining.ts';
import { serveInTest, testConfig, type TestCoordinator } from '../support/serving.ts';

const folder = temporaryFolder();
let served: TestCoordinator;
beforeAll(async () => {
  served = await serveInTest({ data: folder.path, drainSeconds: 60 });
});
afterAll(async () => {
  await served.stop();
  folder.remove();
});

const ask = () =>
  fetch(`${served.origin}/v1/inferences`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'digits', inputs: [Buffer.alloc(784).toString('base64')] }),
  });

it('finishes what miners work on, takes nothing new, says goodbye, and is there again with all it knew', async () => {
  let release = (): void => undefined;
  const released = new Promise<void>((resolve) => (release = resolve));
  // A miner that has a job, and does not get on with it before it may.
  const miner = testMiner(
    served.origin,
    {},
    testPlatform({
      fetch: async (...call) => {
        await released;
        return fetch(...call);
      },
    }),
  );
  miner.start();
  await stateWhere(miner, ({ connection }) => connection.kind === 'connected');
  const inference = (await (await ask()).json()) as Inference;
  const stream = fetch(`${served.origin}/v1/inferences/${inference.id}/events`).then((response) => response.text());
  await stateWhere(miner, ({ work }) => work?.phase === 'fetch');

  const drained = served.drain();
  const refused = await ask();
  expect([refused.status, refused.headers.get('retry-after'), ((await refused.json()) as { code: string }).code]).toEqual([
    503,
    '5',
    'draining',
  ]);
  const ready = await fetch(`${served.origin}/readyz`);
  expect([ready.status, ((await ready.json()) as { code: string }).code]).toEqual([503, 'draining']);
  expect((await fetch(`${served.origin}/healthz`)).status).toBe(200);
  release();
  await drained;
  expect(await stream).toMatch(/event: over\n.*"state":"proven"/);
  expect(miner.state.value.totals).toMatchObject({ accepted: 1, refused: 0 });
  await expect(fetch(`${served.origin}/healthz`)).rejects.toThrow('fetch failed');
  await miner.stop();
  expect(served.logged.filter(({ level }) => level === 'error')).toEqual([]);

  const again = await startCoordinator(testConfig({ data: folder.path }), { log: silent, version: '0.0.0-test' });
  try {
    expect(again.address).toBe(served.address);
    const known = (await (await fetch(`${again.origin}/v1/inferences/${inference.id}`)).json()) as Inference;
    expect(known).toMatchObject({ state: 'proven', outputs: inference.outputs });
    expect((await fetch(`${again.origin}/v1/inferences/${inference.id}/bundle`)).status).toBe(200);
  } finally {
    await again.drain();
  }
});

it('keeps its key to itself', async () => {
  const path = join(folder.path, 'coordinator.key');
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(addressOf(hotkeyFromSeed(await hotkeySeed(path, '--hotkey')).publicKey)).toBe(served.address);
});

it('does not start where its port is taken, and leaves nothing behind', async () => {
  const taken = await serveInTest({ digits: false });
  const port = Number(new URL(taken.origin).port);
  const other = temporaryFolder();
  await expect(startCoordinator(testConfig({ port, data: other.path }), { log: silent, version: '0.0.0-test' })).rejects.toThrow(
    'EADDRINUSE',
  );
  await taken.stop();
  other.remove();
});
