/** The frame of every page: skip link, mark, navigation, theme switch, notices, keys, colophon. */
import { render, type ComponentChildren } from 'preact';
import { useMemo } from 'preact/hooks';
import { announcement } from './announce.ts';
import { Build } from './build.tsx';
import { Button } from './button.tsx';
import { Mark } from './mark.tsx';
import { Notice } from './notice.tsx';
import { online } from './online.ts';
import { ShortcutsDialog, shortcutsOpen, useShortcuts, type Shortcut } from './shortcuts.tsx';
import { switchTheme, theme, wearTheme, type Theme } from './theme.ts';
import './tokens.css';
import './page.css';
import './components.css';

const PAGES = [
  ['verify', '/', 'Verify'],
  ['mine', '/mine', 'Mine'],
  ['models', '/models', 'Models'],
] as const;

export type PageName = (typeof PAGES)[number][0];

export interface FrameProps {
  readonly page: PageName;
  /** The coordinator that every link leads on to, where it is not the page's own; else null. */
  readonly coordinator: string | null;
  readonly shortcuts?: readonly Shortcut[];
  /** What still works on this page without a network. */
  readonly offline: string;
  /** What this browser lacks, in words; null where it has everything. */
  readonly unsupported: ComponentChildren | null;
  readonly children: ComponentChildren;
}

const NO_SHORTCUTS: readonly Shortcut[] = [];

export function Frame({ page, coordinator, shortcuts = NO_SHORTCUTS, offline, unsupported, children }: FrameProps) {
  const all = useMemo(
    () => [
      ...shortcuts,
      { key: 't', words: 'Switch between the system’s theme, light and dark', run: switchTheme },
      { key: '?', words: 'Show this list', run: () => (shortcutsOpen.value = true) },
    ],
    [shortcuts],
  );
  useShortcuts(all);
  return (
    <div class="frame">
      <a class="skip" href="#content">
        Skip to the content
      </a>
      <header class="masthead">
        <a class="brand" href={linked('/', coordinator)} aria-label="Veritab">
          <Mark />
          <span>Veritab</span>
        </a>
        <nav aria-label="Pages">
          {PAGES.map(([name, path, words]) => (
            <a key={name} href={linked(path, coordinator)} aria-current={name === page ? 'page' : undefined}>
              {words}
            </a>
          ))}
        </nav>
        <div class="row tools">
          <ThemeSwitch />
          <Button kind="plain" label="Keys on this page" onPress={() => (shortcutsOpen.value = true)}>
            ?
          </Button>
        </div>
      </header>
      {!online.value && (
        <Notice kind="pending">
          <p>This browser is offline.</p>
          <p>{offline}</p>
        </Notice>
      )}
      {unsupported !== null && <Notice kind="refused">{unsupported}</Notice>}
      <main id="content" tabIndex={-1}>
        {children}
      </main>
      <footer class="colophon">
        <span>Proofs are checked in this tab, by code you can read.</span>
        <Build />
        {coordinator !== null && <span>Coordinator: {coordinator}</span>}
      </footer>
      <p class="unseen" role="status">
        {announcement.value}
      </p>
      <ShortcutsDialog shortcuts={all} />
    </div>
  );
}

/** A page's address that keeps the coordinator. */
export function linked(path: string, coordinator: string | null): string {
  return coordinator === null ? path : `${path}?coordinator=${encodeURIComponent(coordinator)}`;
}

/** Half a disc for the system's theme, a ring for light, a disc for dark. */
const THEME_SHAPES: Readonly<Record<Theme, string>> = {
  system: 'M10 4a6 6 0 0 1 0 12Z',
  light: '',
  dark: 'M10 4a6 6 0 0 1 0 12 6 6 0 0 1 0-12Z',
};

function ThemeSwitch() {
  return (
    <Button kind="plain" label={`Theme: ${theme.value}`} onPress={switchTheme}>
      <svg width="20" height="20" viewBox="0 0 20 20" fill="none" stroke="currentColor" stroke-width="1.75" aria-hidden="true">
        <circle cx="10" cy="10" r="6" />
        <path d={THEME_SHAPES[theme.value]} fill="currentColor" stroke="none" />
      </svg>
    </Button>
  );
}

/** Shows a page in the document. */
export function show(page: ComponentChildren): void {
  wearTheme();
  render(page, document.getElementById('page')!);
}
