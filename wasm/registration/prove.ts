/**
 * The registration proof, made once by who commits to weights: every weight lies in -128 .. 127, and the sums of squares that the circuit states are those of the committed weights. Source:
 * ../README.md, section 10.
 */
import { checkCircuit } from '../../circuits/bounds/index.ts';
import type { Circuit, Weights } from '../../circuits/graph/circuit.ts';
import { proveBatches, type Batch } from '../claims/batching.ts';
import { foldQuads, quadVector, readQuad } from '../claims/product.ts';
import { commitVector, openProve, paddedLength, type Commitment } from '../commitment/commitment.ts';
import { kArray } from '../field/karray.ts';
import { add, fromInteger, neg, sub, ZERO, type K } from '../field/qm31.ts';
import { allocateNodes, type Nodes } from '../lookup/nodes.ts';
import { proveTree } from '../lookup/tree.ts';
import { openingLevels } from '../parameters.ts';
import { JOBS } from '../runtime/jobs.ts';
import type { Kernels } from '../runtime/kernels.ts';
import { planeBits, vectorVariables, type Slot } from '../statement/layout.ts';
import { ProverTranscript, type Message } from '../transcript/transcript.ts';
import {
  absorbRegistration,
  registrationAlpha,
  registrationClaims,
  registrationLayout,
  squareFactors,
  WEIGHT_ROWS,
  type RegistrationLayout,
} from './statement.ts';
import { commitWeights } from './weights.ts';

/** Blocks of four entries, or pairs of blocks, of a chunk of parallel work. */
const GRAIN = 512;

export interface Registration {
  readonly proof: Uint8Array;
  /** Labels of the proof's messages, with offset and length in bytes. */
  readonly messages: readonly Message[];
}

/**
 * Proves that the weights which a circuit commits to are in range and have the circuit's sums of squares. Throws `CircuitRefusal` for a circuit that no verifier would accept, `RangeError` where the
 * weights are not those that the circuit commits to, `Refused` where its weights are public.
 */
export function proveRegistration(kernels: Kernels, circuit: Circuit, weights: Weights): Registration {
  const mark = kernels.arena.mark();
  try {
    checkCircuit(circuit, weights);
    const registration = registrationLayout(circuit);
    const commitment = commitWeights(kernels, registration.layout, weights);
    if (commitment.root.some((byte, k) => byte !== registration.root[k]))
      throw new RangeError('these are not the weights that the circuit commits to');
    return argueRegistration(kernels, registration, commitment);
  } finally {
    kernels.arena.release(mark);
  }
}

/** Chunks of about the same number of entries, for work whose items are planes. */
function overPlanes(kernels: Kernels, job: number, slot: Slot, args: readonly number[]): void {
  kernels.parallel(job, args, slot.channels, Math.max(1, Math.ceil((4 * GRAIN) / 2 ** planeBits(slot))));
}

/** How often each weight occurs: a vector of 256 words. */
function placeCounts(kernels: Kernels, { convolutions }: RegistrationLayout, vector: number): number {
  const rows = WEIGHT_ROWS.length;
  const counts = kernels.arena.allocate(4 * paddedLength(rows, openingLevels(rows)![0]!));
  const mark = kernels.arena.mark();
  const parts = kernels.arena.allocate(4 * rows * kernels.threads);
  const words = kernels.words;
  words.fill(0, parts >>> 2, (parts >>> 2) + rows * kernels.threads);
  for (const { slot } of convolutions)
    overPlanes(kernels, JOBS.countWeights, slot, [vector, slot.offset, 2 ** planeBits(slot), slot.width, parts]);
  for (let row = 0; row < rows; row++) {
    let total = 0;
    for (let part = 0; part < kernels.threads; part++) total += words[(parts >>> 2) + rows * part + row]!;
    words[(counts >>> 2) + row] = total;
  }
  kernels.arena.release(mark);
  return counts;
}

/** The leaves: a valid weight is (1, alpha - w), a table row (-m, alpha - v). */
function placeLeaves(
  kernels: Kernels,
  { convolutions, rows, leafLength }: RegistrationLayout,
  vector: number,
  counts: number,
  alpha: K,
): Nodes {
  const nodes = allocateNodes(kernels, leafLength);
  kernels.parallel(JOBS.weightLeaves, [vector, nodes.p, nodes.q, ...alpha], Math.ceil(rows.offset / 4), GRAIN);
  for (const { slot } of convolutions) {
    const plane = 2 ** planeBits(slot);
    if (slot.width < plane) overPlanes(kernels, JOBS.absentLeaves, slot, [nodes.p, nodes.q, slot.offset, plane, slot.width]);
  }
  const mark = kernels.arena.mark();
  const multiplicities = kernels.words.slice(counts >>> 2, (counts >>> 2) + WEIGHT_ROWS.length);
  const numerators = kArray(
    kernels,
    Array.from(multiplicities, (m) => neg(fromInteger(m))),
  );
  const denominators = kArray(
    kernels,
    Array.from(WEIGHT_ROWS, (v) => sub(alpha, fromInteger(v))),
  );
  kernels.exports.kToQuads!(nodes.p, rows.offset, numerators.address, numerators.length);
  kernels.exports.kToQuads!(nodes.q, rows.offset, denominators.address, denominators.length);
  kernels.arena.release(mark);
  return nodes;
}

