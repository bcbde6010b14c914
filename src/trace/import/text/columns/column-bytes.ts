import type { Columns } from './columns.ts';

const SPACE = 0x20;
const TAB = 0x09;
const DASH = 0x2d;
const UNDERSCORE = 0x5f;
const COLON = 0x3a;
const DOT = 0x2e;
/** No number of a process or a CPU has more digits. */
const MOST_DIGITS = 10;

export function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

export function isHexDigit(byte: number): boolean {
  return isDigit(byte) || (byte >= 0x61 && byte <= 0x66);
}

export function isLetter(byte: number): boolean {
  return (byte >= 0x61 && byte <= 0x7a) || (byte >= 0x41 && byte <= 0x5a);
}

/** A byte of the name of an event or of a group of events. */
export function isNameByte(byte: number): boolean {
  return isLetter(byte) || isDigit(byte) || byte === UNDERSCORE || byte === DASH;
}

export function isBlank(byte: number): boolean {
  return byte === SPACE || byte === TAB;
}

/** Behind the blanks at `from`. */
export function skipBlanks(b: Buffer, from: number, end: number): number {
  let at = from;
  while (at < end && isBlank(b[at])) at++;
  return at;
}

/** Before the blanks that end at `from`. */
export function skipBack(b: Buffer, start: number, from: number): number {
  let at = from;
  while (at > start && isBlank(b[at - 1])) at--;
  return at;
}

/** Behind the digits at `from`. */
export function skipDigits(b: Buffer, from: number, end: number): number {
  let at = from;
  while (at < end && isDigit(b[at])) at++;
  return at;
}

/** The end of the word at `from`. */
export function wordEnd(b: Buffer, from: number, end: number): number {
  let at = from;
  while (at < end && !isBlank(b[at])) at++;
  return at;
}

/** The decimal number in `b[from..end)`, of digits only and few enough for a double. */
export function numberOf(b: Buffer, from: number, end: number): number {
  let value = 0;
  for (let at = from; at < end; at++) value = value * 10 + b[at] - 0x30;
  return value;
}

/** The interrupt context that a letter of the flags column stands for. */
export function levelOf(letter: number): number {
  if (letter === 0x73) return 1;
  if (letter === 0x68 || letter === 0x48) return 2;
  return letter === 0x7a || letter === 0x5a ? 3 : 0;
}

/** Whether a number of so many digits may be that of a process or a CPU. */
export function isShort(digits: number): boolean {
  return digits > 0 && digits <= MOST_DIGITS;
}

/** Finds `event: args` at `start`. */
export function cutEvent(columns: Columns, b: Buffer, start: number, end: number): boolean {
  let at = start;
  while (at < end && isNameByte(b[at])) at++;
  if (at === start || at >= end || b[at] !== COLON) return false;
  columns.eventStart = start;
  columns.eventEnd = at;
  columns.argsStart = skipBlanks(b, at + 1, end);
  return true;
}

/** The same where no group is printed: `group:event:` is not the event `group`. */
export function cutUngrouped(columns: Columns, b: Buffer, start: number, end: number): boolean {
  if (!cutEvent(columns, b, start, end)) return false;
  let at = columns.eventEnd + 1;
  if (at >= end || isBlank(b[at])) return true;
  while (at < end && isNameByte(b[at])) at++;
  return b[at] !== COLON || at === columns.eventEnd + 1;
}

/** Reads the time at `start`, digits with or without a fraction; returns where it ends, `start` when it is none. */
export function readTime({ time }: Columns, b: Buffer, start: number, end: number): number {
  const whole = skipDigits(b, start, end);
  if (whole === start) return start;
  time.read(b, start);
  if (b[whole] !== DOT) return whole;
  const fraction = skipDigits(b, whole + 1, end);
  return fraction === whole + 1 ? start : fraction;
}
