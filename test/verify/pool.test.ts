import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Circuit, Weights } from '../../circuits/graph/circuit.ts';
import { decodeCircuitFile } from '../../circuits/graph/file.ts';
import { decodeWeightsFile } from '../../circuits/graph/weights-file.ts';
import { digitsFiles } from '../../server/models/digits.ts';
import { createVerifierPool, PoolFull, type Verification } from '../../server/verify/pool.ts';
import { nodePlatform } from '../../wasm/runtime/node.ts';
import type { ProverPlatform } from '../../wasm/runtime/platform.ts';
import { createProver } from '../../wasm/runtime/prover.ts';
import type { Proven } from '../../wasm/prove.ts';
import { kernelModule } from '../support/kernels.ts';
import { chainOfThree } from '../support/mining.ts';

const context = new TextEncoder().encode('a job');
let digits: { circuit: Circuit; weights: Weights; inputs: Uint8Array[]; proven: Proven };

beforeAll(async () => {
  await kernelModule();
  const files = await digitsFiles(join(tmpdir(), 'veritab-test-models'));
  const circuit = decodeCircuitFile(files.circuit);
  const weights = decodeWeightsFile(files.weights);
  const inputs = [Uint8Array.from({ length: 784 }, (_, n) => n % 256)];
  const prover = await createProver(nodePlatform, circuit, weights, { threads: 1 });
  digits = { circuit, weights, inputs, proven: await prover.prove(inputs, context) };
  await prover.dispose();
});

let loads = 0;
function job(change: Partial<Verification> = {}): Verification {
  const { circuit, weights, inputs, proven } = digits;
  return {
    digest: 'digits',
    async load() {
      loads++;
      return { circuit, weights };
    },
    statement: { inputs, outputs: proven.outputs, context },
    proof: proven.proof,
    ...change,
  };
}

describe('a pool of verifiers', () => {
  const pool = createVerifierPool({ workers: 2, queue: 2 });
  afterAll(() => pool.close());

  it('accepts a proof, and refuses it for another job, another output, or with a changed byte', async () => {
    const accepted = await pool.verify(job());
    expect(accepted.verdict).toEqual({ ok: true, weights: 'public' });
    expect(accepted.ms).toBeGreaterThan(0);
    const { inputs, proven } = digits;
    const outputs = [Int32Array.from(proven.outputs[0]!, (value, n) => (n === 3 ? value + 1 : value))];
    const proof = proven.proof.slice();
    proof[100]! ^= 1;
    const refused = [
      await pool.verify(job({ statement: { inputs, outputs: proven.outputs, context: new TextEncoder().encode('another job') } })),
      await pool.verify(job({ statement: { inputs, outputs, context } })),
      await pool.verify(job({ proof })),
      await pool.verify(job({ proof: new Uint8Array(0) })),
    ];
    expect(refused.map(({ verdict }) => verdict.ok)).toEqual([false, false, false, false]);
  });

  it('prepares a circuit once per worker that verifies at the same time', async () => {
    const before = loads;
    await pool.verify(job());
    expect(loads).toBe(before);
    await Promise.all([pool.verify(job()), pool.verify(job())]);
    expect(loads).toBe(before + 1);
    await Promise.all([pool.verify(job()), pool.verify(job()), pool.verify(job())]);
    expect(loads).toBe(before + 1);
    expect(pool.figures()).toMatchObject({ running: 0, waiting: 0, prepared: 2, failures: 0 });
    expect(pool.figures().bytes).toBeGreaterThan(2 ** 20);
  });

  it('refuses more jobs than may wait, and forgets those that are taken back', async () => {
    const abort = new AbortController();
    const running = [pool.verify(job()), pool.verify(job())];
    const waiting = pool.verify(job());
    const takenBack = pool.verify(job({ signal: abort.signal }));
    await expect(pool.verify(job())).rejects.toThrow(PoolFull);
    abort.abort(new Error('no longer wanted'));
    await expect(takenBack).rejects.toThrow('no longer wanted');
    const verdicts = await Promise.all([...running, waiting, pool.verify(job())]);
    expect(verdicts.every(({ verdict }) => verdict.ok)).toBe(true);
    expect(pool.figures()).toMatchObject({ running: 0, waiting: 0 });
  });

  it('passes on why a circuit could not be loaded, and verifies the next', async () => {
    const load = () => Promise.reject(new Error('the blob is gone'));
    await expect(pool.verify(job({ digest: 'unknown', load }))).rejects.toThrow('the blob is gone');
    expect((await pool.verify(job())).verdict.ok).toBe(true);
  });

  it('refuses every proof of a circuit that may not be proven', async () => {
    const { circuit, weights } = digits;
    const layer = circuit.layers[0]!;
    if (layer.kind !== 'requantize') throw new Error('expected a requantize layer');
    const broken = { ...circuit, layers: [{ ...layer, shift: layer.shift.map(() => 0) }, ...circuit.layers.slice(1)] };
    const { verdict } = await pool.verify(job({ digest: 'broken', load: async () => ({ circuit: broken, weights }) }));
    expect(verdict).toMatchObject({ ok: false, check: 'circuit' });
  });
});

describe('its memory', () => {
  it('goes to the circuit that is wanted: the one unused for longest is ended', async () => {
    const pool = createVerifierPool({ workers: 1, memory: 2 ** 25 });
    const chain = chainOfThree();
    await pool.verify(job());
    const other = { digest: 'chain', load: async () => ({ circuit: chain.circuit, weights: chain.weights }) };
    expect(await pool.prepare(other)).toBeNull();
    expect(pool.figures().prepared).toBe(1);
    const before = loads;
    expect((await pool.verify(job())).verdict.ok).toBe(true);
    expect(loads).toBe(before + 1);
    await pool.close();
  });
});

/** The real platform, whose workers can be made to fail. */
function fragile(): { platform: ProverPlatform; started: () => number; breakLast: () => void } {
  let listeners: ((error: Error) => void)[] = [];
  let started = 0;
  return {
    started: () => started,
    breakLast: () => listeners.forEach((listener) => listener(new Error('it was killed'))),
    platform: {
      ...nodePlatform,
      startProver() {
        started++;
        listeners = [];
        const handle = nodePlatform.startProver();
        return {
          ...handle,
          onFailure(listener) {
            listeners.push(listener);
            handle.onFailure(listener);
          },
        };
      },
    },
  };
}

describe('a worker that fails', () => {
  it('is replaced, and its proof is verified by the next', async () => {
    const { platform, started, breakLast } = fragile();
    const pool = createVerifierPool({ workers: 1, platform });
    await pool.verify(job());
    const result = pool.verify(job());
    // The call is under way once the promises before it are through.
    await new Promise((resolve) => setImmediate(resolve));
    breakLast();
    expect((await result).verdict.ok).toBe(true);
    expect(started()).toBe(2);
    expect(pool.figures()).toMatchObject({ failures: 1, prepared: 1 });
    await pool.close();
  });
});

describe('closing', () => {
  it('finishes what was taken and takes no more', async () => {
    const pool = createVerifierPool({ workers: 1 });
    const taken = [pool.verify(job()), pool.verify(job()), pool.verify(job())];
    const closed = pool.close();
    await expect(pool.verify(job())).rejects.toThrow('the verifiers are being closed');
    expect((await Promise.all(taken)).every(({ verdict }) => verdict.ok)).toBe(true);
    await closed;
    expect(pool.figures()).toMatchObject({ running: 0, waiting: 0, prepared: 0 });
  });
});
