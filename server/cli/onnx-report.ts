/** What `inspect` says about an ONNX model: its inputs, outputs, and a row per node as the compiler sees it. */
import type { FloatGraph, FloatNode, FloatValue } from '../../circuits/onnx/float-graph.ts';
import { count, facts, table } from './table.ts';

export interface NodeReport {
  readonly name: string;
  readonly operator: string;
  readonly dims: readonly number[];
  readonly macs: number;
  /** Weights and biases. */
  readonly parameters: number;
}

const product = (dims: readonly number[]): number => dims.reduce((a, b) => a * b, 1);

function nodeReport(node: FloatNode): NodeReport {
  const { name, operator, output } = node;
  const common = { name, operator, dims: output.dims };
  switch (node.kind) {
    case 'convolution': {
      const perOutput = (node.inputShape[0] / node.groups) * node.kernel[0] * node.kernel[1];
      return { ...common, macs: product(node.outputShape) * perOutput, parameters: node.weights.length + node.bias.length };
    }
    case 'product':
      return {
        ...common,
        macs: node.outer * node.inner * node.outputs * node.features,
        parameters: node.weights.length + node.bias.length,
      };
    case 'affine':
      return { ...common, macs: product(output.dims), parameters: node.scale.data.length + node.offset.data.length };
    case 'add':
    case 'elementwise':
    case 'max-pool':
    case 'average-pool':
    case 'view':
      return { ...common, macs: 0, parameters: 0 };
  }
}

export function onnxReport({ inputs, outputs, nodes, notes }: FloatGraph) {
  const reports = nodes.map(nodeReport);
  const value = ({ name, dims }: FloatValue) => ({ name, dims });
  return {
    inputs: inputs.map(value),
    outputs: outputs.map(value),
    notes,
    totals: {
      nodes: nodes.length,
      macs: reports.reduce((sum, { macs }) => sum + macs, 0),
      parameters: reports.reduce((sum, { parameters }) => sum + parameters, 0),
    },
    nodes: reports,
  };
}

export function onnxText(file: string, { inputs, outputs, notes, totals, nodes }: ReturnType<typeof onnxReport>): string {
  const values = (list: readonly { name: string; dims: readonly number[] }[]): string =>
    list.map(({ name, dims }) => `${name}  ${dims.join(' x ')}`).join('\n');
  const head = facts([
    ['ONNX model', file],
    ['inputs', values(inputs)],
    ['outputs', values(outputs)],
    ['notes', notes.join('\n')],
  ]);
  const row = ({ name, operator, dims, macs, parameters }: NodeReport): string[] => [
    name,
    operator,
    dims.join(' x '),
    count(macs),
    count(parameters),
  ];
  const right = (title: string) => ({ title, align: 'right' as const });
  const columns = [{ title: 'node' }, { title: 'operator' }, right('output'), right('MACs'), right('parameters')];
  return `${head}\n\n${table(columns, [...nodes.map(row), ['total', '', '', count(totals.macs), count(totals.parameters)]])}`;
}
