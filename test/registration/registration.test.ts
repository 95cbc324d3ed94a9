import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { convolutions, type Circuit } from '../../circuits/graph/circuit.ts';
import { P } from '../../wasm/parameters.ts';
import { verifyRegistrationReference } from '../../wasm/reference/registration.ts';
import { commitVector, paddedLength, type Commitment } from '../../wasm/commitment/commitment.ts';
import { argueRegistration, proveRegistration, type Registration } from '../../wasm/registration/prove.ts';
import { registrationLayout } from '../../wasm/registration/statement.ts';
import { verifyRegistration } from '../../wasm/registration/verify.ts';
import { placeWeightVector, weightLevels } from '../../wasm/registration/weights.ts';
import { clamp, CircuitDraft, type Sample } from '../support/circuit-draft.ts';
import { committedNet, denseNet, wideNet } from '../support/circuits.ts';
import { kernelGrind } from '../support/kernel-grind.ts';
import { loadKernels } from '../support/kernels.ts';
import { weightVector } from '../support/plain-prover/prove.ts';
import { plainRegister } from '../support/plain-prover/register.ts';
import { seededGenerator } from '../support/random.ts';

let kernels: Awaited<ReturnType<typeof loadKernels>>;
let threaded: typeof kernels;
beforeAll(async () => {
  kernels = await loadKernels();
  threaded = await loadKernels(2);
});
afterAll(() => Promise.all([kernels.end(), threaded.end()]));

/** Planes of 1, 2, 4 and 8 entries, with and without padding; a vector of an odd length. */
function mixedNet(): Sample {
  const draft = new CircuitDraft(21);
  const x = draft.input([6, 4, 4], 9);
  const side = draft.input([2, 4, 4], 0);
  const y = draft.requantize('y', [5, 4, 4], 0, [1, 2, 3, 4, 5], [draft.convolution(draft.whole(x), 5)], [6, 5, 6, 5, 4], clamp);
  const z = draft.requantize(
    'z',
    [5, 4, 4],
    0,
    [0, 0, 0, 0, 0],
    [
      draft.convolution(draft.whole(y), 5, { kernel: [3, 3], pad: [1, 1], groups: 5, magnitude: () => 127 }),
      draft.convolution(draft.whole(side), 5, { kernel: [2, 1], pad: [1, 0] }),
    ],
    [9, 9, 8, 9, 9],
    clamp,
  );
  const out = draft.accumulate('out', [3, 1, 1], [0, 9, 1], [draft.convolution(draft.selected(z, 0, [1, 2, 4]), 3, { kernel: [4, 4] })]);
  return draft.finish('mixed net', [out], true);
}

/** Planes of 1 and of 16 entries, and of no size between; an odd number of the small ones. */
function gappedNet(): Sample {
  const draft = new CircuitDraft(8);
  const x = draft.input([9, 2, 2], 4);
  const y = draft.requantize('y', [3, 2, 2], 0, [1, 2, 3], [draft.convolution(draft.whole(x), 3)], [6, 7, 7], clamp);
  const out = draft.accumulate(
    'out',
    [3, 2, 2],
    [0, 1, 2],
    [draft.convolution(draft.whole(y), 3, { kernel: [3, 1], pad: [1, 0], groups: 3 })],
  );
  return draft.finish('gapped net', [out], true);
}

const signed = (words: readonly number[]): number[] => words.map((word) => (word > P / 2 ? word - P : word));

const wide = wideNet();

/** Every verdict of both verifiers. */
function verdicts(circuit: Circuit, proof: Uint8Array) {
  return [verifyRegistration(kernels, circuit, proof), verifyRegistrationReference(circuit, proof)];
}

function expectRefused(circuit: Circuit, proof: Uint8Array, what = ''): void {
  for (const verdict of verdicts(circuit, proof))
    expect(verdict, what).toEqual({ ok: false, check: expect.any(String), detail: expect.any(String) });
}

const made = new Map<string, Registration>();
function registrationOf(sample: Sample): Registration {
  const known = made.get(sample.name) ?? proveRegistration(kernels, sample.circuit, sample.weights);
  made.set(sample.name, known);
  return known;
}

