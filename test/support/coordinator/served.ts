/** Models as the test coordinator serves them: whole and in slices, each file a blob. */
import { makerOf, type Circuit, type TensorMeaning, type Weights } from '../../../circuits/graph/circuit.ts';
import { circuitDigest } from '../../../circuits/graph/encoding.ts';
import { encodeCircuitFile } from '../../../circuits/graph/file.ts';
import { encodeWeightsFile } from '../../../circuits/graph/weights-file.ts';
import { slice, sliceWeights, type SlicedCircuit } from '../../../circuits/slice/slice.ts';
import type { Model, TensorInfo } from '../../../server/wire/http.ts';

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** A model that the coordinator serves. */
export interface ServedModel {
  readonly name: string;
  readonly circuit: Circuit;
  readonly weights: Weights;
  /** Ways to cut it; default: in one slice. */
  readonly plans?: readonly (readonly number[])[];
}

export interface Piece {
  readonly sliced: SlicedCircuit;
  readonly weights: Weights;
  readonly digest: Uint8Array;
  readonly circuitBlob: Uint8Array;
  readonly weightsBlob: Uint8Array;
}

export interface Served extends ServedModel {
  readonly info: Model;
  readonly plans: readonly (readonly number[])[];
  /** By plan and slice. */
  readonly pieces: readonly (readonly Piece[])[];
}

function tensorInfo(meaning: TensorMeaning, type: TensorInfo['type']): TensorInfo {
  return { ...meaning, dims: [...meaning.dims], labels: [...meaning.labels], type };
}

/** `putBlob` keeps bytes and gives their hash. */
export function serve(model: ServedModel, putBlob: (bytes: Uint8Array) => Uint8Array): Served {
  const { circuit, weights, plans = [[]] } = model;
  const pieces = plans.map((cuts) =>
    slice(circuit, cuts).map((sliced): Piece => {
      const own = sliceWeights(weights, sliced);
      const circuitBlob = putBlob(encodeCircuitFile(sliced.circuit));
      return { sliced, weights: own, digest: circuitDigest(sliced.circuit), circuitBlob, weightsBlob: putBlob(encodeWeightsFile(own)) };
    }),
  );
  const [circuitFile, weightsFile] = [encodeCircuitFile(circuit), encodeWeightsFile(weights)];
  const typeOf = (tensor: number) => (makerOf(circuit, tensor)?.kind === 'accumulate' ? 'int32' : 'uint8');
  const info: Model = {
    digest: hex(circuitDigest(circuit)),
    name: model.name,
    description: '',
    publisher: null,
    inputs: circuit.meaning.inputs.map((meaning) => tensorInfo(meaning, 'uint8')),
    outputs: circuit.meaning.outputs.map((meaning, n) => tensorInfo(meaning, typeOf(circuit.outputs[n]!))),
    layers: circuit.layers.length,
    multiplications: 0,
    weights: weights.reduce((sum, { length }) => sum + length, 0),
    work: 0,
    circuitBlob: hex(putBlob(circuitFile)),
    circuitBytes: circuitFile.length,
    weightsBlob: hex(putBlob(weightsFile)),
    weightsBytes: weightsFile.length,
    plans: plans.map((cuts, n) => ({
      cuts: [...cuts],
      slices: pieces[n]!.map(({ sliced: { from, to }, digest }) => ({
        digest: hex(digest),
        from,
        to,
        layers: circuit.layers.slice(from, to).map(({ name }) => name),
        work: 0,
      })),
    })),
    created: Date.now(),
  };
  return { ...model, plans, info, pieces };
}
