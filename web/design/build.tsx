/** Which build of the pages this is: a hash that whoever builds the same sources gets too. */
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { Digest } from './digest.tsx';

/** Nothing while it is not known: in development, and without a network. */
export function Build() {
  const hash = useSignal<string | null>(null);
  useEffect(() => {
    fetch('/build.txt')
      .then(async (response) => {
        const text = response.ok ? (await response.text()).trim() : '';
        hash.value = /^[0-9a-f]{64}$/.test(text) ? text : null;
      })
      .catch(() => undefined);
  }, []);
  if (hash.value === null) return null;
  return (
    <span>
      Build <Digest value={hash.value} what="hash of this build" />
    </span>
  );
}
