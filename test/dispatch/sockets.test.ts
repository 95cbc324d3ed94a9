import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encode } from '@msgpack/msgpack';
import { WebSocket } from 'ws';
import type { Frame } from '../../server/wire/frames.ts';
import { CLOSE, MAX_FRAME_BYTES, MINER_PATH, SUBPROTOCOL } from '../../server/wire/limits.ts';
import { startNetwork, type TestNetwork } from '../support/dispatch/network.ts';
import { newHotkey, newSession, type TestMiner } from '../support/dispatch/test-miner.ts';

/** The answer to an upgrade that is refused. */
async function refusal(socket: WebSocket): Promise<{ status: number; message: string; retryAfter: string | undefined }> {
  socket.on('error', () => undefined);
  const [, response] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage];
  let message = '';
  for await (const part of response) message += String(part);
  return { status: response.statusCode!, message, retryAfter: response.headers['retry-after'] };
}

describe("a miner's socket", () => {
  let network: TestNetwork;
  beforeAll(async () => {
    network = await startNetwork({ settings: { frameRate: 100, helloWithin: 3000, maxMinersPerAddress: 20, maxMinersPerHotkey: 2 } });
  });
  afterAll(() => network.close());

  const changed = (change: (hello: Frame<'hello'>) => unknown): TestMiner =>
    network.miner({ hello: (hello) => change(hello) as Frame<'hello'> });

  it('is opened by a new certificate', async () => {
    const miner = await network.miner().welcome();
    expect(miner.of('welcome')[0]).toMatchObject({ open: [] });
    expect(await miner.frame('stats')).toMatchObject({ miners: 1, queue: 0 });
    miner.vanish();
  });

  it('is not opened without the subprotocol, or elsewhere', async () => {
    const url = network.url.replace('http', 'ws');
    expect(await refusal(new WebSocket(url + MINER_PATH))).toMatchObject({
      status: 400,
      message: `expected the subprotocol ${SUBPROTOCOL}`,
    });
    expect(await refusal(new WebSocket(`${url}/v1/elsewhere`, SUBPROTOCOL))).toMatchObject({ status: 404 });
  });

  it.each<[string, (hello: Frame<'hello'>) => unknown, number, string]>([
    ['another version of the frames', (hello) => ({ ...hello, protocol: 2 }), CLOSE.version, 'protocol'],
    ['an unknown field', (hello) => ({ ...hello, extra: 1 }), CLOSE.malformed, 'malformed'],
    ['a field out of range', (hello) => ({ ...hello, capacity: 17 }), CLOSE.malformed, 'malformed'],
    [
      'a certificate for another coordinator',
      (hello) => ({ ...hello, certificate: { ...hello.certificate, origin: 'https://else.where' } }),
      CLOSE.unauthorized,
      'coordinator',
    ],
    [
      'a certificate that the hotkey did not sign',
      (hello) => ({ ...hello, certificate: { ...hello.certificate, hotkey: newHotkey().publicKey } }),
      CLOSE.unauthorized,
      'signature',
    ],
    [
      'a certificate that holds for longer than was offered',
      (hello) => ({ ...hello, certificate: { ...hello.certificate, expires: hello.certificate.expires + 1 } }),
      CLOSE.unauthorized,
      'expires',
    ],
    ['no possession of the session key', (hello) => ({ ...hello, possession: new Uint8Array(64) }), CLOSE.unauthorized, 'possession'],
  ])('is closed after %s', async (_, change, code, name) => {
    const { code: closed, bye } = await changed(change).end();
    expect(closed).toBe(code);
    expect(bye).toMatchObject({ code: name });
  });

  it('is not opened by a certificate that somebody copied', async () => {
    const owner = await network.miner().welcome();
    const thief = network.miner({ hotkey: owner.hotkey, session: newSession(), certificate: owner.certificate! });
    expect(await thief.end()).toMatchObject({ code: CLOSE.unauthorized, bye: { code: 'possession' } });
    owner.vanish();
  });

  it('is opened again by the same session, and the connection before it is replaced', async () => {
    const first = await network.miner().welcome();
    const { hotkey, session } = first;
    const second = await network.miner({ hotkey, session, certificate: first.certificate! }).welcome();
    expect(await first.end()).toMatchObject({ code: CLOSE.replaced, bye: { code: 'replaced' } });
    expect(second.closed).toBeNull();
    second.vanish();
  });

  it('is not opened by a session that nobody knows, though its certificate is in order', async () => {
    const stranger = network.miner({
      hello: ({ certificate, ...hello }) => ({ ...hello, certificate: { ...certificate, nonce: new Uint8Array(32) } }),
    });
    expect(await stranger.end()).toMatchObject({ code: CLOSE.unauthorized, bye: { code: 'unknown-session' } });
  });

  it.each<[string, (miner: TestMiner) => void, number, string]>([
    ['text', (miner) => miner.socket.send('hello'), CLOSE.malformed, 'malformed'],
    ['bytes that are no msgpack', (miner) => miner.socket.send(Uint8Array.of(0xc1, 0xc1)), CLOSE.malformed, 'malformed'],
    ['a frame of an unknown type', (miner) => miner.socket.send(encode({ type: 'gossip' })), CLOSE.malformed, 'malformed'],
    ['a second hello', (miner) => miner.socket.send(miner.lastHello!), CLOSE.malformed, 'second-hello'],
  ])('is closed after %s', async (_, wrong, code, name) => {
    const miner = await network.miner().welcome();
    wrong(miner);
    expect(await miner.end()).toMatchObject({ code, bye: { code: name } });
  });

  it('is closed after a frame that is too long', async () => {
    const miner = await network.miner().welcome();
    miner.socket.send(new Uint8Array(MAX_FRAME_BYTES + 1));
    expect((await miner.end()).code).toBe(1009);
  });

  it('is closed after a frame before the hello, and without a hello in time', async () => {
    const early = network.miner({ hello: () => ({ type: 'accept', job: '00000000-0000-0000-0000-000000000000' }) as never });
    expect(await early.end()).toMatchObject({ code: CLOSE.malformed, bye: { code: 'no-hello' } });
    const silent = new WebSocket(network.url.replace('http', 'ws') + MINER_PATH, SUBPROTOCOL);
    const [code] = (await once(silent, 'close')) as [number];
    expect(code).toBe(CLOSE.timeout);
  });

  it('is closed after ten thousand frames at once', async () => {
    const miner = await network.miner().welcome();
    for (let n = 0; n < 10_000 && miner.closed === null; n++) miner.send({ type: 'accept', job: '00000000-0000-0000-0000-000000000000' });
    expect(await miner.end()).toMatchObject({ code: CLOSE.tooMany, bye: { code: 'frame-rate' } });
  });

  it('is one of a bounded number per hotkey, and per address', async () => {
    const hotkey = newHotkey();
    const two = [await network.miner({ hotkey }).welcome(), await network.miner({ hotkey }).welcome()];
    expect(await network.miner({ hotkey }).end()).toMatchObject({ code: CLOSE.tooMany, bye: { code: 'hotkey-connections' } });
    const many = await Promise.all(Array.from({ length: 18 }, () => network.miner().welcome()));
    const turned = await refusal(new WebSocket(network.url.replace('http', 'ws') + MINER_PATH, SUBPROTOCOL));
    expect(turned).toMatchObject({ status: 429, retryAfter: '30' });
    for (const miner of [...two, ...many]) miner.vanish();
  });
});
