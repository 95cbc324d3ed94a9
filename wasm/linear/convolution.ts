/**
 * A convolution (or matrix product) as a sum t = sum over x of Wf(x) Xf(x), x = (v | u | c_in). Source: README.md, section 7.
 */
import type { Convolution, ConvolutionSite } from '../../circuits/graph/circuit.ts';
import { addView, emptyCombination, unit, type Combination, type Form, type Scene } from '../claims/forms.ts';
import { allocateK, dotK, eqArray, outer, sliceK, spread, zerosK, type KArray } from '../field/karray.ts';
import { bits, ONE, type K } from '../field/qm31.ts';
import { JOBS } from '../runtime/jobs.ts';
import type { Kernels } from '../runtime/kernels.ts';
import { planeBits, type Slot } from '../statement/layout.ts';

/** The vectors over output channel, row and column against which an accumulator is summed. */
export interface OutputVectors {
  readonly E: KArray;
  readonly row: KArray;
  readonly column: KArray;
}

export interface ConvolutionClaim extends OutputVectors {
  readonly site: ConvolutionSite & { readonly index: number };
  readonly uBits: number;
  readonly vBits: number;
  /** Variables of Wf and Xf, at least 1. */
  readonly variables: number;
}

export function convolutionClaim(site: ConvolutionClaim['site'], vectors: OutputVectors): ConvolutionClaim {
  const [uBits, vBits] = site.term.kernel.map(bits) as [number, number];
  return { site, ...vectors, uBits, vBits, variables: Math.max(1, uBits + vBits + bits(site.term.operand.shape[0])) };
}

/** int8 weights of a convolution in memory: one row per output channel, [c_in / groups][u][v], rows `stride` bytes apart, zero-filled. */
export interface WeightRows {
  readonly address: number;
  readonly stride: number;
  readonly rows: number;
  readonly length: number;
}

export function placeWeights(kernels: Kernels, weights: Int8Array, outputChannels: number): WeightRows {
  const length = weights.length / outputChannels;
  const stride = Math.ceil(length / 8) * 8;
  // whole 16-byte vectors are read past the last row
  const address = kernels.arena.allocate(stride * outputChannels + 16);
  const bytes = kernels.bytes;
  kernels.exports.clear!(address, stride * outputChannels + 16);
  const unsigned = new Uint8Array(weights.buffer, weights.byteOffset, weights.length);
  if (stride === length) bytes.set(unsigned, address);
  else for (let c = 0; c < outputChannels; c++) bytes.set(unsigned.subarray(c * length, (c + 1) * length), address + c * stride);
  return { address, stride, rows: outputChannels, length };
}

/** eq(sigma, .) over c_in, u, v, each of its real length. */
function splitPoint(kernels: Kernels, claim: ConvolutionClaim, sigma: readonly K[]): { channel: KArray; u: KArray; v: KArray } {
  const { term } = claim.site;
  const low = claim.vBits + claim.uBits;
  return {
    channel: eqArray(kernels, sigma.slice(low), 0, term.operand.shape[0]),
    u: eqArray(kernels, sigma.slice(claim.vBits, low), 0, term.kernel[0]),
    v: eqArray(kernels, sigma.slice(0, claim.vBits), 0, term.kernel[1]),
  };
}

/** Xf~(sigma) as a functional of the operand. */
export function inputFunctional(scene: Scene, claim: ConvolutionClaim, sigma: readonly K[]): Combination {
  const { kernels } = scene;
  const { term } = claim.site;
  const { channel, u, v } = splitPoint(kernels, claim, sigma);
  const [, height, width] = term.operand.shape;
  const combination = emptyCombination();
  const row = spread(kernels, claim.row, u, height, term.stride[0], term.dilation[0], term.pad[0]);
  const column = spread(kernels, claim.column, v, width, term.stride[1], term.dilation[1], term.pad[1]);
  addView(scene, combination, term.operand, ONE, channel, row, column, true);
  return combination;
}

