import { isBlank, isDigit, skipBack, skipBlanks } from './column-bytes.ts';
import type { Columns } from './columns.ts';
import { cutAtCpu } from './cpu-columns.ts';
import { cutLatency } from './latency-columns.ts';
import { cutPerf, cutVerbose } from './word-columns.ts';

/*
 * Event lines come by the million, so they are cut on the bytes, without making texts. Command names hold spaces, dashes,
 * slashes and brackets, so the first place counts that the rest of the line agrees with.
 */

/** What may begin at a byte: `[cpu]`, `-pid` before a CPU without brackets, a number that is a word. */
const BRACKET = 1;
const DASH = 2;
const DIGIT = 3;
const KINDS = new Uint8Array(256);
KINDS[0x5b] = BRACKET;
KINDS[0x2d] = DASH;
KINDS.fill(DIGIT, 0x30, 0x3a);

/** Finds the columns of the line in `b[start..end)`; false when it is no event line of any form. */
export function cutColumns(columns: Columns, b: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    switch (KINDS[b[at]]) {
      case BRACKET:
        if (cutAtCpu(columns, b, start, at, end)) return true;
        break;
      case DASH:
        if (isDigit(b[at + 1]) && cutLatency(columns, b, at + 1, end)) {
          columns.commStart = Math.min(at, skipBlanks(b, start, end));
          columns.commEnd = at;
          return true;
        }
        if (!isDigit(b[at + 1]) || (at > start && !isBlank(b[at - 1]))) break;
        if (cutPerf(columns, b, at, end)) return commBefore(columns, b, start, at);
        break;
      case DIGIT:
        if (at > start && !isBlank(b[at - 1])) break;
        if (cutPerf(columns, b, at, end) || cutVerbose(columns, b, at, end)) return commBefore(columns, b, start, at);
        break;
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
