/**
 * Verifies bundles: from the model's digest alone, whatever the bundle says. Every check has a name, a time, and a sentence. What a check rests on is checked before it:
 *
 * ```
 * digest        the circuit hashes to the model's digest, the weights to what the circuit says
 * input         the inputs (and the request) are those that the client meant
 * cover         the slices, cut anew from that circuit, cover every layer
 * slice 0 .. n  each slice's proof holds for its inputs, its outputs, and its miner's hotkey in its place of this request
 * chain         what leaves a slice enters the next; the outputs are the last one's
 * miner 0 .. n  the hotkey certified the session key that signed the proof
 * coordinator   its hotkey certified the key that signed the verdicts
 * ```
 *
 * The answer is proven where all up to `chain` hold; who proved it is apart.
 */
import { blake3 } from '@noble/hashes/blake3.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { checkStructure } from '../../circuits/bounds/structure.ts';
import type { Circuit, Weights } from '../../circuits/graph/circuit.ts';
import { circuitDigest } from '../../circuits/graph/encoding.ts';
import { decodeCircuitFile } from '../../circuits/graph/file.ts';
import { decodeWeightsFile } from '../../circuits/graph/weights-file.ts';
import { slice, sliceWeights, type SlicedCircuit } from '../../circuits/slice/slice.ts';
import { decodeBundle, type Bundle, type BundleSlice } from '../../server/wire/bundle.ts';
import { addressOf, hotkeyFromSeed, hotkeySigned, sessionKeyFromSecret, sessionKeySigned } from '../../server/wire/keys.ts';
import { MAX_DEADLINE } from '../../server/wire/limits.ts';
import { certificateHolds, coordinatorHolds, jobContext, proofStatement, verdictHolds } from '../../server/wire/statements.ts';
import type { ProverPlatform } from '../../wasm/runtime/platform.ts';
import { createVerifier, type WorkerVerifier } from '../../wasm/runtime/prover.ts';
import { verifySlices, type ChainStep, type ClaimedSlice, type Refusal, type SliceVerifier } from '../../wasm/verify.ts';
import type { CircuitFiles } from './artefacts.ts';
import type { BundleVerdict, Check, VerifyOptions } from './client.ts';

/** Verifiers of slices that are kept for the next bundle, each in a worker of its own. */
const MAX_VERIFIERS = 6;

export interface BundleVerifier {
  /** Never rejects because of what is in the bundle; rejects with the signal's reason. */
  verify(file: Uint8Array, options: VerifyOptions): Promise<BundleVerdict>;
  /** Starts the verifiers of a model's slices before there is a bundle. */
  warmUp(model: string, cuts: readonly number[]): Promise<void>;
  /** Ends the workers. */
  dispose(): Promise<void>;
}

/**
 * @param load the files of the model with this digest, for bundles that do not hold them. What it gives is checked; it rejects where there is none
 */
