/** Mining as a wallet's account: the wallets of this browser, then their accounts. The code for it is loaded when it is asked for. */
import { useSignal } from '@preact/signals';
import { Button } from '../../design/button.tsx';
import { Notice } from '../../design/notice.tsx';
import { elided } from '../../design/digest.tsx';
import type { InjectedWallets, WalletAccount } from '../../wallet/wallet.ts';
import { failureOf, FailureWords, type Failure } from '../failure.tsx';
import type { Keyring } from './keyring.ts';

/** What extensions put into pages. */
const injected = (): InjectedWallets | undefined => (globalThis as { injectedWeb3?: InjectedWallets }).injectedWeb3;

export function WalletChoice({ keyring }: { readonly keyring: Keyring }) {
  const names = useSignal<readonly string[] | null>(null);
  const accounts = useSignal<readonly WalletAccount[] | null>(null);
  const failure = useSignal<Failure | null>(null);

  const doing = (work: () => Promise<void>) => () => {
    failure.value = null;
    work().catch((error: unknown) => (failure.value = failureOf(error)));
  };
  const look = doing(async () => {
    const { walletNames } = await import('../../wallet/wallet.ts');
    names.value = walletNames(injected());
    accounts.value = null;
  });
  const open = (name: string) =>
    doing(async () => {
      const { openWallet } = await import('../../wallet/wallet.ts');
      accounts.value = await openWallet(injected(), name);
    });

  if (!keyring.isOwn.value) {
    return (
      <Button onPress={() => keyring.wear(null)} note="Mine with the key that this browser keeps">
        Use this browser’s key
      </Button>
    );
  }
  return (
    <div class="stack">
      <div class="row">
        {names.value === null && <Button onPress={look}>Use a wallet</Button>}
        {accounts.value === null &&
          names.value?.map((name) => (
            <Button key={name} onPress={open(name)}>
              Open {name}
            </Button>
          ))}
        {accounts.value?.map(({ address, name, identity }) => (
          <Button key={address} note={address} onPress={() => keyring.wear(identity)}>
            Mine as {name === '' ? elided(address) : `${name}, ${elided(address)}`}
          </Button>
        ))}
      </div>
      {names.value?.length === 0 && (
        <p class="small quiet">No wallet extension has announced itself in this page. The Polkadot extension and those like it do.</p>
      )}
      {accounts.value?.length === 0 && <p class="small quiet">The wallet shows no sr25519 account. Let it show one to this page.</p>}
      {failure.value !== null && (
        <Notice kind="refused" inline>
          <FailureWords failure={failure.value} />
        </Notice>
      )}
    </div>
  );
}
