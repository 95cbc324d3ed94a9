import { clone, toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema, TensorProto_DataType, type ModelProto } from 'onnx-buf';
import { describe, expect, test } from 'vitest';
import { ModelError } from '../../circuits/onnx/float-graph.ts';
import { readModel } from '../../circuits/onnx/read.ts';
import { damaged } from '../support/mutation.ts';
import { onnxMessage } from '../support/onnx-builder.ts';
import { randomModel } from '../support/random-onnx/model.ts';
import { STEPS } from '../support/random-onnx/steps.ts';
import { seededGenerator } from '../support/random.ts';

const CASES = 10_000;

/** Small models over all operators and operator sets. */
const MODELS: readonly ModelProto[] = Array.from({ length: 300 }, (_, k) => {
  const random = seededGenerator(k);
  return onnxMessage(randomModel(random, 7 + (k % 15), Object.values(STEPS), 1 + (k % 4)));
});

interface Chooser {
  below: (limit: number) => number;
  pick: <T>(list: readonly T[]) => T;
}

const INTEGERS = [-(2n ** 63n), -(2n ** 31n), -7n, -2n, -1n, 0n, 1n, 2n, 3n, 5n, 1000n, 2n ** 31n, 2n ** 40n, 2n ** 63n - 1n];
const FLOATS = [NaN, -Infinity, Infinity, -3.4e38, 3.4e38, -1, 0, 1e-30, 0.5, 1];
const OPERATORS = MODELS.flatMap(({ graph }) => graph!.node.map(({ opType }) => opType));

/** Changes one thing that a file says, so that it still decodes. False where the model has nothing of the kind. */
const CHANGES: readonly ((model: ModelProto, choose: Chooser) => boolean)[] = [
  ({ graph }, { pick }) => {
    pick(graph!.node).opType = pick(OPERATORS);
    return true;
  },
  ({ graph }, { pick, below }) => {
    const { attribute } = pick(graph!.node);
    if (attribute.length === 0) return false;
    const changed = pick(attribute);
    changed.i = pick(INTEGERS);
    changed.f = pick(FLOATS);
    if (changed.ints.length > 0) changed.ints[below(changed.ints.length)] = pick(INTEGERS);
    if (changed.floats.length > 0) changed.floats[below(changed.floats.length)] = pick(FLOATS);
    return true;
  },
  ({ graph }, { pick, below }) => {
    const { attribute } = pick(graph!.node);
    const others = pick(graph!.node).attribute;
    if (below(2) === 0 && attribute.length > 0) attribute.splice(below(attribute.length), 1);
    else attribute.push(...others);
    return true;
  },
  ({ graph }, { pick, below }) => {
    const { input } = pick(graph!.node);
    if (input.length === 0) return false;
    const names = [
      ...graph!.node.flatMap(({ output }) => output),
      ...graph!.initializer.map(({ name }) => name),
      '',
      graph!.input[0]!.name,
    ];
    input[below(input.length)] = pick(names);
    if (below(4) === 0) input.splice(below(input.length), 1);
    if (below(4) === 0) input.push(pick(names));
    return true;
  },
  ({ graph }, { pick, below }) => {
    if (graph!.initializer.length === 0) return false;
    const tensor = pick(graph!.initializer);
    if (tensor.dataType !== (TensorProto_DataType.INT64 as number)) {
      // Other dimensions of as many elements, or of more than there are.
      if (below(2) === 0) tensor.dims.unshift(1n);
      else if (tensor.dims.length > 0) tensor.dims[below(tensor.dims.length)] = pick(INTEGERS);
      return true;
    }
    const values = BigInt64Array.from({ length: tensor.rawData.length / 8 }, () => pick(INTEGERS));
    tensor.rawData = new Uint8Array(values.buffer);
    return true;
  },
  ({ graph }, { pick, below }) => {
    if (graph!.initializer.length === 0) return false;
    const tensor = pick(graph!.initializer);
    if (tensor.dataType !== (TensorProto_DataType.FLOAT as number) || tensor.rawData.length === 0) return false;
    const values = new Float32Array(new Uint8Array(tensor.rawData).buffer);
    values[below(values.length)] = pick(FLOATS);
    tensor.rawData = new Uint8Array(values.buffer);
    return true;
  },
  ({ graph }, { pick, below }) => {
    const type = graph!.input[0]!.type?.value;
    if (type?.case !== 'tensorType') return false;
    const { dim } = type.value.shape!;
    dim[below(dim.length)]!.value = below(4) === 0 ? { case: 'dimParam', value: 'n' } : { case: 'dimValue', value: pick(INTEGERS) };
    return true;
  },
  ({ graph }, { below }) => {
    if (graph!.node.length > 1) graph!.node.splice(below(graph!.node.length), 1);
    return graph!.node.length > 1;
  },
  ({ opsetImport }, { below }) => {
    opsetImport[0]!.version = BigInt(6 + below(18));
    return true;
  },
];

/** Reads every case. Returns how many were refused. */
function readAll(cases: (random: () => number, model: ModelProto) => Uint8Array): number {
  let refused = 0;
  for (let k = 0; k < CASES; k++) {
    const bytes = cases(seededGenerator(1_000_003 * (k + 1)), MODELS[k % MODELS.length]!);
    const start = performance.now();
    try {
      readModel(bytes);
    } catch (error) {
      if (!(error instanceof ModelError)) throw new Error(`case ${k}`, { cause: error });
      refused++;
    }
    expect(performance.now() - start, `milliseconds of case ${k}`).toBeLessThan(20_000);
  }
  return refused;
}

describe('a damaged model is read or refused with a ModelError', () => {
  test('bytes changed, cut out, doubled, put in', () => {
    const refused = readAll((random, model) => damaged(toBinary(ModelProtoSchema, model), random));
    expect(refused).toBeGreaterThan(CASES / 2);
    expect(refused).toBeLessThan(CASES);
  });

  test('operators, attributes, operands, constants, dimensions changed', () => {
    const refused = readAll((random, original) => {
      const model = clone(ModelProtoSchema, original);
      const below = (limit: number): number => Math.floor(random() * limit);
      const choose: Chooser = { below, pick: (list) => list[below(list.length)]! };
      for (let changes = 1 + below(2); changes > 0;) if (choose.pick(CHANGES)(model, choose)) changes--;
      return toBinary(ModelProtoSchema, model);
    });
    expect(refused).toBeGreaterThan(CASES / 2);
    expect(refused).toBeLessThan(CASES);
  });
});
