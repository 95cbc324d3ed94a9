/**
 * Circuits that must not be proven, refused by the verifiers, who believe no compiler. For each rule there is a proof of something false
 * that is perfect otherwise: nothing but the rule stands against it.
 */
import { expect, test } from 'vitest';
import type { Circuit, Layer, Part, Requantize, View, Weights } from '../../circuits/graph/circuit.ts';
import { circuitDigest } from '../../circuits/graph/encoding.ts';
import { P } from '../../wasm/parameters.ts';
import { deriveLayout } from '../../wasm/reference/layout.ts';
import { verifyChecked } from '../../wasm/reference/verify.ts';
import { CircuitDraft, type Sample } from '../support/circuit-draft.ts';
import { committedNet, denseNet, featureNet } from '../support/circuits.ts';
import { plainWitness, type Tamper } from '../support/plain-prover/execution.ts';
import { statementOf } from '../support/plain-prover/prove.ts';
import { CONTEXT, honestProof, prove, shownWeights, type Shown } from './proofs.ts';
import { verifiers } from './verifiers.ts';

function expectRefusedCircuit(circuit: Circuit, weights: Weights | null, { statement, proof }: Shown, reason: RegExp): void {
  for (const verifier of verifiers) {
    const verdict = verifier.verify(circuit, weights, statement, proof);
    expect(verdict, verifier.name).toEqual({ ok: false, check: 'circuit', detail: expect.stringMatching(reason) });
  }
}

/** The argument alone, as it would stand if a verifier did not check circuits. */
function argumentHolds(circuit: Circuit, weights: Weights, { statement, proof }: Shown): boolean {
  return verifyChecked(
    { circuit, weights, digest: circuitDigest(circuit), layout: deriveLayout(circuit), standing: 'public' },
    statement,
    proof,
  ).ok;
}

/** One input value x, `y = table[(x + bias + h) / 2^24]`, and y itself as an int32 output. */
function oneActivation(bias: number, first: number, rows: number): Sample {
  const draft = new CircuitDraft(1);
  const x = draft.input([1, 1, 1], 0);
  const y = draft.requantize('y', [1, 1, 1], 0, [bias], [draft.multiple(draft.whole(x), [1])], [24], (q) => q & 255);
  const out = draft.accumulate('out', [1, 1, 1], [0], [draft.multiple(draft.whole(y), [1])]);
  const { name, circuit, weights } = draft.finish('one activation', [out]);
  const table = { first, values: Uint8Array.from({ length: rows }, (_, n) => first + n) };
  return { name, circuit: { ...circuit, tables: [table] }, weights, inputs: [Uint8Array.of(1)] };
}

/** A proof that the activation has another quotient and remainder, and so another value, than it has. */
function forged({ circuit, weights, inputs }: Sample, quotient: number, remainder: number): Shown {
  const tamper: Tamper = (layer, made) => {
    if (layer !== 0) return;
    made.quotients![0] = quotient;
    made.remainders![0] = remainder;
    made.tensor[0] = quotient;
  };
  return prove(circuit, weights, plainWitness(circuit, weights, inputs, tamper));
}

test('rule (i): with more than 2^(31 - s) table rows (q + 2^(31 - s), r - 1) forges an activation; the circuit is refused', () => {
  const sample = oneActivation(0, 0, 129);
  const proof = forged(sample, 128, 2 ** 23); // honest: quotient 0, remainder 2^23 + 1
  expect(proof.statement.outputs).toEqual([Int32Array.of(128)]);
  expect(argumentHolds(sample.circuit, sample.weights, proof)).toBe(true);
  expectRefusedCircuit(sample.circuit, sample.weights, proof, /layer y: rule \(i\)/);
  // one row less, and there is nothing to forge with
  const fitting = oneActivation(0, 0, 127);
  expect(argumentHolds(fitting.circuit, fitting.weights, forged(fitting, 128, 2 ** 23))).toBe(false);
  const honest = prove(fitting.circuit, fitting.weights, plainWitness(fitting.circuit, fitting.weights, fitting.inputs));
  for (const verifier of verifiers) {
    expect(verifier.verify(fitting.circuit, fitting.weights, honest.statement, honest.proof), verifier.name).toMatchObject({ ok: true });
  }
});

