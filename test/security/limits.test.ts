/** Circuits that stand for more work than a verifier should do, in few bytes. All are refused, and at once. */
import { describe, expect, it } from 'vitest';
import { readFile } from 'node:fs/promises';
import {
  checkCircuit,
  checkWork,
  MAX_AXIS_ENTRIES,
  MAX_PUBLIC_ENTRIES,
  MAX_TERMS,
  MAX_WEIGHT_PLANES,
  MAX_WINDOW_STEPS,
  WORK_LIMITS,
  workOf,
  type Work,
} from '../../circuits/bounds/index.ts';
import {
  size,
  wholeTensor,
  type Circuit,
  type Convolution,
  type Part,
  type Shape,
  type Term,
  type View,
} from '../../circuits/graph/circuit.ts';
import { encodeCircuit, weightsHash } from '../../circuits/graph/encoding.ts';
import { compile } from '../../circuits/quantize/compile.ts';
import { openModel } from '../../wasm/inference/node.ts';
import { denseNet } from '../support/circuits.ts';
import { testWithModels } from '../support/models.ts';

/** One activation layer over one input. */
function circuitOf(input: Shape, shape: Shape, terms: readonly Term[]): Circuit {
  const meaning = (name: string, own: Shape) => ({ name, dims: own, scale: 1, zero: 0, note: '', labels: [] });
  return {
    inputs: [{ shape: input, zero: 0 }],
    layers: [
      {
        kind: 'requantize',
        name: 'y',
        shape,
        zero: 0,
        bias: new Int32Array(shape[0]),
        terms,
        shift: new Uint8Array(shape[0]),
        table: 0,
      },
    ],
    outputs: [1],
    tables: [{ first: -300, values: new Uint8Array(2 ** 18) }],
    weightRoot: null,
    meaning: { inputs: [meaning('x', input)], outputs: [meaning('y', shape)] },
  };
}

const ONE_WEIGHT = Int8Array.of(1);
const convolution = (operand: View, kernel: readonly [number, number], stride: readonly [number, number]): Convolution => ({
  kind: 'convolution',
  operand,
  kernel,
  stride,
  pad: [0, 0],
  dilation: [1, 1],
  groups: 1,
  weights: { kind: 'public', hash: weightsHash(ONE_WEIGHT) },
});

const multiple = (operand: View): Term => ({ kind: 'multiple', operand, multiplier: new Int32Array(operand.shape[0]).fill(1) });

/** An operand of one position, which reads the first entry of an input. */
function firstEntry(): View {
  const one = Int32Array.of(0);
  return { shape: [1, 1, 1], parts: [{ kind: 'axes', tensor: 0, axes: [0, 1, 2], maps: [one, one, one] }] };
}

function refusal(circuit: Circuit, weights: readonly Int8Array[] = []): string {
  expect(encodeCircuit(circuit).length, 'a short circuit').toBeLessThan(2 ** 21);
  const start = performance.now();
  let message = 'accepted';
  try {
    checkCircuit(circuit, weights);
  } catch (error) {
    message = (error as Error).message;
  }
  expect(performance.now() - start, 'milliseconds to refuse').toBeLessThan(10_000);
  return message;
}

