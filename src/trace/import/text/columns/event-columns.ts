import { isBlank, isDigit, skipBack, skipBlanks } from './column-bytes.ts';
import { type Columns, FORM_CPU, FORM_OTHER, FORM_PERF } from './columns.ts';
import { cutAtCpu } from './cpu-columns.ts';
import { cutLatency } from './latency-columns.ts';
import { cutPerf, cutVerbose } from './word-columns.ts';

/*
 * Event lines come by the million, so they are cut on the bytes, without making texts. Command names hold spaces, dashes,
 * slashes and brackets, so the first place counts that the rest of the line agrees with.
 */

const DASH = 0x2d;
const ZERO = 0x30;
const NINE = 0x39;

/** Finds the columns of the line in `b[start..end)`; false when it is no event line of any form. */
export function cutColumns(columns: Columns, b: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    const byte = b[at];
    if (byte < DASH || byte > NINE) continue;
    if (byte === DASH) {
      // A process behind its command.
      if (!isDigit(b[at + 1])) continue;
      const isCpu = cutAtCpu(columns, b, at + 1, end);
      if (isCpu || cutLatency(columns, b, at + 1, end)) {
        columns.form = isCpu ? FORM_CPU : FORM_OTHER;
        columns.place = at;
        columns.commStart = Math.min(at, skipBlanks(b, start, end));
        columns.commEnd = at;
        return true;
      }
    } else if (byte < ZERO) continue;
    // A number that is a word.
    if (at > start && !isBlank(b[at - 1])) continue;
    const isPerf = cutPerf(columns, b, at, end);
    if (isPerf || cutVerbose(columns, b, at, end)) {
      columns.form = isPerf ? FORM_PERF : FORM_OTHER;
      columns.place = at;
      return commBefore(columns, b, start, at);
    }
  }
  return false;
}

/** What stands before a process in a column of its own is the name of its command. */
function commBefore(columns: Columns, b: Buffer, start: number, pidAt: number): true {
  columns.commStart = Math.min(pidAt, skipBlanks(b, start, pidAt));
  columns.commEnd = skipBack(b, columns.commStart, pidAt);
  return true;
}
