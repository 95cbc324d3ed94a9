/** A model in words: what it takes and gives. */
import type { Model, TensorInfo } from '../../../server/wire/http.ts';
import { imageSize } from '../verify/picture.ts';

function taken(tensor: TensorInfo): string {
  const size = imageSize(tensor);
  if (size === null) return `${tensor.dims.join(' × ')} bytes`;
  return `a ${size.channels === 1 ? 'grey' : 'colour'} image of ${size.width} × ${size.height}`;
}

function given(tensor: TensorInfo): string {
  if (tensor.labels.length > 0) return `one of ${tensor.labels.length.toLocaleString('en')} labels`;
  return `${tensor.dims.join(' × ')} ${tensor.type === 'int32' ? 'numbers' : 'bytes'}`;
}

/** `Reads a grey image of 28 × 28, gives one of 10 labels.` */
export function task({ inputs, outputs }: Model): string {
  return `Reads ${inputs.map(taken).join(' and ')}, gives ${outputs.map(given).join(' and ')}.`;
}

/** The model's finest plan: its picture and its slices. */
export function finestPlan({ plans }: Model) {
  return plans.reduce<Model['plans'][number] | null>(
    (best, plan) => (best === null || plan.slices.length > best.slices.length ? plan : best),
    null,
  );
}
