/** Digests, ids and addresses: middle-elided, whole on focus and hover, copied with a click. */
import { useSignal } from '@preact/signals';
import { say } from './announce.ts';

/** The first and last four letters. Short ones stay whole. */
export function elided(text: string): string {
  return text.length <= 12 ? text : `${text.slice(0, 4)}…${text.slice(-4)}`;
}

/** `what` names it for a screen reader: "model digest". */
export function Digest({ value, what }: { readonly value: string; readonly what: string }) {
  const whole = useSignal(false);
  const copied = useSignal(false);
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(value);
      copied.value = true;
      say(`${what} copied`);
      setTimeout(() => (copied.value = false), 1500);
    } catch {
      // No clipboard without HTTPS or permission: show it whole, to be copied by hand.
      whole.value = true;
    }
  };
  return (
    <button
      type="button"
      class="digest"
      title={value}
      onClick={() => void copy()}
      onFocus={() => (whole.value = true)}
      onBlur={() => (whole.value = false)}
    >
      <span class="unseen">Copy {what} </span>
      {copied.value ? 'copied' : whole.value ? value : elided(value)}
    </button>
  );
}
