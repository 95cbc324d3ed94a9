/** Proves and verifies the same circuit many times in a process of its own; prints what memory it has after 10 rounds and at the end. */
import { createProver, createVerifier } from '../../wasm/runtime/prover.ts';
import { nodePlatform } from '../../wasm/runtime/node.ts';
import { featureNet } from '../support/circuits.ts';

export interface MemoryReport {
  /** Bytes of the kernels' memories, of prover and verifier. */
  readonly kernels: readonly number[];
  /** Resident bytes of the process. */
  readonly resident: number;
}

const [rounds = '200', threads = '2'] = process.argv.slice(2);
const { circuit, weights, inputs } = featureNet();
const prover = await createProver(nodePlatform, circuit, weights, { threads: Number(threads) });
const verifier = await createVerifier(nodePlatform, circuit, weights, { threads: Number(threads) });
if (!verifier.ok) throw new Error(verifier.detail);
const verifying = verifier;

async function report(): Promise<MemoryReport> {
  globalThis.gc?.();
  const figures = [await prover.memory(), await verifying.memory()];
  return { kernels: figures.map((own) => own!.size), resident: process.memoryUsage.rss() };
}

const reports: MemoryReport[] = [];
for (let round = 1; round <= Number(rounds); round++) {
  const context = Uint8Array.of(round & 255, round >> 8);
  const { outputs, proof } = await prover.prove(inputs, context);
  const verdict = await verifier.verify({ inputs, outputs, context }, proof);
  if (!verdict.ok) throw new Error(`${verdict.check}: ${verdict.detail}`);
  if (round === 10 || round === Number(rounds)) reports.push(await report());
}
console.log(JSON.stringify(reports));
await prover.dispose();
await verifier.dispose();
