import {
  flag,
  hex,
  integer,
  list,
  natural,
  nullable,
  object,
  optional,
  reference,
  type Schema,
  text,
  word,
} from '../../base/json-schema.ts';
import { DRIVERS, FORMATS, GPU_DRIVERS, KERNELS, PARTIAL_UNMAPS } from '../../base/vocabulary.ts';

/*
 * One address space in the statistics, with its IOVA reservations.
 */

const CONFIG: Schema = object('Configuration as chosen; as asked for where the engine refused it.', {
  format: word('Page-table format; the name of the driver where its tables are of its own format.', [
    ...FORMATS,
    ...GPU_DRIVERS,
  ]),
  kernel: word('Kernel that is modelled.', KERNELS),
  partialUnmap: word('What an unmap of a part of a block does.', PARTIAL_UNMAPS),
  pgsizes: hex('Bitmap of page sizes; bit n set: 2^n bytes.'),
  ias: integer('Bits of an IOVA.', 1),
  oas: integer('Bits of a physical address.', 1),
  coherent: flag('The table walker snoops the caches.'),
  quirks: list('Switches of the engine that are on.', text('A quirk.')),
  granule: nullable(integer('Bytes of the smallest page; null when refused.', 1)),
  startLevel: nullable(natural('Level of the first table of a walk; null when refused.')),
  entrySpans: optional(
    list(
      "Of page tables in a driver's own format, by level: bytes that an entry stands for.",
      nullable(natural('Bytes; null: no table, or tables that differ.')),
    ),
  ),
});

/** An address space. */
export const DOMAIN_SCHEMA: Schema = object('An address space.', {
  id: text('Its id in the trace.'),
  config: CONFIG,
  driver: word('Whose rules it follows.', DRIVERS),
  allocator: text('Table allocator, as NAME,k=v.'),
  flush: text('TLB flush policy, as NAME,k=v.'),
  destroyed: flag('It was destroyed before the end.'),
  refused: nullable(text('Why the engine refused the configuration; null when it did not.')),
  counters: reference('counters', 'What it came to.'),
  reservations: list('Its IOVA reservations, in the order of their making.', reference('reservation', 'One of them.')),
});

/** An IOVA reservation. */
export const RESERVATION_SCHEMA: Schema = object('An IOVA reservation.', {
  id: text('Its id in the trace.'),
  iova: hex('First IOVA.'),
  size: natural('Bytes.'),
  depth: integer('The deepest level whose tables are pinned.', 0),
  pinned: natural('Tables that it pins.'),
  pinnedBytes: natural('Bytes of these tables.'),
  allocated: natural('Of them, tables that it allocated.'),
  pinnedByLevel: list('Tables that it pins, by level.', natural('Tables.')),
  used: natural('Of the pinned tables, those that ever had a leaf below.'),
  maps: natural('Maps inside.'),
  unmaps: natural('Unmaps inside.'),
  mapped: natural('Bytes mapped inside at the end.'),
  mappedPeak: natural('Bytes mapped inside at most.'),
  live: flag('It has not ended.'),
  freed: natural('Tables freed when it ended.'),
});
