/** Entry of the runtime's workers in Node. */
import { parentPort, workerData } from 'node:worker_threads';
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs';
import { nodePlatform, type NodeWorkerName } from './node.ts';

if (parentPort === null) throw new Error('node-worker is the entry of a worker');
const endpoint = nodeEndpoint(parentPort);
switch (workerData as NodeWorkerName) {
  case 'thread': {
    const { serveThread } = await import('./thread.ts');
    serveThread(endpoint);
    break;
  }
  case 'prover': {
    const [{ serveProver }, { prepareProver }, { prepareVerifier }] = await Promise.all([
      import('./prover-worker.ts'),
      import('../prove.ts'),
      import('../verify.ts'),
    ]);
    serveProver(endpoint, nodePlatform, { prepareProver, prepareVerifier });
    break;
  }
}
