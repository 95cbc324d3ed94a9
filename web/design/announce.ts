/** One live region per page: what a screen reader is told without moving its focus. */
import { signal } from '@preact/signals';

export const announcement = signal('');

/** Says a sentence to who listens to the page. */
export function say(sentence: string): void {
  announcement.value = sentence;
}