test('rule (ii): an accumulator below the table wraps to a row of it; the circuit is refused', () => {
  const sample = oneActivation(-(2 ** 23) - 100, 1, 127); // acc + h = -99 for the input 1
  const proof = forged(sample, 127, P - 99 - 127 * 2 ** 24);
  expect(proof.statement.outputs).toEqual([Int32Array.of(127)]);
  expect(argumentHolds(sample.circuit, sample.weights, proof)).toBe(true);
  expectRefusedCircuit(sample.circuit, sample.weights, proof, /layer y: rule \(ii\)/);
});

test('rule (iii): an accumulator of more than 2^30 passes for itself minus p; the circuit is refused', () => {
  const draft = new CircuitDraft(1);
  const x = draft.input([1, 1, 1], 0);
  const y = draft.requantize('y', [1, 1, 1], 0, [0], [draft.multiple(draft.whole(x), [1])], [0], (q) => q);
  const out = draft.accumulate('out', [1, 1, 1], [P - 400], [draft.multiple(draft.whole(y), [1])]);
  const { circuit, weights } = draft.finish('one logit', [out]);
  const witness = plainWitness(circuit, weights, [Uint8Array.of(7)]);
  expect(witness.tensors[2]).toEqual([P - 393]);
  const shifted = { ...witness, tensors: witness.tensors.with(2, [-393]) };
  const proof = prove(circuit, weights, shifted, { statement: statementOf(circuit, shifted, CONTEXT) });
  expect(argumentHolds(circuit, weights, proof)).toBe(true);
  expectRefusedCircuit(circuit, weights, proof, /layer out: rule \(iii\)/);
});

/**
 * `127 sum (a - 0) - 127 sum (b - 255)` of two inputs of 17,000 entries: one operand, whose parts have zero points 0 and 255. No one zero point for all of it lets the sum pass 2^30, but both together
 * do.
 */
function twoZeroPoints(): Sample {
  const draft = new CircuitDraft(1);
  const half = 17_000;
  const a = draft.input([half, 1, 1], 0);
  const b = draft.input([half, 1, 1], 255);
  const operand = draft.concatenated([a, b]);
  const y = draft.requantize('y', [1, 1, 1], 0, [0], [draft.multiple(draft.selected(a, 0, [0]), [1])], [0], (q) => q);
  const term = draft.convolution(operand, 1, { value: (n) => (n < half ? 127 : -127) });
  const out = draft.accumulate('out', [1, 1, 1], [0], [term]);
  const sample = draft.finish('two zero points', [out, y]);
  return { ...sample, inputs: [new Uint8Array(half).fill(255), new Uint8Array(half)] };
}

test('rule (iii) counts with every zero point of an operand at once: a sum of more than 2^30 passes for itself minus p; the circuit is refused', () => {
  const { circuit, weights, inputs } = twoZeroPoints();
  const witness = plainWitness(circuit, weights, inputs);
  const real = 2 * 17_000 * 255 * 127;
  expect(witness.tensors[3]).toEqual([real]);
  const shifted = { ...witness, tensors: witness.tensors.with(3, [real - P]) };
  const proof = prove(circuit, weights, shifted, { statement: statementOf(circuit, shifted, CONTEXT) });
  expect(argumentHolds(circuit, weights, proof)).toBe(true);
  expectRefusedCircuit(circuit, weights, proof, /layer out: rule \(iii\)/);
});

/** A circuit with one layer replaced. */
function withLayer(circuit: Circuit, name: string, change: (layer: Requantize) => Layer): Circuit {
  return { ...circuit, layers: circuit.layers.map((layer) => (layer.name === name ? change(layer as Requantize) : layer)) };
}

