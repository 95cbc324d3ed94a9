/** Keys of a page, and the dialog under `?` that lists them. Single keys can be switched off, for who speaks to the browser (WCAG 2.1.4). */
import { signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { Button } from './button.tsx';

export interface Shortcut {
  /** As `KeyboardEvent.key` has it. */
  readonly key: string;
  readonly words: string;
  readonly run: () => void;
}

const KEY = 'veritab shortcuts';
export const shortcutsOpen = signal(false);
const enabled = signal(localStorage.getItem(KEY) !== 'off');

function typing(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.closest('input:not([type=range]), textarea, select, [contenteditable]') !== null;
}

/** Listens for the keys while the page is open. */
export function useShortcuts(shortcuts: readonly Shortcut[]): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || document.querySelector('dialog[open]')) return;
      if (event.key !== '?' && !enabled.value) return;
      const shortcut = shortcuts.find(({ key }) => key === event.key);
      if (!shortcut) return;
      event.preventDefault();
      shortcut.run();
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, [shortcuts]);
}

export function ShortcutsDialog({ shortcuts }: { readonly shortcuts: readonly Shortcut[] }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const open = shortcutsOpen.value;
  useEffect(() => {
    if (open) dialog.current?.showModal();
    else dialog.current?.close();
  }, [open]);
  const toggle = (): void => {
    enabled.value = !enabled.value;
    localStorage.setItem(KEY, enabled.value ? 'on' : 'off');
  };
  return (
    <dialog class="dialog" ref={dialog} aria-labelledby="shortcuts-title" onClose={() => (shortcutsOpen.value = false)}>
      <div class="stack">
        <h2 id="shortcuts-title">Keys on this page</h2>
        <dl>
          {shortcuts.map(({ key, words }) => (
            <>
              <dt>
                <kbd>{key}</kbd>
              </dt>
              <dd>{words}</dd>
            </>
          ))}
        </dl>
        <div class="row">
          <Button onPress={() => (shortcutsOpen.value = false)}>Close</Button>
          <Button kind="plain" pressed={!enabled.value} onPress={toggle}>
            {enabled.value ? 'Switch keys off' : 'Keys are off'}
          </Button>
        </div>
      </div>
    </dialog>
  );
}