/** The proof of a prover that puts another vector in the place of the weights, and the circuit with its root. */
function cheat(sample: Sample, change: (words: Uint32Array) => void): { circuit: Circuit; proof: Uint8Array } {
  const mark = kernels.arena.mark();
  const honest = registrationLayout(sample.circuit);
  const { layout } = honest;
  const vector = placeWeightVector(kernels, layout, sample.weights);
  const levels = weightLevels(layout);
  const words = new Uint32Array(kernels.words.buffer, vector, paddedLength(layout.weightLength, levels[0]!));
  change(words);
  const commitment: Commitment = commitVector(kernels, vector, layout.weightLength, levels);
  const circuit = { ...sample.circuit, weightRoot: commitment.root };
  const { proof } = argueRegistration(kernels, registrationLayout(circuit), commitment);
  kernels.arena.release(mark);
  return { circuit, proof };
}

/** The circuit with another sum of squares for a channel of a convolution. */
function withSquare(circuit: Circuit, convolution: number, channel: number, change: (square: number) => number): Circuit {
  const { term } = convolutions(circuit)[convolution]!;
  return {
    ...circuit,
    layers: circuit.layers.map((layer) =>
      layer.kind === 'maximum'
        ? layer
        : {
            ...layer,
            terms: layer.terms.map((own) => {
              if (own !== term || own.weights.kind !== 'committed') return own;
              return {
                ...own,
                weights: { kind: 'committed', squares: own.weights.squares.with(channel, change(own.weights.squares[channel]!)) },
              };
            }),
          },
    ),
  };
}

describe('a registration proof', () => {
  it.each([committedNet(), mixedNet(), gappedNet()])(
    'is that of the plain prover, byte for byte, on one thread and on two: $name',
    ({ circuit, weights }) => {
      const plain = plainRegister(circuit, signed(weightVector(circuit, weights)), { grind: kernelGrind(kernels) });
      for (const some of [kernels, threaded]) {
        const { proof, messages } = proveRegistration(some, circuit, weights);
        expect(messages).toEqual(plain.messages);
        expect(proof).toEqual(plain.proof);
      }
    },
  );

  it.each([committedNet(), mixedNet(), gappedNet(), wide])('is accepted by both verifiers: $name', (sample) => {
    expect(verdicts(sample.circuit, registrationOf(sample).proof)).toEqual([{ ok: true }, { ok: true }]);
  });

  it('is the same on two threads for a vector that they share', () => {
    expect(proveRegistration(threaded, wide.circuit, wide.weights).proof).toEqual(registrationOf(wide).proof);
  });

  it('leaves the arena as it was, of prover and verifier', () => {
    const { circuit, weights } = committedNet();
    const mark = kernels.arena.mark();
    const { proof } = proveRegistration(kernels, circuit, weights);
    verifyRegistration(kernels, circuit, proof);
    verifyRegistration(kernels, circuit, proof.slice(0, 100));
    expect(kernels.arena.mark()).toBe(mark);
  });

  it('is not made of weights other than those committed to, nor for public ones', () => {
    const { circuit, weights } = committedNet();
    const other = weights.map((w, k) => (k === 1 ? w.with(0, w[0]! + 1) : w));
    expect(() => proveRegistration(kernels, circuit, other)).toThrow('not the weights that the circuit commits to');
    const dense = denseNet();
    expect(() => proveRegistration(kernels, dense.circuit, dense.weights)).toThrow('public');
    expectRefused(dense.circuit, registrationOf(committedNet()).proof);
  });
});

