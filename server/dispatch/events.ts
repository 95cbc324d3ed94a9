/** The events of a request: numbered in the transaction that makes them happen, and read from the table by whoever follows, wherever he is connected. */
import { and, asc, eq, gt, sql } from 'drizzle-orm';
import type { NumberedEvent } from '../coordinator.ts';
import { events, requests } from '../store/schema.ts';
import type { Store, Transaction } from '../store/store.ts';
import type { InferenceEvent } from '../wire/http.ts';
import type { Clock } from './clock.ts';
import { inferenceOf } from './view.ts';

export interface RequestEvent {
  readonly request: string;
  readonly event: InferenceEvent;
}

/** Numbers and writes events. Locks the rows of their requests. */
export async function appendEvents(transaction: Transaction, happened: readonly RequestEvent[]): Promise<void> {
  if (happened.length === 0) return;
  const counts = new Map<string, number>();
  for (const { request } of happened) counts.set(request, (counts.get(request) ?? 0) + 1);
  // In the order of their ids, as everybody locks them.
  const ids = [...counts.keys()].sort();
  const last = new Map<string, number>();
  for (const id of ids) {
    const [row] = await transaction
      .update(requests)
      .set({ events: sql`${requests.events} + ${counts.get(id)!}` })
      .where(eq(requests.id, id))
      .returning({ events: requests.events });
    if (row !== undefined) last.set(id, row.events - counts.get(id)!);
  }
  const rows = happened.flatMap(({ request, event }) => {
    const number = last.get(request);
    if (number === undefined) return [];
    last.set(request, number + 1);
    return [{ request, number: number + 1, event }];
  });
  if (rows.length > 0) await transaction.insert(events).values(rows);
}

/** How many events are read at a time. */
const PAGE = 100;

/** See `Coordinator.events`. */
export async function followEvents(
  store: Store,
  clock: Clock,
  pollEvery: number,
  id: string,
  after: number,
  signal: AbortSignal,
): Promise<AsyncIterable<NumberedEvent> | null> {
  const [known] = await store.query((database) => database.select({ id: requests.id }).from(requests).where(eq(requests.id, id)));
  return known === undefined ? null : follow();

  async function* follow(): AsyncGenerator<NumberedEvent> {
    /** How often there were news. */
    let news = 0;
    let wake: () => void = () => undefined;
    const tell = (): void => {
      news++;
      wake();
    };
    const unlisten = store.listen((announcement) => {
      if (announcement.topic === 'request' && announcement.request === id) tell();
    });
    signal.addEventListener('abort', tell);
    try {
      let last = after;
      if (after === 0 || !(await remembers(after))) {
        const snapshot = await takeSnapshot();
        if (snapshot === null) return;
        last = snapshot.id;
        yield snapshot;
        if (snapshot.event.type === 'snapshot' && snapshot.event.inference.state !== 'proving') {
          yield { id: last, event: { type: 'over', inference: snapshot.event.inference } };
          return;
        }
      }
      const left = (): boolean => signal.aborted;
      while (!left()) {
        const read = news;
        const page = await store.query((database) =>
          database
            .select()
            .from(events)
            .where(and(eq(events.request, id), gt(events.number, last)))
            .orderBy(asc(events.number))
            .limit(PAGE),
        );
        for (const { number, event } of page) {
          if (left()) return;
          last = number;
          yield { id: number, event };
          if (event.type === 'over') return;
        }
        if (page.length > 0) continue;
        if (await isOver(last)) return;
        await new Promise<void>((resolve) => {
          const cancel = clock.after(pollEvery, resolve);
          wake = () => {
            cancel();
            resolve();
          };
          if (news !== read) wake();
        });
      }
    } finally {
      unlisten();
      signal.removeEventListener('abort', tell);
    }
  }

  /** Whether `after` is the number of an event, so that those behind it are what was missed. */
  async function remembers(number: number): Promise<boolean> {
    const found = await store.query((database) =>
      database
        .select({ number: events.number })
        .from(events)
        .where(and(eq(events.request, id), eq(events.number, number))),
    );
    return found.length > 0;
  }

  async function takeSnapshot(): Promise<NumberedEvent | null> {
    return store.query(async (database) => {
      const [request] = await database.select().from(requests).where(eq(requests.id, id));
      if (request === undefined) return null;
      return { id: request.events, event: { type: 'snapshot', inference: await inferenceOf(database, request, clock.now()) } };
    });
  }

  /** Whether nothing comes behind an event any more: the request is over, or gone. */
  async function isOver(number: number): Promise<boolean> {
    const [request] = await store.query((database) =>
      database.select({ state: requests.state, events: requests.events }).from(requests).where(eq(requests.id, id)),
    );
    return request === undefined || (request.state !== 'proving' && request.events <= number);
  }
}
