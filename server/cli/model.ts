/** A model on disk: files of one name, `NAME.circuit`, `NAME.weights`, and `NAME.registration` where its weights are committed. */
import { existsSync, statSync } from 'node:fs';
import type { Circuit, Weights } from '../../circuits/graph/circuit.ts';
import { circuitDigest } from '../../circuits/graph/encoding.ts';
import { decodeCircuitFile } from '../../circuits/graph/file.ts';
import { decodeRegistrationFile } from '../../circuits/graph/proof-file.ts';
import { decodeWeightsFile } from '../../circuits/graph/weights-file.ts';
import { Failure } from './failure.ts';
import { readWhole } from './files.ts';
import { hex } from './table.ts';

/** The files of a model. */
export interface ModelPaths {
  readonly circuit: string;
  readonly weights: string;
  readonly registration: string;
  readonly recipe: string;
}

/** `digits`, `folder/digits` or `folder/digits.circuit`. */
export function modelPaths(model: string): ModelPaths {
  const name = model.replace(/\.circuit$/, '');
  return { circuit: `${name}.circuit`, weights: `${name}.weights`, registration: `${name}.registration`, recipe: `${name}.recipe.json` };
}

/** For commands that take a model. */
export const MODEL_DESCRIPTION = 'Name of the model: NAME for NAME.circuit and NAME.weights';

export interface LoadedCircuit {
  readonly paths: ModelPaths;
  readonly circuit: Circuit;
  readonly digest: Uint8Array;
}

/** Throws `Failure` if there is no such file, `FileRefusal` or `CircuitRefusal` if it is no circuit. */
export async function loadCircuit(model: string): Promise<LoadedCircuit> {
  const exact = existsSync(model) && statSync(model).isFile();
  const paths = exact ? { ...modelPaths(model), circuit: model } : modelPaths(model);
  const circuit = decodeCircuitFile(await readWhole(paths.circuit, 'the circuit'));
  return { paths, circuit, digest: circuitDigest(circuit) };
}

/** The weights of a model. Whether they are its circuit's is checked by who uses them. */
export async function loadWeights({ paths }: LoadedCircuit): Promise<Weights> {
  return decodeWeightsFile(await readWhole(paths.weights, 'the weights'));
}

/** What a verifier needs besides the circuit: its public weights, or null where they are committed. */
export async function loadPublicWeights(model: LoadedCircuit): Promise<Weights | null> {
  return model.circuit.weightRoot === null ? loadWeights(model) : null;
}

/** Throws `Failure` (refused) where weights are committed: such a circuit has one root for all of them, and is not proven in slices. */
export function refuseCommitted({ circuit, paths }: LoadedCircuit): void {
  if (circuit.weightRoot === null) return;
  throw new Failure('refused', 'committed-weights', `${paths.circuit} has committed weights, which are not proven in slices`, {
    expected: 'public weights',
    got: `committed weights, root ${hex(circuit.weightRoot)}`,
    hint: 'prove it whole, without --slices, or compile the model without --committed',
  });
}

/** The registration proof of a circuit with committed weights. Throws `Failure` (refused) if there is none, or if it is another circuit's. */
export async function loadRegistration({ paths, digest }: LoadedCircuit): Promise<Uint8Array> {
  if (!existsSync(paths.registration)) {
    throw new Failure('refused', 'not-registered', 'nobody has shown that the committed weights are in range', {
      expected: `a registration proof in ${paths.registration}`,
      got: 'no such file',
      hint: 'the owner of the weights makes one with veritab compile --committed; --unregistered does without it',
    });
  }
  const { circuit, proof } = decodeRegistrationFile(await readWhole(paths.registration, 'the registration proof of the committed weights'));
  if (hex(circuit) !== hex(digest)) {
    throw new Failure('refused', 'wrong-model', `${paths.registration} registers the weights of another circuit`, {
      expected: `circuit ${hex(digest)}`,
      got: `circuit ${hex(circuit)}`,
    });
  }
  return proof;
}
