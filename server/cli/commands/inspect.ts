/** `veritab inspect FILE`: what a file of ours, or an ONNX model, holds. */
import { decodeCircuitFile, fileKind } from '../../../circuits/graph/file.ts';
import { decodeProofFile, decodeRegistrationFile } from '../../../circuits/graph/proof-file.ts';
import { decodeWeightsFile } from '../../../circuits/graph/weights-file.ts';
import { readModel } from '../../../circuits/onnx/read.ts';
import { nodePlatform } from '../../../wasm/runtime/node.ts';
import { isChainList, readChain, type Chain } from '../chain-file.ts';
import { circuitReport, circuitText } from '../circuit-report.ts';
import { command, THREADS_ARG, threadsOf, type Result } from '../command.ts';
import { parseShapes, SHAPE_ARG } from '../compile-options.ts';
import { contextText } from '../context.ts';
import { Failure } from '../failure.ts';
import { readWhole } from '../files.ts';
import { memoryReport, memoryText } from '../memory-report.ts';
import { onnxReport, onnxText } from '../onnx-report.ts';
import { securityReport, securityText } from '../security-report.ts';
import { bytesText, count, facts, hex } from '../table.ts';

export const inspect = command({
  meta: { name: 'inspect', description: 'Show what a circuit, weights, proof or ONNX file holds' },
  args: {
    file: { type: 'positional', required: true, description: 'A circuit, weights, proof, chain, registration or ONNX file' },
    shape: SHAPE_ARG,
    security: { type: 'boolean', description: 'Of a circuit: how sure each round of a proof is, and all together' },
    memory: { type: 'boolean', description: 'Of a circuit: the memory that a proof takes' },
    threads: { ...THREADS_ARG, description: 'Threads that --memory reckons with; by default as many as there are' },
  },
  async run({ file, shape, security, memory, threads }): Promise<Result> {
    const bytes = await readWhole(file, 'the file to inspect');
    const more = {
      security: security === true,
      memoryThreads: memory === true ? (threadsOf(threads) ?? nodePlatform.parallelism) : null,
    };
    if ((more.security || more.memoryThreads !== null) && fileKind(bytes) !== 'circuit')
      throw new Failure('usage', 'usage', `--${more.security ? 'security' : 'memory'} is for circuits`, {
        expected: 'a circuit file',
        got: fileKind(bytes) ?? 'a file of another format',
      });
    if (isChainList(bytes)) return inspectChain(file, await readChain(file, bytes));
    switch (fileKind(bytes)) {
      case 'circuit':
        return inspectCircuit(file, bytes, more);
      case 'weights':
        return inspectWeights(file, bytes);
      case 'proof':
        return inspectProof(file, bytes);
      case 'registration':
        return inspectRegistration(file, bytes);
      case 'bundle':
        throw new Failure('input', 'file-format', `${file} is a bundle, which this version cannot inspect`, {
          expected: 'a circuit, weights, proof, registration or ONNX file',
          got: 'a bundle',
        });
      case null: {
        const report = onnxReport(readModel(bytes, shape === undefined ? {} : { shapes: parseShapes(shape) }));
        return { text: onnxText(file, report), json: { kind: 'onnx', file, ...report } };
      }
    }
  },
});

interface More {
  readonly security: boolean;
  /** Threads to estimate the memory for, or null if it is not asked for. */
  readonly memoryThreads: number | null;
}

function inspectCircuit(file: string, bytes: Uint8Array, { security, memoryThreads }: More): Result {
  const circuit = decodeCircuitFile(bytes);
  const report = circuitReport(circuit);
  const secure = security ? securityReport(circuit) : null;
  const memory = memoryThreads === null ? null : memoryReport(circuit, memoryThreads);
  const text = [circuitText(file, report), ...(secure ? [securityText(secure)] : []), ...(memory ? [memoryText(memory)] : [])];
  return {
    text: text.join('\n\n'),
    json: { kind: 'circuit', file, ...report, ...(secure && { security: secure }), ...(memory && { memory }) },
  };
}

function inspectWeights(file: string, bytes: Uint8Array): Result {
  const lengths = decodeWeightsFile(bytes).map(({ length }) => length);
  const total = lengths.reduce((sum, length) => sum + length, 0);
  const text = facts([
    ['weights', file],
    ['size', bytesText(bytes.length)],
    ['in all', `${count(total)} in ${lengths.length} convolutions`],
    ['each', lengths.map(count).join('  ')],
  ]);
  return { text, json: { kind: 'weights', file, bytes: bytes.length, total, lengths } };
}

function inspectProof(file: string, bytes: Uint8Array): Result {
  const { circuit, context, inputs, outputs, proof } = decodeProofFile(bytes);
  const text = facts([
    ['proof', file],
    ['circuit', hex(circuit)],
    ['context', contextText(context)],
    ['inputs', inputs.map((values) => `${count(values.length)} bytes`).join('\n')],
    ['outputs', outputs.map((values) => `${count(values.length)} ${typeOf(values)}: ${valuesText(values)}`).join('\n')],
    ['proof size', bytesText(proof.length)],
    ['verified', 'no: that takes the circuit (veritab verify)'],
  ]);
  const json = {
    kind: 'proof',
    file,
    circuit: hex(circuit),
    context: hex(context),
    inputs: inputs.map((values) => ({ length: values.length })),
    outputs: outputs.map((values) => ({ type: typeOf(values), values: [...values] })),
    proof_bytes: proof.length,
  };
  return { text, json };
}

function inspectChain(file: string, { circuit, context, cuts, inputs, outputs, slices, paths }: Chain): Result {
  const text = facts([
    ['chain', file],
    ['circuit', hex(circuit)],
    ['context', contextText(context)],
    ['cut at', cuts.map((tensor) => `tensor ${tensor}`).join(', ')],
    ['inputs', inputs.map((values) => `${count(values.length)} bytes`).join('\n')],
    ['outputs', outputs.map((values) => `${count(values.length)} ${typeOf(values)}: ${valuesText(values)}`).join('\n')],
    ['slices', slices.map(({ digest, proof }, k) => `${paths[k]!}  ${bytesText(proof.length)}  circuit ${hex(digest)}`).join('\n')],
    ['verified', 'no: that takes the circuit (veritab verify)'],
  ]);
  const json = {
    kind: 'chain',
    file,
    circuit: hex(circuit),
    context: hex(context),
    cuts,
    inputs: inputs.map((values) => ({ length: values.length })),
    outputs: outputs.map((values) => ({ type: typeOf(values), values: [...values] })),
    slices: slices.map(({ digest, proof }, k) => ({ file: paths[k]!, circuit: hex(digest), proof_bytes: proof.length })),
  };
  return { text, json };
}

const typeOf = (values: Uint8Array | Int32Array): string => (values instanceof Uint8Array ? 'uint8' : 'int32');

function inspectRegistration(file: string, bytes: Uint8Array): Result {
  const { circuit, proof } = decodeRegistrationFile(bytes);
  const text = facts([
    ['registration', file],
    ['circuit', hex(circuit)],
    ['proof size', bytesText(proof.length)],
  ]);
  return { text, json: { kind: 'registration', file, circuit: hex(circuit), proof_bytes: proof.length } };
}

const SHOWN_VALUES = 10;

function valuesText(values: Uint8Array | Int32Array): string {
  const shown = [...values.subarray(0, SHOWN_VALUES)].join(' ');
  return values.length > SHOWN_VALUES ? `${shown} ...` : shown;
}
