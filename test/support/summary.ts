/** What vitest's JSON report says, as counts and names. */

/** The part of vitest's JSON report that is read here. */
export interface VitestReport {
  readonly testResults: readonly {
    /** Path of the test file. */
    readonly name: string;
    readonly status: 'passed' | 'failed';
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: 'passed' | 'failed' | 'skipped' | 'pending' | 'todo';
      readonly meta: { readonly notRun?: string };
    }[];
  }[];
}

export interface Summary {
  readonly passed: number;
  /** Names of failed tests; of a file, where it failed outside of its tests. */
  readonly failures: readonly string[];
  readonly notRun: readonly { readonly name: string; readonly reason: string }[];
}

/**
 * Counts every test once. A file that failed without a failed test in it (it could not be read, a hook threw) is one failure, and so is an exit
 * code other than 0 that nothing in the report explains (an error outside of tests, no report at all).
 * @param shorten what to print for the path of a test file
 */
export function summarize(report: VitestReport | null, exitCode: number, shorten: (path: string) => string): Summary {
  let passed = 0;
  const failures: string[] = [];
  const notRun: { name: string; reason: string }[] = [];
  for (const file of report?.testResults ?? []) {
    const path = shorten(file.name);
    const before = failures.length;
    for (const test of file.assertionResults) {
      const name = `${path} > ${test.fullName}`;
      if (test.status === 'passed') passed++;
      else if (test.status === 'failed') failures.push(name);
      else notRun.push({ name, reason: test.meta.notRun ?? (test.status === 'todo' ? 'not written yet' : 'skipped') });
    }
    if (file.status === 'failed' && failures.length === before) failures.push(path);
  }
  if (failures.length === 0 && exitCode !== 0) failures.push(`vitest ended with exit code ${exitCode}`);
  return { passed, failures, notRun };
}
