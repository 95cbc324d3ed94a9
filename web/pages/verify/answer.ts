/** The answer of a run: its outputs in the model's own words. */
import type { TensorMeaning } from '../../../circuits/graph/circuit.ts';
import type { Model } from '../../../server/wire/http.ts';
import type { Bar } from '../../design/bars.tsx';
import { threeDigits } from '../../design/quantity.tsx';
import { claimedOutputs, decodedBundle, type Run } from './session.ts';

export interface Answer {
  readonly outputs: readonly { readonly name: string; readonly bars: readonly Bar[]; readonly more: number }[];
  /** Whether the labels are those that the verified digest binds, not those that the coordinator told. */
  readonly bound: boolean;
}

type Meaning = Pick<TensorMeaning, 'name' | 'scale' | 'zero' | 'labels'>;

/** Bars of an output that are shown; a classifier of a thousand labels shows its first ones. */
const SHOWN = 10;

/** The outputs that the bundle holds, or, before there is one, those that the coordinator claims; null where there are none. */
export function answerOf(run: Run, model: Model | null): Answer | null {
  const bundle = decodedBundle(run);
  const meanings: readonly Meaning[] | null = run.verdict?.meaning?.outputs ?? model?.outputs ?? null;
  const values = bundle?.outputs ?? claimedOutputs(run, model);
  if (values === null) return null;
  return {
    outputs: values.map((own, n) => ({ name: meanings?.[n]?.name ?? `output ${n}`, ...barsOf(own, meanings?.[n]) })),
    bound: (run.verdict?.meaning ?? null) !== null,
  };
}

function barsOf(values: Uint8Array | Int32Array, meaning: Meaning | undefined): { bars: Bar[]; more: number } {
  const { scale = 1, zero = 0, labels = [] } = meaning ?? {};
  const all = Array.from(values, (value, n) => ({ value, n }));
  const largest = all.reduce((a, b) => (b.value > a.value ? b : a), all[0] ?? { value: 0, n: 0 });
  const least = all.reduce((a, b) => Math.min(a, b.value), largest.value);
  // Few labels keep their order, so that the eye finds them again; of many, the largest values come first.
  const shown = all.length <= SHOWN ? all : [...all].sort((a, b) => b.value - a.value).slice(0, SHOWN);
  const bars = shown.map(({ value, n }) => ({
    label: labels[n] ?? String(n),
    part: largest.value === least ? 0 : (value - least) / (largest.value - least),
    amount: threeDigits(scale * (value - zero)),
    exact: `${value} as proven; ${scale * (value - zero)} as the model means it`,
    first: n === largest.n,
  }));
  return { bars, more: all.length - shown.length };
}
