/** What `inspect --memory` says: how much memory the proof of a circuit takes, before it takes any. */
import type { Circuit } from '../../circuits/graph/circuit.ts';
import { estimateMemory, MEMORY_PARTS, type MemoryEstimate, type MemoryPart } from '../../wasm/prove.ts';
import { bytesText, percent, table } from './table.ts';

export interface MemoryReport extends MemoryEstimate {
  readonly threads: number;
  /** Bytes in all. */
  readonly total: number;
}

/** Of a circuit that `circuitReport` has taken. */
export function memoryReport(circuit: Circuit, threads: number): MemoryReport {
  const estimate = estimateMemory(circuit, { threads });
  return { threads, total: estimate.kernels + estimate.javascript, ...estimate };
}

export function memoryText({ threads, total, kernels, phase, parts, javascript, javascriptParts }: MemoryReport): string {
  const columns = [
    { title: 'memory' },
    { title: 'bytes', align: 'right' as const },
    { title: 'share', align: 'right' as const },
    { title: 'what' },
  ];
  const bySize = <T extends string>(of: Readonly<Partial<Record<T, number>>>): [T, number][] =>
    (Object.entries(of) as [T, number][]).filter(([, bytes]) => bytes > 0).sort((a, b) => b[1] - a[1]);
  const line = (name: string, bytes: number, what = ''): string[] => [name, bytesText(bytes), percent(bytes / total), what];
  return [
    `memory of a proof on ${threads} ${threads === 1 ? 'thread' : 'threads'}: ${bytesText(total)} at the peak (${phase}), besides the JavaScript engine itself`,
    '',
    table(columns, [
      line('kernels', kernels, 'WebAssembly memory in use at the peak'),
      ...bySize<MemoryPart>(parts).map(([name, bytes]) => line(`  ${name}`, bytes, MEMORY_PARTS[name])),
      line('JavaScript', javascript, 'typed arrays'),
      ...bySize(javascriptParts).map(([name, bytes]) => line(`  ${name}`, bytes)),
      line('total', total),
    ]),
  ].join('\n');
}
