import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkCircuit, widenTables } from '../../circuits/bounds/index.ts';
import type { Circuit, Layer, Term, Weights } from '../../circuits/graph/circuit.ts';
import { weightsHash } from '../../circuits/graph/encoding.ts';
import { prepareProver } from '../../wasm/prove.ts';
import { commitCircuit } from '../../wasm/registration/commit.ts';
import { proveRegistration } from '../../wasm/registration/prove.ts';
import { verifyRegistration } from '../../wasm/registration/verify.ts';
import { prepareVerifier } from '../../wasm/verify.ts';
import { clamp, CircuitDraft } from '../support/circuit-draft.ts';
import { committedNet, denseNet, elementwiseNet, featureNet } from '../support/circuits.ts';
import { loadKernels } from '../support/kernels.ts';

let kernels: Awaited<ReturnType<typeof loadKernels>>;
beforeAll(async () => {
  kernels = await loadKernels();
});
afterAll(() => kernels.end());

describe('a circuit with public weights', () => {
  it.each([denseNet(), featureNet()])(
    'becomes one with committed weights that gives the same outputs, is proven and registered: $name',
    (sample) => {
      const { circuit, weights, inputs } = sample;
      const committed = commitCircuit(kernels, circuit, weights);
      const context = new Uint8Array();
      const before = prepareProver(kernels, circuit, weights).prove(inputs, context);
      const after = prepareProver(kernels, committed, weights).prove(inputs, context);
      expect(after.outputs).toEqual(before.outputs);
      const verifier = prepareVerifier(kernels, committed, null);
      if (!verifier.ok) throw new Error(verifier.detail);
      expect(verifier.verify({ inputs, outputs: after.outputs, context }, after.proof)).toMatchObject({ ok: true });
      expect(verifyRegistration(kernels, committed, proveRegistration(kernels, committed, weights).proof)).toEqual({ ok: true });
    },
  );

  it('names the root and the squares of its weights', () => {
    const { circuit, weights } = committedNet();
    const committed = commitCircuit(kernels, withPublicWeights(circuit, weights), weights);
    expect(committed).toEqual(circuit);
  });

  it('keeps its tables where they suffice, and repeats their end rows where they do not', () => {
    const { circuit, weights } = denseNet();
    const committed = commitCircuit(kernels, circuit, weights);
    circuit.tables.forEach((table, k) => {
      const wide = committed.tables[k]!;
      const shift = table.first - wide.first;
      expect(shift).toBeGreaterThanOrEqual(0);
      expect(wide.values.length).toBeGreaterThan(table.values.length);
      expect(wide.values.subarray(shift, shift + table.values.length)).toEqual(table.values);
      expect(new Set(wide.values.subarray(0, shift + 1)).size).toBe(1);
      expect(new Set(wide.values.subarray(shift + table.values.length - 1)).size).toBe(1);
    });
    expect(widenTables(circuit, weights)).toEqual(circuit);
    // as short as can be: one row less at either end, and a bound is outside
    for (const [k, { first, values }] of committed.tables.entries()) {
      for (const shorter of [
        { first: first + 1, values: values.subarray(1) },
        { first, values: values.subarray(0, -1) },
      ]) {
        expect(() => {
          checkCircuit({ ...committed, tables: committed.tables.with(k, shorter) }, null);
        }).toThrow('rule (ii)');
      }
    }
  });

  it('is refused by name of layer where no table could hold the wider bounds', () => {
    // 400 inputs, shift 0: the weights reach 127 * 255 quotients with a single weight, but 20 times as many by their squares
    const draft = new CircuitDraft(31);
    const x = draft.input([400, 1, 1], 0);
    const term = draft.convolution(draft.whole(x), 1, { magnitude: () => 0 });
    const y = draft.requantize('narrow', [1, 1, 1], 0, [0], [term], [0], clamp);
    const out = draft.accumulate('out', [1, 1, 1], [0], [draft.multiple(draft.whole(y), [1])]);
    const { circuit, weights } = draft.finish('one weight', [out]);
    const single = weights[0]!.with(7, 127);
    const own = withPublicWeights(
      { ...circuit, tables: [{ first: 0, values: Uint8Array.from({ length: 127 * 255 + 1 }, (_, q) => clamp(q)) }] },
      [single],
    );
    expect(() => commitCircuit(kernels, own, [single])).toThrow(/layer narrow: table: .* rows are needed/);
  });

  it('is refused without a convolution, and with weights that are not its own', () => {
    const { circuit, weights } = elementwiseNet();
    expect(() => commitCircuit(kernels, circuit, weights)).toThrow('there is no convolution');
    const dense = denseNet();
    expect(() => commitCircuit(kernels, dense.circuit, [dense.weights[1]!, dense.weights[0]!])).toThrow('weights');
  });
});

/** The same circuit with public weights. */
function withPublicWeights(circuit: Circuit, weights: Weights): Circuit {
  let next = 0;
  const layers = circuit.layers.map((layer): Layer => {
    if (layer.kind === 'maximum') return layer;
    const terms = layer.terms.map((term): Term =>
      term.kind === 'convolution' ? { ...term, weights: { kind: 'public', hash: weightsHash(weights[next++]!) } } : term,
    );
    return { ...layer, terms };
  });
  return { ...circuit, layers, weightRoot: null };
}
