import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { execute } from '../../circuits/execute/execute.ts';
import type { Circuit } from '../../circuits/graph/circuit.ts';
import { circuitDigest } from '../../circuits/graph/encoding.ts';
import { chooseCuts, cutTensors } from '../../circuits/slice/cuts.ts';
import { slice, sliceWeights, type SlicedCircuit } from '../../circuits/slice/slice.ts';
import { prepareProver } from '../../wasm/prove.ts';
import { prepareReference, verifyChecked } from '../../wasm/reference/verify.ts';
import { nodePlatform } from '../../wasm/runtime/node.ts';
import { createProver, createVerifier } from '../../wasm/runtime/prover.ts';
import {
  proveSlices,
  sliceContext,
  verifySlices,
  type ChainStep,
  type ChainVerdict,
  type ProvenSlices,
  type SliceProof,
} from '../../wasm/slices.ts';
import type { Statement } from '../../wasm/statement/statement.ts';
import { prepareVerifier } from '../../wasm/verify.ts';
import { clamp, clampAround128, CircuitDraft, type Sample } from '../support/circuit-draft.ts';
import { committedNet } from '../support/circuits.ts';
import { loadKernels } from '../support/kernels.ts';
import { randomCircuit } from '../support/random-circuits.ts';

/** Three convolutions and a sum; the second tensor is an output too. */
function chain(): Sample {
  const draft = new CircuitDraft(5);
  const x = draft.input([2, 4, 4], 3);
  const a = draft.requantize('a', [2, 4, 4], 0, [0, 9], [draft.convolution(draft.whole(x), 2)], [4, 4], clamp);
  const b = draft.requantize('b', [2, 2, 2], 7, [1, 2], [draft.convolution(draft.whole(a), 2, { stride: [2, 2] })], [3, 4], clampAround128);
  const c = draft.requantize('c', [2, 4, 4], 0, [5, 6], [draft.convolution(draft.whole(b), 2, { pad: [2, 2] })], [2, 2], clampAround128);
  const out = draft.accumulate('out', [1, 1, 1], [1], [draft.convolution(draft.whole(c), 1, { kernel: [4, 4] })]);
  return draft.finish('chain', [out, b]);
}

const { circuit, weights, inputs } = chain();
const cuts = [1, 2];
const context = new TextEncoder().encode('job 3');

const kernels = await loadKernels();
afterAll(kernels.end);
const prove = (c: Circuit, w: readonly Int8Array[]) => prepareProver(kernels, c, w);
const verify = (c: Circuit, w: readonly Int8Array[]) => prepareVerifier(kernels, c, w);

let proven: ProvenSlices;
let statement: Statement;
beforeAll(async () => {
  proven = await proveSlices(circuit, weights, cuts, prove, inputs, context);
  statement = { inputs, outputs: proven.outputs, context };
});

/** The verdict about the chain, or one of which something was changed. */
async function verdictOf(
  change: { statement?: Partial<Statement>; slices?: readonly SliceProof[]; cuts?: readonly number[]; circuit?: Circuit } = {},
): Promise<ChainVerdict> {
  const changed = { ...statement, ...change.statement };
  return verifySlices(change.circuit ?? circuit, weights, change.cuts ?? cuts, verify, changed, change.slices ?? proven.slices);
}

/** The chain's proofs with slice k changed. */
function withSlice(k: number, change: (own: SliceProof) => Partial<SliceProof>): SliceProof[] {
  return proven.slices.map((own, n) => (n === k ? { ...own, ...change(own) } : own));
}

/** The same values with the first one higher by one. */
function plusOne<T extends Uint8Array | Int32Array>(values: T): T {
  const changed = values.slice() as T;
  changed[0]! += 1;
  return changed;
}

