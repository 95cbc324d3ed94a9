/**
 * Activations as functions of the quotient. Most are clamps to a byte, whatever the scale: a sum without activation, ReLU, ReLU6. The zero
 * point goes into the bias, so that all of them are one table: `min(255, max(0, q))`. Source: the integer model, "Layers".
 */
import type { Activation } from './program.ts';
import { rounded, type Quantizer } from './quantizer.ts';
import type { Range } from './statistics.ts';

/** A function from quotients to bytes. Equal key, equal function. */
export interface ByteFunction {
  readonly key: string;
  readonly at: (quotient: number) => number;
}

export const CLAMP: ByteFunction = { key: 'clamp', at: (q) => (q < 0 ? 0 : q > 255 ? 255 : q) };

/** Subtracts from ties, so that a result whose last bits depend on the engine's `Math.exp` is not decided by them. */
const TIE = 2 ** -30;

/** The byte of `fn(unit * quotient)`. Where fn gives NaN it is taken at the nearest end of `domain`, the range that calibration saw. */
export function byteFunction({ formula, fn }: Activation, unit: number, { scale, zero }: Quantizer, domain: Range): ByteFunction {
  const at = (quotient: number): number => {
    const x = unit * quotient;
    let y = fn(x);
    if (Number.isNaN(y)) y = fn(Math.min(domain.hi, Math.max(domain.lo, x)));
    if (Number.isNaN(y)) y = 0;
    const byte = Math.floor(y / scale + 0.5 + TIE) + zero;
    return byte < 0 ? 0 : byte > 255 ? 255 : byte;
  };
  return { key: `${formula} ${unit} ${scale} ${zero}`, at };
}

/** Quotients at which a function is compared with a clamp: all small ones, then ever larger ones. */
const SMALL = 4096;
const LARGE = Array.from({ length: 72 }, (_, k) => Math.floor(SMALL * 2 ** (k / 4)));

/** Is the byte of `fn(unit * quotient)` that of the quotient itself, saturated, about the zero point? */
function isClamp(candidate: ByteFunction, zero: number): boolean {
  const same = (q: number): boolean => candidate.at(q) === CLAMP.at(q + zero);
  for (let q = -SMALL; q <= SMALL; q++) if (!same(q)) return false;
  return LARGE.every((q) => same(q) && same(-q));
}

/** Points of the domain at which the slope is measured, and the number of units that a domain may be cut into. */
const GRID = 4096;
/** Of the domain: the distance over which a slope is measured. */
const NEAR = 2 ** -16;

/** The largest slope of an activation over a domain, 1 where it has none. */
function steepest({ fn }: Activation, { lo, hi }: Range): number {
  const length = hi - lo;
  if (!(length > 0)) return 1;
  let most = 0;
  for (let k = 0; k <= GRID; k++) {
    const x = lo + (length * k) / GRID;
    for (const d of [-NEAR * length, NEAR * length]) {
      const slope = Math.abs((fn(x + d) - fn(x)) / d);
      if (Number.isFinite(slope)) most = Math.max(most, slope);
    }
  }
  return most > 0 ? Number(most.toPrecision(6)) : 1;
}

/** How the quotients of a sum become bytes: what one of them stands for, and the function. `shift` is added to the quotient beforehand. */
export interface Quotients {
  readonly unit: number;
  readonly table: ByteFunction;
  readonly shift: number;
}

/** The same function in another unit. */
export function inUnit(activation: Activation, unit: number, own: Quantizer, domain: Range): Quotients {
  const table = byteFunction(activation, unit, own, domain);
  return isClamp(table, own.zero) ? { unit, table: CLAMP, shift: own.zero } : { unit, table, shift: 0 };
}

/**
 * Quotients of a sum with an activation. A clamp has the unit of its result. For any other function a step of the quotient moves the result by a
 * step of its byte at most, but a domain is cut into 4,096 units at most.
 */
export function quotientsOf(activation: Activation | null, own: Quantizer, domain: Range): Quotients {
  if (!activation) return { unit: own.scale, table: CLAMP, shift: own.zero };
  const plain = inUnit(activation, own.scale, own, domain);
  if (plain.table === CLAMP) return plain;
  const fine = inUnit(activation, rounded(own.scale / steepest(activation, domain)), own, domain);
  const coarsest = rounded((domain.hi - domain.lo) / GRID);
  return fine.table === CLAMP || fine.unit >= coarsest ? fine : inUnit(activation, coarsest, own, domain);
}
