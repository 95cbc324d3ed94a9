/**
 * Lookups (README section 6): the tree of fractions, and what its last claims say about the witness.
 */
import { roundingOffset, type LinearLayer, type Maximum, type Requantize } from '../../circuits/graph/circuit.ts';
import { add, integer, integerDot, isEqual, isZero, multiply, negate, ONE, powerOfTwo, scale, subtract, times, ZERO } from './field.ts';
import type { K } from './field.ts';
import {
  addConstant,
  addTensor,
  addView,
  contract,
  emptyFunctional,
  mass,
  scaleAll,
  type Axes,
  type Functional,
  type Known,
} from './functional.ts';
import { eqAxes, limbBits, limbCount, type Slot } from './layout.ts';
import { addDirectTerms, convolutionClaims, type ConvolutionClaim } from './linear.ts';
import { bits } from './multilinear.ts';
import { refuseUnless } from './refused.ts';
import type { ProofReader } from './transcript.ts';

export interface LookupChallenges {
  readonly alpha: K;
  readonly gamma1: K;
  readonly gamma2: K;
}

/** Numerator and denominator of the leaves at a point. */
export interface LeafClaims {
  readonly point: readonly K[];
  readonly numerator: K;
  readonly denominator: K;
}

/** Variables of a leaf vector. */
export function treeHeight(leaves: number): number {
  return Math.max(1, bits(leaves));
}

/** first + gamma1 second + gamma2 tag */
export function keyOf(first: number, second: number, tag: number, { gamma1, gamma2 }: Omit<LookupChallenges, 'alpha'>): K {
  return add(integer(first), add(times(second, gamma1), times(tag, gamma2)));
}

/** Checks that the fractions of all leaves sum to zero, up to the claims on the leaves that it returns. */
export function verifyTree(reader: ProofReader, height: number): LeafClaims {
  const receiveChildren = (label: string) => {
    const [p0, q0, p1, q1] = reader.receive(label, 4) as [K, K, K, K];
    return { p0, q0, p1, q1, numerator: add(multiply(p0, q1), multiply(p1, q0)), denominator: multiply(q0, q1) };
  };
  const root = receiveChildren('root');
  refuseUnless(isZero(root.numerator), 'lookup sum', 'the fractions do not sum to zero: some lookup is in no table');
  refuseUnless(!isZero(root.denominator), 'lookup sum', 'a denominator is zero');
  let mu = reader.challenge('mu');
  let point: K[] = [mu];
  let numerator = add(root.p0, multiply(mu, subtract(root.p1, root.p0)));
  let denominator = add(root.q0, multiply(mu, subtract(root.q1, root.q0)));
  for (let k = 1; k < height; k++) {
    const lambda = reader.challenge('lambda');
    let claim = add(numerator, multiply(lambda, denominator));
    const below: K[] = [];
    for (let t = 0; t < k; t++) {
      const [b, c] = reader.receive('tree round', 2) as [K, K];
      const a = subtract(claim, multiply(point[t]!, add(b, c)));
      const r = reader.challenge('tree point');
      below.push(r);
      claim = add(a, multiply(r, add(b, multiply(r, c))));
    }
    const children = receiveChildren('children');
    const found = add(children.numerator, multiply(lambda, children.denominator));
    refuseUnless(isEqual(found, claim), 'lookup tree', `the nodes of height ${k + 1} do not give those of height ${k}`);
    mu = reader.challenge('mu');
    point = [mu, ...below];
    numerator = add(children.p0, multiply(mu, subtract(children.p1, children.p0)));
    denominator = add(children.q0, multiply(mu, subtract(children.q1, children.q0)));
  }
  return { point, numerator, denominator };
}

/** What the leaves at a point say, as functionals of the witness. */
export interface LeafFunctionals {
  /** V: the sum of eq over valid lookups. */
  readonly lookups: K;
  /** V_T: the sum of eq over table rows. */
  readonly rows: K;
  /** B_N. */
  readonly multiplicities: Functional;
  /** sum over leaves of eq(z, leaf) key(leaf), up to the convolutions. */
  readonly keys: Functional;
  readonly convolutions: readonly ConvolutionClaim[];
}

/** E[c] = 2^-s_c eqC[c], and 2^-s = 2^(31 - s). */
function dividedByScale(layer: Requantize, channel: readonly K[]): K[] {
  return channel.map((e, c) => scale(powerOfTwo(31 - layer.shift[c]!), e));
}

/** Adds sum E[c] row[i] column[j] bias[c, i, j]. */
export function addBias(functional: Functional, layer: LinearLayer, axes: Axes): void {
  if (layer.bias.length === layer.shape[0]) {
    const biased = axes.channel.map((e, c) => times(layer.bias[c]!, e));
    addConstant(functional, mass({ ...axes, channel: biased }));
  } else {
    addConstant(functional, contract(axes, layer.bias));
  }
}

