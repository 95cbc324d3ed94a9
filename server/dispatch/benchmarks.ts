/** Inferences that nobody asked for, on random inputs, so that miners are measured while no client needs them. */
import { randomBytes } from 'node:crypto';
import { size } from '../../circuits/graph/circuit.ts';
import type { LoadedModel, ModelRegistry } from '../models/registry.ts';
import type { Admission } from './admission.ts';
import type { Clock } from './clock.ts';
import type { Connection } from './connection.ts';

/** How long a benchmark is of interest, ms. */
const WITHIN = 60_000;
/** Benchmarks that are open at a time. */
const MOST_OPEN = 16;

export interface BenchmarkOptions {
  readonly registry: ModelRegistry;
  readonly admitted: Admission;
  readonly clock: Clock;
  /** Of a miner's time, 0..1. */
  readonly share: number;
  readonly connections: () => Iterable<Connection>;
}

/**
 * Orders benchmarks: as many as there are miners here that are idle and have rested from their last one, and none while a client waits. Miners keep to the share by `Connection.benchmarked`. Called
 * again and again.
 */
export function benchmarker({ registry, admitted, clock, share, connections }: BenchmarkOptions): () => Promise<void> {
  let turn = 0;
  return async () => {
    if (share <= 0) return;
    const now = clock.now();
    const idle = [...connections()].filter((connection) => connection.open === 0 && connection.isFree(now) && connection.mayBenchmark(now));
    const own = registry.list().filter(({ info }) => info.publisher === null);
    if (idle.length === 0 || own.length === 0 || (await admitted.openRequests('client')) > 0) return;
    const open = await admitted.openRequests('benchmark');
    for (let n = open; n < Math.min(idle.length, MOST_OPEN); n++) await order(own[turn++ % own.length]!);
  };

  async function order(model: LoadedModel): Promise<void> {
    await admitted.place({
      kind: 'benchmark',
      model,
      plan: model.plans[0]!,
      inputs: model.circuit.inputs.map(({ shape }) => new Uint8Array(randomBytes(size(shape)))),
      deadlineMs: WITHIN,
      address: '',
      idempotencyKey: null,
      asked: '',
    });
  }
}
