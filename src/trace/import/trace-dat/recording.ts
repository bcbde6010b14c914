import type { ByteSource } from '../../source/byte-source.ts';
import type { DecompressedBytes } from '../../source/decompressed-limit.ts';
import type { EventFormats } from '../binary/event-formats.ts';
import type { SymbolAt } from '../binary/payload-plan.ts';
import type { PageLayout } from './descriptions.ts';
import { CONVERT, recordingError } from './errors.ts';
import { FileCursor } from './file-cursor.ts';
import type { CpuSpan } from './options.ts';
import { COMPRESSIONS, type Compression } from './ring/decompress-block.ts';
import type { TimeRules } from './ring/time-rules.ts';

/** The events of one trace instance. */
export interface TraceBuffer {
  /** Empty for the top instance. */
  readonly name: string;
  /** Null when not recorded. */
  readonly clock: string | null;
  /** Bytes. */
  readonly pageSize: number;
  readonly isPacked: boolean;
  readonly spans: readonly CpuSpan[];
}

/** All that a file says about its events. */
export interface Recording {
  readonly bigEndian: boolean;
  readonly compression: Compression;
  readonly layout: PageLayout;
  readonly formats: EventFormats;
  readonly times: TimeRules;
  /** In the order in which events at the same time are told. */
  readonly buffers: readonly TraceBuffer[];
  /** Events that the ring buffers could not take, who knows when. */
  readonly dropped: number;
  readonly symbolAt: SymbolAt;
  /** Command names by thread id. */
  readComms(): ReadonlyMap<number, string>;
}

/** Where both versions start from. */
export interface FileHead {
  readonly bytes: ByteSource;
  readonly name: string;
  readonly version: number;
  readonly bigEndian: boolean;
  readonly pageSize: number;
  readonly compression: Compression;
  readonly decompressed: DecompressedBytes;
  /** At the first byte behind the head. */
  readonly cursor: FileCursor;
}

const MAGIC = '\x17\x08\x44tracing';
const VERSIONS = [6, 7];
const SMALLEST_PAGE = 128;
const LARGEST_PAGE = 1 << 26;

/** Reads the head of a file; refuses what is no trace.dat file of a version that is read. */
export function readHead(bytes: ByteSource, name: string, decompressed: DecompressedBytes): FileHead {
  const cursor = new FileCursor(bytes, name, 0, 'its header');
  if (cursor.take(MAGIC.length, MAGIC.length, 'the magic number').toString('latin1') !== MAGIC) {
    throw recordingError(name, 'this is no trace.dat file: its first bytes are not those of one');
  }
  const text = cursor.text('the version');
  const version = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (!VERSIONS.includes(version)) {
    throw recordingError(
      name,
      `a trace.dat file of version "${text.slice(0, 20).replace(/[^ -~]/g, '?')}"; versions 6 and 7 are read; ${CONVERT}`,
    );
  }
  cursor.bigEndian = cursor.u8() !== 0;
  // Pages say better how large a long of the kernel is.
  cursor.u8();
  const pageSize = checkPageSize(cursor, cursor.u32());
  const compression = version < 7 ? 'none' : readCompression(cursor, name);
  return { bytes, name, version, bigEndian: cursor.bigEndian, pageSize, compression, decompressed, cursor };
}

/** Pages of ring buffers have 4 KiB or more, and tests smaller ones. */
export function checkPageSize(cursor: FileCursor, pageSize: number): number {
  if (pageSize < SMALLEST_PAGE || pageSize > LARGEST_PAGE)
    throw cursor.damaged(`it announces pages of ${pageSize} bytes`);
  return pageSize;
}

function readCompression(cursor: FileCursor, name: string): Compression {
  const found = cursor.text('the compression');
  cursor.text('the version of the compression');
  const known = COMPRESSIONS.find((one) => one === found);
  if (known !== undefined) return known;
  throw recordingError(
    name,
    `a trace.dat file compressed with "${found.slice(0, 20).replace(/[^ -~]/g, '?')}"; zlib, zstd and none are read; convert it with \`trace-cmd convert --compression none\``,
  );
}

/** Refuses data of two CPUs in the same bytes: events would be read twice. */
export function checkSpans(cursor: FileCursor, buffers: readonly TraceBuffer[]): void {
  const spans = buffers.flatMap((buffer) => buffer.spans).filter(({ size }) => size > 0);
  spans.sort((a, b) => a.offset - b.offset);
  for (let i = 1; i < spans.length; i++) {
    const before = spans[i - 1];
    if (before.offset + before.size > spans[i].offset) {
      throw cursor.damaged(`the data of CPU ${before.cpu} reaches into that of CPU ${spans[i].cpu}`);
    }
  }
}
