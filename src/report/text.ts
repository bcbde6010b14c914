import { Chalk, type ChalkInstance } from 'chalk';
import { printable } from '../base/printable.ts';
import { exactSize, grouped, plural, readableBytes } from '../base/sizes.ts';
import type { DomainStats, StatsDocument } from '../stats/document.ts';
import { type Column, renderColumns } from './columns.ts';
import { importNotes } from './notes.ts';

export interface TextStyle {
  /** The trace as the user named it. */
  readonly name: string;
  readonly color: boolean;
}

/** Rows of the per-domain tables; a trace may have thousands of domains. */
const DOMAIN_ROWS = 40;
const FINDING_ROWS = 10;
const LEVELS = [0, 1, 2, 3];

/** The summary that `replay` prints: what the tables cost, in total and per domain, and whether anything is wrong. */
export function renderText(document: StatsDocument, style: TextStyle): string {
  const ink = new Chalk({ level: style.color ? 1 : 0 });
  const parts = [header(document, style, ink), totals(document, ink)];
  if (document.domains.length > 0) parts.push(...domainTables(document.domains, ink));
  const refused = document.domains.filter((domain) => domain.refused !== null);
  if (refused.length > 0) {
    parts.push(refused.map((d) => `${ink.yellow('refused')}  ${printable(d.id)}: ${d.refused}\n`).join(''));
  }
  if (document.findings.length > 0) parts.push(findingRows(document, ink));
  const notes = importNotes(document);
  if (notes.length > 0) parts.push(notes.map((note) => `${ink.dim('note')}  ${note}\n`).join(''));
  parts.push(verdictLine(document, ink));
  return parts.join('\n');
}

function header(document: StatsDocument, style: TextStyle, ink: ChalkInstance): string {
  const { trace, config } = document;
  const layer = trace.import?.layer;
  const what = [
    trace.format,
    ...(layer === 'pgtable' ? ['raw io-pgtable calls'] : layer === 'iommu' ? ['iommu requests'] : []),
    plural(trace.events, 'event'),
    plural(document.domains.length, 'domain'),
  ];
  const shapes = new Set(document.domains.map(shapeOf));
  const model = [
    `kernel ${config.kernel}`,
    `allocator ${config.allocator}`,
    `flush ${config.flush}`,
    ...(shapes.size === 1 ? [[...shapes][0]] : []),
  ];
  return `${ink.bold(printable(style.name))}  ${what.join(', ')}\n${ink.dim(model.join(', '))}\n`;
}

/** Format, granule and address sizes in one short text. */
function shapeOf(domain: DomainStats): string {
  const { config } = domain;
  const extras = [...config.quirks, ...(config.coherent ? [] : ['non-coherent'])];
  const granule = config.granule === null ? config.pgsizes : exactSize(config.granule);
  return [config.format, granule, `ias ${config.ias}`, `oas ${config.oas}`, ...extras].join(' ');
}

function totals(document: StatsDocument, ink: ChalkInstance): string {
  const n = (key: string): number => document.counters[key] ?? 0;
  const number = (key: string): string => grouped(n(key));
  const memory = n('memory.occupied');
  const mapped = n('mapped.live');
  const share = mapped === 0 ? '' : ` for ${readableBytes(mapped)} mapped (${percent(memory, mapped)})`;
  const ops = Object.entries(document.counters)
    .filter(([key]) => key.startsWith('ops.'))
    .map(([key, count]) => `${grouped(count)} ${key.slice(4)}`);
  const errors = Object.entries(document.counters)
    .filter(([key]) => key.startsWith('errors.'))
    .map(([key, count]) => `${grouped(count)} ${key.slice(7)}`);
  const commands =
    document.config.flush === 'none'
      ? ''
      : `, ${ink.bold(number('tlb.commands'))} commands, ${number('tlb.commandSyncs')} command syncs`;
  const rows: [string, string][] = [
    [
      'tables',
      `${ink.bold(number('tables.peak'))} at most, ${number('tables.live')} live, ${number('tables.allocated')} allocated, ${number('tables.freed')} freed, ${number('tables.empty')} empty`,
    ],
    ['memory', `${ink.bold(readableBytes(memory))} of tables${share}`],
    [
      'leaves',
      `${leavesText(document.domains)}; ${number('leaves.written')} written, ${number('leaves.cleared')} cleared`,
    ],
    [
      'tlb',
      `${plural(n('tlb.flushWalks'), 'walk flush', 'walk flushes')}, ${plural(n('tlb.iotlbSyncs'), 'gather')} of ${plural(n('tlb.addPages'), 'page')}${commands}`,
    ],
    [
      'operations',
      [
        ops.length === 0 ? 'none' : ops.join(', '),
        ...(errors.length === 0 ? [] : [`failed: ${errors.join(', ')}`]),
      ].join('; '),
    ],
  ];
  if (n('walker.ptSyncs') > 0)
    rows.push([
      'walker',
      `${number('walker.ptSyncs')} cache cleans of table memory, ${number('walker.dmaMaps')} DMA maps`,
    ]);
  return rows.map(([name, text]) => `${name.padEnd(12)}${text}\n`).join('');
}

/** `42 x 2M, 2,562 x 4K` over domains whose granules may differ. */
function leavesText(domains: readonly DomainStats[]): string {
  const bySize = new Map<number, number>();
  for (const domain of domains) {
    const { granule } = domain.config;
    if (granule === null) continue;
    for (const level of LEVELS) {
      const count = domain.counters[`leaves.live.l${level}`] ?? 0;
      const size = granule * (granule / 8) ** (3 - level);
      if (count > 0) bySize.set(size, (bySize.get(size) ?? 0) + count);
    }
  }
  const parts = [...bySize].sort(([a], [b]) => b - a).map(([size, count]) => `${grouped(count)} x ${exactSize(size)}`);
  return parts.length === 0 ? 'none' : parts.join(', ');
}

