import { exactSize, grouped, plural } from '../../base/sizes.ts';
import { hexNumber } from '../../base/u64.ts';
import type { ImportNotes, PlacementNotes } from '../../trace/import/import-notes.ts';

/**
 * What was assumed, left out or lost while a recording was imported, as sentences for a person; and, unless only `doubts`
 * are wanted, what was checked and found right.
 */
export function recordingNotes(imported: ImportNotes, doubts = false): string[] {
  const notes: string[] = [];
  const say = (condition: boolean, text: string): void => {
    if (condition) notes.push(text);
  };
  const { losses } = imported;
  say(
    losses.overrun > 0,
    `the ring buffer overran, ${plural(losses.overrun, 'event')} lost before the recording starts; use a larger trace_buf_size`,
  );
  say(losses.marks > 0, `${plural(losses.marks, 'event')} lost in the middle of the recording`);
  say(losses.gaps > 0, `events lost in ${plural(losses.gaps, 'place')}, the recording does not say how many`);
  say(losses.lateStarts > 0, `${plural(losses.lateStarts, 'CPU')} joined late; what happened there before is missing`);
  say(imported.unwrapped, 'wrapped and quoted lines were joined, as in a copy from a mail');
  say(
    imported.layer === 'iommu',
    'unmaps are taken as strict, one sync each: the recording does not say which were lazy',
  );
  say(
    imported.protAssumed > 0,
    `the recording holds no protection bits: read, write, cacheable assumed for ${plural(imported.protAssumed, 'map')}`,
  );
  say(
    imported.protFromDirection > 0,
    `protection by the direction of the transfer: ${plural(imported.protFromDirection, 'map')}`,
  );
  say(
    imported.physicalAssumed > 0 || imported.physicalNote !== null,
    imported.physicalNote ??
      `physical addresses are not recorded, contiguous memory assumed: ${plural(imported.physicalAssumed, 'map')}`,
  );
  notes.push(...placementNotes(imported.placement));
  say(
    imported.unmapsOnly,
    'unmaps and not one map: a recording that began late, or a kernel of the 7.x series that prints no maps (VT-d and AMD there, or an inverted check before the event); probe the page-table calls instead (pgtrace record)',
  );
  say(
    imported.guessedGranule > 0,
    `page size ${exactSize(imported.guessedGranule)} inferred from the alignment of the requests; --pgsizes overrides it`,
  );
  say(
    imported.configAssumed > 0,
    `configuration not in the recording, defaults assumed: ${plural(imported.configAssumed, 'domain')}`,
  );
  say(
    imported.unknownQuirks !== 0,
    `quirk bits ${hexNumber(imported.unknownQuirks)} of the recording are not modelled: left out`,
  );
  say(
    imported.laterLayer,
    'raw io-pgtable calls turned up after the first request; --layer pgtable replays them instead',
  );
  say(
    imported.unplaced > 0,
    `left out, for no recorded page table was theirs: ${plural(imported.unplaced, 'request')}`,
  );
  say(
    imported.rolledBack > 0,
    `left out with the failed maps that they took back: ${plural(imported.rolledBack, 'unmap')}`,
  );
  say(imported.unreturned > 0, `without a recorded return: ${plural(imported.unreturned, 'call')}`);
  say(
    imported.orphanReturns > 0,
    `without a recorded call, so the recording starts late: ${plural(imported.orphanReturns, 'return')}`,
  );
  say(
    imported.crossMismatches > 0,
    `${grouped(imported.crossMismatches)} of ${grouped(imported.crossChecked)} iommu requests do not add up with the raw calls below them (lines ${imported.crossMismatchLines.join(', ')}${imported.crossMismatches > imported.crossMismatchLines.length ? ', ...' : ''})`,
  );
  say(
    !doubts && imported.crossChecked > 0 && imported.crossMismatches === 0,
    `cross-check: all ${grouped(imported.crossChecked)} iommu requests add up with the raw calls below them`,
  );
  say(imported.faults > 0, `faults that the IOMMU reported: ${grouped(imported.faults)}`);
  say(
    imported.ignoredEvents > 0,
    `not used, for they map and unmap nothing: ${plural(imported.ignoredEvents, 'event')}`,
  );
  say(imported.unknownLines > 0, `no trace events: ${plural(imported.unknownLines, 'line')}`);
  return notes;
}

/** Which address spaces requests without a key went to, and how certain that is. */
function placementNotes({ by, requests, named, ambiguous, unknown }: PlacementNotes): string[] {
  const nobody = unknown === 0 ? '' : `, ${plural(unknown, 'unmap')} of ranges that none had`;
  switch (by) {
    case null:
      return [];
    case 'single':
      return [
        `${plural(requests, 'request')} that name no address space put into one, as asked for: several devices may collide`,
      ];
    case 'comm':
    case 'pid':
      return [
        `address spaces by ${by === 'comm' ? 'command' : 'pid'}, as asked for: ${plural(requests, 'request')}${nobody}`,
      ];
    case 'dev':
      if (named === 0) return [`no dma:* event names a device: ${plural(requests, 'request')} in one address space`];
      return [`address spaces by the device of dma:* events: ${grouped(named)} of ${plural(requests, 'request')}`];
    case 'inference': {
      const devices = named === 0 ? '' : `${plural(named, 'request')} by the device of dma:* events, `;
      const rest = plural(requests - named, 'request');
      return [
        `address spaces are not in the recording: ${devices}${rest} inferred, ${plural(ambiguous, 'unmap')} of them ambiguous${nobody}`,
      ];
    }
  }
}
