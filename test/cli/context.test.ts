import { expect, it } from 'vitest';
import { contextText, parseContext } from '../../server/cli/context.ts';

it('a context is text, or bytes in hexadecimal digits', () => {
  expect(parseContext('für Ada')).toEqual(new TextEncoder().encode('für Ada'));
  expect(parseContext('hex:00fF')).toEqual(Uint8Array.of(0, 255));
  expect(parseContext('')).toEqual(new Uint8Array());
  for (const text of ['hex:0', 'hex:0g', 'hex: 00']) expect(() => parseContext(text)).toThrow('the context is not hexadecimal');
  expect(() => parseContext('x'.repeat(2 ** 16 + 1))).toThrow('the context is too long');
});

it('contexts that differ are shown differently', () => {
  const texts = ['hex:', 'a', 'hex:efbbbf61', 'hex:6100', 'hex:ff', 'hex:efbfbd', '"a"', '(empty)', 'hex:0a'].map((text) =>
    contextText(parseContext(text)),
  );
  expect(texts).toEqual(['(empty)', '"a"', 'hex:efbbbf61', 'hex:6100', 'hex:ff', 'hex:efbfbd', '""a""', '"(empty)"', 'hex:0a']);
});
