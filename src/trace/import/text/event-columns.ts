import { NO_STAMP, TimeStamp } from './time-stamp.ts';

/*
 * trace, trace_pipe, trace-cmd report and systrace share the columns `comm-pid (tgid) [cpu] flags time: event: args`.
 * They come by the million, so they are cut on the bytes, without making texts.
 */

const SPACE = 0x20;
const TAB = 0x09;
const DASH = 0x2d;
const COLON = 0x3a;
const OPEN = 0x5b;
const CLOSE = 0x5d;
const ROUND_OPEN = 0x28;
const ROUND_CLOSE = 0x29;
const PLUS = 0x2b;

/** Finds the columns of a line; the fields say where they are after `cut` was true. */
export class EventColumns {
  commStart = 0;
  commEnd = 0;
  pid = 0;
  cpu = 0;
  /** What the thread was doing: 0 task (or not recorded), 1 softirq, 2 hardirq, 3 NMI. */
  level = 0;
  readonly time = new TimeStamp();
  eventStart = 0;
  eventEnd = 0;
  argsStart = 0;

  /**
   * Command names hold spaces, dashes, slashes and brackets, so the first "-pid [cpu]" counts that the rest of the line
   * agrees with.
   */
  cut(b: Buffer, start: number, end: number): boolean {
    for (let at = start + 1; at < end; at++) {
      if (b[at] !== OPEN) continue;
      let close = at + 1;
      let cpu = 0;
      while (close < end && isDigit(b[close])) cpu = cpu * 10 + b[close++] - 0x30;
      if (close === at + 1 || b[close] !== CLOSE) continue;
      if (this.#pidBefore(b, start, at) && this.#tail(b, close + 1, end)) {
        this.cpu = cpu;
        return true;
      }
    }
    return false;
  }

  /** The digits of `-pid` or `-pid (tgid)` that end before `open`, with at least one blank between. */
  #pidBefore(b: Buffer, start: number, open: number): boolean {
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
    this.pid = pid;
    if (at === last || at <= start || b[at - 1] !== DASH) return false;
    this.commStart = skipBlanks(b, start, at - 1);
    this.commEnd = at - 1;
    return true;
  }

  /** Flags, which have 4, 5 or 7 characters by kernel and may be missing; the time; trace-cmd's distance `(+29)`. */
  #tail(b: Buffer, from: number, end: number): boolean {
    let at = skipBlanks(b, from, end);
    if (at === from) return false;
    const stop = wordEnd(b, at, end);
    this.level = 0;
    if (b[stop - 1] !== COLON) {
      // Where lazy preemption has a column of its own, the context letter is the fourth.
      this.level = levelOf(b[at + (stop - at >= 7 ? 3 : 2)]);
      at = skipBlanks(b, stop, end);
    }
    if (at >= end || !isDigit(b[at])) return false;
    at = this.#timeEnd(b, at, end);
    if (b[at - 1] !== COLON) return false;
    at = skipBlanks(b, at, end);
    if (b[at] === ROUND_OPEN && b[at + 1] === PLUS) at = skipBlanks(b, wordEnd(b, at, end), end);
    this.eventStart = at;
    while (at < end && isNameByte(b[at])) at++;
    if (at === this.eventStart || at >= end || b[at] !== COLON) return false;
    this.eventEnd = at;
    this.argsStart = skipBlanks(b, at + 1, end);
    return true;
  }

  /** Reads the time at `start`; returns the end of its word, which must be a colon. */
  #timeEnd(b: Buffer, start: number, end: number): number {
    const { time } = this;
    const at = time.read(b, start);
    if (b[at] === COLON && at + 1 < end && isBlank(b[at + 1])) return at + 1;
    // Another kind of time is part of the line's form, too.
    time.seconds = NO_STAMP;
    return wordEnd(b, at, end);
  }
}

/** The interrupt context that a letter of the flags column stands for. */
export function levelOf(letter: number): number {
  if (letter === 0x73) return 1;
  if (letter === 0x68 || letter === 0x48) return 2;
  return letter === 0x7a || letter === 0x5a ? 3 : 0;
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

function isNameByte(byte: number): boolean {
  return (
    (byte >= 0x61 && byte <= 0x7a) || (byte >= 0x41 && byte <= 0x5a) || isDigit(byte) || byte === 0x5f || byte === DASH
  );
}

function isBlank(byte: number): boolean {
  return byte === SPACE || byte === TAB;
}

function skipBlanks(b: Buffer, from: number, end: number): number {
  let at = from;
  while (at < end && isBlank(b[at])) at++;
  return at;
}

function skipBack(b: Buffer, start: number, from: number): number {
  let at = from;
  while (at > start && isBlank(b[at - 1])) at--;
  return at;
}

function wordEnd(b: Buffer, from: number, end: number): number {
  let at = from;
  while (at < end && !isBlank(b[at])) at++;
  return at;
}
