import { ELEMENTWISE_STEPS } from './elementwise.ts';
import { LINEAR_STEPS } from './linear.ts';
import type { Step } from './model.ts';
import { VIEW_STEPS } from './views.ts';

/** Everything that a model can be continued with, by name. */
export const STEPS: Readonly<Record<string, Step>> = { ...LINEAR_STEPS, ...ELEMENTWISE_STEPS, ...VIEW_STEPS };
