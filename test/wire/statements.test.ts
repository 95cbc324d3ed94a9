/** What is signed: pinned texts and bytes, and signatures that hold for these bytes only. */
import { describe, expect, test } from 'vitest';
import { hotkeyFromSeed, sessionKeyFromSecret } from '../../server/wire/keys.ts';
import {
  certificateHolds,
  certificateText,
  coordinatorHolds,
  jobContext,
  proofStatement,
  uuidBytes,
  verdictHolds,
  verdictStatement,
  type JobVerdict,
} from '../../server/wire/statements.ts';
import { certificate, coordinatorKey, hotkey, identity, JOB, REQUEST } from './messages.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

const verdict: JobVerdict = {
  request: REQUEST,
  slice: 1,
  slices: 3,
  hotkey: hotkey.publicKey,
  job: JOB,
  proofHash: new Uint8Array(32).fill(9),
  ok: true,
  serviceMs: 258,
  proofBytes: 42_000,
};

test('a certificate is a text that people can read', () => {
  expect(certificateText(certificate)).toBe(
    `Veritab miner session
coordinator: http://localhost:8420 ${certificate.coordinator}
hotkey: ${hotkey.address}
session: ${hex(certificate.session)}
nonce: ${'05'.repeat(32)}
expires: 2023-11-14T22:13:20.000Z`,
  );
});

test('the context of a job has 65 bytes, of which every part counts', () => {
  const job = { request: REQUEST, slice: 1, slices: 3, hotkey: hotkey.publicKey };
  expect(hex(jobContext(job))).toBe(
    `${hex(new TextEncoder().encode('veritab/1'))}${REQUEST.replaceAll('-', '')}0100000003000000${hex(hotkey.publicKey)}`,
  );
  const contexts = [job, { ...job, request: JOB }, { ...job, slice: 2 }, { ...job, slices: 2 }, { ...job, hotkey: new Uint8Array(32) }];
  expect(new Set(contexts.map((own) => hex(jobContext(own)))).size).toBe(contexts.length);
});

test('statements cannot be taken for each other', () => {
  const statements = [proofStatement(JOB, verdict.proofHash), verdictStatement(verdict), jobContext(verdict)].map(hex);
  for (const [n, own] of statements.entries())
    for (const [m, other] of statements.entries()) if (n !== m) expect(other.startsWith(own)).toBe(false);
});

test('UUIDs are written in one way only', () => {
  expect(hex(uuidBytes(JOB))).toBe(JOB.replaceAll('-', ''));
  for (const text of ['', JOB.toUpperCase().replace('0', 'A'), JOB.slice(1), `${JOB}0`, JOB.replace('-', '')])
    expect(() => uuidBytes(text)).toThrow(RangeError);
});

describe('a certificate', () => {
  test('holds', () => expect(certificateHolds(certificate)).toBe(true));

  const other = hotkeyFromSeed(new Uint8Array(32).fill(77));
  const changes: Record<string, Partial<typeof certificate>> = {
    'another origin': { origin: 'http://localhost:8421' },
    'a line feed in the origin': { origin: 'http://a\nhotkey: x' },
    'another coordinator': { coordinator: other.address },
    'a coordinator that is no address': { coordinator: 'nobody' },
    'another hotkey': { hotkey: other.publicKey },
    'another session key': { session: sessionKeyFromSecret(new Uint8Array(32).fill(78)).publicKey },
    'another nonce': { nonce: new Uint8Array(32) },
    'another time': { expires: certificate.expires + 1 },
    'a time that is none': { expires: Number.NaN },
    'a time beyond dates': { expires: 8.64e15 + 2 },
    'a short key': { session: new Uint8Array(31) },
    'a short signature': { signature: new Uint8Array(63) },
    'no signature': { signature: new Uint8Array(64) },
  };
  for (const [what, change] of Object.entries(changes))
    test(`does not hold with ${what}`, () => expect(certificateHolds({ ...certificate, ...change })).toBe(false));
});

test('a coordinator is who its hotkey says', () => {
  expect(coordinatorHolds(identity)).toBe(true);
  expect(coordinatorHolds({ ...identity, key: hotkey.publicKey })).toBe(false);
  expect(coordinatorHolds({ ...identity, hotkey: hotkey.publicKey })).toBe(false);
  expect(coordinatorHolds({ ...identity, key: new Uint8Array(3) })).toBe(false);
});

test('a verdict holds for what it says only', () => {
  const signature = coordinatorKey.sign(verdictStatement(verdict));
  expect(verdictHolds(coordinatorKey.publicKey, verdict, signature)).toBe(true);
  const changes: Partial<JobVerdict>[] = [
    { request: JOB },
    { job: REQUEST },
    { slice: 0 },
    { slices: 4 },
    { hotkey: new Uint8Array(32) },
    { proofHash: new Uint8Array(32) },
    { ok: false },
    { serviceMs: 257 },
    { proofBytes: 42_001 },
  ];
  for (const change of changes)
    expect(verdictHolds(coordinatorKey.publicKey, { ...verdict, ...change }, signature), JSON.stringify(Object.keys(change))).toBe(false);
  expect(verdictHolds(hotkey.publicKey, verdict, signature)).toBe(false);
});
