import type { Payload } from '../payload.ts';
import { NO_STAMP } from '../text/time-stamp.ts';

/** What one line of a recording tells. */
export interface LoggedEvent {
  /** Empty for an event that is of no use to a replay. */
  readonly payloads: readonly Payload[];
  /** Who did it, as far as the line says; `log` when it does not. */
  readonly thread: string;
  /** The name of its command; empty when the line does not say. */
  readonly comm: string;
  /** Its time in two parts; the seconds are NO_STAMP when the line has none. */
  readonly seconds: number;
  readonly nanos: number;
  /** Column, from 1, of fields that should have given a payload and could not be read; 0 when there are none. */
  readonly unreadable: number;
}

/** Reads the lines of one kind of recording. Readers may remember what earlier lines said. */
export interface LineReader {
  /** What such a line is, for people. */
  readonly format: string;
  /** A line, or where such lines come from, for people whose file is of no known format; null: goes without saying. */
  readonly example: string | null;
  /** What the lines read so far leave out and what stands in for it, for people; null: nothing. */
  readonly note: string | null;
  /** Null: not such a line. */
  read(line: string): LoggedEvent | null;
  /** The input has ended: what was held back. */
  finish?(): LoggedEvent | null;
}

/** No line of a log comes near; what is longer is not looked at, lest a damaged file takes hours. */
export const LONGEST_LINE = 16384;

/** The thread of a line that names none. */
export const NO_THREAD = 'log';

/** When something was printed; the seconds are NO_STAMP when that is not known. */
export interface Stamp {
  readonly seconds: number;
  readonly nanos: number;
}

export const UNSTAMPED: Stamp = { seconds: NO_STAMP, nanos: 0 };

/** Where an event's head comes from. */
export interface LineHead extends Stamp {
  readonly thread: string;
  readonly comm?: string;
}

/** The head of a line that `thread` printed at `stamp`. */
export function lineHead(thread: string, { seconds, nanos }: Stamp, comm = ''): LineHead {
  return { thread, comm, seconds, nanos };
}

/** What a message says, whatever its line begins with. */
export interface Reading {
  readonly payloads: readonly Payload[];
  /** Where in the message the fields begin that could not be read; -1: they were. */
  readonly unreadableAt: number;
}

/** A message that is known and of no use. */
export const NOTHING: Reading = { payloads: [], unreadableAt: -1 };

/** A message that tells of these events. */
export function readingOf(...payloads: readonly Payload[]): Reading {
  return { payloads, unreadableAt: -1 };
}

/** A message whose fields, from `at` on, are in no known form. */
export function unreadableFrom(at: number): Reading {
  return { payloads: [], unreadableAt: at };
}

/** A line's event: its head, and what its message says, which begins at index `start` of the line. */
export function loggedEvent(head: LineHead, reading: Reading, start = 0): LoggedEvent {
  const { thread, comm = '', seconds, nanos } = head;
  const { payloads, unreadableAt } = reading;
  return { payloads, thread, comm, seconds, nanos, unreadable: unreadableAt < 0 ? 0 : start + unreadableAt + 1 };
}
