/**
 * What a proof costs, exactly. A change that makes a number larger is a regression unless there is a reason for it; one that makes it
 * smaller is to be written down here (`npx vitest run test/counts -u`). The numbers depend on nothing but the code: not on the machine, nor
 * on its load.
 */
import { expect, test } from 'vitest';
import { prepareProver, type Phase } from '../../wasm/prove.ts';
import { prepareVerifier } from '../../wasm/verify.ts';
import { clamp, CircuitDraft, type Sample } from '../support/circuit-draft.ts';
import { committedNet } from '../support/circuits.ts';
import { countingKernels, type CountingKernels, type Counts } from './counting.ts';

/** A digit reader's size and shape: 28 x 28, two convolutions with pools, a dense layer. */
function pictureNet(): Sample {
  const draft = new CircuitDraft(31);
  const shifts = (n: number): number[] => new Array<number>(n).fill(7);
  const zeros = (n: number): number[] => new Array<number>(n).fill(0);
  const x = draft.input([1, 28, 28], 0);
  const a = draft.requantize(
    'a',
    [8, 28, 28],
    0,
    zeros(8),
    [draft.convolution(draft.whole(x), 8, { kernel: [5, 5], pad: [2, 2] })],
    shifts(8),
    clamp,
  );
  const pooledA = draft.maximumPool('pool a', a, 2, 2, 0, 14, 14);
  const b = draft.requantize(
    'b',
    [16, 14, 14],
    0,
    zeros(16),
    [draft.convolution(draft.whole(pooledA), 16, { kernel: [5, 5], pad: [2, 2] })],
    shifts(16),
    clamp,
  );
  const pooledB = draft.maximumPool('pool b', b, 2, 2, 0, 7, 7);
  const out = draft.accumulate('out', [10, 1, 1], zeros(10), [draft.convolution(draft.whole(pooledB), 10, { kernel: [7, 7] })]);
  return draft.finish('picture net', [out]);
}

const difference = (after: Counts, before: Counts): Counts => ({
  products: after.products - before.products,
  smallProducts: after.smallProducts - before.smallProducts,
  hashedBytes: after.hashedBytes - before.hashedBytes,
  barriers: after.barriers - before.barriers,
});

interface Costs {
  readonly phases: Partial<Record<Phase, Counts>>;
  readonly verify: Counts;
}

/** What each phase of a proof, and its verification, costs. */
function costsOf({ kernels, counts }: CountingKernels, { circuit, weights, inputs }: Sample, seed = 0): Costs {
  const shifted = inputs.map((x) => x.map((value) => value ^ seed));
  const context = Uint8Array.of(seed);
  const prover = prepareProver(kernels, circuit, weights);
  const begins: [Phase, Counts][] = [];
  const { outputs, proof } = prover.prove(shifted, context, { onProgress: (phase) => void begins.push([phase, counts()]) });
  const end = counts();
  prover.dispose();
  const phases = Object.fromEntries(begins.map(([phase, begin], n) => [phase, difference(begins[n + 1]?.[1] ?? end, begin)]));

  const verifier = prepareVerifier(kernels, circuit, circuit.weightRoot ? null : weights);
  if (!verifier.ok) throw new Error(verifier.detail);
  const before = counts();
  const verdict = verifier.verify({ inputs: shifted, outputs, context }, proof);
  const verify = difference(counts(), before);
  verifier.dispose();
  expect(verdict).toMatchObject({ ok: true });
  return { phases, verify };
}

const kernels = await countingKernels();

test('a product in K counts as sixteen, four of them at a time as sixty-four', () => {
  const address = kernels.kernels.arena.allocate(64);
  const before = kernels.counts().products;
  kernels.kernels.exports.kMul!(address, address, address);
  expect(kernels.counts().products - before).toBe(16);
  kernels.kernels.exports.mulBlocks!(address, address, address);
  expect(kernels.counts().products - before).toBe(16 + 64);
});

test('a proof of a picture classifier costs what it did', () => {
  expect(costsOf(kernels, pictureNet())).toMatchInlineSnapshot(`
    {
      "phases": {
        "batching": {
          "barriers": 0,
          "hashedBytes": 2245,
          "products": 1681148,
          "smallProducts": 0,
        },
        "commit": {
          "barriers": 6,
          "hashedBytes": 835925,
          "products": 716800,
          "smallProducts": 0,
        },
        "forward": {
          "barriers": 2,
          "hashedBytes": 1195,
          "products": 0,
          "smallProducts": 835744,
        },
        "linear": {
          "barriers": 0,
          "hashedBytes": 1690,
          "products": 328248,
          "smallProducts": 248064,
        },
        "lookups": {
          "barriers": 39,
          "hashedBytes": 18183,
          "products": 5508288,
          "smallProducts": 0,
        },
        "opening": {
          "barriers": 6,
          "hashedBytes": 50799,
          "products": 287728,
          "smallProducts": 0,
        },
      },
      "verify": {
        "barriers": 0,
        "hashedBytes": 133813,
        "products": 391232,
        "smallProducts": 90368,
      },
    }
  `);
});

test('a proof with committed weights costs what it did', () => {
  expect(costsOf(kernels, committedNet())).toMatchInlineSnapshot(`
    {
      "phases": {
        "batching": {
          "barriers": 0,
          "hashedBytes": 1591,
          "products": 144300,
          "smallProducts": 0,
        },
        "commit": {
          "barriers": 2,
          "hashedBytes": 59733,
          "products": 23296,
          "smallProducts": 0,
        },
        "forward": {
          "barriers": 0,
          "hashedBytes": 573,
          "products": 0,
          "smallProducts": 1392,
        },
        "linear": {
          "barriers": 0,
          "hashedBytes": 1356,
          "products": 65860,
          "smallProducts": 7872,
        },
        "lookups": {
          "barriers": 4,
          "hashedBytes": 9058,
          "products": 391104,
          "smallProducts": 0,
        },
        "opening": {
          "barriers": 3,
          "hashedBytes": 19078,
          "products": 15136,
          "smallProducts": 0,
        },
      },
      "verify": {
        "barriers": 0,
        "hashedBytes": 69989,
        "products": 139612,
        "smallProducts": 0,
      },
    }
  `);
});

test('the input does not change what a proof costs, but for openings that share more or fewer nodes', () => {
  const [one, other] = [0, 85].map((seed) => costsOf(kernels, pictureNet(), seed));
  for (const phase of ['forward', 'commit', 'lookups', 'linear', 'batching'] as const)
    expect(other!.phases[phase]).toEqual(one!.phases[phase]);
});
