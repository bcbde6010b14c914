import { NO_STAMP } from '../time-stamp.ts';
import {
  cutUngrouped,
  isBlank,
  isDigit,
  isShort,
  levelOf,
  numberOf,
  skipBack,
  skipBlanks,
  skipDigits,
  wordEnd,
} from './column-bytes.ts';
import type { Columns } from './columns.ts';

/* trace, trace_pipe, trace-cmd report and systrace share the columns `comm-pid (tgid) [cpu] flags time: event: args`. */

const SPACE = 0x20;
const DASH = 0x2d;
const COLON = 0x3a;
const CLOSE = 0x5d;
const ROUND_OPEN = 0x28;
const ROUND_CLOSE = 0x29;
const PLUS = 0x2b;

/** Whether the bracket at `open` is that of the CPU, with the other columns before and behind it. */
export function cutAtCpu(columns: Columns, b: Buffer, start: number, open: number, end: number): boolean {
  const close = skipDigits(b, open + 1, end);
  if (b[close] !== CLOSE || !isShort(close - open - 1)) return false;
  if (!pidBefore(columns, b, start, open) || !tail(columns, b, close + 1, end)) return false;
  columns.cpu = numberOf(b, open + 1, close);
  return true;
}

/** The digits of `-pid` or `-pid (tgid)` that end before `open`, with at least one blank between. */
function pidBefore(columns: Columns, b: Buffer, start: number, open: number): boolean {
  let at = skipBack(b, start, open);
  if (at === open) return false;
  if (b[at - 1] === ROUND_CLOSE) {
    at--;
    while (at > start && (isDigit(b[at - 1]) || b[at - 1] === DASH || b[at - 1] === SPACE)) at--;
    if (at <= start || b[at - 1] !== ROUND_OPEN) return false;
    at = skipBack(b, start, at - 1);
  }
  let pid = 0;
  let scale = 1;
  const last = at;
  while (at > start && isDigit(b[at - 1])) {
    pid += (b[--at] - 0x30) * scale;
    scale *= 10;
  }
  columns.pid = pid;
  if (!isShort(last - at) || at <= start || b[at - 1] !== DASH) return false;
  columns.commStart = skipBlanks(b, start, at - 1);
  columns.commEnd = at - 1;
  return true;
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
