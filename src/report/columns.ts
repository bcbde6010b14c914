import Table from 'cli-table3';

export type Align = 'left' | 'right';

/** One column of a text table. */
export interface Column<Row> {
  readonly title: string;
  readonly align: Align;
  readonly cell: (row: Row) => string;
  /** Left out when every cell is `0`, `-` or empty. */
  readonly optional?: boolean;
  /** May be left out, the last one first, where the terminal is too narrow. */
  readonly spare?: boolean;
}

const BLANK = new Set(['', '0', '-']);

/**
 * Aligned columns without lines between them. The table library colours by itself wherever it prints, so it is given no
 * styles; `head` colours the titles. Ends with a line feed.
 */
export function renderColumns<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  head: (title: string) => string = (title) => title,
  width: number | null = null,
): string {
  const cells = columns.map((column) => rows.map((row) => column.cell(row)));
  const shown = columns
    .map((_, i) => i)
    .filter((i) => columns[i].optional !== true || cells[i].some((cell) => !BLANK.has(cell)));
  if (width !== null) narrow(shown, columns, cells, width);
  const table = new Table({
    head: shown.map((i) => head(columns[i].title)),
    colAligns: shown.map((i) => columns[i].align),
    style: { head: [], border: [], compact: true, 'padding-left': 0, 'padding-right': 2 },
    chars: {
      top: '',
      'top-mid': '',
      'top-left': '',
      'top-right': '',
      bottom: '',
      'bottom-mid': '',
      'bottom-left': '',
      'bottom-right': '',
      left: '',
      'left-mid': '',
      mid: '',
      'mid-mid': '',
      right: '',
      'right-mid': '',
      middle: '',
    },
  });
  rows.forEach((_, r) => {
    table.push(shown.map((i) => cells[i][r]));
  });
  return `${table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')}\n`;
}

const GAP = 2;

/** Takes spare columns out of `shown` until the rest fits into `width`, or none is left. */
function narrow<Row>(
  shown: number[],
  columns: readonly Column<Row>[],
  cells: readonly (readonly string[])[],
  width: number,
): void {
  const widthOf = (i: number): number =>
    Math.max(columns[i].title.length, ...cells[i].map((cell) => cell.length)) + GAP;
  while (shown.reduce((sum, i) => sum + widthOf(i), -GAP) > width) {
    const last = shown.findLastIndex((i) => columns[i].spare === true);
    if (last < 0) return;
    shown.splice(last, 1);
  }
}
