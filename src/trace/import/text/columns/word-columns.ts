import { NO_STAMP } from '../time-stamp.ts';
import {
  cutEvent,
  isBlank,
  isDigit,
  isHexDigit,
  isLetter,
  isNameByte,
  isShort,
  numberOf,
  readTime,
  skipBlanks,
  skipDigits,
} from './column-bytes.ts';
import type { Columns } from './columns.ts';

const COLON = 0x3a;
const DASH = 0x2d;
const OPEN = 0x5b;
const CLOSE = 0x5d;
const ROUND_OPEN = 0x28;
const ROUND_CLOSE = 0x29;
const PLUS = 0x2b;
const DOT = 0x2e;
const SLASH = 0x2f;
const LOWER_M = 0x6d;
const LOWER_S = 0x73;

/** Whether the columns of perf script are at `start`: `[tgid/]pid [cpu] time: [period] group:event: args`; the CPU may be missing. */
export function cutPerf(columns: Columns, b: Buffer, start: number, end: number): boolean {
  let pidStart = behindSign(b, start);
  let pidEnd = skipDigits(b, pidStart, end);
  if (b[pidEnd] === SLASH && pidEnd > pidStart) {
    pidStart = behindSign(b, pidEnd + 1);
    pidEnd = skipDigits(b, pidStart, end);
  }
  const isUnknown = b[pidStart - 1] === DASH && pidStart > start;
  let at = skipBlanks(b, pidEnd, end);
  if (at === pidEnd || !isShort(pidEnd - pidStart)) return false;
  let cpu = 0;
  if (b[at] === OPEN) {
    const cpuStart = behindSign(b, at + 1);
    const close = skipDigits(b, cpuStart, end);
    if (b[close] !== CLOSE || !isBlank(b[close + 1]) || !isShort(close - cpuStart)) return false;
    cpu = cpuStart > at + 1 ? -1 : numberOf(b, cpuStart, close);
    at = skipBlanks(b, close + 1, end);
    // `-F +misc`: letters for the mode of the CPU.
    const letters = at;
    while (at < end && isLetter(b[at])) at++;
    if (at > letters && isBlank(b[at])) at = skipBlanks(b, at, end);
  }
  const timeStart = at;
  at = readTime(columns, b, timeStart, end);
  if (at === timeStart || b[at] !== COLON || !isBlank(b[at + 1]) || b[skipDigits(b, timeStart, end)] !== DOT)
    return false;
  at = skipBlanks(b, at + 1, end);
  const period = skipDigits(b, at, end);
  if (period > at && isBlank(b[period])) at = skipBlanks(b, period, end);
  const group = at;
  while (at < end && isNameByte(b[at])) at++;
  if (at === group || b[at] !== COLON) return false;
  columns.timeStart = timeStart;
  columns.pid = isUnknown ? -1 : numberOf(b, pidStart, pidEnd);
  columns.cpu = cpu;
  columns.level = 0;
  return cutEvent(columns, b, at + 1, end);
}

/** Behind the sign of a number: perf prints -1 for a process or a CPU that it does not know. */
function behindSign(b: Buffer, at: number): number {
  return b[at] === DASH ? at + 1 : at;
}

/**
 * Whether the columns of latency-format with every field are at `pidStart`: `pid cpu flags preempt-count index [time] 26.991ms
 * (+0.003ms): event: args`, in hex from the flags to the time.
 */
export function cutVerbose(columns: Columns, b: Buffer, pidStart: number, end: number): boolean {
  const pidEnd = skipDigits(b, pidStart, end);
  const cpuStart = skipBlanks(b, pidEnd, end);
  const cpuEnd = skipDigits(b, cpuStart, end);
  if (cpuStart === pidEnd || !isShort(cpuEnd - cpuStart) || !isShort(pidEnd - pidStart)) return false;
  let at = cpuEnd;
  for (const digits of [0, 8, 8]) {
    const word = skipBlanks(b, at, end);
    const stop = skipHex(b, word, end);
    if (word === at || stop === word || (digits > 0 && stop - word !== digits)) return false;
    at = stop;
  }
  const open = skipBlanks(b, at, end);
  const close = skipHex(b, open + 1, end);
  if (open === at || b[open] !== OPEN || close === open + 1 || b[close] !== CLOSE) return false;
  const since = skipBlanks(b, close + 1, end);
  at = milliseconds(b, since, end);
  if (since === close + 1 || at < 0) return false;
  const distance = skipBlanks(b, at, end);
  if (distance === at || b[distance] !== ROUND_OPEN || b[distance + 1] !== PLUS) return false;
  at = milliseconds(b, distance + 2, end);
  if (at < 0 || b[at] !== ROUND_CLOSE || b[at + 1] !== COLON || !isBlank(b[at + 2])) return false;
  columns.pid = numberOf(b, pidStart, pidEnd);
  columns.cpu = numberOf(b, cpuStart, cpuEnd);
  columns.level = 0;
  // Its times are milliseconds since the first event.
  columns.time.seconds = NO_STAMP;
  return cutEvent(columns, b, skipBlanks(b, at + 2, end), end);
}

/** Behind `26.991ms`, -1 when that is not there. */
function milliseconds(b: Buffer, start: number, end: number): number {
  let at = start;
  while (at < end && (isDigit(b[at]) || b[at] === DOT)) at++;
  return at > start && b[at] === LOWER_M && b[at + 1] === LOWER_S ? at + 2 : -1;
}

function skipHex(b: Buffer, from: number, end: number): number {
  let at = from;
  while (at < end && isHexDigit(b[at])) at++;
  return at;
}
