/** `veritab verify PROOF MODEL`: checks a proof file against a model, trusting nobody. */
import { decodeProofFile, type ProofFile } from '../../../circuits/graph/proof-file.ts';
import type { Weights } from '../../../circuits/graph/circuit.ts';
import { loadKernels, nodePlatform } from '../../../wasm/runtime/node.ts';
import { startKernels } from '../../../wasm/runtime/threads.ts';
import { prepareVerifier, verifyReference, WEIGHT_STANDINGS, type Refusal, type WeightStanding } from '../../../wasm/verify.ts';
import { command, THREADS_ARG, threadsOf, type Result } from '../command.ts';
import { contextText, parseContext } from '../context.ts';
import { Failure } from '../failure.ts';
import { readWhole } from '../files.ts';
import { INPUT_ARGS, readInputs } from '../inputs.ts';
import { loadCircuit, loadPublicWeights, loadRegistration, MODEL_DESCRIPTION, type LoadedCircuit } from '../model.ts';
import { outputReports, outputsText } from '../outputs.ts';
import { bytesText, facts, hex, time } from '../table.ts';

export const verify = command({
  meta: { name: 'verify', description: 'Verify a proof: exit code 0 if it holds, 1 if not' },
  args: {
    proof: { type: 'positional', required: true, description: 'A proof file' },
    model: { type: 'positional', required: true, description: MODEL_DESCRIPTION },
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
    const threads = threadsOf(args.threads) ?? 1;
    const wantedContext = args.context === undefined ? null : parseContext(args.context);
    const statement = decodeProofFile(await readWhole(args.proof, 'the proof'));
    const model = await loadCircuit(args.model);
    const { circuit } = model;
    refuseOther('model', 'of this circuit', hex(model.digest), hex(statement.circuit));
    if (wantedContext !== null) refuseOther('context', 'of this context', contextText(wantedContext), contextText(statement.context));
    if (args.input !== undefined) {
      const inputs = await readInputs(circuit, args.input.split(','), { quantized: args.quantized === true, clip: args.clip === true });
      refuseOtherInputs(inputs, statement.inputs);
    }
    const weights = await loadPublicWeights(model);
    const registration = circuit.weightRoot === null || args.unregistered === true ? null : await loadRegistration(model);

    const kernels = await verifyWithKernels(model, weights, statement, registration, threads);
    const reference = args.reference === true ? verifyPlainly(model, weights, statement, registration) : null;

    const reports = outputReports(circuit, statement.outputs);
    const text = `${facts([
      ['verified', `${args.proof}, ${bytesText(statement.proof.length)}`],
      ['circuit', hex(statement.circuit)],
      ['context', contextText(statement.context)],
      ['weights', WEIGHT_STANDINGS[kernels.weights].replace(/^weights: /, '')],
      ['verified in', `${time(kernels.verifyTime)} (prepared in ${time(kernels.prepareTime)})`],
      ['reference', reference === null ? null : `verified in ${time(reference)}`],
    ])}\n\n${outputsText(circuit, reports)}`;
    const json = {
      verified: true,
      proof: args.proof,
      proof_bytes: statement.proof.length,
      circuit: hex(statement.circuit),
      context: hex(statement.context),
      weights: kernels.weights,
      outputs: reports,
      prepare_ms: kernels.prepareTime,
      verify_ms: kernels.verifyTime,
      reference_ms: reference,
    };
    return { text, json };
  },
});

function refuseOther(what: 'model' | 'context', which: string, expected: string, got: string): void {
  if (expected !== got) throw new Failure('refused', `wrong-${what}`, `the proof is not ${which}`, { expected, got });
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

function refusal(verifier: string, { check, detail }: Refusal): Failure {
  if (check === 'circuit') return new Failure('refused', 'circuit-rule', `the circuit is refused: ${detail}`);
  return new Failure('refused', 'not-verified', `the proof is refused: ${check}: ${detail}`, {
    expected: `a proof that passes the ${verifier}`,
    got: `a failure of the check "${check}"`,
  });
}

interface Verified {
  readonly weights: WeightStanding;
  /** Milliseconds. */
  readonly prepareTime: number;
  readonly verifyTime: number;
}

async function verifyWithKernels(
  { circuit }: LoadedCircuit,
  weights: Weights | null,
  statement: ProofFile,
  registration: Uint8Array | null,
  threads: number,
): Promise<Verified> {
  const start = performance.now();
  const running = await startKernels(await loadKernels(), () => nodePlatform.startThread(), { threads });
  try {
    const verifier = prepareVerifier(running.kernels, circuit, weights, registration);
    if (!verifier.ok) throw refusal('verifier', verifier);
    const prepared = performance.now();
    const verdict = verifier.verify(statement, statement.proof);
    if (!verdict.ok) throw refusal('verifier', verdict);
    return { weights: verdict.weights, prepareTime: prepared - start, verifyTime: performance.now() - prepared };
  } finally {
    await running.end();
  }
}

/** Milliseconds that the reference verifier took. */
function verifyPlainly({ circuit }: LoadedCircuit, weights: Weights | null, statement: ProofFile, registration: Uint8Array | null): number {
  const start = performance.now();
  const verdict = verifyReference(circuit, weights, statement, statement.proof, registration);
  if (!verdict.ok) throw refusal('reference verifier', verdict);
  return performance.now() - start;
}
