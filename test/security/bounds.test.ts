/**
 * The intervals of accumulators, on which the rules of circuits and so the soundness of every proof rest, against the worst inputs there are. An accumulator is affine in what the layer reads: its
 * coefficients come from executing the layer on unit vectors, and each input byte is then chosen by the sign of its own.
 */
import { describe, expect, test } from 'vitest';
import { accumulatorBounds, checkCircuit, MAX_TABLE_ROWS, widenTables, type Intervals } from '../../circuits/bounds/index.ts';
import { accumulate } from '../../circuits/execute/execute.ts';
import {
  shapeOf,
  size,
  type Circuit,
  type Layer,
  type LinearLayer,
  type Table,
  type Term,
  type Weights,
} from '../../circuits/graph/circuit.ts';
import { P } from '../../wasm/parameters.ts';
import { refuseBrokenRules } from '../../wasm/reference/rules.ts';
import { CircuitDraft, clamp, type Sample } from '../support/circuit-draft.ts';
import { committedNet, featureNet } from '../support/circuits.ts';
import { seededGenerator } from '../support/random.ts';
import { randomCircuit } from '../support/random-circuits.ts';

/** The linear layers of a circuit, each with its weights. */
function linearLayers(circuit: Circuit, weights: Weights): { layer: LinearLayer; own: Weights }[] {
  let next = 0;
  return circuit.layers.flatMap((layer) => {
    if (layer.kind === 'maximum') return [];
    const count = layer.terms.filter((term) => term.kind === 'convolution').length;
    return [{ layer, own: weights.slice(next, (next += count)) }];
  });
}

/** Per channel, the least and the largest accumulator over all bytes that its operands can hold. */
function worst(circuit: Circuit, layer: LinearLayer, own: Weights): Intervals {
  const read = [...new Set(layer.terms.flatMap((term) => term.operand.parts.map((part) => part.tensor)))];
  const tensors: Uint8Array[] = [];
  for (const tensor of read) tensors[tensor] = new Uint8Array(size(shapeOf(circuit, tensor)));
  const atZero = accumulate(circuit, layer, own, tensors);
  const least = Float64Array.from(atZero);
  const most = Float64Array.from(atZero);
  for (const tensor of read) {
    const values = tensors[tensor]!;
    for (let k = 0; k < values.length; k++) {
      values[k] = 255;
      accumulate(circuit, layer, own, tensors).forEach((v, n) => {
        least[n]! += Math.min(0, v - atZero[n]!);
        most[n]! += Math.max(0, v - atZero[n]!);
      });
      values[k] = 0;
    }
  }
  const plane = layer.shape[1] * layer.shape[2];
  const ofChannel = (all: Float64Array, c: number): Float64Array => all.subarray(c * plane, (c + 1) * plane);
  return {
    lo: Float64Array.from({ length: layer.shape[0] }, (_, c) => ofChannel(least, c).reduce((a, b) => Math.min(a, b))),
    hi: Float64Array.from({ length: layer.shape[0] }, (_, c) => ofChannel(most, c).reduce((a, b) => Math.max(a, b))),
  };
}

/** The circuit with the sums of squares of its weights in their place. */
function squared({ circuit, weights }: Sample): Pick<Circuit, 'layers' | 'weightRoot'> {
  let next = 0;
  const layers = circuit.layers.map((layer): Layer => {
    if (layer.kind === 'maximum') return layer;
    const terms = layer.terms.map((term): Term => {
      if (term.kind !== 'convolution') return term;
      const own = weights[next++]!;
      const fanIn = own.length / layer.shape[0];
      const squares = Array.from({ length: layer.shape[0] }, (_, c) =>
        own.subarray(c * fanIn, (c + 1) * fanIn).reduce((sum, w) => sum + w * w, 0),
      );
      return { ...term, weights: { kind: 'committed', squares } };
    });
    return { ...layer, terms } satisfies LinearLayer;
  });
  return { layers, weightRoot: new Uint8Array(32) };
}

/** Expects the bounds of every layer to hold whatever the layer reads. Returns how many channels have bounds that some input attains. */
function expectBounds({ name, circuit, weights }: Sample): number {
  let attained = 0;
  for (const { layer, own } of linearLayers(circuit, weights)) {
    const bounds = accumulatorBounds(circuit, layer, own);
    const { lo, hi } = worst(circuit, layer, own);
    for (let c = 0; c < layer.shape[0]; c++) {
      const where = `${name}, layer ${layer.name}, channel ${c}: ${lo[c]}..${hi[c]} within ${bounds.lo[c]}..${bounds.hi[c]}`;
      expect(bounds.lo[c]! <= lo[c]! && hi[c]! <= bounds.hi[c]!, where).toBe(true);
      if (bounds.lo[c] === lo[c] && hi[c] === bounds.hi[c]) attained++;
    }
  }
  return attained;
}