interface Row {
  readonly name: string;
  readonly domain: DomainStats;
}

function domainTables(domains: readonly DomainStats[], ink: ChalkInstance): string[] {
  if (domains.length < 2) return [];
  const rows: Row[] = domains
    .slice(0, DOMAIN_ROWS)
    .map((domain) => ({ name: printable(domain.id) + (domain.destroyed ? ' (destroyed)' : ''), domain }));
  const count = (title: string, key: string, optional = true): Column<Row> => ({
    title,
    align: 'right',
    cell: ({ domain }) => grouped(domain.counters[key] ?? 0),
    optional,
  });
  const shapes = new Set(domains.map(shapeOf));
  const name: Column<Row> = { title: 'domain', align: 'left', cell: (row) => row.name };
  const tables: Column<Row>[] = [
    name,
    count('peak', 'tables.peak', false),
    count('live', 'tables.live', false),
    {
      title: 'L0/L1/L2/L3',
      align: 'right',
      cell: ({ domain }) => LEVELS.map((l) => domain.counters[`tables.live.l${l}`] ?? '-').join('/'),
    },
    count('allocated', 'tables.allocated'),
    count('freed', 'tables.freed'),
    count('empty', 'tables.empty'),
    { title: 'table memory', align: 'right', cell: ({ domain }) => readableBytes(domain.counters['memory.occupied']) },
    { title: 'mapped', align: 'right', cell: ({ domain }) => readableBytes(domain.counters['mapped.live']) },
    { title: 'leaves', align: 'left', cell: ({ domain }) => leavesText([domain]) },
  ];
  const work: Column<Row>[] = [
    name,
    { title: 'operations', align: 'right', cell: ({ domain }) => grouped(operations(domain)) },
    count('walk flushes', 'tlb.flushWalks'),
    count('gathers', 'tlb.iotlbSyncs'),
    count('pages', 'tlb.addPages'),
    count('commands', 'tlb.commands'),
    count('command syncs', 'tlb.commandSyncs'),
    count('cache cleans', 'walker.ptSyncs'),
    count('warnings', 'warns.total'),
    { title: 'failed', align: 'right', cell: ({ domain }) => grouped(failures(domain)), optional: true },
    ...(shapes.size === 1
      ? []
      : [{ title: 'configuration', align: 'left', cell: ({ domain }: Row) => shapeOf(domain) } as Column<Row>]),
  ];
  const rest = domains.length - rows.length;
  const more = rest === 0 ? '' : ink.dim(`... and ${plural(rest, 'domain')} more; --json lists all\n`);
  return [renderColumns(rows, tables, ink.bold) + more, renderColumns(rows, work, ink.bold) + more];
}

function sumOf(domain: DomainStats, prefix: string): number {
  return Object.entries(domain.counters).reduce((sum, [key, value]) => (key.startsWith(prefix) ? sum + value : sum), 0);
}

function operations(domain: DomainStats): number {
  return sumOf(domain, 'ops.');
}

function failures(domain: DomainStats): number {
  return sumOf(domain, 'errors.');
}

function findingRows(document: StatsDocument, ink: ChalkInstance): string {
  const shown = document.findings.slice(0, FINDING_ROWS);
  const total = sumFindings(document);
  const lines = shown.map(
    (f) =>
      `${ink.red(f.kind)}  line ${f.line}, event ${f.seq}, domain ${printable(f.domain)}: ${printable(f.message)}\n`,
  );
  const rest = total - shown.length;
  if (rest > 0) lines.push(ink.dim(`... and ${plural(rest, 'finding')} more; --json lists the first of each kind\n`));
  return lines.join('');
}

function sumFindings(document: StatsDocument): number {
  return Object.entries(document.counters).reduce(
    (sum, [key, count]) => (key.startsWith('findings.') ? sum + count : sum),
    0,
  );
}

function verdictLine(document: StatsDocument, ink: ChalkInstance): string {
  const n = (key: string): number => document.counters[key] ?? 0;
  const findings = sumFindings(document);
  const checked = n('returns.checked');
  const clauses = [
    ...(document.complete ? [] : [ink.red('incomplete: the trace could not be read to its end')]),
    ...(document.trace.skippedLines === 0
      ? []
      : [ink.yellow(`${plural(document.trace.skippedLines, 'line')} skipped`)]),
    ...(checked === 0
      ? []
      : [`${grouped(n('returns.equal'))} of ${grouped(checked)} recorded returns equal the model's`]),
    n('warns.total') === 0
      ? 'no kernel warnings'
      : ink.yellow(`${plural(n('warns.total'), 'kernel warning')} (${warnText(document)})`),
    findings === 0 ? 'no findings' : ink.red(plural(findings, 'finding')),
  ];
  const good = document.complete && findings === 0;
  return `${good ? ink.green('ok') : ink.red('not ok')}: ${clauses.join('; ')}\n`;
}

function warnText(document: StatsDocument): string {
  return Object.entries(document.counters)
    .filter(([key]) => key.startsWith('warns.') && key !== 'warns.total')
    .map(([key, count]) => `${grouped(count)} ${key.slice(6)}`)
    .join(', ');
}

function percent(part: number, whole: number): string {
  const value = (100 * part) / whole;
  return `${value >= 10 ? value.toFixed(0) : value.toFixed(2)} %`;
}
