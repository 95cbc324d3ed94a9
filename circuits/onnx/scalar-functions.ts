/** Functions of real numbers that activations are made of, in double precision. */

/**
 * The error function, to about 1e-15. Series of positive terms, Abramowitz & Stegun 7.1.6:
 * `erf x = 2 / sqrt(pi) * exp(-x^2) * sum over n of 2^n x^(2n+1) / (1 3 5 .. (2n+1))`.
 */
export function erf(x: number): number {
  if (Math.abs(x) > 6) return Math.sign(x);
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > Math.abs(sum) * 2 ** -54; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

export function sigmoid(x: number): number {
  return x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x));
}

/** `log(1 + exp(x))`, without overflow. */
export function softplus(x: number): number {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
}

export function softsign(x: number): number {
  return x / (1 + Math.abs(x));
}

export function leakyRelu(x: number, slope: number): number {
  return x < 0 ? slope * x : x;
}

/** `x` above 0, `alpha (exp(x / width) - 1)` below. */
export function elu(x: number, alpha: number, width = 1): number {
  return x < 0 ? alpha * Math.expm1(x / width) : x;
}

/** To the nearest integer, halves to the even one. */
export function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  if (rest !== 0.5) return rest < 0.5 ? floor : floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}
