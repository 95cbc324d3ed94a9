/**
 * Everything big is a blob, named by its BLAKE3 hash. Bytes are on disk below the data folder, or in the database, where several coordinators without a common folder share it; which blobs there
 * are, and for how long, is a table either way.
 *
 * Retention: artefacts stay; what else there is, stays at least as long as its kind says, and a little longer than the requests that need it. Where the size cap is passed, blobs go before their time in
 * this order, oldest first within a kind: benchmark proofs, uploads, proofs, bundles. Artefacts, inputs and whatever an open request may need never go: a blob that would not fit beside those is refused.
 */
import { and, asc, eq, isNotNull, lt, sql, type SQL } from 'drizzle-orm';
import type { Blob } from '../coordinator.ts';
import { blobs } from '../store/schema.ts';
import type { Store } from '../store/store.ts';
import { MAX_DEADLINE } from '../wire/limits.ts';
import { databaseBytes } from './database.ts';
import { diskBytes } from './disk.ts';
import { blobName } from './hashing.ts';

/** What a blob is kept for. */
export type BlobKind = 'artefact' | 'upload' | 'input' | 'proof' | 'benchmark-proof' | 'bundle';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** How long blobs stay, ms; null: for good. */
export const RETENTION: Readonly<Record<BlobKind, number | null>> = {
  artefact: null,
  upload: HOUR,
  input: HOUR,
  proof: 7 * DAY,
  'benchmark-proof': HOUR,
  bundle: 7 * DAY,
};

/** Which kinds go first where there is too much. */
const EVICTION: readonly BlobKind[] = ['benchmark-proof', 'upload', 'proof', 'bundle'];

/** For so long after it came a blob may belong to a request that is open, ms. */
const IN_USE = MAX_DEADLINE + 60_000;

/** Blobs that are looked at at a time. */
const PAGE = 256;

/** Where the bytes are. Names are checked by the caller: 64 lower-case hexadecimal digits. */
export interface BlobBytes {
  /** Writes a blob, all of it or nothing; one that is there already stays. */
  write(hash: string, bytes: Uint8Array): Promise<void>;
  /** Null where there is none. */
  open(hash: string): Promise<Blob | null>;
  remove(hash: string): Promise<void>;
}

/** There is no room for a blob, and nothing may go. */
export class BlobsFull extends Error {
  override readonly name = 'BlobsFull';
}

export interface Blobs {
  /** Keeps a blob, an artefact by default, durably when this resolves; returns its name. One that is there is kept for the longer of both times. Throws `BlobsFull`. `name`: where it is known already. */
  put(bytes: Uint8Array, kind?: BlobKind, name?: string): Promise<string>;
  /** The name that some bytes have, 64 hexadecimal digits. */
  nameOf(bytes: Uint8Array): Promise<string>;
  /** Null where there is none (any more), and for what is no name. */
  get(hash: string): Promise<Blob | null>;
  /** The whole of a blob. Null as in `get`. */
  read(hash: string): Promise<Uint8Array | null>;
  /** Keeps a blob for good: an upload has become a model's artefact. */
  pin(hash: string): Promise<void>;
  /** Removes what is past its time; how many. */
  sweep(): Promise<number>;
  /** Bytes of all blobs. */
  total(): Promise<number>;
}

export interface BlobsOptions {
  readonly store: Store;
  /** `disk`: below `folder`; `postgres`: in the database. */
  readonly place: 'disk' | 'postgres';
  /** The folder of blobs on disk. */
  readonly folder: string;
  /** Bytes that blobs may take. Default 20 GiB. */
  readonly cap?: number;
  readonly now: () => number;
}

const NAME = /^[0-9a-f]{64}$/;