export function createBundleVerifier(
  platform: ProverPlatform,
  load: (digest: string, signal?: AbortSignal) => Promise<CircuitFiles>,
): BundleVerifier {
  /** By whole model, cuts and slice, in the order of their last use. Those three say exactly which circuit and weights it is: nothing is kept under a digest that was not recomputed. */
  const verifiers = new Map<string, Promise<WorkerVerifier | Refusal>>();

  async function end(name: string): Promise<void> {
    const own = verifiers.get(name);
    verifiers.delete(name);
    const verifier = await own?.catch(() => null);
    if (verifier?.ok) await verifier.dispose();
  }

  function verifierOf(name: string, circuit: Circuit, weights: Weights): Promise<WorkerVerifier | Refusal> {
    const verifier = verifiers.get(name) ?? createVerifier(platform, circuit, weights, { threads: 1 });
    verifiers.delete(name);
    verifiers.set(name, verifier);
    return verifier;
  }

  async function makeRoom(): Promise<void> {
    while (verifiers.size > MAX_VERIFIERS) await end(verifiers.keys().next().value!);
  }

  /** A verifier for `verifySlices`: what fails without being refused is no proof either. */
  async function startVerifier(
    name: string,
    circuit: Circuit,
    weights: Weights,
    signal: AbortSignal | undefined,
  ): Promise<SliceVerifier | Refusal> {
    const unlessItFails = async <T>(action: () => Promise<T>): Promise<T | Refusal> => {
      signal?.throwIfAborted();
      try {
        return await action();
      } catch (error) {
        signal?.throwIfAborted();
        await end(name);
        return { ok: false, check: 'verifier', detail: `it failed: ${(error as Error).message}` };
      }
    };
    const verifier = await unlessItFails(() => verifierOf(name, circuit, weights));
    if (!verifier.ok) {
      await end(name);
      return verifier;
    }
    return {
      ok: true,
      verify: (statement, proof) => unlessItFails(() => verifier.verify(statement, proof, { signal })),
      dispose: makeRoom,
    };
  }

  const nameOf = (digest: string, cuts: readonly number[], k: number): string => `${digest} ${cuts.join(',')} ${k}`;

  /** One thing at a time: none ends a verifier that another one uses. */
  let tail: Promise<unknown> = Promise.resolve();
  function inTurn<T>(action: () => Promise<T>): Promise<T> {
    const result = tail.then(action);
    tail = result.catch(() => undefined);
    return result;
  }

  async function verify(file: Uint8Array, options: VerifyOptions): Promise<BundleVerdict> {
    options.signal?.throwIfAborted();
    const begin = performance.now();
    const list = checkList(options);
    let bundle: Bundle | null = null;
    const files = await list.check('digest', null, async () => {
      bundle = decodeBundle(file);
      return checkModel(bundle, options, load);
    });
    const own = bundle as Bundle | null;
    const isInput = own !== null && (await list.check('input', null, () => checkInput(own, options))) !== null;
    const holds = own !== null && files !== null && (await verifyChain(own, files.value, options, list));
    return {
      proven: holds && isInput,
      attributed: own !== null && attribute(list, own),
      checks: list.checks,
      meaning: files && files.value.circuit.meaning,
      ms: performance.now() - begin,
    };
  }

  /** The checks `cover`, `slice` and `chain`. Whether all hold. */
  async function verifyChain(
    bundle: Bundle,
    { circuit, weights }: CircuitFiles,
    options: VerifyOptions,
    list: CheckList,
  ): Promise<boolean> {
    const { request, cuts, inputs, outputs, slices } = bundle;
    const digest = bytesToHex(bundle.model);
    const chained: ChainStep[] = [];
    try {
      const verdict = await verifySlices(
        circuit,
        weights,
        cuts,
        (piece, pieceWeights, k) => startVerifier(nameOf(digest, cuts, k), piece, pieceWeights, options.signal),
        { inputs, outputs, context: new Uint8Array(0) },
        (pieces) => claimedSlices(circuit, bundle, pieces),
        {
          contextOf: (k, n) => jobContext({ request, slice: k, slices: n, hotkey: slices[k]!.certificate.hotkey }),
          onStep: (step) => {
            if (step.name === 'chain') chained.push(step);
            else list.add(stepCheck(step, bundle, circuit));
          },
        },
      );
      const [step] = chained;
      return step !== undefined && list.add(chainCheck(step, bundle, options)) && verdict.ok;
    } catch (error) {
      options.signal?.throwIfAborted();
      return list.add({ name: 'chain', slice: null, ok: false, detail: `the verification failed: ${(error as Error).message}`, ms: 0 });
    }
  }

  return {
    verify: (file, options) => inTurn(() => verify(file, options)),
    warmUp: (model, cuts) =>
      inTurn(async () => {
        const { circuit, weights } = await load(model);
        if (bytesToHex(circuitDigest(circuit)) !== model) return;
        checkStructure(circuit, weights);
        // The first signature takes long: tables of the curves are made for it.
        attributionTables();
        const pieces = slice(circuit, cuts);
        if (pieces.length > MAX_VERIFIERS) return;
        await Promise.all(pieces.map((piece, k) => verifierOf(nameOf(model, cuts, k), piece.circuit, sliceWeights(weights, piece))));
        await makeRoom();
      }),

    async dispose() {
      await Promise.all(Array.from(verifiers.keys(), end));
    },
  };
}

/** What a check did not find. */
class NotSo extends Error {}

/** What a check found, and how to say it. */
interface Found<T> {
  readonly value: T;
  readonly detail: string;
}

