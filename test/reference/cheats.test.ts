/** Provers that cheat, each in one place and honest everywhere else. Every verifier must refuse them all. */
import { expect, test } from 'vitest';
import type { Circuit, Weights } from '../../circuits/graph/circuit.ts';
import { P } from '../../wasm/parameters.ts';
import { deriveLayout } from '../../wasm/reference/layout.ts';
import type { ReferenceStatement } from '../../wasm/reference/verify.ts';
import { committedNet, denseNet, featureNet, type Sample } from '../support/circuits.ts';
import { plainWitness, type Tamper } from '../support/plain-prover/execution.ts';
import { countLookups, lookupsOf, type Lookup } from '../support/plain-prover/leaves.ts';
import type { PlainOptions, PlainProof } from '../support/plain-prover/prove.ts';
import type { Alter } from '../support/plain-prover/writer.ts';
import { expectAccepted, expectRefused, honestProof, proofOf, prove, shownWeights } from './proofs.ts';

type Made = Parameters<Tamper>[1];

/** Tampers with what the layer of that name made. */
function at(circuit: Circuit, layer: string, change: (made: Made) => void): Tamper {
  const index = circuit.layers.findIndex(({ name }) => name === layer);
  if (index < 0) throw new Error(`no layer ${layer}`);
  return (layerIndex, made) => {
    if (layerIndex === index) change(made);
  };
}

/** First position of a layer's execution that satisfies a condition; a cheat needs room to cheat. */
function position(made: Made, wanted: (y: number, q: number, r: number) => boolean): number {
  const n = made.tensor.findIndex((y, k) => wanted(y, made.quotients?.[k] ?? 0, made.remainders?.[k] ?? 0));
  if (n < 0) throw new Error('no position for this cheat: change the circuit');
  return n;
}

const strictly = (y: number): boolean => y > 0 && y < 255;

/** Cheats in the execution of the feature net: what is changed, later layers follow honestly. */
function executionCheats(circuit: Circuit): Record<string, Tamper> {
  const shiftOf = (layer: string, n: number): number => {
    const found = circuit.layers.find(({ name }) => name === layer)!;
    if (found.kind !== 'requantize') throw new Error(`${layer} has no shifts`);
    return found.shift[Math.floor(n / (found.shape[1] * found.shape[2]))]!;
  };
  return {
    'an activation + 1': at(circuit, 'convolution', (made) => {
      made.tensor[position(made, strictly)]! += 1;
    }),
    'an activation + 1 with its quotient + 1': at(circuit, 'convolution', (made) => {
      const n = position(made, (y, q) => strictly(y) && q === y);
      made.tensor[n]! += 1;
      made.quotients![n]! += 1;
    }),
    'a remainder - 1': at(circuit, 'groups with shortcut', (made) => {
      made.remainders![position(made, (_, __, r) => r > 0)]! -= 1;
    }),
    'a quotient + 1 with its remainder - 2^s': at(circuit, 'groups with shortcut', (made) => {
      const n = position(made, (y, q) => strictly(y) && q === y);
      made.tensor[n]! += 1;
      made.quotients![n]! += 1;
      made.remainders![n]! -= 2 ** shiftOf('groups with shortcut', n);
    }),
    'a quotient - 1 with its remainder + 2^s': at(circuit, 'depthwise with residual', (made) => {
      const n = position(made, strictly);
      made.tensor[n]! -= 1;
      made.quotients![n]! -= 1;
      made.remainders![n]! += 2 ** shiftOf('depthwise with residual', n);
    }),
    'a quotient + 2^(31 - s) with its remainder - 1, the same equation modulo p': at(circuit, 'convolution', (made) => {
      const n = position(made, (_, __, r) => r > 0);
      made.quotients![n]! += 2 ** (31 - shiftOf('convolution', n));
      made.remainders![n]! -= 1;
    }),
    'a remainder 1 in a channel with s = 0': at(circuit, 'convolution', (made) => {
      const n = made.tensor.slice(0, 42).findIndex((y, k) => y > 0 && made.quotients![k] === y && y < 255);
      made.tensor[n]! -= 1;
      made.quotients![n]! -= 1;
      made.remainders![n]! += 1;
    }),
    'a remainder 1 in a layer whose shifts are all 0': at(circuit, 'no remainder', (made) => {
      made.quotients![0]! -= 1;
      made.remainders![0]! += 1;
    }),
    'a second limb + 1': at(circuit, 'average', (made) => {
      made.remainders![0]! += 4096;
    }),
    'a first limb - 1 with the quotient for it': at(circuit, 'average without padding', (made) => {
      made.remainders![position(made, (_, __, r) => r % 4096 > 0)]! -= 1;
    }),
    'a maximum too big': at(circuit, 'pool rows 2', (made) => {
      made.tensor[position(made, (y) => y < 255)]! += 1;
    }),
    'a maximum too small': at(circuit, 'pool columns', (made) => {
      made.tensor[position(made, (y) => y > 0)]! -= 1;
    }),
    'a gathered maximum that is neither operand': at(circuit, 'gathered maximum', (made) => {
      made.tensor[position(made, (y) => y < 255)]! += 1;
    }),
    'a public uint8 output + 1': at(circuit, 'transposed', (made) => {
      made.tensor[position(made, strictly)]! += 1;
    }),
    'a logit + 1': at(circuit, 'logits', (made) => {
      made.tensor[1]! += 1;
    }),
    'an int32 output without direct terms + 1': at(circuit, 'score', (made) => {
      made.tensor[23]! -= 1;
    }),
    'an int32 output with direct terms only - 1': at(circuit, 'spread', (made) => {
      made.tensor[0]! -= 1;
    }),
  };
}

