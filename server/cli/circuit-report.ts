/** What `inspect` says about a circuit: what it means, and a row per layer. */
import { type Circuit, type Shape, type TensorMeaning, type Term } from '../../circuits/graph/circuit.ts';
import { circuitDigest, encodeCircuit } from '../../circuits/graph/encoding.ts';
import { checkLengths, vectorLengths } from '../../circuits/graph/lengths.ts';
import { CircuitRefusal } from '../../circuits/graph/refusal.ts';
import { checkStructure } from '../../circuits/bounds/structure.ts';
import { circuitCost, work, type CircuitCost } from '../../circuits/cost/cost.ts';
import { cutTensors } from '../../circuits/slice/cuts.ts';
import { bytesText, count, facts, hex, percent, significant, table } from './table.ts';

/** A layer: what it computes, and what proving it takes. */
export interface LayerReport {
  readonly name: string;
  /** `convolution 3x3 /2 + add`. */
  readonly operation: string;
  readonly shape: Shape;
  /** Multiplications of a weight (or multiplier) with an activation. */
  readonly macs: number;
  readonly weights: number;
  /** Smallest and largest shift of its channels, or null where nothing is shifted. */
  readonly shift: readonly [number, number] | null;
  readonly lookups: number;
  /** Its share of the cost of a proof; what is missing to 1 is what layers share. */
  readonly share: number;
  /** Whether an operand is an arbitrary index map, which the verifier walks through entry by entry. */
  readonly gathers: boolean;
}

function layerReports(circuit: Circuit, { layers, picoseconds }: CircuitCost): LayerReport[] {
  return circuit.layers.map((layer, n) => {
    const cost = layers[n]!;
    const terms = layer.kind === 'maximum' ? [] : layer.terms;
    const operands = layer.kind === 'maximum' ? [layer.a, layer.b] : terms.map(({ operand }) => operand);
    return {
      name: layer.name,
      operation: layer.kind === 'maximum' ? 'maximum' : terms.map(termText).join(' + ') || 'constant',
      shape: layer.shape,
      macs: cost.multiplications,
      weights: cost.weights,
      shift: layer.kind === 'requantize' ? extent(layer.shift) : null,
      lookups: cost.lookups,
      share: cost.picoseconds / picoseconds,
      gathers: operands.some((view) => view.parts.some(({ kind }) => kind === 'gather')),
    };
  });
}

/** Smallest and largest; there may be more values than a call takes arguments. */
function extent(values: Iterable<number>): [number, number] {
  let [lo, hi] = [Infinity, -Infinity];
  for (const value of values) [lo, hi] = [Math.min(lo, value), Math.max(hi, value)];
  return [lo, hi];
}

function termText(term: Term): string {
  if (term.kind === 'multiple') return 'add';
  const pair = ([a, b]: readonly [number, number]): string => (a === b ? `${a}` : `${a},${b}`);
  const kernel = `${term.kernel[0]}x${term.kernel[1]}`;
  const stride = term.stride.some((n) => n > 1) ? ` /${pair(term.stride)}` : '';
  if (term.kind === 'window-sum') return `average ${kernel}${stride}`;
  const [channels, height, width] = term.operand.shape;
  if (term.kernel[0] === height && term.kernel[1] === width && term.pad.every((n) => n === 0) && term.groups === 1) return 'matrix product';
  const groups = term.groups === 1 ? '' : term.groups === channels ? ' depthwise' : `, ${term.groups} groups`;
  const dilation = term.dilation.some((n) => n > 1) ? ` dilation ${pair(term.dilation)}` : '';
  return `convolution ${kernel}${stride}${dilation}${groups}`;
}

/** Throws `CircuitRefusal` where shapes, views, counts or sizes break a rule: all that can be checked without public weights, and all that counting relies on. */
function checkShapes(circuit: Circuit): void {
  try {
    checkStructure(circuit, null);
  } catch (error) {
    // public weights are asked for behind all other checks of the structure
    if (circuit.weightRoot !== null || !(error instanceof CircuitRefusal) || error.rule !== 'weights') throw error;
  }
  checkLengths(circuit);
}