interface CheckList {
  readonly checks: Check[];
  add(check: Check): boolean;
  /** Runs a check; null where it does not hold, whatever it throws. */
  check<T>(name: Check['name'], k: number | null, action: () => Found<T> | Promise<Found<T>>): Promise<Found<T> | null>;
}

function checkList({ onCheck, signal }: VerifyOptions): CheckList {
  const checks: Check[] = [];
  const add = (check: Check): boolean => {
    checks.push(check);
    onCheck?.(check);
    return check.ok;
  };
  return {
    checks,
    add,
    async check(name, k, action) {
      const begin = performance.now();
      const ended = (ok: boolean, detail: string): boolean => add({ name, slice: k, ok, detail, ms: performance.now() - begin });
      try {
        const found = await action();
        ended(true, found.detail);
        return found;
      } catch (error) {
        signal?.throwIfAborted();
        ended(false, (error as Error).message);
        return null;
      }
    },
  };
}

/** The model's circuit and weights, from the bundle or from elsewhere. Throws unless they are those of the digest. */
async function checkModel(
  { model, artefacts }: Bundle,
  options: VerifyOptions,
  load: (digest: string, signal?: AbortSignal) => Promise<CircuitFiles>,
): Promise<Found<CircuitFiles>> {
  const digest = bytesToHex(model);
  if (options.model !== null && options.model !== digest)
    throw new NotSo(`the bundle is about the model ${digest}, not about ${options.model}`);
  const files = artefacts
    ? { circuit: decodeCircuitFile(artefacts.circuit), weights: decodeWeightsFile(artefacts.weights) }
    : await load(digest, options.signal);
  const got = bytesToHex(circuitDigest(files.circuit));
  if (got !== digest) throw new NotSo(`the circuit has the digest ${got}, not ${digest}`);
  checkStructure(files.circuit, files.circuit.weightRoot === null ? files.weights : null);
  const source = artefacts ? 'the circuit in the bundle' : 'the circuit';
  const whose = options.model === null ? "which is the bundle's word: nobody said which model it should be" : 'that of the model';
  return { value: files, detail: `${source} has the digest ${digest}, ${whose}` };
}

function checkInput({ inputs, request }: Bundle, options: VerifyOptions): Found<null> {
  const { request: wantedRequest = null } = options;
  if (wantedRequest !== null && wantedRequest !== request)
    throw new NotSo(`the bundle answers the request ${request}, not ${wantedRequest}`);
  const wanted = options.inputs;
  if (wanted === null) return { value: null, detail: "the input is the bundle's word: nobody said what was put in" };
  if (wanted.length !== inputs.length) throw new NotSo(`the bundle is about ${inputs.length} inputs, not ${wanted.length}`);
  wanted.forEach((values, n) => {
    const got = inputs[n]!;
    if (got.length !== values.length) throw new NotSo(`input ${n} has ${got.length} bytes in the bundle, yours ${values.length}`);
    const at = values.findIndex((byte, i) => byte !== got[i]);
    if (at >= 0) throw new NotSo(`element ${at} of input ${n} is ${got[at]!} in the bundle, yours ${values[at]!}`);
  });
  return { value: null, detail: 'the input is yours' };
}

/** What the bundle says of each of the recomputed slices. */
function claimedSlices(circuit: Circuit, bundle: Bundle, pieces: readonly SlicedCircuit[]): ClaimedSlice[] {
  const { cuts, inputs, outputs, slices } = bundle;
  return pieces.map((piece, k) => ({
    digest: null,
    inputs: k === 0 ? inputs : [slices[k - 1]!.crossing!],
    // A tensor that crosses and is an output too must be the same in both places: it enters the next slice as it crosses.
    outputs: piece.outputs.map(
      (tensor) => outputs[circuit.outputs.indexOf(tensor)] ?? (tensor === cuts[k] ? slices[k]!.crossing! : new Uint8Array(0)),
    ),
    proof: slices[k]!.proof,
  }));
}

