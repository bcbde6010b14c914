import type { ChalkInstance } from 'chalk';
import { exactSize, grouped } from '../base/sizes.ts';
import type { StatsDocument } from '../stats/document.ts';
import { type Column, renderColumns } from './columns.ts';
import { LEVELS } from './counter-text.ts';

type Level = (typeof LEVELS)[number];

/** Tables and leaves by level, over all domains; nothing when no table was made. */
export function levelTable(document: StatsDocument, ink: ChalkInstance): string[] {
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
  const granules = new Set(domains.map((domain) => domain.config.granule).filter((granule) => granule !== null));
  const [granule] = granules;
  const columns: Column<Level>[] = [
    { title: 'level', align: 'left', cell: (level) => `L${level}` },
    {
      title: 'entry maps',
      align: 'right',
      // Domains of different granules have no entry size in common.
      cell: (level) => (granules.size === 1 ? exactSize(granule * (granule / 8) ** (3 - level)) : '-'),
      optional: true,
    },
    count('tables peak', 'tables.peak'),
    count('live', 'tables.live'),
    count('allocated', 'tables.allocated'),
    count('freed', 'tables.freed'),
    count('leaves', 'leaves.live'),
  ];
  return [renderColumns(rows, columns, ink.bold)];
}
