/** `veritab inspect FILE`: what a file of ours, or an ONNX model, holds. */
import { decodeCircuitFile, fileKind } from '../../../circuits/graph/file.ts';
import { decodeProofFile, decodeRegistrationFile } from '../../../circuits/graph/proof-file.ts';
import { decodeWeightsFile } from '../../../circuits/graph/weights-file.ts';
import { readModel } from '../../../circuits/onnx/read.ts';
import { circuitReport, circuitText } from '../circuit-report.ts';
import { command, type Result } from '../command.ts';
import { parseShapes, SHAPE_ARG } from '../compile-options.ts';
import { contextText } from '../context.ts';
import { Failure } from '../failure.ts';
import { readWhole } from '../files.ts';
import { onnxReport, onnxText } from '../onnx-report.ts';
import { bytesText, count, facts, hex } from '../table.ts';

export const inspect = command({
  meta: { name: 'inspect', description: 'Show what a circuit, weights, proof or ONNX file holds' },
  args: {
    file: { type: 'positional', required: true, description: 'A circuit, weights, proof, registration or ONNX file' },
    shape: SHAPE_ARG,
  },
  async run({ file, shape }): Promise<Result> {
    const bytes = await readWhole(file, 'the file to inspect');
    switch (fileKind(bytes)) {
      case 'circuit':
        return inspectCircuit(file, bytes);
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

function inspectCircuit(file: string, bytes: Uint8Array): Result {
  const report = circuitReport(decodeCircuitFile(bytes));
  return { text: circuitText(file, report), json: { kind: 'circuit', file, ...report } };
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
  const type = (values: Uint8Array | Int32Array): string => (values instanceof Uint8Array ? 'uint8' : 'int32');
  const text = facts([
    ['proof', file],
    ['circuit', hex(circuit)],
    ['context', contextText(context)],
    ['inputs', inputs.map((values) => `${count(values.length)} bytes`).join('\n')],
    ['outputs', outputs.map((values) => `${count(values.length)} ${type(values)}: ${valuesText(values)}`).join('\n')],
    ['proof size', bytesText(proof.length)],
    ['verified', 'no: that takes the circuit (veritab verify)'],
  ]);
  const json = {
    kind: 'proof',
    file,
    circuit: hex(circuit),
    context: hex(context),
    inputs: inputs.map((values) => ({ length: values.length })),
    outputs: outputs.map((values) => ({ type: type(values), values: [...values] })),
    proof_bytes: proof.length,
  };
  return { text, json };
}

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
