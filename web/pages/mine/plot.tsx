/** The last proof times as a plot, client and benchmark jobs apart; a table with the same numbers stands behind it. */
import { useSignal, useSignalEffect } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type uPlot from 'uplot';
import { quantity } from '../../design/quantity.tsx';
import { dark } from '../../design/theme.ts';
import type { ProofTime } from '../../miner/state.ts';
import { hidden } from './visibility.ts';

const HEIGHT = 200;
/** Ink of the axes and the two kinds, light and dark: those of the tokens. */
const COLOURS = {
  light: { ink: '#5f6061', grid: '#1b1c1e1f', client: '#2b4acb', benchmark: '#85868a' },
  dark: { ink: '#ababab', grid: '#ececea1f', client: '#8ea4ff', benchmark: '#85868a' },
} as const;

/** The plotting library, loaded when there is something to plot. */
let library: Promise<typeof uPlot> | null = null;
function loadLibrary(): Promise<typeof uPlot> {
  library ??= import('./uplot.ts').then(({ default: plot }) => plot);
  return library;
}

function dataOf(times: readonly ProofTime[]): uPlot.AlignedData {
  const of = (kind: ProofTime['kind']): (number | null)[] => times.map((time) => (time.kind === kind ? time.milliseconds : null));
  return [times.map(({ at }) => at / 1000), of('client'), of('benchmark')];
}

const timeOfDay = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' });

function optionsOf(width: number, colours: (typeof COLOURS)[keyof typeof COLOURS]): uPlot.Options {
  const axis = {
    stroke: colours.ink,
    grid: { stroke: colours.grid, width: 1 },
    ticks: { stroke: colours.grid, width: 1 },
    font: '12px system-ui',
  };
  const points = (colour: string) => ({ stroke: colour, paths: () => null, points: { show: true, size: 6, fill: colour, stroke: colour } });
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    scales: { y: { range: (_plot, _least, most) => [0, most * 1.1 || 1] } },
    axes: [
      { ...axis, values: (_plot, values) => values.map((value) => timeOfDay.format(1000 * value)) },
      { ...axis, size: 64, values: (_plot, values) => values.map((value) => quantity(value, 'ms')) },
    ],
    series: [{}, { label: 'client', ...points(colours.client) }, { label: 'benchmark', ...points(colours.benchmark) }],
  };
}

export function ProofTimes({ times }: { readonly times: readonly ProofTime[] }) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const ready = useSignal(false);
  const newest = useRef(times);
  newest.current = times;

  // A theme is part of a plot's making.
  useSignalEffect(() => {
    const colours = dark.value ? COLOURS.dark : COLOURS.light;
    void loadLibrary().then((Plot) => {
      if (!place.current) return;
      plot.current?.destroy();
      plot.current = new Plot(optionsOf(place.current.clientWidth, colours), dataOf(newest.current), place.current);
      ready.value = true;
    });
  });
  useEffect(() => {
    if (!hidden.value) plot.current?.setData(dataOf(times));
  }, [times, hidden.value, ready.value]);
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => plot.current?.setSize({ width: entry!.contentRect.width, height: HEIGHT }));
    observer.observe(place.current!);
    return () => {
      observer.disconnect();
      plot.current?.destroy();
    };
  }, []);
  return (
    <figure>
      <figcaption class="row apart small">
        <span>Proof times, the last {times.length}</span>
        <span class="row legend">
          <span class="client">client</span>
          <span class="benchmark">benchmark</span>
        </span>
      </figcaption>
      <div ref={place} class="plot" style={{ height: `${HEIGHT}px` }} aria-hidden="true" />
      <TimesTable times={times} />
    </figure>
  );
}

function TimesTable({ times }: { readonly times: readonly ProofTime[] }) {
  const open = useSignal(false);
  return (
    <details class="small" onToggle={(event) => (open.value = event.currentTarget.open)}>
      <summary>As a table</summary>
      {open.value && (
        <div class="scroller tall" tabIndex={0} role="region" aria-label="Proof times">
          <table class="table">
            <thead>
              <tr>
                <th scope="col">When, this machine’s clock</th>
                <th scope="col">For</th>
                <th scope="col" class="number">
                  Time
                </th>
                <th scope="col" class="number">
                  Size
                </th>
              </tr>
            </thead>
            <tbody>
              {times.toReversed().map(({ at, kind, milliseconds, bytes }) => (
                <tr key={at}>
                  <td>{new Date(at).toLocaleTimeString()}</td>
                  <td>{kind}</td>
                  <td class="number">{quantity(milliseconds, 'ms')}</td>
                  <td class="number">{quantity(bytes, 'B')}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </details>
  );
}