describe('a model proven in slices', () => {
  it('has the outputs of the whole, a proof for each slice, and is accepted', async () => {
    expect(proven.outputs).toEqual(execute(circuit, weights, inputs).outputs);
    expect(proven.slices.map(({ digest }) => digest)).toEqual(slice(circuit, cuts).map((piece) => circuitDigest(piece.circuit)));
    expect(proven.timings).toHaveLength(3);
    expect(await verdictOf()).toEqual({ ok: true, weights: 'public' });
  });

  it('is accepted by the reference verifier too', async () => {
    const reference = (c: Circuit, w: readonly Int8Array[]) => {
      const prepared = prepareReference(c, w);
      if (!prepared.ok) return prepared;
      const { value } = prepared;
      return { ok: true as const, verify: (s: Statement, proof: Uint8Array) => verifyChecked(value, s, proof), dispose: () => undefined };
    };
    expect(await verifySlices(circuit, weights, cuts, reference, statement, proven.slices)).toEqual({ ok: true, weights: 'public' });
  });

  it('may be bound to contexts of its own, and its verification be watched', async () => {
    const pieces = slice(circuit, cuts);
    const contextOf = (k: number): Uint8Array => new TextEncoder().encode(`job ${k}`);
    const own = pieces.map((piece, k) => {
      const prover = prove(piece.circuit, sliceWeights(weights, piece));
      const { inputs: values, outputs } = proven.slices[k]!;
      const { proof } = prover.prove(values, contextOf(k));
      prover.dispose();
      return { digest: null, inputs: values, outputs, proof };
    });
    const steps: ChainStep[] = [];
    const onStep = (step: ChainStep): void => void steps.push(step);
    const claimed = (given: readonly SlicedCircuit[]) => {
      expect(given).toEqual(pieces);
      return own;
    };
    expect(await verifySlices(circuit, weights, cuts, verify, statement, claimed, { contextOf, onStep })).toEqual({
      ok: true,
      weights: 'public',
    });
    expect(steps.map(({ name, slice: k, verdict }) => [name, k, verdict.ok])).toEqual([
      ['cover', null, true],
      ['chain', null, true],
      ['slice', 0, true],
      ['slice', 1, true],
      ['slice', 2, true],
    ]);
    expect(await verifySlices(circuit, weights, cuts, verify, statement, own)).toMatchObject({ ok: false, slice: 0 });

    // A refused slice does not hide what the others are.
    const broken = own.map((values, k) => (k === 1 ? { ...values, proof: plusOne(values.proof) } : values));
    steps.length = 0;
    expect(await verifySlices(circuit, weights, cuts, verify, statement, broken, { contextOf, onStep })).toMatchObject({
      ok: false,
      slice: 1,
    });
    expect(steps.filter(({ name }) => name === 'slice').map(({ verdict }) => verdict.ok)).toEqual([true, false, true]);
    const shifted = (k: number): Uint8Array => contextOf((k + 1) % 3);
    steps.length = 0;
    expect(await verifySlices(circuit, weights, cuts, verify, statement, own, { contextOf: shifted, onStep })).toMatchObject({
      ok: false,
      slice: 0,
    });
    expect(steps.filter(({ name }) => name === 'slice').map(({ verdict }) => verdict.ok)).toEqual([false, false, false]);
  });

  it('may be one slice', async () => {
    const one = await proveSlices(circuit, weights, [], prove, inputs, context);
    expect(one.slices).toHaveLength(1);
    expect(await verdictOf({ cuts: [], slices: one.slices })).toEqual({ ok: true, weights: 'public' });
  });

  it('may be proven and verified by workers, with progress', async () => {
    const seen: string[] = [];
    const inWorker = await proveSlices(
      circuit,
      weights,
      cuts,
      (c, w) => createProver(nodePlatform, c, w, { threads: 1 }),
      inputs,
      context,
      { onProgress: (k, n, phase) => seen.push(`${k + 1}/${n} ${phase}`) },
    );
    expect(inWorker.slices).toEqual(proven.slices);
    expect(seen).toEqual(expect.arrayContaining(['1/3 forward', '2/3 commit', '3/3 opening']));
    const started = (c: Circuit, w: readonly Int8Array[]) => createVerifier(nodePlatform, c, w, { threads: 1 });
    expect(await verifySlices(circuit, weights, cuts, started, statement, proven.slices)).toEqual({ ok: true, weights: 'public' });
  });

  it('stops when it is told to', async () => {
    const controller = new AbortController();
    const onProgress = (k: number): void => {
      if (k === 1) controller.abort(new Error('enough'));
    };
    await expect(proveSlices(circuit, weights, cuts, prove, inputs, context, { signal: controller.signal, onProgress })).rejects.toThrow(
      'enough',
    );
  });

  test.each([1, 5, 16, 21, 26, 56])('as a random circuit cut into as many slices as possible, is accepted (seed %i)', async (seed) => {
    const sample = randomCircuit(seed, { bottlenecks: true });
    const chosen = chooseCuts(sample.circuit, cutTensors(sample.circuit).length + 1);
    const random = await proveSlices(sample.circuit, sample.weights, chosen, prove, sample.inputs, context);
    expect(random.outputs).toEqual(execute(sample.circuit, sample.weights, sample.inputs).outputs);
    const whole = { inputs: sample.inputs, outputs: random.outputs, context };
    expect(await verifySlices(sample.circuit, sample.weights, chosen, verify, whole, random.slices)).toMatchObject({ ok: true });
  });
});

