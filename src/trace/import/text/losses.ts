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
export function noteComment(line: string, losses: Losses): boolean {
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
  // Call chains: perf starts their lines with a tab, ftrace with an arrow.
  return (
    line.startsWith('#') ||
    line.startsWith('\t') ||
    line.startsWith(' => ') ||
    /^cpus=\d+$/.test(line) ||
    line.trim() === ''
  );
}
