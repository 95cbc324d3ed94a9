/** Right: the state in the largest type of the page, the answer, the checks, and what can be done with it. */
import { Bars } from '../../design/bars.tsx';
import { Notice } from '../../design/notice.tsx';
import { quantity } from '../../design/quantity.tsx';
import { StateIcon } from '../../design/signal.tsx';
import { FailureWords } from '../failure.tsx';
import { Actions } from './actions.tsx';
import { answerOf } from './answer.ts';
import { Checks } from './checks.tsx';
import { stateOf, type Run, type Session } from './session.ts';

export function AnswerPanel({ session, online }: { readonly session: Session; readonly online: boolean }) {
  const run = session.run.value;
  return (
    <section class="panel stack" aria-labelledby="answer-title">
      <h2 id="answer-title">Answer</h2>
      <Headline run={run} />
      {run !== null && run.failure !== null && (
        <Notice kind="refused" inline>
          <FailureWords failure={run.failure} />
        </Notice>
      )}
      {run !== null && <Outputs run={run} session={session} />}
      <Checks run={run} slices={session.slices.value} />
      <Actions session={session} online={online} />
    </section>
  );
}

/** What this page knows, in a sentence. */
export function headline(run: Run | null): string {
  if (run === null) return 'Nothing asked yet.';
  if (run.failure !== null) return 'Not proven.';
  if (run.verdict === null) {
    if (run.bundle !== null) return 'Checking in this tab.';
    return run.inference === null ? 'Asking.' : 'Claimed by the coordinator, not yet proven.';
  }
  if (!run.verdict.proven) return 'Refused. This tab does not accept it.';
  return `Proven. Verified in this tab in ${quantity(run.verdict.ms, 'ms')}.`;
}

function Headline({ run }: { readonly run: Run | null }) {
  const state = stateOf(run);
  return (
    <div class={`headline ${state}`}>
      <p class="words" role="status">
        {state !== 'idle' && <StateIcon state={state} size={24} unspoken />}
        {headline(run)}
      </p>
      <p class="small quiet">{below(run)}</p>
    </div>
  );
}

function below(run: Run | null): string {
  if (run === null) return 'The coordinator answers at once. Its answer is a claim until this tab has checked the proofs.';
  if (run.change !== null) return `You changed ${run.change.what}.`;
  if (run.verdict?.proven && run.took !== null && run.source === 'asked')
    return `${quantity(run.took, 'ms')} from the request to the verdict, this tab’s clock.`;
  if (run.verdict?.proven) return 'No server was asked whether it holds.';
  if (run.verdict) return 'The check that refuses says why.';
  return '';
}

function Outputs({ run, session }: { readonly run: Run; readonly session: Session }) {
  const models = session.models.value;
  const model = models.kind === 'loaded' ? (models.models.find(({ digest }) => digest === run.model) ?? null) : null;
  const answer = answerOf(run, model);
  if (answer === null) return null;
  const words = run.verdict?.proven === false ? ', as the bundle claims' : answer.bound ? '' : ', in the coordinator’s words';
  return (
    <>
      {answer.outputs.map(({ name, bars, more }) => (
        <figure key={name}>
          <Bars bars={bars} label={`Output ${name}`} />
          <figcaption class="small quiet">
            {name}
            {more > 0 ? `, the largest; ${more.toLocaleString('en')} more` : ''}
            {words}
          </figcaption>
        </figure>
      ))}
    </>
  );
}
