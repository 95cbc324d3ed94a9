/** Results for people. */
import { bytesText, table, time, type Column } from '../table.ts';
import type { BenchResult } from './measure.ts';

/** What a file of results holds. */
export interface BenchReport {
  readonly machine: Machine;
  readonly results: readonly BenchResult[];
}

export interface Machine {
  readonly processor: string;
  /** Threads that can work at the same time. */
  readonly parallelism: number;
  readonly memory_bytes: number;
  readonly node: string;
  readonly system: string;
}

const RIGHT = (title: string): Column => ({ title, align: 'right' });

const COLUMNS: readonly Column[] = [
  { title: 'model' },
  { title: 'weights' },
  RIGHT('threads'),
  RIGHT('infer'),
  RIGHT('prove'),
  RIGHT('p95'),
  RIGHT('cold'),
  RIGHT('prove / infer'),
  RIGHT('verify'),
  RIGHT('proof'),
  RIGHT('memory'),
  RIGHT('prepare'),
];

function row(result: BenchResult): string[] {
  return [
    result.model,
    result.weights,
    String(result.threads),
    time(result.infer_ms),
    time(result.prove_ms),
    time(result.prove_p95_ms),
    time(result.prove_cold_ms),
    (result.prove_ms / result.infer_ms).toFixed(1),
    time(result.verify_ms),
    bytesText(result.proof_bytes),
    bytesText(result.peak_bytes),
    time(result.prepare_ms),
  ];
}

export function machineText({ processor, parallelism, memory_bytes, node, system }: Machine): string {
  return `${processor}, ${parallelism} threads, ${bytesText(memory_bytes)}; Node ${node}, ${system}`;
}

/** The table of results, then the share of each phase. Grinding happens inside of other phases, and is not counted twice. */
export function resultsText(results: readonly BenchResult[]): string {
  const phases = [...new Set(results.flatMap((result) => Object.keys(result.phases)))];
  const shares = results.map((result) => [
    result.model,
    result.weights,
    String(result.threads),
    ...phases.map((phase) => `${((100 * (result.phases[phase] ?? 0)) / result.prove_ms).toFixed(0)} %`),
  ]);
  return [
    table(COLUMNS, results.map(row)),
    '',
    'Share of the median proof (grinding is part of lookups and opening):',
    table([...COLUMNS.slice(0, 3), ...phases.map(RIGHT)], shares),
  ].join('\n');
}

/** Ratios of these results to earlier ones of the same model, weights and threads: below 1 is less time, smaller, or less memory. */
export function comparisonText(results: readonly BenchResult[], earlier: readonly BenchResult[]): string {
  const same = (a: BenchResult, b: BenchResult): boolean => a.model === b.model && a.weights === b.weights && a.threads === b.threads;
  const rows = results.flatMap((result) => {
    const before = earlier.find((other) => same(result, other));
    if (before === undefined) return [];
    const ratio = (of: (r: BenchResult) => number): string => (of(result) / of(before)).toFixed(2);
    return [
      [
        result.model,
        result.weights,
        String(result.threads),
        ratio((r) => r.prove_ms),
        ratio((r) => r.verify_ms),
        ratio((r) => r.proof_bytes),
        ratio((r) => r.peak_bytes),
      ],
    ];
  });
  if (rows.length === 0) return 'the earlier file has none of these results';
  return table([...COLUMNS.slice(0, 3), ...['prove', 'verify', 'proof', 'memory'].map(RIGHT)], rows);
}
