import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { CLOSE } from '../../server/wire/limits.ts';
import { backoff } from '../../web/client/clock.ts';
import { memoryStorage } from '../../web/client/storage.ts';
import { seedIdentity, type Identity } from '../../web/miner/identity.ts';
import type { Miner, MinerOptions } from '../../web/miner/miner.ts';
import type { OpenSocket, SocketEvents } from '../../web/miner/platform.ts';
import { NO_FAULTS, startTestCoordinator, type TestCoordinator } from '../support/coordinator/coordinator.ts';
import type { MinerPeer } from '../support/coordinator/miner-peer.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { stateWhere, testMiner, testPlatform } from '../support/mining.ts';

let coordinator: TestCoordinator;
beforeAll(async () => {
  coordinator = await startTestCoordinator([]);
});
afterAll(() => coordinator.close());

const started: Miner[] = [];
afterEach(async () => {
  Object.assign(coordinator.faults, NO_FAULTS);
  for (const miner of started.splice(0)) await miner.stop();
});

/** A miner that is connected, and its other end. */
async function connected(options: Partial<MinerOptions> = {}, storage = memoryStorage()): Promise<[Miner, MinerPeer]> {
  const welcomed = coordinator.nextMiner();
  const miner = testMiner(coordinator.url, options, testPlatform({ storage }));
  started.push(miner);
  miner.start();
  const peer = await welcomed;
  await stateWhere(miner, ({ connection }) => connection.kind === 'connected');
  return [miner, peer];
}

/** An identity that counts what it signs. */
function counting(): { readonly identity: Identity; readonly signed: string[] } {
  const own = seedIdentity(new Uint8Array(32).fill(5));
  const signed: string[] = [];
  const signText = (text: string): Promise<Uint8Array> => {
    signed.push(text);
    return own.signText(text);
  };
  return { identity: { ...own, signText }, signed };
}

describe('a session', () => {
  it('outlives connections: the hotkey signs once', async () => {
    const { identity, signed } = counting();
    const [, first] = await connected({ identity });
    expect(first.resumed).toBe(false);
    const again = coordinator.nextMiner();
    first.terminate();
    const second = await again;
    expect(second.resumed).toBe(true);
    expect(second.certificate).toEqual(first.certificate);
    expect(signed).toHaveLength(1);
  });

  it('outlives the miner, if its storage does, until it expires', async () => {
    const { identity, signed } = counting();
    const storage = memoryStorage();
    const [miner, first] = await connected({ identity }, storage);
    await miner.stop();
    await first.closed;
    const [other, second] = await connected({ identity }, storage);
    expect(second.resumed).toBe(true);
    await other.stop();

    coordinator.faults.challenge = (frame) => ({ ...frame, expires: Date.now() + 30_000 });
    const short = memoryStorage();
    for (let n = 0; n < 2; n++) {
      const [brief, peer] = await connected({ identity }, short);
      expect(peer.resumed).toBe(false);
      await brief.stop();
      await peer.closed;
    }
    expect(signed).toHaveLength(3);
  });

  it('that the coordinator does not know any more is followed by a new one', async () => {
    const [, first] = await connected();
    coordinator.sessions.clear();
    const again = coordinator.nextMiner();
    first.terminate();
    const second = await again;
    expect(second.resumed).toBe(false);
    expect(second.certificate.session).not.toEqual(first.certificate.session);
  });

  it('that another connection took over is followed by a new one', async () => {
    const [, first] = await connected();
    const again = coordinator.nextMiner();
    first.close(CLOSE.replaced, 'another connection of this session');
    expect((await again).certificate.session).not.toEqual(first.certificate.session);
  });

  it('that is damaged in the storage is none', async () => {
    const { identity } = counting();
    for (const record of [null, 7, {}, { origin: 'x', coordinator: 'y', expires: 1, nonce: '', signature: '', secret: '' }]) {
      const storage = memoryStorage();
      await storage.records.set(`session ${identity.address}`, record);
      const [miner, peer] = await connected({ identity }, storage);
      expect(peer.resumed).toBe(false);
      await miner.stop();
      await peer.closed;
    }
  });

  it('that is turned away though it is new ends the miner, which says why', async () => {
    coordinator.faults.unauthorized = true;
    const miner = testMiner(coordinator.url);
    miner.start();
    const { connection } = await stateWhere(miner, ({ connection: { kind } }) => kind === 'stopped');
    expect(connection).toEqual({ kind: 'stopped', reason: 'the coordinator does not accept the session: the session is not known' });
  });
});

