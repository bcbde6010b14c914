import { type ByteSource, memoryBytes } from '../../source/byte-source.ts';
import { parseCmdlines } from '../binary/cmdlines.ts';
import { EventFormats } from '../binary/event-formats.ts';
import { readEventFormats, readFtraceFormats, readPageLayout } from './descriptions.ts';
import { CONVERT, recordingError } from './errors.ts';
import { FileCursor } from './file-cursor.ts';
import { kernelSymbols } from './kernel-symbols.ts';
import { CMDLINES, EVENT_FORMATS, FTRACE_FORMATS, HEADER_INFO, KALLSYMS, Options } from './options.ts';
import { checkPageSize, checkSpans, type FileHead, type Recording, type TraceBuffer } from './recording.ts';
import { decompressBlock, LARGEST_BLOCK } from './ring/decompress-block.ts';

const OPTIONS = 0;
const IS_PACKED = 1;
const LARGEST_SECTION = 1 << 28;
/** Options go on elsewhere a few times. */
const MOST_OPTION_SECTIONS = 1024;

interface Section {
  readonly id: number;
  readonly cursor: FileCursor;
}

/** Reads a file of version 7: sections that its options name (`trace-cmd.dat.v7(5)`). */
export function readVersion7(head: FileHead): Recording {
  const { bytes, name, bigEndian, cursor } = head;
  const options = readOptions(head, cursor.u64());
  const formats = new EventFormats();
  const layout = readPageLayout(namedSection(head, options, HEADER_INFO, 'the layout of its pages'));
  if (options.sections.has(FTRACE_FORMATS)) {
    readFtraceFormats(namedSection(head, options, FTRACE_FORMATS, 'the formats of ftrace events'), formats);
  }
  readEventFormats(namedSection(head, options, EVENT_FORMATS, 'the formats of its events'), formats);
  const buffers = options.buffers.map((option): TraceBuffer => {
    if (option.isText) {
      throw recordingError(name, `this recording of a latency tracer holds text in place of events; ${CONVERT}`);
    }
    const section = sectionHead(new FileCursor(bytes, name, option.offset, 'the head of its data', bigEndian));
    const pageSize = option.spans.length === 0 ? option.pageSize : checkPageSize(cursor, option.pageSize);
    const clock = option.clock === '' ? options.clock : option.clock;
    return { name: option.name, clock, pageSize, isPacked: section.isPacked, spans: option.spans };
  });
  checkSpans(cursor, buffers);
  return {
    bigEndian,
    compression: head.compression,
    layout,
    formats,
    times: options.times,
    // The top instance comes first, wherever it is named.
    buffers: [...buffers.filter((one) => one.name === ''), ...buffers.filter((one) => one.name !== '')],
    dropped: options.dropped,
    symbolAt: kernelSymbols(() => sizedText(head, options, KALLSYMS, (at) => at.u32()).toString('latin1')),
    readComms: () => parseCmdlines(sizedText(head, options, CMDLINES, (at) => at.u64()).toString('utf8')),
  };
}

function readOptions(head: FileHead, first: number): Options {
  if (first === 0) {
    throw recordingError(
      head.name,
      'the recording was not finished: its options are missing; let `trace-cmd record` end by itself',
    );
  }
  const options = new Options();
  let offset = first;
  for (let sections = 0; offset !== 0; sections++) {
    const { id, cursor } = openSection(head, offset, 'its options');
    if (id !== OPTIONS || sections >= MOST_OPTION_SECTIONS)
      throw cursor.damaged(`there are no options at byte ${offset}`);
    offset = options.read(cursor, true);
  }
  return options;
}

function namedSection(head: FileHead, options: Options, id: number, where: string): FileCursor {
  const offset = options.sections.get(id);
  if (offset === undefined) {
    throw recordingError(head.name, `the file lacks ${where}: none of its events can be read; ${CONVERT}`);
  }
  const section = openSection(head, offset, where);
  if (section.id !== id) throw section.cursor.damaged(`there is another section at byte ${offset}`);
  return section.cursor;
}

/** A text with its size before it; empty when there is none, since nothing depends on it. */
function sizedText(head: FileHead, options: Options, id: number, size: (cursor: FileCursor) => number): Buffer {
  if (!options.sections.has(id)) return Buffer.alloc(0);
  const cursor = namedSection(head, options, id, 'its texts');
  return cursor.take(size(cursor), LARGEST_SECTION, 'a text');
}

/** The contents of the section at a byte of the file, decompressed. */
function openSection(head: FileHead, offset: number, where: string): Section {
  const { bytes, name, bigEndian, compression, decompressed } = head;
  const cursor = new FileCursor(bytes, name, offset, where, bigEndian);
  const { id, isPacked } = sectionHead(cursor);
  if (!isPacked) return { id, cursor };
  const packedSize = cursor.u32();
  const fullSize = cursor.u32();
  const packed = cursor.take(packedSize, LARGEST_SECTION, 'a compressed section');
  if (fullSize <= LARGEST_BLOCK) decompressed.add(fullSize);
  let contents: ByteSource;
  try {
    contents = memoryBytes(decompressBlock(packed, fullSize, compression));
  } catch (error) {
    throw cursor.damaged(error instanceof Error ? error.message : String(error));
  }
  return { id, cursor: new FileCursor(contents, name, 0, where, bigEndian, 'a decompressed section') };
}

function sectionHead(cursor: FileCursor): { readonly id: number; readonly isPacked: boolean } {
  const id = cursor.u16();
  const isPacked = (cursor.u16() & IS_PACKED) !== 0;
  // Its name, which nobody needs, and its size, which is that of what follows.
  cursor.u32();
  cursor.u64();
  return { id, isPacked };
}
