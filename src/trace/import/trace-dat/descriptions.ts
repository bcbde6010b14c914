import { type EventFormats, parseEventFormat } from '../binary/event-formats.ts';
import type { FileCursor } from './file-cursor.ts';

/*
 * The parts that both versions have: version 6 one after another, version 7 in sections of their own.
 */

const LARGEST_FORMAT = 1 << 20;
/** Event names are no more than ids of 16 bits; groups are folders of events. */
const MOST_FORMATS = 1 << 16;

/** Where things are in a page of the ring buffer. Bytes from the page's first. */
export interface PageLayout {
  readonly timeAt: number;
  /** 4 or 8 bytes, the size of a `long` of the kernel. */
  readonly commitAt: number;
  readonly commitSize: number;
  readonly dataAt: number;
}

/** Reads header_page and header_event (`ring_buffer.c:ring_buffer_print_page_header`, `ring_buffer_print_entry_header`). */
export function readPageLayout(cursor: FileCursor): PageLayout {
  expectTag(cursor, 'header_page\0');
  const page = readSized(cursor, 'the layout of pages');
  expectTag(cursor, 'header_event\0');
  const event = readSized(cursor, 'the layout of events');
  const time = pageField(page, 'timestamp');
  const commit = pageField(page, 'commit');
  const data = pageField(page, 'data');
  if (time === null || commit === null || data === null) throw cursor.damaged('the layout of pages is not described');
  const { offset: commitAt, size: commitSize } = commit;
  const isUsual = time.size === 8 && (commitSize === 4 || commitSize === 8) && data.offset >= commitAt + commitSize;
  const bits = /type_len\s*:\s*(\d+) bits\s+time_delta\s*:\s*(\d+) bits/.exec(event);
  if (!isUsual || data.offset > 64 || (bits !== null && (bits[1] !== '5' || bits[2] !== '27'))) {
    throw cursor.damaged('its pages have a layout that no kernel since 2009 has');
  }
  return { timeAt: time.offset, commitAt, commitSize, dataAt: data.offset };
}

function pageField(text: string, name: string): { readonly offset: number; readonly size: number } | null {
  const found = new RegExp(`\\b${name};\\s*offset:(\\d{1,3});\\s*size:(\\d{1,9});`).exec(text);
  return found === null ? null : { offset: Number(found[1]), size: Number(found[2]) };
}

/** Reads the formats of the events that ftrace itself makes. */
export function readFtraceFormats(cursor: FileCursor, formats: EventFormats): void {
  const count = readCount(cursor, 'formats');
  for (let i = 0; i < count; i++) readFormat(cursor, 'ftrace', formats);
}

/** Reads the formats of all events, group by group. */
export function readEventFormats(cursor: FileCursor, formats: EventFormats): void {
  const systems = readCount(cursor, 'groups of events');
  for (let i = 0; i < systems; i++) {
    const system = cursor.text('the name of a group of events');
    const count = readCount(cursor, 'formats');
    for (let k = 0; k < count; k++) readFormat(cursor, system, formats);
  }
}

function readFormat(cursor: FileCursor, system: string, formats: EventFormats): void {
  const text = readSized(cursor, 'the format of an event');
  const format = parseEventFormat(text, system);
  if (format !== null) formats.add(format);
  // The events of other kinds are of no use anyway; these would be taken for such.
  else if (/\b(?:iova|dma_addrs?|__probe_\w+)\b/.test(text))
    throw cursor.damaged(`the format of an event of the group "${system.slice(0, 40)}" is unreadable`);
}

function readSized(cursor: FileCursor, what: string): string {
  return cursor.take(cursor.u64(), LARGEST_FORMAT, what).toString('latin1');
}

function readCount(cursor: FileCursor, what: string): number {
  const count = cursor.u32();
  if (count > MOST_FORMATS) throw cursor.damaged(`it announces ${count} ${what}`);
  return count;
}

function expectTag(cursor: FileCursor, tag: string): void {
  const found = cursor.take(tag.length, tag.length, tag).toString('latin1');
  if (found !== tag) throw cursor.damaged(`"${tag.slice(0, -1)}" is missing`);
}
