/** Blobs in the database: for coordinators that share no folder. */
import { eq, sql } from 'drizzle-orm';
import { blobBytes } from '../store/schema.ts';
import type { Store } from '../store/store.ts';
import type { BlobBytes } from './blobs.ts';

export function databaseBytes(store: Store): BlobBytes {
  return {
    write: (hash, bytes) =>
      store.query(async (database) => {
        await database.insert(blobBytes).values({ hash, bytes }).onConflictDoNothing();
      }),
    async open(hash) {
      const [row] = await store.query((database) =>
        database
          .select({ size: sql<number>`length(${blobBytes.bytes})` })
          .from(blobBytes)
          .where(eq(blobBytes.hash, hash)),
      );
      if (row === undefined) return null;
      const { size } = row;
      return {
        size,
        async read(begin, end) {
          const length = Math.max(0, Math.min(end, size) - begin);
          const [part] = await store.query((database) =>
            database
              .select({ bytes: sql<Uint8Array>`substring(${blobBytes.bytes} from ${begin + 1}::int for ${length}::int)` })
              .from(blobBytes)
              .where(eq(blobBytes.hash, hash)),
          );
          if (part === undefined || part.bytes.length !== length) throw new Error(`blob ${hash} has gone while it was read`);
          return new Uint8Array(part.bytes);
        },
      };
    },
    remove: (hash) =>
      store.query(async (database) => {
        await database.delete(blobBytes).where(eq(blobBytes.hash, hash));
      }),
  };
}
