/**
 * The states that a signal shows. `verified` is for what this page has checked itself, and for nothing else; `pending` is claimed by somebody and not yet proven; `refused` did not hold; `idle` is
 * nothing yet.
 */
export type State = 'idle' | 'pending' | 'verified' | 'refused';
