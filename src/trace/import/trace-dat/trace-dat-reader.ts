import type { ByteSource } from '../../source/byte-source.ts';
import { DecompressedBytes } from '../../source/decompressed-limit.ts';
import type { BinaryReader } from '../binary/binary-reader.ts';
import { QuickHeads } from '../binary/quick-heads.ts';
import { RawPayloads } from '../binary/raw-payload.ts';
import type { EventHead } from '../event-head.ts';
import type { EventSink } from '../event-sink.ts';
import { QuickRequest } from '../quick-request.ts';
import { NO_STAMP } from '../text/time-stamp.ts';
import { COPY_AGAIN, recordingError } from './errors.ts';
import { type Recording, readHead, type TraceBuffer } from './recording.ts';
import { CpuEvents } from './ring/cpu-events.ts';
import { PackedPages, PlainPages } from './ring/cpu-pages.ts';
import { eventTimes } from './ring/event-times.ts';
import { Merge } from './ring/merge.ts';
import { readVersion6 } from './version-6.ts';
import { readVersion7 } from './version-7.ts';

const EVENTS_PER_STEP = 4096;
/** Clocks in nanoseconds (`trace.c:trace_clocks`); the others count ticks of something. */
const CLOCKS_IN_NANOSECONDS = ['local', 'global', 'perf', 'mono', 'mono_raw', 'boot', 'tai', 'tsc2nsec'];
const MOST_THREADS = 1 << 20;

/** Reads a trace.dat file of trace-cmd, versions 6 and 7. */
export function traceDatReader(
  bytes: ByteSource,
  name: string,
  sink: EventSink,
  comms: boolean,
  decompressed = new DecompressedBytes(name, null),
): BinaryReader {
  return new TraceDatReader(bytes, name, sink, comms, decompressed);
}

class TraceDatReader implements BinaryReader {
  readonly format = 'trace.dat';
  events = 0;
  readonly #bytes: ByteSource;
  readonly #name: string;
  readonly #sink: EventSink;
  readonly #wantsComms: boolean;
  readonly #decompressed: DecompressedBytes;
  readonly #threads = new Map<number, string>();
  readonly #request = new QuickRequest();
  readonly #heads = new QuickHeads();
  #comms: ReadonlyMap<number, string> = new Map();
  /** Whether the times of a CPU are in seconds, by its order. */
  readonly #timed: boolean[] = [];

  constructor(bytes: ByteSource, name: string, sink: EventSink, comms: boolean, decompressed: DecompressedBytes) {
    this.#bytes = bytes;
    this.#name = name;
    this.#sink = sink;
    this.#wantsComms = comms;
    this.#decompressed = decompressed;
  }

