import type { ByteSource } from '../../source/byte-source.ts';
import { u32, u64 } from '../binary/event-fields.ts';
import type { FileHeader } from './file-header.ts';
import { kindOfEvents, perfDataError, RECORD } from './refusals.ts';
import { SampleLayout } from './sample-fields.ts';

/** One kind of event that was recorded: struct perf_event_attr of perf_event.h. */
export interface EventAttr {
  readonly type: number;
  readonly isTracepoint: boolean;
  /** The tracepoint's id. */
  readonly config: number;
  /** Only some of its events were recorded: one in so many, or so many a second. */
  readonly isThinned: boolean;
  readonly layout: SampleLayout;
}

const TYPE_SOFTWARE = 1;
const TYPE_TRACEPOINT = 2;
const COUNT_SW_DUMMY = 9;
const FLAG_FREQ = 10;
const FLAG_SAMPLE_ID_ALL = 18;

/** PERF_ATTR_SIZE_VER0; what was added later is not needed. */
const SMALLEST_ATTR = 64;
const IDS_SIZE = 16;
const LARGEST_ATTR = 4096;
/** Every event of a kernel, several times. */
const MOST_ATTRS = 16384;
/** One for each event and CPU; more is damage. */
const MOST_IDS = 1 << 21;

/** The attrs of a recording, found by the ids that their records carry. */
export class EventAttrs {
  readonly all: readonly EventAttr[];
  readonly #byId: ReadonlyMap<number, EventAttr>;
  readonly #bigEndian: boolean;
  /** Where every sample has its id; -1 when there is one attr only, whose samples need none. */
  readonly #idAt: number;
  /** Bytes from the end of every other record back to its id, 0 when they have none or not in the same place. */
  readonly #idBack: number;

  constructor(all: readonly EventAttr[], byId: ReadonlyMap<number, EventAttr>, bigEndian: boolean) {
    const { idAt, idBack } = all[0].layout;
    this.all = all;
    this.#byId = byId;
    this.#bigEndian = bigEndian;
    this.#idAt = all.length === 1 ? -1 : idAt;
    this.#idBack = all.length > 1 && all.every(({ layout }) => layout.idBack === idBack) ? idBack : 0;
  }

  /** The attr that the sample in `b[start..end)` belongs to, null when its id is unknown; `perf`'s evlist__event2evsel. */
  ofSample(b: Uint8Array, start: number, end: number): EventAttr | null {
    const at = start + this.#idAt;
    if (this.#idAt < 0) return this.all[0];
    return at + 8 > end ? null : this.#withId(b, at);
  }

  /** The attr whose fields a record that is no sample ends with. */
  ofRecord(b: Uint8Array, start: number, end: number): EventAttr | null {
    const at = end - this.#idBack;
    if (this.#idBack === 0) return this.all[0];
    return at < start + 8 ? null : this.#withId(b, at);
  }

  /** perf gives records that it makes up itself the id 0. */
  #withId(b: Uint8Array, at: number): EventAttr | null {
    const id = u64(b, at, this.#bigEndian);
    return id === 0 ? this.all[0] : (this.#byId.get(id) ?? null);
  }
}

/** Reads the attrs with their ids; refuses a recording without tracepoints, or whose samples nothing tells apart. */
export function readEventAttrs(bytes: ByteSource, header: FileHeader, name: string): EventAttrs {
  const { attrSize, attrs, bigEndian } = header;
  if (attrSize < SMALLEST_ATTR + IDS_SIZE || attrSize > LARGEST_ATTR) {
    throw perfDataError(name, `is damaged: its header gives events attributes of ${attrSize} bytes`);
  }
  const count = Math.floor(attrs.size / attrSize);
  if (count < 1 || count > MOST_ATTRS) {
    throw perfDataError(
      name,
      `is damaged: its header speaks of ${count} kinds of events, there can be 1 to ${MOST_ATTRS}`,
    );
  }
  const b = bytes.read(attrs.offset, count * attrSize);
  if (b.length < count * attrSize) {
    throw perfDataError(
      name,
      `ends at byte ${bytes.size}, before the attributes of its events at byte ${attrs.offset} do`,
    );
  }
  const all: EventAttr[] = [];
  const byId = new Map<number, EventAttr>();
  let ids = 0;
  for (let at = 0; at < b.length; at += attrSize) {
    const attr = parseAttr(b, at, bigEndian);
    all.push(attr);
    const idsAt = at + attrSize - IDS_SIZE;
    const offset = u64(b, idsAt, bigEndian);
    const size = u64(b, idsAt + 8, bigEndian);
    ids += size / 8;
    if (ids > MOST_IDS) throw perfDataError(name, `is damaged: its events have more than ${MOST_IDS} ids`);
    const list = bytes.read(offset, size);
    if (list.length < size)
      throw perfDataError(name, `ends at byte ${bytes.size}, before the ids at byte ${offset} do`);
    for (let one = 0; one + 8 <= list.length; one += 8) byId.set(u64(list, one, bigEndian), attr);
  }
  check(all, name);
  return new EventAttrs(all, byId, bigEndian);
}

function parseAttr(b: Uint8Array, at: number, bigEndian: boolean): EventAttr {
  const type = u32(b, at, bigEndian);
  // Bits above the 32nd stand for nothing that comes before the raw part.
  const low = bigEndian ? 4 : 0;
  const layout = new SampleLayout(
    u32(b, at + 24 + low, bigEndian),
    u32(b, at + 32 + low, bigEndian),
    flag(b, at, FLAG_SAMPLE_ID_ALL, bigEndian),
  );
  const isThinned = flag(b, at, FLAG_FREQ, bigEndian) || u64(b, at + 16, bigEndian) > 1;
  return { type, isTracepoint: type === TYPE_TRACEPOINT, config: u64(b, at + 8, bigEndian), isThinned, layout };
}

/** The flags are C bit fields, which compilers fill from the other end where the byte order is big. */
function flag(b: Uint8Array, at: number, bit: number, bigEndian: boolean): boolean {
  const mask = bigEndian ? 0x80 >> (bit & 7) : 1 << (bit & 7);
  return (b[at + 40 + (bit >> 3)] & mask) !== 0;
}

function check(all: readonly EventAttr[], name: string): void {
  if (!all.some((attr) => attr.isTracepoint)) {
    // perf adds an event that counts nothing, for the sake of its other records.
    const counting = all.filter(({ type, config }) => type !== TYPE_SOFTWARE || config !== COUNT_SW_DUMMY);
    const kinds = [...new Set(counting.map(({ type }) => kindOfEvents(type)))].join(', ');
    throw perfDataError(
      name,
      `holds ${kinds === '' ? 'no samples' : `samples of ${kinds}`} and no tracepoints; record the requests of the IOMMU with ${RECORD}`,
    );
  }
  const { idAt } = all[0].layout;
  if (all.length > 1 && (idAt < 0 || all.some(({ layout }) => layout.idAt !== idAt))) {
    throw perfDataError(
      name,
      `holds several kinds of events and nothing that tells their samples apart; record again with ${RECORD}`,
    );
  }
  if (!all.some(({ isTracepoint, layout }) => isTracepoint && layout.hasRaw)) {
    throw perfDataError(
      name,
      `holds tracepoints without their fields; record again with ${RECORD.replace('record', 'record -R')}`,
    );
  }
}