describe('the bounds of accumulators hold for the worst inputs', () => {
  test('of layers with every kind of term', () => {
    expect(expectBounds(featureNet())).toBeGreaterThan(3);
  });

  test('of random circuits', () => {
    let attained = 0;
    for (let seed = 0; seed < 60; seed++) attained += expectBounds(randomCircuit(seed));
    expect(attained).toBeGreaterThan(50);
  });

  test('of committed weights, of which the sums of squares are all that is known', () => {
    expectBounds(committedNet());
    for (let seed = 0; seed < 30; seed++) {
      const sample = randomCircuit(seed);
      const { layers, weightRoot } = squared(sample);
      expectBounds({ ...sample, circuit: { ...sample.circuit, layers, weightRoot } });
    }
  });

  test('of operands whose parts have different zero points, with weights of either sign', () => {
    const byChannel = [
      [3, -7],
      [-5, 2],
      [4, 6],
      [-1, -9],
    ] as const;
    for (const [first, second] of [
      [0, 255],
      [255, 0],
      [0, 128],
      [100, 101],
    ] as const) {
      const draft = new CircuitDraft(first);
      const a = draft.input([3, 1, 1], first);
      const b = draft.input([2, 1, 1], second);
      const term = draft.convolution(draft.concatenated([a, b]), 4, { value: (n) => byChannel[Math.floor(n / 5)]![n % 5 < 3 ? 0 : 1] });
      const y = draft.requantize('y', [4, 1, 1], 0, [1, 2, 3, 4], [term], [3, 3, 3, 3], clamp);
      expectBounds(draft.finish(`zero points ${first} and ${second}`, [y]));
    }
  });
});

/** Which of the two checks of the rules refuse a circuit. */
function refusals(circuit: Circuit, weights: Weights | null): { shared: string | null; reference: string | null } {
  const reason = (check: () => void): string | null => {
    try {
      check();
      return null;
    } catch (error) {
      return (error as Error).message;
    }
  };
  const shared = reason(() => checkCircuit(circuit, weights));
  return { shared, reference: reason(() => refuseBrokenRules(circuit, weights)) };
}

/** The circuit with a table moved, shortened or lengthened by one row, or as long as rule (i) allows or one row longer; or with a shift or a bias changed. */
function perturbed(circuit: Circuit, random: () => number): Circuit {
  const pick = (n: number): number => Math.floor(random() * n);
  if (circuit.tables.length && pick(2) === 0) {
    const changed = pick(circuit.tables.length);
    const by = [
      ({ first, values }: Table): Table => ({ first: first + 1, values: values.subarray(1) }),
      ({ first, values }: Table): Table => ({ first, values: values.subarray(0, -1) }),
      ({ first, values }: Table): Table => ({ first: first - 1, values: Uint8Array.of(0, ...values) }),
      ({ first, values }: Table): Table => ({ first: first + 1, values }),
      ({ first, values }: Table): Table => {
        const shifts = circuit.layers.flatMap((layer) => (layer.kind === 'requantize' && layer.table === changed ? [...layer.shift] : []));
        const rows = Math.floor(P / 2 ** Math.max(...shifts)) + pick(2);
        return rows <= MAX_TABLE_ROWS ? { first, values: Uint8Array.from({ length: rows }, (_, n) => values[n] ?? 0) } : { first, values };
      },
    ][pick(5)]!;
    const tables = circuit.tables.map((table, n) => (n === changed && table.values.length > 1 ? by(table) : table));
    return { ...circuit, tables };
  }
  const changed = pick(circuit.layers.length);
  const layers = circuit.layers.map((layer, n): Layer => {
    if (n !== changed || layer.kind === 'maximum') return layer;
    const k = pick(layer.bias.length);
    const large = pick(3) === 0;
    const bias = layer.bias.with(k, layer.bias[k]! + (large ? 2 ** 30 * (1 - 2 * pick(2)) : pick(3) - 1));
    if (layer.kind === 'accumulate' || pick(2) === 0) return { ...layer, bias };
    const c = pick(layer.shift.length);
    return { ...layer, shift: layer.shift.with(c, Math.min(24, Math.max(0, layer.shift[c]! + 1 - 2 * pick(2)))) };
  });
  return { ...circuit, layers };
}

test('both checks of the rules agree, on circuits at the edge of them too', () => {
  const random = seededGenerator(8);
  const seen = new Set<string>();
  for (let seed = 0; seed < 80; seed++) {
    const sample = randomCircuit(seed);
    const committed = seed % 3 === 0;
    const weights = committed ? null : sample.weights;
    const unwidened = committed ? { ...sample.circuit, ...squared(sample) } : sample.circuit;
    // tables as short as the rules allow; wide ones may break rule (i)
    const tight = committed ? widenTables(unwidened, null) : unwidened;
    for (let n = 0; n < 8; n++) {
      const circuit = n === 0 ? tight : perturbed(tight, random);
      const { shared, reference } = refusals(circuit, weights);
      const rule = (message: string | null): string => /rule \((i|ii|iii)\)/.exec(message ?? '')?.[0] ?? String(message);
      if (shared !== null && !shared.includes('rule')) continue;
      expect(rule(reference), `${sample.name}: ${shared ?? 'accepted'}`).toBe(rule(shared));
      seen.add(rule(shared));
    }
  }
  expect([...seen].sort()).toEqual(['null', 'rule (i)', 'rule (ii)', 'rule (iii)']);
});
