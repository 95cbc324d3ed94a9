/** One line of a list of checks: what was checked, with its own time, and the raw values below it when opened. */
import type { ComponentChildren } from 'preact';
import { quantity } from './quantity.tsx';
import { StateIcon } from './signal.tsx';
import type { State } from './state.ts';

export interface CheckLineProps {
  readonly state: State;
  readonly sentence: ComponentChildren;
  /** Milliseconds of this tab's clock; null where it has not been checked. */
  readonly ms: number | null;
  /** The raw values; null where there are none. */
  readonly raw: ComponentChildren | null;
}

export function CheckLine({ state, sentence, ms, raw }: CheckLineProps) {
  const line = (
    <>
      <StateIcon state={state} />
      <span class={state === 'idle' ? 'sentence waiting' : 'sentence'}>{sentence}</span>
      <span class="time">{ms === null ? '' : quantity(ms, 'ms')}</span>
    </>
  );
  if (raw === null) {
    return (
      <li>
        <div class="line">{line}</div>
      </li>
    );
  }
  // What does not hold says why without being asked.
  return (
    <li>
      <details class={state === 'refused' ? 'bad' : ''} open={state === 'refused'}>
        <summary>{line}</summary>
        <div class="raw">{raw}</div>
      </details>
    </li>
  );
}
