import { USE_CLASSES } from '../allocator/tickets/allocator-stats.ts';
import { printable } from '../base/printable.ts';
import { exactSize, grouped, parseSize } from '../base/sizes.ts';
import type { DomainStats } from '../stats/document.ts';
import type { Counters } from '../stats/metrics/metric.ts';

export const LEVELS = [0, 1, 2, 3] as const;

/** Counters below a prefix as `[name, count]`. */
export function under(counters: Counters, prefix: string): [string, number][] {
  return Object.entries(counters)
    .filter(([key]) => key.startsWith(prefix))
    .map(([key, count]) => [key.slice(prefix.length), count]);
}

/** Operations by the share of their reservation that they used: `[share, operations]`, rising; those that there are. */
export function useShares(counters: Counters): (readonly [share: string, count: number])[] {
  return USE_CLASSES.map((share) => [share, counters[`op.use.${share}`] ?? 0] as const).filter(
    ([, count]) => count > 0,
  );
}

/** The sum of the counters below a prefix. */
export function sumUnder(counters: Counters, prefix: string): number {
  return under(counters, prefix).reduce((sum, [, count]) => sum + count, 0);
}

/** Events that were replayed: operations on address spaces, and requests to containers. */
export function operationCount(counters: Counters): number {
  return sumUnder(counters, 'ops.') + sumUnder(counters, 'windows.ops.');
}

/** Whether a trace has requests to containers. */
export function hasContainers({ counters }: { readonly counters: Counters }): boolean {
  return counters['locked.peak'] !== undefined;
}

/** `3 EEXIST, 1 ENOMEM`: the counters below a prefix in words, the largest first. */
export function listUnder(counters: Counters, prefix: string): string {
  return under(counters, prefix)
    .sort(([a, one], [b, other]) => other - one || (a < b ? -1 : 1))
    .map(([name, count]) => `${grouped(count)} ${name}`)
    .join(', ');
}

/** Bytes that an entry of a level stands for; null where the domain has no single size there. */
export function entrySpan({ config }: DomainStats, level: number): number | null {
  if (config.entrySpans !== undefined) return config.entrySpans[level] ?? null;
  return config.granule === null ? null : config.granule * (config.granule / 8) ** (3 - level);
}

/** `42 x 2M, 2,562 x 4K` over domains whose granules may differ. */
export function leavesText(domains: readonly DomainStats[]): string {
  const bySize = new Map<number, number>();
  for (const domain of domains) {
    for (const [size, count] of leafCounts(domain)) if (count > 0) bySize.set(size, (bySize.get(size) ?? 0) + count);
  }
  const parts = [...bySize].sort(([a], [b]) => b - a).map(([size, count]) => `${grouped(count)} x ${exactSize(size)}`);
  return parts.length === 0 ? 'none' : parts.join(', ');
}

/** Leaves of a domain as bytes and count: a driver's own tables may have several sizes on one level. */
function leafCounts(domain: DomainStats): (readonly [size: number, count: number])[] {
  if (domain.config.entrySpans !== undefined) {
    return under(domain.counters, 'leaves.live.size.').map(([size, count]) => [parseSize(size) ?? 0, count]);
  }
  return LEVELS.map((level) => [entrySpan(domain, level) ?? 0, domain.counters[`leaves.live.l${level}`] ?? 0]);
}

/** Format, granule and address sizes in one short text. */
export function shapeOf(domain: DomainStats): string {
  const { config } = domain;
  // A driver's own format knows no addresses but its own.
  if (domain.driver === config.format) return `${config.format} tables`;
  const extras = [...config.quirks, ...(config.coherent ? [] : ['non-coherent'])];
  const granule = config.granule === null ? config.pgsizes : exactSize(config.granule);
  return printable([config.format, granule, `ias ${config.ias}`, `oas ${config.oas}`, ...extras].join(' '));
}
