/**
 * What the final claims of the lookup tree say about the witness: two functionals of it, and the convolutions that go on to the linear sumcheck; likewise the claims that int32
 * outputs make. Source: README.md, section 6 ("Final claims", "Output claims").
 */
import { roundingOffset, type LinearLayer, type Maximum, type Requantize } from '../../circuits/graph/circuit.ts';
import {
  addConstant,
  addTensor,
  addView,
  emptyCombination,
  slotAxes,
  type Combination,
  type Scene,
  type SlotAxes,
} from '../claims/forms.ts';
import {
  dotIntegers,
  formValue,
  placeIntegers,
  scaleByIntegers,
  spread,
  subtractShifted,
  sumK,
  unshift,
  type KArray,
} from '../field/karray.ts';
import { add, bits, mul, neg, ONE, scale, sub, ZERO, type K } from '../field/qm31.ts';
import { convolutionClaim, type ConvolutionClaim, type OutputVectors } from '../linear/convolution.ts';
import { tensorShape, type MaximumSlots, type RequantizeSlots } from '../statement/layout.ts';

export interface LookupChallenges {
  readonly alpha: K;
  readonly gamma1: K;
  readonly gamma2: K;
}

/** Sum over channels and positions of E row column (bias + h). */
function biasSum(scene: Scene, layer: LinearLayer, { E, row, column }: OutputVectors): K {
  const { kernels } = scene;
  const [channels, height, width] = layer.shape;
  const mark = kernels.arena.mark();
  const shift = layer.kind === 'requantize' ? layer.shift : null;
  let value: K;
  if (layer.bias.length === channels) {
    const bias = shift ? layer.bias.map((b, c) => b + roundingOffset(shift[c]!)) : layer.bias;
    value = mul(dotIntegers(kernels, E, placeIntegers(kernels, bias)), mul(sumK(kernels, row), sumK(kernels, column)));
  } else {
    const plane = height * width;
    const bias = shift ? layer.bias.map((b, k) => b + roundingOffset(shift[Math.floor(k / plane)]!)) : layer.bias;
    value = formValue(kernels, E, row, column, placeIntegers(kernels, bias), false);
  }
  kernels.arena.release(mark);
  return value;
}

/** Adds the direct terms of sum E row column acc to a combination; returns the convolutions, which need the sumcheck. */
function addDirectTerms(scene: Scene, to: Combination, layerIndex: number, layer: LinearLayer, vectors: OutputVectors): ConvolutionClaim[] {
  const { kernels, layout } = scene;
  const { E, row, column } = vectors;
  const claims: ConvolutionClaim[] = [];
  layer.terms.forEach((term, termIndex) => {
    if (term.kind === 'convolution') {
      claims.push(
        convolutionClaim(
          layout.convolutions.find((s) => s.layerIndex === layerIndex && s.termIndex === termIndex)!,
          vectors,
        ),
      );
      return;
    }
    const channel = scaleByIntegers(kernels, E, term.multiplier);
    if (term.kind === 'multiple') {
      addView(scene, to, term.operand, ONE, channel, row, column, true);
      return;
    }
    const [, height, width] = term.operand.shape;
    const rows = spread(kernels, scaleByIntegers(kernels, row, term.rowFactor), term.kernel[0], height, term.stride[0], 1, term.pad[0]);
    const columns = spread(
      kernels,
      scaleByIntegers(kernels, column, term.columnFactor),
      term.kernel[1],
      width,
      term.stride[1],
      1,
      term.pad[1],
    );
    addView(scene, to, term.operand, ONE, channel, rows, columns, true);
  });
  return claims;
}

function mass(scene: Scene, { channel, row, column }: SlotAxes): K {
  return mul(sumK(scene.kernels, channel), mul(sumK(scene.kernels, row), sumK(scene.kernels, column)));
}

function addRequantize(
  scene: Scene,
  to: Combination,
  index: number,
  layer: Requantize,
  slots: RequantizeSlots,
  z: readonly K[],
  gammas: LookupChallenges,
): { valid: K; claims: ConvolutionClaim[] } {
  const { kernels, layout } = scene;
  const axes = slotAxes(kernels, slots.quotientLeaves, z);
  const { channel, row, column } = axes;
  const E = unshift(kernels, channel, layer.shift);
  const inPlane = mul(sumK(kernels, row), sumK(kernels, column));
  addTensor(scene, to, layout.circuit.inputs.length + index, gammas.gamma1, channel, row, column);
  const quotientMass = mul(sumK(kernels, channel), inPlane);
  let tags = scale(slots.quotientTag, quotientMass);
  let valid = quotientMass;
  slots.limbs.forEach((slot, limb) => {
    const own = slotAxes(kernels, slots.limbLeaves[limb]!, z);
    valid = add(valid, mul(sumK(kernels, own.channel), inPlane));
    tags = add(tags, mul(dotIntegers(kernels, own.channel, placeIntegers(kernels, slots.limbTags[limb]!)), inPlane));
    to.forms.push({ kind: 'product', slot, factor: ONE, channel: subtractShifted(kernels, own.channel, E, 12 * limb), row, column });
  });
  addConstant(to, mul(gammas.gamma2, tags));
  const vectors = { E, row, column };
  addConstant(to, biasSum(scene, layer, vectors));
  return { valid, claims: addDirectTerms(scene, to, index, layer, vectors) };
}

