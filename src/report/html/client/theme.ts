import { choices } from './dom.ts';

/** Colours by the names of their custom properties, without the dashes. */
export type Ink = (name: string) => string;

type Chosen = 'auto' | 'light' | 'dark';

const watchers: (() => void)[] = [];
const dark = matchMedia('(prefers-color-scheme: dark)');
const print = matchMedia('print');

/** Colours as the page shows them now: those of its style sheet. */
export function ink(): Ink {
  const style = getComputedStyle(document.documentElement);
  const known = new Map<string, string>();
  return (name) => {
    let colour = known.get(name);
    if (colour === undefined) {
      colour = style.getPropertyValue(`--${name}`).trim();
      known.set(name, colour);
    }
    return colour;
  };
}

/** Calls `draw` whenever colours change: by the system, by the switch, or for paper. */
export function onTheme(draw: () => void): void {
  watchers.push(draw);
}

/** True while the page is laid out for paper. */
export function printing(): boolean {
  return print.matches;
}

/** Puts the switch into the page. It is forgotten with the page: nothing is stored. */
export function themeSwitch(place: Element): void {
  const changed = (): void => {
    for (const draw of watchers) draw();
  };
  const list = choices<Chosen>(
    'Colours',
    [
      { value: 'auto', text: 'as the system' },
      { value: 'light', text: 'light' },
      { value: 'dark', text: 'dark' },
    ],
    (value) => {
      if (value === 'auto') delete document.documentElement.dataset['theme'];
      else document.documentElement.dataset['theme'] = value;
      changed();
    },
  );
  place.append(list.root);
  dark.addEventListener('change', changed);
  print.addEventListener('change', changed);
}
