import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addressOf, hotkeyFromSeed, type Hotkey } from '../../server/wire/keys.ts';
import { memoryStorage } from '../../web/client/storage.ts';
import { openWallet, publicKeyOf, walletNames, type InjectedWallets } from '../../web/wallet/wallet.ts';
import { startTestCoordinator, type TestCoordinator } from '../support/coordinator/coordinator.ts';
import { stateWhere, testMiner, testPlatform } from '../support/mining.ts';

const key = hotkeyFromSeed(new Uint8Array(32).fill(7));
/** The same key as an address of Polkadot (prefix 0) and of a chain with a prefix of two bytes. */
const POLKADOT_ALICE = '15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp5';
const ALICE = '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY';

/** An extension that signs as extensions do: the text wrapped in <Bytes>. What it was asked to sign is in `asked`. */
function extension(hotkey: Hotkey, { asked = [] as string[], prefix = '0x' } = {}): InjectedWallets {
  return {
    'polkadot-js': {
      version: '0.63.1',
      enable: async () => ({
        accounts: {
          get: async () => [
            { address: hotkey.address, name: 'miner', type: 'sr25519' },
            { address: ALICE, type: 'ed25519' },
          ],
        },
        signer: {
          async signRaw({ address, data, type }) {
            expect({ address, type }).toEqual({ address: hotkey.address, type: 'bytes' });
            const text = Buffer.from(data.slice(2), 'hex').toString();
            asked.push(text);
            return { signature: prefix + Buffer.from(hotkey.sign(new TextEncoder().encode(`<Bytes>${text}</Bytes>`))).toString('hex') };
          },
        },
      }),
    },
    broken: {},
  };
}

let coordinator: TestCoordinator;
beforeAll(async () => {
  coordinator = await startTestCoordinator([]);
});
afterAll(() => coordinator.close());

describe('a wallet', () => {
  it('shows its sr25519 accounts', async () => {
    const wallets = extension(key);
    expect(walletNames(wallets)).toEqual(['polkadot-js']);
    expect(walletNames(undefined)).toEqual([]);
    const accounts = await openWallet(wallets, 'polkadot-js');
    expect(accounts.map(({ address, name }) => ({ address, name }))).toEqual([{ address: key.address, name: 'miner' }]);
    await expect(openWallet(wallets, 'broken')).rejects.toThrow('there is no wallet broken');
  });

  it('reads addresses of every chain, and refuses what is none', () => {
    expect(addressOf(publicKeyOf(POLKADOT_ALICE)!)).toBe(ALICE);
    expect(publicKeyOf(ALICE.replace('5G', '5H'))).toBeNull();
    for (const wrong of ['', '5', 'O0Il', POLKADOT_ALICE.slice(1)]) expect(publicKeyOf(wrong)).toBeNull();
  });

  it('signs in once per session, with a text that can be read', async () => {
    const asked: string[] = [];
    const [account] = await openWallet(extension(key, { asked, prefix: '0x01' }), 'polkadot-js');
    const storage = memoryStorage();
    for (const resumed of [false, true]) {
      const miner = testMiner(coordinator.url, { identity: account!.identity }, testPlatform({ storage }));
      const welcomed = coordinator.nextMiner();
      miner.start();
      const peer = await welcomed;
      expect(addressOf(peer.hotkey)).toBe(key.address);
      expect(peer.resumed).toBe(resumed);
      await miner.stop();
      await peer.closed;
    }
    expect(asked).toHaveLength(1);
    expect(asked[0]!.split('\n').slice(0, 3)).toEqual([
      'Veritab miner session',
      `coordinator: ${coordinator.url} ${coordinator.address}`,
      `hotkey: ${key.address}`,
    ]);
  });

  it('that refuses to sign stops the miner, which says so', async () => {
    const wallets: InjectedWallets = {
      wallet: {
        enable: async () => ({
          accounts: { get: async () => [{ address: key.address }] },
          signer: { signRaw: () => Promise.reject(new Error('Cancelled')) },
        }),
      },
    };
    const [account] = await openWallet(wallets, 'wallet');
    const miner = testMiner(coordinator.url, { identity: account!.identity });
    miner.start();
    const { connection } = await stateWhere(miner, ({ connection: { kind } }) => kind === 'stopped');
    expect(connection).toEqual({ kind: 'stopped', reason: 'no session: the wallet did not sign: Cancelled' });
    await miner.stop();
  });

  it('that signs with another key is caught before anything is sent', async () => {
    const other = hotkeyFromSeed(new Uint8Array(32).fill(8));
    const [account] = await openWallet(extension({ ...other, address: key.address }), 'polkadot-js');
    const miner = testMiner(coordinator.url, { identity: account!.identity });
    miner.start();
    const { connection } = await stateWhere(miner, ({ connection: { kind } }) => kind === 'stopped');
    expect(connection).toMatchObject({ reason: expect.stringContaining('not that of the hotkey') });
    await miner.stop();
  });

  it('that hides its accounts, or signs no texts, says so', async () => {
    const refusing: InjectedWallets = { wallet: { enable: () => Promise.reject(new Error('not allowed')) } };
    await expect(openWallet(refusing, 'wallet')).rejects.toThrow('does not show its accounts: not allowed');
    const mute: InjectedWallets = { wallet: { enable: async () => ({ accounts: { get: async () => [] }, signer: {} }) } };
    await expect(openWallet(mute, 'wallet')).rejects.toThrow('does not sign texts');
  });
});
