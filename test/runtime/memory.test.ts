import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { kernelModule } from '../support/kernels.ts';
import type { MemoryReport } from './memory-probe.ts';

/** Runs the probe in a process of its own, where nobody else takes memory. */
async function probe(rounds: number, threads: number): Promise<MemoryReport[]> {
  const script = join(import.meta.dirname, 'memory-probe.ts');
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--expose-gc',
    '--import',
    'tsx',
    script,
    String(rounds),
    String(threads),
  ]);
  return JSON.parse(stdout) as MemoryReport[];
}

it.each([1, 2])('provers and verifiers on %d threads have the same memory after 200 proofs as after 10', async (threads) => {
  await kernelModule();
  const [early, late] = (await probe(200, threads)) as [MemoryReport, MemoryReport];
  expect(late.kernels).toEqual(early.kernels);
  expect(late.resident).toBeLessThan(1.05 * early.resident + 16 * 2 ** 20);
});
