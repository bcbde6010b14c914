import { printable } from '../../base/printable.ts';
import { shortened } from './shorten.ts';

/** A name or a sentence longer than this would crowd out the rest of a comment. */
const LONGEST = 200;

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '|': '&#124;',
  '`': '&#96;',
  '*': '&#42;',
  '[': '&#91;',
  ']': '&#93;',
  '\\': '&#92;',
  '~': '&#126;',
  $: '&#36;',
  _: '&#95;',
  // A space of no width: nobody is called, no other issue or site is linked to.
  '@': '@&#8203;',
  '#': '#&#8203;',
  '://': ':&#8203;//',
};

/** Text from anywhere as one line of GitHub's Markdown that shows it as it is: no markup, no HTML, no mention, no link. */
export function prose(text: string, most = LONGEST): string {
  return shortened(printable(text), most).replace(
    /:\/\/|[&<>|`*[\]\\~$@#]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])/g,
    (found) => ENTITIES[found],
  );
}

/** A name as code. Backticks only around what needs no escaping, since there is none between them. */
export function code(name: string): string {
  const plain = name !== '' && name === name.trim() && name === printable(name) && name.length <= LONGEST;
  return plain && !/[`|<>\\]/.test(name) ? `\`${name}\`` : htmlCode(name);
}

/** A name as code where HTML stands and no Markdown is read, as in a summary. */
export function htmlCode(name: string): string {
  return `<code>${prose(name)}</code>`;
}

/** One row of a table; the cells are escaped already. */
export function tableRow(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |\n`;
}

/** The head of a table; `:` before a title aligns its column to the right. */
export function tableHead(titles: readonly string[]): string {
  const names = titles.map((title) => title.replace(/^:/, ''));
  return `${tableRow(names)}|${titles.map((title) => (title.startsWith(':') ? '--:' : '---')).join('|')}|\n`;
}

/** The beginning of a part that is folded away; `summary` is escaped HTML. Ends with `DETAILS_END`. */
export function detailsStart(summary: string): string {
  return `<details>\n<summary>${summary}</summary>\n\n`;
}

export const DETAILS_END = '\n</details>\n';
