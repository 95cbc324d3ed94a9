/** The mark: a browser tab whose corner is a tick. Drawn once; the page's icon wears the state of what the page shows. */
import { effect, type ReadonlySignal } from '@preact/signals';
import type { State } from './state.ts';

/** A tab on its bar, 24 x 24, open where the tick stands in for its upper right corner. */
export const MARK = {
  tab: 'M2 19.5h20M4.5 19.5V8a3 3 0 0 1 3-3h5.5',
  tick: 'm10.5 11.5 3.5 3.5 6.5-9',
  side: 'M19.5 12.5v7',
} as const;

export function Mark({ size = 24 }: { readonly size?: number }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      stroke-width="2"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
    >
      <path d={MARK.tab} />
      <path d={MARK.side} />
      <path d={MARK.tick} stroke="var(--verified)" />
    </svg>
  );
}

/** Icons stand on a browser's own colours: these are legible on light and on dark ones. */
const ICON_INK = '#7d8086';
const ICON_TICK: Readonly<Record<State, string>> = { idle: '#7d8086', pending: '#c58a00', verified: '#16a37a', refused: '#e0524a' };
const CROSS = 'm11.5 6.5 8 8m0-8-8 8';
const CLOCK = 'M15.5 5.5v5.5l3.5 2';

/** The mark as a page's icon. What stands in the tab's corner says the state by its shape too. */
export function iconAddress(state: State): string {
  const corner = state === 'refused' ? CROSS : state === 'pending' ? CLOCK : MARK.tick;
  const path = (d: string, colour: string): string => `<path d="${d}" stroke="${colour}"/>`;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke-width="2.5" stroke-linecap="round" stroke-linejoin="round">${path(MARK.tab, ICON_INK)}${path(MARK.side, ICON_INK)}${path(corner, ICON_TICK[state])}</svg>`;
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}

/** Keeps the page's icon at the state of what it shows. */
export function wearState(state: ReadonlySignal<State>): void {
  const link = document.querySelector<HTMLLinkElement>('link[rel="icon"]') ?? document.head.appendChild(document.createElement('link'));
  link.rel = 'icon';
  link.type = 'image/svg+xml';
  effect(() => {
    link.href = iconAddress(state.value);
  });
}
