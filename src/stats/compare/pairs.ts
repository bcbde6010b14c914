import { usageError } from '../../base/errors.ts';
import type { StatsRow } from './rows.ts';

const SHOWN = 10;

/** A row of the base and the row that it is held against; null: there is none. */
export interface Pair {
  readonly before: StatsRow | null;
  readonly after: StatsRow | null;
}

/** How a row is called in messages. */
function nameOf({ trace, driver, allocator, domain }: StatsRow): string {
  const parts = [
    trace,
    ...(driver === null ? [] : [driver]),
    `allocator ${allocator}`,
    ...(domain === null ? [] : [`domain ${domain}`]),
  ];
  return parts.filter((part) => part !== '-').join(', ');
}

/** Matches rows by their key; of a trace that has one row on each side, these. Throws a usage error for rows that come twice. */
export function pairRows(base: readonly StatsRow[], now: readonly StatsRow[]): Pair[] {
  const left = byKey(base, 'the base');
  const right = byKey(now, 'the new statistics');
  const pairs: Pair[] = [];
  const alone: StatsRow[] = [];
  for (const [key, before] of left) {
    const after = right.get(key) ?? null;
    right.delete(key);
    if (after === null) alone.push(before);
    else pairs.push({ before, after });
  }
  // The only row of a trace on either side: then it is the settings that differ, not the rows.
  const [ofBase, ofNow] = alone.length === 0 ? [] : [byTrace(base), byTrace(now)];
  for (const before of alone) {
    const there = ofNow?.get(traceKey(before)) ?? [];
    const single = ofBase?.get(traceKey(before))?.length === 1 && there.length === 1 && right.has(keyText(there[0]));
    pairs.push({ before, after: single ? there[0] : null });
    if (single) right.delete(keyText(there[0]));
  }
  for (const after of right.values()) pairs.push({ before: null, after });
  return pairs;
}

function traceKey({ trace, domain }: StatsRow): string {
  return JSON.stringify([trace, domain]);
}

function byTrace(rows: readonly StatsRow[]): Map<string, StatsRow[]> {
  const found = new Map<string, StatsRow[]>();
  for (const row of rows) {
    const known = found.get(traceKey(row));
    if (known === undefined) found.set(traceKey(row), [row]);
    else known.push(row);
  }
  return found;
}

function byKey(rows: readonly StatsRow[], side: string): Map<string, StatsRow> {
  if (rows.length === 0) throw usageError(`${side}: there are no statistics to compare`);
  const found = new Map<string, StatsRow>();
  for (const row of rows) {
    const key = keyText(row);
    if (found.has(key)) throw usageError(`${side} has ${nameOf(row)} twice: it cannot be told which is meant`);
    found.set(key, row);
  }
  return found;
}

/** Throws a usage error that names what differs, or what is incomplete. */
export function refuseIncomparable(pairs: readonly Pair[], across: readonly string[]): void {
  const problems: string[] = [];
  for (const { before, after } of pairs) {
    for (const [row, side] of [[before, 'the base'] as const, [after, 'the new statistics'] as const]) {
      if (row !== null && !row.complete) {
        problems.push(
          `${nameOf(row)}: ${side} are of a replay that did not come to its end`.replace('base are', 'base is'),
        );
      }
    }
    if (before === null || after === null) continue;
    for (const name of [...new Set([...Object.keys(before.settings), ...Object.keys(after.settings)])].sort()) {
      const was = before.settings[name] ?? 'not set';
      const is = after.settings[name] ?? 'not set';
      if (was !== is && !across.includes(name)) problems.push(`${nameOf(after)}: ${name} is ${is}, in the base ${was}`);
    }
  }
  if (problems.length === 0) return;
  const rest = problems.length - SHOWN;
  const lines = problems.slice(0, SHOWN).map((problem) => `\n  ${problem}`);
  const more = rest > 0 ? `\n  ... and ${rest} more` : '';
  throw usageError(
    `these statistics cannot be compared:${lines.join('')}${more}\nreplay both with the same options, or name what may differ: --across ${firstSetting(pairs, across)}`,
  );
}

function firstSetting(pairs: readonly Pair[], across: readonly string[]): string {
  for (const { before, after } of pairs) {
    if (before === null || after === null) continue;
    const name = Object.keys({ ...before.settings, ...after.settings }).find(
      (setting) => before.settings[setting] !== after.settings[setting] && !across.includes(setting),
    );
    if (name !== undefined) return name;
  }
  return 'kernel';
}

function keyText({
  trace,
  driver,
  allocator,
  domain,
}: Pick<StatsRow, 'trace' | 'driver' | 'allocator' | 'domain'>): string {
  return JSON.stringify([trace, domain, driver, allocator]);
}
