/** Provers, one per circuit, kept warm: preparing a circuit takes longer than proving a small one. Those that were unused for longest make room. */
import { bytesToHex } from '@noble/hashes/utils.js';
import { CircuitRefusal } from '../../circuits/graph/refusal.ts';
import { FileRefusal } from '../../circuits/graph/file.ts';
import type { Phase, Proven } from '../../wasm/prove.ts';
import type { ProverPlatform } from '../../wasm/runtime/platform.ts';
import { createProver, type Prover } from '../../wasm/runtime/prover.ts';
import { BlobFailure } from '../client/blobs.ts';
import type { Artefacts, CircuitNames } from '../client/artefacts.ts';

/** Why a job cannot be done, as a `decline` frame says it. */
export class JobFailure extends Error {
  override readonly name = 'JobFailure';
  readonly reason: 'failed' | 'artefact' | 'memory';

  constructor(reason: 'failed' | 'artefact' | 'memory', message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

export type JobPhase = 'fetch' | 'prepare' | Phase;

export interface ProverFigures {
  /** Digest of the circuit, 64 hexadecimal digits. */
  readonly circuit: string;
  /** Of the kernels' memory; 0 while it rests. */
  readonly bytes: number;
}

export interface ProvenJob {
  readonly proof: Uint8Array;
  /** The proof alone, ms. */
  readonly milliseconds: number;
}

export interface Provers {
  /** Proves; rejects with `JobFailure`, or with the signal's reason. One call at a time. */
  prove(
    names: CircuitNames,
    inputs: readonly Uint8Array[],
    context: Uint8Array,
    options: { readonly signal: AbortSignal; readonly onPhase: (phase: JobPhase) => void },
  ): Promise<ProvenJob>;
  /** How long a proof of this circuit took the last time, and how long to get its prover ready; null where that is not known. */
  pace(circuit: string): { readonly prove: number; readonly prepare: number } | null;
  /** Makes the provers that have a worker as fast as they get, in time that nobody needs: the first proofs of a worker are slow. Ends when the signal is aborted. */
  warmUp(signal: AbortSignal): Promise<void>;
  figures(): readonly ProverFigures[];
  /** Gives memory back until the next job. */
  rest(): Promise<void>;
  /** For good. */
  dispose(): Promise<void>;
}

interface Warm {
  readonly prover: Prover;
  readonly prepare: number;
  prove: number | null;
  bytes: number;
  /** Whether its worker has proven for so long that it does so as fast as it can. */
  warmedUp: boolean;
}

/** What is left of a prover without its worker. */
const RESTING = { bytes: 0, warmedUp: false } as const;

/** Half a second of proofs is enough for the engine to compile what it sees often. Where a proof takes much of that, it is compiled long before the proof ends. */
const WARM_UP = 500;

/** Circuits that are kept, resting or not. */
const MAX_PROVERS = 16;

const isShortOfMemory = (error: unknown): boolean => error instanceof Error && ['OutOfMemory', 'MemoryRefusal'].includes(error.name);

/**
 * @param memory bytes that the provers may keep between jobs; a single one may take more while it works
 */
export function createProvers(platform: ProverPlatform, artefacts: Artefacts, threads: number, memory: number): Provers {
  /** In the order of their last use. */
  const warm = new Map<string, Warm>();
  let disposed = false;

  async function remove(circuit: string): Promise<void> {
    const own = warm.get(circuit);
    warm.delete(circuit);
    await own?.prover.dispose();
  }

  async function makeRoom(): Promise<void> {
    const total = (): number => Array.from(warm.values()).reduce((sum, { bytes }) => sum + bytes, 0);
    while (warm.size > 1 && (warm.size > MAX_PROVERS || total() > memory)) await remove(warm.keys().next().value!);
  }

  async function prepared(names: CircuitNames, signal: AbortSignal, onPhase: (phase: JobPhase) => void): Promise<Warm> {
    const known = warm.get(names.digest);
    if (known) {
      warm.delete(names.digest);
      warm.set(names.digest, known);
      return known;
    }
    if (!(await artefacts.has(names))) onPhase('fetch');
    const { circuit, weights } = await artefacts.get(names, signal);
    onPhase('prepare');
    const start = performance.now();
    const prover = await createProver(platform, circuit, weights, { threads, signal });
    if (disposed) {
      await prover.dispose();
      throw new JobFailure('failed', 'the miner was stopped');
    }
    const own: Warm = { prover, prepare: performance.now() - start, prove: null, bytes: 0, warmedUp: false };
    warm.set(names.digest, own);
    if (bytesToHex(prover.digest) !== names.digest)
      throw new JobFailure('artefact', `the circuit has the digest ${bytesToHex(prover.digest)}, not ${names.digest}`);
    return own;
  }

  async function attempt(
    names: CircuitNames,
    inputs: readonly Uint8Array[],
    context: Uint8Array,
    { signal, onPhase }: Parameters<Provers['prove']>[3],
  ): Promise<ProvenJob> {
    const own = await prepared(names, signal, onPhase);
    const { proof, timings }: Proven = await own.prover.prove(inputs, context, { signal, onProgress: onPhase });
    own.prove = timings.total;
    if (own.bytes === 0) {
      own.bytes = (await own.prover.memory())?.size ?? 0;
      await makeRoom();
    }
    return { proof, milliseconds: timings.total };
  }

  return {
    async prove(names, inputs, context, options) {
      const { signal } = options;
      try {
        signal.throwIfAborted();
        try {
          return await attempt(names, inputs, context, options);
        } catch (error) {
          if (!isShortOfMemory(error) || warm.size === 0) throw error;
          // The others' memory may be what is missing.
          await Promise.all(Array.from(warm.keys(), remove));
          return await attempt(names, inputs, context, options);
        }
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        if (error instanceof JobFailure) throw error;
        const { message } = error as Error;
        if (isShortOfMemory(error)) {
          await remove(names.digest);
          throw new JobFailure('memory', message, { cause: error });
        }
        if (error instanceof BlobFailure || error instanceof FileRefusal || error instanceof CircuitRefusal)
          throw new JobFailure('artefact', message, { cause: error });
        // A worker that failed is replaced when the next job comes.
        const own = warm.get(names.digest);
        if (own) Object.assign(own, RESTING);
        throw new JobFailure('failed', message, { cause: error });
      }
    },
    pace(circuit) {
      const own = warm.get(circuit);
      return own && own.prove !== null ? { prove: own.prove, prepare: own.prepare } : null;
    },
    async warmUp(signal) {
      for (const own of warm.values()) {
        if (signal.aborted) return;
        if (own.warmedUp || own.bytes === 0 || (own.prove ?? 0) > WARM_UP / 2) continue;
        own.warmedUp = true;
        await own.prover.warmUp(WARM_UP);
      }
    },
    figures: () => Array.from(warm, ([circuit, { bytes }]) => ({ circuit, bytes })),
    async rest() {
      await Promise.all(
        Array.from(warm.values(), async (own) => {
          Object.assign(own, RESTING);
          await own.prover.rest();
        }),
      );
    },
    async dispose() {
      disposed = true;
      await Promise.all(Array.from(warm.keys(), remove));
    },
  };
}
