/** Models that others publish: a signed statement about files that have been put into blobs. Everything else about them is computed here. */
import { asc, count, desc, eq, isNotNull, sql } from 'drizzle-orm';
import { CircuitRefusal } from '../../circuits/graph/refusal.ts';
import type { Blobs } from '../blobs/blobs.ts';
import { Problem } from '../coordinator.ts';
import { models } from '../store/schema.ts';
import type { Database, Store, Transaction } from '../store/store.ts';
import type { Publication } from '../wire/http.ts';
import { hotkeySigned, keyOf } from '../wire/keys.ts';
import { publicationText } from '../wire/statements.ts';
import type { ModelFiles, PreparedModel } from './prepared.ts';
import type { LoadedModel, ModelRegistry } from './registry.ts';

/** How far a publication's time may be from the coordinator's, ms. */
export const PUBLICATION_WINDOW = 5 * 60_000;

/** Publications that may wait to be checked; checking takes seconds for a large model. */
const MAX_WAITING = 8;

export interface PublicationOptions {
  readonly registry: ModelRegistry;
  readonly blobs: Blobs;
  readonly store: Store;
  /** The coordinator's SS58 address: what is signed for one coordinator is for no other. */
  readonly coordinator: string;
  /** Models that one key may publish. */
  readonly modelsPerPublisher: number;
  readonly now: () => number;
  /** Hears of published models that could not be served. */
  readonly onFailure: (name: string, reason: unknown) => void;
}

export interface Publications {
  /** Throws `Problem` for what does not hold: signature, time, files, circuit, quota, name. */
  publish(publication: Publication): Promise<LoadedModel>;
  /** Serves what was published here before, or through another coordinator. */
  refresh(): Promise<void>;
  close(): void;
}

export function createPublications(options: PublicationOptions): Publications {
  const { registry, blobs, store, coordinator, modelsPerPublisher, now, onFailure } = options;
  /** One after the other: a stranger's model is checked with all the memory that it needs. */
  let tail: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  /** Digests that could not be served, not to be tried again and again. */
  const failed = new Set<string>();

  function inTurn<T>(action: () => Promise<T>): Promise<T> {
    const result = tail.then(action);
    tail = result.catch(() => undefined);
    return result;
  }

  async function refresh(): Promise<void> {
    const rows = await store.query((database) =>
      database.select().from(models).where(isNotNull(models.publisher)).orderBy(asc(models.created)),
    );
    for (const row of rows) {
      if (registry.get(row.digest) !== null || failed.has(row.digest)) continue;
      try {
        const files = await readFiles(blobs, row.circuitBlob, row.weightsBlob);
        await registry.install(await registry.prepare(files, row.slices), files, row);
      } catch (reason) {
        failed.add(row.digest);
        onFailure(row.name, reason);
      }
    }
  }

  const stop = store.listen((announcement) => {
    if (announcement.topic === 'models') void inTurn(refresh).catch((reason: unknown) => onFailure('published models', reason));
  });

  return {
    async publish(publication) {
      checkStatement(publication, coordinator, now());
      if (waiting >= MAX_WAITING) throw new Problem(503, 'busy', 'too many models are being checked', { retryAfter: 10 });
      waiting++;
      try {
        return await inTurn(async () => {
          await checkPlace(publication);
          const files = await readFiles(blobs, publication.circuit, publication.weights);
          const prepared = await prepare(registry, files, publication.slices ?? [1]);
          await write(publication, prepared);
          await blobs.pin(publication.circuit);
          await blobs.pin(publication.weights);
          const { name, description = '', publisher, slices = [1], time: created } = publication;
          const model = await registry.install(prepared, files, { name, description, publisher, slices, created });
          store.announce({ topic: 'models', digest: prepared.digest });
          return model;
        });
      } finally {
        waiting--;
      }
    },
    refresh: () => inTurn(refresh),
    close: stop,
  };

  /** Whether there is room for a model of this name by this publisher; `write` decides, this saves the work before it. */
  async function checkPlace({ name, publisher, time }: Publication): Promise<void> {
    const own = registry.get(name);
    if (own !== null && own.info.name === name && own.info.publisher === null) throw nameTaken(name, 'the coordinator');
    await store.query(async (database) => {
      checkName(await named(database, name), publisher, time);
      const [published] = await database.select({ total: count() }).from(models).where(eq(models.publisher, publisher));
      if (published!.total >= modelsPerPublisher) {
        throw new Problem(403, 'quota', 'this key has published as many models as it may', {
          expected: `at most ${modelsPerPublisher} models`,
          got: `${published!.total + 1}`,
        });
      }
    });
  }

  async function write(publication: Publication, { digest }: PreparedModel): Promise<void> {
    const { name, description = '', publisher, circuit, weights, slices = [1], time } = publication;
    await store.transaction(async (transaction) => {
      // Two coordinators must not give one name to two publishers.
      await transaction.execute(sql`lock table ${models} in share row exclusive mode`);
      const [same] = await transaction.select().from(models).where(eq(models.digest, digest));
      // Committed before, and the news was lost.
      if (same?.name === name && same.publisher === publisher && same.created === time) return;
      const taken = same?.name ?? registry.get(digest)?.info.name;
      if (taken !== undefined)
        throw new Problem(409, 'already-published', 'this very model is here already', {
          expected: 'a model that is not here',
          got: `${taken}, ${digest}`,
        });
      checkName(await named(transaction, name), publisher, time);
      await transaction
        .insert(models)
        .values({ digest, name, description, publisher, circuitBlob: circuit, weightsBlob: weights, slices: [...slices], created: time });
    });
  }
}

