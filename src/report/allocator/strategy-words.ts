import type { ChalkInstance } from 'chalk';
import { grouped, plural, readableBytes } from '../../base/sizes.ts';
import type { StrategyStats } from '../../stats/document.ts';
import { brokenKinds, callsInRun, failures, held, percentText, wastePercent } from './strategy-figures.ts';

/** Any operation takes any page of it: when nothing went wrong, that was luck. */
const UNGUARDED = 'shared-pool';

/** What a reader should take from the table of strategies, a line for each thought. */
export function inWords(strategies: readonly StrategyStats[], ink: ChalkInstance): string {
  const quiet = strategies.filter((s) => callsInRun(s) === 0 && held(s));
  const guarded = quiet.filter(({ allocator }) => !allocator.startsWith(UNGUARDED));
  const lucky = quiet.filter(({ allocator }) => allocator.startsWith(UNGUARDED));
  const late = strategies.filter((s) => callsInRun(s) > 0 && held(s));
  const lines = [
    guaranteed(guarded, ink),
    ...price(strategies.filter(held), ink),
    ...(late.length === 0
      ? []
      : [
          `Ask for pages while operations run: ${late.map((s) => `${s.allocator} (${grouped(callsInRun(s))})`).join(', ')}.`,
        ]),
    ...(lucky.length === 0 ? [] : [`${names(lucky)} came through by luck: any operation may take any page of it.`]),
    ...strategies.filter((s) => !held(s)).map((s) => ink.red(`${s.allocator} did not hold: ${faultsOf(s)}.`)),
    ...policies(strategies, ink),
  ];
  return lines.map((line) => `${line}\n`).join('');
}

function guaranteed(safe: readonly StrategyStats[], ink: ChalkInstance): string {
  if (safe.length === 0) return 'No strategy here had all its pages before its operations ran.';
  const memory = ({ counters }: StrategyStats): number => counters['alloc.heldPeak'] ?? 0;
  const least = safe.reduce((a, b) => (memory(b) < memory(a) ? b : a));
  const equal = safe.every((strategy) => memory(strategy) === memory(least));
  const cost = `${readableBytes(memory(least))} at most`;
  const text = equal
    ? `${safe.length > 1 ? 'each ' : ''}${cost}`
    : `${least.allocator} takes the least memory, ${cost}`;
  return `Had every page before the operation ran: ${ink.green(names(safe))} (${text}).`;
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

/** What the reservations and grace periods around all strategies broke: the same in every row, or whose it is. */
function policies(strategies: readonly StrategyStats[], ink: ChalkInstance): string[] {
  const texts = strategies.map((strategy) => kindsText(brokenKinds(strategy, false)));
  if (texts.every((text) => text === '')) return [];
  if (texts.every((text) => text === texts[0])) return [ink.red(`Broken under every allocator: ${texts[0]}.`)];
  return strategies
    .map(({ allocator }, i) => [allocator, texts[i]] as const)
    .filter(([, text]) => text !== '')
    .map(([allocator, text]) => ink.red(`Broken under ${allocator}: ${text}.`));
}

function faultsOf(strategy: StrategyStats): string {
  const parts = [kindsText(brokenKinds(strategy, true))].filter((text) => text !== '');
  if (failures(strategy) > 0) parts.push(`${plural(failures(strategy), 'operation')} without pages`);
  return parts.join(', ');
}

function kindsText(kinds: readonly (readonly [string, number])[]): string {
  return kinds.map(([kind, count]) => `${grouped(count)} ${kind}`).join(', ');
}

function names(strategies: readonly StrategyStats[]): string {
  return strategies.map(({ allocator }) => allocator).join(', ');
}
