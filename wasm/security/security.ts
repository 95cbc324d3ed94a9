/**
 * How sure a proof is, derived from the parameters of the code: for each round of the argument, the probability that a cheating prover gets past it in one try, grinding included. This is what the
 * Fiat-Shamir transformation needs in the random-oracle model (round-by-round soundness). Source: the proof-system design, section 1; unique decoding only, BCIKS20 (ePrint 2020/654) theorem 4.1 for
 * the folding of rows.
 */
import { MAX_TERMS, MAX_WEIGHT_PLANES } from '../../circuits/bounds/index.ts';
import { shapeOf, type Circuit } from '../../circuits/graph/circuit.ts';
import {
  LOOKUP_GRINDING_BITS,
  LOOKUP_GRINDING_LEAVES,
  MAX_LEAVES,
  MAX_VECTOR_LENGTH,
  openingLevels,
  P,
  QUERY_GRINDING_BITS,
  type Level,
} from '../parameters.ts';
import { bits } from '../field/qm31.ts';
import { layoutOf, vectorVariables } from '../statement/layout.ts';

/** No single message gives a cheating prover better than 2^-100. */
export const ROUND_BITS = 100;

/** log2 of the number of elements of K. */
const FIELD_BITS = 4 * Math.log2(P);

/** What a proof's errors depend on. */
export interface ProofSizes {
  /** Lookups and table rows. */
  readonly validLeaves: number;
  /** Length of the leaf vector, padding included. */
  readonly leafLength: number;
  /** Variables of the point at which each int32 output is evaluated. */
  readonly outputVariables: readonly number[];
  /** Convolutions, and the most variables that one of them has. */
  readonly terms: number;
  readonly linearVariables: number;
  /** Claims that are batched, at most. */
  readonly claims: number;
  /** Lengths of the committed vectors. */
  readonly vectors: readonly number[];
}

/** A kind of round. */
export interface SecurityRow {
  readonly round: string;
  /** Rounds of this kind in one proof. */
  readonly count: number;
  /** -log2 of the error of one of them. */
  readonly bits: number;
  /** The error, q = |K|. */
  readonly formula: string;
}

/** -log2 of the chance that `queries` distinct columns of a level are all as they should be, though the committed matrix is farther from the code than its unique decoding radius. */
export function queryBits({ columnBits, inverseRate }: Level, queries: number): number {
  const message = 2 ** columnBits;
  const n = message * inverseRate;
  const wrong = Math.floor((n - message - 1) / 2) + 1;
  let sum = 0;
  for (let i = 0; i < queries; i++) sum -= Math.log2((n - wrong - i) / (n - i));
  return sum;
}

/** Fewest queries that, with the grinding before them, give `ROUND_BITS`. */
export function leastQueries(level: Level): number {
  let queries = 1;
  while (queryBits(level, queries) + QUERY_GRINDING_BITS < ROUND_BITS) queries++;
  return queries;
}

const columns = (level: Level): number => 2 ** level.columnBits * level.inverseRate;

/** A round whose error is numerator / |K|, less `grinding` bits. */
function fraction(round: string, count: number, numerator: number, formula: string, grinding = 0): SecurityRow {
  return {
    round,
    count,
    bits: FIELD_BITS - Math.log2(numerator) + grinding,
    formula: grinding ? `${formula}, times 2^-${grinding}` : formula,
  };
}

function lookupChallenge(validLeaves: number): SecurityRow {
  const grinding = validLeaves > LOOKUP_GRINDING_LEAVES ? LOOKUP_GRINDING_BITS : 0;
  return fraction('lookup challenges', 1, validLeaves, `${validLeaves} leaves / q`, grinding);
}

function treeRows(leafLength: number): SecurityRow[] {
  const height = Math.max(1, bits(leafLength));
  return [
    fraction('tree: round', (height * (height - 1)) / 2, 3, '3 / q'),
    fraction('tree: lambda', height - 1, 1, '1 / q'),
    fraction('tree: mu', height, 1, '1 / q'),
  ];
}

