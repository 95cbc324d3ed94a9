/** What went wrong, in the words of whoever found it: what happened, what was expected, what came, what to do. */
import { RequestFailure } from '../client/client.ts';

export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly expected: string | undefined;
  readonly got: string | undefined;
  readonly hint: string | undefined;
}

export function failureOf(error: unknown): Failure {
  if (error instanceof RequestFailure) {
    const { code, message, expected, got, hint } = error;
    return { code, message, expected, got, hint };
  }
  return {
    code: 'page',
    message: error instanceof Error ? error.message : String(error),
    expected: undefined,
    got: undefined,
    hint: undefined,
  };
}

export function FailureWords({ failure }: { readonly failure: Failure }) {
  const { message, expected, got, hint } = failure;
  return (
    <>
      <p>{sentence(message)}</p>
      {expected !== undefined && (
        <p>
          Expected {expected}
          {got === undefined ? '.' : `; got ${got}.`}
        </p>
      )}
      {hint !== undefined && <p>{sentence(hint)}</p>}
    </>
  );
}

/** A message as a sentence of its own. */
export function sentence(words: string): string {
  const begun = words.charAt(0).toUpperCase() + words.slice(1);
  return /[.?]$/.test(begun) ? begun : `${begun}.`;
}