describe('both verifiers refuse', () => {
  it('a proof with a bit flipped in a message of each label', () => {
    const sample = mixedNet();
    const { proof, messages } = registrationOf(sample);
    const random = seededGenerator(5);
    for (const label of new Set(messages.map((m) => m.label))) {
      const places = messages.filter((m) => m.label === label && m.length > 0);
      for (const { offset, length } of [places[0]!, places[places.length - 1]!]) {
        const byte = offset + Math.floor(random() * length);
        expectRefused(sample.circuit, proof.with(byte, proof[byte]! ^ (1 << Math.floor(random() * 8))), `${label}, byte ${byte}`);
      }
    }
  });

  it('a proof that is cut, longer, or no bytes at all', () => {
    const { circuit } = mixedNet();
    const { proof } = registrationOf(mixedNet());
    expectRefused(circuit, proof.slice(0, -1));
    expectRefused(circuit, Uint8Array.from([...proof, 0]));
    expectRefused(circuit, new Uint8Array());
    expectRefused(circuit, new Uint8Array((1 << 20) + 1));
    expectRefused(circuit, 'proof' as unknown as Uint8Array);
  });

  it('the proof of another root, or of other sums of squares', () => {
    const { circuit } = mixedNet();
    const { proof } = registrationOf(mixedNet());
    expectRefused({ ...circuit, weightRoot: circuit.weightRoot!.map((b, k) => (k === 7 ? b ^ 1 : b)) }, proof);
    expectRefused(
      withSquare(circuit, 1, 2, (s) => s - 1),
      proof,
    );
    expectRefused(
      withSquare(circuit, 3, 0, (s) => s + 1),
      proof,
    );
    expectRefused(committedNet().circuit, proof);
  });

  it('the proof of other shapes, though every weight stays where it is', () => {
    const { circuit } = mixedNet();
    const [, , turned] = convolutions(circuit);
    const other: Circuit = {
      ...circuit,
      layers: circuit.layers.map((layer) =>
        layer.kind === 'maximum'
          ? layer
          : {
              ...layer,
              terms: layer.terms.map((term) => (term === turned!.term ? { ...turned!.term, kernel: [1, 2], pad: [0, 1] } : term)),
            },
      ),
    };
    expect(registrationLayout(other).layout.weightSlots).toEqual(registrationLayout(circuit).layout.weightSlots);
    expectRefused(other, registrationOf(mixedNet()).proof);
  });

  it.each([
    ['200', 200],
    ['128', 128],
    ['-129', P - 129],
    ['p / 2', (P - 1) / 2],
  ])('a weight of %s, whatever its square', (_, word) => {
    // the vector's first entry is a weight of the last convolution's first channel: its planes are the largest
    const sample = mixedNet();
    const index = registrationLayout(sample.circuit).layout.weightSlots[0]!.offset;
    const { circuit, proof } = cheat(sample, (words) => {
      words[index] = word;
    });
    expectRefused(circuit, proof);
    // and with the sum of squares that this weight would have, modulo p
    const old = sample.weights[0]![0]!;
    const signed = word > 2 ** 30 ? word - P : word;
    const squared = Number((BigInt(signed) * BigInt(signed)) % BigInt(P));
    const adapted = { ...sample, circuit: withSquare(sample.circuit, 0, 0, (s) => (s - old * old + squared + P) % P) };
    const consistent = cheat(adapted, (words) => {
      words[index] = word;
    });
    const found = verdicts(consistent.circuit, consistent.proof);
    for (const verdict of found) expect(verdict).toMatchObject({ ok: false });
  });

  it('sums of squares that are one off, though the prover argues for them', () => {
    const sample = mixedNet();
    for (const [convolution, channel] of [
      [0, 0],
      [1, 4],
      [3, 2],
    ] as const) {
      const circuit = withSquare(sample.circuit, convolution, channel, (s) => s + 1);
      const { circuit: same, proof } = cheat({ ...sample, circuit }, () => undefined);
      for (const verdict of verdicts(same, proof)) expect(verdict).toMatchObject({ ok: false, check: 'squares' });
    }
    // two channels whose sums are exchanged: a plain sum would not notice
    const swapped = withSquare(
      withSquare(sample.circuit, 0, 0, (s) => s + 5),
      0,
      1,
      (s) => s - 5,
    );
    const { circuit, proof } = cheat({ ...sample, circuit: swapped }, () => undefined);
    for (const verdict of verdicts(circuit, proof)) expect(verdict).toMatchObject({ ok: false, check: 'squares' });
  });
});

describe('both verifiers accept', () => {
  it('anything in the entries that are no weight', () => {
    const sample = mixedNet();
    const random = seededGenerator(3);
    const { layout } = registrationLayout(sample.circuit);
    const { circuit, proof } = cheat(sample, (words) => {
      for (const slot of layout.weightSlots) {
        const plane = 2 ** slot.columnBits;
        for (let c = 0; c < slot.channels; c++)
          for (let j = slot.width; j < plane; j++) words[slot.offset + c * plane + j] = Math.floor(random() * P);
      }
    });
    expect(circuit.weightRoot).not.toEqual(sample.circuit.weightRoot);
    expect(verdicts(circuit, proof)).toEqual([{ ok: true }, { ok: true }]);
  });
});
