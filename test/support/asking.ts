/** Clients in tests, and the built-in model as a coordinator serves it. */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeCircuitFile } from '../../circuits/graph/file.ts';
import { decodeWeightsFile } from '../../circuits/graph/weights-file.ts';
import { chooseCuts } from '../../circuits/slice/cuts.ts';
import { digitsFiles } from '../../server/models/digits.ts';
import { nodePlatform } from '../../wasm/runtime/node.ts';
import type { Client } from '../../web/client/client.ts';
import { systemClock, systemRandom } from '../../web/client/clock.ts';
import { createClient, type ClientPlatform } from '../../web/client/create-client.ts';
import { memoryStorage } from '../../web/client/storage.ts';
import type { ServedModel } from './coordinator/served.ts';

export function testClient(coordinator: string, change: Partial<ClientPlatform> = {}): Client {
  return createClient({
    coordinator,
    fetch: globalThis.fetch,
    prover: nodePlatform,
    storage: memoryStorage(),
    clock: systemClock,
    random: systemRandom,
    ...change,
  });
}

/** Digits, whole and in three slices. */
export async function servedDigits(): Promise<ServedModel & { readonly circuitFile: Uint8Array; readonly weightsFile: Uint8Array }> {
  const files = await digitsFiles(join(tmpdir(), 'veritab-test-models'));
  const circuit = decodeCircuitFile(files.circuit);
  return {
    name: 'digits',
    circuit,
    weights: decodeWeightsFile(files.weights),
    plans: [[], chooseCuts(circuit, 3)],
    circuitFile: files.circuit,
    weightsFile: files.weights,
  };
}
