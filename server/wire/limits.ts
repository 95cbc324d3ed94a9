/** Sizes and times that both ends of the network know. Bytes and milliseconds. */

/** Version of the frames, and the WebSocket subprotocol that names it. */
export const PROTOCOL = 1;
export const SUBPROTOCOL = 'veritab.1';

/** Where miners connect. */
export const MINER_PATH = '/v1/miners/connect';

export const MAX_PROOF_BYTES = 2 ** 20;
/** A frame: the largest proof and what stands around it. */
export const MAX_FRAME_BYTES = MAX_PROOF_BYTES + 4096;
/** Inputs up to this size ride in the job frame; larger ones are blobs. */
export const MAX_INLINE_INPUT_BYTES = 256 * 1024;
export const MAX_BUNDLE_BYTES = 2 ** 26;
export const MAX_SLICES = 64;

/** The server pings, and sends a `stats` frame, this often; a side that heard nothing for `DEAD_AFTER` gives the connection up. */
export const PING_EVERY = 15_000;
export const DEAD_AFTER = 40_000;
/** A job is leased for so long, and renewed by whoever works on it. */
export const LEASE = 15_000;

/** How long a challenge can be answered, and a session can be resumed. */
export const CHALLENGE_LIFETIME = 60_000;
export const SESSION_LIFETIME = 24 * 3_600_000;

export const DEFAULT_DEADLINE = 60_000;
export const MAX_DEADLINE = 600_000;
/** Attempts at one job, hedges included. */
export const MAX_ATTEMPTS = 5;

/** Refused proofs within a day after which a hotkey rests for an hour. */
export const STRIKES = 3;

/** Close codes of a miner's socket, beside those of RFC 6455. */
export const CLOSE = {
  /** A frame that is none: not msgpack, unknown fields, wrong types. */
  malformed: 4400,
  /** The certificate or the possession of its key did not hold. */
  unauthorized: 4401,
  /** The hotkey rests after refused proofs. */
  paused: 4403,
  /** No hello in time, or nothing heard for too long. */
  timeout: 4408,
  /** Another connection of the same session took over. */
  replaced: 4409,
  /** Another version of the frames. */
  version: 4426,
  /** More frames or connections than are allowed. */
  tooMany: 4429,
  /** The coordinator is going down; come again. */
  draining: 4503,
} as const;
