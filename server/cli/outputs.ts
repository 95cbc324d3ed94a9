/** Outputs of a circuit, for people and for programs. */
import type { Circuit } from '../../circuits/graph/circuit.ts';
import { facts, significant, table } from './table.ts';

export interface OutputReport {
  readonly name: string;
  readonly dims: readonly number[];
  readonly type: 'uint8' | 'int32';
  /** What is proven. */
  readonly values: readonly number[];
  /** What it stands for: scale * (value - zero). */
  readonly real: readonly number[];
  /** Index and label of the largest value, where the elements of the output are classes. */
  readonly answer: { readonly index: number; readonly label: string } | null;
}

/** `outputs`: one per output of the circuit. */
export function outputReports(circuit: Pick<Circuit, 'meaning'>, outputs: readonly (Uint8Array | Int32Array)[]): OutputReport[] {
  return outputs.map((output, n) => {
    const { name, dims, scale, zero, labels } = circuit.meaning.outputs[n]!;
    const values = Array.from(output);
    const best = values.reduce((top, value, index) => (value > values[top]! ? index : top), 0);
    return {
      name,
      dims,
      type: output instanceof Uint8Array ? 'uint8' : 'int32',
      values,
      real: values.map((value) => scale * (value - zero)),
      answer: labels.length > 0 ? { index: best, label: labels[best] ?? '' } : null,
    };
  });
}

const SHOWN = 5;

/** The largest values of each output, with their labels if it has some. */
export function outputsText(circuit: Pick<Circuit, 'meaning'>, reports: readonly OutputReport[]): string {
  return reports
    .map((report, n) => {
      const { labels } = circuit.meaning.outputs[n]!;
      const order = report.values.map((_, index) => index).sort((a, b) => report.values[b]! - report.values[a]! || a - b);
      const rows = order
        .slice(0, SHOWN)
        .map((index) => [`${index}`, labels[index] ?? '', `${report.values[index]!}`, significant(report.real[index]!)]);
      const columns = [{ title: '#', align: 'right' as const }, { title: 'label' }];
      const numbers = [report.type, 'real'].map((title) => ({ title, align: 'right' as const }));
      const isLabelled = labels.length > 0;
      const rest = report.values.length > SHOWN ? `\n... and ${report.values.length - SHOWN} more` : '';
      const heading = facts([
        ['output', `${report.name}, ${report.dims.join(' x ')}`],
        ['answer', report.answer && report.answer.label],
      ]);
      const shown = isLabelled ? rows : rows.map(([index, , ...numbersOf]) => [index!, ...numbersOf]);
      return `${heading}\n${table([...(isLabelled ? columns : columns.slice(0, 1)), ...numbers], shown)}${rest}`;
    })
    .join('\n\n');
}
