/** Results and errors on their way between workers, which copy plain data only. */
import { CircuitRefusal } from '../../circuits/graph/refusal.ts';
import { Refused } from '../statement/refused.ts';
import { MemoryRefusal, OutOfMemory } from './arena.ts';
import { KernelFailure } from './instance.ts';

/** An error as plain data: its name, message, stack, and those of its own fields that are numbers, strings, booleans or null. */
export interface ErrorData {
  readonly name: string;
  readonly message: string;
  readonly stack?: string | undefined;
  readonly fields: Readonly<Record<string, number | string | boolean | null>>;
}

export type Outcome<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: ErrorData };

/** Errors that arrive as instances of their class; others arrive as `Error` with their name and fields. */
const CLASSES: Readonly<Record<string, abstract new (...args: never[]) => Error>> = {
  OutOfMemory,
  MemoryRefusal,
  KernelFailure,
  CircuitRefusal,
  Refused,
};

/** Runs `action`, which may be a promise of something, and says how it went. A trap outside of `parallel` becomes a `KernelFailure` too. */
export async function outcomeOf<T>(action: () => T | Promise<T>): Promise<Outcome<T>> {
  try {
    return { ok: true, value: await action() };
  } catch (thrown) {
    const error =
      thrown instanceof WebAssembly.RuntimeError ? new KernelFailure(`a kernel trapped: ${thrown.message}`, { cause: thrown }) : thrown;
    if (!(error instanceof Error)) return { ok: false, error: { name: 'Error', message: String(error), fields: {} } };
    const plain = Object.entries(error).filter(([, value]) => value === null || ['number', 'string', 'boolean'].includes(typeof value));
    return {
      ok: false,
      error: { name: error.name, message: error.message, stack: error.stack, fields: Object.fromEntries(plain) },
    };
  }
}

/** The error again, to be thrown on this side. */
export function revive({ name, message, stack, fields }: ErrorData): Error {
  const error = new Error(message);
  const prototype = CLASSES[name]?.prototype as object | undefined;
  if (prototype !== undefined) Object.setPrototypeOf(error, prototype);
  return Object.assign(error, fields, { name, stack: stack ?? error.stack });
}