describe('a circuit is refused', () => {
  it('whose windows reach positions that 32 bits take for others', () => {
    // row 2^17 of the layer would read row 2^17 * 2^15 = 2^32 of the operand, which is none: not row 0
    const term = convolution(wholeTensor(0, [1, 1, 1]), [1, 1], [2 ** 15, 1]);
    expect(refusal(circuitOf([1, 1, 1], [1, 2 ** 17 + 1, 1], [term]), [ONE_WEIGHT])).toMatch(/layer y: shape: a window reaches row/);
    const dilated = { ...convolution(wholeTensor(0, [1, 1, 1]), [1, 2 ** 16], [1, 1]), dilation: [1, 2 ** 16] as const };
    expect(refusal(circuitOf([1, 1, 1], [1, 1, 1], [dilated]), [new Int8Array(2 ** 16)])).toMatch(/layer y: shape: a window reaches/);
    const near = convolution(wholeTensor(0, [1, 1, 1]), [1, 1], [2 ** 15, 1]);
    expect(refusal(circuitOf([1, 1, 1], [1, 2 ** 14, 1], [near]), [ONE_WEIGHT])).toBe('accepted');
  });

  it('with windows of very many steps', () => {
    const term: Term = {
      kind: 'window-sum',
      operand: wholeTensor(0, [1, 1, 1]),
      multiplier: Int32Array.of(1),
      kernel: [2 ** 12, 1],
      stride: [1, 1],
      pad: [0, 0],
      rowFactor: new Int32Array(2 ** 15).fill(1),
      columnFactor: Int32Array.of(1),
    };
    expect(2 ** 27).toBeGreaterThan(MAX_WINDOW_STEPS);
    expect(refusal(circuitOf([1, 1, 1], [1, 2 ** 15, 1], [term]))).toMatch(/limit: \d+ steps of windows/);
  });

  it('with very many terms', () => {
    const terms = Array.from({ length: MAX_TERMS + 1 }, () => multiple(firstEntry()));
    expect(refusal(circuitOf([1, 1, 1], [1, 1, 1], terms))).toMatch(/limit: \d+ terms/);
  });

  it('that reads large public tensors again and again', () => {
    const terms = Array.from({ length: 2000 }, () => multiple(firstEntry()));
    expect(refusal(circuitOf([1, 512, 512], [1, 1, 1], terms))).toMatch(/limit: \d+ reads of public entries/);
  });

  it('that spreads long axes again and again', () => {
    const terms = Array.from({ length: 40 }, () => multiple(firstEntry()));
    expect(40 * 2 ** 18).toBeGreaterThan(MAX_AXIS_ENTRIES);
    expect(refusal(circuitOf([1, 1, 2 ** 18], [1, 1, 1], terms))).toMatch(/limit: \d+ entries of axes/);
  });

  it('with gathers from large tensors', () => {
    const gather: Term = multiple({ shape: [1, 1, 1], parts: [{ kind: 'gather', tensor: 0, index: Int32Array.of(5) }] });
    expect(refusal(circuitOf([1, 2 ** 12, 2 ** 12], [1, 1, 1], [gather]))).toMatch(/limit: \d+ entries of axes/);
  });

  it('with inputs and outputs of very many entries', () => {
    const shape: Shape = [2, 2 ** 13, 2 ** 13];
    expect(size(shape)).toBeGreaterThan(MAX_PUBLIC_ENTRIES);
    expect(refusal(circuitOf(shape, [1, 1, 1], [multiple(firstEntry())]))).toMatch(/limit: \d+ entries of inputs and outputs/);
  });

  it('with operands in which overlaps are hard to find', () => {
    const shape: Shape = [1, 2 ** 10, 2 ** 10];
    const whole = wholeTensor(0, shape).parts[0] as Extract<Part, { kind: 'axes' }>;
    // part n covers column n only: but whole rows are gone through for each
    const parts = Array.from({ length: 600 }, (_, n): Part => {
      const column = new Int32Array(2 ** 10).fill(-1);
      column[n] = n;
      return { ...whole, tensor: 0, maps: [whole.maps[0], whole.maps[1], column] };
    });
    const circuit = circuitOf(shape, [1, 1, 1], [{ ...convolution({ shape, parts }, [1, 1], [1, 1]) }]);
    const start = performance.now();
    expect(() => {
      checkCircuit(circuit, [ONE_WEIGHT]);
    }).toThrow(/limit: \d+ (positions|reads)/);
    expect(performance.now() - start).toBeLessThan(10_000);
  });

  it('with committed weights of very many planes', () => {
    const term: Convolution = {
      ...convolution(wholeTensor(0, [1, 1, 1]), [2 ** 8, 2 ** 8], [1, 1]),
      weights: { kind: 'committed', squares: new Array<number>(2 ** 7).fill(0) },
    };
    expect(2 ** 23).toBeGreaterThan(MAX_WEIGHT_PLANES);
    const circuit = { ...circuitOf([1, 1, 1], [2 ** 7, 1, 1], [term]), weightRoot: new Uint8Array(32) };
    expect(refusal(circuit)).toMatch(/limit: \d+ planes of committed weights/);
  });

  it('with very many tables or outputs, before each of them is looked for', () => {
    const { circuit, weights } = denseNet();
    const layers = Array.from({ length: 4000 }, (_, n) => ({ ...circuit.layers[0]!, name: `layer ${n}` }));
    const tables = Array.from({ length: 100_000 }, () => ({ first: 0, values: Uint8Array.of(0) }));
    expect(
      refusal({ ...circuit, layers, tables: [...circuit.tables, ...tables], outputs: [5], meaning: { ...circuit.meaning } }, weights),
    ).toMatch(/no layer uses table/);
    expect(refusal({ ...circuit, layers, outputs: Array.from({ length: 300_000 }, (_, n) => n) }, weights)).toMatch(
      /outputs; 1 to 8 are allowed/,
    );
  });

  it('with weights that are no bytes', () => {
    const { circuit, weights } = denseNet();
    for (const wrong of [Array.from(weights[0]!), Uint8Array.from(weights[0]!), undefined, null]) {
      expect(refusal(circuit, [wrong as unknown as Int8Array, weights[1]!])).toMatch(/layer hidden: weights: /);
    }
  });
});

/** The circuit with another input of this shape, read by one more term. */
function withSecondInput(circuit: Circuit, shape: Shape): Circuit {
  const [layer] = circuit.layers as readonly [Extract<Circuit['layers'][number], { kind: 'requantize' }>];
  const one = Int32Array.of(0);
  const term = (n: number): Term =>
    multiple({ shape: [1, 1, 1], parts: [{ kind: 'axes', tensor: n, axes: [0, 1, 2], maps: [one, one, one] }] });
  return {
    ...circuit,
    inputs: [...circuit.inputs, { shape, zero: 0 }],
    layers: [{ ...layer, terms: [...layer.terms, term(1)] }],
    outputs: [2],
    meaning: { ...circuit.meaning, inputs: [...circuit.meaning.inputs, { ...circuit.meaning.inputs[0]!, dims: shape }] },
  };
}

