/** Something the page has to say about itself: what happened, what still works, what to do. */
import type { ComponentChildren } from 'preact';
import { StateIcon } from './signal.tsx';

export function Notice({
  kind,
  children,
  inline = false,
}: {
  readonly kind: 'pending' | 'refused';
  readonly children: ComponentChildren;
  readonly inline?: boolean;
}) {
  return (
    <div class={inline ? 'notice inline' : 'notice'} role={kind === 'refused' ? 'alert' : 'status'}>
      <StateIcon state={kind} unspoken />
      <div>{children}</div>
    </div>
  );
}
