/** One event line of ftrace text, cut into its columns. */
export interface FtraceLine {
  /** Process id, 0 for the idle task. */
  readonly pid: number;
  readonly cpu: number;
  readonly comm: string;
  readonly event: string;
  readonly args: string;
}

/*
 * trace, trace_pipe, trace-cmd report and systrace print the same columns: comm-pid (tgid) [cpu] flags time: event: args.
 * Command names hold spaces, dashes, slashes and brackets, so they are matched lazily up to "-pid [cpu]"; the flags
 * column has 4, 5 or 7 characters by kernel and is missing without irq info.
 */
const LINE =
  /^\s*(.*?)-(\d+)\s+(?:\(\s*(?:\d+|-+)\)\s+)?\[(\d+)\]\s+(?:[.#\w]{4,8}\s+)?\d+(?:\.\d+)?:\s+(?:\(\+\d+\)\s+)?([\w-]+):\s*(.*)$/;

export function parseFtraceLine(line: string): FtraceLine | null {
  const match = LINE.exec(line);
  if (match === null) return null;
  return { comm: match[1], pid: Number(match[2]), cpu: Number(match[3]), event: match[4], args: match[5] };
}

/** The thread of a line: idle tasks share pid 0 and are told apart by CPU. */
export function threadOf(line: FtraceLine): string {
  return line.pid === 0 ? `0@${line.cpu}` : String(line.pid);
}

/** What the comment lines of a recording say about its completeness. */
export interface Losses {
  /** Events written to the ring buffer but no longer in it. */
  overrun: number;
  /** "CPU n buffer started": before it, that CPU's events are missing. */
  lateStarts: number;
  /** LOST and DROPPED marks. */
  marks: number;
}

const ENTRIES = /^# entries-in-buffer\/entries-written:\s*(\d+)\/(\d+)/;
const STARTED = /^#+ CPU \d+ buffer started ####/;
const LOST = /\[LOST (\d+) EVENTS\]|\[(\d+) EVENTS DROPPED\]/;

/** Notes a line that is not an event. True when it is a known kind of line. */
export function noteFtraceComment(line: string, losses: Losses): boolean {
  const lost = LOST.exec(line);
  if (lost !== null) {
    losses.marks += Number(lost[1] ?? lost[2]);
    return true;
  }
  if (STARTED.test(line)) {
    losses.lateStarts++;
    return true;
  }
  const entries = ENTRIES.exec(line);
  if (entries !== null) losses.overrun += Math.max(0, Number(entries[2]) - Number(entries[1]));
  return line.startsWith('#') || /^cpus=\d+$/.test(line) || line.trim() === '';
}