const terms = (count: number): Term[] => Array.from({ length: count }, () => multiple(firstEntry()));

/** An operand of 2^13 x 2^13 positions whose part n covers column n of the rows below `rows[n]`. */
function columns(rows: readonly number[]): Circuit {
  const shape: Shape = [1, 2 ** 13, 2 ** 13];
  const parts = rows.map((end, n): Part => {
    const row = Int32Array.from({ length: 2 ** 13 }, (_, i) => (i < end ? 0 : -1));
    const column = new Int32Array(2 ** 13).fill(-1);
    column[n] = 0;
    return { kind: 'axes', tensor: 0, axes: [0, 1, 2], maps: [Int32Array.of(0), row, column] };
  });
  return circuitOf([1, 1, 1], [1, 1, 1], [convolution({ shape, parts }, [1, 1], [1, 1])]);
}

const planes = (outputs: number): Circuit => {
  const term: Convolution = {
    ...convolution(wholeTensor(0, [1, 1, 1]), [2 ** 8, 2 ** 8], [1, 1]),
    weights: { kind: 'committed', squares: new Array<number>(outputs).fill(0) },
  };
  return { ...circuitOf([1, 1, 1], [outputs, 1, 1], [term]), weightRoot: new Uint8Array(32) };
};

const window = (kernel: readonly [number, number]): Circuit =>
  circuitOf([1, 1, 1], [1, 2 ** 14, 1], [convolution(firstEntry(), kernel, [1, 1])]);

/** Per limit, a circuit that reaches it exactly and one that passes it by as little as such a circuit can. */
const AT_LIMITS: { readonly [count in keyof Work]: readonly [at: Circuit, above: Circuit, excess: number] } = {
  terms: [circuitOf([1, 1, 1], [1, 1, 1], terms(2 ** 13)), circuitOf([1, 1, 1], [1, 1, 1], terms(2 ** 13 + 1)), 1],
  // 2^26 - 1 = 3 2731 8191 entries of the input, one of the output
  publicEntries: [circuitOf([3, 2731, 8191], [1, 1, 1], terms(1)), circuitOf([1, 2 ** 13, 2 ** 13], [1, 1, 1], terms(1)), 1],
  // 3 of the layer, 3 of each operand, n + 2 of the input of length n that it reads
  axisEntries: [
    withSecondInput(circuitOf([1, 1, 2 ** 20 - 5], [1, 1, 1], terms(7)), [1, 1, 2 ** 20 - 8]),
    withSecondInput(circuitOf([1, 1, 2 ** 20 - 5], [1, 1, 1], terms(7)), [1, 1, 2 ** 20 - 7]),
    1,
  ],
  publicReads: [
    withSecondInput(circuitOf([1, 2 ** 9, 2 ** 9], [1, 1, 1], terms(1023)), [1, 2 ** 9, 2 ** 9]),
    withSecondInput(circuitOf([1, 2 ** 9, 2 ** 9], [1, 1, 1], terms(1024)), [1, 1, 1]),
    1,
  ],
  windowSteps: [window([2 ** 12 - 1, 2 ** 14]), window([2 ** 12 - 1, 2 ** 14 + 1]), 1],
  weightPlanes: [planes(2 ** 6), planes(2 ** 6 + 1), 2 ** 16],
  coveredPositions: [columns([2 ** 13, 2 ** 13, 2 ** 13]), columns([2 ** 13, 2 ** 13, 2 ** 13, 1]), 2 ** 13],
};

describe.each(Object.entries(AT_LIMITS) as [keyof Work, (typeof AT_LIMITS)[keyof Work]][])(
  'the limit of %s',
  (count, [at, above, excess]) => {
    const [limit, what] = WORK_LIMITS[count];

    it('may be reached', () => {
      expect(workOf(at)[count]).toBe(limit);
      expect(() => checkWork(at)).not.toThrow();
    });

    it('may not be passed', () => {
      expect(workOf(above)[count]).toBe(limit + excess);
      const rest = Object.entries(workOf(above)).filter(([other]) => other !== count);
      expect(
        rest.every(([other, total]) => total <= WORK_LIMITS[other as keyof Work][0]),
        'nothing else is too much',
      ).toBe(true);
      expect(() => checkWork(above)).toThrow(`limit: ${limit + excess} ${what}, at most ${limit} are allowed`);
      expect(() => checkCircuit(above, above.weightRoot ? null : [ONE_WEIGHT])).toThrow(`${limit + excess} ${what}`);
    });
  },
);

testWithModels('the largest public model stays well below every limit of work', ['mobilenet_v2_224.onnx'], async ([path]) => {
  const calibration = { kind: 'normal', mean: 0, std: 1, count: 1, seed: 1 } as const;
  const { circuit } = await compile(new Uint8Array(await readFile(path!)), { calibration }, { openModel });
  const work = workOf(circuit);
  expect(work.terms).toBeGreaterThan(50);
  for (const [count, [limit]] of Object.entries(WORK_LIMITS)) expect(work[count as keyof Work], count).toBeLessThan(limit / 8);
});
