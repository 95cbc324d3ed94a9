import { describe, expect, it } from 'vitest';
import { FileRefusal } from '../../circuits/graph/file.ts';
import { CircuitRefusal } from '../../circuits/graph/refusal.ts';
import { ModelError } from '../../circuits/onnx/float-graph.ts';
import { CalibrationError } from '../../circuits/quantize/calibration.ts';
import { EXIT, Failure, failureJson, failureOf, failureText } from '../../server/cli/failure.ts';
import { MemoryRefusal, OutOfMemory } from '../../wasm/runtime/arena.ts';
import { outcomeOf, revive } from '../../wasm/runtime/outcome.ts';

/** An error as a worker's owner gets it. */
async function throughWorker(error: Error): Promise<Error> {
  const outcome = await outcomeOf<never>(() => Promise.reject(error));
  if (outcome.ok) throw new Error('it did not fail');
  return revive(structuredClone(outcome.error));
}

describe('what is thrown ends the program with', () => {
  it.each<[Error, number, string]>([
    [new FileRefusal('proof', 'a', 'b'), 3, 'file-format'],
    [new CircuitRefusal('conv', 'rule (ii)', 'too far'), 1, 'circuit-rule'],
    [new CircuitRefusal('conv', 'weights', 'not these'), 1, 'weights'],
    [new CircuitRefusal('', 'encoding', 'cut'), 3, 'circuit-encoding'],
    [new ModelError('no such operator'), 3, 'model'],
    [new CalibrationError('ragged'), 3, 'calibration'],
    [new MemoryRefusal(2 ** 31, 2 ** 30, []), 1, 'out-of-memory'],
    [new RangeError('off by one'), 70, 'internal'],
    [Object.assign(new Error('ENOENT'), { code: 'ENOENT', syscall: 'open' }), 70, 'internal'],
  ])('%s: %i, %s', (error, exit, code) => {
    const failure = failureOf(error);
    expect([EXIT[failure.kind], failure.code]).toEqual([exit, code]);
  });

  it('the same where it was thrown in a worker', async () => {
    for (const error of [
      new CircuitRefusal('conv', 'weights', 'not these'),
      new MemoryRefusal(2, 1, []),
      new OutOfMemory(2, 1, 4, false),
    ]) {
      const [here, there] = [failureOf(error), failureOf(await throughWorker(error))];
      expect(failureJson(there)).toEqual(failureJson(here));
      expect(EXIT[there.kind]).toBe(1);
    }
  });
});

describe('people read', () => {
  it('what was expected and what came, once', () => {
    const details = { expected: '10 bytes', got: '9 bytes', hint: 'cut?' };
    expect(failureText(new Failure('input', 'x', 'the file is short', details))).toBe(
      'error: the file is short\n  expected: 10 bytes\n  got:      9 bytes\n  hint:     cut?',
    );
    expect(failureText(new Failure('input', 'x', 'expected 10 bytes, got 9 bytes', details))).toBe(
      'error: expected 10 bytes, got 9 bytes\n  hint:     cut?',
    );
  });

  it('where a fault of the program is', () => {
    expect(failureText(failureOf(new TypeError('odd')))).toMatch(
      /^error: odd\nthis is a fault of the program itself:\nTypeError: odd\n +at .*failure\.test\.ts/,
    );
  });
});
