import { expect, test } from 'vitest';
import { summarize, type VitestReport } from '../support/summary.ts';

type File = VitestReport['testResults'][number];

const file = (status: File['status'], assertionResults: File['assertionResults']): VitestReport => ({
  testResults: [{ name: '/veritab/test/a.test.ts', status, assertionResults }],
});
const shorten = (path: string) => path.replace('/veritab/', '');

test('passed and failed tests are counted once, skipped ones are listed with the reason', () => {
  const report = file('failed', [
    { fullName: 'one', status: 'passed', meta: {} },
    { fullName: 'two', status: 'failed', meta: {} },
    { fullName: 'three', status: 'skipped', meta: { notRun: 'no models' } },
  ]);
  expect(summarize(report, 1, shorten)).toEqual({
    passed: 1,
    failures: ['test/a.test.ts > two'],
    notRun: [{ name: 'test/a.test.ts > three', reason: 'no models' }],
  });
});

test('a file that fails outside of its tests is one failure', () => {
  expect(summarize(file('failed', []), 1, shorten).failures).toEqual(['test/a.test.ts']);
  const hook = file('failed', [{ fullName: 'one', status: 'passed', meta: {} }]);
  expect(summarize(hook, 1, shorten).failures).toEqual(['test/a.test.ts']);
});

test('an exit code that the report does not explain is a failure', () => {
  const report = file('passed', [{ fullName: 'one', status: 'passed', meta: {} }]);
  expect(summarize(report, 0, shorten).failures).toEqual([]);
  expect(summarize(report, 1, shorten).failures).toEqual(['vitest ended with exit code 1']);
  expect(summarize(null, 1, shorten).failures).toEqual(['vitest ended with exit code 1']);
});
