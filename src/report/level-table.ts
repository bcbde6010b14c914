import type { ChalkInstance } from 'chalk';
import { exactSize, grouped } from '../base/sizes.ts';
import type { StatsDocument } from '../stats/document.ts';
import { type Column, renderColumns } from './columns.ts';
import { entrySpan, LEVELS } from './counter-text.ts';
import { wrapped } from './wrap.ts';

type Level = (typeof LEVELS)[number];

/** What the levels of a driver's own format do not say by themselves. */
const NOTES: Readonly<Record<string, string>> = {
  nouveau:
    'nouveau: L0 is PD2 and the root above it, whose one entry in use maps 128T; tables of L3 have entries of 4K or of 64K',
};

/** Tables and leaves by level, over all domains; nothing when no table was made. */
export function levelTable(document: StatsDocument, ink: ChalkInstance, width: number | null): string[] {
  const { counters, domains } = document;
  const rows = LEVELS.filter((level) => (counters[`tables.allocated.l${level}`] ?? 0) > 0);
  if (rows.length === 0) return [];
  const count = (title: string, key: string): Column<Level> => ({
    title,
    align: 'right',
    cell: (level) => {
      const value = counters[`${key}.l${level}`];
      return value === undefined ? '-' : grouped(value);
    },
    optional: true,
  });
  const there = domains.filter((domain) => domain.config.granule !== null);
  const columns: Column<Level>[] = [
    { title: 'level', align: 'left', cell: (level) => `L${level}` },
    {
      title: 'entry maps',
      align: 'right',
      cell: (level) => {
        // Domains of different granules or formats have no entry size in common.
        const having = there.filter((domain) => domain.counters[`tables.allocated.l${level}`] !== undefined);
        const spans = new Set(having.map((domain) => entrySpan(domain, level)));
        const [span] = spans;
        return spans.size !== 1 || span === null ? '-' : exactSize(span);
      },
      optional: true,
    },
    count('tables peak', 'tables.peak'),
    count('live', 'tables.live'),
    count('allocated', 'tables.allocated'),
    count('freed', 'tables.freed'),
    count('leaves', 'leaves.live'),
  ];
  const notes = [...new Set(there.map(({ config }) => NOTES[config.format]))].filter((note) => note !== undefined);
  return [
    renderColumns(rows, columns, ink.bold) + notes.map((note) => wrapped(ink.dim(`${note}\n`), width, 2)).join(''),
  ];
}
