import { modelText } from '../base/model.ts';
import { bitmapSizes, exactSize } from '../base/sizes.ts';
import type { Json } from '../base/stable-json.ts';
import { hexNumber } from '../base/u64.ts';
import type { ReplayOptions } from '../replay/options.ts';
import { latencyText, queueText } from '../replay/queue/queue-options.ts';
import type { ReadOptions } from '../trace/open.ts';

export type Scalar = string | number | boolean | null;

/** What a column of a table holds. */
export type ColumnType = 'STRING' | 'INT64' | 'BOOLEAN';

/**
 * Everything that decides what a replay of given bytes comes to, one plain value each, so that tables need no nesting.
 * Keys are the options of the command line; null leaves the choice to the trace.
 */
export const CONFIG_TYPES = {
  allocator: 'STRING',
  blockPolicy: 'STRING',
  boundary: 'STRING',
  domainBy: 'STRING',
  driver: 'STRING',
  fieldMap: 'STRING',
  flush: 'STRING',
  freeEmpty: 'STRING',
  gather: 'STRING',
  granule: 'STRING',
  ias: 'INT64',
  kernel: 'STRING',
  layer: 'STRING',
  lenient: 'BOOLEAN',
  maple: 'BOOLEAN',
  noncoherent: 'BOOLEAN',
  oas: 'INT64',
  onConflict: 'STRING',
  overTable: 'STRING',
  partialUnmap: 'STRING',
  pgsizePolicy: 'STRING',
  pgsizes: 'STRING',
  pgtable: 'STRING',
  queue: 'STRING',
  quirks: 'STRING',
  rcu: 'STRING',
  rcuLatency: 'STRING',
  reserveAround: 'STRING',
  reserveOverBlock: 'STRING',
  singleDomain: 'BOOLEAN',
  unpark: 'STRING',
  unwrap: 'BOOLEAN',
  zero: 'BOOLEAN',
} as const satisfies Readonly<Record<string, ColumnType>>;

export type ConfigKey = keyof typeof CONFIG_TYPES;

/** The configuration of one cell. */
export type CellConfig = Readonly<Record<ConfigKey, Scalar>>;

/** The configuration that a replay with these options has. How many replays share the memory of a process is no part of it. */
export function cellConfig(replay: ReplayOptions, read: ReadOptions): CellConfig {
  const { overrides, reservations } = replay;
  const { pgsizes } = overrides;
  return {
    allocator: replay.allocator === null ? null : modelText(replay.allocator),
    blockPolicy: reservations.blockPolicy,
    boundary: reservations.boundary,
    domainBy: read.domainBy ?? null,
    driver: replay.driver,
    fieldMap: fieldMapText(read.fieldMap ?? {}),
    flush: replay.flush === null ? null : modelText(replay.flush),
    freeEmpty: reservations.freeEmpty,
    gather: replay.gather,
    granule: pgsizes === undefined ? null : exactSize(bitmapSizes(pgsizes)[0]),
    ias: overrides.ias ?? null,
    kernel: replay.kernel,
    layer: read.layer,
    lenient: read.lenient,
    maple: replay.maple,
    noncoherent: overrides.coherent === false,
    oas: overrides.oas ?? null,
    onConflict: replay.onConflict,
    overTable: reservations.overTable,
    partialUnmap: replay.partialUnmap,
    pgsizePolicy: replay.pgsizePolicy ?? 'core',
    pgsizes: pgsizes === undefined ? null : hexNumber(pgsizes),
    pgtable: overrides.format ?? null,
    queue: replay.queue === null ? null : queueText(replay.queue),
    quirks: overrides.quirks === undefined ? null : [...overrides.quirks].sort().join(','),
    rcu: reservations.rcu,
    rcuLatency: latencyText({ value: reservations.rcuLatency, unit: reservations.rcuLatencyUnit }),
    reserveAround: replay.reserveAround,
    reserveOverBlock: reservations.overBlock,
    singleDomain: read.singleDomain === true,
    unpark: reservations.unpark,
    unwrap: read.unwrap ?? null,
    zero: replay.zero,
  };
}

/** The configuration as a JSON value. */
export function configJson(config: Readonly<Record<string, Scalar>>): Json {
  return config;
}

/** Keys in which configurations differ, in the order of the alphabet. */
export function varyingKeys(configs: readonly Readonly<Record<string, Scalar>>[]): string[] {
  const keys = new Set(configs.flatMap((config) => Object.keys(config)));
  return [...keys].filter((key) => configs.some((config) => config[key] !== configs[0][key])).sort();
}

function fieldMapText(fieldMap: Readonly<Record<string, string>>): string | null {
  const pairs = Object.entries(fieldMap).map(([ours, theirs]) => `${ours}=${theirs}`);
  return pairs.length === 0 ? null : pairs.sort().join(',');
}
