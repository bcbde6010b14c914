import { Chalk, type ChalkInstance } from 'chalk';
import { printable } from '../../base/printable.ts';
import { grouped, plural, readableBytes } from '../../base/sizes.ts';
import { CAUSES, type Cause } from '../../stats/engines/causes.ts';
import type { Differences, EngineDifference } from '../../stats/engines/engine-comparison.ts';
import { COMPARED_COUNTERS, type EnginesDocument, type EngineTrace } from '../../stats/engines/engine-document.ts';
import { metricOf } from '../../stats/metrics/metrics.ts';
import { type Column, renderColumns } from '../columns.ts';
import { wrapped } from '../wrap.ts';

/** Where the second line of a broken sentence begins. */
const HANG = 4;
const SHOWN = 10;

/** What `compare --engines` prints: for each trace the cost of both engines, what they answered differently, and why. */
export function renderEngines(document: EnginesDocument, color: boolean, width: number | null): string {
  const ink = new Chalk({ level: color ? 1 : 0 });
  return document.traces.map((trace) => renderTrace(trace, ink, width)).join('\n');
}

function renderTrace(trace: EngineTrace, ink: ChalkInstance, width: number | null): string {
  const { name, format, events, domains } = trace.trace;
  const [base, other] = trace.engines;
  const facts = `${printable(format)}, ${plural(events, 'event')}, ${plural(domains, 'domain')}`;
  const parts = [
    wrapped(`${ink.bold(printable(name))}  ${facts}\n`, width, HANG),
    renderColumns(costRows(trace), costColumns(base.engine, other.engine), ink.bold, width),
    ...differing('operation', trace.operations, [base.engine, other.engine], ink, width),
    ...differing('look-up', trace.lookups, [base.engine, other.engine], ink, width),
    ...left(trace, ink, width),
    wrapped(`${verdict(trace, ink)}\n`, width, HANG),
  ];
  return parts.join('\n');
}

interface CostRow {
  readonly key: string;
  readonly base: number;
  readonly other: number;
}

/** Counters that are 0 on both sides say nothing. */
function costRows({ engines: [base, other] }: EngineTrace): CostRow[] {
  const errors = [...new Set([base, other].flatMap(({ counters }) => Object.keys(counters)))]
    .filter((key) => key.startsWith('errors.'))
    .sort();
  return [...COMPARED_COUNTERS, ...errors]
    .map((key) => ({ key, base: base.counters[key] ?? 0, other: other.counters[key] ?? 0 }))
    .filter((row) => row.base !== 0 || row.other !== 0);
}

function costColumns(base: string, other: string): Column<CostRow>[] {
  return [
    { title: 'counter', align: 'left', cell: ({ key }) => key },
    { title: base, align: 'right', cell: (row) => figure(row.key, row.base) },
    { title: other, align: 'right', cell: (row) => figure(row.key, row.other) },
    { title: 'meaning', align: 'left', cell: ({ key }) => metricOf(key)?.help ?? '', spare: true },
  ];
}

function figure(key: string, value: number): string {
  return metricOf(key)?.unit === 'bytes' ? readableBytes(value) : grouped(value);
}

function differing(
  what: string,
  found: Differences<EngineDifference>,
  engines: readonly [string, string],
  ink: ChalkInstance,
  width: number | null,
): string[] {
  if (found.differing === 0) return [];
  const head = `${ink.yellow(plural(found.differing, what))} of ${grouped(found.compared)} differ\n`;
  const causes = (Object.entries(found.byCause) as [Cause, number][])
    .sort(([a], [b]) => a.localeCompare(b, 'en'))
    .map(([cause, count]) => wrapped(`  ${grouped(count)} x ${ink.bold(cause)}: ${CAUSES[cause]}\n`, width, HANG));
  const list = found.first.slice(0, SHOWN).map(({ line, domain, op, iova, size, answers, cause }) => {
    const where = `  line ${line}: ${printable(domain)} ${op} ${iova}, ${readableBytes(size)}`;
    const said = engines.map((engine, at) => `${engine} ${answers[at]}`).join(', ');
    return wrapped(`${where}: ${said} (${cause})\n`, width, HANG);
  });
  const more = found.differing - list.length;
  return [head + causes.join('') + list.join('') + (more > 0 ? `  and ${grouped(more)} more\n` : '')];
}

function left({ sweep, engines }: EngineTrace, ink: ChalkInstance, width: number | null): string[] {
  if (sweep.differing === 0) return [];
  const head = `${ink.yellow(readableBytes(sweep.differingBytes))} of ${readableBytes(sweep.bytes)} left mapped differently, in ${plural(sweep.differing, 'range')}\n`;
  const list = sweep.first.slice(0, SHOWN).map(({ domain, iova, size, answers }) => {
    const said = engines.map(({ engine }, at) => `${engine} ${answers[at]}`).join(', ');
    return wrapped(`  ${printable(domain)} ${iova}, ${readableBytes(size)}: ${said}\n`, width, HANG);
  });
  return [head + list.join('')];
}

function verdict({ agree, operations, lookups, sweep, engines, complete }: EngineTrace, ink: ChalkInstance): string {
  const [base, other] = engines;
  if (operations.compared === 0 && complete) {
    return `${ink.yellow('nothing to compare')}: no map and no unmap came to ${base.engine} or ${other.engine}`;
  }
  const looked = `${plural(operations.compared, 'operation')}, ${plural(lookups.compared, 'look-up')} beside them, ${plural(sweep.ranges, 'range')} at the end`;
  const part = complete ? '' : '; the trace was not replayed to its end';
  if (agree && !complete)
    return `${ink.yellow('not ok')}: incomplete; as far as it was replayed ${base.engine} and ${other.engine} answered alike: ${looked}`;
  if (agree) return `${ink.green('agree')}: ${base.engine} and ${other.engine} answered alike: ${looked}${part}`;
  const unexplained = (operations.byCause.unexplained ?? 0) + (lookups.byCause.unexplained ?? 0);
  const why = unexplained === 0 ? 'all of it explained' : `${grouped(unexplained)} of it unexplained`;
  return `${ink.red('differ')}: ${base.engine} and ${other.engine}, ${why}; ${looked}${part}`;
}