const refusesTampered = (sample: Sample, tamper?: Tamper, options: PlainOptions = {}, weights: Weights = sample.weights): void => {
  const witness = plainWitness(sample.circuit, weights, sample.inputs, tamper);
  const { statement, proof } = prove(sample.circuit, weights, witness, options);
  expectRefused(sample.circuit, shownWeights(sample), { statement: options.statement ?? statement, proof });
};

const net = featureNet();
for (const [cheat, tamper] of Object.entries(executionCheats(net.circuit))) {
  test(`${cheat} is refused`, () => {
    refusesTampered(net, tamper);
  });
}

const dense = denseNet();
const layout = deriveLayout(dense.circuit);
const honest = (): PlainProof => honestProof(dense);
const logits = (): Int32Array => honest().statement.outputs[0] as Int32Array;
const refusesDense = (statement: ReferenceStatement, proof: Uint8Array): void =>
  expectRefused(dense.circuit, dense.weights, { statement, proof });

test('a logit that differs by p, which the field cannot tell, is refused', () => {
  const shifted = logits().map((x) => (x < 0 ? x + P : x - P));
  expect(shifted.map((x) => ((x % P) + P) % P)).toEqual(logits().map((x) => ((x % P) + P) % P));
  refusesTampered(dense, undefined, { statement: { ...honest().statement, outputs: [shifted] } });
});

test('a proof made for a statement with another input or output than those proven is refused', () => {
  const { statement } = honest();
  const otherInput = statement.inputs[0]!.map((x, n) => (n === 2 ? x ^ 1 : x));
  refusesTampered(dense, undefined, { statement: { ...statement, inputs: [otherInput] } });
  refusesTampered(dense, undefined, { statement: { ...statement, outputs: [logits().map((x, n) => (n === 0 ? x + 1 : x))] } });
});

test('an honest proof beside another input, output or context is refused', () => {
  const { statement, proof } = honest();
  refusesDense({ ...statement, inputs: [statement.inputs[0]!.map((x) => x ^ 1)] }, proof);
  refusesDense({ ...statement, outputs: [logits().map((x) => x + 1)] }, proof);
  refusesDense({ ...statement, context: new Uint8Array() }, proof);
  const context = new TextEncoder().encode('job 2');
  refusesDense({ ...statement, context }, proof);
  expectAccepted(dense.circuit, dense.weights, proofOf(dense, context));
});

