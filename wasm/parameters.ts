/**
 * Constants of the proof system. They are part of the code, never of a proof: prover and verifier derive every size from the circuit and
 * from what stands here. Source: the specification in `README.md` (sections 2, 5, 9).
 */

/** Format version and parameter set, both absorbed before anything else. */
export const VERSION = 1;
export const PARAMETER_SET = 1;

/** The base field's prime, 2^31 - 1. */
export const P = 0x7fffffff;

/** Bits of grinding before each set of queries, and before the lookup challenges of very large circuits. */
export const QUERY_GRINDING_BITS = 16;
export const LOOKUP_GRINDING_BITS = 3;
/** Valid leaves above which the lookup challenges need grinding (2^23.9), and the most there may be. */
export const LOOKUP_GRINDING_LEAVES = 15_653_696;
export const MAX_LEAVES = 2 ** 26;

/** Remainders longer than this are split into two limbs. */
export const LIMB_BITS = 12;

/** Largest proof that is looked at. */
export const MAX_PROOF_BYTES = 1 << 20;

/** One level of an opening: 2^columnBits columns, encoded to `inverseRate` times as many, of which `queries` are opened. */
export interface Level {
  readonly columnBits: number;
  readonly inverseRate: number;
  readonly queries: number;
}

const level = (columnBits: number, inverseRate: number, queries: number): Level => ({ columnBits, inverseRate, queries });

/** Largest vector length, and the levels of its opening. The first row that is large enough is the one. */
export const OPENING_LEVELS: readonly (readonly [maxLength: number, levels: readonly Level[]])[] = [
  [1152, [level(6, 4, 93)]],
  [2304, [level(7, 4, 107)]],
  [9216, [level(8, 4, 115)]],
  [18432, [level(9, 4, 120)]],
  [73728, [level(10, 4, 122)]],
  [147456, [level(11, 4, 123)]],
  [294912, [level(12, 4, 124), level(9, 8, 100)]],
  [589824, [level(13, 4, 124), level(10, 8, 101)]],
  [1179648, [level(14, 4, 124), level(10, 8, 101)]],
  [2359296, [level(15, 4, 124), level(11, 8, 101), level(8, 8, 98)]],
  [4718592, [level(15, 4, 124), level(12, 8, 101), level(9, 8, 100)]],
  [9437184, [level(16, 4, 124), level(12, 16, 92), level(9, 16, 92)]],
  [18874368, [level(17, 4, 124), level(13, 16, 93), level(10, 16, 92)]],
  [37748736, [level(18, 4, 124), level(14, 16, 93), level(10, 16, 92)]],
];

/** Longest vector that can be committed to. */
export const MAX_VECTOR_LENGTH = OPENING_LEVELS[OPENING_LEVELS.length - 1]![0];

/** The opening levels of a vector of `length` entries (1 .. MAX_VECTOR_LENGTH), or null if it is too long. */
export function openingLevels(length: number): readonly Level[] | null {
  return OPENING_LEVELS.find(([max]) => length <= max)?.[1] ?? null;
}

/** Rows of the matrix of a vector of `length` entries at a level. */
export function rowCount(length: number, level: Level): number {
  return Math.ceil(length / 2 ** level.columnBits);
}
