/**
 * The client of a coordinator.
 *
 * @example
 * const client = createClient({ coordinator: 'https://example.org', fetch, prover: browserPlatform, storage, clock: systemClock, random: systemRandom });
 * const { inference, bundle } = await client.infer('digits', [pixels], { onEvent: (event) => ... });
 * const { proven, checks } = await client.verify(bundle, { model: digest, inputs: [pixels], request: inference.id });
 */
import { bytesToHex } from '@noble/hashes/utils.js';
import { DEFAULT_DEADLINE } from '../../server/wire/limits.ts';
import type { Inference, Model } from '../../server/wire/http.ts';
import type { ProverPlatform } from '../../wasm/runtime/platform.ts';
import { createArtefacts, type CircuitFiles } from './artefacts.ts';
import { createBlobs } from './blobs.ts';
import { createBundleVerifier } from './bundle-verifier.ts';
import { RequestFailure, type Client } from './client.ts';
import { Requests, type RequestPlatform } from './requests.ts';
import type { Storage } from './storage.ts';

export interface ClientPlatform extends RequestPlatform {
  readonly prover: ProverPlatform;
  readonly storage: Storage;
}

/** How much longer than its deadline a request is waited for: the coordinator says itself that it is over. */
const GRACE = 10_000;
/** For how long a bundle is asked for. */
const BUNDLE_PATIENCE = 60_000;

export function createClient(platform: ClientPlatform): Client {
  const { coordinator, fetch, storage, random } = platform;
  const requests = new Requests(platform);
  const artefacts = createArtefacts(createBlobs(coordinator, fetch, storage.blobs), storage.records);
  /** By digest and by name: where files are does not change. */
  const models = new Map<string, Model>();

  async function model(name: string, signal?: AbortSignal): Promise<Model> {
    const found = await requests.model(name, signal);
    models.set(found.digest, found);
    return found;
  }

  /** What is here already needs no coordinator. */
  async function load(digest: string, signal?: AbortSignal): Promise<CircuitFiles> {
    const known = await artefacts.namesOf(digest);
    if (known !== null && (await artefacts.has(known))) {
      try {
        return await artefacts.get(known, signal);
      } catch {
        signal?.throwIfAborted();
        // What is kept is damaged: it is fetched again.
      }
    }
    const { circuitBlob, weightsBlob } = models.get(digest) ?? (await model(digest, signal));
    return artefacts.get({ digest, circuitBlob, weightsBlob }, signal);
  }

  const verifier = createBundleVerifier(platform.prover, load);

  const bundle = (id: string, signal?: AbortSignal): Promise<Uint8Array> =>
    requests.bundle(id, { until: requests.now + BUNDLE_PATIENCE, signal });

  return {
    async models() {
      const found = await requests.models();
      for (const one of found) models.set(one.digest, one);
      return found;
    },
    model: (name) => model(name),
    async infer(name, inputs, options = {}) {
      const { slices, deadlineMs = DEFAULT_DEADLINE, idempotencyKey = bytesToHex(random(16)), signal, onEvent } = options;
      const patience = { until: requests.now + deadlineMs + GRACE, signal };
      const request = { model: name, inputs: inputs.map(base64Of), deadline_ms: deadlineMs, ...(slices !== undefined && { slices }) };
      const asked = await requests.ask(request, idempotencyKey, patience);
      // The answer is there at once, long before its proofs.
      onEvent?.({ type: 'snapshot', inference: asked });
      // Verifiers get ready while the proofs are made; what is wrong shows when they are needed.
      void verifier.warmUp(asked.model, asked.cuts).catch(() => undefined);
      const inference = isOver(asked) ? asked : await requests.follow(asked.id, patience, (event) => onEvent?.(event));
      if (inference.state === 'failed') {
        const { code, message } = inference.error ?? { code: 'failed', message: 'the request failed' };
        throw new RequestFailure(code, message);
      }
      return { inference, bundle: await bundle(inference.id, signal) };
    },
    bundle: (id) => bundle(id),
    verify: (file, options) => verifier.verify(file, options),
    dispose: () => verifier.dispose(),
  };
}

function isOver({ state }: Inference): boolean {
  return state !== 'proving';
}

/** In pieces: a call takes only so many arguments. */
function base64Of(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(text);
}
