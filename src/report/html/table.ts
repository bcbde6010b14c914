import type { Column } from '../columns.ts';
import { inked, text } from './markup.ts';

const BLANK = new Set(['', '0', '-']);

/** A cell's HTML, where it is more than its text. */
export type CellHtml<Row> = (row: Row, cell: string, title: string) => string;

/**
 * A table with the columns of the text report; optional ones are left out when they would say nothing. The first cell of a
 * row names it. `caption` is HTML.
 */
export function htmlTable<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  caption: string,
  html: CellHtml<Row> = (_row, cell) => text(cell),
): string {
  const cells = columns.map((column) => rows.map((row) => column.cell(row).trim()));
  const shown = columns
    .map((_, at) => at)
    .filter((at) => columns[at].optional !== true || cells[at].some((cell) => !BLANK.has(cell)));
  const align = (at: number): string => (columns[at].align === 'right' ? ' class="number"' : '');
  const title = (at: number): string => columns[at].title.trim();
  const head = shown.map((at) => `<th scope="col"${align(at)}>${text(title(at))}</th>`).join('');
  const body = rows.map((row, nth) => {
    const inside = shown.map((at, place) => {
      const content = html(row, cells[at][nth], title(at));
      return place === 0 ? `<th scope="row"${align(at)}>${content}</th>` : `<td${align(at)}>${content}</td>`;
    });
    return `<tr>${inside.join('')}</tr>\n`;
  });
  return `<div class="scroll"><table>\n<caption>${caption}</caption>\n<thead><tr>${head}</tr></thead>\n<tbody>\n${body.join('')}</tbody>\n</table></div>\n`;
}

/** Names and sentences of the text report, one a row. */
export function factTable(rows: readonly (readonly [name: string, sentence: string])[], caption: string): string {
  const body = rows.map(
    ([name, sentence]) => `<tr><th scope="row">${text(name)}</th><td>${inked(sentence)}</td></tr>\n`,
  );
  return `<div class="scroll"><table class="facts">\n<caption>${caption}</caption>\n<tbody>\n${body.join('')}</tbody>\n</table></div>\n`;
}

/** A part of the page that is folded away until asked for; `summary` and `content` are HTML. */
export function folded(summary: string, content: string, open = false): string {
  return `<details${open ? ' open' : ''}>\n<summary>${summary}</summary>\n${content}</details>\n`;
}