describe('a connection', () => {
  it('says what the miner is, and goodbye', async () => {
    const payee = new Uint8Array(32).fill(4);
    const [miner, peer] = await connected({ threads: 3, capacity: 5, payee, agent: 'veritab/1 (test)' });
    expect(peer.hello).toMatchObject({ protocol: 1, threads: 3, capacity: 5, agent: 'veritab/1 (test)', payee, holds: [] });
    const bye = peer.next('bye');
    await miner.stop();
    expect(await bye).toMatchObject({ code: 'stopped' });
    expect(miner.state.value.connection).toEqual({ kind: 'stopped', reason: null });
    // And may begin again.
    const welcomed = coordinator.nextMiner();
    miner.start();
    expect((await welcomed).resumed).toBe(true);
  });

  it('rests as long as a paused hotkey is told to', async () => {
    const [miner, peer] = await connected();
    peer.close(CLOSE.paused, 'three proofs were refused', 60_000);
    const { connection } = await stateWhere(miner, ({ connection: { kind } }) => kind === 'waiting');
    expect(connection).toMatchObject({ paused: true, reason: 'three proofs were refused' });
    const left = connection.kind === 'waiting' ? connection.until - Date.now() : 0;
    expect(left).toBeGreaterThan(55_000);
    expect(left).toBeLessThan(62_000);
  });

  it('comes back after a coordinator that drains', async () => {
    const [miner, peer] = await connected();
    const again = coordinator.nextMiner();
    peer.close(CLOSE.draining, 'going down', 10);
    expect(await stateWhere(miner, ({ connection: { kind } }) => kind === 'waiting')).toMatchObject({
      connection: { reason: 'going down' },
    });
    await again;
  });

  it('ends where the coordinator speaks another version', async () => {
    coordinator.faults.challenge = (frame) => ({ ...frame, protocol: 2 });
    const miner = testMiner(coordinator.url);
    miner.start();
    const { connection } = await stateWhere(miner, ({ connection: { kind } }) => kind === 'stopped');
    expect(connection).toMatchObject({ reason: 'the coordinator speaks version 2 of the frames, this miner 1' });
  });

  it.each([
    ['text', 'hello'],
    ['no msgpack', Uint8Array.of(0xc1)],
    ['an unknown frame', Uint8Array.of(0x81, 0xa4, 0x74, 0x79, 0x70, 0x65, 0xa1, 0x78)],
  ])('is closed on %s, and made again', async (_, data) => {
    const [, peer] = await connected();
    const again = coordinator.nextMiner();
    peer.sendRaw(data);
    expect(await peer.closed).toBe(CLOSE.malformed);
    await again;
  });

  it('is closed on frames out of turn', async () => {
    const [, peer] = await connected();
    const again = coordinator.nextMiner();
    peer.challenge();
    expect(await peer.closed).toBe(CLOSE.malformed);
    await again;
  });

  it('needs an address that is one', () => {
    for (const [address, message] of [
      ['coordinator', 'Invalid URL'],
      ['ftp://host', 'begins with http:// or https://'],
    ] as const)
      expect(() => testMiner(address).start()).toThrow(message);
  });
});

describe('a coordinator that cannot be reached', () => {
  it('is tried later and later: 0.5 s, doubled up to 30 s, with full jitter', () => {
    const delays = (byte: number): number[] => Array.from({ length: 9 }, (_, n) => backoff(n, (count) => new Uint8Array(count).fill(byte)));
    expect(delays(0)).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0]);
    expect(delays(255).map(Math.round)).toEqual([500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000]);
  });

  it('is tried again after each delay, and no oftener', () => {
    const clock = new FakeClock();
    const opened: number[] = [];
    const openSocket: OpenSocket = (_url, _protocol, events) => {
      opened.push(clock.now());
      queue.push(events);
      return { send: () => undefined, close: () => undefined };
    };
    const queue: SocketEvents[] = [];
    const random = (count: number) => new Uint8Array(count).fill(255);
    const miner = testMiner('http://127.0.0.1:1', {}, testPlatform({ openSocket, clock, random }));
    miner.start();
    for (const delay of [500, 1000, 2000, 4000]) {
      queue.shift()!.close(1006, '');
      expect(miner.state.value.connection).toMatchObject({ kind: 'waiting', paused: false, reason: 'the coordinator cannot be reached' });
      clock.pass(delay - 10);
      expect(queue).toHaveLength(0);
      clock.pass(20);
      expect(queue).toHaveLength(1);
    }
    expect(opened).toHaveLength(5);
    void miner.stop();
  });

  it('and says nothing for 40 s is given up', async () => {
    const clock = new FakeClock();
    const close = vi.fn();
    const openSocket: OpenSocket = () => ({ send: () => undefined, close });
    const random = (count: number) => new Uint8Array(count).fill(255);
    const miner = testMiner('http://127.0.0.1:1', {}, testPlatform({ openSocket, clock, random }));
    miner.start();
    clock.pass(39_000);
    expect(miner.state.value.connection.kind).toBe('connecting');
    clock.pass(1_001);
    expect(miner.state.value.connection).toMatchObject({ reason: 'nothing was heard for 40 s' });
    expect(close).toHaveBeenCalledWith(CLOSE.timeout, 'nothing was heard for 40 s');
    await miner.stop();
  });
});
