import type { EventHead } from '../event-head.ts';
import type { Payload } from '../payload.ts';
import { bytesOf } from './byte-cursor.ts';
import { Columns } from './columns/columns.ts';
import { cutColumns } from './columns/event-columns.ts';
import { isUnreadable, parsePayload } from './payload-text.ts';
import { PlainCalls } from './plain-call.ts';
import { parsePlainRequest } from './plain-request.ts';

/** An event line, as far as a replay needs it. */
export interface EventLine extends EventHead {
  /** Null when the event is of no use to a replay. */
  readonly payload: Payload | null;
  /** Column, from 1, of fields that should have given a payload and could not be read; 0 when there are none. */
  readonly unreadable: number;
}

/** No event line comes near; what is longer is not looked at, lest a damaged file takes hours. */
const LONGEST = 16384;
const ROUND_OPEN = 0x28;
/** Names of the two events that recordings consist of. */
export const MAP = bytesOf('map');
export const UNMAP = bytesOf('unmap');
/** First letters of the names of events that have a payload. */
const FIRST_LETTERS = new Uint8Array(256);
for (const letter of bytesOf('adimru')) FIRST_LETTERS[letter] = 1;

/** Reads event lines of every printed form. */
export class EventLineReader {
  /** Where the columns of the line read last are, when it was an event. */
  readonly columns = new Columns();
  readonly #calls = new PlainCalls();
  readonly #threads = new Map<number, string>();
  readonly #comms: boolean;

  /** `comms`: whether the lines read tell the names of commands. */
  constructor(comms = false) {
    this.#comms = comms;
  }

  /** The line in `b[start..end)`, without its line feed; null when it is no event. */
  read(b: Buffer, start: number, end: number): EventLine | null {
    if (end - start > LONGEST) return null;
    const { columns } = this;
    if (!cutColumns(columns, b, start, end)) return null;
    const { seconds, nanos } = columns.time;
    const { eventStart, eventEnd, argsStart, level, cpu } = columns;
    const thread = this.#thread(columns.pid, cpu);
    const comm = this.#comms ? b.toString('utf8', columns.commStart, columns.commEnd) : '';
    let payload: Payload | null = null;
    if (b[argsStart] === ROUND_OPEN) payload = this.#calls.parse(b, argsStart, end);
    else if (isName(b, eventStart, eventEnd, MAP)) payload = parsePlainRequest(b, argsStart, end, true);
    else if (isName(b, eventStart, eventEnd, UNMAP)) payload = parsePlainRequest(b, argsStart, end, false);
    else if (FIRST_LETTERS[b[eventStart]] === 0)
      // Most other events are told by the first letter of their name.
      return { thread, level, cpu, comm, seconds, nanos, payload: null, unreadable: 0 };
    let unreadable = 0;
    if (payload === null) {
      const event = b.toString('latin1', eventStart, eventEnd);
      const args = b.toString('latin1', argsStart, end);
      payload = parsePayload(event, args);
      if (payload === null && isUnreadable(event, args)) unreadable = argsStart - start + 1;
    }
    return { thread, level, cpu, comm, seconds, nanos, payload, unreadable };
  }

  #thread(pid: number, cpu: number): string {
    const key = pid === 0 ? -3 - cpu : pid;
    const known = this.#threads.get(key);
    if (known !== undefined) return known;
    const thread = threadOf(pid, cpu);
    this.#threads.set(key, thread);
    return thread;
  }
}

/** Whether the name in `b[start..end)` is that of an event. */
export function isName(b: Buffer, start: number, end: number, name: Uint8Array): boolean {
  if (end - start !== name.length) return false;
  for (let i = 0; i < name.length; i++) if (b[start + i] !== name[i]) return false;
  return true;
}

function threadOf(pid: number, cpu: number): string {
  return pid === 0 ? `0@${cpu}` : String(pid);
}
