/** Models that are measured with random weights: float ONNX files made from a list of layers. */
import { create, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import {
  AttributeProto_AttributeType,
  ModelProtoSchema,
  TensorProto_DataType,
  type AttributeProtoSchema,
  type NodeProtoSchema,
  type TensorProtoSchema,
  type ValueInfoProtoSchema,
} from 'onnx-buf';
import { normalGenerator } from '../../../circuits/quantize/seeded.ts';

/** `convolution` has a square kernel and stride 1; `dense` reads everything before it as one vector. */
export type GeneratedLayer =
  | { readonly kind: 'convolution'; readonly channels: number; readonly kernel: number; readonly pad: number }
  | { readonly kind: 'relu' }
  /** Maxima of 2 x 2, stride 2. */
  | { readonly kind: 'pool' }
  | { readonly kind: 'dense'; readonly features: number };

export interface GeneratedModel {
  readonly name: string;
  /** Channels, rows, columns; or one number, the length of a vector. */
  readonly input: readonly [number, number, number] | readonly [number];
  readonly layers: readonly GeneratedLayer[];
}

const convolution = (channels: number, kernel: number, pad: number): GeneratedLayer[] => [
  { kind: 'convolution', channels, kernel, pad },
  { kind: 'relu' },
];
const dense = (features: number): GeneratedLayer[] => [{ kind: 'dense', features }, { kind: 'relu' }];
const POOL: GeneratedLayer = { kind: 'pool' };

/** The CNN with 264 k parameters that DeepProve and EZKL publish figures of. */
export const CNN_264K: GeneratedModel = {
  name: 'cnn-264k',
  input: [3, 32, 32],
  layers: [...convolution(12, 5, 0), POOL, ...convolution(33, 5, 0), POOL, ...dense(251), ...dense(175), { kind: 'dense', features: 10 }],
};

/** Five hidden layers of 1,024: 4.2 M parameters. */
export const DENSE_4M: GeneratedModel = {
  name: 'dense-4m',
  input: [4],
  layers: [...[1024, 1024, 1024, 1024, 1024].flatMap(dense), { kind: 'dense', features: 3 }],
};

/** VGG-16 as it is used for CIFAR-10: thirteen convolutions, then 512-512-10. 15.2 M parameters. */
export const VGG_16: GeneratedModel = {
  name: 'vgg-16',
  input: [3, 32, 32],
  layers: [
    ...[
      [64, 64],
      [128, 128],
      [256, 256, 256],
      [512, 512, 512],
      [512, 512, 512],
    ].flatMap((block) => [...block.flatMap((channels) => convolution(channels, 3, 1)), POOL]),
    ...dense(512),
    ...dense(512),
    { kind: 'dense', features: 10 },
  ],
};

type Attribute = MessageInitShape<typeof AttributeProtoSchema>;
type Node = MessageInitShape<typeof NodeProtoSchema>;
type Tensor = MessageInitShape<typeof TensorProtoSchema>;
type ValueInfo = MessageInitShape<typeof ValueInfoProtoSchema>;

const integers = (name: string, values: readonly number[]): Attribute => ({
  name,
  type: AttributeProto_AttributeType.INTS,
  ints: values.map(BigInt),
});

function valueInfo(name: string, dims: readonly number[]): ValueInfo {
  const dim = dims.map((size) => ({ value: { case: 'dimValue', value: BigInt(size) } as const }));
  return { name, type: { value: { case: 'tensorType', value: { elemType: TensorProto_DataType.FLOAT, shape: { dim } } } } };
}

/** He normal (He et al. 2015): mean 0, variance 2 / fan-in. */
function weights(name: string, dims: readonly number[], normal: () => number): Tensor {
  const fanIn = dims.slice(1).reduce((a, b) => a * b, 1);
  const values = Float32Array.from({ length: dims[0]! * fanIn }, () => Math.sqrt(2 / fanIn) * normal());
  return { name, dims: dims.map(BigInt), dataType: TensorProto_DataType.FLOAT, rawData: new Uint8Array(values.buffer) };
}

/**
 * The ONNX file of a model; weights from a seed, biases left out.
 * @example const onnx = generate(CNN_264K, 1)
 */
export function generate(model: GeneratedModel, seed: number): Uint8Array {
  const normal = normalGenerator(seed);
  const nodes: Node[] = [];
  const initializers: Tensor[] = [];
  let shape: readonly number[] = model.input;
  let value = 'input';
  const add = (opType: string, more: Node = {}, parameters: readonly string[] = []): void => {
    const output = `${opType.toLowerCase()}${nodes.length}`;
    nodes.push({ name: output, opType, input: [value, ...parameters], output: [output], ...more });
    value = output;
  };
  for (const [n, layer] of model.layers.entries()) {
    switch (layer.kind) {
      case 'convolution': {
        const { channels, kernel, pad } = layer;
        const [inputs, height, width] = shape as [number, number, number];
        initializers.push(weights(`weight${n}`, [channels, inputs, kernel, kernel], normal));
        add('Conv', { attribute: [integers('kernel_shape', [kernel, kernel]), integers('pads', [pad, pad, pad, pad])] }, [`weight${n}`]);
        const side = (length: number): number => length + 2 * pad - kernel + 1;
        shape = [channels, side(height), side(width)];
        break;
      }
      case 'relu':
        add('Relu');
        break;
      case 'pool': {
        const [channels, height, width] = shape as [number, number, number];
        add('MaxPool', { attribute: [integers('kernel_shape', [2, 2]), integers('strides', [2, 2])] });
        shape = [channels, Math.floor(height / 2), Math.floor(width / 2)];
        break;
      }
      case 'dense': {
        if (shape.length > 1) add('Flatten');
        const inputs = shape.reduce((a, b) => a * b, 1);
        initializers.push(weights(`weight${n}`, [layer.features, inputs], normal));
        const transposed: Attribute = { name: 'transB', type: AttributeProto_AttributeType.INT, i: 1n };
        add('Gemm', { attribute: [transposed] }, [`weight${n}`]);
        shape = [layer.features];
        break;
      }
    }
  }
  const file = create(ModelProtoSchema, {
    irVersion: 7n,
    opsetImport: [{ domain: '', version: 13n }],
    producerName: 'veritab',
    graph: {
      name: model.name,
      node: nodes,
      initializer: initializers,
      input: [valueInfo('input', [1, ...model.input])],
      output: [valueInfo(value, [1, ...shape])],
    },
  });
  return toBinary(ModelProtoSchema, file);
}
