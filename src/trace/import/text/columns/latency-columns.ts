import { NO_STAMP } from '../time-stamp.ts';
import {
  cutUngrouped,
  isBlank,
  isDigit,
  isHexDigit,
  isLetter,
  isShort,
  levelOf,
  numberOf,
  readTime,
  skipBlanks,
  skipDigits,
} from './column-bytes.ts';
import type { Columns } from './columns.ts';

const COLON = 0x3a;
const DASH = 0x2d;
const ZERO = 0x30;
const LOWER_X = 0x78;
const ROUND_OPEN = 0x28;
const ROUND_CLOSE = 0x29;
const PLUS = 0x2b;
const DOT = 0x2e;
const HASH = 0x23;
const UNDERSCORE = 0x5f;
const LOWER_S = 0x73;
const LOWER_U = 0x75;
/** Marks of a time that was long: `26400us!:` (trace_output.c:mark). */
const IS_MARK = new Uint8Array(256);
for (const mark of Buffer.from('!+#*@$ ', 'latin1')) IS_MARK[mark] = 1;
const LEAST_FLAGS = 4;
const MOST_FLAGS = 8;

/** Whether the columns of latency-format and `trace-cmd report -l` are at `pidStart`: `pid  1d.h.. 26400us!: event: args`. */
export function cutLatency(columns: Columns, b: Buffer, pidStart: number, end: number): boolean {
  const pidEnd = skipDigits(b, pidStart, end);
  const cpuStart = skipBlanks(b, pidEnd, end);
  const cpuEnd = skipDigits(b, cpuStart, end);
  if (cpuStart === pidEnd || !isShort(cpuEnd - cpuStart) || !isShort(pidEnd - pidStart)) return false;
  let at = cpuEnd;
  let raw = -1;
  if (b[at] === DASH && b[at + 1] === ZERO && b[at + 2] === LOWER_X) {
    // `trace-cmd report -l -R`: the event's flags as a number.
    raw = 0;
    const first = at + 3;
    for (at = first; at < end && isHexDigit(b[at]); at++)
      raw = ((raw & 0xf) << 4) | ((b[at] & 0xf) + (isDigit(b[at]) ? 0 : 9));
    if (at === first) return false;
  } else while (at < end && isFlag(b[at])) at++;
  const flags = at - cpuEnd;
  if (!isBlank(b[at])) return false;
  if (raw < 0 && (flags < LEAST_FLAGS || flags > MOST_FLAGS || b[cpuEnd] === UNDERSCORE)) return false;
  const timeStart = skipBlanks(b, at, end);
  at = readTime(columns, b, timeStart, end);
  if (at === timeStart) return false;
  if (b[at] === LOWER_U && b[at + 1] === LOWER_S) {
    // Microseconds since the first event.
    columns.time.seconds = NO_STAMP;
    at += 2;
  }
  if (isBlank(b[at])) at++;
  if (IS_MARK[b[at]] === 1) at++;
  if (b[at] !== COLON || !isBlank(b[at + 1])) return false;
  at = skipBlanks(b, at + 1, end);
  if (b[at] === ROUND_OPEN && b[at + 1] === PLUS) {
    const distance = skipDigits(b, at + 2, end);
    if (b[distance] === ROUND_CLOSE && isBlank(b[distance + 1])) at = skipBlanks(b, distance + 1, end);
  }
  columns.pid = numberOf(b, pidStart, pidEnd);
  columns.cpu = numberOf(b, cpuStart, cpuEnd);
  columns.level = raw < 0 ? levelOf(b[cpuEnd + (flags >= 7 ? 3 : 2)]) : levelOfFlags(raw);
  return cutUngrouped(columns, b, at, end);
}

/** What an event's flags say: TRACE_FLAG_NMI, TRACE_FLAG_HARDIRQ, TRACE_FLAG_SOFTIRQ (trace_events.h). */
function levelOfFlags(flags: number): number {
  if ((flags & 0x40) !== 0) return 3;
  if ((flags & 0x08) !== 0) return 2;
  return (flags & 0x10) !== 0 ? 1 : 0;
}

/** A byte of the flags column; no digit comes first, as those are the CPU's. */
function isFlag(byte: number): boolean {
  return isLetter(byte) || isDigit(byte) || byte === DOT || byte === HASH || byte === UNDERSCORE;
}
