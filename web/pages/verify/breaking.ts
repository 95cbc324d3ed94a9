/** "Break it": one small change to a bundle, so that everybody can see a check refuse it. */
import { decodeBundle, encodeBundle, type Bundle } from '../../../server/wire/bundle.ts';

export const BREAKS = {
  proof: { short: 'proof', long: 'a byte of a proof' },
  output: { short: 'output', long: 'an output' },
  pixel: { short: 'input', long: 'a byte of the input' },
} as const;

export type Break = keyof typeof BREAKS;

/** What was changed, in words, and the bundle with the change. */
export interface Broken {
  readonly what: string;
  readonly bundle: Uint8Array;
}

/** A number from 0 up to `end` (excluded). */
type Pick = (end: number) => number;

/** Changes one thing; `pick` chooses where. Throws `FileRefusal` for a file that is no bundle. */
export function broken(file: Uint8Array, kind: Break, pick: Pick): Broken {
  const bundle = decodeBundle(file);
  const [what, changed] = CHANGES[kind](bundle, pick);
  return { what, bundle: encodeBundle(changed) };
}

const CHANGES: Readonly<Record<Break, (bundle: Bundle, pick: Pick) => readonly [what: string, changed: Bundle]>> = {
  proof(bundle, pick) {
    const slice = pick(bundle.slices.length);
    const at = pick(bundle.slices[slice]!.proof.length);
    const slices = bundle.slices.map((own, k) => (k === slice ? { ...own, proof: own.proof.with(at, own.proof[at]! ^ 1) } : own));
    return [`byte ${at.toLocaleString('en')} of the proof of slice ${slice + 1}, by one bit`, { ...bundle, slices }];
  },
  output(bundle, pick) {
    const outputs = [...bundle.outputs];
    const own = outputs[0]!;
    const at = pick(own.length);
    // The largest value is the answer: make it another one.
    const value = own instanceof Uint8Array ? own[at]! ^ 128 : own.reduce((a, b) => Math.max(a, b)) + 1;
    outputs[0] = own.with(at, value);
    return [`output ${at}, from ${own[at]!} to ${value}`, { ...bundle, outputs }];
  },
  pixel(bundle, pick) {
    const inputs = [...bundle.inputs];
    const own = inputs[0]!;
    const at = pick(own.length);
    inputs[0] = own.with(at, own[at]! ^ 255);
    return [`byte ${at.toLocaleString('en')} of the input, from ${own[at]!} to ${own[at]! ^ 255}`, { ...bundle, inputs }];
  },
};
