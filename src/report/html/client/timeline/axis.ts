import { grouped, plural } from '../../../../base/sizes.ts';
import type { RunData } from '../../page-data.ts';
import type { Page } from '../page.ts';

const SECOND = 1e9;

/** Where events stand on the horizontal axis: by their number, or by their time in seconds. */
export class EventAxis {
  readonly events: number;
  readonly stride: number;
  readonly byTime: boolean;
  /** Where each bucket begins, and where the last one ends. */
  readonly starts: readonly number[];

  constructor(run: RunData, byTime: boolean, page: Page) {
    this.events = run.events;
    this.stride = run.stride;
    this.byTime = byTime && run.ts !== null;
    const buckets = Math.ceil(run.events / run.stride);
    const numbers = Array.from({ length: buckets }, (_, at) => at * run.stride);
    this.starts = this.byTime && run.ts !== null ? times(page.column(run.ts)) : [...numbers, Math.max(run.events, 1)];
  }

  get buckets(): number {
    return this.starts.length - 1;
  }

  /** The place of an event; between the beginnings of buckets times are taken as even. */
  at(event: number): number {
    const bucket = Math.min(Math.max(Math.floor(event / this.stride), 0), this.buckets - 1);
    const length = Math.min(this.stride, this.events - bucket * this.stride);
    const share = Math.min(Math.max((event - bucket * this.stride) / length, 0), 1);
    return this.starts[bucket] + share * (this.starts[bucket + 1] - this.starts[bucket]);
  }

  /** The event at a place, as a fraction. */
  eventAt(place: number): number {
    const bucket = this.bucketAt(place);
    const width = this.starts[bucket + 1] - this.starts[bucket];
    const share = width === 0 ? 0 : Math.min(Math.max((place - this.starts[bucket]) / width, 0), 1);
    return bucket * this.stride + share * Math.min(this.stride, this.events - bucket * this.stride);
  }

  /** The bucket that holds a place. */
  bucketAt(place: number): number {
    let [low, high] = [0, this.buckets - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.starts[middle] <= place) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** `events 4,096 to 4,127 (from 12.345678 s)`. */
  textOf(bucket: number): string {
    const first = bucket * this.stride;
    const last = Math.min(first + this.stride, this.events) - 1;
    const numbers = first === last ? `event ${grouped(first)}` : `events ${grouped(first)} to ${grouped(last)}`;
    return this.byTime ? `${numbers} (from ${secondsText(this.starts[bucket], 6)})` : numbers;
  }

  /** `events 1,024 to 2,047`, with their times where the axis shows times. */
  rangeText(from: number, to: number): string {
    const [first, last] = [Math.floor(from), Math.max(Math.ceil(to) - 1, Math.floor(from))];
    const numbers = `events ${grouped(first)} to ${grouped(last)}`;
    if (!this.byTime) return numbers;
    return `${numbers} (${secondsText(this.at(from), 6)} to ${secondsText(this.at(to), 6)})`;
  }

  /** The whole of it in words. */
  get text(): string {
    const width =
      this.stride === 1 ? 'one bucket each' : `${plural(this.buckets, 'bucket')} of ${grouped(this.stride)}`;
    return `${plural(this.events, 'event')}, ${width}`;
  }
}

/** Times in seconds that never go back, and an end as far behind the last as buckets are wide on average. */
function times(stamps: readonly number[]): number[] {
  const result: number[] = [];
  let latest = stamps[0] ?? 0;
  for (const stamp of stamps) {
    latest = Math.max(latest, stamp);
    result.push(latest / SECOND);
  }
  const mean = (result[result.length - 1] - result[0]) / Math.max(result.length - 1, 1);
  result.push(result[result.length - 1] + (mean === 0 ? 1e-6 : mean));
  return result;
}

/** Seconds with a number of decimals. */
export function secondsText(value: number, decimals: number): string {
  const [whole, rest] = Math.abs(value).toFixed(decimals).split('.');
  return `${value < 0 ? '-' : ''}${grouped(Number(whole))}${rest === undefined ? '' : `.${rest}`} s`;
}
