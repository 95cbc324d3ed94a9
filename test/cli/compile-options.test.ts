import { describe, expect, it } from 'vitest';
import { parseCount, parseDistribution, parseRanges, parseShapes } from '../../server/cli/compile-options.ts';

const usage = (message: string): unknown => expect.objectContaining({ kind: 'usage', code: 'usage', message });

describe('options of compile', () => {
  it('name distributions', () => {
    expect(parseDistribution('uniform:-1,2.5', 8, 3)).toEqual({ kind: 'uniform', lo: -1, hi: 2.5, count: 8, seed: 3 });
    expect(parseDistribution('normal:0,1e-2', 8, 3)).toEqual({ kind: 'normal', mean: 0, std: 0.01, count: 8, seed: 3 });
    expect(parseDistribution('samples.npy', 8, 3)).toBeNull();
  });

  it.each(['uniform:', 'uniform:1', 'uniform:a,b', 'uniform:2,1', 'uniform:1,1', 'normal:0,0', 'normal:0,-1', 'uniform:0,1,2'])(
    'refuse %s',
    (text) => {
      expect(() => parseDistribution(text, 1, 1)).toThrow(/^--calibrate /);
    },
  );

  it('name shapes and rules', () => {
    expect(parseShapes('x=1x3x224x224,a=b=1')).toEqual({ x: [1, 3, 224, 224], 'a=b': [1] });
    expect(parseRanges('percentile:99.9')).toEqual({ percentile: 99.9 });
    expect(parseRanges('auto')).toBe('auto');
  });

  it.each(['x', '=1', 'x=', 'x=1x0', 'x=1x-2', 'x=1.5', 'x=1,'])('refuse the shape %s', (text) => {
    expect(() => parseShapes(text)).toThrow(usage('--shape does not name an input and its dimensions'));
  });

  it.each(['percentile', 'percentile:50', 'percentile:101', 'max'])('refuse the rule %s', (text) => {
    expect(() => parseRanges(text)).toThrow(usage('--ranges is no rule'));
  });

  it('count', () => {
    expect(parseCount('seed', '7', 1, 0, 9)).toBe(7);
    expect(parseCount('seed', undefined, 1, 0, 9)).toBe(1);
    for (const text of ['-1', '10', '1.0', 'x', ''])
      expect(() => parseCount('seed', text, 1, 0, 9)).toThrow(usage('--seed is out of range'));
  });
});
