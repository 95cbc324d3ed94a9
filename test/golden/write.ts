/** Writes test/vectors for a new format version: `npx tsx test/golden/write.ts`. */
import { loadKernels } from '../support/kernels.ts';
import { digitsSample, goldenSamples } from './circuits.ts';
import { writeGolden } from './files.ts';
import { answers, reference } from './primitives.ts';

writeGolden(await loadKernels(), [...goldenSamples(), await digitsSample()], answers(reference));
