/** Middle: the rail, and under it a row per slice: its layers, its bar, who proves it, how long, retries and hedges. */
import { signal, useSignalEffect } from '@preact/signals';
import type { JobState } from '../../../server/wire/http.ts';
import { Digest } from '../../design/digest.tsx';
import { quantity, Quantity } from '../../design/quantity.tsx';
import { Rail, type Station } from '../../design/rail.tsx';
import { StateIcon } from '../../design/signal.tsx';
import type { State } from '../../design/state.ts';
import { Term } from '../../design/term.tsx';
import { planOf, type HeardJob, type Run, type Session } from './session.ts';

/** This tab's clock, moving only while something is under way. */
const now = signal(performance.now());

export function ProgressPanel({ session }: { readonly session: Session }) {
  useSignalEffect(() => {
    if (!session.busy.value) return;
    const timer = setInterval(() => (now.value = performance.now()), 100);
    return () => clearInterval(timer);
  });
  const run = session.run.value;
  return (
    <section class="panel stack unprinted" aria-labelledby="progress-title">
      <h2 id="progress-title">Progress</h2>
      <Rail stations={stations(run)} />
      {run !== null && run.jobs.length > 0 ? <Slices run={run} /> : <Idle run={run} session={session} />}
    </section>
  );
}

/** How far a run has come. */
function stations(run: Run | null): Station[] {
  const asked = run !== null && run.source === 'asked';
  const jobs = run?.jobs ?? [];
  const proven = jobs.filter(({ state }) => state === 'proven').length;
  const claimed = jobs.length > 0;
  const all = claimed && proven === jobs.length;
  const bundle = run?.bundle ?? null;
  const answered = bundle !== null;
  const progress = (passed: boolean, reached: boolean): Station['progress'] => (passed ? 'passed' : reached ? 'reached' : 'ahead');
  const input = run?.inputs?.reduce((sum, { length }) => sum + length, 0);
  return [
    {
      name: 'REQUEST',
      progress: progress(claimed || answered, asked),
      note: input === undefined ? (answered ? 'made elsewhere' : '') : quantity(input, 'B'),
    },
    { name: 'SLICE', progress: progress(claimed || answered, false), note: claimed ? plural(jobs.length, 'slice') : '' },
    { name: 'PROVE', progress: progress(all || answered, claimed), note: claimed ? `${proven} of ${jobs.length}` : '' },
    { name: 'RESPOND', progress: progress(answered, all), note: answered ? <Quantity value={bundle.length} unit="B" /> : '' },
  ];
}

function Idle({ run, session }: { readonly run: Run | null; readonly session: Session }) {
  if (run?.source === 'file') return <p class="small quiet">Opened from a file: nobody was asked.</p>;
  if (run?.source === 'link') return <p class="small quiet">Opened from a link: the request was made elsewhere.</p>;
  if (run !== null) return <p class="small quiet">{run.failure === null ? 'Sent to the coordinator.' : 'The request came to nothing.'}</p>;
  const plan = planOf(session.chosen.value, session.slices.value);
  return (
    <>
      {plan !== null && (
        <ol class="slices">
          {plan.slices.map(({ digest, layers, work }, k) => (
            <li key={digest}>
              <Layers slice={k} layers={layers} />
              <div class="slice-proof">
                <div class="slice-bar" />
                <div class="row apart small quiet">
                  <Term of="work">about</Term>
                  <Quantity value={work / 1e6} unit="ms" />
                </div>
              </div>
            </li>
          ))}
        </ol>
      )}
      <p class="small quiet">
        The <Term of="coordinator" /> cuts the model into <Term of="slice">slices</Term>, <Term of="miner">miners</Term> prove them, and
        this tab checks every <Term of="proof" />.
      </p>
    </>
  );
}

function Layers({ slice, layers }: { readonly slice: number; readonly layers: readonly string[] }) {
  return (
    <div class="slice-layers">
      <span class="slice-number">{slice + 1}</span>
      <span class="quiet small" title={layers.join(', ')}>
        {layers.join(', ')}
      </span>
    </div>
  );
}