type Row = typeof models.$inferSelect;

/** The model that a name stands for. */
async function named(database: Database | Transaction, name: string): Promise<Row | undefined> {
  const [row] = await database.select().from(models).where(eq(models.name, name)).orderBy(desc(models.created)).limit(1);
  return row;
}

/** A name is its first publisher's; a publication that is not newer is a copy of one that was made. */
function checkName(row: Row | undefined, publisher: string, time: number): void {
  if (row === undefined) return;
  if (row.publisher !== publisher) throw nameTaken(row.name, row.publisher ?? 'the coordinator');
  if (row.created >= time) {
    throw new Problem(409, 'newer-published', 'a later publication of this name is here', {
      expected: `a time after ${row.created}`,
      got: `${time}`,
    });
  }
}

/** Throws unless the publisher signed it, for this coordinator, a moment ago. */
function checkStatement(publication: Publication, coordinator: string, now: number): void {
  const { name, circuit, weights, publisher, time, signature } = publication;
  const key = keyOf(publisher);
  if (key === null)
    throw new Problem(400, 'publisher', 'the publisher is no address', {
      expected: 'an SS58 address with prefix 42',
      got: publisher.slice(0, 64),
    });
  if (Math.abs(time - now) > PUBLICATION_WINDOW) {
    throw new Problem(400, 'time', 'the publication was not signed just now', {
      expected: `a time within ${PUBLICATION_WINDOW / 60_000} minutes of ${now}`,
      got: `${time}`,
      hint: 'compare your clock with that of the coordinator',
    });
  }
  const text = publicationText({ coordinator, name, circuit, weights, time });
  if (!hotkeySigned(key, new TextEncoder().encode(text), Buffer.from(signature, 'hex'))) {
    throw new Problem(400, 'signature', 'the publisher did not sign this', {
      expected: `an sr25519 signature by ${publisher} of: ${JSON.stringify(text)}`,
      got: `${signature.slice(0, 16)}...`,
    });
  }
}

async function readFiles(blobs: Blobs, circuitBlob: string, weightsBlob: string): Promise<ModelFiles> {
  const [circuit, weights] = await Promise.all([blobs.read(circuitBlob), blobs.read(weightsBlob)]);
  for (const [what, hash, bytes] of [['circuit', circuitBlob, circuit] as const, ['weights', weightsBlob, weights] as const]) {
    if (bytes !== null) continue;
    throw new Problem(400, 'unknown-blob', `the ${what} file is not here`, {
      expected: `blob ${hash}`,
      got: 'no such blob',
      hint: 'put it with POST /v1/blobs first',
    });
  }
  return { circuit: circuit!, weights: weights! };
}

/** What the files' owner is told of a refusal. */
async function prepare(registry: ModelRegistry, files: ModelFiles, slices: readonly number[]): Promise<PreparedModel> {
  try {
    return await registry.prepare(files, slices);
  } catch (error) {
    if (error instanceof CircuitRefusal) {
      const code = error.rule === 'slice' ? 'slices' : error.rule === 'weights' ? 'weights' : 'circuit';
      throw new Problem(400, code, `the model is refused: ${error.message}`, {
        expected: 'a circuit that keeps its rules',
        got: `rule ${error.rule}`,
      });
    }
    if (error instanceof Error && error.name === 'FileRefusal') {
      const { kind, expected, got } = error as Error & { kind: string; expected: string; got: string };
      throw new Problem(400, kind === 'weights' ? 'weights' : 'circuit', error.message, { expected, got });
    }
    throw error;
  }
}

function nameTaken(name: string, by: string): Problem {
  return new Problem(409, 'name-taken', `there is a model ${name} already`, { expected: 'a name that is free', got: `a name of ${by}` });
}
