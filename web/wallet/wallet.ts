/**
 * Wallet extensions, as they put themselves into pages: `injectedWeb3`, by name, each with `enable`, then accounts and a signer (the interface of the Polkadot extension, which others share). Nothing but
 * `signRaw` is asked of them, once per session; the text is readable in the wallet.
 */
import { blake2b } from '@noble/hashes/blake2.js';
import { base58 } from '@scure/base';
import { bytesToHex } from '@noble/hashes/utils.js';
import { addressOf } from '../../server/wire/keys.ts';
import type { Identity } from '../miner/identity.ts';

/** What a wallet says of an account. */
interface InjectedAccount {
  /** SS58, with whatever prefix. */
  readonly address: string;
  readonly name?: string;
  readonly type?: string;
}

interface Injected {
  readonly accounts: { get(): Promise<readonly InjectedAccount[]> };
  readonly signer: {
    signRaw?(payload: { readonly address: string; readonly data: string; readonly type: 'bytes' }): Promise<{ readonly signature: string }>;
  };
}

/** What a page finds as `globalThis.injectedWeb3`. */
export type InjectedWallets = Readonly<
  Record<string, { readonly version?: string; readonly enable?: (origin: string) => Promise<Injected> }>
>;

/** A wallet that cannot be used, or does not want to. */
export class WalletFailure extends Error {
  override readonly name = 'WalletFailure';
}

export interface WalletAccount {
  /** SS58, prefix 42. */
  readonly address: string;
  /** As its owner calls it; '' where it has no name. */
  readonly name: string;
  /** Who mines with it; asks the owner at each signature. */
  readonly identity: Identity;
}

/** Who asks, as the wallet shows it. */
const APPLICATION = 'Veritab';

/** Names of the wallets in this page. They may come a moment after the page has loaded. */
export function walletNames(wallets: InjectedWallets | undefined): string[] {
  return Object.entries(wallets ?? {}).flatMap(([name, { enable }]) => (enable ? [name] : []));
}

/** The sr25519 accounts of a wallet, once its owner lets the page see them. Rejects with `WalletFailure`. */
export async function openWallet(wallets: InjectedWallets | undefined, name: string): Promise<WalletAccount[]> {
  const wallet = wallets?.[name];
  if (!wallet?.enable) throw new WalletFailure(`there is no wallet ${name} in this page`);
  let injected: Injected;
  let accounts: readonly InjectedAccount[];
  try {
    injected = await wallet.enable(APPLICATION);
    accounts = await injected.accounts.get();
  } catch (cause) {
    throw new WalletFailure(`the wallet ${name} does not show its accounts: ${reasonOf(cause)}`, { cause });
  }
  if (!injected.signer.signRaw) throw new WalletFailure(`the wallet ${name} does not sign texts`);
  return accounts.flatMap(({ address, name: title = '', type = 'sr25519' }) => {
    const hotkey = publicKeyOf(address);
    return type === 'sr25519' && hotkey !== null
      ? [{ address: addressOf(hotkey), name: title, identity: identityOf(injected, address, hotkey) }]
      : [];
  });
}

function identityOf({ signer }: Injected, address: string, hotkey: Uint8Array): Identity {
  return {
    hotkey,
    address: addressOf(hotkey),
    asks: true,
    async signText(text) {
      let signature: string;
      try {
        ({ signature } = await signer.signRaw!({ address, data: `0x${bytesToHex(new TextEncoder().encode(text))}`, type: 'bytes' }));
      } catch (cause) {
        throw new WalletFailure(`the wallet did not sign: ${reasonOf(cause)}`, { cause });
      }
      const bytes = signatureBytes(signature);
      if (bytes === null) throw new WalletFailure('the wallet gave no sr25519 signature');
      return bytes;
    },
  };
}

/** 64 bytes; some wallets put the kind of the signature before them, 1 for sr25519. */
function signatureBytes(text: unknown): Uint8Array | null {
  const [, digits] = (typeof text === 'string' ? /^0x(?:01)?([0-9a-f]{128})$/i.exec(text) : null) ?? [];
  return digits === undefined ? null : Uint8Array.from({ length: 64 }, (_, n) => Number.parseInt(digits.slice(2 * n, 2 * n + 2), 16));
}

/** The public key of an address of any chain: one or two bytes of prefix, the key, two of a checksum. Null where it is none. Source: the SS58 format of Substrate. */
export function publicKeyOf(address: string): Uint8Array | null {
  let bytes: Uint8Array;
  try {
    bytes = base58.decode(address);
  } catch {
    return null;
  }
  const prefix = (bytes[0] ?? 255) < 64 ? 1 : (bytes[0] ?? 255) < 128 ? 2 : null;
  if (prefix === null || bytes.length !== prefix + 34) return null;
  const end = bytes.length - 2;
  const sum = blake2b(Uint8Array.of(...new TextEncoder().encode('SS58PRE'), ...bytes.subarray(0, end)), { dkLen: 64 });
  return sum[0] === bytes[end] && sum[1] === bytes[end + 1] ? bytes.slice(prefix, end) : null;
}

/** What a wallet rejects with need not be an error. */
function reasonOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
