/** The rail REQUEST - SLICE - PROVE - RESPOND: how far a request has come. Horizontal, vertical on a phone. */
import type { ComponentChildren } from 'preact';

export type Progress = 'ahead' | 'reached' | 'passed';

export interface Station {
  readonly name: 'REQUEST' | 'SLICE' | 'PROVE' | 'RESPOND';
  readonly progress: Progress;
  readonly note: ComponentChildren;
}

const WORDS: Readonly<Record<Progress, string>> = { ahead: 'not yet', reached: 'under way', passed: 'done' };

export function Rail({ stations }: { readonly stations: readonly Station[] }) {
  return (
    <ol class="stations" aria-label="Progress of the request">
      {stations.map(({ name, progress, note }) => (
        <li key={name} class={progress} aria-current={progress === 'reached' ? 'step' : undefined}>
          <span class="stop" aria-hidden="true" />
          <p class="name">{name}</p>
          <p class="note">
            <span class="unseen">{WORDS[progress]}, </span>
            {note}
          </p>
        </li>
      ))}
    </ol>
  );
}
