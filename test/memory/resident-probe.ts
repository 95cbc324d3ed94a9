/** A process that loads a compiled circuit and its weights and proves once: prints the most that was resident, in bytes. Arguments: the two files, and threads. */
import { readFileSync } from 'node:fs';
import { size } from '../../circuits/graph/circuit.ts';
import { decodeCircuitFile } from '../../circuits/graph/file.ts';
import { decodeWeightsFile } from '../../circuits/graph/weights-file.ts';
import { nodePlatform } from '../../wasm/runtime/node.ts';
import { createProver } from '../../wasm/runtime/prover.ts';

const [circuitPath, weightsPath, threads] = process.argv.slice(2) as [string, string, string];
const circuit = decodeCircuitFile(new Uint8Array(readFileSync(circuitPath)));
const weights = decodeWeightsFile(new Uint8Array(readFileSync(weightsPath)));
const prover = await createProver(nodePlatform, circuit, weights, { threads: Number(threads) });
await prover.prove(
  circuit.inputs.map(({ shape }) => Uint8Array.from({ length: size(shape) }, (_, k) => 37 * k)),
  new Uint8Array(32),
);
await prover.dispose();
console.log(1024 * process.resourceUsage().maxRSS);
