/** `veritab verify PROOF MODEL`: checks a proof file, or a chain of them, against a model, trusting nobody. `veritab verify bundle FILE`: checks an answer of the network. */
import { decodeProofFile, type ProofFile } from '../../../circuits/graph/proof-file.ts';
import { WEIGHT_STANDINGS } from '../../../wasm/verify.ts';
import { verifyBundle } from '../bundle-verification.ts';
import { isChainList, readChain, type Chain } from '../chain-file.ts';
import { command, THREADS_ARG, threadsOf, type Result } from '../command.ts';
import { contextText, parseContext } from '../context.ts';
import { COORDINATOR_ARG } from '../coordinator-calls.ts';
import { DATA_ARG } from '../edge.ts';
import { Failure } from '../failure.ts';
import { readWhole } from '../files.ts';
import { INPUT_ARGS, readInputs } from '../inputs.ts';
import {
  loadCircuit,
  loadPublicWeights,
  loadRegistration,
  loadWeights,
  MODEL_DESCRIPTION,
  refuseCommitted,
  type LoadedCircuit,
} from '../model.ts';
import { outputReports, outputsText } from '../outputs.ts';
import { bytesText, facts, hex, time } from '../table.ts';
import { verifyChain, verifyChainPlainly, verifyProof, verifyProofPlainly, type Verified } from '../verification.ts';

export const verify = command({
  meta: { name: 'verify', description: 'Verify a proof: exit code 0 if it holds, 1 if not' },
  args: {
    proof: { type: 'positional', required: true, description: 'A proof file, or the list that prove --slices wrote; or: bundle' },
    model: {
      type: 'positional',
      required: true,
      description: `${MODEL_DESCRIPTION}. After bundle: the file of an answer from the network`,
    },
    digest: { type: 'string', valueHint: 'digest', description: 'Bundles: the model that the answer must be of' },
    coordinator: { ...COORDINATOR_ARG, description: 'Bundles: where the model is fetched if the bundle does not hold it' },
    data: DATA_ARG,
    context: { type: 'string', valueHint: 'text', description: 'The context that the proof must have: text, or hex:00ff' },
    input: { type: 'string', valueHint: 'file,...', description: 'The input that the proof must be about' },
    ...INPUT_ARGS,
    reference: { type: 'boolean', description: 'Verify with the slow reference verifier too' },
    unregistered: {
      type: 'boolean',
      description: 'Accept committed weights without a registration proof: fixed, but perhaps out of range',
    },
    threads: { ...THREADS_ARG, description: 'Threads that compute; by default 1' },
  },
  async run(args): Promise<Result> {
    if (args.proof === 'bundle') return verifyBundle(args.model, args);
    if (args.digest !== undefined) throw new Failure('usage', 'usage', '--digest is for bundles', { hint: 'veritab verify bundle FILE' });
    const threads = threadsOf(args.threads) ?? 1;
    const wantedContext = args.context === undefined ? null : parseContext(args.context);
    const bytes = await readWhole(args.proof, 'the proof');
    const chain = isChainList(bytes) ? await readChain(args.proof, bytes) : null;
    const statement = chain ?? decodeProofFile(bytes);
    const model = await loadCircuit(args.model);
    const { circuit } = model;
    refuseOther('model', 'of this circuit', model.digest, statement.circuit, hex);
    if (wantedContext !== null) refuseOther('context', 'of this context', wantedContext, statement.context, contextText);
    if (args.input !== undefined) {
      const inputs = await readInputs(circuit, args.input.split(','), { quantized: args.quantized === true, clip: args.clip === true });
      refuseOtherInputs(inputs, statement.inputs);
    }
    const options = { threads, reference: args.reference === true, unregistered: args.unregistered === true };
    const { verified, reference } = await ('proof' in statement
      ? checkProof(model, statement, options)
      : checkChain(model, statement, options));
    const size = ('proof' in statement ? [statement] : statement.slices).reduce((sum, { proof }) => sum + proof.length, 0);

    const reports = outputReports(circuit, statement.outputs);
    const text = `${facts([
      ['verified', `${args.proof}, ${bytesText(size)}${chain ? ` in ${chain.slices.length} slices` : ''}`],
      ['circuit', hex(statement.circuit)],
      ['context', contextText(statement.context)],
      ['weights', WEIGHT_STANDINGS[verified.weights].replace(/^weights: /, '')],
      ['verified in', `${time(verified.verifyTime)} (prepared in ${time(verified.prepareTime)})`],
      ['reference', reference === null ? null : `verified in ${time(reference)}`],
    ])}\n\n${outputsText(circuit, reports)}`;
    const json = {
      verified: true,
      proof: args.proof,
      proof_bytes: size,
      slices: chain?.slices.length ?? null,
      circuit: hex(statement.circuit),
      context: hex(statement.context),
      weights: verified.weights,
      outputs: reports,
      prepare_ms: verified.prepareTime,
      verify_ms: verified.verifyTime,
      reference_ms: reference,
    };
    return { text, json };
  },
});

function refuseOther(
  what: 'model' | 'context',
  which: string,
  expected: Uint8Array,
  got: Uint8Array,
  text: (bytes: Uint8Array) => string,
): void {
  if (hex(expected) === hex(got)) return;
  throw new Failure('refused', `wrong-${what}`, `the proof is not ${which}`, { expected: text(expected), got: text(got) });
}

function refuseOtherInputs(expected: readonly Uint8Array[], got: readonly Uint8Array[]): void {
  for (const [n, wanted] of expected.entries()) {
    const given = got[n] ?? new Uint8Array(0);
    const at = wanted.findIndex((byte, k) => byte !== given[k]);
    if (at < 0 && wanted.length === given.length) continue;
    throw new Failure('refused', 'wrong-input', 'the proof is not about this input', {
      expected: at < 0 ? `${wanted.length} bytes of input ${n}` : `${wanted[at]!} as element ${at} of input ${n}`,
      got: at < 0 ? `${given.length}` : `${given[at] ?? 'nothing'}`,
    });
  }
}

interface CheckOptions {
  readonly threads: number;
  readonly reference: boolean;
  readonly unregistered: boolean;
}

/** What the verifiers say; `reference`: milliseconds of the slow one, or null. */
interface Checked {
  readonly verified: Verified;
  readonly reference: number | null;
}

async function checkProof(model: LoadedCircuit, file: ProofFile, { threads, reference, unregistered }: CheckOptions): Promise<Checked> {
  const weights = await loadPublicWeights(model);
  const registration = model.circuit.weightRoot === null || unregistered ? null : await loadRegistration(model);
  const verified = await verifyProof(model, weights, file, registration, threads);
  return { verified, reference: reference ? verifyProofPlainly(model, weights, file, registration) : null };
}

async function checkChain(model: LoadedCircuit, chain: Chain, { threads, reference }: CheckOptions): Promise<Checked> {
  refuseCommitted(model);
  const weights = await loadWeights(model);
  const verified = await verifyChain(model, weights, chain, threads);
  return { verified, reference: reference ? await verifyChainPlainly(model, weights, chain) : null };
}
