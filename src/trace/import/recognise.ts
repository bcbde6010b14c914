import { EventLineReader } from './text/event-line.ts';

export type InputKind = 'ndjson' | 'ftrace';

/** Lines of an unknown file that are looked at. */
const LINES_LOOKED_AT = 400;

/** Files that are known but not read, told by their first bytes. */
const BINARY: readonly (readonly [string, string])[] = [
  ['\x17\x08\x44tracing', 'a trace.dat file; convert it with `trace-cmd report FILE > trace.txt`'],
  ['PERFILE2', 'a perf.data file; convert it with `perf script -i FILE > trace.txt`'],
  ['PERFFILE', 'an old perf.data file; convert it with `perf script -i FILE > trace.txt`'],
  ['\xff\xfe', 'UTF-16 text; convert it with `iconv -f UTF-16 -t UTF-8 FILE > trace.txt`'],
  ['\xfe\xff', 'UTF-16 text; convert it with `iconv -f UTF-16 -t UTF-8 FILE > trace.txt`'],
  ['PK\x03\x04', 'a zip archive; unpack it first'],
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
  [/\biommu:(?:map|unmap)\(/, 'the output of `perf trace`; use `perf script`, which prints every field'],
  [
    /^(?:.*kernel: )?\[\s*\d+\.\d+\]/,
    'a kernel log; record the same events with ftrace: `echo 1 > /sys/kernel/tracing/events/iommu/enable`, then save /sys/kernel/tracing/trace',
  ],
];

export const KNOWN_FORMATS = [
  'pgtrace NDJSON    one JSON object a line: {"op":"map","iova":"0x1000","paddr":"0x80000000","size":4096}',
  'ftrace text       trace, trace_pipe, trace-cmd report or perf script with iommu:map/unmap or kprobes on arm_lpae_map_pages',
] as const;

/** `looksLike` describes what was found when `kind` is null. */
export interface Recognised {
  readonly kind: InputKind | null;
  readonly looksLike: string;
}

const NDJSON: Recognised = { kind: 'ndjson', looksLike: '' };
const FTRACE: Recognised = { kind: 'ftrace', looksLike: '' };

/** What an input is, from its first bytes alone; its name does not matter. */
export function recognise(head: Buffer): Recognised {
  const start = head.toString('latin1', 0, 16);
  for (const [magic, what] of BINARY) if (start.startsWith(magic)) return { kind: null, looksLike: what };
  const text = head.toString('latin1').replace(/^\xef\xbb\xbf/, '');
  const body = text.trimStart();
  if (body === '' || body.startsWith('{')) return NDJSON;
  const lines = text.split('\n', LINES_LOOKED_AT).map((line) => line.trimEnd());
  const { usable, events } = countEvents(lines);
  if (usable) return FTRACE;
  for (const [form, what] of TEXTS) if (events === 0 && lines.some((line) => form.test(line))) return unknown(what);
  if (text.startsWith('# tracer:') || (events > 0 && events * 2 >= lines.length)) return FTRACE;
  // A damaged first line of our own language must be told as such, not as an unknown file.
  if (lines.some((line) => /^\s*\{\s*"/.test(line))) return body.startsWith('[') ? unknown(ARRAY) : NDJSON;
  return unknown(body.startsWith('[{') ? ARRAY : look(head, lines));
}

const ARRAY = 'a JSON array; write one object a line, without [ ] around them and commas between them';

function unknown(looksLike: string): Recognised {
  return { kind: null, looksLike };
}

/** Whether a line is of use to a replay, or else how many lines are events of other kinds. */
function countEvents(lines: readonly string[]): { readonly usable: boolean; readonly events: number } {
  const reader = new EventLineReader();
  let events = 0;
  for (const line of lines) {
    const bytes = Buffer.from(`${line}\n`, 'latin1');
    const event = reader.read(bytes, 0, bytes.length - 1);
    if (event === null) continue;
    if (event.payload !== null || event.unreadable > 0) return { usable: true, events };
    events++;
  }
  return { usable: false, events };
}

function look(head: Buffer, lines: readonly string[]): string {
  if (head.subarray(0, 4096).includes(0)) return 'binary data of no kind known here';
  const first = lines.find((line) => line !== '') ?? '';
  return `text that starts with ${JSON.stringify(first.slice(0, 60))}`;
}
