/** Reads and writes what stands in test/vectors. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { circuitDigest } from '../../circuits/graph/encoding.ts';
import { decodeCircuitFile, encodeCircuitFile } from '../../circuits/graph/file.ts';
import {
  decodeProofFile,
  decodeRegistrationFile,
  encodeProofFile,
  encodeRegistrationFile,
  type ProofFile,
} from '../../circuits/graph/proof-file.ts';
import { decodeWeightsFile, encodeWeightsFile } from '../../circuits/graph/weights-file.ts';
import type { Circuit, Weights } from '../../circuits/graph/circuit.ts';
import { proveRegistration } from '../../wasm/registration/prove.ts';
import { prepareProver } from '../../wasm/prove.ts';
import type { Kernels } from '../../wasm/runtime/kernels.ts';
import type { Sample } from '../support/circuits.ts';
import { CONTEXT, fileName, VERSION } from './circuits.ts';

const FOLDER = join(import.meta.dirname, '../vectors', String(VERSION));

export interface Golden {
  readonly name: string;
  readonly digest: string;
  readonly circuit: Circuit;
  readonly weights: Weights;
  readonly proof: ProofFile;
  /** The registration proof, where weights are committed. */
  readonly registration: Uint8Array | null;
}

const read = (name: string): Uint8Array => new Uint8Array(readFileSync(join(FOLDER, name)));
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** The digests of all golden circuits by name. */
export function goldenDigests(): Record<string, string> {
  return JSON.parse(readFileSync(join(FOLDER, 'digests.json'), 'utf8')) as Record<string, string>;
}

export function goldenPrimitives(): unknown {
  return JSON.parse(readFileSync(join(FOLDER, 'primitives.json'), 'utf8'));
}

/** The files as they are. */
export function goldenFiles(): { name: string; circuit: Uint8Array; weights: Uint8Array; proof: Uint8Array }[] {
  return Object.keys(goldenDigests()).map((name) => ({
    name,
    circuit: read(`${name}.circuit`),
    weights: read(`${name}.weights`),
    proof: read(`${name}.proof`),
  }));
}

export function readGolden(): Golden[] {
  return goldenFiles().map(({ name, ...files }) => {
    const circuit = decodeCircuitFile(files.circuit);
    return {
      name,
      digest: goldenDigests()[name]!,
      circuit,
      weights: decodeWeightsFile(files.weights),
      proof: decodeProofFile(files.proof),
      registration: circuit.weightRoot ? decodeRegistrationFile(read(`${name}.registration`)).proof : null,
    };
  });
}

/** Writes the vectors of the present format version. Only for a new version: those of an old one never change. */
export function writeGolden(kernels: Kernels, samples: readonly Sample[], primitives: unknown): void {
  mkdirSync(FOLDER, { recursive: true });
  const write = (name: string, data: Uint8Array | string): void => writeFileSync(join(FOLDER, name), data);
  const digests: Record<string, string> = {};
  for (const sample of samples) {
    const { circuit, weights, inputs } = sample;
    const name = fileName(sample);
    const digest = circuitDigest(circuit);
    const prover = prepareProver(kernels, circuit, weights);
    const { outputs, proof } = prover.prove(inputs, CONTEXT);
    prover.dispose();
    digests[name] = hex(digest);
    write(`${name}.circuit`, encodeCircuitFile(circuit));
    write(`${name}.weights`, encodeWeightsFile(weights));
    write(`${name}.proof`, encodeProofFile({ circuit: digest, context: CONTEXT, inputs, outputs, proof }));
    if (circuit.weightRoot) {
      write(`${name}.registration`, encodeRegistrationFile({ circuit: digest, proof: proveRegistration(kernels, circuit, weights).proof }));
    }
  }
  write('digests.json', `${JSON.stringify(digests, null, 2)}\n`);
  write('primitives.json', `${JSON.stringify(primitives)}\n`);
}
