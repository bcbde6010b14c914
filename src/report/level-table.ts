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
  const rows = levelRows(document);
  if (rows.length === 0) return [];
  const notes = levelNotes(document);
  return [
    renderColumns(rows, levelColumns(document), ink.bold) +
      notes.map((note) => wrapped(ink.dim(`${note}\n`), width, 2)).join(''),
  ];
}

/** The levels that ever had a table. */
export function levelRows({ counters }: StatsDocument): Level[] {
  return LEVELS.filter((level) => (counters[`tables.allocated.l${level}`] ?? 0) > 0);
}

/** What has to be known of levels in a driver's own format. */
export function levelNotes({ domains }: StatsDocument): string[] {
  const there = domains.filter((domain) => domain.config.granule !== null);
  return [...new Set(there.map(({ config }) => NOTES[config.format]))].filter((note) => note !== undefined);
}

/** What is told of each level. */
export function levelColumns({ counters, domains }: StatsDocument): Column<Level>[] {
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
  return [
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
}
