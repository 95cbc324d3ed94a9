/**
 * The weights eq(z, .) of a layer's sumcheck, and the sums that its rounds are read from, in the kernels' memory. See kernels/eq.ts.
 */
import { writeK } from '../field/karray.ts';
import { P, type K } from '../field/qm31.ts';
import type { Kernels } from '../runtime/kernels.ts';

/** Pairs with weights from one low table. */
export const LOW = 64;

/** Items of a chunk: at least so many, some 10 microseconds of work, for which it is worth waking nobody; and at most, so that nobody waits long for the last one. */
const SMALLEST = 32;
const LARGEST = 128;

/** Runs a job over groups of four pairs, on all threads where there are enough. */
export function overGroups(kernels: Kernels, job: number, args: readonly number[], count: number): void {
  const grain = Math.min(LARGEST, Math.max(SMALLEST, Math.ceil(count / (4 * kernels.threads))));
  kernels.parallel(job, args, count, count <= 2 * SMALLEST ? 2 * SMALLEST : grain);
}

/** Two tables whose product is eq of some of the point's variables, valid until the next ones are made. */
export interface Tables {
  readonly low: number;
  readonly high: number;
}

/** The element whose four coordinates stand in four lanes each, summed over lanes and parts (32 words each); the first part's block begins at word `start`. */
function totalOfLanes(words: Uint32Array, start: number, end: number): K {
  let [a, b, c, d] = [0, 0, 0, 0];
  for (let w = start; w < end; w += 32) {
    a += words[w]! + words[w + 1]! + words[w + 2]! + words[w + 3]!;
    b += words[w + 4]! + words[w + 5]! + words[w + 6]! + words[w + 7]!;
    c += words[w + 8]! + words[w + 9]! + words[w + 10]! + words[w + 11]!;
    d += words[w + 12]! + words[w + 13]! + words[w + 14]! + words[w + 15]!;
  }
  return [a % P, b % P, c % P, d % P];
}

export class Weights {
  private readonly kernels: Kernels;
  private readonly point: number;
  private readonly low: number;
  private readonly high: number;
  private readonly scratch: number;
  private readonly sums: number;

  /** For a point, and up to `pairs` pairs. All memory is taken here. */
  constructor(kernels: Kernels, point: readonly K[], pairs: number) {
    const { arena } = kernels;
    const groups = Math.ceil(pairs / LOW) + 1;
    this.kernels = kernels;
    this.point = arena.allocate(16 * point.length);
    this.low = arena.allocate(16 * LOW);
    this.high = arena.allocate(16 * groups);
    this.scratch = arena.allocate(Math.max(16 * LOW, 32 * groups + 32));
    this.sums = arena.allocate(128 * kernels.threads);
    point.forEach((z, t) => {
      writeK(kernels, this.point + 16 * t, z);
    });
  }

  /** eq(z_from .. z_(from + variables - 1), first ..) for `pairs` pairs; `first` is a multiple of 64. */
  tables(from: number, variables: number, pairs: number, first = 0): Tables {
    const { low, high } = this;
    this.kernels.exports.eqWeights!(this.point + 16 * from, variables, first / LOW, Math.ceil(pairs / LOW), low, high, this.scratch);
    return { low, high };
  }

  /** What a kernel adds to the two blocks of lanes of each part, whose address it gets: the value and the quadratic coefficient of a round. */
  sum(run: (sums: number) => void): readonly [value: K, quadratic: K] {
    const { kernels, sums } = this;
    const start = sums >>> 2;
    const end = start + 32 * kernels.threads;
    kernels.exports.clear!(sums, 128 * kernels.threads);
    run(sums);
    const words = kernels.words;
    return [totalOfLanes(words, start, end), totalOfLanes(words, start + 16, end)];
  }
}
