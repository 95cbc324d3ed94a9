/** Tables and numbers for people. */

export interface Column {
  readonly title: string;
  /** Numbers are right-aligned. */
  readonly align?: 'left' | 'right';
}

/** Characters, where a string counts UTF-16 units. */
const lengthOf = (text: string): number => Array.from(text).length;

/** Aligned lines under a heading; columns are two spaces apart. Widths count characters. */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const widths = columns.map(({ title }, n) => Math.max(title.length, ...rows.map((row) => lengthOf(row[n] ?? ''))));
  const line = (cells: readonly string[]): string =>
    columns
      .map(({ align = 'left' }, n) => {
        const cell = cells[n] ?? '';
        const space = ' '.repeat(Math.max(0, widths[n]! - lengthOf(cell)));
        return align === 'left' ? cell + space : space + cell;
      })
      .join('  ')
      .trimEnd();
  const rule = widths.map((width) => '-'.repeat(width)).join('  ');
  return [line(columns.map(({ title }) => title)), rule, ...rows.map(line)].join('\n');
}

/** `name  value` lines, values aligned; entries without a value are left out. */
export function facts(entries: readonly (readonly [name: string, value: string | null])[]): string {
  const shown = entries.filter(([, value]) => value !== null && value !== '');
  const width = Math.max(...shown.map(([name]) => name.length));
  return shown.map(([name, value]) => `${name.padEnd(width)}  ${value!.replaceAll('\n', `\n${' '.repeat(width + 2)}`)}`).join('\n');
}

/** 1234567 as `1,234,567`. */
export function count(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/** Bytes as `812 B`, `61.4 KB`, `15.2 MB` (powers of 1,000, as proofs are compared in). */
export function bytesText(value: number): string {
  if (value < 1000) return `${value} B`;
  if (value < 1e6) return `${(value / 1e3).toFixed(1)} KB`;
  return `${(value / 1e6).toFixed(1)} MB`;
}

/** Milliseconds as `8.31 ms`, `245 ms`, `3.52 s`. */
export function time(milliseconds: number): string {
  if (milliseconds < 10) return `${milliseconds.toFixed(2)} ms`;
  if (milliseconds < 1000) return `${milliseconds.toFixed(milliseconds < 100 ? 1 : 0)} ms`;
  return `${(milliseconds / 1000).toFixed(2)} s`;
}

/** 0.1234 as `12.3 %`. */
export function percent(share: number, digits = 1): string {
  return `${(100 * share).toFixed(digits)} %`;
}

/** Up to `digits` significant digits, without trailing zeros. */
export function significant(value: number, digits = 6): string {
  return String(Number(value.toPrecision(digits)));
}

/** Digests and other bytes. */
export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
