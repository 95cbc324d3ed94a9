/**
 * The network's edge as a client sees it: ask for an inference, watch it being proven, verify the bundle without trusting whoever sent it. One code for pages and Node; what differs
 * (fetch, workers, hashing) is passed in.
 */
import type { TensorMeaning } from '../../circuits/graph/circuit.ts';
import type { Inference, InferenceEvent, Model } from '../../server/wire/http.ts';

/** One line of the list of checks that a verification makes, in this order: `digest`, `input`, `cover`, `slice` (one each), `chain`, `miner` (one each), `coordinator`. */
export interface Check {
  readonly name: 'digest' | 'input' | 'cover' | 'slice' | 'chain' | 'miner' | 'coordinator';
  /** Which slice it is about, from 0; null for the whole. */
  readonly slice: number | null;
  readonly ok: boolean;
  /** What was checked, or what is wrong: for people. */
  readonly detail: string;
  readonly ms: number;
}

/** The end of a verification. `proven` speaks of the answer; who proved it is apart. */
export interface BundleVerdict {
  /** Whether the outputs are those of the model with this digest on these inputs. */
  readonly proven: boolean;
  /** Whether every proof was signed by the miner that it names, and judged by the coordinator that it names. */
  readonly attributed: boolean;
  readonly checks: readonly Check[];
  /**
   * What the circuit with the verified digest says of its inputs and outputs: names, scales, labels. The digest binds it, as it does not bind what a coordinator says of a model; so an answer is
   * shown with these labels. Null where no circuit with the digest was had.
   */
  readonly meaning: { readonly inputs: readonly TensorMeaning[]; readonly outputs: readonly TensorMeaning[] } | null;
  readonly ms: number;
}

export interface VerifyOptions {
  /** The model's digest, 64 hexadecimal digits: what the verifier trusts to be the model. Null: take the bundle's word, and say so. */
  readonly model: string | null;
  /** What the client put in; null: take the bundle's word, and say so. */
  readonly inputs: readonly Uint8Array[] | null;
  /** Which request it must answer (`input`). Default: any. */
  readonly request?: string | null;
  /** What the coordinator claimed the outputs to be (`chain`). Default: nothing. */
  readonly outputs?: readonly (Uint8Array | Int32Array)[] | null;
  readonly signal?: AbortSignal;
  /** Called as each check ends. */
  readonly onCheck?: (check: Check) => void;
}

export interface InferOptions {
  readonly slices?: number;
  readonly deadlineMs?: number;
  readonly idempotencyKey?: string;
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: InferenceEvent) => void;
}

/** A request's answer. `outputs` are claimed by the coordinator until `bundle` has been verified. */
export interface Answer {
  readonly inference: Inference;
  readonly bundle: Uint8Array;
}

export interface Client {
  models(): Promise<readonly Model[]>;
  model(name: string): Promise<Model>;
  /** Asks, follows the events (also across lost connections), and fetches the bundle. Rejects with `RequestFailure`. */
  infer(model: string, inputs: readonly Uint8Array[], options?: InferOptions): Promise<Answer>;
  /** The bundle of a request that somebody made, by its id. Rejects with `RequestFailure`. */
  bundle(id: string): Promise<Uint8Array>;
  /** Verifies a bundle. Never rejects because of what is in it. */
  verify(bundle: Uint8Array, options: VerifyOptions): Promise<BundleVerdict>;
  /** Ends the workers that verifications started. */
  dispose(): Promise<void>;
}

/** A request that failed: what the coordinator said, or that it could not be reached (`network`). */
export class RequestFailure extends Error {
  override readonly name = 'RequestFailure';
  readonly code: string;
  readonly expected: string | undefined;
  readonly got: string | undefined;
  readonly hint: string | undefined;

  constructor(code: string, message: string, details: { expected?: string; got?: string; hint?: string; cause?: unknown } = {}) {
    super(message, { cause: details.cause });
    this.code = code;
    this.expected = details.expected;
    this.got = details.got;
    this.hint = details.hint;
  }
}
