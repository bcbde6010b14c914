import { NO_STAMP } from '../time-stamp.ts';
import {
  cutUngrouped,
  isBlank,
  isDigit,
  isShort,
  levelOf,
  numberOf,
  skipBlanks,
  skipDigits,
  wordEnd,
} from './column-bytes.ts';
import type { Columns } from './columns.ts';

/* trace, trace_pipe, trace-cmd report and systrace share the columns `comm-pid (tgid) [cpu] flags time: event: args`. */

const SPACE = 0x20;
const DASH = 0x2d;
const COLON = 0x3a;
const OPEN = 0x5b;
const CLOSE = 0x5d;
const ROUND_OPEN = 0x28;
const ROUND_CLOSE = 0x29;
const PLUS = 0x2b;

/** Whether the columns from a process on are at `pidStart`: `pid (tgid) [cpu] flags time: event: args`. */
export function cutAtCpu(columns: Columns, b: Buffer, pidStart: number, end: number): boolean {
  const pidEnd = skipDigits(b, pidStart, end);
  let at = skipBlanks(b, pidEnd, end);
  let before = pidEnd;
  if (b[at] === ROUND_OPEN) {
    before = skipGroup(b, at + 1, end);
    if (b[before - 1] !== ROUND_CLOSE) return false;
    at = skipBlanks(b, before, end);
  }
  if (at === before || b[at] !== OPEN || !isShort(pidEnd - pidStart)) return false;
  const close = skipDigits(b, at + 1, end);
  if (b[close] !== CLOSE || !isShort(close - at - 1) || !tail(columns, b, close + 1, end)) return false;
  columns.pid = numberOf(b, pidStart, pidEnd);
  columns.cpu = numberOf(b, at + 1, close);
  return true;
}

/** Behind the thread group and the bracket that ends it: `  235)`, `-------)`. */
function skipGroup(b: Buffer, from: number, end: number): number {
  let at = from;
  while (at < end && (isDigit(b[at]) || b[at] === DASH || b[at] === SPACE)) at++;
  return at + 1;
}

/** Flags, which have 4, 5 or 7 characters by kernel and may be missing; the time; trace-cmd's distance `(+29)`. */
function tail(columns: Columns, b: Buffer, from: number, end: number): boolean {
  let at = skipBlanks(b, from, end);
  if (at === from) return false;
  const stop = wordEnd(b, at, end);
  columns.level = 0;
  if (b[stop - 1] !== COLON) {
    // Where lazy preemption has a column of its own, the context letter is the fourth.
    columns.level = levelOf(b[at + (stop - at >= 7 ? 3 : 2)]);
    at = skipBlanks(b, stop, end);
  }
  if (at >= end || !isDigit(b[at])) return false;
  columns.timeStart = at;
  at = timeEnd(columns, b, at, end);
  if (b[at - 1] !== COLON) return false;
  at = skipBlanks(b, at, end);
  if (b[at] === ROUND_OPEN && b[at + 1] === PLUS) at = skipBlanks(b, wordEnd(b, at, end), end);
  return cutUngrouped(columns, b, at, end);
}

/** Reads the time at `start`; returns the end of its word, which must be a colon. */
function timeEnd(columns: Columns, b: Buffer, start: number, end: number): number {
  const { time } = columns;
  const at = time.read(b, start);
  if (b[at] === COLON && at + 1 < end && isBlank(b[at + 1])) return at + 1;
  // Another kind of time is part of the line's form, too.
  time.seconds = NO_STAMP;
  return wordEnd(b, at, end);
}
