import { printable } from '../../base/printable.ts';
import { grouped, plural, readableBytes } from '../../base/sizes.ts';
import type { MetricChange, RowComparison } from '../../stats/compare/result.ts';
import type { Unit } from '../../stats/metrics/metric.ts';

/** A counter as people read it: bytes in KiB and up, other numbers with grouped digits. */
export function valueText(value: number, unit: Unit): string {
  return unit === 'bytes' ? readableBytes(value) : grouped(value);
}

/** By how much: `+4`, `-16.0 KiB`. */
export function differenceText({ base, now, unit }: MetricChange): string {
  return `${now < base ? '-' : '+'}${valueText(Math.abs(now - base), unit)}`;
}

/** How much that is of the base: `+40.00 %`; of a base of 0 it is without end. */
export function relativeText({ base, now, basisPoints }: MetricChange): string {
  if (basisPoints === null) return now < base ? '-∞' : '+∞';
  if (basisPoints === 0) return now < base ? '>-0.01 %' : '<+0.01 %';
  return percentOf(basisPoints);
}

/** Hundredths of a per cent with their sign: 1234567 -> `+12,345.67 %`. */
export function percentOf(basisPoints: number): string {
  const [hundredths, sign] = [Math.abs(basisPoints), basisPoints < 0 ? '-' : '+'];
  return `${sign}${grouped(Math.floor(hundredths / 100))}.${String(hundredths % 100).padStart(2, '0')} %`;
}

/** `tables.peak 10 -> 14 (+4, +40.00 %)` */
export function changeText(change: MetricChange): string {
  const { metric, base, now, unit } = change;
  return `${printable(metric)} ${valueText(base, unit)} -> ${valueText(now, unit)} (${differenceText(change)}, ${relativeText(change)})`;
}

/** What decided about a change: the threshold as it was written, or nothing. */
export function thresholdText({ verdict, threshold }: MetricChange): string {
  if (threshold === null) return '';
  return verdict === 'regressed'
    ? `beyond ${printable(threshold)}`
    : verdict === 'worse'
      ? `within ${printable(threshold)}`
      : '';
}

/** The trace of a row; empty where one document was held against one. */
export function traceOf({ trace }: RowComparison): string {
  return trace === '-' ? '' : shown(trace);
}

/** What a row was replayed with: `pool,size=4`, `panthor, kernel, domain d0`. */
export function configurationOf({ driver, allocator, domain, flush }: RowComparison): string {
  return [
    ...(driver === null || driver === allocator ? [] : [shown(driver)]),
    shown(allocator),
    ...(domain === null ? [] : [`domain ${shown(domain)}`]),
    ...(flush === undefined ? [] : [`flush ${shown(flush)}`]),
  ].join(', ');
}

/** A row by all that it is known by. */
export function rowName(row: RowComparison): string {
  return [traceOf(row), configurationOf(row)].filter((part) => part !== '').join('  ');
}

/** `12 metrics the same` */
export function unchangedText({ unchanged }: RowComparison): string {
  return `${plural(unchanged, 'metric')} the same`;
}

function shown(name: string): string {
  return name.trim() === '' ? JSON.stringify(name) : printable(name);
}
