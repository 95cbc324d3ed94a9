import { Worker } from 'node:worker_threads';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Circuit } from '../../circuits/graph/circuit.ts';
import { CircuitRefusal } from '../../circuits/graph/refusal.ts';
import { OutOfMemory } from '../../wasm/runtime/arena.ts';
import { KernelFailure } from '../../wasm/runtime/instance.ts';
import { workerHandle } from '../../wasm/runtime/node.ts';
import type { ProverPlatform } from '../../wasm/runtime/platform.ts';
import { createProver, createVerifier, type Prover, type ProverOptions } from '../../wasm/runtime/prover.ts';
import { kernelModule } from '../support/kernels.ts';

/** A platform that counts the workers it started, and those that run. */
function probePlatform(): ProverPlatform & { started: number; running: number } {
  return {
    started: 0,
    running: 0,
    parallelism: 2,
    startProver() {
      this.started++;
      this.running++;
      const worker = new Worker(new URL('./probe-worker.mjs', import.meta.url), { execArgv: [] });
      worker.on('exit', () => this.running--);
      return workerHandle(worker);
    },
  };
}

const CIRCUIT = { inputs: [], layers: [] } as unknown as Circuit;
const context = (text: string): Uint8Array => new TextEncoder().encode(text);
const input = [Uint8Array.of(1, 2, 3)];

const disposables: { dispose(): Promise<void> }[] = [];
async function probeProver(platform: ProverPlatform, options?: ProverOptions): Promise<Prover> {
  const prover = await createProver(platform, CIRCUIT, [], options);
  disposables.push(prover);
  return prover;
}

beforeAll(async () => {
  await kernelModule();
});
afterEach(async () => {
  await Promise.all(disposables.splice(0).map((prover) => prover.dispose()));
});

