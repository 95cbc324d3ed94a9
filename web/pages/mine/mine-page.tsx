/** The Mine page: one switch, and what comes of it. */
import { useSignalEffect } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import { Frame } from '../../design/frame.tsx';
import type { CoordinatorAddress } from '../address.ts';
import { missingFeature, unsupported } from '../browser.tsx';
import { IdentityCard } from './identity-card.tsx';
import { Totals, Verdicts } from './ledger.tsx';
import { ProofTimes } from './plot.tsx';
import type { MineSession } from './session.ts';
import { SwitchPanel } from './switch-panel.tsx';
import './mine.css';

export function MinePage({ session, coordinator }: { readonly session: MineSession; readonly coordinator: CoordinatorAddress }) {
  useSignalEffect(() => {
    const count = session.proofs.value;
    document.title = session.wanted.value
      ? `${count.toLocaleString('en')} ${count === 1 ? 'proof' : 'proofs'} · Veritab`
      : 'Mine · Veritab';
  });
  const shortcuts = useMemo(() => [{ key: 'm', words: 'Start or stop mining', run: () => session.toggle() }], []);
  const state = session.state.value;
  const lacking = missingFeature() === null ? null : 'This browser cannot make proofs';
  return (
    <Frame
      page="mine"
      coordinator={coordinator.given}
      shortcuts={shortcuts}
      offline="Mining goes on when the network is back."
      unsupported={unsupported()}
    >
      <div class="mine">
        <div class="stack">
          <div>
            <h1>Mine</h1>
            <p class="quiet">Lend this machine’s processor: it proves slices of models for whoever asks. Every proof is checked.</p>
          </div>
          <SwitchPanel session={session} unavailable={lacking} />
          <IdentityCard session={session} />
        </div>
        <div class="stack">
          {state !== null && state.times.length > 0 ? (
            <ProofTimes times={state.times} />
          ) : (
            <p class="plot empty quiet">Proof times appear here.</p>
          )}
          {state !== null && <Totals session={session} state={state} />}
          {state !== null && <Verdicts state={state} modelOf={(circuit) => session.modelOf(circuit)} />}
        </div>
      </div>
    </Frame>
  );
}
