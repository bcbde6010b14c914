import { exactSize, grouped, plural } from '../../base/sizes.ts';
import type { FindingEvent } from '../../replay/results/findings.ts';
import type { CheckedTrace, CheckResult, Judged, RuleCounts } from './result.ts';
import { countOf } from './result.ts';

/** `1 error, 2 warnings`; `no findings` where there are none. */
export function levelsInWords({ error, warning, note }: Pick<RuleCounts, 'error' | 'warning' | 'note'>): string {
  const parts = [
    ...(error > 0 ? [plural(error, 'error')] : []),
    ...(warning > 0 ? [plural(warning, 'warning')] : []),
    ...(note > 0 ? [plural(note, 'note')] : []),
  ];
  return parts.length === 0 ? 'no findings' : parts.join(', ');
}

/** The answer and why: `no: 1 error` or `ok: no findings`. */
export function answer(result: CheckResult): string {
  const [error, warning, note] = [countOf(result, 'error'), countOf(result, 'warning'), countOf(result, 'note')];
  const where = result.traces.length === 1 ? '' : ` in ${plural(result.traces.length, 'trace')}`;
  return `${result.failed ? 'no' : 'ok'}: ${levelsInWords({ error, warning, note })}${where}`;
}

/** What a trace holds, and what told which of its operations run at once. */
export function traceInWords(trace: CheckedTrace): string {
  const { events, domains, format, concurrency, comparable, complete } = trace;
  const size = `${plural(events, 'event')}, ${plural(domains, 'address space')}, ${format}`;
  return `${size}; ${atOnceInWords(concurrency, comparable)}${complete ? '' : '; not read to its end'}`;
}

function atOnceInWords(concurrency: CheckedTrace['concurrency'], comparable: number): string {
  switch (concurrency) {
    case null:
      return 'no operations';
    case 'time':
      return comparable === 0
        ? 'at once: by their times, but no operation has an `end`, so that none can be seen to overlap another'
        : `at once: by their times, ${plural(comparable, 'operation')} with a length`;
    default:
      return comparable === 0
        ? `at once: by their ${concurrency}s, but no operation names one`
        : `at once: by their ${concurrency}s, ${plural(comparable, 'operation')} of one`;
  }
}

/** `1,000 to 3,000 ns`, or a moment; empty where no time is known. */
export function timeText({ ts, end }: Pick<FindingEvent, 'ts' | 'end'>): string {
  if (ts === undefined) return '';
  return end === undefined ? `at ${grouped(ts)} ns` : `${grouped(ts)} to ${grouped(end)} ns`;
}

/** `0x1000 + 4K`, or the address alone. */
export function eventRange({ iova, size }: FindingEvent): string {
  if (iova === undefined) return '';
  return size === undefined ? iova : `${iova} + ${exactSize(size)}`;
}

/** Where it is and when: the overlap of both events, as far as it is known. */
export function overlapText({ range, window }: Judged): string {
  const parts = [
    ...(range === undefined ? [] : [`${range.iova} + ${exactSize(range.size)}`]),
    ...(window === undefined ? [] : [`${grouped(window.from)} to ${grouped(window.to)} ns`]),
  ];
  return parts.join(', ');
}
