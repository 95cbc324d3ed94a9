/**
 * From many claims on committed vectors to one point each: a plain sumcheck over the batched functional, in which the shorter vector joins late. Source: README.md, section 8.
 *
 * The prover never builds the functional over the whole vector. A product form on a slot is `channel x plane`: while in-plane variables are bound, only the slot contracted with
 * `channel` matters (one plane per form); when they are all bound, each channel of the slot has become one number, and the slot joins a dense pair of vectors that holds all slots
 * with smaller planes.
 */
import { add, eqPoints, eqTable, mul, powers, sub, ZERO, type K } from '../field/qm31.ts';
import { allocateK, eqArray, kArray, readK, type KArray } from '../field/karray.ts';
import { JOBS } from '../runtime/jobs.ts';
import type { Kernels } from '../runtime/kernels.ts';
import { planeBits, type Slot } from '../statement/layout.ts';
import { Refused } from '../statement/refused.ts';
import type { ProverTranscript, VerifierTranscript } from '../transcript/transcript.ts';
import { formAt, slotAxes, vectorPoint, type DenseForm, type Form, type PointForm, type ProductForm } from './forms.ts';
import { foldQuads, productRound, quadVector, readQuad, roundValue } from './product.ts';

export interface Claim {
  readonly forms: readonly Form[];
  readonly value: K;
}

/** The claims on one committed vector of `variables` variables. */
export interface Batch {
  readonly variables: number;
  readonly claims: readonly Claim[];
}

/** Where the prover has the vector: base words, `length` of them, and all its slots. */
export interface BatchVector {
  readonly address: number;
  readonly slots: readonly Slot[];
}

export interface Opened {
  readonly point: readonly K[];
  readonly value: K;
}

function splitFactors(delta: K, batches: readonly Batch[]): K[][] {
  const all = powers(
    delta,
    batches.reduce((n, b) => n + b.claims.length, 0),
  );
  let start = 0;
  return batches.map((b) => all.slice(start, (start += b.claims.length)));
}

/** A form with the batching factor of its claim. */
interface Weighted<F extends Form = Form> {
  readonly form: F;
  readonly factor: K;
}

function ofKind<F extends Form>(weighted: readonly Weighted[], kind: F['kind']): Weighted<F>[] {
  return weighted.filter((w): w is Weighted<F> => w.form.kind === kind);
}

/** A pair of quad vectors with `length` entries, in which `<f, g>` is summed. */
interface Pair {
  f: number;
  g: number;
  length: number;
}

/** Slots with planes of one size: in-plane product forms, one plane each, and dense forms, one plane per channel. */
interface PlaneClass {
  readonly bits: number;
  readonly slots: readonly Slot[];
  readonly products: readonly Weighted<ProductForm>[];
  readonly dense: readonly Weighted<DenseForm>[];
  readonly pair: Pair;
}

function scaledColumn(kernels: Kernels, column: KArray, factor: K, length: number): KArray {
  const out = allocateK(kernels, length);
  kernels.exports.clear!(out.address, 16 * length);
  const f = kArray(kernels, [factor]);
  kernels.exports.kScale!(out.address, column.address, f.address, column.length);
  return out;
}

/** The plane row x column, times a factor, into a quad vector of 2^(row bits + column bits) entries from element `base` on. */
function placePlane(kernels: Kernels, form: ProductForm, factor: K, quads: number, base: number): void {
  const { slot } = form;
  const mark = kernels.arena.mark();
  const column = scaledColumn(kernels, form.column, factor, slot.width);
  const line = allocateK(kernels, slot.width);
  for (let i = 0; i < slot.height; i++) {
    kernels.exports.kScale!(line.address, column.address, form.row.address + 16 * i, slot.width);
    kernels.exports.kToQuads!(quads, base + i * 2 ** slot.columnBits, line.address, slot.width);
  }
  kernels.arena.release(mark);
}

/** sum over channels of form.channel[c] * plane c of the slot, into a quad vector from element `base` on. */
function contractSlot(kernels: Kernels, vector: number, form: ProductForm, quads: number, base: number): void {
  const { slot } = form;
  const plane = 2 ** planeBits(slot);
  const at = vector + 4 * slot.offset;
  const mark = kernels.arena.mark();
  if (plane < 4) {
    const out = allocateK(kernels, plane);
    kernels.exports.contractNarrow!(at, plane, slot.channels, form.channel.address, out.address);
    kernels.exports.kToQuads!(quads, base, out.address, plane);
  } else {
    const limbs = kernels.arena.allocate(32 * slot.channels);
    kernels.exports.splitUnsigned!(limbs, form.channel.address, slot.channels);
    const grain = Math.max(1, Math.ceil(4096 / slot.channels));
    kernels.parallel(JOBS.contractPlanes, [at, plane, slot.channels, limbs, quads + 16 * base], plane / 4, grain);
  }
  kernels.arena.release(mark);
}