  *steps(): Generator<void, void> {
    const head = readHead(this.#bytes, this.#name, this.#decompressed);
    const recording = head.version === 6 ? readVersion6(head) : readVersion7(head);
    const { bigEndian, formats, layout, symbolAt } = recording;
    const payloads = new RawPayloads(formats, bigEndian, layout.commitSize, symbolAt);
    if (this.#wantsComms) this.#comms = recording.readComms();
    if (recording.dropped > 0) this.#sink.lost(recording.dropped);
    const cpus = recording.buffers.flatMap((buffer) => this.#open(recording, buffer));
    const merge = new Merge(cpus.filter((cpu) => this.#advance(cpu)));
    for (let cpu = merge.first; cpu !== undefined; cpu = merge.first) {
      this.#give(cpu, payloads);
      if (this.#sink.stopped) return;
      if (this.#advance(cpu)) merge.update();
      else merge.drop();
      if (this.events % EVENTS_PER_STEP === 0) yield;
    }
  }

  #open(recording: Recording, buffer: TraceBuffer): CpuEvents[] {
    const { bigEndian, compression, layout, times } = recording;
    const isTimed = times.multiplier > 0n || CLOCKS_IN_NANOSECONDS.includes(buffer.clock ?? 'local');
    return buffer.spans
      .filter(({ size }) => size > 0)
      .map((span) => {
        const pages = buffer.isPacked
          ? new PackedPages(this.#bytes, span, buffer.pageSize, compression, bigEndian, this.#decompressed)
          : new PlainPages(this.#bytes, span, buffer.pageSize);
        const order = this.#timed.push(isTimed) - 1;
        return new CpuEvents(span.cpu, order, pages, layout, eventTimes(times, span.cpu), bigEndian);
      });
  }

  /** Goes to the next event of a CPU; false when it has no more. Behind damage no CPU goes on: what it did is missing. */
  #advance(cpu: CpuEvents): boolean {
    const { seconds, nanos } = cpu.times;
    const isFirst = cpu.end === 0;
    if (cpu.advance()) return true;
    if (cpu.missed >= 0) this.#sink.lost(cpu.missed);
    if (cpu.damage === null) return false;
    const from = isFirst ? 'all its events' : `events from time ${printTime(seconds, nanos)} on`;
    throw recordingError(this.#name, `${this.#describe(cpu, cpu.damage)}: ${from} are missing; ${COPY_AGAIN}`);
  }

  #describe({ cpu }: CpuEvents, damage: string): string {
    if (damage === 'is cut off') return `the file ends at byte ${this.#bytes.size} within the data of CPU ${cpu}`;
    return `the data of CPU ${cpu} ${damage}`;
  }

  #give(cpu: CpuEvents, payloads: RawPayloads): void {
    this.events++;
    const sink = this.#sink;
    if (cpu.missed >= 0) sink.lost(cpu.missed);
    if (sink.takesQuick && payloads.fill(cpu.bytes, cpu.start, cpu.end, this.#request)) {
      this.#giveQuick(cpu, payloads.pid, payloads.level);
      return;
    }
    const event = payloads.read(cpu.bytes, cpu.start, cpu.end);
    if (event === null) {
      throw recordingError(
        this.#name,
        `${this.#where(cpu)}: it has ${cpu.end - cpu.start} bytes, too few for any event; ${COPY_AGAIN}`,
      );
    }
    if (event.payload !== null) {
      const seconds = this.#timed[cpu.order] ? cpu.times.seconds : NO_STAMP;
      const head: EventHead = {
        thread: this.#thread(event.pid, cpu.cpu),
        level: event.level,
        cpu: cpu.cpu,
        comm: this.#wantsComms ? (this.#comms.get(event.pid) ?? '') : '',
        seconds,
        nanos: seconds === NO_STAMP ? 0 : cpu.times.nanos,
      };
      sink.take(event.payload, head, this.events);
    } else if (event.unreadable === null) sink.ignore();
    else sink.refuse(recordingError(this.#name, `${this.#where(cpu)}: ${event.unreadable}`));
  }

  /** The present event, which is in the request. Nobody wants commands where requests are taken so. */
  #giveQuick({ cpu, order, times }: CpuEvents, pid: number, level: number): void {
    const request = this.#request;
    const isTimed = this.#timed[order];
    request.head = this.#heads.find(pid, level, cpu) ?? this.#heads.add(pid, level, cpu, this.#thread(pid, cpu));
    request.seconds = isTimed ? times.seconds : NO_STAMP;
    request.nanos = isTimed ? times.nanos : 0;
    this.#sink.takeQuick(request, this.events);
  }

  /** The present event, for people. */
  #where({ cpu, times }: CpuEvents): string {
    return `event ${this.events}, on CPU ${cpu} at ${printTime(times.seconds, times.nanos)}`;
  }

  #thread(pid: number, cpu: number): string {
    const key = pid === 0 ? -1 - cpu : pid;
    const known = this.#threads.get(key);
    if (known !== undefined) return known;
    const thread = pid === 0 ? `0@${cpu}` : String(pid);
    if (this.#threads.size < MOST_THREADS) this.#threads.set(key, thread);
    return thread;
  }
}

function printTime(seconds: number, nanos: number): string {
  return `${seconds}.${String(nanos).padStart(9, '0')}`;
}
