/** Entry of the worker of a prover or verifier in a page. */
import { prepareProver } from '../prove.ts';
import { prepareVerifier } from '../verify.ts';
import { loadKernels } from './browser-kernels.ts';
import { workerHandle } from './browser-worker.ts';
import type { KernelPlatform } from './platform.ts';
import { serveProver } from './prover-worker.ts';

const platform: KernelPlatform = {
  loadKernels,
  startThread: () => workerHandle(new Worker(new URL('./browser-thread.ts', import.meta.url), { type: 'module' })),
};

serveProver(self, platform, { prepareProver, prepareVerifier });
