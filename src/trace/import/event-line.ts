/** One event line of a recording, cut into the columns that a replay needs. */
export interface EventLine {
  /** Process id; idle tasks share pid 0 and are told apart by CPU: `0@1`. */
  readonly thread: string;
  /** What the thread was doing: 0 task (or not recorded), 1 softirq, 2 hardirq, 3 NMI. */
  readonly level: number;
  readonly event: string;
  readonly args: string;
}

/** No event line comes near; what is longer is not looked at, lest a damaged file takes hours. */
const LONGEST = 16384;
const SPACE = 0x20;
const TAB = 0x09;
const DASH = 0x2d;
const COLON = 0x3a;

/**
 * Reads a line of any printed form. trace, trace_pipe, trace-cmd report and systrace share the columns
 * `comm-pid (tgid) [cpu] flags time: event: args`; those are cut by hand, as they come by the million.
 */
export function parseEventLine(line: string): EventLine | null {
  if (line.length > LONGEST) return null;
  return parseColumns(line) ?? parseLatency(line) ?? parsePerf(line);
}

/*
 * Command names hold spaces, dashes, slashes and brackets, so the first "-pid [cpu]" counts. The flags column has 4, 5 or
 * 7 characters by kernel and is missing without irq info. Behind the time trace-cmd may print the distance: (+29).
 */
function parseColumns(line: string): EventLine | null {
  for (let open = line.indexOf('['); open > 0; open = line.indexOf('[', open + 1)) {
    const close = skipDigits(line, open + 1);
    if (close === open + 1 || line.charCodeAt(close) !== 0x5d) continue;
    const pid = pidBefore(line, open);
    if (pid === null) continue;
    const found = parseTail(line, close + 1, pid, line.slice(open + 1, close));
    if (found !== null) return found;
  }
  return null;
}

/** The digits of `-pid` or `-pid (tgid)` that end before `open`, with at least one blank between. */
function pidBefore(line: string, open: number): string | null {
  let end = skipBlanksBack(line, open);
  if (end === open) return null;
  if (line.charCodeAt(end - 1) === 0x29) {
    const bracket = line.lastIndexOf('(', end - 1);
    if (bracket < 0 || !TGID.test(line.slice(bracket, end))) return null;
    end = skipBlanksBack(line, bracket);
  }
  let start = end;
  while (start > 0 && isDigit(line.charCodeAt(start - 1))) start--;
  return start === end || start === 0 || line.charCodeAt(start - 1) !== DASH ? null : line.slice(start, end);
}

const TGID = /^\(\s*(?:\d+|-+)\)$/;

function parseTail(line: string, from: number, pid: string, cpu: string): EventLine | null {
  let at = skipBlanks(line, from);
  if (at === from) return null;
  let end = wordEnd(line, at);
  let level = 0;
  if (line.charCodeAt(end - 1) !== COLON) {
    level = levelOf(line, at, end);
    at = skipBlanks(line, end);
    end = wordEnd(line, at);
  }
  if (!isDigit(line.charCodeAt(at)) || line.charCodeAt(end - 1) !== COLON) return null;
  at = skipBlanks(line, end);
  if (line.charCodeAt(at) === 0x28 && line.charCodeAt(at + 1) === 0x2b) at = skipBlanks(line, wordEnd(line, at));
  const colon = line.indexOf(':', at);
  if (colon <= at) return null;
  const event = line.slice(at, colon);
  if (!EVENT.test(event)) return null;
  return { thread: threadOf(pid, cpu), level, event, args: line.slice(skipBlanks(line, colon + 1)) };
}

const EVENT = /^[\w-]+$/;

function threadOf(pid: string, cpu: string): string {
  return pid === '0' ? `0@${Number(cpu)}` : pid;
}

/** The context letter of a flags column: third, or fourth where lazy preemption has a column of its own. */
function levelOf(line: string, start: number, end: number): number {
  const letter = line.charCodeAt(start + (end - start >= 7 ? 3 : 2));
  if (letter === 0x73) return 1;
  if (letter === 0x68 || letter === 0x48) return 2;
  return letter === 0x7a || letter === 0x5a ? 3 : 0;
}

/** latency-format and `trace-cmd report -l`: CPU and flags in one word, no brackets; or every field, when verbose. */
const LATENCY =
  /^\s*(?:.*?)-(\d+)\s+(\d+)([.#a-zA-Z][.#\w]{3,7})\s+\d+(?:\.\d+)?(?:us)?\s?[!+#*@$ ]?:\s+([\w-]+):\s*(.*)$/;
const LATENCY_VERBOSE =
  /^\s*(?:.*?)\s+(\d+)\s+(\d+)\s+[0-9a-f]+\s+[0-9a-f]{8}\s+[0-9a-f]{8}\s+\[[0-9a-f]+\]\s+[\d.]+ms\s+\(\+[\d.]+ms\):\s+([\w-]+):\s*(.*)$/;

function parseLatency(line: string): EventLine | null {
  const short = LATENCY.exec(line);
  if (short !== null) {
    return {
      thread: threadOf(short[1], short[2]),
      level: levelOf(short[3], 0, short[3].length),
      event: short[4],
      args: short[5],
    };
  }
  const verbose = LATENCY_VERBOSE.exec(line);
  return verbose === null
    ? null
    : { thread: threadOf(verbose[1], verbose[2]), level: 0, event: verbose[3], args: verbose[4] };
}

/** `perf script`: `comm pid/tid [cpu] time: period system:event: args`. */
const PERF = /^\s*(?:.*?)\s+(?:\d+\/)?(\d+)\s+(?:\[(\d+)\]\s+)?\d+\.\d+:\s+(?:\d+\s+)?[\w-]+:([\w-]+):\s*(.*)$/;

function parsePerf(line: string): EventLine | null {
  const match = PERF.exec(line);
  return match === null
    ? null
    : { thread: threadOf(match[1], match[2] ?? '0'), level: 0, event: match[3], args: match[4] };
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB;
}

function skipDigits(line: string, from: number): number {
  let at = from;
  while (isDigit(line.charCodeAt(at))) at++;
  return at;
}

function skipBlanks(line: string, from: number): number {
  let at = from;
  while (isBlank(line.charCodeAt(at))) at++;
  return at;
}

function skipBlanksBack(line: string, from: number): number {
  let at = from;
  while (at > 0 && isBlank(line.charCodeAt(at - 1))) at--;
  return at;
}

function wordEnd(line: string, from: number): number {
  let at = from;
  while (at < line.length && !isBlank(line.charCodeAt(at))) at++;
  return at;
}