describe('a chain is refused, with the slice and the check,', () => {
  it('beside another input, output or context', async () => {
    expect(await verdictOf({ statement: { inputs: [plusOne(inputs[0]!)] } })).toMatchObject({ ok: false, slice: 0, check: 'input' });
    for (const [n, slice] of [2, 1].entries()) {
      const outputs = proven.outputs.map((values, k) => (k === n ? plusOne(values) : values));
      expect(await verdictOf({ statement: { outputs } })).toMatchObject({ ok: false, slice, check: 'output' });
    }
    expect(await verdictOf({ statement: { context: plusOne(context) } })).toMatchObject({ ok: false, slice: 0 });
  });

  it('where the two sides of a cut differ', async () => {
    const slices = withSlice(1, ({ inputs: [x] }) => ({ inputs: [plusOne(x!)] }));
    expect(await verdictOf({ slices })).toEqual({
      ok: false,
      slice: 1,
      check: 'crossing tensor',
      detail: 'input 0 of slice 1 is not that of the slice before',
    });
    // The second crossing tensor is an output of the whole too.
    const later = withSlice(2, ({ inputs: [x] }) => ({ inputs: [plusOne(x!)] }));
    expect(await verdictOf({ slices: later })).toMatchObject({ ok: false, slice: 2, check: 'crossing tensor' });
  });

  it('where both sides of a cut agree on a wrong tensor, though the slice behind is proven for it', async () => {
    const pieces = slice(circuit, cuts);
    const wrong = plusOne(proven.slices[1]!.inputs[0]!);
    const rest: SliceProof[] = [];
    let values = wrong;
    for (const k of [1, 2]) {
      const prover = prove(pieces[k]!.circuit, sliceWeights(weights, pieces[k]!));
      const { proof, outputs } = prover.prove([values], sliceContext(context, k, 3));
      prover.dispose();
      rest.push({ digest: prover.digest, inputs: [values], outputs, proof });
      values = outputs[0] as Uint8Array;
    }
    const slices = [{ ...proven.slices[0]!, outputs: [wrong] }, ...rest];
    const outputs = [rest[1]!.outputs[0]!, rest[0]!.outputs[0]!];
    expect(await verdictOf({ slices: [proven.slices[0]!, ...rest], statement: { outputs } })).toMatchObject({
      slice: 1,
      check: 'crossing tensor',
    });
    const verdict = await verdictOf({ slices, statement: { outputs } });
    expect(verdict).toMatchObject({ ok: false, slice: 0 });
    expect(verdict).not.toMatchObject({ check: 'crossing tensor' });
  });

  it("where a proof is cut, changed, another slice's, or made for another place in a chain", async () => {
    for (const k of [0, 1, 2]) {
      const cut = withSlice(k, ({ proof }) => ({ proof: proof.subarray(0, -1) }));
      const changed = withSlice(k, ({ proof }) => ({ proof: plusOne(proof) }));
      const foreign = withSlice(k, () => ({ proof: proven.slices[(k + 1) % 3]!.proof }));
      for (const slices of [cut, changed, foreign]) expect(await verdictOf({ slices })).toMatchObject({ ok: false, slice: k });
    }
    const [piece] = slice(circuit, cuts);
    const prover = prove(piece!.circuit, sliceWeights(weights, piece!));
    for (const wrong of [sliceContext(context, 1, 3), sliceContext(context, 0, 2), context]) {
      const { proof } = prover.prove(inputs, wrong);
      expect(await verdictOf({ slices: withSlice(0, () => ({ proof })) })).toMatchObject({ ok: false, slice: 0 });
    }
    expect(
      await verdictOf({ slices: withSlice(0, () => ({ proof: prover.prove(inputs, sliceContext(context, 0, 3)).proof })) }),
    ).toMatchObject({
      ok: true,
    });
    prover.dispose();
  });

  it('where slices are missing, doubled or in another order', async () => {
    const [a, b, c] = proven.slices as [SliceProof, SliceProof, SliceProof];
    const missing = { ok: false, slice: null, check: 'slices' };
    expect(await verdictOf({ slices: [a, c] })).toMatchObject(missing);
    expect(await verdictOf({ slices: [a, b, b, c] })).toMatchObject(missing);
    expect(await verdictOf({ slices: [] })).toMatchObject(missing);
    expect(await verdictOf({ slices: [b, a, c] })).toMatchObject({ ok: false, slice: 0 });
  });

  it('where it was made for other cuts, or another circuit', async () => {
    expect(await verdictOf({ cuts: [1] })).toMatchObject({ ok: false, slice: null, check: 'slices' });
    const two = await proveSlices(circuit, weights, [1], prove, inputs, context);
    expect(await verdictOf({ cuts: [2], slices: two.slices })).toMatchObject({ ok: false, slice: 0 });
    const renamed = { ...circuit, layers: circuit.layers.map((layer) => ({ ...layer, name: `${layer.name}!` })) };
    expect(await verdictOf({ circuit: renamed })).toMatchObject({
      ok: false,
      slice: 0,
      check: 'circuit',
      detail: 'slice 0 was proven for another circuit than the cuts give',
    });
    // Saying the right digest does not help.
    const digests = slice(renamed, cuts).map((piece) => circuitDigest(piece.circuit));
    const slices = proven.slices.map((own, k) => ({ ...own, digest: digests[k]! }));
    const verdict = await verdictOf({ circuit: renamed, slices });
    expect(verdict).toMatchObject({ ok: false, slice: 0 });
    expect(verdict).not.toMatchObject({ check: 'circuit' });
  });

  it('where the circuit cannot be cut there, has other weights, or committed ones', async () => {
    for (const wrong of [[0], [3], [2, 1], [1, 1, 2], [1.5], ['1']]) {
      expect(await verdictOf({ cuts: wrong as number[] })).toMatchObject({ ok: false, slice: null, check: 'circuit' });
    }
    const other = weights.map((w, k) => (k === 1 ? w.map((v) => -v) : w));
    expect(await verifySlices(circuit, other, cuts, verify, statement, proven.slices)).toMatchObject({
      ok: false,
      slice: null,
      check: 'circuit',
      detail: expect.stringContaining('layer b: weights'),
    });
    const { circuit: committed } = committedNet();
    const verdict = await verifySlices(committed, [], [1], verify, statement, proven.slices);
    expect(verdict).toMatchObject({ ok: false, slice: null, check: 'circuit', detail: expect.stringContaining('committed weights') });
  });

  it("where a slice's circuit breaks a rule", async () => {
    const tables = circuit.tables.map((table, k) => (k === 1 ? { ...table, values: table.values.slice(0, 200) } : table));
    const broken = { ...circuit, tables };
    const slices = slice(broken, cuts).map((piece, k) => ({ ...proven.slices[k]!, digest: circuitDigest(piece.circuit) }));
    const verdict = await verdictOf({ circuit: broken, slices });
    expect(verdict).toMatchObject({ ok: false, slice: 1, check: 'circuit', detail: expect.stringContaining('rule (ii)') });
  });

  it.each([
    ['no array', {}],
    ['an array with holes', new Array(3)],
    ['numbers', [1, 2, 3]],
    ['empty objects', [{}, {}, {}]],
    ['arrays for bytes', [0, 1, 2].map((k) => ({ digest: [k], inputs: [[1]], outputs: [[1]], proof: [] }))],
  ])('where it is %s', async (_, slices) => {
    expect(await verdictOf({ slices: slices as SliceProof[] })).toMatchObject({ ok: false });
  });

  it('where digest, proof or statement are of another type', async () => {
    const none = undefined as never;
    for (const change of [{ digest: none }, { proof: none }, { digest: 'digest' as never }, { proof: null as never }]) {
      expect(await verdictOf({ slices: withSlice(1, () => change) })).toMatchObject({ ok: false, slice: 1 });
    }
    const values = proven.slices[1]!.outputs.map((y) => Int32Array.from(y));
    expect(await verdictOf({ slices: withSlice(1, () => ({ outputs: values })) })).toMatchObject({ ok: false, slice: 1, check: 'output' });
    for (const change of [{ inputs: none }, { outputs: none }, { context: none }]) {
      expect(await verdictOf({ statement: change })).toMatchObject({ ok: false, slice: null });
    }
    expect(await verifySlices(circuit, weights, 'cuts' as never, verify, statement, proven.slices)).toMatchObject({
      ok: false,
      check: 'cuts',
    });
  });
});

describe('inputs and cuts that do not fit', () => {
  it('are errors of the prover', async () => {
    await expect(proveSlices(circuit, weights, cuts, prove, [], context)).rejects.toThrow('expected 1 input tensors, got 0');
    await expect(proveSlices(circuit, weights, [3], prove, inputs, context)).rejects.toThrow('no cut at tensor 3');
    await expect(proveSlices(circuit, weights.slice(1), cuts, prove, inputs, context)).rejects.toThrow('weight tensors are expected');
  });
});
