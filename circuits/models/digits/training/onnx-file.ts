/** A trained network as a float ONNX file that takes bytes as they are (values 0..255). */
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import {
  AttributeProto_AttributeType,
  type AttributeProtoSchema,
  ModelProtoSchema,
  type NodeProtoSchema,
  TensorProto_DataType,
  type TensorProtoSchema,
  type ValueInfoProtoSchema,
} from 'onnx-buf';
import type { Convolution } from './convolution.ts';
import type { Network } from './network.ts';

type Attribute = MessageInitShape<typeof AttributeProtoSchema>;
type Node = MessageInitShape<typeof NodeProtoSchema>;
type Tensor = MessageInitShape<typeof TensorProtoSchema>;
type ValueInfo = MessageInitShape<typeof ValueInfoProtoSchema>;

export interface OnnxNames {
  readonly model: string;
  readonly description: string;
  readonly input: string;
  readonly output: string;
  /** Written to the file's metadata as a JSON array. */
  readonly labels: readonly string[];
}

/** ONNX operator set 13, and the format version that came with it. */
const OPSET = 13n;
const IR_VERSION = 7n;

/**
 * The file's bytes, a function of the parameters rounded to float32. Conv and Relu in turn, then Flatten and Gemm; the scaling of pixels by
 * 1 / 255 is in the first weights. Input [1, 1, side, side], output [1, classes].
 */
export function encodeOnnx({ layers }: Network, names: OnnxNames): Uint8Array<ArrayBuffer> {
  const nodes: Node[] = [];
  const initializers: Tensor[] = [];
  const last = layers.length - 1;
  let value = names.input;
  layers.forEach((layer, i) => {
    const { inputChannels, outputChannels, kernel, stride, pad } = layer.shape;
    const name = i < last ? `conv${i + 1}` : 'dense';
    const weights = channelFirst(layer).map((weight) => (i === 0 ? weight / 255 : weight));
    const parameters = [`${name}.weight`, `${name}.bias`] as const;
    const inner = i < last ? [inputChannels, kernel, kernel] : [inputChannels * kernel * kernel];
    initializers.push(floats(parameters[0], [outputChannels, ...inner], weights), floats(parameters[1], [outputChannels], layer.bias));
    if (i < last) {
      const attribute = [
        integers('kernel_shape', [kernel, kernel]),
        integers('pads', [pad, pad, pad, pad]),
        integers('strides', [stride, stride]),
      ];
      nodes.push({ name, opType: 'Conv', input: [value, ...parameters], output: [`${name}.sum`], attribute });
      nodes.push({ name: `relu${i + 1}`, opType: 'Relu', input: [`${name}.sum`], output: [`${name}.activation`] });
    } else {
      nodes.push({ name: 'flatten', opType: 'Flatten', input: [value], output: ['features'], attribute: [integer('axis', 1)] });
      nodes.push({ name, opType: 'Gemm', input: ['features', ...parameters], output: [names.output], attribute: [integer('transB', 1)] });
    }
    value = `${name}.activation`;
  });

  const side = layers[0]!.shape.inputSide;
  const classes = layers[last]!.shape.outputChannels;
  const model = create(ModelProtoSchema, {
    irVersion: IR_VERSION,
    opsetImport: [{ domain: '', version: OPSET }],
    producerName: 'veritab',
    docString: names.description,
    graph: {
      name: names.model,
      node: nodes,
      initializer: initializers,
      input: [valueInfo(names.input, [1, 1, side, side])],
      output: [valueInfo(names.output, [1, classes])],
    },
    metadataProps: [
      { key: 'labels', value: JSON.stringify(names.labels) },
      // As in the ONNX specification (docs/MetadataProps.md).
      { key: 'Image.BitmapPixelFormat', value: 'Gray8' },
      { key: 'Image.NominalPixelRange', value: 'NominalRange_0_255' },
    ],
  });
  return toBinary(ModelProtoSchema, model);
}

/** Weights as ONNX orders them: [output channel][input channel][kernel row][kernel column]. */
function channelFirst({ shape, weights }: Convolution): Float64Array {
  const { inputChannels, outputChannels, kernel } = shape;
  const positions = kernel * kernel;
  const result = new Float64Array(weights.length);
  for (let n = 0; n < outputChannels; n++) {
    for (let position = 0; position < positions; position++) {
      for (let c = 0; c < inputChannels; c++) {
        result[(n * inputChannels + c) * positions + position] = weights[(n * positions + position) * inputChannels + c]!;
      }
    }
  }
  return result;
}

/** A float32 tensor; `rawData` is little-endian on every machine. */
function floats(name: string, dims: readonly number[], values: Float64Array): Tensor {
  const rawData = new Uint8Array(4 * values.length);
  const view = new DataView(rawData.buffer);
  values.forEach((value, i) => view.setFloat32(4 * i, value, true));
  return { name, dims: dims.map(BigInt), dataType: TensorProto_DataType.FLOAT, rawData };
}

function integer(name: string, value: number): Attribute {
  return { name, type: AttributeProto_AttributeType.INT, i: BigInt(value) };
}

function integers(name: string, values: readonly number[]): Attribute {
  return { name, type: AttributeProto_AttributeType.INTS, ints: values.map(BigInt) };
}

function valueInfo(name: string, dims: readonly number[]): ValueInfo {
  const dim = dims.map((size) => ({ value: { case: 'dimValue', value: BigInt(size) } as const }));
  return { name, type: { value: { case: 'tensorType', value: { elemType: TensorProto_DataType.FLOAT, shape: { dim } } } } };
}
