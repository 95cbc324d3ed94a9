/** What `inspect --security` says: how sure each round of a proof of a circuit is, and all of them together. */
import type { Circuit } from '../../circuits/graph/circuit.ts';
import { registrationSecurity, securityTable, totalBits, type SecurityRow } from '../../wasm/verify.ts';
import { table } from './table.ts';

export interface SecuritySummary {
  readonly rounds: readonly SecurityRow[];
  /** -log2 of the error of the weakest round. */
  readonly least_bits: number;
  /** -log2 of the sum of the errors of all rounds. */
  readonly total_bits: number;
}

export interface SecurityReport {
  readonly proof: SecuritySummary;
  /** Of the proof that registers committed weights; null where weights are public. */
  readonly registration: SecuritySummary | null;
}

/** Of a circuit that `circuitReport` has taken. */
export function securityReport(circuit: Circuit): SecurityReport {
  return {
    proof: summary(securityTable(circuit)),
    registration: circuit.weightRoot === null ? null : summary(registrationSecurity(circuit)),
  };
}

function summary(rounds: readonly SecurityRow[]): SecuritySummary {
  return { rounds, least_bits: Math.min(...rounds.map(({ bits }) => bits)), total_bits: totalBits(rounds) };
}

export function securityText({ proof, registration }: SecurityReport): string {
  const lines = [
    'security: an error is the chance that one try of a cheating prover gets past the round, grinding included; q = |K| = (2^31 - 1)^4',
    '',
    roundsText(proof),
  ];
  if (registration !== null) lines.push('', 'security of the registration of committed weights', '', roundsText(registration));
  return lines.join('\n');
}

/** Bits are rounded down. */
const bitsText = (bits: number): string => (Math.floor(10 * bits) / 10).toFixed(1);

function roundsText({ rounds, least_bits, total_bits }: SecuritySummary): string {
  const columns = [
    { title: 'round' },
    { title: 'times', align: 'right' as const },
    { title: 'error' },
    { title: 'bits', align: 'right' as const },
  ];
  return table(columns, [
    ...rounds.map(({ round, count, formula, bits }) => [round, `${count}`, formula, bitsText(bits)]),
    ['weakest', '', '', bitsText(least_bits)],
    ['all', '', 'sum', bitsText(total_bits)],
  ]);
}
