/** The real worker of a prover, on real threads, with a circuit that does on demand what provers should not. */
import { parentPort } from 'node:worker_threads';
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs';
import { CircuitRefusal } from '../../circuits/graph/refusal.ts';
import type { Kernels } from '../../wasm/runtime/kernels.ts';
import { JOBS } from '../../wasm/runtime/jobs.ts';
import { nodePlatform } from '../../wasm/runtime/node.ts';
import { serveProver } from '../../wasm/runtime/prover-worker.ts';

const ITEMS = 4096;

/** What a probe does, by the text of its context. */
function probe(kernels: Kernels, what: string): void {
  const counters = kernels.arena.allocate(4 * ITEMS);
  const calls = kernels.arena.allocate(4 * kernels.threads);
  const visit = (faulty: number): void => kernels.parallel(JOBS.visit, [counters, calls, faulty], ITEMS, 16);
  switch (what) {
    case 'work':
      visit(-1);
      break;
    case 'trap in a helper':
      // Every thread takes a chunk sooner or later.
      for (;;) visit(1);
    case 'trap in the driver':
      for (;;) visit(0);
    case 'trap outside of jobs':
      kernels.exports.runJob!(0, 0, 0, 0, 0);
      break;
    case 'fill 300 MiB': {
      const address = kernels.arena.allocate(300 * 2 ** 20);
      kernels.bytes.fill(1, address);
      break;
    }
    case 'take too much memory':
      kernels.arena.allocate(2 ** 33);
      break;
    case 'throw':
      throw Object.assign(new RangeError('the probe throws'), { layer: 'probe', position: 7, inner: { secret: true } });
    case 'never end':
      for (;;) visit(-1);
    case 'die':
      process.exit(3);
  }
}

serveProver(nodeEndpoint(parentPort!), nodePlatform, {
  prepareProver(kernels, circuit) {
    if (circuit.inputs.length > 0) throw new CircuitRefusal('first', 'limit', 'the probe wants no input');
    const weights = kernels.arena.allocate(1000);
    kernels.bytes.fill(5, weights, weights + 1000);
    return {
      digest: new Uint8Array(32).fill(kernels.threads),
      prove(inputs, context, { onProgress } = {}) {
        const mark = kernels.arena.mark();
        try {
          onProgress?.('forward');
          probe(kernels, new TextDecoder().decode(context));
          onProgress?.('commit');
          const proof = kernels.bytes.subarray(weights, weights + 1000);
          return { outputs: [...inputs], proof, timings: { total: 0, phases: {} as never, grinding: 0 }, messages: [] };
        } finally {
          kernels.arena.release(mark);
        }
      },
      dispose: () => undefined,
    };
  },
  prepareVerifier(kernels, circuit) {
    if (circuit.layers.length === 0) return { ok: false, check: 'circuit', detail: 'no layers' };
    return {
      ok: true,
      digest: new Uint8Array(32),
      weights: 'public',
      verify(_statement, proof) {
        kernels.arena.release(kernels.arena.mark());
        return proof.length === 0 ? { ok: false, check: 'proof', detail: 'empty' } : { ok: true, weights: 'public' };
      },
      dispose: () => undefined,
    };
  },
});
