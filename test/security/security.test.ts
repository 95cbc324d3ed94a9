import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { OPENING_LEVELS, P } from '../../wasm/parameters.ts';
import {
  LARGEST,
  LARGEST_REGISTRATION,
  leastQueries,
  queryBits,
  registrationSecurity,
  registrationSecurityOf,
  ROUND_BITS,
  securityMarkdown,
  securityOf,
  securitySection,
  securityTable,
  totalBits,
  type SecurityRow,
} from '../../wasm/security/security.ts';
import { committedNet, smallNets, wideNet } from '../support/circuits.ts';

const wide = wideNet();

function expectSecure(rows: readonly SecurityRow[], total: number): void {
  for (const { round, bits } of rows) expect(bits, round).toBeGreaterThanOrEqual(ROUND_BITS);
  expect(totalBits(rows)).toBeGreaterThanOrEqual(total);
}

describe('every round of a proof', () => {
  it.each([...smallNets(), wide])('gives a cheating prover at most 2^-100: $name', ({ circuit }) => {
    expectSecure(securityTable(circuit), 98);
    if (circuit.weightRoot) expectSecure(registrationSecurity(circuit), 98);
  });

  it('gives a cheating prover at most 2^-100 in the largest proofs, 2^-98 in all, 2^-97 with committed weights', () => {
    expectSecure(securityOf(LARGEST), 98);
    expectSecure(securityOf({ ...LARGEST, claims: LARGEST.claims + LARGEST.terms, vectors: [...LARGEST.vectors, ...LARGEST.vectors] }), 97);
    expectSecure(registrationSecurityOf(LARGEST_REGISTRATION), 97);
  });

  it('gives a cheating prover at most 2^-100 for vectors of every length', () => {
    const lengths = OPENING_LEVELS.flatMap(([max], k) => [(OPENING_LEVELS[k - 1]?.[0] ?? 0) + 1, max]);
    for (const length of lengths) {
      for (const vectors of [[length], [length, 256], [length, LARGEST.vectors[0]!]]) {
        expectSecure(securityOf({ ...LARGEST, vectors }), 97);
        const channels = Math.min(length, LARGEST_REGISTRATION.channels);
        expectSecure(registrationSecurityOf({ weights: length, weightLength: length, channels }), 97);
      }
    }
  });

  it('just below and above the number of lookups from which on their challenges need grinding', () => {
    for (const validLeaves of [15_653_696, 15_653_697]) expectSecure(securityOf({ ...LARGEST, validLeaves }), 98);
  });
});

describe('the queries of an opening', () => {
  it('are as many as unique decoding needs, and no more: the parameter table follows from (n, C)', () => {
    for (const [max, levels] of OPENING_LEVELS) {
      levels.forEach((level, depth) => {
        expect(leastQueries(level), `vectors of ${max}, level ${depth}`).toBe(level.queries);
      });
    }
  });

  it('miss with the probability of drawing without replacement', () => {
    // 8 columns of which 3 or more differ: C = 2, n = 8, e = floor(5 / 2) = 2; exact fractions
    const level = { columnBits: 1, inverseRate: 4, queries: 0 };
    expect(2 ** -queryBits(level, 1)).toBeCloseTo(5 / 8, 12);
    expect(2 ** -queryBits(level, 3)).toBeCloseTo((5 * 4 * 3) / (8 * 7 * 6), 12);
    expect(queryBits(level, 6)).toBe(Infinity);
  });
});

describe('the table', () => {
  it('follows the design where it gives a formula', () => {
    const field = 4 * Math.log2(P);
    const rows = new Map(securityOf({ ...LARGEST, validLeaves: 1000, terms: 9, claims: 12 }).map((row) => [row.round, row]));
    const bits = (round: string): number => rows.get(round)!.bits;
    expect(bits('lookup challenges')).toBeCloseTo(field - Math.log2(1000), 9);
    expect(bits('tree: round')).toBeCloseTo(field - Math.log2(3), 9);
    expect(bits('tree: lambda')).toBeCloseTo(field, 9);
    expect(bits('beta')).toBeCloseTo(field - 3, 9);
    expect(bits('delta')).toBeCloseTo(field - Math.log2(11), 9);
    expect(bits('batching round, folding rows')).toBeCloseTo(field - Math.log2(2 + 2 ** 20), 9);
    expect(bits('level 0: kappa')).toBeCloseTo(field - Math.log2(125), 9);
  });

  it('names the rounds of a small circuit with committed weights', () => {
    const table = securityTable(committedNet().circuit);
    expect(table.map(({ round, count }) => [round, count])).toEqual([
      ['lookup challenges', 1],
      ['tree: round', 55],
      ['tree: lambda', 10],
      ['tree: mu', 11],
      ['output point', 1],
      ['beta', 1],
      ['linear round', 6],
      ['delta', 1],
      ['batching round', 7],
      ['batching round, folding rows', 2],
      ['batching round, folding rows', 2],
      ['vector 1, level 0: queries', 1],
      ['vector 2, level 0: queries', 1],
    ]);
    expect(securityMarkdown(table).split('\n')).toHaveLength(table.length + 3);
  });

  it('of the largest parameters stands in the README', async () => {
    const readme = await readFile(join(import.meta.dirname, '../../wasm/README.md'), 'utf8');
    expect(readme).toContain(`\n## Security\n\n${securitySection()}\n`);
  });
});
