import { plural } from '../base/sizes.ts';
import type { StatsDocument } from '../stats/document.ts';

/** Why a replay did not come to the end of its trace, and what its numbers are of then. */
export function incompleteText({ interrupted, trace }: Pick<StatsDocument, 'interrupted' | 'trace'>): string {
  return interrupted === true
    ? `incomplete: interrupted after ${plural(trace.events, 'event')}, which these numbers are of`
    : 'incomplete: the trace could not be read to its end';
}
