import type { EventHead } from '../event-head.ts';
import type { Payload } from '../payload.ts';
import { bytesOf } from './byte-cursor.ts';
import { EventColumns, levelOf } from './event-columns.ts';
import { isUnreadable, parsePayload } from './payload-text.ts';
import { PlainCalls } from './plain-call.ts';
import { parsePlainRequest } from './plain-request.ts';
import { TimeStamp } from './time-stamp.ts';

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
const MAP = bytesOf('map');
const UNMAP = bytesOf('unmap');
/** First letters of the names of events that have a payload. */
const FIRST_LETTERS = new Uint8Array(256);
for (const letter of bytesOf('adimru')) FIRST_LETTERS[letter] = 1;

/** Reads event lines of every printed form. */
export class EventLineReader {
  readonly #columns = new EventColumns();
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
    const columns = this.#columns;
    if (!columns.cut(b, start, end)) return parseOther(b.toString('latin1', start, end));
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
    if (payload !== null) return { thread, level, cpu, comm, seconds, nanos, payload, unreadable: 0 };
    const event = b.toString('latin1', eventStart, eventEnd);
    const args = b.toString('latin1', argsStart, end);
    return eventLine({ thread, level, cpu, comm, seconds, nanos }, event, args, argsStart - start + 1);
  }

  #thread(pid: number, cpu: number): string {
    const key = pid === 0 ? -1 - cpu : pid;
    const known = this.#threads.get(key);
    if (known !== undefined) return known;
    const thread = threadOf(pid, cpu);
    this.#threads.set(key, thread);
    return thread;
  }
}

function isName(b: Buffer, start: number, end: number, name: Uint8Array): boolean {
  if (end - start !== name.length) return false;
  for (let i = 0; i < name.length; i++) if (b[start + i] !== name[i]) return false;
  return true;
}

function threadOf(pid: number, cpu: number): string {
  return pid === 0 ? `0@${cpu}` : String(pid);
}

/** latency-format and `trace-cmd report -l`: CPU and flags in one word, no brackets. */
const LATENCY =
  /^\s*(.*?)-(\d+)\s+(\d+)([.#a-zA-Z][.#\w]{3,7})\s+(\d+(?:\.\d+)?(?:us)?)\s?[!+#*@$ ]?:\s+(?:\(\+\d+\)\s+)?([\w-]+):\s*(.*)$/;
/** latency-format with every field. */
const VERBOSE =
  /^\s*(.*?)\s+(\d+)\s+(\d+)\s+[0-9a-f]+\s+[0-9a-f]{8}\s+[0-9a-f]{8}\s+\[[0-9a-f]+\]\s+[\d.]+ms\s+\(\+[\d.]+ms\):\s+([\w-]+):\s*(.*)$/;
/** `perf script`: `comm pid/tid [cpu] time: period system:event: args`. */
const PERF = /^\s*(.*?)\s+(?:\d+\/)?(\d+)\s+(?:\[(\d+)\]\s+)?(\d+\.\d+):\s+(?:\d+\s+)?[\w-]+:([\w-]+):\s*(.*)$/;

/** A line that is not in columns. */
function parseOther(text: string): EventLine | null {
  const short = LATENCY.exec(text);
  if (short !== null) {
    const [, comm, pid, cpu, flags, time, event, args] = short;
    const level = levelOf(flags.charCodeAt(flags.length >= 7 ? 3 : 2));
    return otherLine(text, { comm, pid, cpu, level, time, event, args });
  }
  const verbose = VERBOSE.exec(text);
  if (verbose !== null) {
    const [, comm, pid, cpu, event, args] = verbose;
    // Its times are milliseconds since the first event.
    return otherLine(text, { comm, pid, cpu, level: 0, time: '', event, args });
  }
  const perf = PERF.exec(text);
  if (perf === null) return null;
  const [, comm, pid, cpu, time, event, args] = perf;
  return otherLine(text, { comm, pid, cpu: cpu ?? '0', level: 0, time, event, args });
}

interface Parts {
  readonly comm: string;
  readonly pid: string;
  readonly cpu: string;
  readonly level: number;
  readonly time: string;
  readonly event: string;
  readonly args: string;
}

function otherLine(text: string, { comm, pid, cpu, level, time, event, args }: Parts): EventLine {
  const stamp = new TimeStamp();
  stamp.read(Buffer.from(`${time}:`, 'latin1'), 0);
  const { seconds, nanos } = stamp;
  const head = { thread: threadOf(Number(pid), Number(cpu)), level, cpu: Number(cpu), comm, seconds, nanos };
  // The fields end the line.
  return eventLine(head, event, args, text.length - args.length + 1);
}

function eventLine(head: EventHead, event: string, args: string, column: number): EventLine {
  const payload = parsePayload(event, args);
  return { ...head, payload, unreadable: payload === null && isUnreadable(event, args) ? column : 0 };
}
