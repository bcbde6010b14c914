import { bytesOf } from './byte-cursor.ts';
import { EventColumns, levelOf } from './event-columns.ts';
import { isUnreadable, type Payload, parsePayload } from './payload.ts';
import { PlainCalls } from './plain-call.ts';
import { parsePlainRequest } from './plain-request.ts';

/** An event line, as far as a replay needs it. */
export interface EventLine {
  /** Process id; idle tasks share pid 0 and are told apart by CPU: `0@1`. */
  readonly thread: string;
  /** Interrupt level, 0 for a task. */
  readonly level: number;
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

/** Reads event lines of every printed form. */
export class EventLineReader {
  readonly #columns = new EventColumns();
  readonly #calls = new PlainCalls();
  readonly #threads = new Map<number, string>();

  /** The line in `b[start..end)`, without its line feed; null when it is no event. */
  read(b: Buffer, start: number, end: number): EventLine | null {
    if (end - start > LONGEST) return null;
    const columns = this.#columns;
    if (!columns.cut(b, start, end)) return parseOther(b.toString('latin1', start, end));
    const { eventStart, eventEnd, argsStart, level } = columns;
    const thread = this.#thread(columns.pid, columns.cpu);
    let plain: Payload | null = null;
    if (b[argsStart] === ROUND_OPEN) plain = this.#calls.parse(b, argsStart, end);
    else {
      // Most other events are told by their name alone.
      const isMap = isName(b, eventStart, eventEnd, MAP);
      if (!isMap && !isName(b, eventStart, eventEnd, UNMAP)) return { thread, level, payload: null, unreadable: 0 };
      plain = parsePlainRequest(b, argsStart, end, isMap);
    }
    if (plain !== null) return { thread, level, payload: plain, unreadable: 0 };
    const event = b.toString('latin1', eventStart, eventEnd);
    return eventLine(thread, level, event, b.toString('latin1', argsStart, end), argsStart - start + 1);
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
  /^\s*(?:.*?)-(\d+)\s+(\d+)([.#a-zA-Z][.#\w]{3,7})\s+\d+(?:\.\d+)?(?:us)?\s?[!+#*@$ ]?:\s+([\w-]+):\s*(.*)$/;
/** latency-format with every field. */
const VERBOSE =
  /^\s*(?:.*?)\s+(\d+)\s+(\d+)\s+[0-9a-f]+\s+[0-9a-f]{8}\s+[0-9a-f]{8}\s+\[[0-9a-f]+\]\s+[\d.]+ms\s+\(\+[\d.]+ms\):\s+([\w-]+):\s*(.*)$/;
/** `perf script`: `comm pid/tid [cpu] time: period system:event: args`. */
const PERF = /^\s*(?:.*?)\s+(?:\d+\/)?(\d+)\s+(?:\[(\d+)\]\s+)?\d+\.\d+:\s+(?:\d+\s+)?[\w-]+:([\w-]+):\s*(.*)$/;

function parseOther(line: string): EventLine | null {
  const short = LATENCY.exec(line);
  if (short !== null) {
    const flags = short[3];
    const level = levelOf(flags.charCodeAt(flags.length >= 7 ? 3 : 2));
    const thread = threadOf(Number(short[1]), Number(short[2]));
    return eventLine(thread, level, short[4], short[5], line.length - short[5].length + 1);
  }
  const match = VERBOSE.exec(line) ?? PERF.exec(line);
  if (match === null) return null;
  const thread = threadOf(Number(match[1]), Number(match[2] ?? 0));
  return eventLine(thread, 0, match[3], match[4], line.length - match[4].length + 1);
}

function eventLine(thread: string, level: number, event: string, args: string, column: number): EventLine {
  const payload = parsePayload(event, args);
  return { thread, level, payload, unreadable: payload === null && isUnreadable(event, args) ? column : 0 };
}