interface Groups {
  readonly inputs: number;
  readonly outputs: number;
  readonly count: number;
}

function groupsOf(term: Convolution, outputChannels: number): Groups {
  return { inputs: term.operand.shape[0] / term.groups, outputs: outputChannels / term.groups, count: term.groups };
}

/** Wf~(sigma) from the weights themselves; about half a nanosecond a weight. */
export function weightValue(kernels: Kernels, claim: ConvolutionClaim, weights: WeightRows, sigma: readonly K[]): K {
  const { term, layer } = claim.site;
  const { channel, u, v } = splitPoint(kernels, claim, sigma);
  const groups = groupsOf(term, layer.shape[0]);
  const blocks = Math.ceil(weights.length / 8);
  const sums = allocateK(kernels, layer.shape[0]);
  const limbs = kernels.arena.allocate(128 * blocks);
  const fold = (taps: KArray, first: number, rows: number): void => {
    kernels.exports.splitSignedBlocks!(limbs, taps.address, taps.length);
    const args = [weights.address + first * weights.stride, weights.stride, blocks, limbs, sums.address + 16 * first];
    kernels.parallel(JOBS.dotInt8Rows, args, rows, Math.max(1, Math.ceil(16384 / weights.stride)));
  };
  if (groups.inputs === 1 && groups.count > 1) {
    // one input channel a group: the taps are the same for all, only the factor eq(sigma, c_in) differs
    fold(outer(kernels, unit(kernels), u, v), 0, layer.shape[0]);
    const spreadChannels = allocateK(kernels, layer.shape[0]);
    for (let g = 0; g < groups.count; g++) {
      const from = channel.address + 16 * g;
      for (let o = 0; o < groups.outputs; o++)
        kernels.bytes.copyWithin(spreadChannels.address + 16 * (g * groups.outputs + o), from, from + 16);
    }
    const products = allocateK(kernels, layer.shape[0]);
    for (let c = 0; c < layer.shape[0]; c++)
      kernels.exports.kMul!(products.address + 16 * c, claim.E.address + 16 * c, spreadChannels.address + 16 * c);
    return dotK(kernels, products, sums);
  }
  for (let g = 0; g < groups.count; g++) {
    const mark = kernels.arena.mark();
    fold(outer(kernels, sliceK(channel, g * groups.inputs, groups.inputs), u, v), g * groups.outputs, groups.outputs);
    kernels.arena.release(mark);
  }
  return dotK(kernels, claim.E, sums);
}

/** Wf~(sigma) as functionals of committed weights: one product form per group, on its planes (c_out, u, v) and columns c_in. */
export function weightForms(kernels: Kernels, claim: ConvolutionClaim, slot: Slot, sigma: readonly K[]): Form[] {
  const { term, layer } = claim.site;
  const { channel, u, v } = splitPoint(kernels, claim, sigma);
  const groups = groupsOf(term, layer.shape[0]);
  const one = unit(kernels);
  if (groups.inputs === 1) {
    // one form for all groups: the factor eq(sigma, c_in) moves to the output channel
    const own = allocateK(kernels, layer.shape[0]);
    for (let c = 0; c < layer.shape[0]; c++) {
      kernels.exports.kMul!(own.address + 16 * c, claim.E.address + 16 * c, channel.address + 16 * Math.floor(c / groups.outputs));
    }
    return [{ kind: 'product', slot, factor: ONE, channel: outer(kernels, own, u, v), row: one, column: one }];
  }
  const taps = term.kernel[0] * term.kernel[1];
  return Array.from({ length: groups.count }, (_, g) => {
    const first = g * groups.outputs;
    return {
      kind: 'product',
      slot: { ...slot, offset: slot.offset + first * taps * 2 ** planeBits(slot), channels: groups.outputs * taps },
      factor: ONE,
      channel: outer(kernels, sliceK(claim.E, first, groups.outputs), u, v),
      row: one,
      column: sliceK(channel, g * groups.inputs, groups.inputs),
    };
  });
}

