/** Labels with bars and amounts, the largest first in weight. It is a list of values to a screen reader. */
export interface Bar {
  readonly label: string;
  /** 0..1 of the track. */
  readonly part: number;
  readonly amount: string;
  /** The exact value. */
  readonly exact: string;
  readonly first: boolean;
}

export function Bars({ bars, label }: { readonly bars: readonly Bar[]; readonly label: string }) {
  return (
    <ul class="bars" aria-label={label}>
      {bars.map((bar) => (
        <li key={bar.label} class={bar.first ? 'bar-row first' : 'bar-row'}>
          <span class={bar.first ? 'first' : ''}>{bar.label}</span>
          <span class="track" aria-hidden="true">
            <span class="fill" style={{ display: 'block', width: `${100 * Math.min(1, Math.max(0, bar.part))}%` }} />
          </span>
          <span class={bar.first ? 'amount first' : 'amount'} title={bar.exact}>
            {bar.amount}
          </span>
        </li>
      ))}
    </ul>
  );
}
