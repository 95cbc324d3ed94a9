import { expect, it } from 'vitest';
import { bytesText, count, facts, percent, significant, table, time } from '../../server/cli/table.ts';

it('aligns columns, whatever characters they hold', () => {
  const columns = [{ title: 'layer' }, { title: 'MACs', align: 'right' as const }, { title: 'note' }];
  expect(
    table(columns, [
      ['größe 😀', '1,234', 'x'],
      ['b', '5', ''],
    ]),
  ).toBe(['layer     MACs  note', '-------  -----  ----', 'größe 😀  1,234  x', 'b            5'].join('\n'));
});

it('aligns facts, leaves out what has no value, and indents further lines', () => {
  expect(
    facts([
      ['digest', 'ab'],
      ['note', null],
      ['in', 'x\ny'],
    ]),
  ).toBe('digest  ab\nin      x\n        y');
});

it('writes numbers as people read them', () => {
  expect([0, 999, 1_234_567].map(count)).toEqual(['0', '999', '1,234,567']);
  expect([812, 61_400, 15_200_000].map(bytesText)).toEqual(['812 B', '61.4 KB', '15.2 MB']);
  expect([8.314, 24.56, 245.3, 3521].map(time)).toEqual(['8.31 ms', '24.6 ms', '245 ms', '3.52 s']);
  expect(percent(0.1234)).toBe('12.3 %');
  expect(significant(0.00392156862745098)).toBe('0.00392157');
});
