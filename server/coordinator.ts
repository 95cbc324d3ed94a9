/**
 * What the coordinator can do, as its HTTP interface sees it. `dispatch/` implements it; `api/` is the only caller.
 */
import type { Inference, InferenceEvent, InferenceRequest, MinerInfo, Model, Publication } from './wire/http.ts';

/** A request that cannot be granted: the HTTP status, a code for programs, and what was expected and came. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly status: number;
  readonly code: string;
  readonly expected: string | undefined;
  readonly got: string | undefined;
  readonly hint: string | undefined;
  /** Seconds after which it may be tried again (429, 503). */
  readonly retryAfter: number | undefined;

  constructor(
    status: number,
    code: string,
    message: string,
    details: { expected?: string; got?: string; hint?: string; retryAfter?: number } = {},
  ) {
    super(message);
    this.status = status;
    this.code = code;
    this.expected = details.expected;
    this.got = details.got;
    this.hint = details.hint;
    this.retryAfter = details.retryAfter;
  }
}

/** An event with its number within the request, 1, 2, ...: what `Last-Event-ID` names. */
export interface NumberedEvent {
  readonly id: number;
  readonly event: InferenceEvent;
}

/** A blob that can be read in part. */
export interface Blob {
  readonly size: number;
  /** Bytes from `begin` up to `end` (excluded). */
  read(begin: number, end: number): Promise<Uint8Array>;
}

export interface Coordinator {
  readonly identity: { readonly origin: string; readonly address: string };

  models(): Promise<readonly Model[]>;
  /** By digest or name; null where there is none. */
  model(name: string): Promise<Model | null>;
  /** Throws `Problem` for a signature, circuit, weights or quota that does not hold. */
  publish(publication: Publication): Promise<Model>;

  /**
   * Runs the model and orders its proofs. Throws `Problem` (unknown model, wrong inputs, queue full). The same idempotency key with the same request gives the same inference; with another
   * request it is refused.
   * @param address whom limits are counted against
   */
  infer(request: InferenceRequest, options: { readonly idempotencyKey: string | null; readonly address: string }): Promise<Inference>;
  inference(id: string): Promise<Inference | null>;
  /** A snapshot, then changes, until the request is over or the signal aborts; null where there is no such request. `after`: events up to this number are known. */
  events(id: string, after: number, signal: AbortSignal): Promise<AsyncIterable<NumberedEvent> | null>;
  /** The bundle of a proven request; null where there is none (yet, or any more). */
  bundle(id: string): Promise<Blob | null>;

  blob(hash: string): Promise<Blob | null>;
  /** Keeps a blob of a publication that is under way; returns its BLAKE3. */
  putBlob(bytes: Uint8Array, address: string): Promise<string>;

  miners(): Promise<readonly MinerInfo[]>;
  stats(): Promise<Readonly<Record<string, number>>>;
  /** Whether requests can be served: database, verifiers. */
  ready(): Promise<boolean>;
}
