import { grouped, readableBytes } from '../../../../base/sizes.ts';
import { element } from '../dom.ts';
import type { Chart, Line } from './series.ts';

/** The title of a chart and its lines with their exact values under the cursor; each line can be switched off and on. */
export class Legend {
  readonly root: HTMLElement;
  readonly #chart: Chart;
  readonly #values: HTMLElement[] = [];

  /** `toggle` is told which line is to be seen or not. */
  constructor(chart: Chart, colours: readonly string[], toggle: (line: number, shown: boolean) => void) {
    this.#chart = chart;
    const items = chart.lines.map((line, at) => {
      const value = element('span', 'value');
      this.#values.push(value);
      const swatch = element('span', 'swatch');
      swatch.style.background = colours[at];
      const item = element('button', 'series', swatch, `${line.label} `, value);
      item.type = 'button';
      item.title = 'show or hide';
      item.setAttribute('aria-pressed', 'true');
      item.addEventListener('click', () => {
        const shown = item.getAttribute('aria-pressed') !== 'true';
        item.setAttribute('aria-pressed', String(shown));
        toggle(at, shown);
      });
      return item;
    });
    this.root = element('figcaption', 'legend', element('span', 'chart-title', chart.title), ...items);
    this.show(null);
  }

  /** Shows the values of a bucket; without one the most of all. */
  show(bucket: number | null): void {
    this.#chart.lines.forEach((line, at) => {
      const text = bucket === null ? `most ${amount(greatest(line.most), this.#chart.unit)}` : this.#at(line, bucket);
      if (this.#values[at].textContent !== text) this.#values[at].textContent = text;
    });
  }

  /** The values of a bucket in words, for those who do not see the chart. */
  textOf(bucket: number): string {
    return `${this.#chart.title}: ${this.#chart.lines.map((line) => `${line.label} ${this.#at(line, bucket)}`).join(', ')}`;
  }

  #at({ most, least }: Line, bucket: number): string {
    const low = least === null ? most[bucket] : least[bucket];
    const high = exact(most[bucket], this.#chart.unit);
    return low === most[bucket] ? high : `${exact(low, this.#chart.unit)} to ${high}`;
  }
}

/** `L3 from 0 to 120, at the end 3`: a chart in a sentence. */
export function summary(chart: Chart): string {
  const parts = chart.lines.map(({ label, most, least }) => {
    const lowest = (least ?? most).reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
    const range = `from ${exact(lowest, chart.unit)} to ${exact(greatest(most), chart.unit)}`;
    return `${label} ${range}, at the end ${exact(most[most.length - 1], chart.unit)}`;
  });
  return `${chart.title}: ${parts.join('; ')}`;
}

function greatest(values: readonly number[]): number {
  return values.reduce((a, b) => Math.max(a, b), 0);
}

function amount(value: number, unit: Chart['unit']): string {
  return unit === 'bytes' ? readableBytes(value) : grouped(value);
}

/** Bytes both ways: readable, and to the last one. */
function exact(value: number, unit: Chart['unit']): string {
  return unit === 'bytes' && value >= 1024 ? `${grouped(value)} B (${readableBytes(value)})` : amount(value, unit);
}
