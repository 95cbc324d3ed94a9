/** What was proven and what was not, in words. */
import { bytesToHex } from '@noble/hashes/utils.js';
import { Digest } from '../../design/digest.tsx';
import { StateSignal } from '../../design/signal.tsx';
import { Term } from '../../design/term.tsx';
import { decodedBundle, type Run } from './session.ts';

export function Statement({ run }: { readonly run: Run | null }) {
  const bundle = run?.verdict?.proven ? decodedBundle(run) : null;
  return (
    <section class="statement" aria-label="What is proven">
      <div>
        <h2>{bundle ? 'What was proven' : 'What a proof says'}</h2>
        <ul>
          <li>
            The integer <Term of="circuit" />{' '}
            {bundle ? <Digest value={bytesToHex(bundle.model)} what="model digest" /> : 'with the model’s digest'}, run on this input, gives
            this answer.
          </li>
          <li>
            All of its layers were run, in{' '}
            {bundle && bundle.slices.length > 1 ? `${bundle.slices.length} slices that meet` : 'slices that meet'}; none was left out or
            replaced.
          </li>
          <li>The labels belong to the digest. Nobody can name them otherwise.</li>
          {bundle && run?.verdict && (
            <li>
              <StateSignal state={run.verdict.attributed ? 'verified' : 'refused'}>
                {run.verdict.attributed
                  ? 'Each proof is signed by the miner that it names.'
                  : 'Who proved it is not certain: a signature does not hold. The answer is right all the same.'}
              </StateSignal>
            </li>
          )}
        </ul>
      </div>
      <div>
        <h2>{bundle ? 'What was not' : 'What it does not say'}</h2>
        <ul>
          <li>That the model is any good, or right about this input.</li>
          <li>That it was trained on what somebody says it was.</li>
          <li>That anything stays secret: input, answer and some values between can be read from a bundle.</li>
          {run !== null && run.model === null && (
            <li>That this is the model you mean: the digest is the bundle’s own. Compare it with one that you trust.</li>
          )}
        </ul>
      </div>
    </section>
  );
}
