import { flag, integer, list, natural, nullable, object, type Schema, text, word } from '../../base/json-schema.ts';
import { DOMAIN_KEYS, LAYERS } from '../../trace/import/import-options.ts';

const LOSSES: Schema = object('What the recording itself says of its completeness.', {
  overrun: natural('Events written to the ring buffer but no longer in it.'),
  lateStarts: natural('CPUs whose first events are missing.'),
  marks: natural('Events that marks of lost events count.'),
  gaps: natural('Places where an unknown number of events is missing.'),
});

const PLACEMENT: Schema = object('How requests that name no address space found theirs.', {
  by: nullable(word('What told them apart; null: there were none.', [...DOMAIN_KEYS, 'inference', 'single'])),
  requests: natural('Such requests.'),
  named: natural('Of them, placed by the device that a dma event names.'),
  ambiguous: natural('Unmaps that several address spaces could have taken.'),
  unknown: natural('Unmaps of ranges that no address space had.'),
});

/** What an importer did and what it had to assume. */
export const IMPORT_SCHEMA: Schema = object('What an importer did with a recording and what it had to assume.', {
  layer: nullable(word('Which description of the operations was read: raw calls or requests.', LAYERS)),
  protAssumed: natural('Events without protection bits, which were given read, write, cacheable.'),
  protFromDirection: natural('Events whose protection is the direction of a dma event.'),
  physicalAssumed: natural('Maps without a recorded physical address.'),
  physicalNote: nullable(text('What stands in for the physical addresses.')),
  configAssumed: natural('Domains whose configuration the recording does not tell.'),
  unknownQuirks: natural('Bits of recorded quirks that the model does not know.'),
  crossChecked: natural('Requests of the other layer that were compared.'),
  crossMismatches: natural('Of them, those that did not add up.'),
  crossMismatchLines: list('The first of their lines.', integer('A line, from 1.', 1)),
  unplaced: natural('Requests for which no page table could be found.'),
  rolledBack: natural('Unmaps that only took back what a failed map had done.'),
  orphanReturns: natural('Returns of calls that were not recorded.'),
  unreturned: natural('Calls whose return was not recorded.'),
  ignoredEvents: natural('Event lines of no use to a replay.'),
  unknownLines: natural('Lines that are no event.'),
  faults: natural('Faults that the IOMMU reported.'),
  devices: natural('Devices named by attach, detach and group events.'),
  unwrapped: flag('Lines were joined and quote marks taken off.'),
  losses: LOSSES,
  placement: PLACEMENT,
  guessedGranule: natural('Granule inferred from the alignment of requests, in bytes; 0 when it was known.'),
  laterLayer: flag('The other layer turned up after this one had been chosen.'),
  unmapsOnly: flag('The recording has unmaps and no map.'),
});
