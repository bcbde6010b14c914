import type { Losses } from '../import-notes.ts';

const ENTRIES = /^# entries-in-buffer\/entries-written:\s*(\d+)\/(\d+)/;
const STARTED = /^#+ CPU \d+ buffer started ####/;
/** bpftrace, ftrace, trace-cmd and perf; ftrace and trace-cmd leave the number out when they do not know it. */
const LOST =
  /^Lost (\d+) events\b|\[LOST (?:(\d+) )?EVENTS\]|\[(?:(\d+) )?EVENTS DROPPED\]|\bPERF_RECORD_LOST(?:_SAMPLES)?\s+lost\s+(\d+)/;

/** Notes a line that is not an event. True when it is a known kind of line. */
export function noteComment(line: string, losses: Losses): boolean {
  const lost = line.startsWith('Lost ') || line.includes('LOST') || line.includes('DROPPED') ? LOST.exec(line) : null;
  if (lost !== null) {
    const events = lost[1] ?? lost[2] ?? lost[3] ?? lost[4];
    if (events === undefined) losses.gaps++;
    else losses.marks += Number(events);
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
    line.startsWith('trace-cmd version ') ||
    /^(?:cpus=\d+|version = \d+|CPU \d+ is empty)\s*$/.test(line) ||
    line.trim() === ''
  );
}
