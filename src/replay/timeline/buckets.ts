/** Buckets at most. A power of two. */
export const MOST_BUCKETS = 2048;

/** How a column of two neighbouring buckets becomes one: the least, the most, the sum, or the first that is a number. */
export type Join = keyof typeof JOINS;

const JOINS = {
  least: (a: number, b: number): number => (a < b ? a : b),
  most: (a: number, b: number): number => (a > b ? a : b),
  sum: (a: number, b: number): number => a + b,
  first: (a: number, b: number): number => (Number.isNaN(a) ? b : a),
};

/**
 * A bounded table: a row for each `stride` events, a column for each value. When it is full neighbouring rows are joined and the
 * stride doubles, so that its size does not depend on how many events come.
 */
export class Buckets {
  /** Events of a row. */
  stride = 1;
  length = 0;
  readonly #joins: readonly Join[];
  readonly #columns: readonly Float64Array[];

  constructor(joins: readonly Join[]) {
    this.#joins = joins;
    this.#columns = joins.map(() => new Float64Array(MOST_BUCKETS));
  }

  get full(): boolean {
    return this.length === MOST_BUCKETS;
  }

  /** Adds a row, which must have room: one value for each column. */
  push(row: Float64Array): void {
    for (const [at, column] of this.#columns.entries()) column[this.length] = row[at];
    this.length++;
  }

  /** Joins a row to the last one, for what came after it was complete. */
  amend(row: Float64Array): void {
    const last = this.length - 1;
    for (const [at, column] of this.#columns.entries()) column[last] = JOINS[this.#joins[at]](column[last], row[at]);
  }

  /** Makes room: two rows become one. */
  halve(): void {
    const rows = this.length >> 1;
    for (const [at, column] of this.#columns.entries()) {
      const join = JOINS[this.#joins[at]];
      for (let row = 0; row < rows; row++) column[row] = join(column[2 * row], column[2 * row + 1]);
    }
    this.length = rows;
    this.stride *= 2;
  }

  /** The rows of one column. */
  column(at: number): Float64Array {
    return this.#columns[at].subarray(0, this.length);
  }
}
