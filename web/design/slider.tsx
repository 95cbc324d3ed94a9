/** A number chosen from a range, with words for what the choice gives. */
import { useId } from 'preact/hooks';
import type { ComponentChildren } from 'preact';

export interface SliderProps {
  readonly label: string;
  readonly value: number;
  readonly min: number;
  readonly max: number;
  /** The value in words: "3 of 8 threads". */
  readonly words: string;
  readonly onChange: (value: number) => void;
  readonly children?: ComponentChildren;
}

export function Slider({ label, value, min, max, words, onChange, children }: SliderProps) {
  const id = useId();
  return (
    <div class="field slider">
      <div class="row apart">
        <label for={id}>{label}</label>
        <output for={id}>{words}</output>
      </div>
      <input
        id={id}
        type="range"
        min={min}
        max={max}
        step={1}
        value={value}
        aria-valuetext={words}
        disabled={min === max}
        onInput={(event) => onChange(Number(event.currentTarget.value))}
      />
      {children}
    </div>
  );
}
