import { jsonLog } from './log/json-logs.ts';
import { lineReaders } from './log/registry.ts';
import { EventLineReader } from './text/event-line.ts';
import { isPage } from './text/systrace.ts';
import type { TextForm } from './text/text-decoder.ts';
import { startsLine, Unwrapper, unquoted } from './text/unwrap.ts';

/** Lines of an unknown file that are looked at. */
const LINES_LOOKED_AT = 400;

const TAR_MAGIC_AT = 257;

/** Files told by their first bytes: those that are read, and what to do with the others. */
const BINARY: readonly (readonly [string, 'trace-dat' | 'perf-data' | string])[] = [
  ['\x17\x08\x44tracing', 'trace-dat'],
  ['PERFILE2', 'perf-data'],
  ['2ELIFREP', 'perf-data'],
  ['PERFFILE', 'an old perf.data file; convert it with `perf script -i FILE > trace.txt`'],
  ['\xc1\x1f\xfc\xc1', 'a CTF trace of LTTng; convert it with `babeltrace2 DIRECTORY > trace.txt`'],
  ['\xc1\xfc\x1f\xc1', 'a CTF trace of LTTng; convert it with `babeltrace2 DIRECTORY > trace.txt`'],
  ['\xff\xfe', 'UTF-16 text; convert it with `iconv -f UTF-16 -t UTF-8 FILE > trace.txt`'],
  ['\xfe\xff', 'UTF-16 text; convert it with `iconv -f UTF-16 -t UTF-8 FILE > trace.txt`'],
  ['PK\x03\x04', 'a zip archive; unpack it first'],
  ['\x1f\x8b', 'gzip inside gzip; run `gunzip` on it once'],
  ['\x7fELF', 'a program'],
];

