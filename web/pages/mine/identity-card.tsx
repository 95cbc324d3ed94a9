/** Who mines: the key's address, and the key as a file. */
import { useSignal } from '@preact/signals';
import { Button, FileButton } from '../../design/button.tsx';
import { Digest } from '../../design/digest.tsx';
import { Notice } from '../../design/notice.tsx';
import { Term } from '../../design/term.tsx';
import { failureOf, FailureWords, type Failure } from '../failure.tsx';
import type { MineSession } from './session.ts';
import { WalletChoice } from './wallet-choice.tsx';

export function IdentityCard({ session }: { readonly session: MineSession }) {
  const problem = useSignal<Failure | null>(null);
  const state = session.state.value;
  const take = (file: File): void => {
    problem.value = null;
    session.keyring.imported(file).catch((error: unknown) => (problem.value = failureOf(error)));
  };
  return (
    <section class="card stack" aria-labelledby="identity-title">
      <h2 id="identity-title">Key</h2>
      {state === null ? (
        <p class="quiet">Reading the key…</p>
      ) : (
        <p>
          <Term of="hotkey">Hotkey</Term> <Digest value={state.address} what="hotkey" />
        </p>
      )}
      {session.keyring.isOwn.value ? (
        <>
          <p class="small quiet">
            It was made in this browser and is kept here only. Proofs count for whoever has it: export it before you clear the browser’s
            data.
          </p>
          <div class="row">
            <Button onPress={() => save(session)} unavailable={state === null ? 'The key is being read' : null}>
              Export
            </Button>
            <FileButton accept=".json,.txt,application/json,text/plain" onFile={take}>
              Import
            </FileButton>
          </div>
        </>
      ) : (
        <p class="small quiet">The wallet is asked for one signature a session; it shows the text.</p>
      )}
      <WalletChoice keyring={session.keyring} />
      {problem.value !== null && (
        <Notice kind="refused" inline>
          <FailureWords failure={problem.value} />
        </Notice>
      )}
    </section>
  );
}

function save(session: MineSession): void {
  const address = URL.createObjectURL(new Blob([session.keyring.exported()], { type: 'application/json' }));
  const link = document.createElement('a');
  link.href = address;
  link.download = `hotkey-${session.state.value!.address.slice(0, 8)}.json`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