/** A challenge that binds a variable folds the rows of every vector in whose matrix that variable tells rows apart: n / |K| for n columns. */
function foldingRows(
  name: string,
  variables: number,
  vectors: readonly { readonly variables: number; readonly level: Level }[],
): SecurityRow[] {
  const widths = Array.from({ length: variables }, (_, i) =>
    vectors.reduce((sum, { variables: own, level }) => (i - (variables - own) >= level.columnBits ? sum + columns(level) : sum), 0),
  );
  const distinct = [...new Set(widths)].sort((a, b) => a - b);
  return distinct.map((n) => {
    const count = widths.filter((width) => width === n).length;
    return n ? fraction(`${name}, folding rows`, count, 2 + n, `(2 + ${n}) / q`) : fraction(name, count, 2, '2 / q');
  });
}

/** Everything from delta on: the batching sumcheck and the openings of the vectors. */
function openingRows(claims: number, vectors: readonly number[]): SecurityRow[] {
  const committed = vectors.map((length) => ({ variables: vectorVariables(length), levels: openingLevels(length)! }));
  const variables = Math.max(...committed.map((v) => v.variables));
  return [
    fraction('delta', 1, Math.max(1, claims - 1), `(${claims} claims - 1) / q`),
    ...foldingRows(
      'batching round',
      variables,
      committed.map((v) => ({ variables: v.variables, level: v.levels[0]! })),
    ),
    ...committed.flatMap(({ levels }, vector) => {
      const of = vectors.length > 1 ? `vector ${vector + 1}, ` : '';
      return levels.flatMap((level, depth): SecurityRow[] => {
        const below = levels[depth + 1];
        const { queries } = level;
        const found: SecurityRow = {
          round: `${of}level ${depth}: queries`,
          count: 1,
          bits: queryBits(level, queries) + QUERY_GRINDING_BITS,
          formula: `${queries} of ${columns(level)} columns, rate 1/${level.inverseRate}, times 2^-${QUERY_GRINDING_BITS}`,
        };
        if (!below) return [found];
        return [
          found,
          fraction(`${of}level ${depth}: kappa`, 1, queries + 1, `(${queries} + 1) / q`),
          ...foldingRows(`${of}level ${depth}: round`, level.columnBits, [{ variables: level.columnBits, level: below }]),
        ];
      });
    }),
  ];
}

/** Every round of a proof of that size, in the order of the transcript. */
export function securityOf(sizes: ProofSizes): SecurityRow[] {
  const { validLeaves, leafLength, outputVariables, terms, linearVariables, claims, vectors } = sizes;
  const point = Math.max(0, ...outputVariables);
  const rows = [lookupChallenge(validLeaves), ...treeRows(leafLength)];
  // all points are drawn at once: a wrong output must escape its own
  if (point) rows.push(fraction('output point', 1, point, `${point} / q`));
  if (terms) {
    rows.push(fraction('beta', 1, Math.max(1, terms - 1), `(${terms} terms - 1) / q`));
    rows.push(fraction('linear round', linearVariables, 2, '2 / q'));
  }
  return [...rows, ...openingRows(claims, vectors)];
}

/** Sizes of the proofs of a circuit that `checkCircuit` has accepted. */
export function proofSizes(circuit: Circuit): ProofSizes {
  const layout = layoutOf(circuit);
  const accumulators = circuit.outputs.filter((tensor) => circuit.layers[tensor - circuit.inputs.length]!.kind === 'accumulate');
  const terms = layout.convolutions.length;
  const variables = layout.convolutions.map(({ term }) =>
    Math.max(1, bits(term.kernel[0]) + bits(term.kernel[1]) + bits(term.operand.shape[0])),
  );
  const committed = circuit.weightRoot !== null;
  return {
    validLeaves: layout.validLeaves,
    leafLength: layout.leafLength,
    outputVariables: accumulators.map((tensor) => shapeOf(circuit, tensor).reduce((sum, n) => sum + bits(n), 0)),
    terms,
    linearVariables: Math.max(0, ...variables),
    claims: 2 + accumulators.length + terms + (committed ? terms : 0),
    vectors: committed ? [layout.witnessLength, layout.weightLength] : [layout.witnessLength],
  };
}

