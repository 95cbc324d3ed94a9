/** The verifier's way out of a failed check. Caught at the front door only, never seen by callers. */
export class Refused extends Error {
  readonly check: string;
  readonly detail: string;

  /** `check`: the name of the check, for programs; `detail`: what was found and what was expected, for people. */
  constructor(check: string, detail: string) {
    super(`${check}: ${detail}`);
    this.name = 'Refused';
    this.check = check;
    this.detail = detail;
  }
}

/** Refuses unless the condition holds. */
export function refuseUnless(condition: boolean, check: string, detail: string): asserts condition {
  if (!condition) throw new Refused(check, detail);
}

export interface Refusal {
  readonly ok: false;
  readonly check: string;
  readonly detail: string;
}

/**
 * Weights are public, or committed; in the second case, in range and with the sums of squares that the circuit states only if a registration
 * proof has shown it.
 */
export type WeightStanding = 'public' | 'registered' | 'unregistered';

export type Verdict = { readonly ok: true; readonly weights: WeightStanding } | Refusal;

/** Runs checks and turns a refusal into a value. Anything else that is thrown is a bug and goes on. */
export function attempt<T>(checks: () => T): { readonly ok: true; readonly value: T } | Refusal {
  try {
    return { ok: true, value: checks() };
  } catch (reason) {
    if (reason instanceof Refused) return { ok: false, check: reason.check, detail: reason.detail };
    throw reason;
  }
}