/** gamma2 times the sum of eq times tag over a slot of leaves, the tag being a function of the channel. */
function addTags(functional: Functional, axes: Axes, gamma2: K, tagOf: (channel: number) => number): void {
  const tagged = axes.channel.map((e, c) => times(tagOf(c), e));
  addConstant(functional, multiply(gamma2, mass({ ...axes, channel: tagged })));
}

export function leafFunctionals(known: Known, point: readonly K[], challenges: LookupChallenges): LeafFunctionals {
  const { circuit, layout } = known;
  const keys = emptyFunctional();
  const multiplicities = emptyFunctional();
  const convolutions: ConvolutionClaim[] = [];
  let lookups = ZERO;
  let rows = ZERO;

  circuit.layers.forEach((layer, layerIndex) => {
    if (layer.kind === 'accumulate') return;
    const result = eqAxes(layout.leaves.results.get(layerIndex)!, point);
    lookups = add(lookups, mass(result));
    if (layer.kind === 'maximum') {
      addMaximum(keys, known, circuit.inputs.length + layerIndex, layer, result, challenges);
      return;
    }
    for (const slot of layout.leaves.limbs.get(layerIndex)!) lookups = add(lookups, mass(eqAxes(slot, point)));
    convolutions.push(...addRequantize(keys, known, layerIndex, layer, result, point, challenges));
  });
  layout.tables.forEach((table, n) => {
    const axes = eqAxes(layout.leaves.rows[n]!, point); // planes of one element: the row and column vectors are (1)
    rows = add(rows, mass(axes));
    multiplicities.forms.push({ kind: 'product', slot: layout.witness.multiplicities[n]!, axes });
    const second = integerDot(table.second, 0, axes.channel);
    const first = integerDot(table.first, 0, axes.channel);
    addConstant(keys, add(first, multiply(challenges.gamma1, second)));
    addTags(keys, axes, challenges.gamma2, () => table.tag);
  });
  return { lookups, rows, multiplicities, keys, convolutions };
}

/** key = (a - b) + gamma1 (m - b) + gamma2 tag, of the raw bytes. */
function addMaximum(
  keys: Functional,
  known: Known,
  tensor: number,
  layer: Maximum,
  axes: Axes,
  { gamma1, gamma2 }: LookupChallenges,
): void {
  const tag = known.layout.tables[known.layout.maximumTable!]!.tag;
  addTags(keys, axes, gamma2, () => tag);
  addView(keys, known, layer.a, axes, false);
  addView(keys, known, layer.b, { ...axes, channel: scaleAll(negate(add(ONE, gamma1)), axes.channel) }, false);
  addTensor(keys, known, tensor, { ...axes, channel: scaleAll(gamma1, axes.channel) });
}

/** Quotient: key = q + gamma1 y + gamma2 tag with q = 2^-s (acc + h - r). Limbs: key = r_l + gamma2 tag. */
function addRequantize(
  keys: Functional,
  known: Known,
  layerIndex: number,
  layer: Requantize,
  axes: Axes,
  point: readonly K[],
  { gamma1, gamma2 }: LookupChallenges,
): ConvolutionClaim[] {
  const { circuit, layout } = known;
  const tagOfTable = layout.tables[layout.circuitTables.get(layer.table)!]!.tag;
  const E = dividedByScale(layer, axes.channel);
  addTags(keys, axes, gamma2, () => tagOfTable);
  addTensor(keys, known, circuit.inputs.length + layerIndex, { ...axes, channel: scaleAll(gamma1, axes.channel) });
  for (let limb = 0; limb < limbCount(layer); limb++) {
    const ofLimb = eqAxes(layout.leaves.limbs.get(layerIndex)![limb]!, point);
    addTags(keys, ofLimb, gamma2, (c) => layout.tables[layout.remainderTables.get(limbBits(layer.shift[c]!, limb))!]!.tag);
    const channel = ofLimb.channel.map((e, c) => subtract(e, times(limb === 0 ? 1 : 2 ** 12, E[c]!)));
    const slot: Slot = layout.witness.limbs.get(layerIndex)![limb]!;
    keys.forms.push({ kind: 'product', slot, axes: { ...axes, channel } });
  }
  const accumulator: Axes = { ...axes, channel: E };
  addBias(keys, layer, accumulator);
  addConstant(keys, mass({ ...axes, channel: E.map((e, c) => times(roundingOffset(layer.shift[c]!), e)) }));
  addDirectTerms(keys, known, layer, accumulator);
  return convolutionClaims(circuit, layerIndex, layer, accumulator);
}

/** Right sides of claims 0 and 1: what <w, B_N> and <w, B_D> plus constants plus convolutions must be. */
export function leafTotals(at: LeafClaims, found: Pick<LeafFunctionals, 'lookups' | 'rows'>, alpha: K): { numerators: K; keys: K } {
  const all = add(found.lookups, found.rows);
  return {
    numerators: subtract(found.lookups, at.numerator),
    // A valid leaf has denominator alpha - key, every other leaf 1.
    keys: subtract(add(ONE, multiply(subtract(alpha, ONE), all)), at.denominator),
  };
}
