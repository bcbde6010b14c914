import { createHash } from 'node:crypto';
import { createReadStream, type Stats } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Readable } from 'node:stream';
import { inputError, PgtraceError, usageError } from '../../base/errors.ts';
import { plural } from '../../base/sizes.ts';
import { recognise } from '../../trace/import/recognise.ts';
import type { ReadOptions } from '../../trace/open.ts';
import { openSource } from '../../trace/source/source.ts';
import { cannotRead } from '../process/fs-errors.ts';

/** A trace that a sweep has found. */
export interface FoundTrace {
  readonly path: string;
  /** Relative to the folder that was given; of a file that was given, its own name. */
  readonly name: string;
  readonly bytes: number;
}

/** Traces, and what is to be told about others. */
export interface Search {
  readonly traces: readonly FoundTrace[];
  readonly notes: readonly string[];
}

const HEAD_BYTES = 64 * 1024;
/** A file with such a name is taken for a trace whatever is in it: a damaged one must not go missing. */
const TRACE_NAME = /\.(ndjson|dat|perf\.data)(\.gz|\.zst)?$/i;
/** Documents and programs may quote a trace. */
const NO_TRACE_NAME = /\.(md|rst|json|sh|py|c|h|[cm]?[jt]s|ya?ml|toml|sql|parquet|csv|png|svg|pdf)$/i;

/**
 * The traces that the arguments name: files as they are, folders searched through and through, but for hidden files and
 * the folder that rows go to. Files with the same bytes are one trace, named after the first of them by name. Sorted by
 * normalised name. Throws PgtraceError.
 */
export async function findTraces(args: readonly string[], output: string | null, read: ReadOptions): Promise<Search> {
  const notes: string[] = [];
  const found: FoundTrace[] = [];
  const seen = new Set<string>();
  if (output !== null) seen.add(await resolved(output));
  let others = 0;
  const take = async (path: string, name: string): Promise<void> => {
    const real = await resolved(path);
    if (seen.has(real)) return;
    seen.add(real);
    found.push({ path, name: name.normalize('NFC'), bytes: (await stat(path)).size });
  };
  const search = async (folder: string, prefix: string): Promise<void> => {
    const real = await resolved(folder);
    if (seen.has(real)) return;
    seen.add(real);
    for (const entry of (await readdir(folder)).sort()) {
      if (entry.startsWith('.') || entry === 'node_modules') continue;
      const path = join(folder, entry);
      const info = await infoOf(path);
      if (info === null) notes.push(`${prefix}${entry} is a link that leads nowhere, or gone, and left out`);
      else if (info.isDirectory()) await search(path, `${prefix}${entry}/`);
      else if (info.isFile() && (await isTrace(path, read))) await take(path, `${prefix}${entry}`);
      else others++;
    }
  };
  for (const arg of args) {
    if (arg === '-') throw usageError('a sweep reads its traces more than once; name files or folders');
    await guarded(arg, async () => {
      const info = await stat(arg);
      if (info.isDirectory()) await search(arg, '');
      else if (info.isFile()) await take(arg, basename(arg));
      else throw usageError(`${arg} is neither a file nor a folder`);
    });
  }
  if (others > 0) notes.push(`${plural(others, 'file is no trace', 'files are no traces')} and left out`);
  if (found.length === 0) throw inputError(`no trace in ${args.join(', ')}`);
  return { traces: await withoutCopies(found.sort(byName), notes), notes };
}

/** The SHA-256 of a file's bytes, in hex. */
export async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  await guarded(path, async () => {
    for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  });
  return hash.digest('hex');
}

/** Leaves out files whose bytes another has; only those of one size need to be read for that. */
async function withoutCopies(sorted: readonly FoundTrace[], notes: string[]): Promise<FoundTrace[]> {
  const sizes = new Map<number, number>();
  for (const { bytes } of sorted) sizes.set(bytes, (sizes.get(bytes) ?? 0) + 1);
  const first = new Map<string, FoundTrace>();
  const kept: FoundTrace[] = [];
  for (const trace of sorted) {
    if (sizes.get(trace.bytes) !== 1) {
      const hash = await sha256Of(trace.path);
      const same = first.get(hash);
      if (same !== undefined) {
        notes.push(`${trace.name} has the same bytes as ${same.name}, whose rows stand for both`);
        continue;
      }
      first.set(hash, trace);
    }
    kept.push(trace);
  }
  return kept;
}

/** Whether a file in a folder is meant: told by its bytes, or by a name that only traces have. */
async function isTrace(path: string, read: ReadOptions): Promise<boolean> {
  if (NO_TRACE_NAME.test(path)) return false;
  const named = TRACE_NAME.test(path);
  try {
    const head = await headOf(path);
    const { kind } = recognise(head, read.unwrap ?? null, read.fieldMap);
    if (kind !== 'ndjson') return named || kind !== null;
    const text = head.toString('utf8');
    // Rows and statistics are JSON, too.
    if (/"schema":\s*"pgtrace\./.test(text)) return false;
    return named || /"op"\s*:/.test(text);
  } catch (error) {
    // Damaged, or compressed in a way that is not read: its row tells.
    if (error instanceof PgtraceError) return true;
    throw error;
  }
}

async function headOf(path: string): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  const source = await openSource(path, Readable.from([]), HEAD_BYTES);
  for await (const chunk of source.chunks()) {
    pieces.push(Buffer.from(chunk));
    bytes += chunk.length;
    if (bytes >= HEAD_BYTES) break;
  }
  return Buffer.concat(pieces).subarray(0, HEAD_BYTES);
}

async function resolved(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch {
    return path;
  }
}

/** What is at a path in a folder; null for nothing, and for a link to nothing or to itself. */
async function infoOf(path: string): Promise<Stats | null> {
  try {
    return await stat(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ELOOP') return null;
    throw error;
  }
}

/** Turns what the file system refuses into a message. */
async function guarded(path: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    throw cannotRead((error as NodeJS.ErrnoException).path ?? path, error);
  }
}

function byName(a: FoundTrace, b: FoundTrace): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : a.bytes - b.bytes;
}
