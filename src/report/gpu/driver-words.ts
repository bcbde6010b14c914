import type { ChalkInstance } from 'chalk';
import { printable } from '../../base/printable.ts';
import { grouped, plural, readableBytes } from '../../base/sizes.ts';
import type { StatsDocument, StrategyStats } from '../../stats/document.ts';
import { percentText, wastePercent } from '../allocator/strategy-figures.ts';
import { sumUnder, under } from '../counter-text.ts';

/** Findings that mean that a driver did not do what it was asked for, whatever it returned. */
const UNDONE = ['false-success', 'null-dereference', 'vm-unusable'] as const;

/** What a row of the comparison is called. */
export function driverName({ driver, allocator }: StrategyStats): string {
  return driver ?? allocator;
}

/**
 * Runs whose figures say nothing beside the others': an address space was refused, or the replay did not take all the events
 * that others took.
 */
export function emptyRuns(runs: readonly StrategyStats[]): ReadonlySet<StrategyStats> {
  const all = Math.max(...runs.map(taken));
  return new Set(runs.filter((run) => refusals(run).size > 0 || taken(run) < all));
}

/** What a reader should take from the table of drivers, a line for each thought: only what is alike is compared. */
export function driversInWords(document: StatsDocument, runs: readonly StrategyStats[], ink: ChalkInstance): string {
  const empty = emptyRuns(runs);
  const all = Math.max(...runs.map(taken));
  const lines: string[] = [];
  const whole = runs.filter((run) => !empty.has(run));
  const bound = whole.filter(({ counters }) => (counters['bind.jobs'] ?? 0) > 0);
  if (!document.complete) lines.push('The trace was not replayed to its end: nothing is compared.');
  else if (whole.length > 0 && bound.length === 0) {
    lines.push('The trace has no binds, so it tells nothing about drivers: nothing is compared.');
  } else {
    const sound = bound.filter((run) => faults(run) === '');
    lines.push(...memoryLine(sound, sound.length === runs.length, ink), ...wasteLine(sound, ink));
  }
  for (const run of runs) {
    const name = driverName(run);
    const refused = refusals(run);
    for (const [reason, ids] of refused) lines.push(ink.yellow(`${name} refused ${domainsText(ids)}: ${reason}.`));
    if (refused.size === 0 && empty.has(run)) {
      lines.push(
        ink.yellow(`${name} took ${grouped(taken(run))} of the ${plural(all, 'operation')}: its row is empty.`),
      );
    }
    if (faults(run) !== '') lines.push(ink.red(`${name} refused or failed: ${faults(run)}.`));
  }
  return lines.map((line) => `${line}\n`).join('');
}

function memoryLine(sound: readonly StrategyStats[], all: boolean, ink: ChalkInstance): string[] {
  if (sound.length < 2) return [];
  const memory = ({ counters }: StrategyStats): number => counters['alloc.heldPeak'] ?? 0;
  const values = sound.map(memory);
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const names = (value: number): string =>
    sound
      .filter((run) => memory(run) === value)
      .map(driverName)
      .join(', ');
  if (least === most) {
    return [`${all ? 'All' : `Alike, ${names(least)}`} take ${readableBytes(least)} at most.`];
  }
  return [
    `Least memory: ${ink.green(names(least))} with ${readableBytes(least)} at most; most: ${names(most)} with ${readableBytes(most)}.`,
  ];
}

function wasteLine(sound: readonly StrategyStats[], ink: ChalkInstance): string[] {
  const wasteful = sound.filter(({ counters }) => (counters['op.returned'] ?? 0) > 0);
  if (wasteful.length === 0) return [];
  const worst = wasteful.reduce((a, b) => ((wastePercent(b) ?? 0) > (wastePercent(a) ?? 0) ? b : a));
  const { counters } = worst;
  return [
    `${driverName(worst)} reserved ${plural(counters['op.reserved'], 'page')} to use ${grouped(counters['op.used'])} (${ink.bold(`${percentText(wastePercent(worst) ?? 0)} waste`)}).`,
  ];
}

/** Operations that a run took, look-ups included. */
function taken({ counters }: StrategyStats): number {
  return sumUnder(counters, 'ops.');
}

/** Why address spaces were refused, and which. */
function refusals({ domains }: StrategyStats): ReadonlyMap<string, readonly string[]> {
  const reasons = new Map<string, string[]>();
  for (const { id, refused } of domains) {
    if (refused === null) continue;
    const ids = reasons.get(refused);
    if (ids === undefined) reasons.set(refused, [id]);
    else ids.push(id);
  }
  return reasons;
}

function domainsText([first, ...more]: readonly string[]): string {
  return `domain ${printable(first)}${more.length === 0 ? '' : ` and ${grouped(more.length)} more`}`;
}

/** `3 EINVAL, 1 false-success`: what was not done as asked; empty when all was. */
function faults({ counters }: StrategyStats): string {
  const undone = UNDONE.map((kind) => [kind, counters[`findings.${kind}`] ?? 0] as const);
  return [...under(counters, 'errors.').sort(([a], [b]) => (a < b ? -1 : 1)), ...undone]
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${grouped(count)} ${name}`)
    .join(', ');
}
