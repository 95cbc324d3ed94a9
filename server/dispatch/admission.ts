/** A request comes in: the model is run once, and the request is written with its jobs. From then on it survives whatever happens to the coordinator. */
import { createHash } from 'node:crypto';
import { and, eq, inArray, sql } from 'drizzle-orm';
import { uuidv7 } from 'uuidv7';
import type { Blobs } from '../blobs/blobs.ts';
import { Problem } from '../coordinator.ts';
import type { LoadedModel, LoadedPlan, ModelRegistry, ModelRun } from '../models/registry.ts';
import { circuits, events, jobs, requests } from '../store/schema.ts';
import type { Store } from '../store/store.ts';
import type { Inference, InferenceRequest } from '../wire/http.ts';
import { DEFAULT_DEADLINE, MAX_DEADLINE, MAX_INLINE_INPUT_BYTES } from '../wire/limits.ts';
import type { Clock } from './clock.ts';
import { Rate } from './rate.ts';
import type { Settings } from './settings.ts';
import { inferenceOf, readInference } from './view.ts';

export interface AdmissionOptions {
  readonly store: Store;
  readonly blobs: Blobs;
  readonly registry: ModelRegistry;
  readonly clock: Clock;
  readonly settings: Settings;
}

/** What becomes a request. */
export interface Order {
  readonly kind: 'client' | 'benchmark';
  readonly model: LoadedModel;
  readonly plan: LoadedPlan;
  readonly inputs: readonly Uint8Array[];
  readonly deadlineMs: number;
  readonly address: string;
  readonly idempotencyKey: string | null;
  readonly asked: string;
}