/** The value of every plane of a slot at the bound in-plane point: <plane, eq(point, .)>. */
function bindPlanes(kernels: Kernels, vector: number, slot: Slot, point: readonly K[]): KArray {
  const plane = 2 ** planeBits(slot);
  const out = allocateK(kernels, slot.channels);
  const mark = kernels.arena.mark();
  const eq = eqArray(kernels, point, 0, plane);
  let limbs = eq.address;
  if (plane >= 4) {
    limbs = kernels.arena.allocate(32 * plane);
    kernels.exports.splitUnsignedBlocks!(limbs, eq.address, plane);
  }
  kernels.parallel(
    JOBS.dotPlanes,
    [vector + 4 * slot.offset, plane, limbs, out.address],
    slot.channels,
    Math.max(1, Math.ceil(16384 / plane)),
  );
  kernels.arena.release(mark);
  return out;
}

/** eq(point, .) of the whole vector as product forms on its slots, whose planes count whole. What lies behind the last slot is zero. */
function onSlots(kernels: Kernels, slots: readonly Slot[], { form, factor }: Weighted<PointForm>): Weighted<ProductForm>[] {
  return slots.map((slot) => {
    const whole = { ...slot, height: 2 ** slot.rowBits, width: 2 ** slot.columnBits };
    return { form: { kind: 'product', slot: whole, factor: form.factor, ...slotAxes(kernels, whole, form.point) }, factor };
  });
}

function makeClasses(kernels: Kernels, vector: BatchVector, weighted: readonly Weighted[]): PlaneClass[] {
  const points = ofKind<PointForm>(weighted, 'point').flatMap((point) => onSlots(kernels, vector.slots, point));
  const allProducts = [...ofKind<ProductForm>(weighted, 'product'), ...points];
  const allDense = ofKind<DenseForm>(weighted, 'dense');
  const sizes = [...new Set(vector.slots.map(planeBits))].sort((a, b) => a - b);
  return sizes.map((bits): PlaneClass => {
    const slots = vector.slots.filter((s) => planeBits(s) === bits).sort((a, b) => a.offset - b.offset);
    const products = allProducts.filter((w) => planeBits(w.form.slot) === bits);
    const dense = allDense.filter((w) => planeBits(w.form.slot) === bits);
    const plane = 2 ** bits;
    const length = plane * (products.length + dense.reduce((n, d) => n + d.form.slot.channels, 0));
    if (bits === 0) return { bits, slots, products, dense, pair: { f: 0, g: 0, length: 0 } };
    const pair = { f: quadVector(kernels, length), g: quadVector(kernels, length), length };
    products.forEach(({ form, factor }, k) => {
      placePlane(kernels, form, mul(factor, form.factor), pair.g, k * plane);
      contractSlot(kernels, vector.address, form, pair.f, k * plane);
    });
    let base = products.length * plane;
    for (const { form, factor } of dense) {
      placeDense(kernels, vector.address, form, mul(factor, form.factor), pair, base);
      base += form.slot.channels * plane;
    }
    return { bits, slots, products, dense, pair };
  });
}

/** A dense form and its slot, plane by plane, into a pair of quad vectors from element `base` on. */
function placeDense(kernels: Kernels, vector: number, form: DenseForm, factor: K, pair: Pair, base: number): void {
  const { slot } = form;
  const plane = 2 ** planeBits(slot);
  const mark = kernels.arena.mark();
  const scaled = scaledColumn(kernels, form.coefficients, factor, form.coefficients.length);
  for (let c = 0; c < slot.channels; c++) {
    for (let i = 0; i < slot.height; i++) {
      const element = base + c * plane + i * 2 ** slot.columnBits;
      kernels.exports.kToQuads!(pair.g, element, scaled.address + 16 * (c * slot.height + i) * slot.width, slot.width);
    }
  }
  const words = kernels.words;
  const from = (vector >>> 2) + slot.offset;
  for (let k = 0; k < slot.channels * plane; k++) {
    const element = base + k;
    words[(pair.f >>> 2) + 16 * (element >>> 2) + (element & 3)] = words[from + k]!;
  }
  kernels.arena.release(mark);
}

