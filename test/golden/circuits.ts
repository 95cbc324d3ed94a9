/** The golden circuits: a proof of each, under one context, is fixed to the byte for a format version. */
import { committedNet, denseNet, elementwiseNet, featureNet, smallestNet, type Sample } from '../support/circuits.ts';

/** The format version; its vectors stand in the folder of that name, for good. */
export const VERSION = 1;
export const CONTEXT = new TextEncoder().encode('golden');

/** File names are the samples' names with dashes. */
export const goldenSamples = (): Sample[] => [smallestNet(), denseNet(), elementwiseNet(), committedNet(), featureNet()];

export function fileName(sample: Pick<Sample, 'name'>): string {
  return sample.name.replaceAll(' ', '-');
}
