import { isUnreadable, parsePayload } from '../text/payload-text.ts';
import {
  type LineReader,
  LONGEST_LINE,
  type LoggedEvent,
  lineHead,
  loggedEvent,
  NO_THREAD,
  NOTHING,
  type Reading,
  readingOf,
  UNSTAMPED,
  unreadableFrom,
} from './line-reader.ts';

/** `map: IOMMU: iova=...`, also with the events' group before it, and probes: `map: (arm_lpae_map_pages+0x0/0x170) ...`. */
const EVENT = /^(\s{0,64}(?:iommu:|lpae:)?([\w-]{1,64}):\s{1,64})((?:IOMMU:|iova=|\((?=[\w.]{1,128}(?:\+0x|\)))).*)$/s;

/** What an event says that begins with its name; null when the text is no event that could be of use. */
export function readPrintedEvent(text: string): Reading | null {
  if (!text.includes('IOMMU:') && !text.includes('iova=') && !text.includes(': (')) return null;
  const match = EVENT.exec(text);
  if (match === null) return null;
  const [, lead, event, fields] = match;
  const args = fields.trimEnd();
  const payload = parsePayload(event, args);
  if (payload !== null) return readingOf(payload);
  if (isUnreadable(event, args)) return unreadableFrom(lead.length);
  return args.startsWith('IOMMU:') ? NOTHING : null;
}

/** Reads events without any prefix, as mails quote them. */
export class BareEventReader implements LineReader {
  readonly format = 'event lines without columns';
  readonly example = null;
  readonly note = null;

  read(line: string): LoggedEvent | null {
    if (line.length > LONGEST_LINE) return null;
    const reading = readPrintedEvent(line);
    return reading === null ? null : loggedEvent(lineHead(NO_THREAD, UNSTAMPED), reading);
  }
}
