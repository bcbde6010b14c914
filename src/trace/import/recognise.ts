import { parseEventLine } from './event-line.ts';
import { parsePayload } from './payload.ts';

export type InputKind = 'ndjson' | 'ftrace';

/** Lines of an unknown file that are looked at. */
const LINES_LOOKED_AT = 400;

/** Files that are known but not read yet, told by their first bytes. */
const BINARY: readonly (readonly [string, string])[] = [
  ['\x17\x08\x44tracing', 'a trace.dat file; convert it with `trace-cmd report FILE > trace.txt`'],
  ['PERFILE2', 'a perf.data file; convert it with `perf script -i FILE > trace.txt`'],
  ['PERFFILE', 'an old perf.data file; convert it with `perf script -i FILE > trace.txt`'],
  ['PK\x03\x04', 'a zip archive; unpack it first'],
  ['\x7fELF', 'a program'],
];

export const KNOWN_FORMATS = [
  'pgtrace NDJSON    one JSON object a line: {"op":"map","iova":"0x1000","paddr":"0x80000000","size":4096}',
  'ftrace text       trace, trace_pipe or trace-cmd report with iommu:map/unmap or kprobes on arm_lpae_map_pages',
] as const;

/** `looksLike` describes what was found when `kind` is null. */
export interface Recognised {
  readonly kind: InputKind | null;
  readonly looksLike: string;
}

/** What an input is, from its first bytes alone; its name does not matter. */
export function recognise(head: Buffer): Recognised {
  const start = head.toString('latin1', 0, 16);
  for (const [magic, what] of BINARY) if (start.startsWith(magic)) return { kind: null, looksLike: what };
  const text = head.toString('latin1').replace(/^\xef\xbb\xbf/, '');
  const body = text.trimStart();
  if (body === '') return { kind: 'ndjson', looksLike: '' };
  if (body.startsWith('{')) return { kind: 'ndjson', looksLike: '' };
  if (text.startsWith('# tracer:')) return { kind: 'ftrace', looksLike: '' };
  let events = 0;
  const lines = text.split('\n', LINES_LOOKED_AT);
  for (const line of lines) {
    const parsed = parseEventLine(line.trimEnd());
    if (parsed === null) continue;
    if (parsePayload(parsed.event, parsed.args) !== null) return { kind: 'ftrace', looksLike: '' };
    events++;
  }
  if (events > 0 && events * 2 >= lines.length) return { kind: 'ftrace', looksLike: '' };
  // A damaged first line of our own language must be told as such, not as an unknown file.
  if (lines.some((line) => line.startsWith('{"op"'))) return { kind: 'ndjson', looksLike: '' };
  return { kind: null, looksLike: look(head, lines) };
}

function look(head: Buffer, lines: readonly string[]): string {
  const zeros = head.subarray(0, 4096).filter((byte) => byte === 0).length;
  if (zeros > 0) return 'binary data of no kind known here';
  return `text that starts with ${JSON.stringify(lines[0].slice(0, 60))}`;
}
