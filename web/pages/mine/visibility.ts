/** Whether the tab is seen, and drawing that waits until it is. */
import { signal } from '@preact/signals';

export const hidden = signal(document.hidden);
document.addEventListener('visibilitychange', () => (hidden.value = document.hidden));

/** A function that runs `draw` once with the next frame, however often it is called before; in a hidden tab, when it is seen again. */
export function nextFrame(draw: () => void): () => void {
  let waiting = false;
  return () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      draw();
    });
  };
}