/** Texts that are known but not read, told by one of their lines. */
const TEXTS: readonly (readonly [RegExp, string])[] = [
  [
    /^\d+ \d+ \d+ type: \d+\s*$/,
    'ftrace text written under the trace option "raw", which leaves out the fields of the events; record again after `echo 0 > /sys/kernel/tracing/options/raw`',
  ],
  [
    /^[0-9a-f]{8} [0-9a-f]{8} [0-9a-f]{16} type: \d+\s*$/,
    'ftrace text written under the trace option "hex", which leaves out the fields of the events; record again after `echo 0 > /sys/kernel/tracing/options/hex`',
  ],
  [
    /^(?:\[pid +\d+\] |\d+ +)?(?:[\d:.]+ )?ioctl\(\d+, .*(?:VFIO|IOMMUFD|VM_BIND|0x)/,
    'the output of strace, which prints a pointer where the kernel reads the mapping; record iommu:map and iommu:unmap, or run `pgtrace record` for what to probe',
  ],
];

/** A format that is read, as people are told of it. */
export interface KnownFormat {
  readonly name: string;
  /** A line of it, or where it comes from. */
  readonly example: string;
}

/** What is read beside lines of logs, whose readers tell of themselves. */
const FORMATS: readonly KnownFormat[] = [
  {
    name: 'pgtrace NDJSON',
    example: 'one JSON object a line: {"op":"map","iova":"0x1000","paddr":"0x80000000","size":4096}',
  },
  {
    name: 'ftrace text',
    example: 'trace, trace_pipe, trace-cmd report, perf script: iommu:map/unmap or kprobes on arm_lpae_map_pages',
  },
  { name: 'trace.dat', example: 'of trace-cmd, version 6 or 7, also compressed inside' },
  { name: 'perf.data', example: 'of perf record -e iommu:* (or kprobes), written to a file' },
  { name: 'systrace page', example: 'HTML of systrace or the trace viewer with ftrace text inside' },
];

/** What is read. */
export function knownFormats(): KnownFormat[] {
  const logs = lineReaders({}).flatMap(({ format, example }) => (example === null ? [] : [{ name: format, example }]));
  return [...FORMATS, ...logs];
}

export type Recognised =
  | { readonly kind: 'ndjson' }
  | { readonly kind: 'trace-dat' }
  | { readonly kind: 'perf-data' }
  | { readonly kind: 'text'; readonly form: TextForm }
  /** Nothing that is read: what it looks like, for people. */
  | { readonly kind: null; readonly looksLike: string };

const NDJSON: Recognised = { kind: 'ndjson' };

/**
 * What an input is, from its first bytes alone; its name does not matter.
 * @param unwrap - whether lines are to be joined as in a mail; null: as they look
 */
export function recognise(
  head: Buffer,
  unwrap: boolean | null,
  fieldMap: Readonly<Record<string, string>> = {},
): Recognised {
  const start = head.toString('latin1', 0, 16);
  if (head.toString('latin1', TAR_MAGIC_AT, TAR_MAGIC_AT + 5) === 'ustar')
    return unknown('a tar archive; unpack it first');
  for (const [magic, what] of BINARY) {
    if (!start.startsWith(magic)) continue;
    return what === 'trace-dat' || what === 'perf-data' ? { kind: what } : unknown(what);
  }
  const text = head.toString('utf8').replace(/^\ufeff/, '');
  const body = text.trimStart();
  const json = jsonLog(body);
  if (json !== null) return unknown(json);
  if (body === '' || body.startsWith('{')) return NDJSON;
  if (isPage(text)) return asText(true, unwrap === true);
  const lines = text.split('\n', LINES_LOOKED_AT).map((line) => line.trimEnd());
  const plain = count(lines, fieldMap);
  if (unwrap !== null) return asText(false, unwrap);
  // Halves of a wrapped line may look like lines of another form, so the joined lines are always looked at, too.
  const joined = count(unwrapped(lines), fieldMap);
  if (joined.usable > plain.usable) return asText(false, true);
  const isBetter = joined.unreadable < plain.unreadable || joined.columns > plain.columns;
  if (joined.usable > 0 && joined.usable === plain.usable && isBetter) return asText(false, true);
  if (plain.usable + plain.unreadable > 0) return asText(false, false);
  for (const [form, what] of TEXTS) {
    if (plain.events === 0 && lines.some((line) => form.test(line.slice(0, 1000)))) return unknown(what);
  }
  if (text.startsWith('# tracer:') || (plain.events > 0 && plain.events * 2 >= lines.length))
    return asText(false, false);
  // A damaged first line of our own language must be told as such, not as an unknown file.
  if (lines.some((line) => /^\s*\{\s*"/.test(line))) return body.startsWith('[') ? unknown(ARRAY) : NDJSON;
  return unknown(body.startsWith('[{') ? ARRAY : look(head, lines));
}

const ARRAY = 'a JSON array; write one object a line, without [ ] around them and commas between them';

function unknown(looksLike: string): Recognised {
  return { kind: null, looksLike };
}

function asText(page: boolean, wrapped: boolean): Recognised {
  return { kind: 'text', form: { page, wrapped } };
}

interface Count {
  /** Lines that are of use to a replay, and those that should be and cannot be read. */
  readonly usable: number;
  /** Those among the usable that have the columns of event lines. */
  readonly columns: number;
  readonly unreadable: number;
  /** Lines that are events of other kinds. */
  readonly events: number;
}

function count(lines: readonly string[], fieldMap: Readonly<Record<string, string>>): Count {
  const reader = new EventLineReader();
  const readers = lineReaders(fieldMap);
  let usable = 0;
  let columns = 0;
  let unreadable = 0;
  let events = 0;
  for (const line of lines) {
    const bytes = Buffer.from(`${line}\n`, 'utf8');
    const event = reader.read(bytes, 0, bytes.length - 1);
    const logged = event === null ? firstOf(readers, (other) => other.read(line)) : null;
    if (event === null && logged === null) continue;
    const found = event === null ? (logged?.payloads.length ?? 0) > 0 : event.payload !== null;
    if (found && event !== null) columns++;
    if (found) usable++;
    else if ((event?.unreadable ?? logged?.unreadable ?? 0) > 0) unreadable++;
    else events++;
  }
  return { usable, columns, unreadable, events };
}

function firstOf<Item, Result>(items: readonly Item[], ask: (item: Item) => Result | null): Result | null {
  for (const item of items) {
    const result = ask(item);
    if (result !== null) return result;
  }
  return null;
}

/** The lines as they were before a mail program wrapped and quoted them. */
function unwrapped(lines: readonly string[]): string[] {
  const joined: string[] = [];
  if (!lines.some((line) => startsLine(unquoted(line)))) return joined;
  const unwrapper = new Unwrapper((line) => joined.push(line));
  for (const line of lines) unwrapper.push(line, 0);
  unwrapper.finish();
  return joined;
}

function look(head: Buffer, lines: readonly string[]): string {
  if (isPerfetto(head)) return 'a Perfetto trace; convert it with `traceconv systrace FILE trace.html`';
  if (head.subarray(0, 4096).includes(0)) return 'binary data of no kind known here';
  const first = lines.find((line) => line !== '') ?? '';
  return `text that starts with ${JSON.stringify(first.slice(0, 60))}`;
}

/** A protobuf of trace packets: field 1 with a length, again and again. */
function isPerfetto(head: Buffer): boolean {
  let at = 0;
  for (let packets = 0; packets < 3; packets++) {
    if (head[at] !== 0x0a) return false;
    let length = 0;
    let shift = 0;
    do {
      if (++at >= head.length || shift > 21) return false;
      length |= (head[at] & 0x7f) << shift;
      shift += 7;
    } while ((head[at] & 0x80) !== 0);
    at += 1 + length;
    if (length === 0) return false;
    if (at >= head.length) return packets > 0;
  }
  return true;
}
