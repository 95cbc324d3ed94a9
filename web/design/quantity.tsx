/** Numbers with units: three significant digits, and the exact value at hand. */

/** A number in three significant digits, without an exponent: 1.23, 0.0123, 12,300. */
export function threeDigits(value: number): string {
  if (!Number.isFinite(value)) return '–';
  if (value === 0) return '0';
  const rounded = Number(value.toPrecision(3));
  const magnitude = Math.floor(Math.log10(Math.abs(rounded)));
  const decimals = Math.min(20, Math.max(0, 2 - magnitude));
  return rounded.toLocaleString('en', { minimumFractionDigits: 0, maximumFractionDigits: decimals }).replace('-', '−');
}

/** A unit and how many of the base unit it holds, ascending. */
type Scale = readonly (readonly [size: number, unit: string])[];

const SCALES = {
  ms: [
    [1, 'ms'],
    [1000, 's'],
    [60_000, 'min'],
    [3_600_000, 'h'],
  ],
  B: [
    [1, 'B'],
    [1e3, 'kB'],
    [1e6, 'MB'],
    [1e9, 'GB'],
  ],
  count: [
    [1, ''],
    [1e6, 'million'],
    [1e9, 'billion'],
  ],
} satisfies Record<string, Scale>;

export type Unit = keyof typeof SCALES;

/** A quantity in the largest unit of which it has at least one: `1.23 s`, `61.2 kB`. */
export function quantity(value: number, unit: Unit): string {
  const scale: Scale = SCALES[unit];
  const [size, name] = scale.findLast(([s]) => Math.abs(value) >= s) ?? scale[0]!;
  // Of things that are counted, everything below a million is shown exactly.
  const number = unit === 'count' && size === 1 ? value.toLocaleString('en') : threeDigits(value / size);
  return name === '' ? number : `${number} ${name}`;
}

/** The exact value, for who wants it. */
export function exactly(value: number, unit: Unit): string {
  return unit === 'count' ? value.toLocaleString('en') : `${value.toLocaleString('en', { maximumFractionDigits: 3 })} ${unit}`;
}

export function Quantity({ value, unit }: { readonly value: number; readonly unit: Unit }) {
  return (
    <data class="quantity" value={value} title={exactly(value, unit)}>
      {quantity(value, unit)}
    </data>
  );
}