/** Constant, quadratic and cubic coefficient of a round of sum e w w. */
function squareMessage(kernels: Kernels, e: number, w: number, length: number): [K, K, K] {
  const mark = kernels.arena.mark();
  const sums = kernels.arena.allocate(48 * kernels.threads);
  const words = kernels.words;
  words.fill(0, sums >>> 2, (sums >>> 2) + 12 * kernels.threads);
  kernels.parallel(JOBS.squareRound, [e, w, sums], Math.ceil(length / 8), GRAIN);
  const coefficients = [0, 1, 2].map((k) => {
    let total = ZERO;
    for (let part = 0; part < kernels.threads; part++) {
      const at = (sums >>> 2) + 12 * part + 4 * k;
      total = add(total, [words[at]!, words[at + 1]!, words[at + 2]!, words[at + 3]!]);
    }
    return total;
  });
  kernels.arena.release(mark);
  return coefficients as [K, K, K];
}

/** The sumcheck of e W W: sends its rounds and W~(sigma), returns sigma. */
function proveSquares(kernels: Kernels, transcript: ProverTranscript, registration: RegistrationLayout, vector: number): K[] {
  const { convolutions, layout, variables } = registration;
  const factors = squareFactors(registration, transcript.challenge('eta'));
  const mark = kernels.arena.mark();
  let length = layout.weightLength;
  const e = quadVector(kernels, length);
  const w = quadVector(kernels, length);
  kernels.parallel(JOBS.liftWords, [vector, w], Math.ceil(length / 4), GRAIN);
  convolutions.forEach(({ slot, kernel: [kh, kw] }, k) => {
    const own = kernels.arena.mark();
    const plane = 2 ** planeBits(slot);
    overPlanes(kernels, JOBS.fillPlanes, slot, [e, slot.offset, plane, slot.width, kArray(kernels, factors[k]!).address, kh * kw]);
    kernels.arena.release(own);
  });
  const sigma: K[] = [];
  while (sigma.length < variables) {
    transcript.sendElements('square round', squareMessage(kernels, e, w, length));
    const r = transcript.challenge('square point');
    sigma.push(r);
    foldQuads(kernels, e, length, r);
    foldQuads(kernels, w, length, r);
    length = Math.ceil(length / 2);
  }
  transcript.sendElements('square value', [readQuad(kernels, w, 0)]);
  kernels.arena.release(mark);
  return sigma;
}

/**
 * The argument itself, for any vector in the kernels' memory: whoever cheats with it proves as well as that goes. What it takes of the arena it frees.
 *
 * @param commitment of the vector W, whose root stands in the circuit
 */
export function argueRegistration(kernels: Kernels, registration: RegistrationLayout, commitment: Commitment): Registration {
  const { layout, counts: countsSlot, variables } = registration;
  const { vector } = commitment;
  const start = kernels.arena.mark();
  const transcript = new ProverTranscript(kernels);
  absorbRegistration(transcript, registration);

  const counts = placeCounts(kernels, registration, vector);
  const rows = WEIGHT_ROWS.length;
  const countsCommitment = commitVector(kernels, counts, rows, openingLevels(rows)!);
  transcript.sendBytes('counts root', countsCommitment.root);
  const alpha = registrationAlpha(transcript, registration);
  const mark = kernels.arena.mark();
  const point = proveTree(kernels, transcript, placeLeaves(kernels, registration, vector, counts, alpha));
  kernels.arena.release(mark);

  const sigma = proveSquares(kernels, transcript, registration, vector);

  // the prover's claims need no values: they are what the vectors give
  const { keys, multiplicities } = registrationClaims(kernels, registration, { point, numerator: ZERO, denominator: ZERO }, alpha);
  const batches: Batch[] = [
    { variables, claims: [keys, { forms: [{ kind: 'point', factor: fromInteger(1), point: sigma }], value: ZERO }] },
    { variables: vectorVariables(rows), claims: [multiplicities] },
  ];
  const opened = proveBatches(kernels, transcript, batches, [
    { address: vector, slots: layout.weightSlots },
    { address: counts, slots: [countsSlot] },
  ]);
  openProve(kernels, transcript, commitment, opened[0]!.point);
  openProve(kernels, transcript, countsCommitment, opened[1]!.point);
  kernels.arena.release(start);
  return { proof: transcript.proof(), messages: transcript.messages };
}
