import { Chalk, type ChalkInstance } from 'chalk';
import { printable } from '../../base/printable.ts';

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text from anywhere as it may stand in HTML and in quoted attributes: no markup, nothing invisible. */
export function text(value: string): string {
  return printable(value).replace(/[&<>"']/g, (char) => ENTITIES[char]);
}

/** Colours for the sentences of the text report; `inked` makes them those of the page. */
export const INK: ChalkInstance = new Chalk({ level: 1 });

const STYLES: ReadonlyMap<string, readonly ['weight' | 'colour', string]> = new Map([
  ['1', ['weight', 'strong']],
  ['2', ['weight', 'dim']],
  ['22', ['weight', '']],
  ['31', ['colour', 'bad']],
  ['32', ['colour', 'good']],
  ['33', ['colour', 'warn']],
  ['39', ['colour', '']],
]);

/** A sentence coloured by `INK` as HTML. Colour codes in names from the trace cannot be here: they were made visible before. */
export function inked(sentence: string): string {
  const now = { weight: '', colour: '' };
  return sentence
    .trimEnd()
    .split(/\u001b\[(\d+)m/)
    .map((part, at) => {
      if (at % 2 === 1) {
        const style = STYLES.get(part);
        if (style !== undefined) now[style[0]] = style[1];
        return '';
      }
      const classes = [now.weight, now.colour].filter((name) => name !== '').join(' ');
      return part === '' || classes === '' ? text(part) : `<span class="${classes}">${text(part)}</span>`;
    })
    .join('');
}

/** Lines of such sentences, each a paragraph. */
export function paragraphs(lines: string, className = ''): string {
  const attribute = className === '' ? '' : ` class="${className}"`;
  return lines
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => `<p${attribute}>${inked(line)}</p>\n`)
    .join('');
}

/** JSON as it may stand in a script element: nothing in it ends the element or a line. */
export function scriptJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
