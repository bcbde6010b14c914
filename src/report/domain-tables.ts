import type { ChalkInstance } from 'chalk';
import { printable } from '../base/printable.ts';
import { grouped, plural, readableBytes } from '../base/sizes.ts';
import type { DomainStats } from '../stats/document.ts';
import { type Column, renderColumns } from './columns.ts';
import { LEVELS, leavesText, shapeOf, sumUnder } from './counter-text.ts';

/** Rows at most; a trace may have thousands of domains. */
export const DOMAIN_ROWS = 40;
const NAME_WIDTH = 40;

/** One table of what the domains' tables hold, one of the work behind them; nothing for a single domain. */
export function domainTables(domains: readonly DomainStats[], ink: ChalkInstance, width: number | null): string[] {
  if (domains.length < 2) return [];
  const rows = domains.slice(0, DOMAIN_ROWS);
  const rest = domains.length - rows.length;
  const more = rest === 0 ? '' : ink.dim(`... and ${plural(rest, 'domain')} more; --json lists all\n`);
  return [
    renderColumns(rows, TABLE_COLUMNS, ink.bold, width) + more,
    renderColumns(rows, workColumns(domains), ink.bold, width) + more,
  ];
}

/** What is told of each domain's work, and its configuration where they differ. */
export function workColumns(domains: readonly DomainStats[]): readonly DomainColumn[] {
  return new Set(domains.map(shapeOf)).size === 1 ? WORK_COLUMNS : [...WORK_COLUMNS, SHAPE];
}

type DomainColumn = Column<DomainStats>;

function count(title: string, key: string, optional = true): DomainColumn {
  return { title, align: 'right', cell: (domain) => grouped(domain.counters[key] ?? 0), optional };
}

function nameOf(domain: DomainStats): string {
  const name = domain.id.trim() === '' ? JSON.stringify(domain.id) : printable(domain.id);
  const short = name.length > NAME_WIDTH ? `${name.slice(0, NAME_WIDTH - 3)}...` : name;
  return domain.destroyed ? `${short} (destroyed)` : short;
}

const NAME: DomainColumn = { title: 'domain', align: 'left', cell: nameOf };
const SHAPE: DomainColumn = { title: 'configuration', align: 'left', cell: shapeOf, spare: true };

/** What is told of each domain's tables. */
export const TABLE_COLUMNS: readonly DomainColumn[] = [
  NAME,
  count('peak', 'tables.peak', false),
  count('live', 'tables.live', false),
  {
    title: 'L0/L1/L2/L3',
    align: 'right',
    cell: (domain) => LEVELS.map((level) => domain.counters[`tables.live.l${level}`] ?? '-').join('/'),
  },
  { ...count('allocated', 'tables.allocated'), spare: true },
  { ...count('freed', 'tables.freed'), spare: true },
  count('empty', 'tables.empty'),
  { title: 'table memory', align: 'right', cell: (domain) => readableBytes(domain.counters['memory.occupied']) },
  { title: 'mapped', align: 'right', cell: (domain) => readableBytes(domain.counters['mapped.live']) },
  { title: 'leaves', align: 'left', cell: (domain) => leavesText([domain]), spare: true },
];

const WORK_COLUMNS: readonly DomainColumn[] = [
  NAME,
  { title: 'operations', align: 'right', cell: (domain) => grouped(sumUnder(domain.counters, 'ops.')) },
  count('walk flushes', 'tlb.flushWalks'),
  count('gathers', 'tlb.iotlbSyncs'),
  count('pages', 'tlb.addPages'),
  count('commands', 'tlb.commands'),
  count('command syncs', 'tlb.commandSyncs'),
  count('cache cleans', 'walker.ptSyncs'),
  count('warnings', 'warns.total'),
  {
    title: 'failed',
    align: 'right',
    cell: (domain) => grouped(sumUnder(domain.counters, 'errors.')),
    optional: true,
  },
];
