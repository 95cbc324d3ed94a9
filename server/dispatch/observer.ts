/** What dispatch tells whoever keeps logs and figures. Every method is called where the thing has happened, and is quick. */

export interface Observer {
  /** A proof was verified: `ok`, or refused by `check`. */
  verdict(verdict: {
    readonly circuit: string;
    readonly ok: boolean;
    readonly check: string;
    readonly serviceMs: number;
    readonly verifyMs: number;
    readonly proofBytes: number;
  }): void;
  /** A job was given to a miner, `waitedMs` after it could have been; `retry`: it was given before; `hedge`: as a second attempt. */
  dispatched(job: { readonly circuit: string; readonly waitedMs: number; readonly retry: boolean; readonly hedge: boolean }): void;
  /** A proof came that nobody wanted any more; it was not verified. */
  late(circuit: string): void;
  /** A request ended. */
  requestOver(request: { readonly state: 'proven' | 'failed'; readonly code: string | null; readonly ms: number }): void;
  /** A miner's connection ended. */
  disconnected(code: number): void;
}

export const nobody: Observer = {
  verdict: () => undefined,
  dispatched: () => undefined,
  late: () => undefined,
  requestOver: () => undefined,
  disconnected: () => undefined,
};

/** A log with levels; pino's fits. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export const silent: Log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
