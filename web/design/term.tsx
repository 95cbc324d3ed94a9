/** A word of the field, explained in one line on hover, focus and tap. */
import { useSignal } from '@preact/signals';
import { useId, useLayoutEffect, useRef } from 'preact/hooks';
import type { ComponentChildren } from 'preact';
import { TERMS } from './terms.ts';

/** Explains `of`; its children, if any, are the words on the page. */
export function Term({ of, children }: { readonly of: keyof typeof TERMS; readonly children?: ComponentChildren }) {
  const id = useId();
  const open = useSignal(false);
  const word = useRef<HTMLButtonElement>(null);
  const note = useRef<HTMLSpanElement>(null);
  const shown = open.value;
  useLayoutEffect(() => {
    if (shown && word.current && note.current) placeBelow(note.current, word.current);
  }, [shown]);
  return (
    <span class="term" onMouseEnter={() => (open.value = true)} onMouseLeave={() => (open.value = false)}>
      <button
        type="button"
        ref={word}
        aria-describedby={id}
        onFocus={() => (open.value = true)}
        onBlur={() => (open.value = false)}
        onClick={() => (open.value = true)}
        onKeyDown={(event) => {
          if (event.key === 'Escape') open.value = false;
        }}
      >
        {children ?? of}
      </button>
      <span role="tooltip" id={id} ref={note} hidden={!shown}>
        {TERMS[of]}
      </span>
    </span>
  );
}

/** Puts a note below a word, or above where there is no room, within the window. */
function placeBelow(note: HTMLElement, word: HTMLElement): void {
  const at = word.getBoundingClientRect();
  const { width, height } = note.getBoundingClientRect();
  const left = Math.max(16, Math.min(at.left, document.documentElement.clientWidth - width - 16));
  const below = at.bottom + 4;
  note.style.left = `${left}px`;
  note.style.top = `${below + height > innerHeight ? at.top - height - 4 : below}px`;
}