/** Prover's state for one vector. */
interface Joining {
  readonly vector: BatchVector;
  readonly classes: readonly PlaneClass[];
  /** Slots whose planes are bound, as one dense pair; entry 0 is at index `start` of the vector's remaining index space. */
  upper: Pair;
  start: number;
  readonly points: readonly Weighted<PointForm>[];
}

/**
 * The entry behind the last one, which a round pairs with it where their number is odd: zero in the vector, but not in the functional eq(point, .) of the whole vector. `bound` are the challenges so
 * far.
 */
function placeTail(kernels: Kernels, { upper, start, points }: Joining, bound: readonly K[]): void {
  if (upper.length % 2 === 0 || !points.length) return;
  const t = bound.length;
  const value = points.reduce((sum, { form, factor }) => {
    const rest = eqTable(form.point.slice(t), start + upper.length, 1)[0]!;
    return add(sum, mul(mul(factor, form.factor), mul(eqPoints(form.point.slice(0, t), bound), rest)));
  }, ZERO);
  const mark = kernels.arena.mark();
  kernels.exports.kToQuads!(upper.g, upper.length, kArray(kernels, [value]).address, 1);
  kernels.arena.release(mark);
}

/** The slots of a class become entries of the dense pair; `round` variables are bound. */
function joinClass(kernels: Kernels, state: Joining, own: PlaneClass, point: readonly K[]): void {
  const planes = own.slots.reduce((n, s) => n + s.channels, 0);
  const length = planes + state.upper.length;
  const f = quadVector(kernels, length);
  const g = quadVector(kernels, length);
  const start = own.slots[0]!.offset / 2 ** own.bits;
  const coefficients = allocateK(kernels, planes);
  kernels.exports.clear!(coefficients.address, 16 * planes);
  const placeOf = (slot: Slot): number => slot.offset / 2 ** own.bits - start;
  own.products.forEach(({ form, factor }, k) => {
    const mark = kernels.arena.mark();
    // with in-plane variables, the plane's functional has become one number; without, it is the product of two one-entry vectors
    const rest =
      own.bits > 0
        ? readQuad(kernels, own.pair.g, k)
        : mul(mul(factor, form.factor), mul(readK(kernels, form.row.address), readK(kernels, form.column.address)));
    const scaled = scaledColumn(kernels, form.channel, rest, form.slot.channels);
    kernels.exports.kAdd!(coefficients.address + 16 * placeOf(form.slot), scaled.address, form.slot.channels);
    kernels.arena.release(mark);
  });
  let base = own.products.length;
  for (const { form, factor } of own.dense) {
    const mark = kernels.arena.mark();
    const channels = form.slot.channels;
    const own0 = own.bits > 0 ? allocateK(kernels, channels) : scaledColumn(kernels, form.coefficients, mul(factor, form.factor), channels);
    if (own.bits > 0) kernels.exports.kFromQuads!(own0.address, own.pair.g, base, channels);
    kernels.exports.kAdd!(coefficients.address + 16 * placeOf(form.slot), own0.address, channels);
    kernels.arena.release(mark);
    base += channels;
  }
  kernels.exports.kToQuads!(g, 0, coefficients.address, planes);
  for (const slot of own.slots) {
    const mark = kernels.arena.mark();
    const values = bindPlanes(kernels, state.vector.address, slot, point);
    kernels.exports.kToQuads!(f, placeOf(slot), values.address, slot.channels);
    kernels.arena.release(mark);
  }
  if (state.upper.length) {
    const mark = kernels.arena.mark();
    const moved = allocateK(kernels, state.upper.length);
    for (const [to, from] of [
      [f, state.upper.f],
      [g, state.upper.g],
    ] as const) {
      kernels.exports.kFromQuads!(moved.address, from, 0, state.upper.length);
      kernels.exports.kToQuads!(to, planes, moved.address, state.upper.length);
    }
    kernels.arena.release(mark);
  }
  state.upper = { f, g, length };
  state.start = start;
}

function foldPair(kernels: Kernels, pair: Pair, r: K): void {
  foldQuads(kernels, pair.f, pair.length, r);
  foldQuads(kernels, pair.g, pair.length, r);
  pair.length = Math.ceil(pair.length / 2);
}

