/** The Models page's state: the list, and of one model its circuit, fetched and checked against its digest here. */
import { signal, type ReadonlySignal } from '@preact/signals';
import { bytesToHex } from '@noble/hashes/utils.js';
import type { Circuit } from '../../../circuits/graph/circuit.ts';
import { circuitDigest, MAX_CIRCUIT_BYTES } from '../../../circuits/graph/encoding.ts';
import { decodeCircuitFile } from '../../../circuits/graph/file.ts';
import type { Model } from '../../../server/wire/http.ts';
import { type Blobs } from '../../client/blobs.ts';
import type { Client } from '../../client/client.ts';
import { failureOf, type Failure } from '../failure.tsx';

/** Something that comes over the network. */
export type Loading<T> =
  { readonly kind: 'loading' } | { readonly kind: 'failed'; readonly failure: Failure } | { readonly kind: 'loaded'; readonly value: T };

export interface Atlas {
  readonly models: ReadonlySignal<Loading<readonly Model[]>>;
  readonly model: ReadonlySignal<Loading<Model>>;
  readonly circuit: ReadonlySignal<Loading<Circuit>>;
  list(): Promise<void>;
  /** One model by digest or name, then its circuit. */
  open(name: string): Promise<void>;
}

/** The digest or name in the path `/models/<name>`; null on the list's own page. */
export function nameInPath(path: string): string | null {
  const match = /^\/models\/([^/]+)\/?$/.exec(path);
  return match === null ? null : decodeURIComponent(match[1]!);
}

export function createAtlas(client: Client, blobs: Blobs): Atlas {
  const models = signal<Loading<readonly Model[]>>({ kind: 'loading' });
  const model = signal<Loading<Model>>({ kind: 'loading' });
  const circuit = signal<Loading<Circuit>>({ kind: 'loading' });

  async function into<T>(target: { value: Loading<T> }, work: () => Promise<T>): Promise<T | null> {
    try {
      const value = await work();
      target.value = { kind: 'loaded', value };
      return value;
    } catch (error) {
      target.value = { kind: 'failed', failure: failureOf(error) };
      return null;
    }
  }

  async function fetchCircuit({ circuitBlob, digest }: Model): Promise<Circuit> {
    const own = decodeCircuitFile(await blobs.get(circuitBlob, { limit: MAX_CIRCUIT_BYTES + 64 }));
    const got = bytesToHex(circuitDigest(own));
    if (got !== digest) throw new Error(`the coordinator's circuit has the digest ${got}, not ${digest}`);
    return own;
  }

  return {
    models,
    model,
    circuit,
    async list() {
      await into(models, () => client.models());
    },
    async open(name) {
      const found = await into(model, () => client.model(name));
      if (found) await into(circuit, () => fetchCircuit(found));
    },
  };
}
