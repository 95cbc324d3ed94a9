/**
 * Circuits at the edge of what there can be: nothing to read, one element, one row, the same thing twice. The provers agree on their proofs, the verifiers accept these, and refuse what is wrong by one
 * in any layer.
 */
import { expect, test } from 'vitest';
import { prepareProver } from '../../wasm/prove.ts';
import { clamp, CircuitDraft, type Sample } from '../support/circuit-draft.ts';
import { plainWitness } from '../support/plain-prover/execution.ts';
import { statementOf } from '../support/plain-prover/prove.ts';
import { CONTEXT, expectAccepted, expectRefused, honestProof, prove, shownWeights } from './proofs.ts';
import { kernels } from './verifiers.ts';

const sevens = (): number => 7;

/** Maxima only: of an input and itself, and of two operands that cover nothing. */
function maximaOnly(): Sample {
  const draft = new CircuitDraft(1);
  const x = draft.input([1, 1, 1], 200);
  const y = draft.maximum('same twice', 200, draft.whole(x), draft.whole(x));
  const nothing = draft.strided(y, 1, 5, 1, 2);
  const z = draft.maximum('of nothing', 0, nothing, nothing);
  return draft.finish('maxima only', [y, z]);
}

/** Layers that read nothing at all, one of them with a table of one row. */
function constants(): Sample {
  const draft = new CircuitDraft(2);
  draft.input([1, 1, 1], 0);
  const one = draft.requantize('one row', [1, 1, 1], 3, [5 * 2 ** 24], [], [24], sevens);
  const some = draft.requantize('some', [2, 1, 3], 0, [40, -3, 200, 9, 1, 77], [], [0, 3], clamp);
  const out = draft.accumulate('out', [2, 1, 1], [-9, 2 ** 30 - 1], []);
  return draft.finish('constants', [out, some, one]);
}

/** Operands that cover no position, or read one tensor several times; windows that lie wholly in the padding. */
function oddOperands(): Sample {
  const draft = new CircuitDraft(3);
  const x = draft.input([2, 3, 4], 255);
  const y = draft.requantize(
    'twice',
    [3, 3, 4],
    9,
    [1, 2, 3],
    [draft.convolution(draft.concatenated([x, x]), 3), draft.convolution(draft.concatenated([x, x, x]), 3, { groups: 3 })],
    [4, 0, 5],
    clamp,
  );
  const nothing = draft.selected(y, 0, [-1, -1]);
  const z = draft.requantize(
    'nothing',
    [2, 3, 4],
    0,
    [300, 4],
    [
      draft.convolution(nothing, 2, { kernel: [2, 2] }),
      draft.multiple(nothing, [7, 8]),
      draft.convolution(draft.whole(y), 2, { kernel: [3, 1], pad: [20, 0] }),
      draft.convolution(draft.whole(y), 2, { pad: [-30, -30], stride: [2, 3] }),
      draft.windowSum(draft.selected(y, 0, [0, 0]), [3, -3], [1, 2], [1, 1], [0, 40], [1, 1, 1], [1, 1, 1, 1]),
    ],
    [2, 0],
    clamp,
  );
  const repeated = draft.gathered(z, [1, 2, 5], [3, 3, 3, -1, 3, 0, 0, 3, 23, 23]);
  const all = draft.accumulate('all', [1, 1, 1], [0], [draft.convolution(repeated, 1, { kernel: [2, 5] })]);
  const none = draft.accumulate('none', [2, 3, 4], [4, 5], [draft.multiple(nothing, [1, 1]), draft.convolution(nothing, 2)]);
  return draft.finish('odd operands', [all, none]);
}

/** An output that later layers read, next to inputs that nobody reads, up to eight of each. */
function eightOfEach(): Sample {
  const draft = new CircuitDraft(4);
  const inputs = Array.from({ length: 8 }, (_, n) => draft.input([1, 1, n + 1], 30 * n));
  const y = draft.requantize('y', [1, 1, 4], 0, [2], [draft.multiple(draft.whole(inputs[3]!), [3])], [1], clamp);
  const z = draft.requantize('z', [1, 1, 4], 0, [2], [draft.multiple(draft.whole(y), [2])], [0], clamp);
  const m = draft.maximum('m', 0, draft.whole(y), draft.whole(z));
  const outs = Array.from({ length: 5 }, (_, n) =>
    draft.accumulate(`out ${n}`, [1, 1, 4], [n], [draft.multiple(draft.whole([y, z, m, inputs[3]!, y][n]!), [n - 2])]),
  );
  return draft.finish('eight of each', [...outs, m, y, z]);
}

/** Limbs at their borders, shifts that share a remainder table, single rows and columns. */
function limbs(): Sample {
  const draft = new CircuitDraft(5);
  const x = draft.input([1, 1, 5], 0);
  const channels = draft.selected(x, 0, [0, 0, 0, 0, 0]);
  const y = draft.requantize(
    'borders',
    [5, 1, 5],
    0,
    [1, 2, 3, 4, 5],
    [draft.multiple(channels, [0, 2 ** 10, 2 ** 11, 2 ** 21, 2 ** 21])],
    [0, 12, 13, 23, 24],
    (q) => q & 127,
  );
  const z = draft.requantize(
    'column',
    [1, 5, 1],
    0,
    [0],
    [draft.convolution(draft.transposed(y, [1, 2, 0]), 1, { kernel: [1, 5] })],
    [5],
    clamp,
  );
  return draft.finish('limbs', [z]);
}

/** One committed weight. */
function oneWeight(): Sample {
  const draft = new CircuitDraft(6);
  const x = draft.input([1, 1, 1], 255);
  const y = draft.requantize('y', [1, 1, 1], 0, [0], [draft.convolution(draft.whole(x), 1, { value: () => -127 })], [8], clamp);
  return draft.finish('one weight', [y], true);
}

for (const sample of [maximaOnly(), constants(), oddOperands(), eightOfEach(), limbs(), oneWeight()]) {
  const { name, circuit, weights, inputs } = sample;

  test(`${name}: both provers give one proof, and it is accepted`, () => {
    const plain = honestProof(sample);
    const { proof, outputs } = prepareProver(kernels, circuit, weights).prove(inputs, CONTEXT);
    expect(outputs).toEqual(plain.statement.outputs);
    expect(proof).toEqual(plain.proof);
    expectAccepted(circuit, shownWeights(sample), plain);
  });

  test(`${name}: a proof in which any layer's first or last value is wrong by one is refused`, () => {
    circuit.layers.forEach((layer, index) => {
      for (const end of [0, -1]) {
        const witness = plainWitness(circuit, weights, inputs, (layerIndex, { tensor }) => {
          if (layerIndex !== index) return;
          const n = end === 0 ? 0 : tensor.length - 1;
          tensor[n]! += tensor[n]! < 255 ? 1 : -1;
        });
        const { proof } = prove(circuit, weights, witness);
        const statement = statementOf(circuit, witness, CONTEXT);
        expectRefused(circuit, shownWeights(sample), { statement, proof }, `${layer.name}, value ${end}`);
      }
    });
  });
}
