import type { ChalkInstance } from 'chalk';
import { grouped, plural, readableBytes } from '../base/sizes.ts';
import { VIOLATIONS } from '../replay/findings.ts';
import type { StatsDocument, StrategyStats } from '../stats/document.ts';
import { type Column, renderColumns } from './columns.ts';
import { wrapped } from './wrap.ts';

const LEGEND =
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
  { title: 'zeroed', value: counter('alloc.zeroed'), text: readableBytes, optional: true, spare: true },
  { title: 'failed', value: failures, text: grouped, optional: true },
  { title: 'broken', value: broken, text: grouped, optional: true },
];

/** One row for each strategy, the best and the worst of every column marked, and what it means in words. */
export function strategyTable(document: StatsDocument, ink: ChalkInstance, width: number | null): string[] {
  const { strategies } = document;
  if (strategies === undefined) return [];
  const columns: Column<StrategyStats>[] = [
    { title: 'allocator', align: 'left', cell: ({ allocator }) => allocator },
    ...RANKED.map((ranked) => column(ranked, strategies)),
  ];
  const table = renderColumns(strategies, columns, ink.bold, width);
  return [`${coloured(table, ink)}${wrapped(ink.dim(LEGEND), width, 2)}`, wrapped(inWords(strategies, ink), width, 4)];
}

function column(ranked: Ranked, strategies: readonly StrategyStats[]): Column<StrategyStats> {
  const values = strategies.map(ranked.value).filter((value) => value !== null);
  const best = Math.min(...values);
  const worst = Math.max(...values);
  return {
    title: `${ranked.title} `,
    align: 'right',
    optional: ranked.optional ?? false,
    spare: ranked.spare ?? false,
    cell: (strategy) => {
      const value = ranked.value(strategy);
      if (value === null) return '- ';
      if (ranked.optional === true && worst === 0) return '';
      const mark = best === worst ? ' ' : value === best ? '*' : value === worst ? '!' : ' ';
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

/** The waste in per cent; null for a strategy that reserves nothing. */
function wastePercent({ counters }: StrategyStats): number | null {
  const reserved = counters['op.reserved'];
  return reserved === undefined || reserved === 0 ? null : (100 * counters['op.returned']) / reserved;
}

/** One decimal, but never a rounded 0 or 100. */
export function percentText(value: number): string {
  if (value > 99.9 && value < 100) return '>99.9 %';
  if (value > 0 && value < 0.1) return '<0.1 %';
  return `${value.toFixed(1)} %`;
}

function failures({ counters }: StrategyStats): number {
  return (counters['alloc.failedSubmit'] ?? 0) + (counters['alloc.failedRun'] ?? 0);
}

/** Broken promises of allocators and reservations. */
export function broken({ counters }: Pick<StrategyStats, 'counters'>): number {
  let sum = 0;
  for (const kind of VIOLATIONS) sum += counters[`findings.${kind}`] ?? 0;
  return sum;
}

/** Any operation takes any page of it: when nothing went wrong, that was luck. */
const UNGUARDED = 'shared-pool';

/** What a reader should take from the table, a line for each thought. */
function inWords(strategies: readonly StrategyStats[], ink: ChalkInstance): string {
  const calls = (strategy: StrategyStats): number => strategy.counters['alloc.callsInRun'] ?? 0;
  const quiet = strategies.filter((s) => calls(s) === 0 && broken(s) === 0 && failures(s) === 0);
  const guarded = quiet.filter(({ allocator }) => !allocator.startsWith(UNGUARDED));
  const lucky = quiet.filter(({ allocator }) => allocator.startsWith(UNGUARDED));
  const late = strategies.filter((s) => calls(s) > 0 && broken(s) === 0);
  return [
    ...guaranteed(guarded, ink),
    ...price(strategies, ink),
    ...(late.length === 0
      ? []
      : [
          `Ask for pages while operations run: ${late.map((s) => `${s.allocator} (${grouped(calls(s))})`).join(', ')}.`,
        ]),
    ...(lucky.length === 0 ? [] : [`${names(lucky)} came through by luck: any operation may take any page of it.`]),
    ...strategies.filter((s) => broken(s) > 0).map((s) => ink.red(`${s.allocator} broke its promise: ${kindsOf(s)}.`)),
  ]
    .map((line) => `${line}\n`)
    .join('');
}

function guaranteed(safe: readonly StrategyStats[], ink: ChalkInstance): string[] {
  if (safe.length === 0) return ['No strategy here had all its pages before its operations ran.'];
  const memory = ({ counters }: StrategyStats): number => counters['alloc.heldPeak'] ?? 0;
  const least = safe.reduce((a, b) => (memory(b) < memory(a) ? b : a));
  const equal = safe.every((strategy) => memory(strategy) === memory(least));
  const cost = `${readableBytes(memory(least))} at most`;
  const text = equal
    ? `${safe.length > 1 ? 'each ' : ''}${cost}`
    : `the least memory takes ${least.allocator}, ${cost}`;
  return [`Had every page before the operation ran: ${ink.green(names(safe))} (${text}).`];
}

/** What the reservation that wasted most has cost. */
function price(strategies: readonly StrategyStats[], ink: ChalkInstance): string[] {
  const wasteful = strategies.filter(({ counters }) => (counters['op.returned'] ?? 0) > 0);
  if (wasteful.length === 0) return [];
  const worst = wasteful.reduce((a, b) => ((wastePercent(b) ?? 0) > (wastePercent(a) ?? 0) ? b : a));
  const { counters } = worst;
  const waste = `${percentText(wastePercent(worst) ?? 0)} waste`;
  return [
    `The price: ${worst.allocator} reserved ${plural(counters['op.reserved'], 'page')} to use ${grouped(counters['op.used'])} (${ink.bold(waste)}), ${plural(counters['op.unusedPeak'], 'page')} idle at once.`,
  ];
}

function kindsOf({ counters }: StrategyStats): string {
  return [...VIOLATIONS]
    .map((kind) => [kind, counters[`findings.${kind}`] ?? 0] as const)
    .filter(([, count]) => count > 0)
    .map(([kind, count]) => `${grouped(count)} ${kind}`)
    .join(', ');
}

function names(strategies: readonly StrategyStats[]): string {
  return strategies.map(({ allocator }) => allocator).join(', ');
}
