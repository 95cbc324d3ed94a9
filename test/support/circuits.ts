/** Small circuits that together use everything that a circuit can have. Each call makes a fresh copy, the same every time. */
import { clamp, clampAround128, CircuitDraft, wavy, type Sample } from './circuit-draft.ts';

export type { Sample } from './circuit-draft.ts';

/** Two matrix products; shifts of 0, some, and 12 in one layer. */
export function denseNet(): Sample {
  const draft = new CircuitDraft(1);
  const x = draft.input([6, 1, 1], 3);
  const hidden = draft.requantize(
    'hidden',
    [5, 1, 1],
    0,
    [3, -50, 0, 100, 7],
    [draft.convolution(draft.whole(x), 5, { magnitude: (c) => [1, 30, 127, 20, 10][c]! })],
    [0, 4, 12, 7, 3],
    clamp,
  );
  const logits = draft.accumulate('logits', [3, 1, 1], [5, -7, 11], [draft.convolution(draft.whole(hidden), 3, { magnitude: () => 127 })]);
  return draft.finish('dense net', [logits]);
}

/**
 * Convolutions with groups, dilation, strides, asymmetric padding; a max pool; a residual multiple; all-zero shifts; biases per position;
 * window sums with two limbs, and with row and column factors; transposed, concatenated, resized, gathered operands; two inputs; a uint8
 * output that is used inside; int32 outputs with and without direct terms.
 */
export function featureNet(): Sample {
  const draft = new CircuitDraft(2);
  const x = draft.input([2, 7, 6], 7);
  const side = draft.input([2, 3, 3], 0);
  const y1 = draft.requantize(
    'convolution',
    [4, 7, 6],
    0,
    [3, -50, 20, 0],
    [draft.convolution(draft.whole(x), 4, { kernel: [3, 3], pad: [1, 1], magnitude: (c) => (c === 0 ? 1 : 5) })],
    [0, 6, 6, 5],
    clamp,
  );
  const pooled = draft.maximumPool('pool', y1, 3, 2, 1, 4, 3);
  const y2 = draft.requantize(
    'depthwise with residual',
    [4, 4, 3],
    128,
    Array.from({ length: 48 }, () => draft.integer(-300, 300)),
    [
      draft.convolution(draft.whole(pooled), 4, { kernel: [3, 3], pad: [1, 1], groups: 4 }),
      draft.multiple(draft.whole(pooled), [5, 3, -9, 7]),
    ],
    [6, 5, 4, 6],
    clampAround128,
  );
  const y3 = draft.requantize(
    'groups with shortcut',
    [4, 2, 3],
    3,
    [0, 1, 2, 3],
    [
      draft.convolution(draft.whole(y2), 4, { kernel: [2, 2], stride: [2, 1], pad: [0, 1], dilation: [2, 2], groups: 2 }),
      draft.convolution(draft.strided(y2, 1, 0, 2, 2), 4),
    ],
    [5, 5, 6, 5],
    clamp,
  );
  const y4 = draft.requantize(
    'no remainder',
    [3, 2, 3],
    0,
    [0, 5, -5],
    [draft.multiple(draft.selected(y3, 0, [0, 1, 3]), [1, -1, 1])],
    [0, 0, 0],
    wavy,
  );
  const y5 = draft.requantize(
    'average',
    [7, 1, 1],
    0,
    [0, 1, 2, 3, 4, 5, 6],
    [draft.windowSum(draft.concatenated([y4, y3]), [2731, 1300, 2731, 2731, 999, 2000, 2731], [2, 3], [1, 1], [0, 0], [1], [1])],
    [14, 12, 13, 14, 12, 14, 14],
    clamp,
  );
  const averaged = draft.requantize(
    'average without padding',
    [4, 2, 2],
    0,
    [0, 0, 0, 0],
    [draft.windowSum(draft.whole(y3), [1024, 512, 700, 1024], [2, 2], [1, 2], [1, 1], [2, 1], [2, 1])],
    [13, 12, 12, 13],
    clamp,
  );
  const y6 = draft.requantize(
    'transposed',
    [3, 1, 4],
    0,
    [4, 4, 4],
    [draft.convolution(draft.transposed(y3, [2, 1, 0]), 3, { kernel: [2, 1] })],
    [2, 3, 2],
    clampAround128,
  );
  const resized = draft.selected(y6, 0, [0, 2]);
  const part = resized.parts[0]!;
  if (part.kind !== 'axes') throw new Error('a selection is a product of axis maps');
  const y7 = draft.requantize(
    'resized plus second input',
    [2, 3, 3],
    9,
    [0, 0],
    [
      draft.multiple(
        { shape: [2, 3, 3], parts: [{ ...part, maps: [part.maps[0], Int32Array.of(0, 0, 0), Int32Array.of(0, 1, 3)] }] },
        [20, 30],
      ),
      draft.multiple(draft.whole(side), [11, 13]),
    ],
    [5, 5],
    clamp,
  );
  const backwards = Array.from({ length: 18 }, (_, n) => (n % 7 === 3 ? -1 : 17 - n));
  const y8 = draft.requantize(
    'gathered',
    [3, 3, 2],
    0,
    [1, 2, 3],
    [
      draft.multiple(draft.gathered(y7, [3, 3, 2], backwards), [9, 10, 11]),
      draft.convolution(draft.gathered(y7, [3, 3, 2], backwards), 3, { kernel: [2, 1], pad: [1, 0] }),
      draft.multiple(draft.gathered(side, [3, 3, 2], backwards), [2, 2, 2]),
    ],
    [5, 4, 5],
    clamp,
  );
  const y9 = draft.maximum('gathered maximum', 9, draft.gathered(y7, [3, 3, 2], backwards), draft.whole(y8));
  const logits = draft.accumulate(
    'logits',
    [3, 1, 1],
    [5, -7, 11],
    [
      draft.convolution(draft.whole(y7), 3, { kernel: [3, 3] }),
      draft.convolution(draft.whole(y9), 3, { kernel: [3, 2] }),
      draft.multiple(draft.selected(y5, 0, [1, 0, 6]), [3, -5, 7]),
    ],
  );
  const score = draft.accumulate('score', [4, 2, 3], [1, 2, 3, 4], [draft.convolution(draft.whole(y3), 4, { groups: 2 })]);
  const spread = draft.accumulate(
    'spread',
    [4, 2, 2],
    Array.from({ length: 16 }, (_, n) => 100 * n),
    [draft.multiple(draft.whole(averaged), [1, 2, 3, 4])],
  );
  return draft.finish('feature net', [logits, score, y6, spread]);
}