function Slices({ run }: { readonly run: Run }) {
  return (
    <>
      <ol class="slices">
        {run.jobs.map((job) => (
          <Slice key={job.slice} job={job} run={run} />
        ))}
      </ol>
      <p class="small quiet">Times of slices: the coordinator’s clock.</p>
    </>
  );
}

/** Phases of a prover, in their order: how full a bar is while it works. The last is the coordinator's check. */
const PHASES = ['forward', 'commit', 'lookups', 'linear', 'batching', 'opening'];

function part(job: HeardJob): number {
  if (job.state === 'waiting') return 0;
  if (job.state !== 'proving') return 1;
  return (PHASES.indexOf(job.phase ?? '') + 1.5) / (PHASES.length + 2);
}

/** What this page may say of a slice: a coordinator's "proven" is a claim until the slice's check here has passed. */
function sliceState(job: HeardJob, run: Run): State {
  const check = run.checks.find(({ name, slice }) => name === 'slice' && slice === job.slice);
  if (check) return check.ok ? 'verified' : 'refused';
  if (job.state === 'failed') return 'refused';
  return job.state === 'waiting' ? 'idle' : 'pending';
}

const STATES: Readonly<Record<JobState, string>> = {
  waiting: 'waits for a miner',
  proving: 'being proven',
  verifying: 'the coordinator checks it',
  proven: 'proven, says the coordinator',
  failed: 'failed',
};

function Slice({ job, run }: { readonly job: HeardJob; readonly run: Run }) {
  const layers = run.plan?.slices[job.slice]?.layers ?? [];
  const state = sliceState(job, run);
  const live = job.state === 'proving' || job.state === 'verifying';
  const elapsed = job.elapsed_ms + (live && run.verdict === null ? Math.max(0, now.value - job.heard) : 0);
  const words =
    state === 'verified'
      ? 'verified in this tab'
      : state === 'refused' && job.state !== 'failed'
        ? 'refused in this tab'
        : job.state === 'proving' && job.phase
          ? `being proven: ${job.phase}`
          : STATES[job.state];
  return (
    <li>
      <Layers slice={job.slice} layers={layers} />
      <div class="slice-proof">
        <div
          class={`slice-bar ${state}`}
          role="progressbar"
          aria-label={`Slice ${job.slice + 1}`}
          aria-valuemin={0}
          aria-valuemax={100}
          aria-valuenow={Math.round(100 * part(job))}
          aria-valuetext={words}
        >
          <div style={{ width: `${100 * part(job)}%` }} />
        </div>
        <div class="slice-state small">
          <StateIcon state={state} size={16} unspoken />
          <span>{words}</span>
          {job.state !== 'waiting' && <Quantity value={elapsed} unit="ms" />}
        </div>
        <p class="small quiet">
          {job.miners.map((miner, n) => (
            <span key={miner}>
              {n === 0 ? '' : ', '}
              <Digest value={miner} what="miner’s hotkey" />
            </span>
          ))}
          {extras(job)}
          {job.proof_bytes !== null && (
            <>
              {' · '}
              <Quantity value={job.proof_bytes} unit="B" />
            </>
          )}
        </p>
      </div>
    </li>
  );
}

/** Hedges and retries, where there were any. */
function extras(job: HeardJob) {
  const hedges = Math.max(0, job.miners.length - 1);
  const retries = Math.max(0, job.attempts - 1 - hedges);
  return (
    <>
      {hedges > 0 && (
        <>
          {' · '}
          <Term of="hedge">{plural(hedges, 'hedge')}</Term>
        </>
      )}
      {retries > 0 && (
        <>
          {' · '}
          <Term of="retry">{retries === 1 ? '1 retry' : `${retries} retries`}</Term>
        </>
      )}
    </>
  );
}

export function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}
