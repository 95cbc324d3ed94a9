/** The Verify page: an input, the rail, the answer. */
import { useMemo } from 'preact/hooks';
import { Frame } from '../../design/frame.tsx';
import { Notice } from '../../design/notice.tsx';
import { online } from '../../design/online.ts';
import type { CoordinatorAddress } from '../address.ts';
import { unsupported } from '../browser.tsx';
import { AnswerPanel } from './answer-panel.tsx';
import type { Input } from './input.ts';
import { InputPanel, whyNot } from './input-panel.tsx';
import { PrintedHead } from './printed-head.tsx';
import { ProgressPanel } from './progress.tsx';
import type { Session } from './session.ts';
import { Statement } from './statement.tsx';
import './verify.css';

export interface VerifyPageProps {
  readonly session: Session;
  readonly input: Input;
  readonly coordinator: CoordinatorAddress;
}

export function VerifyPage({ session, input, coordinator }: VerifyPageProps) {
  const prove = (): void => {
    if (whyNot(session, input) !== null) return;
    void session.prove([input.bytes.value!]);
    // Where the panels stand below each other, what happens is below what was pressed.
    if (matchMedia('(max-width: 720px)').matches) document.getElementById('progress-title')?.scrollIntoView();
  };
  const shortcuts = useMemo(
    () => [
      { key: 'p', words: 'Prove', run: prove },
      { key: 'c', words: 'Clear the input', run: () => input.clear() },
      { key: 'e', words: 'Pen or eraser', run: () => (input.tool.value = input.tool.value === 'pen' ? 'eraser' : 'pen') },
      { key: 'b', words: 'Change a byte of a proof', run: () => void session.breakIt('proof') },
      { key: 'r', words: 'Put it back', run: () => void session.restore() },
    ],
    [],
  );
  return (
    <Frame
      page="verify"
      coordinator={coordinator.given}
      shortcuts={shortcuts}
      offline="Bundles from a file can be checked, if the model is in them."
      unsupported={unsupported()}
    >
      <h1 class="unseen">Verify an answer</h1>
      {coordinator.problem !== null && (
        <Notice kind="refused">
          <p>The coordinator’s address cannot be used: {coordinator.problem}</p>
          <p>Expected ?coordinator=https://host. This page’s own server is asked.</p>
        </Notice>
      )}
      <PrintedHead run={session.run.value} />
      <div class="verify">
        <InputPanel session={session} input={input} prove={prove} />
        <ProgressPanel session={session} />
        <AnswerPanel session={session} online={online.value} />
      </div>
      <Statement run={session.run.value} />
    </Frame>
  );
}
