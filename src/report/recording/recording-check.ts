import type { ChalkInstance } from 'chalk';
import { grouped, plural } from '../../base/sizes.ts';
import type { StatsDocument } from '../../stats/document.ts';
import type { ImportNotes } from '../../trace/import/import-notes.ts';
import { wrapped } from '../wrap.ts';

/** `ok`: in the recording; `assumed`: not in it, and replaced by a guess; `missing`: lost, so that numbers are wrong. */
export type CheckState = 'ok' | 'assumed' | 'missing';

/** One thing that a replay needs of a recording. */
export interface CheckRow {
  readonly what: string;
  readonly state: CheckState;
  readonly found: string;
  /** What to do about it; null where there is nothing to do. */
  readonly advice: string | null;
}

export const CHECK_SCHEMA = 'pgtrace.check/1';
export type CheckVerdict = 'complete' | 'assumptions' | 'incomplete';

const VERDICTS: Readonly<Record<CheckVerdict, string>> = {
  complete: 'complete: it replays as it was recorded',
  assumptions: 'replayable, with assumptions',
  incomplete: 'incomplete: events are missing; the numbers of a replay are off by them',
};

/** Whether a recording is complete enough to replay, thing by thing; from a replay of it with the default models. */
export function checkRows(document: StatsDocument): CheckRow[] {
  const imported = document.trace.import;
  const rows = [operations(document), start(document), returns(document)];
  if (imported === null) return rows;
  return [
    ...rows,
    losses(imported),
    addressSpaces(imported),
    configuration(imported),
    ...(maps(document) === 0 ? [] : [protection(imported)]),
    ...(imported.physicalAssumed === 0 ? [] : [physical(imported)]),
    ...(imported.layer === 'iommu' && unmaps(document) > 0 ? [laziness()] : []),
  ];
}

export function checkVerdict(rows: readonly CheckRow[]): CheckVerdict {
  if (rows.some(({ state }) => state === 'missing')) return 'incomplete';
  return rows.some(({ state }) => state === 'assumed') ? 'assumptions' : 'complete';
}

/** The rows as a table, what to do about them, and a verdict. */
export function checkText(rows: readonly CheckRow[], ink: ChalkInstance, width: number | null): string {
  const colour = { ok: ink.green, assumed: ink.yellow, missing: ink.red };
  const whats = Math.max(...rows.map(({ what }) => what.length));
  const states = Math.max(...rows.map(({ state }) => state.length));
  const indent = states + whats + 4;
  const table = rows
    .map(({ state, what, found }) => {
      const line = `${colour[state](state.padEnd(states))}  ${what.padEnd(whats)}  ${found}\n`;
      return wrapped(line, width, indent);
    })
    .join('');
  const advice = rows
    .filter((row) => row.advice !== null)
    .map(({ what, advice: text }) => `${wrapped(`  ${what}: ${text}`, width, 4)}\n`);
  const verdict = checkVerdict(rows);
  const shade = verdict === 'complete' ? colour.ok : verdict === 'assumptions' ? colour.assumed : colour.missing;
  const doing = advice.length === 0 ? '' : `\nwhat to do\n${advice.join('')}`;
  return `${table}${doing}\n${shade(VERDICTS[verdict])}\n`;
}

function row(what: string, state: CheckState, found: string, advice: string | null = null): CheckRow {
  return { what, state, found, advice };
}

function maps({ counters }: StatsDocument): number {
  return (counters['ops.map'] ?? 0) + (counters['ops.map_pages'] ?? 0);
}

function unmaps({ counters }: StatsDocument): number {
  return (counters['ops.unmap'] ?? 0) + (counters['ops.unmap_pages'] ?? 0);
}

function operations(document: StatsDocument): CheckRow {
  const { counters, trace } = document;
  const raw = (counters['ops.map_pages'] ?? 0) + (counters['ops.unmap_pages'] ?? 0);
  const binds = counters['ops.bind'] ?? 0;
  const found = [
    plural(maps(document), 'map'),
    plural(unmaps(document), 'unmap'),
    ...(binds > 0 ? [plural(binds, 'bind')] : []),
    ...(raw > 0 ? ['raw io-pgtable calls'] : []),
  ].join(', ');
  if (trace.skippedLines > 0) {
    return row('events', 'missing', `${found}; ${plural(trace.skippedLines, 'line')} could not be read`);
  }
  if (trace.import?.unmapsOnly === true) {
    return row(
      'events',
      'missing',
      found,
      'not one map: it began late, or the kernel prints none (some of the 7.x series, VT-d and AMD there); probe the page-table calls instead',
    );
  }
  return row('events', 'ok', found);
}

