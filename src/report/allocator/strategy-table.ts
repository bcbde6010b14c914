import type { ChalkInstance } from 'chalk';
import { grouped, readableBytes } from '../../base/sizes.ts';
import type { StatsDocument, StrategyStats } from '../../stats/document.ts';
import { type Column, renderColumns } from '../columns.ts';
import { wrapped } from '../wrap.ts';
import { broken, failures, held, percentText, wastePercent } from './strategy-figures.ts';
import { inWords } from './strategy-words.ts';

export const STRATEGY_LEGEND =
  '* best, ! worst of its column; in run: requests for pages while an operation ran; idle: reserved and not used\n';

/** A column whose best and worst cells are marked. */
interface Ranked {
  readonly title: string;
  readonly value: (strategy: StrategyStats) => number | null;
  readonly text: (value: number) => string;
  readonly optional?: boolean;
  readonly spare?: boolean;
}

const counter =
  (key: string) =>
  (strategy: StrategyStats): number | null =>
    strategy.counters[key] ?? null;

/** What the argument is about: how much is promised in vain, and who still asks for pages when it is too late. */
const RANKED: readonly Ranked[] = [
  { title: 'in run', value: counter('alloc.callsInRun'), text: grouped },
  { title: 'reserved', value: counter('op.reserved'), text: grouped },
  { title: 'waste', value: wastePercent, text: percentText },
  { title: 'idle peak', value: counter('op.unusedPeak'), text: grouped },
  { title: 'peak memory', value: counter('alloc.heldPeak'), text: readableBytes },
  { title: 'calls', value: counter('alloc.calls'), text: grouped, spare: true },
  { title: 'pages', value: counter('alloc.pages'), text: grouped, spare: true },
  { title: 'hypercalls', value: counter('alloc.hypercalls'), text: grouped, optional: true, spare: true },
  { title: 'zeroed', value: counter('alloc.zeroed'), text: readableBytes, optional: true, spare: true },
  { title: 'failed', value: failures, text: grouped, optional: true },
  { title: 'broken', value: broken, text: grouped, optional: true },
];

/** One row for each strategy, the best and the worst of every column marked, and what it means in words. */
export function strategyTable(document: StatsDocument, ink: ChalkInstance, width: number | null): string[] {
  const { strategies } = document;
  if (strategies === undefined) return [];
  const table = renderColumns(strategies, strategyColumns(strategies), ink.bold, width);
  return [
    `${coloured(table, ink)}${wrapped(ink.dim(STRATEGY_LEGEND), width, 2)}`,
    wrapped(inWords(strategies, ink), width, 4),
  ];
}

/** What is told of each strategy; cells end in `*` for the best and `!` for the worst of their column. */
export function strategyColumns(strategies: readonly StrategyStats[]): Column<StrategyStats>[] {
  return [
    { title: 'allocator', align: 'left', cell: ({ allocator }) => allocator },
    ...RANKED.map((ranked) => column(ranked, strategies)),
  ];
}

function column(ranked: Ranked, strategies: readonly StrategyStats[]): Column<StrategyStats> {
  const values = strategies.map(ranked.value).filter((value) => value !== null);
  // What failed may look cheap: it did not do the work.
  const sound = strategies
    .filter(held)
    .map(ranked.value)
    .filter((value) => value !== null);
  const best = Math.min(...sound);
  const worst = Math.max(...values);
  const alike = ranked.text(best) === ranked.text(worst);
  return {
    title: `${ranked.title} `,
    align: 'right',
    optional: ranked.optional ?? false,
    spare: ranked.spare ?? false,
    cell: (strategy) => {
      const value = ranked.value(strategy);
      if (value === null) return ranked.optional === true ? '' : '- ';
      if (ranked.optional === true && worst === 0) return '';
      const mark = alike ? ' ' : value === best && held(strategy) ? '*' : value === worst ? '!' : ' ';
      return `${ranked.text(value)}${mark}`;
    },
  };
}

/** Colours marked cells after the table was laid out: colour codes would count as width. */
function coloured(table: string, ink: ChalkInstance): string {
  return table
    .replace(/[^\s]+(?: (?:%|[KMGTP]?i?B))?\*/g, (cell) => ink.green(cell))
    .replace(/[^\s]+(?: (?:%|[KMGTP]?i?B))?!/g, (cell) => ink.red(cell));
}
