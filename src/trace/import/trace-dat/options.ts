import type { FileCursor } from './file-cursor.ts';
import { type ClockSample, TimeRules } from './ring/time-rules.ts';

/** TRACECMD_OPTION_*; the others hold nothing that a replay needs. */
const DONE = 0;
const DATE = 1;
const CPUSTAT = 2;
const BUFFER = 3;
const TRACECLOCK = 4;
const OFFSET = 7;
const CPUCOUNT = 8;
const TIME_SHIFT = 12;
const TSC2NSEC = 14;
const BUFFER_TEXT = 22;
/** Options that say where a section is. */
export const HEADER_INFO = 16;
export const FTRACE_FORMATS = 17;
export const EVENT_FORMATS = 18;
export const KALLSYMS = 19;
export const CMDLINES = 21;

const LARGEST_OPTION = 1 << 24;
const MOST_OPTIONS = 1 << 16;
/** Linux takes 8192. */
export const MOST_CPUS = 1 << 16;
const MOST_SAMPLES = 1 << 20;

/** Where the events of one CPU are. Bytes of the file. */
export interface CpuSpan {
  readonly cpu: number;
  readonly offset: number;
  readonly size: number;
}

/** The events of one trace instance; the name of the top one is empty. */
export interface BufferOption {
  readonly name: string;
  /** Where it is described further: its section, or what stands there in version 6. */
  readonly offset: number;
  /** Text instead of events. */
  readonly isText: boolean;
  /** Clock, size of pages in bytes and CPUs: version 7 only. */
  readonly clock: string;
  readonly pageSize: number;
  readonly spans: readonly CpuSpan[];
}

/** What the options of a recording say. */
export class Options {
  readonly times = new TimeRules();
  readonly buffers: BufferOption[] = [];
  /** Offsets of sections by the option that names them: version 7 only. */
  readonly sections = new Map<number, number>();
  /** Clock of the top instance; null when not recorded. */
  clock: string | null = null;
  hasClock = false;
  cpuCount: number | null = null;
  /** Events that the ring buffers could not take. */
  dropped = 0;
  #count = 0;

  /**
   * Reads options up to the end mark. `sectioned`: they are a section of version 7, whose end mark says where they go on.
   * Returns that byte, 0 when there are no more.
   */
  read(cursor: FileCursor, sectioned: boolean): number {
    for (;;) {
      const id = cursor.u16();
      if (id === DONE && !sectioned) return 0;
      const size = cursor.u32();
      if (++this.#count > MOST_OPTIONS) throw cursor.damaged('it has no end');
      const end = cursor.at + size;
      if (id === DONE) return size >= 8 ? cursor.u64() : 0;
      if (isRead(id)) {
        // Only what is read is held against the file.
        cursor.skip(size, LARGEST_OPTION, `option ${id}`);
        cursor.at = end - size;
        this.#option(cursor, id, size, sectioned);
      } else cursor.skip(size, Number.MAX_SAFE_INTEGER, `option ${id}`);
      if (cursor.at > end) throw cursor.damaged(`option ${id} is too short`);
      cursor.at = end;
    }
  }

  #option(cursor: FileCursor, id: number, size: number, sectioned: boolean): void {
    const text = (): string => cursor.take(size, LARGEST_OPTION, `option ${id}`).toString('latin1').split('\0', 1)[0];
    switch (id) {
      case DATE:
        this.times.offset += wholeNumber(text()) * 1000n;
        break;
      case OFFSET:
        this.times.offset += wholeNumber(text());
        break;
      case CPUSTAT:
        for (const [, count] of text().matchAll(/^(?:commit overrun|dropped events): (\d{1,15})$/gm)) {
          this.dropped += Number(count);
        }
        break;
      case TRACECLOCK:
        this.hasClock = true;
        this.clock = selectedClock(text()) ?? this.clock;
        break;
      case CPUCOUNT:
        // Some versions of trace-cmd kept the groups of threads under this number.
        if (size <= 8) this.cpuCount = cursor.u32();
        break;
      case TSC2NSEC:
        if (size < 16) break;
        this.times.multiplier = BigInt(cursor.u32());
        this.times.shift = BigInt(cursor.u32() & 63);
        break;
      case TIME_SHIFT:
        if (size >= 16) this.#timeShift(cursor, size);
        break;
      case BUFFER:
      case BUFFER_TEXT:
        this.buffers.push(readBuffer(cursor, id === BUFFER_TEXT, sectioned));
        break;
      default:
        if (sectioned && size >= 8) this.sections.set(id, cursor.u64());
    }
  }