function start({ counters, trace }: StatsDocument): CheckRow {
  const kinds = ['mapsOverLive', 'unmapsOfNothing', 'unmapsOfPart'];
  const conflicts = kinds.reduce((sum, kind) => sum + (counters[`conflicts.${kind}`] ?? 0), 0);
  const orphans = trace.import?.orphanReturns ?? 0;
  if (conflicts + orphans === 0) return row('beginning', 'ok', 'every unmap finds what it removes');
  const found = [
    conflicts === 0
      ? ''
      : `${plural(conflicts, 'event')} contradict those before, the first at line ${trace.firstConflict}`,
    orphans === 0 ? '' : `${plural(orphans, 'return')} without a call`,
  ].filter((text) => text !== '');
  return row(
    'beginning',
    'missing',
    found.join('; '),
    'record from boot on: trace_event=iommu:* (or kprobe_event=) and trace_buf_size= on the kernel command line; `pgtrace record --smmu --tool boot` prints it',
  );
}

function returns({ counters, trace }: StatsDocument): CheckRow {
  const checked = counters['returns.checked'] ?? 0;
  const equal = counters['returns.equal'] ?? 0;
  const unreturned = trace.import?.unreturned ?? 0;
  if (checked === 0) return row('returns', 'assumed', 'not recorded', 'probe the returns, too: they prove the replay');
  const found = `${grouped(equal)} of ${grouped(checked)} recorded returns are as the model has them`;
  if (equal !== checked) {
    return row('returns', 'missing', found, '`pgtrace replay` lists the findings; the first is where the two part');
  }
  if (unreturned > 0) return row('returns', 'assumed', `${found}; ${plural(unreturned, 'call')} without one`);
  return row('returns', 'ok', found);
}

function losses({ losses: lost, crossMismatches, crossMismatchLines }: ImportNotes): CheckRow {
  const found = [
    lost.overrun === 0 ? '' : `${plural(lost.overrun, 'event')} overwritten in the ring buffer`,
    lost.marks === 0 ? '' : `${plural(lost.marks, 'event')} dropped in between`,
    lost.gaps === 0 ? '' : `events dropped in ${plural(lost.gaps, 'place')}`,
    lost.lateStarts === 0 ? '' : `${plural(lost.lateStarts, 'CPU')} joined late`,
    crossMismatches === 0
      ? ''
      : `${plural(crossMismatches, 'request')} do not add up with the calls below them (line ${crossMismatchLines[0]})`,
  ].filter((text) => text !== '');
  if (found.length === 0) return row('losses', 'ok', 'none told');
  return row(
    'losses',
    'missing',
    found.join('; '),
    'a larger buffer: trace_buf_size=64M at boot, buffer_size_kb, trace-cmd -b, perf -m; it is for each CPU',
  );
}

function addressSpaces({ placement }: ImportNotes): CheckRow {
  const { by, requests, named, ambiguous, unknown } = placement;
  if (by === null) return row('address spaces', 'ok', 'named by the recording');
  if (by === 'dev')
    return row('address spaces', 'ok', `named by the device of dma:* events: ${plural(requests, 'request')}`);
  const rest = requests - named;
  const found = `${grouped(rest)} of ${plural(requests, 'request')} without a name; ${grouped(ambiguous)} ambiguous, ${grouped(unknown)} unknown`;
  return row(
    'address spaces',
    'assumed',
    found,
    'probe arm_lpae_map_pages (`pgtrace record --smmu`), or record dma:* beside iommu:* from Linux 6.12 on',
  );
}

function configuration({ configAssumed, guessedGranule, unknownQuirks }: ImportNotes): CheckRow {
  if (unknownQuirks !== 0) return row('configuration', 'assumed', 'recorded, with quirks that are not modelled');
  if (configAssumed === 0 && guessedGranule === 0) return row('configuration', 'ok', 'recorded');
  return row(
    'configuration',
    'assumed',
    `page sizes, ias and oas of ${plural(configAssumed, 'domain')} not recorded`,
    'probe arm_64_lpae_alloc_pgtable_s1 from boot on, or say it with --pgsizes, --ias, --oas',
  );
}

function protection({ protAssumed, protFromDirection }: ImportNotes): CheckRow {
  if (protAssumed + protFromDirection === 0) return row('protection', 'ok', 'recorded');
  const found = [
    protAssumed === 0 ? '' : `${plural(protAssumed, 'map')} without: read, write, cacheable`,
    protFromDirection === 0 ? '' : `${plural(protFromDirection, 'map')} by the direction of the transfer`,
  ].filter((text) => text !== '');
  return row(
    'protection',
    'assumed',
    found.join('; '),
    'only the probed calls hold prot=; it changes bits of leaves, no counts',
  );
}

function physical({ physicalAssumed }: ImportNotes): CheckRow {
  return row(
    'physical addresses',
    'assumed',
    `not recorded for ${plural(physicalAssumed, 'map')}: contiguous memory`,
    'large leaves depend on them; record iommu:map or probe the page-table calls',
  );
}

function laziness(): CheckRow {
  return row(
    'lazy unmaps',
    'assumed',
    'not recorded: each unmap is taken as strict',
    'boot with iommu.strict=1, or probe the gather',
  );
}
