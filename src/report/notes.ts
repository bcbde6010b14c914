import { grouped, plural } from '../base/sizes.ts';
import type { StatsDocument } from '../stats/document.ts';
import { recordingNotes } from './recording/recording-notes.ts';

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
  notes.push(...conflictNotes(document));
  say(trace.jobsNeverRan > 0, `${plural(trace.jobsNeverRan, 'job')} bound and never executed`);
  const imported = trace.import;
  if (imported === null) {
    say(
      trace.protAssumed > 0,
      `no protection given, read, write, cacheable assumed: ${plural(trace.protAssumed, 'map')}`,
    );
    return notes;
  }
  return [...notes, ...recordingNotes(imported, doubts)];
}

/** Requests that the events recorded before them contradict, and what became of them. */
function conflictNotes({ counters, trace }: StatsDocument): string[] {
  const of = (kind: string): number => counters[`conflicts.${kind}`] ?? 0;
  const [mapsOverLive, unmapsOfNothing, unmapsOfPart] = ['mapsOverLive', 'unmapsOfNothing', 'unmapsOfPart'].map(of);
  const skipped = of('leftOut');
  const implicitUnmaps = of('implicitUnmaps');
  const kinds = [
    mapsOverLive === 0 ? '' : `${plural(mapsOverLive, 'map')} over live ranges`,
    unmapsOfNothing === 0 ? '' : `${plural(unmapsOfNothing, 'unmap')} of ranges never seen mapped`,
    unmapsOfPart === 0 ? '' : `${plural(unmapsOfPart, 'unmap')} of ranges seen mapped in part`,
  ].filter((kind) => kind !== '');
  if (kinds.length === 0) return [];
  const done = [
    skipped === 0 ? '' : `${grouped(skipped)} left out`,
    implicitUnmaps === 0 ? '' : `${plural(implicitUnmaps, 'unmap')} put in`,
  ].filter((what) => what !== '');
  return [
    `events that contradict those before them, the first at line ${trace.firstConflict}, as when some are missing or address spaces are mixed up: ${kinds.join(', ')}; ${done.length === 0 ? 'done as far as possible' : done.join(', ')} (--on-conflict)`,
  ];
}