/** Everything about a circuit that can be said without its weights. Throws `CircuitRefusal` where it is malformed; its bounds are not looked at. */
export function circuitReport(circuit: Circuit) {
  checkShapes(circuit);
  const cost = circuitCost(circuit);
  const layers = layerReports(circuit, cost);
  const total = (of: (layer: LayerReport) => number): number => layers.reduce((sum, layer) => sum + of(layer), 0);
  return {
    digest: hex(circuitDigest(circuit)),
    encoded_bytes: encodeCircuit(circuit).length,
    weights: circuit.weightRoot === null ? ('public' as const) : ('committed' as const),
    weight_root: circuit.weightRoot === null ? null : hex(circuit.weightRoot),
    inputs: circuit.meaning.inputs.map(({ name, dims, scale, zero, note }) => ({ name, dims, scale, zero, note })),
    outputs: circuit.meaning.outputs.map(({ name, dims, scale, zero, note, labels }, n) => ({
      name,
      dims,
      type: circuit.layers[circuit.outputs[n]! - circuit.inputs.length]!.kind === 'accumulate' ? 'int32' : 'uint8',
      scale,
      zero,
      note,
      labels,
    })),
    tables: circuit.tables.map(({ first, values }) => ({ first, rows: values.length })),
    most_slices: circuit.weightRoot === null ? cutTensors(circuit).length + 1 : 1,
    totals: {
      layers: layers.length,
      macs: total(({ macs }) => macs),
      weights: total(({ weights }) => weights),
      lookups: total(({ lookups }) => lookups),
      table_rows: cost.tables.rows,
      committed_values: vectorLengths(circuit).witness,
      tables_share: cost.tables.picoseconds / cost.picoseconds,
      fixed_share: cost.fixed / cost.picoseconds,
      work_ns: work(circuit),
    },
    layers,
  };
}

export type CircuitReport = ReturnType<typeof circuitReport>;

export function circuitText(file: string, report: CircuitReport): string {
  const { totals } = report;
  const meaning = ({ name, dims, scale, zero, note }: Omit<TensorMeaning, 'labels'>, type: string): string =>
    `${name}  ${dims.join(' x ')}  real = ${significant(scale)} ${zero === 0 ? type : `(${type} - ${zero})`}${note ? `  ${note}` : ''}`;
  const head = facts([
    ['circuit', file],
    ['digest', report.digest],
    ['encoding', bytesText(report.encoded_bytes)],
    ['weights', `${report.weights}, ${count(totals.weights)}${report.weight_root ? `, root ${report.weight_root}` : ''}`],
    ['inputs', report.inputs.map((tensor) => meaning(tensor, 'u8')).join('\n')],
    ['outputs', report.outputs.map((tensor) => meaning(tensor, tensor.type === 'int32' ? 'i32' : 'u8')).join('\n')],
    [
      'labels',
      report.outputs
        .map(({ labels }) => labelsText(labels))
        .filter((text) => text !== '')
        .join('\n'),
    ],
    ['tables', report.tables.map(({ first, rows }) => `${count(rows)} rows from ${first}`).join('; ')],
    [
      'to prove',
      `${count(totals.committed_values)} committed values, ${count(totals.lookups)} lookups, ${count(totals.table_rows)} table rows`,
    ],
    ['slices', report.most_slices === 1 ? null : `1 to ${report.most_slices}`],
  ]);
  const rows = report.layers.map((layer) => [
    layer.name,
    layer.operation + (layer.gathers ? ' (gathered)' : ''),
    layer.shape.join(' x '),
    count(layer.macs),
    count(layer.weights),
    layer.shift === null ? '' : layer.shift[0] === layer.shift[1] ? `${layer.shift[0]}` : `${layer.shift[0]}-${layer.shift[1]}`,
    count(layer.lookups),
    percent(layer.share),
  ]);
  const shared = [
    ['tables', '', `${count(totals.table_rows)} rows`, '', '', '', '', percent(totals.tables_share)],
    ['every proof', '', '', '', '', '', '', percent(totals.fixed_share)],
  ];
  const sum = ['total', '', '', count(totals.macs), count(totals.weights), '', count(totals.lookups), percent(1)];
  const right = (title: string) => ({ title, align: 'right' as const });
  const columns = [
    { title: 'layer' },
    { title: 'operation' },
    right('shape'),
    right('MACs'),
    right('weights'),
    right('shift'),
    right('lookups'),
    right('cost'),
  ];
  return `${head}\n\n${table(columns, [...rows, ...shared, sum])}`;
}

const SHOWN_LABELS = 10;

function labelsText(labels: readonly string[]): string {
  if (labels.length === 0) return '';
  const shown = labels.slice(0, SHOWN_LABELS).join(', ');
  return labels.length > SHOWN_LABELS ? `${shown}, ... (${labels.length})` : shown;
}