  /** What trace-cmd measured between the clocks of a guest and its host; later ones take the place of earlier ones. */
  #timeShift(cursor: FileCursor, size: number): void {
    const end = cursor.at + size;
    cursor.at += 8;
    this.times.interpolates = (cursor.u32() & 1) !== 0;
    const cpus = cursor.u32();
    if (cpus > MOST_CPUS) throw cursor.damaged(`it announces the clocks of ${cpus} CPUs`);
    const columns: bigint[][][] = [];
    let total = 0;
    for (let cpu = 0; cpu < cpus; cpu++) {
      const count = cursor.u32();
      total += count;
      if (total > MOST_SAMPLES || count * 24 > end - cursor.at)
        throw cursor.damaged('the samples of its clocks are cut off');
      columns.push([signed64s(cursor, count), signed64s(cursor, count), signed64s(cursor, count)]);
    }
    const hasFractions = cursor.at < end;
    this.times.samples = columns.map(([times, offsets, scalings]) => {
      const fractions = hasFractions ? signed64s(cursor, times.length) : [];
      const samples = times.map((time, i): ClockSample => {
        return { time, offset: offsets[i], scaling: scalings[i], fraction: (fractions[i] ?? 0n) & 63n };
      });
      samples.sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0));
      return samples.filter(({ time }, i) => i === 0 || time !== samples[i - 1].time);
    });
  }
}

function isRead(id: number): boolean {
  return (
    [DATE, CPUSTAT, BUFFER, TRACECLOCK, OFFSET, CPUCOUNT, TIME_SHIFT, TSC2NSEC, BUFFER_TEXT].includes(id) ||
    [HEADER_INFO, FTRACE_FORMATS, EVENT_FORMATS, KALLSYMS, CMDLINES].includes(id)
  );
}

function readBuffer(cursor: FileCursor, isText: boolean, sectioned: boolean): BufferOption {
  const offset = cursor.u64();
  const name = cursor.text('the name of a trace instance');
  if (!sectioned) return { name, offset, isText: false, clock: '', pageSize: 0, spans: [] };
  const clock = cursor.text('the clock of a trace instance');
  if (isText) return { name, offset, isText, clock, pageSize: 0, spans: [] };
  const pageSize = cursor.u32();
  const cpus = cursor.u32();
  if (cpus > MOST_CPUS) throw cursor.damaged(`it announces ${cpus} CPUs`);
  const spans: CpuSpan[] = [];
  for (let i = 0; i < cpus; i++) spans.push({ cpu: cursor.u32(), offset: cursor.u64(), size: cursor.u64() });
  return { name, offset, isText, clock, pageSize, spans };
}

/** The clock in brackets of `local [mono] boot`; null when none is. */
export function selectedClock(text: string): string | null {
  return /\[([\w-]{1,32})\]/.exec(text)?.[1] ?? null;
}

/** As C's strtoll reads it: decimal, or hexadecimal behind 0x. */
function wholeNumber(text: string): bigint {
  const found = /^\s*(-?)(0x[0-9a-f]{1,16}|\d{1,19})/i.exec(text);
  if (found === null) return 0n;
  const value = BigInt(found[2]);
  return found[1] === '-' ? -value : value;
}

function signed64s(cursor: FileCursor, count: number): bigint[] {
  const values: bigint[] = [];
  for (let i = 0; i < count; i++) {
    const bytes = cursor.take(8, 8, 'a sample of a clock');
    values.push(cursor.bigEndian ? bytes.readBigInt64BE() : bytes.readBigInt64LE());
  }
  return values;
}
