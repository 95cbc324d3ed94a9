/**
 * What a network remembers: one schema, PostgreSQL 15, for the embedded database and for servers. Digests, hashes and session keys are 64 hexadecimal digits, hotkeys SS58 addresses, times
 * milliseconds since 1970 by the clock of whoever wrote them.
 *
 * A request has one job per slice, a job as many attempts as were given to miners, an attempt at most one verdict. Whoever changes a job locks its row first, then the request's.
 */
import { sql } from 'drizzle-orm';
import { boolean, doublePrecision, foreignKey, index, integer, jsonb, pgTable, primaryKey, text, unique, uuid } from 'drizzle-orm/pg-core';
import type { InferenceEvent } from '../wire/http.ts';
import { bytes, count, tensors } from './columns.ts';

/** What holds for the whole network, by name: `hotkey` is the address of its coordinators. */
export const network = pgTable('network', {
  name: text().primaryKey(),
  value: text().notNull(),
});

export const models = pgTable('models', {
  /** Of the whole circuit. */
  digest: text().primaryKey(),
  /** Of several with a name, the one that was published last is meant. */
  name: text().notNull(),
  description: text().notNull(),
  /** Null for a model of the coordinator's own. */
  publisher: text(),
  circuitBlob: text().notNull(),
  weightsBlob: text().notNull(),
  /** Into how many slices it is cut, first choice first; null: as the coordinator likes. */
  slices: integer().array(),
  created: count().notNull(),
});

/** What jobs prove, and where its files are. */
export const circuits = pgTable('circuits', {
  digest: text().primaryKey(),
  circuitBlob: text().notNull(),
  weightsBlob: text().notNull(),
  /** Nanoseconds on a reference core. */
  work: count().notNull(),
});

/** The blobs that there are, wherever their bytes are kept. */
export const blobs = pgTable(
  'blobs',
  {
    hash: text().primaryKey(),
    size: count().notNull(),
    /** `BlobKind`: what it is kept for. */
    kind: text().notNull(),
    created: count().notNull(),
    /** From when on it may go; null: never. */
    expires: count(),
  },
  (table) => [index().on(table.expires)],
);

/** Bytes of blobs, where they are kept in the database. */
export const blobBytes = pgTable('blob_bytes', {
  hash: text().primaryKey(),
  bytes: bytes().notNull(),
});

export const miners = pgTable('miners', {
  hotkey: text().primaryKey(),
  created: count().notNull(),
  /** Proofs that were accepted, and refused. */
  accepted: integer().notNull().default(0),
  refused: integer().notNull().default(0),
  pausedUntil: count(),
});

export const sessions = pgTable(
  'sessions',
  {
    /** Its Ed25519 key. */
    key: text().primaryKey(),
    hotkey: text()
      .notNull()
      .references(() => miners.hotkey),
    /** The rest of its certificate. */
    origin: text().notNull(),
    coordinator: text().notNull(),
    nonce: bytes().notNull(),
    expires: count().notNull(),
    signature: bytes().notNull(),
    /** What it said of itself when it last connected. */
    agent: text().notNull(),
    threads: integer().notNull(),
    payee: text(),
    created: count().notNull(),
    /** When it was last heard. */
    seen: count().notNull(),
    /** Its connection, and the coordinator that holds it; null where it has none. */
    connection: uuid(),
    instance: uuid(),
  },
  (table) => [index().on(table.hotkey), index().on(table.seen)],
);

export const requests = pgTable(
  'requests',
  {
    id: uuid().primaryKey(),
    kind: text({ enum: ['client', 'benchmark'] }).notNull(),
    model: text().notNull(),
    cuts: integer().array().notNull(),
    state: text({ enum: ['proving', 'proven', 'failed'] }).notNull(),
    created: count().notNull(),
    deadline: count().notNull(),
    finished: count(),
    inputs: tensors().notNull(),
    outputs: tensors().notNull(),
    /** Who asked. */
    address: text().notNull(),
    idempotencyKey: text().unique(),
    /** SHA-256 of what was asked, to tell a repetition from another request with the same key. */
    asked: text().notNull(),
    errorCode: text(),
    errorMessage: text(),
    /** Number of its last event. */
    events: integer().notNull(),
    /** Blob of its bundle. */
    bundle: text(),
  },
  (table) => [
    index('requests_open')
      .on(table.deadline)
      .where(sql`state = 'proving'`),
    index().on(table.created),
  ],
);

