/** What was done: totals, the cache, verdicts as they arrive. */
import { Button } from '../../design/button.tsx';
import { Quantity, quantity } from '../../design/quantity.tsx';
import { StateIcon } from '../../design/signal.tsx';
import { Term } from '../../design/term.tsx';
import type { MinerState, VerdictEntry } from '../../miner/state.ts';
import type { MineSession } from './session.ts';

export function Totals({ session, state }: { readonly session: MineSession; readonly state: MinerState }) {
  const { totals, cache, network, queued } = state;
  return (
    <section class="card stack" aria-labelledby="totals-title">
      <h2 id="totals-title">Since the page was opened</h2>
      <dl class="facts">
        <dt>Proofs</dt>
        <dd>
          <Quantity value={totals.proofs} unit="count" />, together <Quantity value={totals.proofBytes} unit="B" />
        </dd>
        <dt>Accepted</dt>
        <dd>
          <Quantity value={totals.accepted} unit="count" />, says the coordinator
        </dd>
        <dt>Refused</dt>
        <dd>
          <Quantity value={totals.refused} unit="count" />
        </dd>
        <dt>Declined, cancelled</dt>
        <dd>
          {totals.declined}, {totals.cancelled}
        </dd>
        <dt>Waiting here</dt>
        <dd>{queued === 1 ? '1 job' : `${queued} jobs`}</dd>
        <dt>In the network</dt>
        <dd>
          {network === null
            ? 'not connected'
            : `${network.miners} ${network.miners === 1 ? 'miner' : 'miners'}, ${network.queue} ${network.queue === 1 ? 'job' : 'jobs'} waiting`}
        </dd>
        <dt>Cache</dt>
        <dd class="row">
          <span>
            <Quantity value={cache.bytes} unit="B" /> in {cache.count} {cache.count === 1 ? 'file' : 'files'}
          </span>
          {cache.count > 0 && (
            <Button kind="plain" onPress={() => void session.clearCache()}>
              Clear
            </Button>
          )}
        </dd>
      </dl>
      {state.trouble !== null && (
        <p class="small quiet">
          A job was declined at {new Date(state.trouble.at).toLocaleTimeString()}: {state.trouble.detail}
        </p>
      )}
    </section>
  );
}

/** Verdicts that are shown, the newest first. */
const SHOWN = 12;

export function Verdicts({ state, modelOf }: { readonly state: MinerState; readonly modelOf: (circuit: string) => string | null }) {
  const verdicts = state.verdicts.slice(-SHOWN).reverse();
  return (
    <section class="stack" aria-labelledby="verdicts-title">
      <h2 id="verdicts-title">Verdicts</h2>
      {verdicts.length === 0 ? (
        <p class="small quiet">
          The <Term of="coordinator" /> checks every <Term of="proof" /> and says here what it found.
        </p>
      ) : (
        <ul class="checks">
          {verdicts.map((verdict) => (
            <Verdict key={verdict.job} verdict={verdict} name={verdict.circuit === null ? null : modelOf(verdict.circuit)} />
          ))}
        </ul>
      )}
    </section>
  );
}

function Verdict({ verdict, name }: { readonly verdict: VerdictEntry; readonly name: string | null }) {
  const { at, kind, ok, check, detail, serviceMs, proofBytes } = verdict;
  return (
    <li>
      <div class="line">
        <StateIcon state={ok ? 'idle' : 'refused'} unspoken />
        <span>
          {ok ? 'Accepted by the coordinator' : `Refused: ${check}`}
          <span class="quiet">
            {' '}
            {[name, kind, quantity(proofBytes, 'B'), new Date(at).toLocaleTimeString()].filter((word) => word !== null).join(' · ')}
          </span>
          {detail !== '' && <p class="small quiet">{detail}</p>}
        </span>
        <span class="time" title="From the job to the proof, the coordinator’s clock">
          {quantity(serviceMs, 'ms')}
        </span>
      </div>
    </li>
  );
}
