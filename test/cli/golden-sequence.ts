import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { gunzipSync } from 'node:zlib';

/** One line of results, ours or the kernel's. */
export type Line = Record<string, unknown>;

/** The last line of an expected file. */
export interface FinalLine {
  readonly final: Readonly<Record<string, number>>;
  readonly teardownFrees: number;
  /** Entries of its dump. */
  readonly entries: number;
  /** Its dump as `dump --view raw --json` prints it. */
  readonly dump: string;
}

/** A golden sequence: the trace and what the kernel's code made of it. */
export interface Sequence {
  readonly name: string;
  readonly path: string;
  readonly trace: string;
  readonly expected: readonly Line[];
  /** Null where the configuration is all there is. */
  readonly final: FinalLine | null;
}

const SUFFIX = '.trace.ndjson.gz';

/** Paths of the sequences below test/golden/sequences/`folder`. */
export function sequencePaths(folder: string): string[] {
  const root = fileURLToPath(new URL(`../golden/sequences/${folder}/`, import.meta.url));
  return readdirSync(root)
    .filter((file) => file.endsWith(SUFFIX))
    .sort()
    .map((file) => root + file);
}

export function sequenceName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1, -SUFFIX.length);
}

export function readSequence(path: string): Sequence {
  const lines = gunzipSync(readFileSync(path.replace('.trace.', '.expected.')))
    .toString()
    .trim()
    .split('\n');
  const final = finalLine(lines.at(-1) ?? '');
  if (final !== null) lines.pop();
  const expected = lines.map((line) => JSON.parse(line) as Line);
  return { name: sequenceName(path), path, trace: gunzipSync(readFileSync(path)).toString(), expected, final };
}

const DUMP = ',"dump":[';

/** A final line; null when it is none. A dump can have 100,000 entries, which are taken as text. */
function finalLine(text: string): FinalLine | null {
  const at = text.indexOf(DUMP);
  if (at < 0) return null;
  const head = JSON.parse(`${text.slice(0, at)}}`) as Pick<FinalLine, 'final' | 'teardownFrees'>;
  const entries = text.slice(at + DUMP.length, -']}'.length);
  const dump = entries === '' ? '' : `${entries.replaceAll('},{', '}\n{').replaceAll('{', '{"domain":"d0",')}\n`;
  return { ...head, entries: dump.split('\n').length - 1, dump };
}

/** Keys that say something about the expected line itself. */
const REMARKS: ReadonlySet<string> = new Set(['undefined', 'pgdOverrun']);

/** What our line has differently, null for nothing. Keys that the expected line leaves out are not specified there. */
export function difference(want: Line, got: Line | undefined): string | null {
  const place = `seq ${want['seq']} ${want['op']}`;
  if (got === undefined) return `${place}: no result line`;
  if (want['undefined'] !== got['undefined']) return `${place}: undefined is ${got['undefined']}`;
  // The kernel answers from an uninitialised variable: any answer will do.
  if (want['undefined'] === true) return null;
  if (want['pgdOverrun'] !== got['pgdOverrun'] && !stopsAtHole(want))
    return `${place}: pgdOverrun is ${got['pgdOverrun']}`;
  for (const [key, value] of Object.entries(want)) {
    if (REMARKS.has(key)) continue;
    const ours = comparable(want, key, got[key]);
    if (isDeepStrictEqual(ours, value)) continue;
    return `${place}.${key}: want ${shown(value)}, got ${shown(ours)}`;
  }
  return null;
}

/**
 * The golden mark is arithmetic: the run would pass the end of the start table. Where its first entry is empty the kernel
 * warns and never starts the run, so that an engine which reports no overrun there is right as well.
 */
function stopsAtHole(want: Line): boolean {
  return want['pgdOverrun'] === true && (want['op'] === 'unmap_pages' || want['op'] === 'unmap') && want['warns'] === 1;
}

function comparable(want: Line, key: string, ours: unknown): unknown {
  // Golden events of a raw unmap end before the sync of its own gather.
  if (key === 'events' && want['op'] === 'unmap_pages' && Array.isArray(ours)) {
    return ours.filter((event) => (event as unknown[])[0] !== 'IOTLB_SYNC');
  }
  return ours;
}

function shown(value: unknown): string {
  return JSON.stringify(value)?.slice(0, 200) ?? 'nothing';
}

/** The first line that differs, for a message: a dump can have 100,000 lines. */
export function firstDifferentLine(want: string, got: string): string {
  const wanted = want.split('\n');
  const ours = got.split('\n');
  const at = wanted.findIndex((line, i) => line !== ours[i]);
  const place = at < 0 ? wanted.length : at;
  return `${ours.length - 1} lines, want ${wanted.length - 1}; line ${place + 1}: want ${wanted[place]}, got ${ours[place]}`;
}