export const jobs = pgTable(
  'jobs',
  {
    id: uuid().primaryKey(),
    request: uuid()
      .notNull()
      .references(() => requests.id, { onDelete: 'cascade' }),
    kind: text({ enum: ['client', 'benchmark'] }).notNull(),
    slice: integer().notNull(),
    slices: integer().notNull(),
    /** Digest of the slice's circuit. */
    circuit: text()
      .notNull()
      .references(() => circuits.digest),
    inputs: tensors().notNull(),
    /** Blobs of the inputs, where they are too large for a frame. */
    inputBlobs: text().array(),
    outputs: tensors().notNull(),
    /** Which of the outputs the next slice reads; null for the last slice. */
    crossing: integer(),
    state: text({ enum: ['waiting', 'proving', 'verifying', 'proven', 'failed'] }).notNull(),
    created: count().notNull(),
    deadline: count().notNull(),
    /** From when on it may be given out (again). */
    notBefore: count().notNull(),
    /** From when on a second miner may try as well; null: no more. */
    hedgeAt: count(),
    /** Attempts so far: number of the last one. */
    attempts: integer().notNull().default(0),
    /** Those of them that say something about the job: all but those that a miner declined before it began. */
    tried: integer().notNull().default(0),
    started: count(),
    finished: count(),
    /** The attempt that proved it, and the blob of its proof. */
    provenBy: integer(),
    proof: text(),
  },
  (table) => [
    unique().on(table.request, table.slice),
    // Client requests first, then in the order of their coming.
    index('jobs_waiting')
      .on(table.kind.desc(), table.created, table.slice)
      .where(sql`state in ('waiting', 'proving')`),
  ],
);

export const attempts = pgTable(
  'attempts',
  {
    job: uuid()
      .notNull()
      .references(() => jobs.id, { onDelete: 'cascade' }),
    number: integer().notNull(),
    request: uuid().notNull(),
    session: text()
      .notNull()
      .references(() => sessions.key),
    hotkey: text().notNull(),
    /** The coordinator that gave it out. */
    instance: uuid().notNull(),
    /** `open` is leased; a proof of an `expired` one is still welcome. */
    state: text({ enum: ['open', 'verifying', 'proven', 'refused', 'declined', 'expired', 'cancelled'] }).notNull(),
    /** Why it was declined or cancelled. */
    reason: text(),
    given: count().notNull(),
    leasedUntil: count().notNull(),
    phase: text(),
    finished: count(),
  },
  (table) => [
    primaryKey({ columns: [table.job, table.number] }),
    index().on(table.request),
    index('attempts_open')
      .on(table.leasedUntil)
      .where(sql`state in ('open', 'verifying')`),
    index().on(table.session),
  ],
);

export const verdicts = pgTable(
  'verdicts',
  {
    job: uuid().notNull(),
    attempt: integer().notNull(),
    hotkey: text().notNull(),
    circuit: text().notNull(),
    ok: boolean().notNull(),
    /** Which check refused the proof, and what was wrong; '' where it was accepted. */
    check: text().notNull(),
    detail: text().notNull(),
    proofHash: text().notNull(),
    proofBytes: integer().notNull(),
    /** Of `proofStatement`, by the session. */
    proofSignature: bytes().notNull(),
    proveMs: doublePrecision().notNull(),
    serviceMs: integer().notNull(),
    verifyMs: doublePrecision().notNull(),
    /** Of `verdictStatement`, by the coordinator. */
    signature: bytes().notNull(),
    created: count().notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.job, table.attempt] }),
    foreignKey({ columns: [table.job, table.attempt], foreignColumns: [attempts.job, attempts.number] }).onDelete('cascade'),
    index().on(table.hotkey, table.created),
    index().on(table.circuit, table.created),
  ],
);

/** What happened to a request, numbered 1, 2, .. */
export const events = pgTable(
  'events',
  {
    request: uuid()
      .notNull()
      .references(() => requests.id, { onDelete: 'cascade' }),
    number: integer().notNull(),
    event: jsonb().$type<InferenceEvent>().notNull(),
  },
  (table) => [primaryKey({ columns: [table.request, table.number] })],
);
