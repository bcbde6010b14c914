import {
  dictionary,
  flag,
  hex,
  integer,
  list,
  natural,
  nullable,
  object,
  optional,
  type Schema,
  text,
} from '../../base/json-schema.ts';

/*
 * What a replay came to along the way, and what its address spaces look like at one event.
 */

const CLOSED = { additionalProperties: false };

/** The timeline of a replay. */
export const TIMELINE_SCHEMA: Schema = object('What a replay came to along the way, in buckets of events.', {
  stride: integer('Events of a bucket, a power of two; the last bucket may have fewer.', 1),
  events: natural('Events in all buckets.'),
  ts: nullable(
    list(
      'When the first event of each bucket happened, in nanoseconds of the trace; null where it has no times.',
      natural('Nanoseconds.'),
    ),
  ),
  gauges: dictionary(
    'Values that go up and down, by metric.',
    object(
      'The least and the most of each bucket.',
      {
        min: list('The least of each bucket.', natural('A value of the metric.')),
        max: list('The most of each bucket.', natural('A value of the metric.')),
      },
      CLOSED,
    ),
  ),
  counts: dictionary(
    'What each bucket added, by metric.',
    list('One amount for each bucket.', natural('What the bucket added.')),
  ),
});

/** One event that cost much. */
export const OFFENDER_SCHEMA: Schema = object('An event that cost more of something than most.', {
  metric: text('What it cost much of: the key of a metric.'),
  value: natural('How much.'),
  seq: natural('Number of the event, from 0.'),
  line: integer('Line of the input, from 1.', 1),
  domain: text('Address space of the event.'),
  op: text('Operation of the event.'),
  iova: nullable(hex('First IOVA of the event; null where it has none.')),
  size: natural('Bytes that the event is about.'),
});

const LEAF_RUN: Schema = object('Neighbouring leaves of one level whose addresses rise together.', {
  iova: hex('First IOVA.'),
  size: natural('Bytes.'),
  count: natural('Leaves.'),
  level: level('Level of the leaves'),
  paddr: nullable(hex('Physical address of the first; null where the addresses do not rise together.')),
  attrs: text('Attributes, as `pgtrace dump` prints them; `mixed` where merged leaves differ in them.'),
  unmapped: optional(
    natural(
      'Bytes of it that none of its leaves map: gaps of a run that was merged of several since there are too many; left out where there are none.',
    ),
  ),
});

const TABLE_AT: Schema = object('A table page.', {
  level: level('Level of the table'),
  iova: hex('First IOVA that it translates.'),
  size: natural('Bytes that it translates.'),
  paddr: hex('Its address.'),
  live: natural('Entries in use.'),
  entries: natural('Entries.'),
  pinned: flag('An IOVA reservation pins it.'),
  parked: flag('It is set aside below a block.'),
  empty: flag('Nothing is mapped below it.'),
});

const LEVEL_TOTALS: Schema = object('What an address space has at one level, whatever its map leaves out.', {
  level: level('Level'),
  tables: natural('Tables, those set aside below blocks included.'),
  leaves: natural('Leaves.'),
  mapped: optional(natural("Bytes that these leaves map; left out of a driver's own format, as all that follows.")),
  live: optional(natural('Entries in use of these tables.')),
  pinned: optional(natural('Tables that an IOVA reservation pins.')),
  parked: optional(natural('Tables that are set aside below a block.')),
  empty: optional(natural('Tables below which nothing is mapped.')),
});

/** An address space at one event. */
export const SPACE_MAP_SCHEMA: Schema = object('What an address space looks like at one event.', {
  domain: text('Its id.'),
  seq: natural('Number of the event after which it looks so, from 0.'),
  ias: natural('Bits of an IOVA.'),
  granule: natural('Bytes of the smallest page.'),
  startLevel: level('Level of the start table'),
  leaves: list('What is mapped, in the order of IOVAs.', LEAF_RUN),
  tables: list('Its tables, in the order of IOVAs.', TABLE_AT),
  reserved: list(
    'Its IOVA reservations.',
    object('An IOVA reservation.', {
      id: text('Its id in the trace.'),
      iova: hex('First IOVA.'),
      size: natural('Bytes.'),
    }),
  ),
  leavesLeftOut: natural('Runs of leaves left out since there are too many; 0: all are here.'),
  tablesLeftOut: natural('Tables left out since there are too many; 0: all are here.'),
  reservedLeftOut: optional(
    natural('Reservations left out since there are too many; left out itself when all are here.'),
  ),
  mapped: optional(natural('Bytes mapped in all, also by leaves that were merged or left out.')),
  levels: optional(list('The levels that have tables or leaves, the start level first.', LEVEL_TOTALS)),
});

/** Something that is wrong. */
export function findingSchema(kinds: Readonly<Record<string, string>>): Schema {
  const known = Object.entries(kinds).map(([kind, meaning]) => `${kind}: ${meaning}`);
  return object('Something that is wrong: an answer that differs, or a broken promise.', {
    kind: text(`What is wrong. ${known.join('; ')}.`),
    seq: natural('Number of the event, from 0.'),
    line: natural('Line of the input, from 1.'),
    domain: text('Address space.'),
    range: optional(object('IOVAs that it is about.', { iova: hex('The first.'), size: natural('Bytes.') })),
    message: text('What was found, and what would be right.'),
  });
}

function level(what: string): Schema {
  return { ...integer(`${what}: 0 nearest the root, 3 the last.`, 0), maximum: 3 };
}
