/** `veritab reproduce NAME.recipe.json`: compiles a model again and compares the digests. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { circuitDigest } from '../../../circuits/graph/encoding.ts';
import { reproduce as reproduceRecipe } from '../../../circuits/quantize/recipe.ts';
import { command, type Result } from '../command.ts';
import { committedCircuit } from '../commitments.ts';
import { Failure } from '../failure.ts';
import { readWhole } from '../files.ts';
import { decodeRecipeFile } from '../recipe-file.ts';
import { facts, hex, time } from '../table.ts';
import { openBreathing } from './compile.ts';

export const reproduce = command({
  meta: { name: 'reproduce', description: "Compile a model by its recipe: exit code 0 if the circuit's digest comes out, 1 if not" },
  args: {
    recipe: { type: 'positional', required: true, description: 'The recipe that compile wrote' },
    model: { type: 'string', valueHint: 'file', description: 'The ONNX file; by default the one of the name in the recipe, beside it' },
    calibrate: {
      type: 'string',
      valueHint: 'file',
      description: 'The calibration inputs; by default those of the name in the recipe, beside it',
    },
  },
  async run(args): Promise<Result> {
    const start = performance.now();
    const { recipe, files, committed } = decodeRecipeFile(await readWhole(args.recipe, 'the recipe'));
    const model = await readWhole(args.model ?? beside(args.recipe, files.model, '--model'), 'the model');
    const calibration =
      recipe.calibration.kind === 'data'
        ? await readWhole(args.calibrate ?? beside(args.recipe, files.calibration ?? '', '--calibrate'), 'the calibration inputs')
        : null;
    const { digest, compiled } = await reproduceRecipe(recipe, model, calibration, { openModel: openBreathing });
    const expected = committed ?? recipe.circuit;
    const got = committed === null ? digest : hex(circuitDigest(await committedCircuit(compiled.circuit, compiled.weights)));
    if (digest !== recipe.circuit || got !== expected)
      throw new Failure('refused', 'not-reproduced', 'the recipe gives another circuit', { expected, got });
    const milliseconds = performance.now() - start;
    const text = facts([
      ['reproduced', args.recipe],
      ['circuit', got],
      ['time', time(milliseconds)],
    ]);
    return { text, json: { reproduced: true, recipe: args.recipe, circuit: got, compile_ms: milliseconds } };
  },
});

/** A file in the recipe's folder. */
function beside(recipe: string, name: string, option: string): string {
  const path = join(dirname(recipe), name);
  if (name !== '' && existsSync(path)) return path;
  throw new Failure('usage', 'usage', `${name || 'the file'} is not beside the recipe`, {
    expected: path,
    hint: `say where it is with ${option}`,
  });
}
