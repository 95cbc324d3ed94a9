/** The runtime in a page: the owner's side. Workers have their own entries, since a worker's script may not (for the bundler) start itself. */
import { workerHandle } from './browser-worker.ts';
import type { ProverPlatform } from './platform.ts';

export { loadKernels } from './browser-kernels.ts';

export const browserPlatform: ProverPlatform = {
  startProver: () => workerHandle(new Worker(new URL('./browser-prover.ts', import.meta.url), { type: 'module' })),
  parallelism: crossOriginIsolated ? navigator.hardwareConcurrency : 1,
};
