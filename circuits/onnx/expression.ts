/**
 * Functions of one real number, in a normal form with a canonical text.
 *
 * An expression is `offset + sum of coefficient * product of factors`; a factor is the source `x`, a function of expressions, or a sum in
 * parentheses. Products are not distributed over sums, but a constant factor is, and a sum inside a product gets the coefficient 1 in
 * front, so that the orders in which exporters write `x * 0.5 * (1 + erf(x / sqrt 2))` agree. Every constant is a float32: it is
 * printed with the fewest digits that give it back, so that equal texts are equal functions. Values are computed in double precision.
 */
import { boundsText, isSource, numberText } from './expression-text.ts';

/** A product's factor. */
export interface Factor {
  /** Canonical; `x` is the source. */
  readonly text: string;
  /** The text if it stands alone and is a function of the source: `relu`, `clip(0, 6)`. */
  readonly alone?: string;
  readonly value: (x: number) => number;
  /** Number of functions and sources in it. */
  readonly size: number;
  /** If the factor is `min(max(of, low), high)`. */
  readonly clamp?: { readonly of: Expression; readonly low: number; readonly high: number };
}

export interface Term {
  readonly coefficient: number;
  /** In canonical order; at least one. */
  readonly factors: readonly Factor[];
}

export interface Expression {
  readonly offset: number;
  /** In canonical order, no two with the same factors. */
  readonly terms: readonly Term[];
}

/** The source. */
export const X: Expression = single({ text: 'x', value: (x) => x, size: 1 });

export function constant(value: number): Expression {
  return { offset: toFloat32(value), terms: [] };
}

export function add(a: Expression, b: Expression): Expression {
  const terms = new Map<string, Term>();
  for (const term of [...a.terms, ...b.terms]) {
    const key = productText(term.factors);
    const coefficient = Math.fround((terms.get(key)?.coefficient ?? 0) + term.coefficient);
    terms.set(key, { coefficient, factors: term.factors });
  }
  // A term that cancels is dropped only where it has a value everywhere: sqrt(x) - sqrt(x) has none for negative x.
  const kept = [...terms].filter(([, { coefficient, factors }]) => coefficient !== 0 || !factors.every((factor) => isSource(factor.text)));
  return { offset: Math.fround(a.offset + b.offset), terms: kept.sort(([s], [t]) => canonicalOrder(s, t)).map(([, term]) => term) };
}

/** `by * a`, or `a / by` with `inverse`. */
export function scale(a: Expression, by: number, inverse = false): Expression {
  const scaled = (value: number): number => toFloat32(inverse ? value / Math.fround(by) : value * Math.fround(by));
  return { offset: scaled(a.offset), terms: a.terms.map(({ coefficient, factors }) => ({ coefficient: scaled(coefficient), factors })) };
}

export function subtract(a: Expression, b: Expression): Expression {
  return add(a, scale(b, -1));
}

export function multiply(a: Expression, b: Expression): Expression {
  if (a.terms.length === 0) return scale(b, a.offset);
  if (b.terms.length === 0) return scale(a, b.offset);
  const [p, q] = [asProduct(a), asProduct(b)];
  const factors = [...p.factors, ...q.factors].sort((s, t) => canonicalOrder(s.text, t.text));
  return { offset: 0, terms: [{ coefficient: toFloat32(p.coefficient * q.coefficient), factors }] };
}

export function divide(a: Expression, b: Expression): Expression {
  if (b.terms.length === 0) return scale(a, b.offset, true);
  return multiply(
    a,
    call('reciprocal', (y) => 1 / y, [b]),
  );
}

/** `a ** exponent`. Small whole exponents are products. */
export function power(a: Expression, exponent: number): Expression {
  if (exponent === 0) return constant(1);
  if (exponent === 1) return a;
  if (exponent === 2) return multiply(a, a);
  if (exponent === 3) return multiply(multiply(a, a), a);
  if (exponent === 0.5) return call('sqrt', Math.sqrt, [a]);
  if (exponent === -1) return divide(constant(1), a);
  const rounded = Math.fround(exponent);
  return call('pow', (y) => y ** rounded, [a], [rounded]);
}

/** `min(max(a, low), high)`; infinite bounds do not bound. `low > high` gives `high`, as in ONNX. */
export function clamp(a: Expression, low: number, high: number): Expression {
  const [from, to] = [Math.fround(Math.min(low, high)), Math.fround(high)];
  const inner = lone(a)?.clamp;
  if (inner) return clamp(inner.of, within(inner.low, from, to), within(inner.high, from, to));
  if (a.terms.length === 0) return constant(within(a.offset, from, to));
  if (from === -Infinity && to === Infinity) return a;
  const { name, parameters } = boundsText(from, to);
  const value = evaluate(a);
  return single({
    ...called(name, parameters, [a]),
    // NaN stays NaN.
    value: (x) => {
      const y = value(x);
      return y < from ? from : y > to ? to : y;
    },
    clamp: { of: a, low: from, high: to },
  });
}