function stepCheck({ name, slice: k, verdict, milliseconds: ms }: ChainStep, bundle: Bundle, circuit: Circuit): Check {
  const n = bundle.slices.length;
  if (!verdict.ok) return { name, slice: k, ok: false, detail: `${verdict.check}: ${verdict.detail}`, ms };
  const detail =
    k === null
      ? `${n === 1 ? 'one slice covers' : `${n} slices cover`} all ${circuit.layers.length} layers`
      : `the proof of slice ${k + 1} of ${n} holds, ${bundle.slices[k]!.proof.length} bytes`;
  return { name, slice: k, ok: true, detail, ms };
}

function chainCheck({ verdict, milliseconds: ms }: ChainStep, { slices, outputs }: Bundle, options: VerifyOptions): Check {
  const check = { name: 'chain', slice: verdict.ok ? null : verdict.slice, ms } as const;
  if (!verdict.ok) return { ...check, ok: false, detail: `${verdict.check}: ${verdict.detail}` };
  const { outputs: claimed = null } = options;
  const isClaimed =
    claimed === null || (claimed.length === outputs.length && claimed.every((values, n) => sameOutput(values, outputs[n]!)));
  if (!isClaimed) return { ...check, ok: false, detail: 'the outputs of the bundle are not those that were claimed before' };
  const detail =
    slices.length === 1 ? 'the outputs are those of the slice' : 'what leaves each slice enters the next, and the outputs are theirs';
  return { ...check, ok: true, detail };
}

function sameOutput(a: Uint8Array | Int32Array, b: Uint8Array | Int32Array): boolean {
  return a instanceof Uint8Array === b instanceof Uint8Array && a.length === b.length && a.every((value, n) => value === b[n]);
}

/** Checks signatures of nobody, so that those that follow are quick. */
function attributionTables(): void {
  const message = new Uint8Array(1);
  const [hotkey, session] = [hotkeyFromSeed(new Uint8Array(32)), sessionKeyFromSecret(new Uint8Array(32))];
  hotkeySigned(hotkey.publicKey, message, hotkey.sign(message));
  sessionKeySigned(session.publicKey, message, session.sign(message));
}

/** Adds the checks of who proved the slices and who judged the proofs. Whether all hold. */
function attribute(list: CheckList, bundle: Bundle): boolean {
  const { slices, coordinator, request, created } = bundle;
  const timed = (name: Check['name'], k: number | null, wrong: () => string | null, right: string): boolean => {
    const begin = performance.now();
    const fault = wrong();
    return list.add({ name, slice: k, ok: fault === null, detail: fault ?? right, ms: performance.now() - begin });
  };
  const hashes = slices.map(({ proof }) => blake3(proof));
  const address = addressOf(coordinator.hotkey);
  const miners = slices.map((own, k) =>
    timed('miner', k, () => minerFault(own, hashes[k]!, address, created), `proven by ${addressOf(own.certificate.hotkey)}`),
  );
  const judged = timed(
    'coordinator',
    null,
    () => {
      if (!coordinatorHolds(coordinator)) return `${address} has not certified the key that signs the verdicts`;
      const wrong = slices.findIndex((own, k) => {
        const { job, serviceMs, proof, certificate } = own;
        const said = {
          request,
          slice: k,
          slices: slices.length,
          hotkey: certificate.hotkey,
          job,
          proofHash: hashes[k]!,
          ok: true,
          serviceMs,
        };
        return !verdictHolds(coordinator.key, { ...said, proofBytes: proof.length }, own.verdictSignature);
      });
      return wrong < 0 ? null : `the verdict about slice ${wrong} is not signed by its key`;
    },
    `judged by ${address}`,
  );
  return miners.every(Boolean) && judged;
}

function minerFault(
  { certificate, proofSignature, job }: BundleSlice,
  proofHash: Uint8Array,
  coordinator: string,
  created: number,
): string | null {
  const { hotkey, session, expires } = certificate;
  const who = addressOf(hotkey);
  if (!certificateHolds(certificate)) return `${who} has not certified the session key`;
  if (certificate.coordinator !== coordinator) return `${who} certified its session for another coordinator, ${certificate.coordinator}`;
  // The bundle may have been put together a deadline after the proof.
  if (expires < created - MAX_DEADLINE) return `the session of ${who} had expired`;
  if (!sessionKeySigned(session, proofStatement(job, proofHash), proofSignature)) return `the proof is not signed by the session of ${who}`;
  return null;
}
