/** What is forgotten, and when: rows whose blobs have gone say nothing that anybody could check. */
import { and, eq, isNotNull, lt, notExists, sql } from 'drizzle-orm';
import type { Blobs } from '../blobs/blobs.ts';
import { attempts, requests, sessions } from '../store/schema.ts';
import type { Store } from '../store/store.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** Removes blobs past their time; client requests after 7 days, benchmarks after an hour beyond their day of strikes; sessions that nothing refers to. Their hotkeys' counts stay. */
export async function forget(store: Store, blobs: Blobs, now: number): Promise<void> {
  await blobs.sweep();
  await store.query(async (database) => {
    await database
      .delete(requests)
      .where(and(eq(requests.kind, 'client'), isNotNull(requests.finished), lt(requests.finished, now - 7 * DAY)));
    await database
      .delete(requests)
      .where(and(eq(requests.kind, 'benchmark'), isNotNull(requests.finished), lt(requests.finished, now - DAY - HOUR)));
    // A key that was used may be used again after a day.
    await database
      .update(requests)
      .set({ idempotencyKey: null })
      .where(and(isNotNull(requests.idempotencyKey), lt(requests.created, now - DAY)));
    await database.delete(sessions).where(
      and(
        lt(sessions.expires, now),
        notExists(
          database
            .select({ one: sql`1` })
            .from(attempts)
            .where(eq(attempts.session, sessions.key)),
        ),
      ),
    );
  });
}
