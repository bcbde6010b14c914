import { grouped, plural, readableBytes } from '../base/sizes.ts';
import type { StatsDocument } from '../stats/document.ts';
import { sumUnder } from './counter-text.ts';

/** What repeat mappings, shared tables and contiguous runs came to, each with its name; none where there were none. */
export function repeatRows({ counters }: StatsDocument): [name: string, text: string][] {
  const n = (key: string): number => counters[key] ?? 0;
  const rows: [string, string][] = [];
  if (counters['repeat.entriesWritten'] !== undefined) {
    const leaked = n('repeat.leakedBytes') === 0 ? '' : `, ${readableBytes(n('repeat.leakedBytes'))} leaked`;
    rows.push([
      'repeats',
      `${plural(n('repeat.repetitions'), 'repetition')}, ${readableBytes(n('repeat.mapped'))}, ${plural(n('repeat.entriesWritten'), 'entry', 'entries')} written${leaked}`,
    ]);
  }
  if (counters['sharing.tables'] !== undefined) {
    const translated = sumUnder(counters, 'sharing.leavesTranslated.');
    const failed =
      n('sharing.cowFailed') === 0 ? '' : `, ${plural(n('sharing.cowFailed'), 'copy', 'copies')} not to be had`;
    rows.push([
      'sharing',
      `${plural(n('sharing.tables'), 'shared table')} below ${plural(n('sharing.links'), 'entry', 'entries')}, ${grouped(n('sharing.tablesSaved'))} saved, ${grouped(n('sharing.cowCopies') + n('sharing.copiesForPins'))} copied${failed}${translated === 0 ? '' : `; ${plural(translated, 'leaf', 'leaves')} as translated`}`,
    ]);
  }
  if (counters['contig.runs'] !== undefined) {
    rows.push(['contig', `${plural(n('contig.runs'), 'run')} with the hint, ${grouped(n('contig.broken'))} broken`]);
  }
  return rows;
}
