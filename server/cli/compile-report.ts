/** What `compile` prints: what quantizing did to each layer, and how far the integers stray from the float model. */
import type { Evaluation } from '../../circuits/quantize/evaluate.ts';
import type { LayerReport, Report } from '../../circuits/quantize/report.ts';
import { count, facts, percent, significant, table } from './table.ts';

const decibels = (value: number | null): string => (value === null ? '' : value.toFixed(1));

function layerRow({ name, operator, shape, scale, zero, shift, interval, clipped, snr }: LayerReport): string[] {
  return [
    name,
    operator,
    shape.join(' x '),
    significant(scale, 4),
    `${zero}`,
    shift[0] === shift[1] ? `${shift[0]}` : `${shift[0]}-${shift[1]}`,
    `${count(interval[0])} .. ${count(interval[1])}`,
    `${(100 * clipped).toFixed(2)} %`,
    decibels(snr),
  ];
}

/** Scale and zero point are those of the layer's bytes, the interval that of its accumulators, the signal-to-noise ratio in decibels. */
export function reportText({ layers, outputs, notes }: Report): string {
  const right = (title: string) => ({ title, align: 'right' as const });
  const columns = [
    { title: 'layer' },
    { title: 'operator' },
    right('shape'),
    right('scale'),
    right('zero'),
    right('shift'),
    right('interval'),
    right('clipped'),
    right('SNR dB'),
  ];
  const quality = outputs.map(
    ({ name, cosine, snr }) => `${name}: cosine ${cosine.toFixed(6)}${snr === null ? '' : `, SNR ${decibels(snr)} dB`}`,
  );
  return `${table(columns, layers.map(layerRow))}\n\n${facts([
    ['outputs', quality.join('\n')],
    ['notes', notes.join('\n')],
  ])}`;
}

/** Float model and circuit side by side, on data that calibration has not seen. */
export function evaluationText({ count: samples, cosine, agreement, accuracy }: Evaluation): string {
  return facts([
    ['evaluated on', `${count(samples)} inputs`],
    ['accuracy', accuracy && `${percent(accuracy.float, 2)} float, ${percent(accuracy.integer, 2)} integer`],
    ['same answer', percent(agreement, 2)],
    ['mean cosine', cosine.toFixed(6)],
  ]);
}