describe('a prover in a worker', () => {
  it('proves, reports its phases, and gives plain copies of what lies in shared memory', async () => {
    const prover = await probeProver(probePlatform());
    const phases: string[] = [];
    const { outputs, proof } = await prover.prove(input, context('work'), { onProgress: (phase) => phases.push(phase) });
    expect(outputs).toEqual(input);
    expect(proof).toEqual(new Uint8Array(1000).fill(5));
    expect(proof.buffer).toBeInstanceOf(ArrayBuffer);
    expect(phases).toEqual(['forward', 'commit']);
    expect(prover.digest).toEqual(new Uint8Array(32).fill(2));
  });

  it('runs on as many threads as it is told', async () => {
    expect((await probeProver(probePlatform(), { threads: 3 })).digest[0]).toBe(3);
    expect((await probeProver(probePlatform(), { threads: 1 })).digest[0]).toBe(1);
  });

  it.each([
    ['trap in a helper', /^job 1 trapped: thread 1: RuntimeError: unreachable/],
    ['trap in the driver', /^job 1 trapped: RuntimeError: unreachable/],
    ['trap outside of jobs', /^a kernel trapped: unreachable/],
    ['die', /^the worker failed: it ended with exit code 3/],
  ])('is replaced after a failure: %s', async (what, message) => {
    const platform = probePlatform();
    const prover = await probeProver(platform);
    const failed = prover.prove(input, context(what));
    const waiting = prover.prove(input, context('work'));
    await expect(failed).rejects.toThrow(message);
    await expect(failed).rejects.toBeInstanceOf(KernelFailure);
    expect((await waiting).outputs).toEqual(input);
    expect(platform.started).toBe(2);
    expect(platform.running).toBe(1);
  });

  it('goes on in the same worker after an error that is no trap, and tells its fields', async () => {
    const platform = probePlatform();
    const prover = await probeProver(platform);
    const refusal = await prover.prove(input, context('throw')).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(Error);
    expect(refusal).toMatchObject({ name: 'RangeError', message: 'the probe throws', layer: 'probe', position: 7 });
    expect(refusal).not.toHaveProperty('inner');
    const outOfMemory = await prover.prove(input, context('take too much memory')).catch((error: unknown) => error);
    expect(outOfMemory).toBeInstanceOf(OutOfMemory);
    expect(outOfMemory).toMatchObject({ wanted: 2 ** 33 });
    await prover.prove(input, context('work'));
    expect(platform.started).toBe(1);
  });

  it('stops at once when it is aborted, wherever it is, and starts anew for the next job', async () => {
    const platform = probePlatform();
    const prover = await probeProver(platform);
    const abort = new AbortController();
    const endless = prover.prove(input, context('never end'), { signal: abort.signal, onProgress: () => abort.abort(new Error('enough')) });
    await expect(endless).rejects.toThrow('enough');
    expect((await prover.prove(input, context('work'))).outputs).toEqual(input);
    await expect(prover.prove(input, context('work'), { signal: abort.signal })).rejects.toThrow('enough');
    expect(platform.started).toBe(2);
    expect(platform.running).toBe(1);
  });

  it('reports its memory, which does not grow from job to job, and gives it back when it rests', async () => {
    const platform = probePlatform();
    const prover = await probeProver(platform);
    for (let k = 0; k < 10; k++) await prover.prove(input, context('work'));
    const after10 = await prover.memory();
    expect(after10!.prepared).toBe(1024);
    expect(after10!.peak).toBeGreaterThanOrEqual(1024 + 4 * 4096);
    for (let k = 0; k < 190; k++) await prover.prove(input, context('work'));
    expect(await prover.memory()).toEqual(after10);
    await prover.rest();
    expect(platform.running).toBe(0);
    expect(await prover.memory()).toBeNull();
    await prover.prove(input, context('work'));
    expect(platform.started).toBe(2);
  });

  it('really gives back its memory', async () => {
    const prover = await probeProver(probePlatform());
    const mebibytes = (): number => process.memoryUsage.rss() / 2 ** 20;
    await prover.prove(input, context('fill 300 MiB'));
    const full = mebibytes();
    await prover.rest();
    expect(full - mebibytes()).toBeGreaterThan(250);
  });

  it('keeps to the limit of its memory', async () => {
    const prover = await probeProver(probePlatform(), { maximumPages: 8 });
    expect((await prover.memory())!.size).toBeLessThanOrEqual(8 * 65536);
    await expect(prover.prove(input, context('take too much memory'))).rejects.toMatchObject({ limit: 8 * 65536 });
  });

  it('rejects everything when it is disposed', async () => {
    const platform = probePlatform();
    const prover = await createProver(platform, CIRCUIT, []);
    const running = prover.prove(input, context('never end'));
    const waiting = prover.prove(input, context('work'));
    const results = Promise.allSettled([running, waiting]);
    await prover.dispose();
    expect((await results).map((result) => result.status)).toEqual(['rejected', 'rejected']);
    await expect(prover.prove(input, context('work'))).rejects.toThrow('the prover was disposed');
    expect(platform.running).toBe(0);
  });

  it('warms up for a bounded time; proofs that are asked for meanwhile come in between', async () => {
    const platform = probePlatform();
    const prover = await probeProver(platform, { warmUpMs: 50 });
    expect(await prover.warmUp(0)).toBe(0);
    expect(await prover.warmUp(50)).toBeGreaterThan(0);
    const warming = prover.warmUp(3_600_000);
    const disposed = expect(warming).rejects.toThrow('the prover was disposed');
    for (let k = 0; k < 3; k++) expect((await prover.prove(input, context('work'))).outputs).toEqual(input);
    await prover.dispose();
    await disposed;
    expect(platform.started).toBe(1);
    expect(platform.running).toBe(0);
  });

  it('gives up its preparation at once when it is told so, before or in the warm-up', async () => {
    const platform = probePlatform();
    await expect(createProver(platform, CIRCUIT, [], { signal: AbortSignal.abort(new Error('no more')) })).rejects.toThrow('no more');
    expect(platform.started).toBe(0);
    const abort = new AbortController();
    const listened: ProverPlatform = {
      parallelism: 1,
      startProver() {
        const handle = platform.startProver();
        const post = handle.endpoint.postMessage.bind(handle.endpoint);
        let warmUps = 0;
        handle.endpoint.postMessage = (message: { path?: string[] }, transfer) => {
          post(message, transfer);
          if (message.path?.[0] === 'warmUp' && ++warmUps === 3) abort.abort(new Error('no more'));
        };
        return handle;
      },
    };
    await expect(createProver(listened, CIRCUIT, [], { warmUpMs: 3_600_000, signal: abort.signal })).rejects.toThrow('no more');
    expect(platform.started).toBe(1);
    expect(platform.running).toBe(0);
  });

  it('does not start with a circuit that is refused, and passes the refusal on', async () => {
    const platform = probePlatform();
    const refused = { ...CIRCUIT, inputs: [{ shape: [1, 1, 1], zero: 0 }] } as Circuit;
    const refusal = await createProver(platform, refused, []).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(CircuitRefusal);
    expect(refusal).toMatchObject({ layer: 'first', rule: 'limit', message: 'layer first: limit: the probe wants no input' });
    expect(platform.running).toBe(0);
  });

  it('does not start when a thread cannot, and says so', async () => {
    const platform = probePlatform();
    await expect(createProver(platform, CIRCUIT, [], { threads: 0 })).rejects.toThrow('expected at least one thread, got 0');
    await expect(
      createProver(
        { ...platform, startProver: () => workerHandle(new Worker('throw new Error("no such script")', { eval: true })) },
        CIRCUIT,
        [],
      ),
    ).rejects.toThrow('the worker failed: no such script');
    expect(platform.running).toBe(0);
  });
});

describe('a verifier in a worker', () => {
  it('gives verdicts as values, and a refusal of the circuit too', async () => {
    const platform = probePlatform();
    const verifier = await createVerifier(platform, { ...CIRCUIT, layers: [{} as never] }, null, { threads: 1 });
    if (!verifier.ok) throw new Error('refused');
    disposables.push(verifier);
    const statement = { inputs: [], outputs: [], context: new Uint8Array() };
    expect(await verifier.verify(statement, Uint8Array.of(1))).toEqual({ ok: true, weights: 'public' });
    expect(await verifier.verify(statement, new Uint8Array())).toEqual({ ok: false, check: 'proof', detail: 'empty' });
    expect(await createVerifier(platform, CIRCUIT, null, { threads: 1 })).toEqual({ ok: false, check: 'circuit', detail: 'no layers' });
    expect(platform.running).toBe(1);
  });
});
