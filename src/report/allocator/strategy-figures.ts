import { VIOLATIONS } from '../../replay/results/findings.ts';
import type { StrategyStats } from '../../stats/document.ts';

/** What a run is judged by. */
type Run = Pick<StrategyStats, 'counters'>;

/** Promises that an allocator makes; the others are made by policies that all allocators of a comparison share. */
const OWN_PROMISES: ReadonlySet<string> = new Set(['steal', 'under-reservation', 'ctx-overlap']);

/** The waste in per cent; null for a strategy that reserves nothing. */
export function wastePercent({ counters }: Run): number | null {
  const reserved = counters['op.reserved'];
  return reserved === undefined || reserved === 0 ? null : (100 * counters['op.returned']) / reserved;
}

/** One decimal, but never a rounded 0 or 100. */
export function percentText(value: number): string {
  if (value > 99.9 && value < 100) return '>99.9 %';
  if (value > 0 && value < 0.1) return '<0.1 %';
  return `${value.toFixed(1)} %`;
}

/** Operations that failed for want of pages. */
export function failures({ counters }: Run): number {
  return (counters['alloc.failedSubmit'] ?? 0) + (counters['alloc.failedRun'] ?? 0);
}

/** Requests for pages while an operation ran. */
export function callsInRun({ counters }: Run): number {
  return counters['alloc.callsInRun'] ?? 0;
}

/** Broken promises of each kind, those of the allocator itself or those of the policies around it. */
export function brokenKinds({ counters }: Run, own: boolean): readonly (readonly [string, number])[] {
  return [...VIOLATIONS]
    .filter((kind) => OWN_PROMISES.has(kind) === own)
    .map((kind) => [kind, counters[`findings.${kind}`] ?? 0] as const)
    .filter(([, count]) => count > 0);
}

/** Broken promises of an allocator and of the reservations and grace periods around it. */
export function broken(run: Run): number {
  return [...brokenKinds(run, true), ...brokenKinds(run, false)].reduce((sum, [, count]) => sum + count, 0);
}

/** Nothing of it failed and the allocator kept its promises: only such a run can be the best at anything. */
export function held(run: Run): boolean {
  return failures(run) === 0 && brokenKinds(run, true).length === 0;
}