/**
 * `name(arguments, parameters)`; `apply` gets the arguments' values. A name must always mean the same function, given equal parameters,
 * which must be float32. Folded where no argument depends on the source.
 */
export function call(
  name: string,
  apply: (...values: number[]) => number,
  args: readonly Expression[],
  parameters: readonly number[] = [],
): Expression {
  if (args.every((argument) => argument.terms.length === 0)) return constant(apply(...args.map(({ offset }) => offset)));
  const values = args.map(evaluate);
  const [first] = values;
  const value = values.length === 1 ? (x: number) => apply(first!(x)) : (x: number) => apply(...values.map((argument) => argument(x)));
  return single({ ...called(name, parameters, args), value });
}

/** The function. */
export function evaluate(expression: Expression): (x: number) => number {
  const { offset, terms } = expression;
  const factor = lone(expression);
  if (factor) return factor.value;
  return (x) => {
    let sum = offset;
    for (const { coefficient, factors } of terms) {
      let product = coefficient;
      for (const { value } of factors) product *= value(x);
      sum += product;
    }
    return sum;
  };
}

/** The canonical text: `relu`, `clip(0, 6)`, `x * sigmoid(x)`. */
export function formula(expression: Expression): string {
  return lone(expression)?.alone ?? sumText(expression);
}

/** `scale * x + offset` if it is that. */
export function affineForm({ offset, terms }: Expression): { readonly scale: number; readonly offset: number } | null {
  const [term] = terms;
  if (!term) return { scale: 0, offset };
  if (terms.length > 1 || term.factors.length > 1 || !isSource(term.factors[0]!.text)) return null;
  return { scale: term.coefficient, offset };
}

/** Number of functions and sources written in it. */
export function size({ terms }: Expression): number {
  return terms.reduce((sum, { factors }) => sum + factors.reduce((total, factor) => total + factor.size, 0), 0);
}

/** As float32, and without the sign of a zero, which texts do not tell. */
function toFloat32(value: number): number {
  return Math.fround(value) + 0;
}

function single(factor: Factor): Expression {
  return { offset: 0, terms: [{ coefficient: 1, factors: [factor] }] };
}

/** The factor that is the whole expression, if one is. */
function lone({ offset, terms }: Expression): Factor | null {
  const [term] = terms;
  return offset === 0 && term && terms.length === 1 && term.coefficient === 1 && term.factors.length === 1 ? term.factors[0]! : null;
}

function asProduct(a: Expression): Term {
  const [first] = a.terms;
  if (a.offset === 0 && a.terms.length === 1) return first!;
  const coefficient = first!.coefficient === 0 ? 1 : first!.coefficient;
  const monic = scale(a, coefficient, true);
  return { coefficient, factors: [{ text: `(${sumText(monic)})`, value: evaluate(monic), size: size(monic) }] };
}

function called(name: string, parameters: readonly number[], args: readonly Expression[]): Omit<Factor, 'value'> {
  const texts = parameters.map(numberText);
  const common = { text: `${name}(${[...args.map(sumText), ...texts].join(', ')})`, size: args.reduce((sum, a) => sum + size(a), 1) };
  const [argument] = args;
  if (args.length > 1 || !isSource(sumText(argument!))) return common;
  return { ...common, alone: texts.length === 0 ? name : `${name}(${texts.join(', ')})` };
}

function sumText({ offset, terms }: Expression): string {
  let text = '';
  const append = (negative: boolean, magnitude: string): void => {
    text += text === '' ? (negative ? '-' : '') + magnitude : (negative ? ' - ' : ' + ') + magnitude;
  };
  for (const { coefficient, factors } of terms) {
    const magnitude = Math.abs(coefficient);
    append(coefficient < 0, (magnitude === 1 ? '' : `${numberText(magnitude)} * `) + productText(factors));
  }
  if (offset !== 0 || text === '') append(offset < 0, numberText(Math.abs(offset)));
  return text;
}

function productText(factors: readonly Factor[]): string {
  return factors.map(({ text }) => text).join(' * ');
}

function within(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}

/** Short texts first, so that `x` leads; then by code unit. */
function canonicalOrder(a: string, b: string): number {
  return a.length - b.length || (a < b ? -1 : a > b ? 1 : 0);
}
