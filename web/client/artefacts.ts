/** Circuits with their weights, out of blobs, by the circuit's digest. */
import { bytesToHex } from '@noble/hashes/utils.js';
import type { Circuit, Weights } from '../../circuits/graph/circuit.ts';
import { circuitDigest, MAX_CIRCUIT_BYTES } from '../../circuits/graph/encoding.ts';
import { decodeCircuitFile } from '../../circuits/graph/file.ts';
import { decodeWeightsFile, MAX_WEIGHTS_FILE_BYTES } from '../../circuits/graph/weights-file.ts';
import { BlobFailure, type Blobs } from './blobs.ts';
import type { Records } from './storage.ts';

/** The header of a file stands before the encoding. */
const MAX_CIRCUIT_FILE_BYTES = MAX_CIRCUIT_BYTES + 64;
/** Circuits that are remembered; a hello names at most as many. */
const MAX_HELD = 256;
const RECORD = 'circuits';

/** A circuit's digest and the blobs of its files, 64 hexadecimal digits each. */
export interface CircuitNames {
  readonly digest: string;
  readonly circuitBlob: string;
  readonly weightsBlob: string;
}

export interface CircuitFiles {
  readonly circuit: Circuit;
  /** Whether they are the circuit's is not known yet: who proves or verifies checks their hashes. */
  readonly weights: Weights;
}

export interface Artefacts {
  /** The circuit with this digest. Rejects with `BlobFailure`, `FileRefusal`, `CircuitRefusal`, or the signal's reason. */
  get(names: CircuitNames, signal?: AbortSignal): Promise<CircuitFiles>;
  /** Where the files of a circuit were when it was last loaded; null where it never was. */
  namesOf(digest: string): Promise<CircuitNames | null>;
  /** Whether no download is needed. */
  has(names: CircuitNames): Promise<boolean>;
  /** Circuits that need no download, the last used first: digests. */
  held(): Promise<string[]>;
}

const isDigest = (value: unknown): value is string => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);

/** What a record holds of what it should. */
function namesIn(record: unknown): CircuitNames[] {
  if (!Array.isArray(record)) return [];
  return record.flatMap((entry: unknown) => {
    const [digest, circuitBlob, weightsBlob] = Array.isArray(entry) ? (entry as unknown[]) : [];
    return isDigest(digest) && isDigest(circuitBlob) && isDigest(weightsBlob) ? [{ digest, circuitBlob, weightsBlob }] : [];
  });
}

export function createArtefacts(blobs: Blobs, records: Records): Artefacts {
  const has = async ({ circuitBlob, weightsBlob }: CircuitNames): Promise<boolean> =>
    (await blobs.has(circuitBlob)) && (await blobs.has(weightsBlob));

  async function remember(names: CircuitNames): Promise<void> {
    const others = namesIn(await records.get(RECORD)).filter(({ digest }) => digest !== names.digest);
    const kept = [names, ...others].slice(0, MAX_HELD);
    await records.set(
      RECORD,
      kept.map(({ digest, circuitBlob, weightsBlob }) => [digest, circuitBlob, weightsBlob]),
    );
  }

  return {
    async get(names, signal) {
      const [circuitFile, weightsFile] = await Promise.all([
        blobs.get(names.circuitBlob, { limit: MAX_CIRCUIT_FILE_BYTES, signal }),
        blobs.get(names.weightsBlob, { limit: MAX_WEIGHTS_FILE_BYTES, signal }),
      ]);
      const circuit = decodeCircuitFile(circuitFile);
      const digest = bytesToHex(circuitDigest(circuit));
      if (digest !== names.digest) throw new BlobFailure(names.circuitBlob, `its circuit has the digest ${digest}, not ${names.digest}`);
      await remember(names);
      return { circuit, weights: decodeWeightsFile(weightsFile) };
    },
    namesOf: async (digest) => namesIn(await records.get(RECORD)).find((names) => names.digest === digest) ?? null,
    has,
    async held() {
      const known = namesIn(await records.get(RECORD));
      const present = await Promise.all(known.map(has));
      return known.filter((_, n) => present[n]).map(({ digest }) => digest);
    },
  };
}
