/** Which failures of a database pass, and trying again. */

/** PostgreSQL: connection exceptions, deadlocks and serialization failures, a server that goes down or comes up, too many connections. */
const PASSING_STATES = /^(08...|40001|40P01|57P0[123]|53300)$/;
/** The driver, and the system below it. */
const PASSING_CODES = new Set([
  'CONNECTION_CLOSED',
  'CONNECTION_ENDED',
  'CONNECTION_DESTROYED',
  'CONNECT_TIMEOUT',
  'ECONNRESET',
  'ECONNREFUSED',
  'EPIPE',
  'ENOENT',
  'ETIMEDOUT',
]);

/** Whether the same may go well when it is tried again. */
export function passes(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const { code } = cause as { code?: unknown };
    if (typeof code === 'string' && (PASSING_STATES.test(code) || PASSING_CODES.has(code))) return true;
  }
  return false;
}

/** For how long to try, and how long to wait in between, ms. */
const PATIENCE = 10_000;
const FIRST_PAUSE = 20;
const LONGEST_PAUSE = 500;

/** The result of `action`, tried again for up to 10 s while it fails in a way that passes. */
export async function retrying<T>(action: () => Promise<T>): Promise<T> {
  const start = performance.now();
  for (let pause = FIRST_PAUSE; ; pause = Math.min(LONGEST_PAUSE, 2 * pause)) {
    try {
      return await action();
    } catch (error) {
      if (!passes(error) || performance.now() - start + pause > PATIENCE) throw error;
    }
    // Apart, so that those who failed together do not come together again.
    await new Promise((resolve) => setTimeout(resolve, pause * (0.5 + Math.random())));
  }
}
