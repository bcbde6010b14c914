import { EXIT_USAGE, PgtraceError, usageError } from '../../base/errors.ts';
import { printable } from '../../base/printable.ts';
import { ALWAYS_TOLD } from '../metrics/metrics.ts';
import type { StatsRow } from './rows.ts';

const SHOWN = 10;

/** A row of the base and the row that it is held against; null: there is none. */
export interface Pair {
  readonly before: StatsRow | null;
  readonly after: StatsRow | null;
}

/** How a row is called in messages. */
function nameOf({ trace, driver, allocator, domain, flush }: StatsRow): string {
  const parts = [
    trace,
    ...(driver === null ? [] : [driver]),
    `allocator ${allocator}`,
    ...(domain === null ? [] : [`domain ${domain}`]),
    ...(flush === undefined ? [] : [`flush ${flush}`]),
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

function traceKey({ trace, domain, flush }: StatsRow): string {
  return JSON.stringify([trace, domain, flush ?? null]);
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

/** Statistics of different settings: no fault of theirs, and a reason to renew a base. */
export class SettingsDiffer extends PgtraceError {
  constructor(message: string) {
    super(EXIT_USAGE, message);
    this.name = 'SettingsDiffer';
  }
}

/**
 * Throws a usage error that names what is incomplete or lacks what all statistics have, and SettingsDiffer for settings that
 * differ though no one said that they may.
 */
export function refuseIncomparable(pairs: readonly Pair[], across: readonly string[]): void {
  refuseUnknownSettings(pairs, across);
  const faults = pairs.flatMap(faultsOf);
  if (faults.length > 0) throw usageError(`these statistics cannot be compared:${listed(faults)}`);
  const differing = new Set<string>();
  const differences: string[] = [];
  for (const { before, after } of pairs) {
    if (before === null || after === null) continue;
    if (!before.complete) differences.push(`${nameOf(before)}: the base is of a replay that did not come to its end`);
    for (const name of settingNames(before, after)) {
      const was = before.settings[name] ?? 'not set';
      const is = after.settings[name] ?? 'not set';
      if (was === is || across.includes(name)) continue;
      differing.add(name);
      differences.push(`${nameOf(after)}: ${name} is ${is}, in the base ${was}`);
    }
  }
  if (differences.length === 0) return;
  const wanted = [...new Set([...across, ...differing])].join(',');
  const hint =
    differing.size === 0
      ? 'make the base anew'
      : `replay both with the same options, or let these differ: --across ${wanted}`;
  throw new SettingsDiffer(`these statistics cannot be compared:${listed(differences)}\n${hint}`);
}

function listed(problems: readonly string[]): string {
  const rest = problems.length - SHOWN;
  return (
    problems
      .slice(0, SHOWN)
      .map((problem) => `\n  ${printable(problem)}`)
      .join('') + (rest > 0 ? `\n  ... and ${rest} more` : '')
  );
}

function settingNames(before: StatsRow, after: StatsRow): string[] {
  return [...new Set([...Object.keys(before.settings), ...Object.keys(after.settings)])].sort();
}

function refuseUnknownSettings(pairs: readonly Pair[], across: readonly string[]): void {
  if (across.length === 0) return;
  const known = new Set(
    pairs.flatMap(({ before, after }) => [
      ...Object.keys(before?.settings ?? {}),
      ...Object.keys(after?.settings ?? {}),
    ]),
  );
  const unknown = across.find((name) => !known.has(name));
  if (unknown === undefined || known.size === 0) return;
  throw usageError(
    `--across ${printable(unknown)}: there is no such setting; there is ${[...known].sort().join(', ')}`,
  );
}

/** What makes numbers no numbers of a whole replay. */
function faultsOf({ before, after }: Pair): string[] {
  const faults: string[] = [];
  if (after !== null && !after.complete) {
    faults.push(`${nameOf(after)}: the new statistics are of a replay that did not come to its end`);
  }
  if (before === null || after === null) return faults;
  for (const [row, other, side] of [
    [before, after, 'the base'],
    [after, before, 'the new statistics'],
  ] as const) {
    const lost = ALWAYS_TOLD.find((key) => !Object.hasOwn(row.counters, key) && Object.hasOwn(other.counters, key));
    if (lost !== undefined)
      faults.push(`${nameOf(row)}: ${lost} is missing in ${side}: damaged, or of another version`);
  }
  return faults;
}

function keyText({ trace, driver, allocator, domain, flush }: StatsRow): string {
  return JSON.stringify([trace, domain, driver, allocator, flush ?? null]);
}