/** Every round of a proof of a circuit, in the order of the transcript. */
export function securityTable(circuit: Circuit): SecurityRow[] {
  return securityOf(proofSizes(circuit));
}

/** What a registration proof's errors depend on. */
export interface RegistrationSizes {
  /** Weights, and the length of their vector, padding included. */
  readonly weights: number;
  readonly weightLength: number;
  /** Output channels of all convolutions. */
  readonly channels: number;
}

/** Every round of a registration proof of that size. */
export function registrationSecurityOf({ weights, weightLength, channels }: RegistrationSizes): SecurityRow[] {
  const rows = 256;
  return [
    lookupChallenge(weights + rows),
    ...treeRows(weightLength + rows),
    fraction('eta', 1, Math.max(1, channels - 1), `(${channels} channels - 1) / q`),
    fraction('square round', vectorVariables(weightLength), 3, '3 / q'),
    ...openingRows(3, [weightLength, rows]),
  ];
}

/** Every round of the registration proof of a circuit with committed weights. */
export function registrationSecurity(circuit: Circuit): SecurityRow[] {
  const layout = layoutOf(circuit);
  return registrationSecurityOf({
    weights: layout.weightSlots.reduce((n, { channels, width }) => n + channels * width, 0),
    weightLength: layout.weightLength,
    channels: layout.convolutions.reduce((n, { layer }) => n + layer.shape[0], 0),
  });
}

/** -log2 of the sum of the errors of all rounds. */
export function totalBits(rows: readonly SecurityRow[]): number {
  return -Math.log2(rows.reduce((sum, { count, bits: own }) => sum + count * 2 ** -own, 0));
}

/** Bits, rounded down. */
const floor = (value: number): string => (Math.floor(10 * value) / 10).toFixed(1);

/** The table as Markdown. */
export function securityMarkdown(rows: readonly SecurityRow[]): string {
  const lines = rows.map(({ round, count, bits: own, formula }) => `| ${round} | ${count} | ${formula} | ${floor(own)} |`);
  return ['| round | times | error | bits |', '|---|---|---|---|', ...lines, `| all | | sum | ${floor(totalBits(rows))} |`].join('\n');
}

/** The largest proof that a verifier accepts, with public weights; with committed ones it has a second vector. Limits of `checkCircuit`. */
export const LARGEST: ProofSizes = {
  validLeaves: MAX_LEAVES,
  leafLength: 2 * MAX_LEAVES,
  outputVariables: new Array<number>(8).fill(29),
  terms: MAX_TERMS,
  linearVariables: 52,
  claims: 2 + 8 + MAX_TERMS,
  vectors: [MAX_VECTOR_LENGTH],
};

/** The largest registration proof. */
export const LARGEST_REGISTRATION: RegistrationSizes = {
  weights: MAX_VECTOR_LENGTH,
  weightLength: MAX_VECTOR_LENGTH,
  channels: MAX_WEIGHT_PLANES,
};

/** The README's section: the largest parameters. */
export function securitySection(): string {
  const rows = securityOf(LARGEST);
  const committed = securityOf({
    ...LARGEST,
    claims: LARGEST.claims + LARGEST.terms,
    vectors: [...LARGEST.vectors, MAX_VECTOR_LENGTH],
  });
  const registration = registrationSecurityOf(LARGEST_REGISTRATION);
  const least = (table: readonly SecurityRow[]): string => floor(Math.min(...table.map((row) => row.bits)));
  return [
    'Proven regime only: unique decoding, no conjecture about codes. The table is derived from the code (`security/security.ts`, `securityTable` for a circuit). Here it is for the largest proof',
    'with public weights; q = |K| = p^4. An error is the chance that one try of a cheating prover gets past that round, grinding included: what the Fiat-Shamir transformation needs is that each is at most 2^-100.',
    '',
    securityMarkdown(rows),
    '',
    `With as many committed weights: ${least(committed)} bits in the weakest round, ${floor(totalBits(committed))} in all. The registration proof of so many: ${least(registration)} and ${floor(totalBits(registration))}.`,
  ].join('\n');
}
