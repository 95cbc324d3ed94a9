/** A state as shape, word and colour: never by colour alone. */
import type { ComponentChildren } from 'preact';
import type { State } from './state.ts';

/** In a field of 20 x 20: tick, clock, cross, and a ring where nothing is known. */
const SHAPES: Readonly<Record<State, string>> = {
  verified: 'M10 17.5a7.5 7.5 0 1 0 0-15 7.5 7.5 0 0 0 0 15Zm-3.5-7.25 2.5 2.5 4.5-5',
  pending: 'M10 17.5a7.5 7.5 0 1 0 0-15 7.5 7.5 0 0 0 0 15ZM10 6v4.25l2.75 1.5',
  refused: 'M10 17.5a7.5 7.5 0 1 0 0-15 7.5 7.5 0 0 0 0 15Zm-2.75-10.25 5.5 5.5m0-5.5-5.5 5.5',
  idle: 'M10 14a4 4 0 1 0 0-8 4 4 0 0 0 0 8Z',
};

/** What a screen reader says for the shape. */
const WORDS: Readonly<Record<State, string>> = { verified: 'verified', pending: 'pending', refused: 'refused', idle: 'not checked' };

/** The shape alone, for lines whose words say the state or follow. */
export function StateIcon({
  state,
  size = 20,
  unspoken = false,
}: {
  readonly state: State;
  readonly size?: number;
  readonly unspoken?: boolean;
}) {
  return (
    <svg
      class={`icon ${state}`}
      style={{ width: `${size}px`, height: `${size}px` }}
      viewBox="0 0 20 20"
      fill="none"
      stroke="currentColor"
      stroke-width="1.75"
      stroke-linecap="round"
      stroke-linejoin="round"
      {...(unspoken ? { 'aria-hidden': true } : { role: 'img', 'aria-label': WORDS[state] })}
    >
      <path d={SHAPES[state]} />
    </svg>
  );
}

/** Shape and words in the state's colour. */
export function StateSignal({ state, children }: { readonly state: State; readonly children: ComponentChildren }) {
  return (
    <span class={`signal ${state}`}>
      <StateIcon state={state} unspoken />
      <span>{children}</span>
    </span>
  );
}
