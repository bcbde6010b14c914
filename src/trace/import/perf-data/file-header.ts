import type { PgtraceError } from '../../../base/errors.ts';
import type { ByteSource } from '../../source/byte-source.ts';
import { u64 } from '../binary/event-fields.ts';
import { CONVERT, perfDataError } from './refusals.ts';

/** A part of the file, in bytes. */
export interface Section {
  readonly offset: number;
  readonly size: number;
}

/** The start of a perf.data file: struct perf_file_header of perf's header.h. */
export interface FileHeader {
  readonly bigEndian: boolean;
  /** Bytes from one attr to the next; the last 16 of each say where its ids are. */
  readonly attrSize: number;
  readonly attrs: Section;
  readonly data: Section;
  /** Numbers of the features that the file has, in the order of their sections. */
  readonly features: readonly number[];
}

export const FEATURE_TRACING_DATA = 1;
const FEATURE_HOSTNAME = 3;
const FEATURE_DIR_FORMAT = 24;
const FEATURE_COMPRESSED = 27;
const FEATURE_BITS = 256;

const HEADER_SIZE = 104;
/** Before there were features. */
const SHORT_HEADER_SIZE = 72;
const PIPE_HEADER_SIZE = 16;
const FEATURES_AT = 72;
const SECTION_SIZE = 16;

const LITTLE_MAGIC = 'PERFILE2';
/** The magic is a number, so its bytes turn round with the byte order. */
const BIG_MAGIC = '2ELIFREP';
const OLD_MAGIC = 'PERFFILE';

/** Reads the header and refuses the forms that cannot be read in place, such as compressed ones; `perf_header__read` of perf. */
export function readFileHeader(bytes: ByteSource, name: string): FileHeader {
  const b = bytes.read(0, HEADER_SIZE);
  const magic = b.toString('latin1', 0, 8);
  if (magic === OLD_MAGIC) {
    throw perfDataError(name, `is a perf.data file of the first version; convert it with ${CONVERT}`);
  }
  if (magic !== LITTLE_MAGIC && magic !== BIG_MAGIC) {
    throw perfDataError(name, `is no perf.data file: it does not start with ${LITTLE_MAGIC}`);
  }
  const bigEndian = magic === BIG_MAGIC;
  const size = b.length < PIPE_HEADER_SIZE ? HEADER_SIZE : u64(b, 8, bigEndian);
  if (size === PIPE_HEADER_SIZE) {
    throw perfDataError(
      name,
      `was recorded through a pipe, so that it has no directory of its parts; convert it with ${CONVERT}`,
    );
  }
  if (size !== HEADER_SIZE && size !== SHORT_HEADER_SIZE) {
    const known = `${HEADER_SIZE} are known`;
    throw perfDataError(name, `has a header of ${size} bytes, ${known}; try to convert it with ${CONVERT}`);
  }
  if (b.length < size) throw perfDataError(name, `ends at byte ${b.length}, within its header of ${size} bytes`);
  const header: FileHeader = {
    bigEndian,
    attrSize: u64(b, 16, bigEndian),
    attrs: sectionAt(b, 24, bigEndian),
    data: sectionAt(b, 40, bigEndian),
    features: size === HEADER_SIZE ? readFeatures(b, bigEndian) : [],
  };
  if (header.features.includes(FEATURE_COMPRESSED)) throw compressedError(name);
  return header;
}

/** What is told of records under zstd, which `perf record -z` writes. */
export function compressedError(name: string): PgtraceError {
  return perfDataError(
    name,
    `was recorded with compression (\`perf record -z\`); convert it with ${CONVERT}, or record again without -z`,
  );
}

function sectionAt(b: Uint8Array, at: number, bigEndian: boolean): Section {
  return { offset: u64(b, at, bigEndian), size: u64(b, at + 8, bigEndian) };
}

/** The features are bits in an array of longs, so where they are depends on the machine that recorded. */
function readFeatures(b: Uint8Array, bigEndian: boolean): number[] {
  if (!bigEndian) return bitsOf(b, 0);
  // A recording always tells its host's name: this shows how long the longs are.
  const long = bitsOf(b, 7);
  return long.includes(FEATURE_HOSTNAME) ? long : bitsOf(b, 3);
}

/** Numbers of the bits that are set; `flip` turns the number of a byte into its place. */
function bitsOf(b: Uint8Array, flip: number): number[] {
  const bits: number[] = [];
  for (let bit = 0; bit < FEATURE_BITS; bit++) {
    if ((b[FEATURES_AT + ((bit >> 3) ^ flip)] >> (bit & 7)) & 1) bits.push(bit);
  }
  return bits;
}

/** Where the part of a feature is, null when the file has none. The directory of these parts follows the records. */
export function findFeature(bytes: ByteSource, header: FileHeader, feature: number, name: string): Section | null {
  const place = header.features.indexOf(feature);
  if (place < 0) return null;
  const at = endOf(header.data) + place * SECTION_SIZE;
  const b = bytes.read(at, SECTION_SIZE);
  if (b.length < SECTION_SIZE) {
    throw perfDataError(
      name,
      `ends at byte ${bytes.size}, before the directory at byte ${endOf(header.data)} that tells where its events are described: the file was cut, nothing in it can be read`,
    );
  }
  return sectionAt(b, 0, header.bigEndian);
}

/** Refuses files that were never finished and those whose records are elsewhere. */
export function checkData(bytes: ByteSource, header: FileHeader, name: string): void {
  if (header.data.size === 0) {
    throw perfDataError(
      name,
      'was not finished: it has no end of its records, and perf writes the descriptions of the events behind it; record again and end perf with Ctrl-C',
    );
  }
  const directory = findFeature(bytes, header, FEATURE_DIR_FORMAT, name);
  if (directory === null) return;
  const version = bytes.read(directory.offset, 8);
  // Version 0: one file in a directory, as `--kcore` writes it.
  if (version.length === 8 && u64(version, 0, header.bigEndian) === 0) return;
  throw perfDataError(
    name,
    'is one file of a recording in a directory (`perf record --threads`); convert the directory with `perf script -F comm,pid,tid,cpu,time,event,trace -i DIRECTORY > trace.txt`',
  );
}

/** The byte behind a section. */
export function endOf(section: Section): number {
  return section.offset + section.size;
}
