import { printable } from '../../../base/printable.ts';
import { plural } from '../../../base/sizes.ts';
import type { StatsDocument, StrategyStats } from '../../../stats/document.ts';
import { STRATEGY_LEGEND, strategyColumns } from '../../allocator/strategy-table.ts';
import { inWords } from '../../allocator/strategy-words.ts';
import { DOMAIN_ROWS, TABLE_COLUMNS, workColumns } from '../../domain-tables.ts';
import { DRIVER_NAME, driverColumns } from '../../gpu/driver-table.ts';
import { driversInWords } from '../../gpu/driver-words.ts';
import { mapleTable } from '../../gpu/maple-table.ts';
import { levelColumns, levelNotes, levelRows } from '../../level-table.ts';
import { importNotes } from '../../notes.ts';
import { rangeTable } from '../../range-table.ts';
import { comparesDrivers } from '../../text.ts';
import { INK, inked, paragraphs, text } from '../markup.ts';
import { htmlTable } from '../table.ts';
import type { Part } from './section.ts';

/** Allocators or GPU drivers side by side, and what a reader should take from it. */
export function comparison(document: StatsDocument): Part[] {
  const { strategies } = document;
  if (strategies === undefined) return [];
  if (comparesDrivers(document)) {
    const { figures, hardware } = driverColumns(strategies);
    const table = htmlTable(
      strategies,
      [DRIVER_NAME, ...figures, hardware],
      'GPU drivers that replayed the same binds',
    );
    const words = paragraphs(driversInWords(document, strategies, INK));
    return [{ name: 'drivers', title: 'Drivers side by side', content: table + words }];
  }
  const table = htmlTable(strategies, strategyColumns(strategies), text(STRATEGY_LEGEND.trim()), marked);
  return [
    { name: 'allocators', title: 'Allocators side by side', content: table + paragraphs(inWords(strategies, INK)) },
  ];
}

/** The best and the worst of a column stand out. */
function marked(_strategy: StrategyStats, cell: string): string {
  if (cell.endsWith('*')) return `<span class="good">${text(cell)}</span>`;
  if (cell.endsWith('!')) return `<span class="bad">${text(cell)}</span>`;
  return text(cell);
}

/** Tables and leaves by level. */
export function levels(document: StatsDocument): Part[] {
  const rows = levelRows(document);
  if (rows.length === 0 || document.strategies !== undefined) return [];
  const notes = levelNotes(document).map((note) => `<p class="note">${text(note)}</p>\n`);
  const table = htmlTable(rows, levelColumns(document), 'Tables and leaves by level, over all domains');
  return [{ name: 'levels', title: 'By level', content: table + notes.join('') }];
}

/** What the domains' tables hold, and the work behind them. */
export function domains(document: StatsDocument): Part[] {
  const all = document.domains;
  const refused = comparesDrivers(document) ? [] : all.filter((domain) => domain.refused !== null);
  const reasons = refused
    .slice(0, DOMAIN_ROWS)
    .map(
      (domain) =>
        `<p class="note"><span class="warn">refused</span> ${text(domain.id)}: ${text(domain.refused ?? '')}</p>\n`,
    );
  if (refused.length > reasons.length) {
    const more = plural(refused.length - reasons.length, 'domain');
    reasons.push(`<p class="note">... and ${more} more refused; --json lists all</p>\n`);
  }
  if (document.strategies !== undefined || (all.length < 2 && reasons.length === 0)) return [];
  const rows = all.slice(0, DOMAIN_ROWS);
  const rest = all.length - rows.length;
  const more = rest === 0 ? '' : `<p class="note">... and ${plural(rest, 'domain')} more; --json lists all</p>\n`;
  const content = [
    htmlTable(rows, TABLE_COLUMNS, 'What the tables hold'),
    htmlTable(rows, workColumns(all), 'The work behind them'),
    more,
    ...reasons,
  ];
  return [{ name: 'domains', title: 'By domain', content: content.join('') }];
}

/** IOVA reservations where they were asked for, the maple tree where it was modelled. */
export function extras(document: StatsDocument, reservations: boolean): Part[] {
  const plain = (name: string, title: string, blocks: readonly string[]): Part[] =>
    blocks.length === 0
      ? []
      : [{ name, title, content: blocks.map((block) => `<pre>${inked(block)}</pre>\n`).join('') }];
  return [
    ...plain('reservations', 'IOVA reservations', reservations ? rangeTable(document, INK, null) : []),
    ...plain('maple', 'Maple tree of the VMAs', mapleTable(document, INK, null)),
  ];
}

/** What was assumed or left out while reading. */
export function notes(document: StatsDocument): Part[] {
  const lines = importNotes(document);
  if (lines.length === 0) return [];
  const items = lines.map((line) => `<li>${text(printable(line))}</li>\n`);
  return [{ name: 'notes', title: 'Notes', content: `<ul class="notes">\n${items.join('')}</ul>\n` }];
}
