/** Frames, certificates and bundles with something in every field. */
import type { CoordinatorFrame, MinerFrame } from '../../server/wire/frames.ts';
import { hotkeyFromSeed, sessionKeyFromSecret } from '../../server/wire/keys.ts';
import type { Bundle } from '../../server/wire/bundle.ts';
import {
  certificateText,
  coordinatorStatement,
  possessionStatement,
  type CoordinatorIdentity,
  type SessionCertificate,
} from '../../server/wire/statements.ts';

export const hotkey = hotkeyFromSeed(new Uint8Array(32).fill(1));
export const session = sessionKeyFromSecret(new Uint8Array(32).fill(2));
export const coordinatorHotkey = hotkeyFromSeed(new Uint8Array(32).fill(3));
export const coordinatorKey = sessionKeyFromSecret(new Uint8Array(32).fill(4));

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const filled = (length: number, value: number): Uint8Array => new Uint8Array(length).fill(value);

export const JOB = '01900000-0000-7000-8000-000000000001';
export const REQUEST = '01900000-0000-7000-8000-000000000002';

const unsigned = {
  origin: 'http://localhost:8420',
  coordinator: coordinatorHotkey.address,
  hotkey: hotkey.publicKey,
  session: session.publicKey,
  nonce: filled(32, 5),
  expires: 1_700_000_000_000,
};
export const certificate: SessionCertificate = { ...unsigned, signature: hotkey.sign(text(certificateText(unsigned))) };

export const identity: CoordinatorIdentity = {
  origin: 'http://localhost:8420',
  hotkey: coordinatorHotkey.publicKey,
  key: coordinatorKey.publicKey,
  signature: coordinatorHotkey.sign(coordinatorStatement(coordinatorKey.publicKey)),
};

export const coordinatorFrames: readonly CoordinatorFrame[] = [
  {
    type: 'challenge',
    protocol: 1,
    nonce: filled(32, 6),
    origin: unsigned.origin,
    coordinator: unsigned.coordinator,
    expires: 1_700_000_000_000,
  },
  { type: 'welcome', time: 1_700_000_000_000, open: [JOB] },
  {
    type: 'job',
    job: JOB,
    request: REQUEST,
    kind: 'client',
    slice: 1,
    slices: 3,
    attempt: 2,
    circuit: filled(32, 7),
    circuitBlob: filled(32, 8),
    weightsBlob: filled(32, 9),
    inputs: { kind: 'inline', values: [Uint8Array.of(1, 2, 3)] },
    within: 60_000,
  },
  {
    type: 'job',
    job: JOB,
    request: REQUEST,
    kind: 'benchmark',
    slice: 0,
    slices: 1,
    attempt: 1,
    circuit: filled(32, 7),
    circuitBlob: filled(32, 8),
    weightsBlob: filled(32, 9),
    inputs: { kind: 'blobs', hashes: [filled(32, 10)] },
    within: 60_000,
  },
  {
    type: 'verdict',
    job: JOB,
    ok: false,
    check: 'opening',
    detail: 'a hash differs',
    serviceMs: 123,
    verifyMs: 4.5,
    proofBytes: 42_000,
    proofHash: filled(32, 11),
    signature: filled(64, 12),
  },
  { type: 'cancel', job: JOB, reason: 'answered' },
  { type: 'stats', time: 1_700_000_000_000, miners: 3, queue: 0 },
  { type: 'bye', code: 'draining', message: 'the coordinator restarts', retryAfter: 1000 },
];

export const minerFrames: readonly MinerFrame[] = [
  {
    type: 'hello',
    protocol: 1,
    certificate,
    possession: session.sign(possessionStatement(filled(32, 6))),
    payee: null,
    agent: 'veritab/0.1.0',
    threads: 2,
    capacity: 2,
    holds: [filled(32, 7)],
  },
  { type: 'accept', job: JOB },
  { type: 'progress', job: JOB, phase: 'lookups' },
  { type: 'proof', job: JOB, proof: filled(1000, 13), proveMs: 12.5, signature: filled(64, 14) },
  { type: 'decline', job: JOB, reason: 'artefact', detail: 'blob 08.. is not to be had' },
  { type: 'bye', code: 'stopped', message: '', retryAfter: null },
];

export const bundle: Bundle = {
  model: filled(32, 20),
  request: REQUEST,
  created: 1_700_000_000_000,
  coordinator: identity,
  cuts: [4],
  inputs: [Uint8Array.of(1, 2, 3)],
  outputs: [Int32Array.of(-5, 5), Uint8Array.of(9)],
  slices: [Uint8Array.of(4, 5), null].map((crossing, n) => ({
    crossing,
    proof: filled(10 + n, 21),
    job: JOB,
    certificate,
    proofSignature: filled(64, 22),
    serviceMs: 17 + n,
    verdictSignature: filled(64, 23),
  })),
  artefacts: { circuit: filled(7, 24), weights: filled(8, 25) },
};
