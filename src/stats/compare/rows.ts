import type { Json } from '../../base/stable-json.ts';
import { DEFAULT_DMA_OPTIONS } from '../../replay/windows/options.ts';
import type { DomainStats, StatsDocument } from '../document.ts';
import type { Counters } from '../metrics/metric.ts';

/** Counters under a key, with the settings that they were counted under. */
export interface StatsRow {
  readonly trace: string;
  readonly driver: string | null;
  readonly allocator: string;
  readonly domain: string | null;
  /** Flush policy, of rows that tell one of several and nothing else. */
  readonly flush?: string;
  /** Version of pgtrace that counted. */
  readonly version: string;
  readonly complete: boolean;
  /** By name; what must be equal for two rows to be comparable. */
  readonly settings: Readonly<Record<string, string>>;
  readonly counters: Counters;
  /** Events of the trace; a hash of its bytes, where one is known. */
  readonly events: number;
  readonly digest: string | null;
}

/** The rows of a statistics document: one for each allocator or driver, and one for each address space where those are wanted. */
export function rowsOf(trace: string, document: StatsDocument, perDomain: boolean): StatsRow[] {
  const runs = document.strategies ?? [document];
  return runs.flatMap((run) => {
    const driver = ('driver' in run ? run.driver : document.config.driver) ?? null;
    const allocator = 'allocator' in run ? run.allocator : document.config.allocator;
    const own = {
      trace,
      driver,
      allocator,
      version: document.tool.version,
      complete: document.complete,
      events: document.trace.events,
      digest: null,
    };
    const total: StatsRow = {
      ...own,
      domain: null,
      settings: settingsOf(document, run.domains, allocator, driver),
      counters: run.counters,
    };
    const policies = (document.flushPolicies ?? [])
      .slice(1)
      .map(({ policy, counters }): StatsRow => ({ ...total, flush: policy, counters }));
    if (!perDomain) return [total, ...policies];
    const domains = run.domains.map((domain) => ({
      ...own,
      domain: domain.id,
      settings: settingsOf(document, [domain], domain.allocator, driver),
      counters: domain.counters,
    }));
    return [total, ...policies, ...numbered(domains)];
  });
}

/** Gives a domain that was created again a name of its own. */
function numbered(rows: readonly (StatsRow & { readonly domain: string })[]): StatsRow[] {
  const met = new Map<string, number>();
  return rows.map((row) => {
    const count = (met.get(row.domain) ?? 0) + 1;
    met.set(row.domain, count);
    return count === 1 ? row : { ...row, domain: `${row.domain} (${count})` };
  });
}

function settingsOf(
  { config, trace }: StatsDocument,
  domains: readonly DomainStats[],
  allocator: string,
  driver: string | null,
): Record<string, string> {
  const { reservations, overrides, queue, reserveAround } = config;
  const settings: Record<string, string> = {
    kernel: config.kernel,
    'partial-unmap': config.partialUnmap,
    flush: config.flush,
    gather: config.gather,
    'on-conflict': config.onConflict,
    queue: queue ?? 'none',
    zero: config.zero ? 'on' : 'off',
    maple: config.maple ? 'on' : 'off',
    'reserve-around': reserveAround ?? 'nothing',
    allocator,
    driver: driver ?? "the domains' own",
    'pgsize-policy': config.pgsizePolicy ?? 'core',
    engine: config.engine ?? 'arm',
    repeat: config.repeat ?? 'plain',
    layer: trace.import?.layer ?? 'none',
    'domain-by': trace.import?.placement.by ?? 'none',
    // A recording made anew has other keys for the same address spaces, so what they are called does not count.
    domains: [...new Set(domains.map(shapeOf))].sort().join('; ') || 'none',
  };
  for (const [key, value] of Object.entries(config.dma ?? DEFAULT_DMA_OPTIONS)) settings[`dma.${key}`] = String(value);
  for (const [key, value] of Object.entries(reservations)) settings[`reservations.${key}`] = String(value);
  for (const [key, value] of Object.entries(overrides)) settings[`override.${key}`] = plain(value);
  return settings;
}

function shapeOf({ config, driver, refused }: DomainStats): string {
  const parts = [
    config.format,
    `pgsizes ${config.pgsizes}`,
    `ias ${config.ias}`,
    `oas ${config.oas}`,
    `driver ${driver}`,
  ];
  if (!config.coherent) parts.push('noncoherent');
  if (config.quirks.length > 0) parts.push(`quirks ${config.quirks.join('+')}`);
  if (refused !== null) parts.push('refused');
  return parts.join(' ');
}

function plain(value: Json): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