/** One plain sumcheck over all claims of all vectors. Sends the rounds and the vectors' values; returns the point and value of each vector. */
export function proveBatches(
  kernels: Kernels,
  transcript: ProverTranscript,
  batches: readonly Batch[],
  vectors: readonly BatchVector[],
): Opened[] {
  const factors = splitFactors(transcript.challenge('delta'), batches);
  const states = batches.map((batch, k): Joining => {
    const weighted = batch.claims.flatMap((claim, j) => claim.forms.map((form) => ({ form, factor: factors[k]![j]! })));
    const vector = vectors[k]!;
    return {
      vector,
      classes: makeClasses(kernels, vector, weighted),
      upper: { f: 0, g: 0, length: 0 },
      start: 0,
      points: ofKind<PointForm>(weighted, 'point'),
    };
  });
  const rounds = Math.max(...batches.map((b) => b.variables));
  const point: K[] = [];
  for (let i = 0; i < rounds; i++) {
    let a = ZERO;
    let c = ZERO;
    states.forEach((state, k) => {
      const bound = i - (rounds - batches[k]!.variables);
      if (bound < 0) return;
      const own = point.slice(point.length - bound);
      for (const plane of state.classes) {
        if (plane.bits === bound) joinClass(kernels, state, plane, own);
        if (plane.bits <= bound || !plane.pair.length) continue;
        const [x, y] = productRound(kernels, plane.pair.f, plane.pair.g, plane.pair.length);
        a = add(a, x);
        c = add(c, y);
      }
      if (!state.upper.length) return;
      placeTail(kernels, state, own);
      const [x, y] = productRound(kernels, state.upper.f, state.upper.g, state.upper.length);
      a = add(a, x);
      c = add(c, y);
    });
    transcript.sendElements('batching round', [a, c]);
    const r = transcript.challenge('batching point');
    point.push(r);
    states.forEach((state, k) => {
      const bound = i - (rounds - batches[k]!.variables);
      if (bound < 0) return;
      for (const plane of state.classes) if (plane.bits > bound && plane.pair.length) foldPair(kernels, plane.pair, r);
      if (!state.upper.length) return;
      foldPair(kernels, state.upper, r);
      // whole: what lies before are larger planes, which join before they would be cut
      state.start /= 2;
    });
  }
  const opened = states.map((state, k): Opened => {
    const own = point.slice(rounds - batches[k]!.variables);
    // a vector that fills its index space with one plane joins only now
    for (const plane of state.classes) if (plane.bits === own.length) joinClass(kernels, state, plane, own);
    return { point: own, value: readQuad(kernels, state.upper.f, 0) };
  });
  transcript.sendElements(
    'values',
    opened.map((o) => o.value),
  );
  return opened;
}

/** Checks the reduction; returns the point and value of each vector, still to be opened. Throws `Refused`. */
export function verifyBatches(kernels: Kernels, transcript: VerifierTranscript, batches: readonly Batch[]): Opened[] {
  const factors = splitFactors(transcript.challenge('delta'), batches);
  const rounds = Math.max(...batches.map((b) => b.variables));
  const point: K[] = [];
  let claim = ZERO;
  for (let i = 0; i < rounds; i++) {
    batches.forEach((batch, k) => {
      if (batch.variables === rounds - i) batch.claims.forEach((c, j) => (claim = add(claim, mul(factors[k]![j]!, c.value))));
    });
    const [a, c] = transcript.receiveElements('batching round', 2) as [K, K];
    const r = transcript.challenge('batching point');
    point.push(r);
    claim = roundValue(claim, a, c, r);
  }
  const values = transcript.receiveElements('values', batches.length);
  let expected = ZERO;
  const opened = batches.map((batch, k): Opened => {
    const own = point.slice(rounds - batch.variables);
    const at = vectorPoint(kernels, own);
    let functional = ZERO;
    batch.claims.forEach((c, j) => {
      const value = c.forms.reduce((sum, form) => add(sum, formAt(kernels, form, at)), ZERO);
      functional = add(functional, mul(factors[k]![j]!, value));
    });
    expected = add(expected, mul(values[k]!, functional));
    return { point: own, value: values[k]! };
  });
  if (sub(expected, claim).some((w) => w !== 0))
    throw new Refused('batching', 'the batching sumcheck does not end in the value of the claims');
  return opened;
}
