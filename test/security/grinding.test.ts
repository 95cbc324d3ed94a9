/** Very large circuits work for their lookup challenges: more than 2^23.9 leaves would leave less than 100 bits. No test proves one; what is drawn when is the same for all who draw. */
import { describe, expect, test } from 'vitest';
import { LOOKUP_GRINDING_BITS, LOOKUP_GRINDING_LEAVES } from '../../wasm/parameters.ts';
import { drawAlpha, registrationLayout as referenceRegistration } from '../../wasm/reference/registration.ts';
import { deriveLayout } from '../../wasm/reference/layout.ts';
import type { Transcript } from '../../wasm/reference/transcript.ts';
import { drawLookupChallenges } from '../../wasm/reference/verify.ts';
import { registrationAlpha, registrationLayout } from '../../wasm/registration/statement.ts';
import { layoutOf } from '../../wasm/statement/layout.ts';
import { lookupChallenges } from '../../wasm/statement/statement.ts';
import { committedNet } from '../support/circuits.ts';

type K = readonly [number, number, number, number];

/** A transcript that only remembers what it was asked for. */
function recording() {
  const calls: string[] = [];
  const challenge = (label: string): K => {
    calls.push(label);
    return [calls.length, 0, 0, 0];
  };
  return {
    calls,
    absorb: (label: string) => void calls.push(label),
    challenge,
    challenges: (label: string, count: number): K[] => Array.from({ length: count }, () => challenge(label)),
    grind: (label: string, bits: number) => void calls.push(`${label} ${bits}`),
  };
}

const { circuit } = committedNet();
const nonce = `lookup nonce ${LOOKUP_GRINDING_BITS}`;

describe.each([
  ['at 15,653,696 leaves', LOOKUP_GRINDING_LEAVES, []],
  ['at one leaf more', LOOKUP_GRINDING_LEAVES + 1, [nonce]],
])('%s', (_, leaves, first) => {
  test('the challenges of lookups are drawn alike', () => {
    const fast = recording();
    const reference = recording();
    const own = lookupChallenges(fast, { ...layoutOf(circuit), validLeaves: leaves });
    const layout = deriveLayout(circuit);
    const other = drawLookupChallenges(
      reference as unknown as Transcript,
      { ...layout, leaves: { ...layout.leaves, valid: leaves } },
      reference.grind,
    );
    expect(fast.calls).toEqual([...first, 'alpha', 'gamma', 'gamma']);
    expect(reference.calls).toEqual(fast.calls);
    expect(other).toEqual(own);
  });

  test('the challenge of a registration is drawn alike', () => {
    const fast = recording();
    const reference = recording();
    registrationAlpha(fast, { ...registrationLayout(circuit), validLeaves: leaves });
    // one more convolution, of as many weights as are missing
    const layout = referenceRegistration(circuit);
    const valid = layout.shapes.reduce((sum, shape) => sum + shape.reduce((a, b) => a * b), 256);
    drawAlpha(
      reference as unknown as Transcript,
      { ...layout, shapes: [...layout.shapes, [leaves - valid, 1, 1, 1] as const] },
      reference.grind,
    );
    expect(fast.calls).toEqual([...first, 'alpha']);
    expect(reference.calls).toEqual(fast.calls);
  });
});

test('and that is where 2^-100 ends: leaves / p^4', () => {
  const bits = (leaves: number): number => 4 * Math.log2(2 ** 31 - 1) - Math.log2(leaves);
  expect(bits(LOOKUP_GRINDING_LEAVES)).toBeGreaterThan(100);
  expect(bits(2 ** 26)).toBeLessThan(100);
  expect(bits(2 ** 26) + LOOKUP_GRINDING_BITS).toBeGreaterThan(100);
});
