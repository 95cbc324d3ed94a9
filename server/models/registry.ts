/** The models that a coordinator serves: its own, those of a folder, those that were published. */
import { readFile, readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Circuit, Weights } from '../../circuits/graph/circuit.ts';
import { digitsModel } from '../../circuits/models/digits/digits.ts';
import type { SlicedCircuit } from '../../circuits/slice/slice.ts';
import { Problem, type Blob } from '../coordinator.ts';
import type { Model } from '../wire/http.ts';
import { inputFault } from './inference.ts';
import type { ModelFiles, PreparedModel } from './prepared.ts';
import type { ModelRunner } from './runner.ts';

export interface LoadedSlice {
  /** Digest of its circuit, 64 hexadecimal digits. */
  readonly digest: string;
  readonly sliced: SlicedCircuit;
  readonly weights: Weights;
  /** Hashes of the files from which a miner prepares it. */
  readonly circuitBlob: string;
  readonly weightsBlob: string;
  /** Nanoseconds on a reference core. */
  readonly work: number;
}

export interface LoadedPlan {
  readonly cuts: readonly number[];
  readonly slices: readonly LoadedSlice[];
}

/** What the integer model makes of an input. */
export interface ModelRun {
  /** By output of the circuit. */
  readonly outputs: readonly (Uint8Array | Int32Array)[];
  /** A tensor at which one of the model's plans cuts. */
  crossing(tensor: number): Uint8Array;
}

export interface LoadedModel {
  readonly info: Model;
  readonly circuit: Circuit;
  readonly weights: Weights;
  readonly plans: readonly LoadedPlan[];
  /** Throws `Problem` (400) for inputs that do not have the model's shapes. */
  run(inputs: readonly Uint8Array[]): Promise<ModelRun>;
}

/** What is kept of a model beside its files. */
export interface ModelRecord {
  readonly name: string;
  readonly description: string;
  /** SS58 address; null: the coordinator's own. */
  readonly publisher: string | null;
  /** Into how many slices; null: as the coordinator likes. */
  readonly slices: readonly number[] | null;
  /** Milliseconds since 1970. */
  readonly created: number;
}

export interface BlobStore {
  put(bytes: Uint8Array): Promise<string>;
  get(hash: string): Promise<Blob | null>;
}

export interface ModelRegistry {
  /** Of several with a name only the last. */
  list(): readonly LoadedModel[];
  /** By digest or by name. A model whose name was given to another is found by its digest still: requests for it may be open. */
  get(nameOrDigest: string): LoadedModel | null;
  /** Checks a model's files and cuts it. Rejects with a `FileRefusal` (an `Error` of that name) or `CircuitRefusal`. */
  prepare(files: ModelFiles, slices: readonly number[] | null): Promise<PreparedModel>;
  /** Puts the files of a model and of its slices into blobs, and serves it. */
  install(prepared: PreparedModel, files: ModelFiles, record: ModelRecord): Promise<LoadedModel>;
  close(): Promise<void>;
}

export function createRegistry({ blobs, runner }: { readonly blobs: BlobStore; readonly runner: ModelRunner }): ModelRegistry {
  const byDigest = new Map<string, LoadedModel>();
  const byName = new Map<string, LoadedModel>();
  return {
    list: () => [...byName.values()],
    get: (wanted) => byDigest.get(wanted) ?? byName.get(wanted) ?? null,
    prepare: (files, slices) => runner.prepare(files.circuit, files.weights, slices),
    async install(prepared, files, record) {
      const model = await load(prepared, files, record);
      byDigest.set(prepared.digest, model);
      byName.set(record.name, model);
      return model;
    },
    close: () => runner.close(),
  };

  async function load(prepared: PreparedModel, files: ModelFiles, record: ModelRecord): Promise<LoadedModel> {
    const { digest, circuit, weights } = prepared;
    const circuitBlob = await blobs.put(files.circuit);
    const weightsBlob = await blobs.put(files.weights);
    const plans: LoadedPlan[] = [];
    for (const { cuts, slices } of prepared.plans) {
      const loaded: LoadedSlice[] = [];
      for (const { circuitFile, weightsFile, ...slice } of slices)
        loaded.push({ ...slice, circuitBlob: await blobs.put(circuitFile), weightsBlob: await blobs.put(weightsFile) });
      plans.push({ cuts, slices: loaded });
    }
    const info: Model = {
      digest,
      name: record.name,
      description: record.description,
      publisher: record.publisher,
      inputs: [...prepared.inputs],
      outputs: [...prepared.outputs],
      layers: circuit.layers.length,
      multiplications: prepared.multiplications,
      weights: prepared.weightTotal,
      work: prepared.work,
      circuitBlob,
      circuitBytes: files.circuit.length,
      weightsBlob,
      weightsBytes: files.weights.length,
      plans: plans.map(({ cuts, slices }) => ({
        cuts: [...cuts],
        slices: slices.map((slice) => ({
          digest: slice.digest,
          from: slice.sliced.from,
          to: slice.sliced.to,
          layers: slice.sliced.circuit.layers.map(({ name }) => name),
          work: slice.work,
        })),
      })),
      created: record.created,
    };
    const crossing = [...new Set(plans.flatMap(({ cuts }) => cuts))];
    return {
      info,
      circuit,
      weights,
      plans,
      async run(inputs) {
        const fault = inputFault(circuit, inputs);
        if (fault !== null) throw new Problem(400, fault.code, fault.message, { expected: fault.expected, got: fault.got });
        const result = await runner.run(digest, { circuit, weights, crossing }, inputs);
        return {
          outputs: result.outputs,
          crossing(tensor) {
            const values = result.crossing[crossing.indexOf(tensor)];
            if (values === undefined) throw new RangeError(`no plan of ${record.name} cuts at tensor ${tensor}`);
            return values;
          },
        };
      },
    };
  }
}

/** Prepares and installs a model of the coordinator's own. */
export async function addOwn(
  registry: ModelRegistry,
  files: ModelFiles,
  record: Pick<ModelRecord, 'name' | 'description' | 'slices'>,
): Promise<LoadedModel> {
  return registry.install(await registry.prepare(files, record.slices), files, { ...record, publisher: null, created: 0 });
}

/** The built-in model. `folder`: where its compiled files are kept. */
export async function addDigits(registry: ModelRegistry, runner: ModelRunner, folder: string): Promise<LoadedModel> {
  return addOwn(registry, await runner.digits(folder), {
    name: digitsModel.name,
    description: 'Reads a handwritten digit: a small convolutional network, trained on the digits of the MNIST database.',
    slices: [1, 3],
  });
}

/**
 * Every `NAME.circuit` of a folder with its `NAME.weights`. `onFailure` hears of each that cannot be served; the others are. Rejects where the folder cannot be read.
 */
export async function addFolder(
  registry: ModelRegistry,
  folder: string,
  onFailure: (file: string, reason: unknown) => void,
): Promise<void> {
  const files = (await readdir(folder)).filter((file) => file.endsWith('.circuit')).sort();
  for (const file of files) {
    try {
      const path = join(folder, file);
      const [circuit, weights] = await Promise.all([readFile(path), readFile(path.replace(/\.circuit$/, '.weights'))]);
      const own = { circuit: new Uint8Array(circuit), weights: new Uint8Array(weights) };
      await addOwn(registry, own, { name: basename(file, '.circuit'), description: '', slices: null });
    } catch (reason) {
      onFailure(file, reason);
    }
  }
}
