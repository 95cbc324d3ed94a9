/** Bounds and times of dispatch that an operator, or a test, may choose. */
import { LEASE, PING_EVERY, DEAD_AFTER, CHALLENGE_LIFETIME } from '../wire/limits.ts';

export interface Settings {
  /** Client requests that may be open in the network, and of one address. */
  readonly maxRequests: number;
  readonly maxRequestsPerAddress: number;
  /** Requests that one address may make per second, in the long run; twice as many at once. */
  readonly requestRate: number;
  /** Miners' connections here, from one address, and of one hotkey. */
  readonly maxMiners: number;
  readonly maxMinersPerAddress: number;
  readonly maxMinersPerHotkey: number;
  /** Frames per second of one connection, in the long run; twice as many at once. */
  readonly frameRate: number;
  /** How long a connection has for its hello. */
  readonly helloWithin: number;
  readonly pingEvery: number;
  readonly deadAfter: number;
  readonly lease: number;
  /** How long a job of a connection that broke off waits for it. */
  readonly grace: number;
  /** How often to look for what no announcement told. */
  readonly pollEvery: number;
  /** Of a miner's time that benchmarks may take while no client asks, 0..1. */
  readonly benchmarkShare: number;
  /** How often what is past its time is removed. */
  readonly forgetEvery: number;
  /** How long draining waits for jobs that are out. */
  readonly drainWithin: number;
}

export const DEFAULT_SETTINGS: Settings = {
  maxRequests: 1000,
  maxRequestsPerAddress: 100,
  requestRate: 50,
  maxMiners: 10_000,
  maxMinersPerAddress: 2000,
  maxMinersPerHotkey: 64,
  frameRate: 500,
  helloWithin: CHALLENGE_LIFETIME,
  pingEvery: PING_EVERY,
  deadAfter: DEAD_AFTER,
  lease: LEASE,
  grace: 2000,
  pollEvery: 1000,
  benchmarkShare: 0,
  forgetEvery: 60_000,
  drainWithin: 10_000,
};
