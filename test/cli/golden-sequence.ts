import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { gunzipSync } from 'node:zlib';

/** One line of results, ours or the kernel's. */
export type Line = Record<string, unknown>;

export interface DumpEntry {
  readonly level: number;
  readonly table: string;
  readonly index: number;
  readonly iova: string;
  readonly pte: string;
}

/** The last line of an expected file. */
export interface FinalLine {
  readonly final: Readonly<Record<string, number>>;
  readonly teardownFrees: number;
  readonly dump: readonly DumpEntry[];
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
  const expected = lines.map((line) => JSON.parse(line) as Line);
  const last = expected.at(-1);
  const final = last !== undefined && 'dump' in last ? (expected.pop() as unknown as FinalLine) : null;
  return { name: sequenceName(path), path, trace: gunzipSync(readFileSync(path)).toString(), expected, final };
}

/** Keys that say something about the expected line itself. */
const REMARKS: ReadonlySet<string> = new Set(['undefined', 'pgdOverrun']);

/** What our line has differently, null for nothing. Keys that the expected line leaves out are not specified there. */
export function difference(want: Line, got: Line | undefined): string | null {
  if (got === undefined) return `seq ${want['seq']}: no result line`;
  // The kernel answers from an uninitialised variable: any answer will do, but we must say so.
  if (want['undefined'] === true)
    return got['undefined'] === true ? null : `seq ${want['seq']}: not reported as undefined`;
  if (want['pgdOverrun'] !== got['pgdOverrun']) return `seq ${want['seq']}: pgdOverrun is ${got['pgdOverrun']}`;
  for (const [key, value] of Object.entries(want)) {
    if (REMARKS.has(key)) continue;
    const ours = comparable(want, key, got[key]);
    if (isDeepStrictEqual(ours, value)) continue;
    return `seq ${want['seq']} ${want['op']}.${key}: want ${shown(value)}, got ${shown(ours)}`;
  }
  return null;
}

function comparable(want: Line, key: string, ours: unknown): unknown {
  // A raw unmap is recorded before the sync of its own gather, and a refused domain with any negative number.
  if (key === 'events' && want['op'] === 'unmap_pages' && Array.isArray(ours)) {
    return ours.filter((event) => (event as unknown[])[0] !== 'IOTLB_SYNC');
  }
  return ours;
}

function shown(value: unknown): string {
  return JSON.stringify(value)?.slice(0, 200) ?? 'nothing';
}