export function admission({ store, blobs, registry, clock, settings }: AdmissionOptions) {
  const rates = new Map<string, Rate>();
  /** Requests that are being written: they count, though no row tells of them yet. */
  const arriving = new Map<string, number>();
  /** Circuits whose rows are known to be there. */
  const known = new Set<string>();

  /** See `Coordinator.infer`. */
  async function infer(
    request: InferenceRequest,
    options: { readonly idempotencyKey: string | null; readonly address: string },
  ): Promise<Inference> {
    const { idempotencyKey, address } = options;
    if (idempotencyKey !== null && !/^[\x21-\x7e]{1,255}$/.test(idempotencyKey))
      throw new Problem(400, 'idempotency-key', 'the idempotency key is not acceptable', {
        expected: '1 to 255 printable ASCII characters',
      });
    const asked = fingerprint(request);
    if (idempotencyKey !== null) {
      const before = await repeated(idempotencyKey, asked);
      if (before !== null) return before;
    }
    checkRate(address);
    const order = { ...read(request), kind: 'client' as const, address, idempotencyKey, asked };
    await checkRoom(address);
    arriving.set(address, (arriving.get(address) ?? 0) + 1);
    try {
      const written = await place(order);
      return written ?? (await repeated(idempotencyKey!, asked))!;
    } finally {
      const left = arriving.get(address)! - 1;
      if (left > 0) arriving.set(address, left);
      else arriving.delete(address);
    }
  }

  function checkRate(address: string): void {
    const now = clock.now();
    let rate = rates.get(address);
    if (rate === undefined) {
      if (rates.size >= 10_000) for (const [other, bucket] of rates) if (bucket.idle(now)) rates.delete(other);
      rates.set(address, (rate = new Rate(settings.requestRate, now)));
    }
    if (rate.take(now)) return;
    throw new Problem(429, 'rate', 'too many requests from this address', {
      expected: `at most ${settings.requestRate} requests per second`,
      retryAfter: Math.max(1, Math.ceil(rate.wait(now) / 1000)),
    });
  }

  /** The bounds are soft by those that are on their way at this moment: each coordinator knows the rows of all, and what is arriving at itself. */
  async function checkRoom(address: string): Promise<void> {
    const [open] = await store.query((database) =>
      database
        .select({ all: sql<string>`count(*)`, own: sql<string>`count(*) filter (where ${requests.address} = ${address})` })
        .from(requests)
        .where(and(eq(requests.state, 'proving'), eq(requests.kind, 'client'))),
    );
    if (Number(open!.own) + (arriving.get(address) ?? 0) >= settings.maxRequestsPerAddress)
      throw new Problem(429, 'too-many-open', 'as many requests of this address are open as it may have', {
        expected: `at most ${settings.maxRequestsPerAddress} open requests of one address`,
        retryAfter: 5,
      });
    const here = [...arriving.values()].reduce((sum, count) => sum + count, 0);
    if (Number(open!.all) + here >= settings.maxRequests)
      throw new Problem(429, 'queue-full', 'as many requests are open as the network takes', {
        expected: `at most ${settings.maxRequests} open requests`,
        retryAfter: 5,
      });
  }

  /** What a request asks for, or a `Problem`. */
  function read(request: InferenceRequest): { model: LoadedModel; plan: LoadedPlan; inputs: Uint8Array[]; deadlineMs: number } {
    const model = registry.get(request.model);
    if (model === null)
      throw new Problem(404, 'unknown-model', 'there is no such model', {
        expected: 'digest or name of a model',
        got: request.model.slice(0, 80),
        hint: 'GET /v1/models lists them',
      });
    const plan = request.slices === undefined ? model.plans[0] : model.plans.find(({ slices }) => slices.length === request.slices);
    if (plan === undefined)
      throw new Problem(400, 'slices', `${model.info.name} is not proven in ${request.slices ?? 0} slices`, {
        expected: model.plans.map(({ slices }) => slices.length).join(' or '),
        got: `${request.slices ?? 0}`,
      });
    const deadlineMs = request.deadline_ms ?? DEFAULT_DEADLINE;
    if (!Number.isInteger(deadlineMs) || deadlineMs < 1 || deadlineMs > MAX_DEADLINE)
      throw new Problem(400, 'deadline', 'the deadline is out of range', { expected: `1 to ${MAX_DEADLINE} ms`, got: `${deadlineMs}` });
    return { model, plan, inputs: request.inputs.map((text, n) => bytesOfBase64(text, n)), deadlineMs };
  }

  /** The request that came before with this key. */
  async function repeated(key: string, asked: string): Promise<Inference | null> {
    const [request] = await store.query((database) => database.select().from(requests).where(eq(requests.idempotencyKey, key)));
    if (request === undefined) return null;
    if (request.asked !== asked)
      throw new Problem(409, 'idempotency-conflict', 'another request came with this idempotency key', {
        expected: 'the same request, or another key',
      });
    return store.query((database) => inferenceOf(database, request, clock.now()));
  }

  /** Runs the model and writes the request with its jobs; null where its idempotency key is taken. Throws `Problem` for inputs that do not fit. */
  async function place(order: Order): Promise<Inference | null> {
    const { model, plan } = order;
    const run = await model.run(order.inputs);
    await knowCircuits(plan);
    const id = uuidv7();
    const created = clock.now();
    const deadline = created + order.deadlineMs;
    const rows = await Promise.all(
      plan.slices.map(async ({ digest, sliced }, k) => {
        const outputs = sliced.outputs.map((tensor) => valueOf(model, run, tensor));
        const crossing = k + 1 < plan.slices.length ? sliced.outputs.indexOf(plan.cuts[k]!) : null;
        const inputs = k === 0 ? order.inputs : [run.crossing(plan.cuts[k - 1]!)];
        const large = inputs.reduce((sum, { length }) => sum + length, 0) > MAX_INLINE_INPUT_BYTES;
        return {
          id: uuidv7(),
          request: id,
          kind: order.kind,
          slice: k,
          slices: plan.slices.length,
          circuit: digest,
          inputs,
          inputBlobs: large ? await Promise.all(inputs.map((values) => blobs.put(values, 'input'))) : null,
          outputs,
          crossing,
          state: 'waiting' as const,
          created,
          deadline,
          notBefore: created,
        };
      }),
    );
    const inference = await store.transaction(async (transaction) => {
      const [request] = await transaction
        .insert(requests)
        .values({
          id,
          kind: order.kind,
          model: model.info.digest,
          cuts: [...plan.cuts],
          state: 'proving',
          created,
          deadline,
          inputs: order.inputs,
          outputs: run.outputs,
          address: order.address,
          idempotencyKey: order.idempotencyKey,
          asked: order.asked,
          events: 1,
        })
        .onConflictDoNothing()
        .returning();
      // Its own id: this transaction was committed before, and the news of that was lost.
      if (request === undefined) return readInference(transaction, id, created);
      await transaction.insert(jobs).values(rows);
      const inference = await inferenceOf(transaction, request, created);
      await transaction.insert(events).values({ request: id, number: 1, event: { type: 'snapshot', inference } });
      return inference;
    });
    if (inference !== null) store.announce({ topic: 'jobs' });
    return inference;
  }

  async function knowCircuits({ slices }: LoadedPlan): Promise<void> {
    const unknown = slices.filter(({ digest }) => !known.has(digest));
    if (unknown.length === 0) return;
    await store.query((database) =>
      database
        .insert(circuits)
        .values(unknown.map(({ digest, circuitBlob, weightsBlob, work }) => ({ digest, circuitBlob, weightsBlob, work: Math.round(work) })))
        .onConflictDoNothing(),
    );
    for (const { digest } of unknown) known.add(digest);
  }

  /** Open requests of a kind. */
  async function openRequests(kind: Order['kind']): Promise<number> {
    const [open] = await store.query((database) =>
      database
        .select({ count: sql<string>`count(*)` })
        .from(requests)
        .where(and(eq(requests.state, 'proving'), inArray(requests.kind, [kind]))),
    );
    return Number(open!.count);
  }

  return { infer, place, openRequests };
}

export type Admission = ReturnType<typeof admission>;

/** The value of a tensor that leaves a slice: an output of the model, or what crosses a cut. */
function valueOf(model: LoadedModel, run: ModelRun, tensor: number): Uint8Array | Int32Array {
  const output = model.circuit.outputs.indexOf(tensor);
  return output >= 0 ? run.outputs[output]! : run.crossing(tensor);
}

/** A name for what was asked: two requests with the same one ask for the same. */
function fingerprint({ model, inputs, slices, deadline_ms }: InferenceRequest): string {
  return createHash('sha256')
    .update(JSON.stringify([model, slices ?? null, deadline_ms ?? null, inputs]))
    .digest('hex');
}

function bytesOfBase64(text: string, n: number): Uint8Array {
  const bytes = Buffer.from(text, 'base64');
  // Buffer skips what is no base64: only the encoding of the bytes is accepted.
  if (bytes.toString('base64') !== text)
    throw new Problem(400, 'input-encoding', `input ${n} is not base64`, { expected: 'base64 of the bytes, with padding' });
  return new Uint8Array(bytes);
}
