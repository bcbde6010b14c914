import * as C from '../../lpae/counters.ts';
import { translatedLeaves } from '../../lpae/sharing/expansion.ts';
import type { AddressSpace } from '../../replay/spaces/address-space.ts';
import type { Census } from '../census.ts';
import { type Counters, type Metric, metric } from './metric.ts';

/** Repeat mappings, tables that they share, and runs of leaves with the contiguous hint. */
export const REPEAT_METRICS: readonly Metric[] = [
  metric('repeat.repetitions', 'count', 'none', 'repetitions that repeat mappings mapped'),
  metric('repeat.mapped', 'bytes', 'none', 'bytes that repeat mappings mapped, as translated'),
  metric(
    'repeat.entriesWritten',
    'count',
    'lower',
    'entries that repeat mappings wrote: leaves, and links to new tables',
  ),
  metric('repeat.shared', 'count', 'none', 'repeat mappings made with shared tables'),
  metric(
    'repeat.plainForPins',
    'count',
    'lower',
    'repeat mappings with tables of their own since a reservation pins some in their range',
  ),
  metric('repeat.leakedBytes', 'bytes', 'lower', 'bytes that failed repeat mappings left mapped'),
  metric('sharing.tables', 'count', 'none', 'tables at the end that more than one entry points to'),
  metric(
    'sharing.links',
    'count',
    'none',
    'entries at the end that point to them, those of a shared table counted once',
  ),
  metric('sharing.tablesSaved', 'count', 'higher', 'tables that sharing saved when repeat mappings were made'),
  metric(
    'sharing.leavesTranslated.',
    'count',
    'none',
    'leaves at the end as translated, one for each address, by level',
  ),
  metric('sharing.cowCopies', 'count', 'lower', 'shared tables copied to change one place'),
  metric(
    'sharing.cowFailed',
    'count',
    'lower',
    'operations that ended since a copy of a shared table was not to be had',
  ),
  metric('sharing.cowReserved', 'count', 'lower', 'pages put by for such copies'),
  metric('sharing.cowReserveUsed', 'count', 'higher', 'of these pages, those that became copies'),
  metric('sharing.copiesForPins', 'count', 'lower', 'shared tables copied since a reservation pins them'),
  metric(
    'sharing.dirtyAmbiguous',
    'count',
    'lower',
    'addresses reported dirty although hardware may have written at another alone',
  ),
  metric('contig.runs', 'count', 'higher', 'runs of leaves given the contiguous hint'),
  metric('contig.broken', 'count', 'lower', 'runs that lost the hint since a part of them was to change'),
];

/** Counters of repeat mappings and of the hint, where there were any. */
export function addRepeatCounters(result: Counters, space: AddressSpace, census: Census): void {
  const { counters, repeats, table } = space;
  if (repeats !== null) {
    result['repeat.repetitions'] = repeats.repetitions;
    result['repeat.mapped'] = repeats.bytes;
    result['repeat.entriesWritten'] = repeats.written;
    result['repeat.shared'] = repeats.shared;
    if (repeats.plainForPins > 0) result['repeat.plainForPins'] = repeats.plainForPins;
    if (repeats.leaked > 0) result['repeat.leakedBytes'] = repeats.leaked;
  }
  const sharing = table?.sharing ?? null;
  if (table !== null && sharing !== null) {
    result['sharing.tables'] = sharing.tables;
    result['sharing.links'] = sharing.links;
    result['sharing.tablesSaved'] = sharing.tablesSaved;
    result['sharing.cowCopies'] = sharing.copies;
    result['sharing.cowFailed'] = sharing.copiesFailed;
    if (sharing.reserved > 0) {
      result['sharing.cowReserved'] = sharing.reserved;
      result['sharing.cowReserveUsed'] = sharing.reservedUsed;
    }
    if (sharing.copiesForPins > 0) result['sharing.copiesForPins'] = sharing.copiesForPins;
    if (sharing.dirtyAmbiguous > 0) result['sharing.dirtyAmbiguous'] = sharing.dirtyAmbiguous;
    translatedLeaves(table).forEach((leaves, level) => {
      if (leaves !== census.leaves[level]) result[`sharing.leavesTranslated.l${level}`] = leaves;
    });
  }
  if (counters[C.CONTIG_RUNS] > 0) {
    result['contig.runs'] = counters[C.CONTIG_RUNS];
    result['contig.broken'] = counters[C.CONTIG_BROKEN];
  }
}