/** x - z of an operand in memory, int16, rows `rowStride` bytes apart (a multiple of 16, zero-filled). */
export interface OperandRows {
  readonly address: number;
  readonly rowStride: number;
}

/** Writes Wf into a zeroed quad vector from element `base` on. */
export function weightTable(kernels: Kernels, claim: ConvolutionClaim, weights: WeightRows, quads: number, base: number): void {
  const { term, layer } = claim.site;
  const [kh, kw] = term.kernel;
  const groups = groupsOf(term, layer.shape[0]);
  const mark = kernels.arena.mark();
  if (groups.inputs === 1 && groups.count > 1) {
    const out = allocateK(kernels, groups.count * kh * kw);
    kernels.exports.contractDepthwise!(
      weights.address,
      weights.stride,
      groups.count,
      groups.outputs,
      kh * kw,
      claim.E.address,
      out.address,
    );
    kernels.exports.placeTaps!(quads, base, out.address, groups.count, kh, kw, claim.uBits, claim.vBits);
  } else {
    const pairs = kernels.arena.allocate(32 * Math.ceil(groups.outputs / 2));
    const out = allocateK(kernels, weights.stride);
    const scratch = kernels.arena.allocate(256 * kernels.threads);
    for (let g = 0; g < groups.count; g++) {
      kernels.exports.splitSignedPairs!(pairs, claim.E.address + 16 * g * groups.outputs, groups.outputs);
      const args = [weights.address + g * groups.outputs * weights.stride, weights.stride, groups.outputs, pairs, out.address, scratch];
      kernels.parallel(JOBS.contractInt8Rows, args, weights.stride / 8, Math.max(1, Math.ceil(4096 / groups.outputs)));
      const start = base + ((g * groups.inputs) << (claim.uBits + claim.vBits));
      kernels.exports.placeTaps!(quads, start, out.address, groups.inputs, kh, kw, claim.uBits, claim.vBits);
    }
  }
  kernels.arena.release(mark);
}

/** Writes Xf into a zeroed quad vector from element `base` on. */
export function inputTable(kernels: Kernels, claim: ConvolutionClaim, operand: OperandRows, quads: number, base: number): void {
  const { term } = claim.site;
  const [channels, height, width] = term.operand.shape;
  const [kh, kw] = term.kernel;
  const mark = kernels.arena.mark();
  const blocks = Math.ceil(width / 8);
  const limbs = kernels.arena.allocate(128 * blocks);
  const contracted = allocateK(kernels, channels * height * kw);
  for (let v = 0; v < kw; v++) {
    const inner = kernels.arena.mark();
    const column = zerosK(kernels, width);
    // the column vector met by tap v: column[j] at j stride + v dilation - pad
    const args = [
      column.address,
      width,
      claim.column.address,
      claim.column.length,
      0,
      1,
      term.stride[1],
      1,
      term.pad[1] - v * term.dilation[1],
      limbs,
    ];
    kernels.exports.kSpread!(...args);
    kernels.exports.splitSignedBlocks!(limbs, column.address, width);
    kernels.parallel(
      JOBS.dotInt16Rows,
      [operand.address, operand.rowStride, blocks, limbs, contracted.address + 16 * v, 16 * kw],
      channels * height,
      Math.max(1, Math.ceil(16384 / width)),
    );
    kernels.arena.release(inner);
  }
  kernels.parallel(
    JOBS.contractWindows,
    [
      contracted.address,
      height,
      kh,
      kw,
      claim.uBits,
      claim.vBits,
      claim.row.address,
      claim.row.length,
      term.stride[0],
      term.dilation[0],
      term.pad[0],
      quads,
      base,
    ],
    channels,
    Math.max(1, Math.ceil(4096 / (kh * kw * claim.row.length))),
  );
  kernels.arena.release(mark);
}
