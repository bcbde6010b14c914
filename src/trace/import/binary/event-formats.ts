/*
 * Kernels describe the bytes of each event in a text, its `format` file, which recordings carry along: fields with their
 * offsets and sizes in bytes. Layouts differ between kernels, so nothing about them is taken for granted.
 */

/** One field of an event. Offsets and sizes are in bytes, from the first byte of the event. */
export interface EventField {
  readonly name: string;
  /** The declared C type without the name: `u64`, `__data_loc char[]`, `char[16]`. */
  readonly type: string;
  readonly offset: number;
  readonly size: number;
  readonly signed: boolean;
  /**
   * Where the field's data is: in place; behind the fixed fields, in 32 bits that say where (`__data_loc`: from the event's
   * first byte, `__rel_loc`: from the end of these 32 bits; length in the upper half).
   */
  readonly place: 'fixed' | 'data-loc' | 'rel-loc';
  readonly isArray: boolean;
  /** Text: an array of char. */
  readonly isText: boolean;
}

/** The layout of one kind of event. */
export interface EventFormat {
  /** Number in the field common_type; unique in a recording. */
  readonly id: number;
  readonly name: string;
  /** The group it belongs to: `iommu`; its name in perf is `iommu:map`. */
  readonly system: string;
  /** Fields that every event has: common_type, common_flags, common_preempt_count, common_pid. */
  readonly common: readonly EventField[];
  readonly fields: readonly EventField[];
}

/** No format file of a kernel comes near; beyond it is damage. */
const LONGEST_TEXT = 1 << 20;
const LONGEST_LINE = 1024;
const MOST_FIELDS = 512;
/** Ring buffers take no larger event. */
const LARGEST_OFFSET = 1 << 20;
const LARGEST_ID = 0xffff;

/** Reads one kernel `format` file; null when it is damaged. Follows what `trace_events.c:f_show` prints. */
export function parseEventFormat(text: string, system: string): EventFormat | null {
  if (text.length > LONGEST_TEXT) return null;
  let name: string | null = null;
  let id = -1;
  let inFields = false;
  const common: EventField[] = [];
  const fields: EventField[] = [];
  for (let at = 0; at < text.length; ) {
    const newline = text.indexOf('\n', at);
    const end = newline < 0 ? text.length : newline;
    const length = end - at;
    // How the event is printed is the last line, and may be very long.
    if (text.startsWith('print fmt:', at)) break;
    if (length > LONGEST_LINE) return null;
    const line = text.slice(at, end).trim();
    at = end + 1;
    if (line.startsWith('name:')) name = line.slice(5).trim();
    else if (line.startsWith('ID:')) id = wholeNumber(line.slice(3).trim(), LARGEST_ID);
    else if (line === 'format:') inFields = true;
    else if (inFields && line !== '') {
      const field = parseField(line);
      if (field === null || fields.length + common.length >= MOST_FIELDS) return null;
      (field.name.startsWith('common_') ? common : fields).push(field);
    }
  }
  if (name === null || !/^\S+$/.test(name) || id < 0 || !inFields) return null;
  return { id, name, system, common, fields };
}

/** `field:u64 iova;	offset:8;	size:8;	signed:0;`. Kernels before 2.6.32 print no sign. */
function parseField(line: string): EventField | null {
  const parts = line.split(';').map((part) => part.trim());
  const declared = after(parts[0], 'field:') ?? after(parts[0], 'field special:');
  const offset = wholeNumber(after(parts[1], 'offset:') ?? '', LARGEST_OFFSET);
  const size = wholeNumber(after(parts[2], 'size:') ?? '', LARGEST_OFFSET);
  if (declared === null || offset < 0 || size < 0) return null;
  const { type, name } = splitDeclaration(declared);
  const place = type.startsWith('__data_loc ') ? 'data-loc' : type.startsWith('__rel_loc ') ? 'rel-loc' : 'fixed';
  if (place !== 'fixed' && size !== 4) return null;
  const isArray = type.endsWith(']');
  const isText = isArray && /\bchar\s*\[\d*\]$/.test(type);
  return { name, type, offset, size, signed: parts[3] === 'signed:1', place, isArray, isText };
}

/** `char comm[16]` -> type `char[16]`, name `comm`; the name is empty where it is not the last word: `void (*fn)(int)`. */
function splitDeclaration(declared: string): { readonly type: string; readonly name: string } {
  const bounds = /(?:\[[^[\]]*\])+$/.exec(declared)?.[0] ?? '';
  const head = declared.slice(0, declared.length - bounds.length).trimEnd();
  let start = head.length;
  while (start > 0 && /\w/.test(head[start - 1])) start--;
  return { type: `${head.slice(0, start).trim()}${bounds}`, name: head.slice(start) };
}

function after(part: string | undefined, prefix: string): string | null {
  return part?.startsWith(prefix) ? part.slice(prefix.length).trim() : null;
}

/** A decimal number up to `limit`, -1 for anything else. */
function wholeNumber(text: string, limit: number): number {
  if (!/^\d{1,9}$/.test(text)) return -1;
  const value = Number(text);
  return value <= limit ? value : -1;
}

/** The formats that a recording carries, by id. */
export class EventFormats {
  readonly #byId = new Map<number, EventFormat>();

  /** The first format of an id counts. */
  add(format: EventFormat): void {
    if (!this.#byId.has(format.id)) this.#byId.set(format.id, format);
  }

  byId(id: number): EventFormat | undefined {
    return this.#byId.get(id);
  }

  get size(): number {
    return this.#byId.size;
  }

  all(): IterableIterator<EventFormat> {
    return this.#byId.values();
  }
}
