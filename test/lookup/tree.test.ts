import { afterAll, describe, expect, it } from 'vitest';
import { kArray, valuesOf } from '../../wasm/field/karray.ts';
import { add, eqTable, isZero, mul, ONE, sub, ZERO, type K } from '../../wasm/field/qm31.ts';
import { quadVector, readQuad } from '../../wasm/claims/product.ts';
import { allocateNodes, capacityOf, EVERYTHING, parentsOf, readNode, type Nodes } from '../../wasm/lookup/nodes.ts';
import { proveTree, treeHeight } from '../../wasm/lookup/tree.ts';
import { Weights } from '../../wasm/lookup/weights.ts';
import { runForward } from '../../wasm/forward/forward.ts';
import { placeWeights } from '../../wasm/linear/convolution.ts';
import { placeLeafMap } from '../../wasm/lookup/leaf-map.ts';
import { proveLookups } from '../../wasm/lookup/prove.ts';
import { deriveLayout } from '../../wasm/reference/layout.ts';
import { layoutOf } from '../../wasm/statement/layout.ts';
import type { Kernels } from '../../wasm/runtime/kernels.ts';
import { clamp, CircuitDraft, type Sample } from '../support/circuit-draft.ts';
import { denseNet, elementwiseNet, featureNet, smallestNet } from '../support/circuits.ts';
import { loadKernels } from '../support/kernels.ts';
import { plainWitness } from '../support/plain-prover/execution.ts';
import { countLookups, leafFractions, lookupsOf } from '../support/plain-prover/leaves.ts';
import { proveTree as provePlainTree, type Fractions } from '../support/plain-prover/sumcheck.ts';
import { seededElements, seededGenerator } from '../support/random.ts';
import { Recording } from './recording.ts';

const kernels = await loadKernels();
const two = await loadKernels(2);
afterAll(async () => {
  await kernels.end();
  await two.end();
});

function placeNodes(on: Kernels, { numerators, denominators }: Fractions): Nodes {
  const nodes = allocateNodes(on, numerators.length);
  on.exports.kToQuads!(nodes.p, 0, kArray(on, numerators).address, numerators.length);
  on.exports.kToQuads!(nodes.q, 0, kArray(on, denominators).address, denominators.length);
  return nodes;
}

const randomFractions = (seed: number, length: number): Fractions => {
  const random = seededGenerator(seed);
  return { numerators: seededElements(random, length), denominators: seededElements(random, length) };
};

describe('the weights of a layer', () => {
  it.each([0, 1, 2, 5, 6, 7, 9])('of %d variables are the products of two tables', (variables) => {
    const z = seededElements(seededGenerator(variables), variables);
    const pairs = 2 ** variables;
    const { low, high } = new Weights(kernels, [ONE, ...z], pairs).tables(1, variables, pairs);
    const highs = valuesOf(kernels, { address: high, length: Math.ceil(pairs / 64) });
    const table = Array.from({ length: pairs }, (_, k) => mul(readQuad(kernels, low, k % 64), highs[Math.floor(k / 64)]!));
    expect(table).toEqual(eqTable(z));
  });

  it('may begin at any multiple of 64', () => {
    const z = seededElements(seededGenerator(3), 9);
    const { low, high } = new Weights(kernels, z, 128).tables(0, 9, 128, 192);
    const highs = valuesOf(kernels, { address: high, length: 2 });
    const table = Array.from({ length: 128 }, (_, k) => mul(readQuad(kernels, low, k % 64), highs[Math.floor(k / 64)]!));
    expect(table).toEqual(eqTable(z, 192, 128));
  });
});

describe('the sum of weighted products of two vectors', () => {
  it.each([1, 3, 5, 8, 31, 300])('of %d elements is what the sums say, absent elements being 0', (length) => {
    const random = seededGenerator(length);
    const [f, g] = [seededElements(random, length), seededElements(random, length)];
    const variables = Math.max(0, treeHeight(length) - 1);
    const z = seededElements(random, variables);
    const place = (x: readonly K[]): number => {
      const quads = quadVector(kernels, length);
      kernels.exports.kToQuads!(quads, 0, kArray(kernels, x).address, length);
      return quads;
    };
    const pairs = Math.ceil(length / 2);
    const weights = new Weights(kernels, z, pairs);
    const { low, high } = weights.tables(0, variables, pairs);
    const [fq, gq] = [place(f), place(g)];
    const found = weights.sum((sums) => kernels.exports.pairMessage!(fq, gq, low, high, sums, Math.ceil(length / 8)));
    const expected = eqTable(z, 0, pairs).reduce<[K, K]>(
      ([value, quadratic], w, k) => [
        add(value, mul(w, mul(f[2 * k]!, g[2 * k]!))),
        add(quadratic, mul(w, mul(sub(f[2 * k + 1] ?? ZERO, f[2 * k]!), sub(g[2 * k + 1] ?? ZERO, g[2 * k]!)))),
      ],
      [ZERO, ZERO],
    );
    expect(found).toEqual(expected);
  });
});