/** No convolution at all; an int32 output that reads only public tensors, and one that does not. */
export function elementwiseNet(): Sample {
  const draft = new CircuitDraft(3);
  const x = draft.input([2, 3, 3], 10);
  const y = draft.requantize('shown', [2, 3, 3], 4, [1, 2], [draft.multiple(draft.whole(x), [3, -2])], [1, 2], clampAround128);
  const hidden = draft.requantize('hidden', [2, 3, 3], 0, [0, 0], [draft.multiple(draft.whole(y), [7, 9])], [3, 3], clamp);
  const difference = draft.accumulate(
    'difference',
    [2, 3, 3],
    [0, 9],
    [draft.multiple(draft.whole(x), [5, 5]), draft.multiple(draft.whole(y), [-3, 8])],
  );
  const total = draft.accumulate(
    'total',
    [2, 1, 1],
    [-1, 1],
    [draft.windowSum(draft.whole(hidden), [1, -1], [3, 3], [1, 1], [0, 0], [1], [1])],
  );
  return draft.finish('elementwise net', [y, difference, total]);
}

/** Every tensor is public and has one element: the smallest circuit with a convolution. */
export function smallestNet(): Sample {
  const draft = new CircuitDraft(4);
  const x = draft.input([1, 1, 1], 0);
  const y = draft.requantize('y', [1, 1, 1], 0, [0], [draft.convolution(draft.whole(x), 1)], [0], clamp);
  const out = draft.accumulate('out', [1, 1, 1], [1], [draft.convolution(draft.whole(x), 1)]);
  return draft.finish('smallest net', [y, out]);
}

/** Committed weights: with one group and with two, 3 x 3 and 1 x 1. */
export function committedNet(): Sample {
  const draft = new CircuitDraft(5);
  const x = draft.input([3, 5, 5], 9);
  const y = draft.requantize(
    'y',
    [4, 3, 3],
    0,
    [1, 2, 3, 4],
    [draft.convolution(draft.whole(x), 4, { kernel: [3, 3] })],
    [6, 5, 6, 5],
    clamp,
  );
  const out = draft.accumulate('out', [2, 1, 1], [0, 9], [draft.convolution(draft.whole(y), 2, { kernel: [3, 3], groups: 2 })]);
  const map = draft.accumulate('map', [2, 3, 3], [0, 0], [draft.convolution(draft.whole(y), 2)]);
  return draft.finish('committed net', [out, map], true);
}

/** 160,000 committed weights in a vector of 204,800: an opening of two levels, beside a witness that has fewer variables. */
export function wideNet(): Sample {
  const draft = new CircuitDraft(6);
  const x = draft.input([400, 1, 1], 0);
  const zeros = new Array<number>(400).fill(0);
  const y = draft.requantize(
    'y',
    [400, 1, 1],
    0,
    zeros,
    [draft.convolution(draft.whole(x), 400)],
    zeros.map(() => 10),
    clamp,
  );
  const out = draft.accumulate('out', [400, 1, 1], zeros, [
    draft.multiple(
      draft.whole(y),
      zeros.map((_, c) => c + 1),
    ),
  ]);
  return draft.finish('wide net', [out], true);
}

/** All of them but the wide one. */
export function smallNets(): Sample[] {
  return [denseNet(), featureNet(), elementwiseNet(), smallestNet(), committedNet()];
}
