import { parseCmdlines } from '../binary/cmdlines.ts';
import { EventFormats } from '../binary/event-formats.ts';
import { readEventFormats, readFtraceFormats, readPageLayout } from './descriptions.ts';
import { CONVERT, recordingError } from './errors.ts';
import { FileCursor } from './file-cursor.ts';
import { kernelSymbols } from './kernel-symbols.ts';
import { type CpuSpan, MOST_CPUS, Options, selectedClock } from './options.ts';
import { checkSpans, type FileHead, type Recording, type TraceBuffer } from './recording.ts';

/** /proc/kallsyms and saved_cmdlines of any machine; what is larger is damage. */
const LARGEST_TEXT = 1 << 28;
const TAG_BYTES = 10;
const LARGEST_CLOCK = 4096;

/** Reads the parts of version 6, which lie one behind the other (`trace-cmd.dat.v6(5)`). */
export function readVersion6(head: FileHead): Recording {
  const { bytes, name, bigEndian, pageSize, cursor } = head;
  const formats = new EventFormats();
  const layout = readPageLayout(cursor);
  readFtraceFormats(cursor, formats);
  readEventFormats(cursor, formats);
  const symbols = part(cursor, cursor.u32(), 'its kernel symbols');
  part(cursor, cursor.u32(), 'its printk formats');
  const cmdlines = part(cursor, cursor.u64(), 'its command names');
  const cpus = cursor.u32();
  const options = new Options();
  const top = readCpus(head, cursor, options, cpus);
  const buffers: TraceBuffer[] = [
    { name: '', clock: readClock(cursor, options), pageSize, isPacked: false, spans: top },
  ];
  for (const instance of options.buffers) {
    const at = new FileCursor(bytes, name, instance.offset, 'the description of a trace instance', bigEndian);
    const spans = readCpus(head, at, options, cpus);
    buffers.push({ name: instance.name, clock: buffers[0].clock, pageSize, isPacked: false, spans });
  }
  checkSpans(cursor, buffers);
  const text = ({ at, size }: { readonly at: number; readonly size: number }): Buffer => bytes.read(at, size);
  return {
    bigEndian,
    compression: 'none',
    layout,
    formats,
    times: options.times,
    buffers,
    dropped: options.dropped,
    symbolAt: kernelSymbols(() => text(symbols).toString('latin1')),
    readComms: () => parseCmdlines(text(cmdlines).toString('utf8')),
  };
}

/** A text that is read when somebody asks for it. */
function part(cursor: FileCursor, size: number, what: string): { readonly at: number; readonly size: number } {
  const at = cursor.at;
  cursor.skip(size, LARGEST_TEXT, what);
  return { at, size };
}

/** Reads options, if there are any, and where the data of each CPU is. */
function readCpus(head: FileHead, cursor: FileCursor, options: Options, cpus: number): CpuSpan[] {
  let tag = readTag(cursor);
  if (tag.startsWith('options')) {
    options.read(cursor, false);
    tag = readTag(cursor);
  }
  if (tag.startsWith('latency')) {
    throw recordingError(head.name, `this recording of a latency tracer holds text in place of events; ${CONVERT}`);
  }
  if (!tag.startsWith('flyrecord')) throw cursor.damaged('its data is announced in no known way');
  const count = options.cpuCount ?? cpus;
  if (count > MOST_CPUS) throw cursor.damaged(`it announces ${count} CPUs`);
  const spans: CpuSpan[] = [];
  for (let cpu = 0; cpu < count; cpu++) spans.push({ cpu, offset: cursor.u64(), size: cursor.u64() });
  return spans;
}

function readTag(cursor: FileCursor): string {
  return cursor.take(TAG_BYTES, TAG_BYTES, 'a tag').toString('latin1');
}

/** Files with a clock name it behind the places of the data, newer ones among the options, too. */
function readClock(cursor: FileCursor, options: Options): string | null {
  if (options.clock !== null || !options.hasClock) return options.clock;
  const size = cursor.u64();
  // Some versions of trace-cmd wrote it damaged; the usual clock counts then.
  if (size > LARGEST_CLOCK || size > cursor.left) return null;
  return selectedClock(cursor.take(size, LARGEST_CLOCK, 'the clock').toString('latin1'));
}
