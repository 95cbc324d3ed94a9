/** The network's edge on this machine: what `mine`, `infer` and `verify bundle` have in common. */
import { join } from 'node:path';
import { nodePlatform } from '../../wasm/runtime/node.ts';
import { RequestFailure, type BundleVerdict, type Client } from '../../web/client/client.ts';
import { systemClock, systemRandom } from '../../web/client/clock.ts';
import { createClient } from '../../web/client/create-client.ts';
import type { Storage } from '../../web/client/storage.ts';
import { diskStorage } from './disk-storage.ts';
import { Failure } from './failure.ts';
import { time } from './table.ts';

/** For commands that keep what they download. */
export const DATA_ARG = {
  type: 'string',
  valueHint: 'folder',
  default: './.veritab',
  description: 'Folder for what is kept: downloaded models, a key made here',
} as const;

/** Downloaded models, sessions. Of the coordinator's folder it shares the place, nothing else. */
export function edgeStorage(data: string): Storage {
  return diskStorage(join(data, 'edge'));
}

export function nodeClient(coordinator: string, storage: Storage): Client {
  return createClient({ coordinator, fetch, prover: nodePlatform, storage, clock: systemClock, random: systemRandom });
}

/** Runs what a client does; its failures are the command's. */
export async function asking<T>(action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (!(error instanceof RequestFailure)) throw error;
    const { code, message, expected = '', got = '', hint = '' } = error;
    const kind = ASKER_FAULTS.has(code) ? 'input' : 'network';
    throw new Failure(kind, code, message, { expected, got, hint, cause: error });
  }
}

/** Codes of problems that are in the request itself. */
const ASKER_FAULTS: ReadonlySet<string> = new Set([
  'unknown-model',
  'unknown-inference',
  'no-bundle',
  'bad-request',
  'bad-id',
  'slices',
  'deadline',
  'input-count',
  'input-size',
  'input-encoding',
  'idempotency-key',
  'idempotency-conflict',
  'body-too-large',
]);

/** The list of checks, for people. */
export function checksText({ checks }: BundleVerdict): string {
  return checks.map(({ ok, detail, ms }) => `${ok ? 'ok     ' : 'REFUSED'}  ${time(ms).padStart(8)}  ${detail}`).join('\n');
}

/** Throws `Failure` (refused) unless the answer is proven. */
export function refuseUnproven(verdict: BundleVerdict): void {
  if (verdict.proven) return;
  const wrong = verdict.checks.find(({ ok, name }) => !ok && name !== 'miner' && name !== 'coordinator');
  const slice = wrong?.slice ?? null;
  throw new Failure('refused', 'not-verified', `the answer is not proven: ${wrong?.detail ?? 'a check is missing'}`, {
    expected: 'a bundle that passes every check',
    got: `a failure of the check "${wrong?.name ?? ''}"${slice === null ? '' : ` of slice ${slice}`}`,
  });
}

/** Who proved the answer, and who says so; or why that is not certain. */
export function attributionText({ checks, attributed }: BundleVerdict): string {
  const own = checks.filter(({ name }) => name === 'miner' || name === 'coordinator');
  const said = [...new Set(own.filter(({ ok }) => ok === attributed).map(({ detail }) => detail))].join('\n');
  return attributed ? said : `not certain: ${said}`;
}
