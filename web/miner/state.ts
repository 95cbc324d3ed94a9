/** What a miner does, for those who watch: one plain object, replaced whenever something changes. */
import type { ConnectionStatus } from './connection.ts';
import type { JobPhase, ProverFigures } from './provers.ts';

/** A value that changes. */
export interface Observable<T> {
  readonly value: T;
  /** Calls `listener` after every change, until what it returns is called. Changes come in bursts: who draws should wait for the next frame. */
  subscribe(listener: (value: T) => void): () => void;
}

export type JobKind = 'client' | 'benchmark';

export interface MinerWork {
  readonly job: string;
  readonly request: string;
  readonly kind: JobKind;
  /** Slice k of n, from 0. */
  readonly slice: number;
  readonly slices: number;
  /** Digest of the slice's circuit, 64 hexadecimal digits. */
  readonly circuit: string;
  readonly phase: JobPhase;
  /** ms since 1970. */
  readonly since: number;
}

/** A proof that was made. */
export interface ProofTime {
  readonly at: number;
  readonly kind: JobKind;
  readonly circuit: string;
  readonly milliseconds: number;
  readonly bytes: number;
}

export interface VerdictEntry {
  readonly at: number;
  readonly job: string;
  readonly kind: JobKind | null;
  readonly circuit: string | null;
  readonly ok: boolean;
  /** Why it was refused; '' where it was not. */
  readonly check: string;
  readonly detail: string;
  readonly serviceMs: number;
  readonly verifyMs: number;
  readonly proofBytes: number;
}

export interface MinerTotals {
  readonly proofs: number;
  readonly proofBytes: number;
  readonly accepted: number;
  readonly refused: number;
  readonly declined: number;
  readonly cancelled: number;
}

export interface MinerState {
  readonly connection: ConnectionStatus;
  readonly address: string;
  readonly threads: number;
  readonly capacity: number;
  readonly work: MinerWork | null;
  readonly queued: number;
  readonly totals: MinerTotals;
  /** The last 200, oldest first. */
  readonly times: readonly ProofTime[];
  /** The last 50, oldest first. */
  readonly verdicts: readonly VerdictEntry[];
  /** Why a job was declined, the last time. */
  readonly trouble: { readonly at: number; readonly reason: string; readonly detail: string } | null;
  readonly provers: readonly ProverFigures[];
  /** Artefacts that are kept. */
  readonly cache: { readonly count: number; readonly bytes: number };
  /** What the coordinator last said of the network. */
  readonly network: { readonly miners: number; readonly queue: number } | null;
}

export const TIMES = 200;
export const VERDICTS = 50;

/** A list with one more entry, of which the last `most` are kept. */
export function appended<T>(list: readonly T[], entry: T, most: number): readonly T[] {
  return [...list.slice(Math.max(0, list.length + 1 - most)), entry];
}

export interface Changing<T> extends Observable<T> {
  change(part: Partial<T>): void;
}

export function changing<T extends object>(initial: T): Changing<T> {
  const listeners = new Set<(value: T) => void>();
  let value = initial;
  return {
    get value() {
      return value;
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    change(part) {
      value = { ...value, ...part };
      for (const listener of listeners) listener(value);
    },
  };
}
