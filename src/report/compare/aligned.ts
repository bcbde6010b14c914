import type { Column } from '../columns.ts';

const GAP = '  ';
/** Where a trailing cell begins in a line of its own. */
const INDENT = '\n      ';

/** A column whose cells may be coloured once they have their width. */
export interface PaintedColumn<Row> extends Column<Row> {
  readonly paint?: (text: string, row: Row) => string;
  /** The last column: where it does not fit, its cells stand in lines of their own. */
  readonly trailing?: boolean;
}

/** A table taken apart, so that other lines may stand between its rows. */
export interface AlignedLines {
  readonly head: string;
  readonly lines: readonly string[];
}

/**
 * Columns as `renderColumns` lays them out, but line by line and in time proportional to the rows, of which a comparison may
 * have tens of thousands.
 */
export function alignedLines<Row>(
  rows: readonly Row[],
  columns: readonly PaintedColumn<Row>[],
  width: number | null,
): AlignedLines {
  const laid = columns
    .map((column) => {
      const cells = rows.map(column.cell);
      return { column, cells, size: cells.reduce((most, { length }) => Math.max(most, length), column.title.length) };
    })
    .filter(({ column, cells }) => column.optional !== true || cells.some((cell) => cell !== ''));
  const total = (): number =>
    laid.reduce((sum, { column, size }) => (column.trailing === true ? sum : sum + size + GAP.length), -GAP.length);
  while (width !== null && total() > width) {
    const last = laid.findLastIndex(({ column }) => column.spare === true);
    if (last < 0) break;
    laid.splice(last, 1);
  }
  const room = width === null ? Number.POSITIVE_INFINITY : width - total() - GAP.length;
  const trailingFits = laid.every(({ column }) => column.trailing !== true || column.title.length <= room);
  const line = (text: (at: number) => string, paint: (at: number, text: string) => string): string => {
    const words = laid.map(({ column, size }, at) => {
      const cell = text(at);
      if (column.trailing === true) {
        if (cell === '') return '';
        return `${cell.length <= room ? GAP : INDENT}${paint(at, cell)}`;
      }
      const blanks = ' '.repeat(size - cell.length);
      const painted = paint(at, cell);
      return `${at === 0 ? '' : GAP}${column.align === 'right' ? blanks + painted : painted + blanks}`;
    });
    return words.join('').replace(/ +(?=\n|$)/g, '');
  };
  return {
    head: line(
      (at) => (laid[at].column.trailing === true && !trailingFits ? '' : laid[at].column.title),
      (_, text) => text,
    ),
    lines: rows.map((row, r) =>
      line(
        (at) => laid[at].cells[r],
        (at, text) => laid[at].column.paint?.(text, row) ?? text,
      ),
    ),
  };
}
