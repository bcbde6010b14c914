/** Tables on standard output, and the bars that were met or missed. */

interface Bar {
  readonly what: string;
  readonly value: number;
  /** At least this, or with `atMost` at most this. */
  readonly limit: number;
  readonly atMost: boolean;
}

export class Bench {
  /** Fewer rounds and smaller traces. */
  readonly quick: boolean;
  readonly #bars: Bar[] = [];

  constructor(quick: boolean) {
    this.quick = quick;
  }

  title(text: string): void {
    process.stdout.write(`\n${text}\n`);
  }

  /** Text columns left, numbers right; a column is text when its heading is the first or second. */
  table(head: readonly string[], rows: readonly (readonly string[])[]): void {
    const all = [head, ...rows];
    const widths = head.map((_, column) => Math.max(...all.map((row) => row[column].length)));
    const isText = head.map((_, column) => rows.some((row) => /^[A-Za-z]/.test(row[column])));
    for (const row of all) {
      const cells = row.map((cell, i) => (isText[i] ? cell.padEnd(widths[i]) : cell.padStart(widths[i])));
      process.stdout.write(`  ${cells.join('  ').trimEnd()}\n`);
    }
  }

  bar(what: string, value: number, limit: number, atMost = false): void {
    this.#bars.push({ what, value, limit, atMost });
  }

  /** Prints a line for each bar, if there are any; true when all are met. */
  verdict(): boolean {
    if (this.#bars.length === 0) return true;
    this.title('bars');
    const rows = this.#bars.map(({ what, value, limit, atMost }) => [
      (atMost ? value <= limit : value >= limit) ? 'met' : 'NOT MET',
      what,
      value.toFixed(2),
      `${atMost ? 'at most' : 'at least'} ${limit}`,
    ]);
    this.table(['', 'what', 'measured', 'wanted'], rows);
    const missed = rows.filter((row) => row[0] !== 'met').length;
    this.title(missed === 0 ? `all ${rows.length} bars met` : `${missed} of ${rows.length} bars not met`);
    return missed === 0;
  }
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