function addMaximum(
  scene: Scene,
  to: Combination,
  index: number,
  layer: Maximum,
  slots: MaximumSlots,
  z: readonly K[],
  gammas: LookupChallenges,
): K {
  const axes = slotAxes(scene.kernels, slots.leaves, z);
  const { channel, row, column } = axes;
  const valid = mass(scene, axes);
  addConstant(to, mul(gammas.gamma2, scale(slots.tag, valid)));
  addView(scene, to, layer.a, ONE, channel, row, column, false);
  addView(scene, to, layer.b, neg(add(ONE, gammas.gamma1)), channel, row, column, false);
  addTensor(scene, to, scene.layout.circuit.inputs.length + index, gammas.gamma1, channel, row, column);
  return valid;
}

/** The two functionals of the lookup argument, and what stands beside them. */
export interface LeafClaims {
  /** <w, B_N> = numeratorValue - N~. */
  readonly numerators: Combination;
  /** V, the eq-sum over valid lookups. */
  readonly valid: K;
  /** <w, B_D> + constant + sum of t = 1 + (alpha - 1)(V + V_T) - D~. */
  readonly keys: Combination;
  /** V_T, the eq-sum over table rows. */
  readonly rows: K;
  /** The convolutions of requantize layers, in circuit order. */
  readonly convolutions: readonly ConvolutionClaim[];
}

/** The functionals that the leaf layer's claims at z are about. */
export function leafClaims(scene: Scene, z: readonly K[], gammas: LookupChallenges): LeafClaims {
  const { kernels, layout } = scene;
  const keys = emptyCombination();
  const numerators = emptyCombination();
  const convolutions: ConvolutionClaim[] = [];
  let valid = ZERO;
  let rows = ZERO;
  layout.circuit.layers.forEach((layer, index) => {
    const slots = layout.layers[index];
    if (!slots || layer.kind === 'accumulate') return;
    if (layer.kind === 'maximum') {
      valid = add(valid, addMaximum(scene, keys, index, layer, slots as MaximumSlots, z, gammas));
      return;
    }
    const added = addRequantize(scene, keys, index, layer, slots as RequantizeSlots, z, gammas);
    valid = add(valid, added.valid);
    convolutions.push(...added.claims);
  });
  for (const table of layout.tables) {
    const axes = slotAxes(kernels, table.leaves, z);
    numerators.forms.push({ kind: 'product', slot: table.multiplicities, factor: ONE, ...axes });
    const total = sumK(kernels, axes.channel);
    rows = add(rows, total);
    const first = dotIntegers(kernels, axes.channel, placeIntegers(kernels, table.first));
    const second = dotIntegers(kernels, axes.channel, placeIntegers(kernels, table.second));
    addConstant(keys, add(first, add(mul(gammas.gamma1, second), mul(gammas.gamma2, scale(table.tag, total)))));
  }
  return { numerators, valid, keys, rows, convolutions };
}

/** The value of <w, B_D>, given the denominators' claim and the sum of the convolutions' t. */
export function keysValue(claims: LeafClaims, alpha: K, denominator: K, convolutionSum: K): K {
  const right = sub(add(ONE, mul(sub(alpha, ONE), add(claims.valid, claims.rows))), denominator);
  return sub(sub(right, claims.keys.constant), convolutionSum);
}

/** One int32 output: `<w, B> + constant + sum of t = 0`. */
export interface OutputClaim {
  readonly combination: Combination;
  readonly convolutions: readonly ConvolutionClaim[];
}

/** Variables of the point at which an int32 output is evaluated. */
export function outputVariables(scene: Scene, tensor: number): number {
  return tensorShape(scene.layout, tensor).reduce((sum, n) => sum + bits(n), 0);
}

/** What int32 output `tensor` says at the point zo: column bits, then row bits, then channel bits. `axes` are eq(zo, .) split so. */
export function outputClaim(
  scene: Scene,
  tensor: number,
  axes: { readonly channel: KArray; readonly row: KArray; readonly column: KArray },
): OutputClaim {
  const { kernels, layout } = scene;
  const index = tensor - layout.circuit.inputs.length;
  const layer = layout.circuit.layers[index]!;
  if (layer.kind !== 'accumulate') throw new Error(`tensor ${tensor} is no int32 output`);
  const combination = emptyCombination();
  const vectors = { E: axes.channel, row: axes.row, column: axes.column };
  const convolutions = addDirectTerms(scene, combination, index, layer, vectors);
  addConstant(combination, biasSum(scene, layer, vectors));
  const known = scene.publicValues.get(tensor)!;
  addConstant(combination, neg(formValue(kernels, axes.channel, axes.row, axes.column, known.address, known.bytes)));
  return { combination, convolutions };
}
