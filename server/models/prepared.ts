/** A model made ready for the network: checked, cut into slices, described. All of it is computed, nothing is taken from whoever brought the files. Takes a while: for a worker. */
import { bytesToHex } from '@noble/hashes/utils.js';
import { checkCircuit } from '../../circuits/bounds/index.ts';
import { circuitCost, work } from '../../circuits/cost/cost.ts';
import type { Circuit, TensorMeaning, Weights } from '../../circuits/graph/circuit.ts';
import { circuitDigest } from '../../circuits/graph/encoding.ts';
import { decodeCircuitFile, encodeCircuitFile } from '../../circuits/graph/file.ts';
import { CircuitRefusal } from '../../circuits/graph/refusal.ts';
import { decodeWeightsFile, encodeWeightsFile } from '../../circuits/graph/weights-file.ts';
import { chooseCuts, cutTensors } from '../../circuits/slice/cuts.ts';
import { slice, sliceWeights, type SlicedCircuit } from '../../circuits/slice/slice.ts';
import type { TensorInfo } from '../wire/http.ts';

/** The files of a model: circuit and weights, as `circuits/graph` encodes them. */
export interface ModelFiles {
  readonly circuit: Uint8Array;
  readonly weights: Uint8Array;
}

/** A slice, with the files from which miners prepare it. */
export interface PreparedSlice {
  /** Digest of its circuit, 64 hexadecimal digits. */
  readonly digest: string;
  readonly sliced: SlicedCircuit;
  readonly weights: Weights;
  readonly circuitFile: Uint8Array;
  readonly weightsFile: Uint8Array;
  /** Nanoseconds on a reference core. */
  readonly work: number;
}

export interface PreparedPlan {
  readonly cuts: readonly number[];
  readonly slices: readonly PreparedSlice[];
}

export interface PreparedModel {
  readonly digest: string;
  readonly circuit: Circuit;
  readonly weights: Weights;
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  readonly multiplications: number;
  readonly weightTotal: number;
  readonly work: number;
  readonly plans: readonly PreparedPlan[];
}

/** Work of a slice, in nanoseconds, above which a model is cut into three by choice where nobody says how. */
const LONG = 500_000_000;

/**
 * Reads and checks the files of a model, and cuts it. Throws `FileRefusal` for files that are none, `CircuitRefusal` for a circuit that may not be proven, is not that of the weights, or cannot be
 * cut so.
 * @param slices into how many slices, first choice first; null: one, and three where that can be
 */
export function prepareModel(circuitFile: Uint8Array, weightsFile: Uint8Array, slices: readonly number[] | null): PreparedModel {
  const circuit = decodeCircuitFile(circuitFile);
  if (circuit.weightRoot !== null)
    throw new CircuitRefusal(
      '',
      'weights',
      'the weights are committed; the network proves models with public weights, in slices of their own',
    );
  const weights = decodeWeightsFile(weightsFile);
  checkCircuit(circuit, weights);
  const { layers } = circuitCost(circuit);
  return {
    digest: bytesToHex(circuitDigest(circuit)),
    circuit,
    weights,
    inputs: circuit.meaning.inputs.map((meaning) => tensorInfo(meaning, 'uint8')),
    outputs: circuit.meaning.outputs.map((meaning, n) => {
      const layer = circuit.layers[circuit.outputs[n]! - circuit.inputs.length]!;
      return tensorInfo(meaning, layer.kind === 'accumulate' ? 'int32' : 'uint8');
    }),
    multiplications: layers.reduce((sum, layer) => sum + layer.multiplications, 0),
    weightTotal: layers.reduce((sum, layer) => sum + layer.weights, 0),
    work: work(circuit),
    plans: (slices ?? usualSlices(circuit)).map((count) => planOf(circuit, weights, count)),
  };
}

function usualSlices(circuit: Circuit): number[] {
  if (cutTensors(circuit).length < 2) return [1];
  return work(circuit) > LONG ? [3, 1] : [1, 3];
}

function planOf(circuit: Circuit, weights: Weights, count: number): PreparedPlan {
  const cuts = chooseCuts(circuit, count);
  const slices = slice(circuit, cuts).map((sliced) => {
    const own = sliceWeights(weights, sliced);
    return {
      digest: bytesToHex(circuitDigest(sliced.circuit)),
      sliced,
      weights: own,
      circuitFile: encodeCircuitFile(sliced.circuit),
      weightsFile: encodeWeightsFile(own),
      work: work(sliced.circuit),
    };
  });
  return { cuts, slices };
}

function tensorInfo({ name, dims, scale, zero, note, labels }: TensorMeaning, type: TensorInfo['type']): TensorInfo {
  return { name, dims: [...dims], type, scale, zero, note, labels: [...labels] };
}
