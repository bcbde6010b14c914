/** Rows of which as many are shown as there is room for: a table or a list. */
export interface Listing {
  readonly head: string;
  /** Whole rows, each ended by a line feed. */
  readonly rows: readonly string[];
  readonly tail: string;
  /** What stands after the rows when some are left out. */
  readonly rest: (left: number) => string;
}

export type Part = string | Listing;

/** Bytes in UTF-8: never fewer than characters, however these are counted. */
export function bytesOf(text: string): number {
  return Buffer.byteLength(text);
}

/**
 * Puts parts together in at most `limit` bytes: rows are left out whole, from the end of each listing, and those of earlier
 * listings get their room first. What is no row is never left out and has to fit by itself.
 */
export function fitted(parts: readonly Part[], limit: number): string {
  let room = limit - leastBytes(parts);
  return parts
    .map((part) => {
      if (typeof part === 'string') return part;
      const { head, rows, tail, rest } = part;
      let shown = 0;
      for (; shown < rows.length; shown++) {
        const bytes = bytesOf(rows[shown]);
        if (bytes > room) break;
        room -= bytes;
      }
      const left = rows.length - shown;
      return [head, ...rows.slice(0, shown), left === 0 ? '' : rest(left), tail].join('');
    })
    .join('');
}

/** Bytes that parts take when every row that can be left out is. */
export function leastBytes(parts: readonly Part[]): number {
  return parts.reduce((sum, part) => sum + fixedBytes(part), 0);
}

function fixedBytes(part: Part): number {
  return typeof part === 'string'
    ? bytesOf(part)
    : bytesOf(part.head) + bytesOf(part.rest(part.rows.length)) + bytesOf(part.tail);
}