describe('parents of nodes', () => {
  it.each([1, 3, 5, 32, 33, 200])('of %d nodes are the sums of their fractions, filled up with absent ones', (length) => {
    const fractions = randomFractions(length, length);
    const children = placeNodes(kernels, fractions);
    const parents = parentsOf(kernels, children, 0, EVERYTHING);
    expect(parents).toMatchObject({ length: Math.ceil(length / 2), capacity: capacityOf(Math.ceil(length / 2)) });
    for (let k = 0; k < parents.capacity; k++) {
      const p = [0, 1].map((side) => fractions.numerators[2 * k + side] ?? ZERO) as [K, K];
      const q = [0, 1].map((side) => fractions.denominators[2 * k + side] ?? ONE) as [K, K];
      expect(readNode(kernels, parents, k)).toEqual([add(mul(p[0], q[1]), mul(p[1], q[0])), mul(q[0], q[1])]);
    }
  });
});

describe('a tree of any nodes', () => {
  it.each([2, 3, 5, 8, 17, 31, 33, 64, 100, 257, 1000])('with %d leaves is proven as the plain prover proves it', (length) => {
    const fractions = randomFractions(length, length);
    const plain = new Recording(1);
    const point = provePlainTree(plain as never, fractions, treeHeight(length));
    const fast = new Recording(1);
    const mark = kernels.arena.mark();
    const nodes = placeNodes(kernels, fractions);
    const after = kernels.arena.mark();
    expect(proveTree(kernels, fast, nodes)).toEqual(point);
    expect(kernels.arena.mark()).toBe(after);
    kernels.arena.release(mark);
    expect(fast.sent).toEqual(plain.sent);
  });

  it('is proven in the same way by two threads that share its rounds', () => {
    const fractions = randomFractions(9, 20_001);
    const [alone, shared] = [new Recording(2), new Recording(2)];
    proveTree(kernels, alone, placeNodes(kernels, fractions));
    proveTree(two, shared, placeNodes(two, fractions));
    expect(shared.sent).toEqual(alone.sent);
  });
});

/** Planes of odd shapes, with groups of sixteen leaves in them that are all padding; single lookups and planes of two behind them. */
function paddedNet(): Sample {
  const draft = new CircuitDraft(41);
  const shifts = (n: number): number[] => Array.from({ length: n }, (_, c) => [0, 5, 13, 7][c % 4]!);
  const zeros = (n: number): number[] => new Array<number>(n).fill(0);
  const x = draft.input([2, 19, 17], 3);
  const one = (
    n: number,
    kernel: readonly [number, number],
    stride: readonly [number, number],
    from: number,
  ): Parameters<CircuitDraft['requantize']>[4] => [
    draft.convolution(draft.whole(from), n, { kernel, stride, magnitude: (c) => [1, 20, 127, 60][c % 4]! }),
  ];
  const a = draft.requantize('19 x 17', [5, 19, 17], 0, zeros(5), one(5, [1, 1], [1, 1], x), shifts(5), clamp);
  const b = draft.requantize('19 x 5', [3, 19, 5], 0, zeros(3), one(3, [1, 13], [1, 1], a), shifts(3), clamp);
  const c = draft.maximumPool('pool', b, 2, 2, 0, 9, 2);
  const d = draft.requantize('1 x 2', [7, 1, 2], 0, zeros(7), one(7, [9, 1], [1, 1], c), shifts(7), clamp);
  const e = draft.requantize('single', [11, 1, 1], 0, zeros(11), one(11, [1, 2], [1, 1], d), shifts(11), clamp);
  const out = draft.accumulate('out', [2, 1, 1], zeros(2), [draft.convolution(draft.whole(e), 2)]);
  return draft.finish('padded net', [out]);
}

describe('the lookups of an execution', () => {
  const samples = [paddedNet(), featureNet(), denseNet(), elementwiseNet(), smallestNet()];

  it.each(samples.map((sample) => [sample.name, sample] as const))('are proven as the plain prover proves them: %s', (_, sample) => {
    const { circuit, weights, inputs } = sample;
    const [alpha, gamma1, gamma2] = seededElements(seededGenerator(5), 3) as [K, K, K];
    const reference = deriveLayout(circuit);
    const witness = plainWitness(circuit, weights, inputs);
    const lookups = lookupsOf(circuit, reference, witness);
    const fractions = leafFractions(reference, lookups, countLookups(reference, lookups), { alpha, gamma1, gamma2 });
    const plain = new Recording(3);
    const point = provePlainTree(plain as never, fractions, treeHeight(fractions.numerators.length));
    const root = plain.sent[0]!.values as readonly [K, K, K, K];
    expect(isZero(add(mul(root[0], root[3]), mul(root[2], root[1])))).toBe(true);

    for (const on of [kernels, two]) {
      const mark = on.arena.mark();
      const layout = layoutOf(circuit);
      const rows = weights.map((w, k) => placeWeights(on, w, layout.convolutions.find((site) => site.index === k)!.layer.shape[0]));
      const map = placeLeafMap(on, layout);
      const fast = new Recording(3);
      const forward = runForward(on, layout, rows, inputs);
      expect(proveLookups(on, fast, layout, map, forward, { alpha, gamma1, gamma2 })).toEqual(point);
      expect(fast.sent).toEqual(plain.sent);
      on.arena.release(mark);
    }
  });

  it('of padded planes leave groups of leaves out', () => {
    const mark = kernels.arena.mark();
    const map = placeLeafMap(kernels, layoutOf(paddedNet().circuit));
    const groups = Math.ceil(map.length / 16);
    const present = kernels.bytes.slice(map.at(4), map.at(4) + groups).reduce((n, byte) => n + byte, 0);
    kernels.arena.release(mark);
    expect(present).toBeGreaterThan(0);
    expect(present).toBeLessThan(0.9 * groups);
  });
});
