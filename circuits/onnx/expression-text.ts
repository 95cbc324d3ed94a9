/** How numbers and bounds are written in the text of an expression. */

export function isSource(text: string): boolean {
  return text === 'x';
}

/** The fewest digits that give back the float32. */
export function numberText(value: number): string {
  for (let digits = 1; digits < 9; digits++) {
    const rounded = Number(value.toPrecision(digits));
    if (Math.fround(rounded) === value) return String(rounded);
  }
  return String(Number(value.toPrecision(9)));
}

/** The name of `min(max(x, low), high)` and its parameters. At least one bound is finite. */
export function boundsText(low: number, high: number): { readonly name: string; readonly parameters: readonly number[] } {
  if (high === Infinity) return low === 0 ? { name: 'relu', parameters: [] } : { name: 'max', parameters: [low] };
  return low === -Infinity ? { name: 'min', parameters: [high] } : { name: 'clip', parameters: [low, high] };
}