export function openBlobs({ store, place, folder, cap = 20 * 2 ** 30, now }: BlobsOptions): Blobs {
  const kept: BlobBytes = place === 'disk' ? diskBytes(folder) : databaseBytes(store);
  /** Bytes of blobs that are being written and are in no table yet. */
  let arriving = 0;

  const total = (): Promise<number> =>
    store.query(async (database) => {
      const [row] = await database.select({ bytes: sql<string>`coalesce(sum(${blobs.size}), 0)` }).from(blobs);
      return Number(row!.bytes);
    });

  /** What is done to a blob, one after the other: else its bytes could be removed while they are put again. */
  const turns = new Map<string, Promise<unknown>>();
  function inTurn<T>(hash: string, action: () => Promise<T>): Promise<T> {
    const turn = (turns.get(hash) ?? Promise.resolve()).then(action);
    const settled = turn
      .catch(() => undefined)
      .then(() => {
        if (turns.get(hash) === settled) turns.delete(hash);
      });
    turns.set(hash, settled);
    return turn;
  }

  /** Removes those of some blobs for which `still` holds; their sizes. */
  async function remove(hashes: readonly string[], still: SQL): Promise<number[]> {
    const sizes: number[] = [];
    for (const hash of hashes)
      await inTurn(hash, async () => {
        // The row first: bytes without a row are found by nobody, a row without bytes would be a promise.
        const gone = await store.query((database) =>
          database
            .delete(blobs)
            .where(and(eq(blobs.hash, hash), still))
            .returning({ size: blobs.size }),
        );
        if (gone.length === 0) return;
        await kept.remove(hash);
        sizes.push(gone[0]!.size);
      });
    return sizes;
  }

  /** Names of the oldest blobs for which something holds. */
  async function oldest(which: SQL): Promise<string[]> {
    const rows = await store.query((database) =>
      database.select({ hash: blobs.hash }).from(blobs).where(which).orderBy(asc(blobs.created)).limit(PAGE),
    );
    return rows.map(({ hash }) => hash);
  }

  /** Makes room for what arrives. */
  async function makeRoom(size: number): Promise<void> {
    const excess = async (): Promise<number> => (await total()) + arriving - cap;
    if ((await excess()) <= 0) return;
    await sweep();
    let left = await excess();
    for (const kind of EVICTION) {
      const which = and(eq(blobs.kind, kind), lt(blobs.created, now() - IN_USE))!;
      while (left > 0) {
        const [next] = await oldest(which);
        if (next === undefined) break;
        for (const freed of await remove([next], which)) left -= freed;
      }
    }
    if (left > 0)
      throw new BlobsFull(
        `no room for a blob of ${size} bytes: blobs may take ${cap} bytes, and what is there belongs to models and recent requests`,
      );
  }

  async function sweep(): Promise<number> {
    let removed = 0;
    for (;;) {
      const which = and(isNotNull(blobs.expires), lt(blobs.expires, now()))!;
      const over = await oldest(which);
      removed += (await remove(over, which)).length;
      if (over.length < PAGE) return removed;
    }
  }

  async function write(hash: string, bytes: Uint8Array, kind: BlobKind): Promise<void> {
    await kept.write(hash, bytes);
    const retention = RETENTION[kind];
    const expires = retention === null ? null : now() + retention;
    await store.query((database) =>
      database
        .insert(blobs)
        .values({ hash, size: bytes.length, kind, created: now(), expires })
        .onConflictDoUpdate({
          target: blobs.hash,
          // Null stands for the longest time.
          set: {
            kind: sql`case when ${blobs.expires} is null or ${blobs.expires} >= excluded.expires then ${blobs.kind} else excluded.kind end`,
            expires: sql`case when ${blobs.expires} is null or excluded.expires is null then null else greatest(${blobs.expires}, excluded.expires) end`,
          },
        }),
    );
  }

  return {
    nameOf: blobName,
    async put(bytes, kind = 'artefact', name) {
      const hash = name ?? (await blobName(bytes));
      arriving += bytes.length;
      try {
        await makeRoom(bytes.length);
        await inTurn(hash, () => write(hash, bytes, kind));
      } finally {
        arriving -= bytes.length;
      }
      return hash;
    },
    get: async (hash) => (NAME.test(hash) ? kept.open(hash) : null),
    async read(hash) {
      const blob = NAME.test(hash) ? await kept.open(hash) : null;
      return blob === null ? null : blob.read(0, blob.size);
    },
    pin: (hash) =>
      store.query(async (database) => {
        await database.update(blobs).set({ kind: 'artefact', expires: null }).where(eq(blobs.hash, hash));
      }),
    sweep,
    total,
  };
}
