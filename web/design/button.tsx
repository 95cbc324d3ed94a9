/** What can be pressed. A button that cannot be used now stays in the order of focus and says why. */
import type { ComponentChildren } from 'preact';

export interface ButtonProps {
  readonly children: ComponentChildren;
  readonly onPress: () => void;
  readonly kind?: 'primary' | 'plain' | undefined;
  readonly size?: 'large' | undefined;
  readonly wide?: boolean;
  /** Of a button that is on or off. */
  readonly pressed?: boolean | undefined;
  /** Why it cannot be used now; null where it can. */
  readonly unavailable?: string | null;
  /** Its name, where what it shows are no words. */
  readonly label?: string | undefined;
  /** More about it than its words say. */
  readonly note?: string | undefined;
}

export function Button({ children, onPress, kind, size, wide = false, pressed, unavailable = null, label, note }: ButtonProps) {
  const off = unavailable !== null;
  return (
    <button
      type="button"
      class={['button', kind, size, wide && 'wide'].filter(Boolean).join(' ')}
      aria-pressed={pressed}
      aria-label={label}
      aria-disabled={off || undefined}
      title={unavailable ?? note ?? label}
      onClick={() => {
        if (!off) onPress();
      }}
    >
      {children}
    </button>
  );
}

/** A button that asks for a file. */
export function FileButton({
  children,
  accept,
  onFile,
  kind,
}: {
  readonly children: ComponentChildren;
  readonly accept: string;
  readonly onFile: (file: File) => void;
  readonly kind?: 'plain';
}) {
  const ask = (): void => {
    const field = document.createElement('input');
    field.type = 'file';
    field.accept = accept;
    field.onchange = () => {
      const file = field.files?.[0];
      if (file) onFile(file);
    };
    field.click();
  };
  return (
    <Button kind={kind} onPress={ask}>
      {children}
    </Button>
  );
}