test('committed weights whose stated squares allow more than the table holds are refused by rule (ii)', () => {
  const sample = committedNet();
  const circuit = withLayer(sample.circuit, 'y', (layer) => ({
    ...layer,
    terms: layer.terms.map((term) =>
      term.kind === 'convolution' && term.weights.kind === 'committed'
        ? { ...term, weights: { ...term.weights, squares: term.weights.squares.map((square) => 4 * square) } }
        : term,
    ),
  }));
  expectRefusedCircuit(circuit, shownWeights(sample), honestProof(sample), /layer y: rule \(ii\)/);
});

const net = featureNet();

/** The first operand of a layer with its first part changed. */
function withPart(layer: Requantize, change: (part: Part, view: View) => Part): Layer {
  const [first, ...rest] = layer.terms;
  const view = first!.operand;
  const operand = { ...view, parts: [change(view.parts[0]!, view), ...view.parts.slice(1)] };
  return { ...layer, terms: [{ ...first!, operand }, ...rest] };
}

const broken: Record<string, { circuit: Circuit; reason: RegExp }> = {
  'that reads a tensor before it is made': {
    circuit: withLayer(net.circuit, 'convolution', (layer) => withPart(layer, (part) => ({ ...part, tensor: 2 }))),
    reason: /layer convolution: order/,
  },
  'that reads an int32 output': {
    circuit: {
      ...net.circuit,
      layers: [
        ...net.circuit.layers,
        ...net.circuit.layers
          .filter(({ name }) => name === 'no remainder')
          .map((layer) => ({
            ...(withPart(layer as Requantize, (part) => ({ ...part, tensor: net.circuit.outputs[0]! })) as Requantize),
            name: 'late',
          })),
      ],
    },
    reason: /layer late: order/,
  },
  'with an index map that leaves its tensor': {
    circuit: withLayer(net.circuit, 'gathered', (layer) =>
      withPart(layer, (part) => (part.kind === 'gather' ? { ...part, index: part.index.with(0, 18) } : part)),
    ),
    reason: /layer gathered: view/,
  },
  'with an operand that covers a position twice': {
    circuit: withLayer(net.circuit, 'average', (layer) => withPart(layer, (_, view) => view.parts[1]!)),
    reason: /layer average: view/,
  },
  'with a shift more than channels': {
    circuit: withLayer(net.circuit, 'convolution', (layer) => ({ ...layer, shift: Uint8Array.of(...layer.shift, 3) })),
    reason: /layer convolution: shape/,
  },
  'with a bias less than channels': {
    circuit: withLayer(net.circuit, 'convolution', (layer) => ({ ...layer, bias: layer.bias.subarray(1) })),
    reason: /layer convolution: shape/,
  },
  'with a table that no layer uses': {
    circuit: { ...net.circuit, tables: [...net.circuit.tables, { first: 0, values: Uint8Array.of(1) }] },
    reason: /table/,
  },
  'with an int32 layer that is no output': {
    circuit: {
      ...net.circuit,
      outputs: net.circuit.outputs.slice(1),
      meaning: { ...net.circuit.meaning, outputs: net.circuit.meaning.outputs.slice(1) },
    },
    reason: /layer logits: output/,
  },
  'with one output twice': {
    circuit: { ...net.circuit, outputs: net.circuit.outputs.with(1, net.circuit.outputs[0]!) },
    reason: /output/,
  },
  'with two layers of one name': {
    circuit: withLayer(net.circuit, 'convolution', (layer) => ({ ...layer, name: 'no remainder' })),
    reason: /order/,
  },
  'without a lookup': {
    circuit: {
      ...denseNet().circuit,
      layers: [{ ...denseNet().circuit.layers[1]!, terms: [] } as Layer],
      tables: [],
      outputs: [1],
    },
    reason: /limit/,
  },
};

for (const [what, { circuit, reason }] of Object.entries(broken)) {
  test(`a circuit ${what} is refused`, () => {
    expectRefusedCircuit(circuit, what === 'without a lookup' ? [] : net.weights, honestProof(net), reason);
  });
}
