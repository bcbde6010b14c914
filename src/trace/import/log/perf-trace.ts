import type { Address } from '../../../base/u64.ts';
import { parsePayload } from '../text/payload-text.ts';
import {
  type LineHead,
  type LineReader,
  LONGEST_LINE,
  type LoggedEvent,
  lineHead,
  loggedEvent,
  NO_THREAD,
  NOTHING,
  type Reading,
  readingOf,
  type Stamp,
  UNSTAMPED,
  unreadableFrom,
} from './line-reader.ts';
import { NOWHERE, printedAddress, printedCount } from './log-numbers.ts';

const GROUP = 'iommu:';
/** `map(`, in older perf `map:`. perf script has a blank behind the colon. */
const EVENT = /^([a-z_]{1,40})(?:\(|:(?=\S))/;
/** Milliseconds since the first event, or with -T since boot. */
const TIME = /^\s{0,64}(\d{1,12})\.(\d{1,6})\s/;
/** How long a call has been going on that the event interrupts: `(         ): `. */
const INTERRUPTED = /^\([ \d.]{0,24}(?: ms)?\): /;
/** What comes before a name was printed by someone else. */
const LONGEST_COMM = 64;
/** `comm/tid`, or the number alone with --no-comm. A command name holds anything, slashes too. */
const TASK = /[/\s](\d{1,10})$/;

/**
 * Reads the output of `perf trace -e 'iommu:*'` (builtin-trace.c:trace__event_handler). Arguments that are 0 are left out;
 * IOVAs and sizes are decimal. The time is missing where the output of the traced program came in between.
 */
export class PerfTraceReader implements LineReader {
  readonly format = 'perf trace';
  readonly example = 'lines such as `0.088 dd/252 iommu:map(iova: 4294934528, paddr: 0x4afdf000, size: 4096)`';
  readonly note = null;

  read(line: string): LoggedEvent | null {
    if (line.length > LONGEST_LINE) return null;
    const at = line.indexOf(GROUP);
    if (at < 0) return null;
    const match = EVENT.exec(line.slice(at + GROUP.length, at + GROUP.length + 64));
    if (match === null) return null;
    const head = headOf(line.slice(0, at));
    const event = match[1];
    if (event !== 'map' && event !== 'unmap') return loggedEvent(head, NOTHING);
    const start = at + GROUP.length + match[0].length;
    const end = line.lastIndexOf(')');
    const reading = end < start ? null : readArguments(event, line.slice(start, end));
    return loggedEvent(head, reading ?? unreadableFrom(start));
  }
}

function headOf(lead: string): LineHead {
  const text = lead.trimEnd();
  const thread = TASK.exec(text.slice(-64))?.[1] ?? NO_THREAD;
  const time = TIME.exec(lead);
  const comm = commOf(text.slice(time?.[0].length ?? 0));
  return lineHead(thread, time === null ? UNSTAMPED : milliseconds(time[1], time[2]), comm);
}

/** The name before the task's number; of a task whose name perf does not know, it prints the number twice. */
function commOf(lead: string): string {
  const task = lead.trimStart().replace(INTERRUPTED, '').trimStart();
  const slash = TASK.test(task) ? task.lastIndexOf('/') : -1;
  return slash > 0 && slash <= LONGEST_COMM && !/^:\d+$/.test(task.slice(0, slash)) ? task.slice(0, slash) : '';
}

function milliseconds(whole: string, fraction: string): Stamp {
  const count = Number(whole);
  return { seconds: Math.floor(count / 1000), nanos: (count % 1000) * 1e6 + Number(fraction.padEnd(6, '0')) };
}

/** What stands in the brackets: `name: value, ...`, or with --libtraceevent_print the text that ftrace prints. */
function readArguments(event: 'map' | 'unmap', text: string): Reading | null {
  if (text.startsWith('IOMMU:')) {
    const payload = parsePayload(event, text);
    return payload === null ? null : readingOf(payload);
  }
  let iova: Address = NOWHERE;
  let paddr: Address = NOWHERE;
  let size = 0;
  let unmapped = 0;
  for (const field of text.split(', ', 8)) {
    const colon = field.indexOf(': ');
    const name = field.slice(0, Math.max(0, colon));
    const value = field.slice(colon + 2);
    if (name === 'size') size = printedCount(value);
    else if (name === 'unmapped_size') unmapped = printedCount(value);
    else {
      const address = printedAddress(value);
      if (address === null) return null;
      if (name === 'iova') iova = address;
      else if (name === 'paddr') paddr = address;
      else return null;
    }
  }
  if (size <= 0 || unmapped < 0) return null;
  if (event === 'map') return readingOf({ kind: 'iommu-map', name: null, iova, paddr, size, prot: null, ret: 0 });
  return readingOf({ kind: 'iommu-unmap', name: null, iova, size, unmapped });
}
