import { exactSize, grouped, plural } from '../base/sizes.ts';
import { hexNumber } from '../base/u64.ts';
import type { StatsDocument } from '../stats/document.ts';

/**
 * What was assumed or left out while reading, as sentences for a person; and, unless only `doubts` are wanted, what was
 * checked and found right.
 */
export function importNotes(document: StatsDocument, doubts = false): string[] {
  const { trace } = document;
  const notes: string[] = [];
  const say = (condition: boolean, text: string): void => {
    if (condition) notes.push(text);
  };
  say(
    trace.domainAssumed,
    'no domain event: ARM_64_LPAE_S1, 4K, ias 48, oas 48, coherent assumed; --pgtable, --pgsizes, --ias, --oas change it',
  );
  say(trace.jobsNeverRan > 0, `${plural(trace.jobsNeverRan, 'job')} bound and never executed`);
  const imported = trace.import;
  if (imported === null) {
    say(
      trace.protAssumed > 0,
      `no protection given, read, write, cacheable assumed: ${plural(trace.protAssumed, 'map')}`,
    );
    return notes;
  }
  const { losses } = imported;
  say(
    losses.overrun > 0,
    `the ring buffer overran, ${plural(losses.overrun, 'event')} lost before the recording starts; use a larger trace_buf_size`,
  );
  say(losses.marks > 0, `${plural(losses.marks, 'event')} lost in the middle of the recording`);
  say(losses.lateStarts > 0, `${plural(losses.lateStarts, 'CPU')} joined late; what happened there before is missing`);
  say(
    imported.layer === 'iommu',
    'unmaps are taken as strict, one sync each: the recording does not say which were lazy',
  );
  say(
    imported.protAssumed > 0,
    `the recording holds no protection bits: read, write, cacheable assumed for ${plural(imported.protAssumed, 'map')}`,
  );
  say(
    imported.sharedDomain,
    'the recording names no address space: all requests went into one, so requests of several devices may collide; probe arm_lpae_map_pages to tell them apart',
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
  say(imported.unknownLines > 0, `no trace events: ${plural(imported.unknownLines, 'line')}`);
  return notes;
}
