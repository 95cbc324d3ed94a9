/** Whether a connection's hello opens a session: see wire/README.md, "A session". */
import { and, eq, gte, inArray, ne, sql } from 'drizzle-orm';
import { bytesToHex } from '@noble/hashes/utils.js';
import { attempts, jobs, miners, requests, sessions } from '../store/schema.ts';
import type { Store } from '../store/store.ts';
import type { Frame } from '../wire/frames.ts';
import { addressOf, sessionKeySigned } from '../wire/keys.ts';
import { CLOSE, PROTOCOL } from '../wire/limits.ts';
import { certificateHolds, possessionStatement } from '../wire/statements.ts';
import type { CoordinatorKeys } from './identity.ts';

/** A session that is open. */
export interface OpenSession {
  /** Its key, 64 hexadecimal digits. */
  readonly session: string;
  /** SS58 address. */
  readonly hotkey: string;
  /** Jobs that were given to it and may still be answered. */
  readonly jobs: readonly OpenAttempt[];
  /** Jobs whose verdicts it may not have heard: it sends its proofs again, and gets them. */
  readonly untold: readonly string[];
}

export interface OpenAttempt {
  readonly job: string;
  readonly number: number;
  readonly request: string;
  readonly circuit: string;
  readonly kind: 'client' | 'benchmark';
  readonly given: number;
}

/** Why a hello was turned away. */
export interface Refusal {
  readonly close: number;
  readonly code: string;
  readonly message: string;
  readonly retryAfter: number | null;
}

export interface HelloOptions {
  readonly store: Store;
  readonly keys: CoordinatorKeys;
  readonly challenge: Frame<'challenge'>;
  readonly hello: Frame<'hello'>;
  /** Names the connection: UUID. */
  readonly connection: string;
  readonly now: number;
}

const refused = (close: number, code: string, message: string, retryAfter: number | null = null): Refusal => ({
  close,
  code,
  message,
  retryAfter,
});

/** Checks a hello against this connection's challenge, and the session against the database, where it is then the one of this connection. */
export async function openSession({ store, keys, challenge, hello, connection, now }: HelloOptions): Promise<OpenSession | Refusal> {
  if (hello.protocol !== PROTOCOL)
    return refused(
      CLOSE.version,
      'protocol',
      `this coordinator speaks version ${PROTOCOL} of the frames, the miner version ${hello.protocol}`,
    );
  const { certificate } = hello;
  if (certificate.origin !== keys.identity.origin || certificate.coordinator !== keys.address)
    return refused(
      CLOSE.unauthorized,
      'coordinator',
      `the certificate is for ${certificate.origin} ${certificate.coordinator}, this is ${keys.identity.origin} ${keys.address}`,
    );
  if (!sessionKeySigned(certificate.session, possessionStatement(challenge.nonce), hello.possession))
    return refused(CLOSE.unauthorized, 'possession', "the session key did not sign this connection's nonce");
  const key = bytesToHex(certificate.session);
  const hotkey = addressOf(certificate.hotkey);
  const [known] = await store.query((database) => database.select().from(sessions).where(eq(sessions.key, key)));
  if (Buffer.compare(certificate.nonce, challenge.nonce) === 0) {
    if (known !== undefined)
      return refused(CLOSE.unauthorized, 'session-reused', 'this session key has a certificate already: make a new one');
    if (certificate.expires !== challenge.expires)
      return refused(
        CLOSE.unauthorized,
        'expires',
        `the certificate must hold until ${challenge.expires}, as the challenge says, not ${certificate.expires}`,
      );
    if (!certificateHolds(certificate))
      return refused(CLOSE.unauthorized, 'signature', `the hotkey ${hotkey} did not sign this certificate`);
  } else {
    const same =
      known !== undefined &&
      known.hotkey === hotkey &&
      known.expires === certificate.expires &&
      known.origin === certificate.origin &&
      Buffer.compare(known.nonce, certificate.nonce) === 0 &&
      Buffer.compare(known.signature, certificate.signature) === 0;
    if (!same)
      return refused(
        CLOSE.unauthorized,
        'unknown-session',
        "the certificate answers another connection's challenge, and no such session is known",
      );
    if (known.expires <= now)
      return refused(
        CLOSE.unauthorized,
        'session-expired',
        `the session expired at ${new Date(known.expires).toISOString()}: sign a new one`,
      );
  }
  const pausedUntil = await enter(store, hello, key, hotkey, connection, now);
  if (pausedUntil !== null && pausedUntil > now) {
    const until = new Date(pausedUntil).toISOString();
    return refused(
      CLOSE.paused,
      'paused',
      `${hotkey} rests until ${until}: three of its proofs within a day were refused`,
      pausedUntil - now,
    );
  }
  store.announce({ topic: 'session', session: key, connection });
  return {
    session: key,
    hotkey,
    jobs: await openJobs(store, key),
    untold: known === undefined ? [] : await untoldJobs(store, key, known.seen),
  };
}

/** Writes session and miner; until when the hotkey rests. */
function enter(
  store: Store,
  { certificate, agent, threads, payee }: Frame<'hello'>,
  key: string,
  hotkey: string,
  connection: string,
  now: number,
): Promise<number | null> {
  return store.transaction(async (transaction) => {
    await transaction.insert(miners).values({ hotkey, created: now }).onConflictDoNothing();
    const [miner] = await transaction.select().from(miners).where(eq(miners.hotkey, hotkey));
    const rests = miner!.pausedUntil !== null && miner!.pausedUntil > now;
    const place = rests ? {} : { connection, instance: store.instance };
    const said = { agent, threads, payee: payee === null ? null : addressOf(payee), seen: now, ...place };
    const { origin, coordinator, nonce, expires, signature } = certificate;
    await transaction
      .insert(sessions)
      .values({ key, hotkey, origin, coordinator, nonce, expires, signature, created: now, ...said })
      .onConflictDoUpdate({ target: sessions.key, set: said });
    return miner!.pausedUntil;
  });
}

/** How many open jobs a welcome names at most. */
const MOST_OPEN = 64;

async function openJobs(store: Store, session: string): Promise<OpenAttempt[]> {
  const rows = await store.query((database) =>
    database
      .select({
        job: attempts.job,
        number: sql<number>`max(${attempts.number})::int`,
        request: jobs.request,
        circuit: jobs.circuit,
        kind: jobs.kind,
        given: sql<string>`max(${attempts.given})`,
      })
      .from(attempts)
      .innerJoin(jobs, eq(jobs.id, attempts.job))
      .innerJoin(requests, eq(requests.id, jobs.request))
      .where(
        and(
          eq(attempts.session, session),
          inArray(attempts.state, ['open', 'expired', 'verifying']),
          ne(jobs.state, 'proven'),
          eq(requests.state, 'proving'),
        ),
      )
      .groupBy(attempts.job, jobs.request, jobs.circuit, jobs.kind)
      .limit(MOST_OPEN / 2),
  );
  return rows.map((row) => ({ ...row, given: Number(row.given) }));
}

/** Jobs that were judged since the session was last heard. */
async function untoldJobs(store: Store, session: string, since: number): Promise<string[]> {
  const rows = await store.query((database) =>
    database
      .select({ job: attempts.job })
      .from(attempts)
      .where(and(eq(attempts.session, session), inArray(attempts.state, ['proven', 'refused']), gte(attempts.finished, since)))
      .limit(MOST_OPEN / 2),
  );
  return rows.map(({ job }) => job);
}