test('a multiplicity + 1, - 1, or + (p - 1) / 2 is refused', () => {
  const witness = plainWitness(dense.circuit, dense.weights, dense.inputs);
  const counts = countLookups(layout, lookupsOf(dense.circuit, layout, witness));
  for (const delta of [1, -1, (P - 1) / 2]) {
    const multiplicities = counts.map((rows, n) => (n === counts.length - 1 ? rows.with(17, rows[17]! + delta) : rows));
    const { statement, proof } = prove(dense.circuit, dense.weights, { ...witness, multiplicities });
    refusesDense(statement, proof);
  }
});

test("an execution with one other weight than the circuit's is refused, weights being public or committed", () => {
  for (const sample of [dense, committedNet()]) {
    const changed = sample.weights.map((values, n) => (n === 0 ? values.with(0, values[0]! + 1) : values));
    refusesTampered(sample, undefined, {}, changed);
  }
});

test('a proof without one of the lookups, without a table, or with lookups in another table is refused', () => {
  refusesTampered(dense, undefined, { lookups: (all) => all.slice(1) });
  refusesTampered(dense, undefined, { lookups: (all) => all.filter(({ table }) => table !== 0) });
  const elsewhere = ({ table, ...lookup }: Lookup): Lookup => ({ ...lookup, table: table === 0 ? 1 : table });
  refusesTampered(dense, undefined, { lookups: (all) => all.map(elsewhere) });
});

test('a proof of another circuit that computes the same is refused', () => {
  const circuit: Circuit = { ...dense.circuit, layers: dense.circuit.layers.map((layer) => ({ ...layer, name: `${layer.name}!` })) };
  expectRefused(circuit, dense.weights, honest());
  expectAccepted(circuit, dense.weights, proofOf({ ...dense, circuit }));
});

test('public weights that do not hash to what the circuit says are refused', () => {
  const changed = dense.weights.map((values, n) => (n === 1 ? values.with(3, values[3]! ^ 1) : values));
  for (const weights of [changed, dense.weights.slice(1), null]) expectRefused(dense.circuit, weights, honest());
});

/** Adds 1 to the first word of a message, mod p: another element, canonical. */
function incremented(data: Uint8Array): Uint8Array {
  const out = data.slice();
  const view = new DataView(out.buffer);
  view.setUint32(0, (view.getUint32(0, true) + 1) % P, true);
  return out;
}

for (const [place, sample] of [
  ['first', dense],
  ['last', committedNet()],
] as const) {
  test(`a prover of the ${sample.name} whose ${place} message of any label is wrong, and who goes on from there, is refused`, () => {
    const { messages } = honestProof(sample);
    const witness = plainWitness(sample.circuit, sample.weights, sample.inputs);
    for (const label of new Set(messages.map((message) => message.label))) {
      const own = messages.filter((message) => message.label === label && message.length > 0);
      const wrong = place === 'first' ? 0 : own.length - 1;
      const alter: Alter = (given, n, data) => (given === label && n === wrong ? incremented(data) : data);
      expectRefused(sample.circuit, shownWeights(sample), prove(sample.circuit, sample.weights, witness, { alter }), label);
    }
  });
}

test('a lookup tree of zeros, in which every fraction is 0 / 0, is refused', () => {
  const zeros: Alter = (label, _, data) => (['root', 'tree round', 'children'].includes(label) ? new Uint8Array(data.length) : data);
  refusesTampered(dense, undefined, { alter: zeros });
});

test('a lookup tree whose two halves sum to zero, but not to what the leaves give, is refused', () => {
  // root: p0, q0, p1, q1 with p1 = -p0 and q0 = q1 = 1
  const balanced: Alter = (label, _, data) => {
    if (label !== 'root') return data;
    const view = new DataView(new ArrayBuffer(data.length));
    [5, 1, P - 5, 1].forEach((word, n) => {
      view.setUint32(16 * n, word, true);
    });
    return new Uint8Array(view.buffer);
  };
  refusesTampered(dense, undefined, { alter: balanced });
});
