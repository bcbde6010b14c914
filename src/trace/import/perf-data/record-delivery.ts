import { u16, u32 } from '../binary/event-fields.ts';
import { QuickHeads } from '../binary/quick-heads.ts';
import type { RawPayloads } from '../binary/raw-payload.ts';
import type { EventHead } from '../event-head.ts';
import type { EventSink } from '../event-sink.ts';
import type { Payload } from '../payload.ts';
import { QuickRequest } from '../quick-request.ts';
import type { Comms } from './comms.ts';
import type { EventAttr, EventAttrs } from './event-attrs.ts';
import { LossCounter } from './losses.ts';
import type { Chunk } from './record-reader.ts';
import { perfDataError } from './refusals.ts';
import { SampleTime } from './sample-fields.ts';

/** Types of records that are of use: enum perf_event_type of perf_event.h. */
export const COMM = 3;
export const FORK = 7;
export const SAMPLE = 9;

/** Bytes of the size before a sample's raw part. */
const RAW_SIZE = 4;

/** What records are read with. */
export interface RecordContext {
  readonly name: string;
  readonly bigEndian: boolean;
  readonly attrs: EventAttrs;
  readonly payloads: RawPayloads;
  /** Null when nobody wants names. */
  readonly comms: Comms | null;
}

/** Gives the sink what records hold, which must come in order of time. */
export class RecordDelivery {
  readonly #context: RecordContext;
  readonly #sink: EventSink;
  readonly #threads = new Map<number, string>();
  readonly #thinned = new Set<EventAttr>();
  readonly #losses: LossCounter;
  readonly #time = new SampleTime();
  readonly #request = new QuickRequest();
  readonly #heads = new QuickHeads();
  /** Samples so far; in the output of `perf script` the line of the last one. */
  samples = 0;

  constructor(context: RecordContext, sink: EventSink) {
    this.#context = context;
    this.#sink = sink;
    this.#losses = new LossCounter(context.attrs, context.bigEndian, sink);
  }

  get stopped(): boolean {
    return this.#sink.stopped;
  }

  /** The record at `at` of the chunk. */
  deliver(chunk: Chunk, at: number): void {
    const { bigEndian, comms } = this.#context;
    const b = chunk.bytes;
    const end = at + u16(b, at + 6, bigEndian);
    const type = u32(b, at, bigEndian);
    if (type === SAMPLE) this.#sample(chunk, at, end);
    else if (type === COMM) comms?.rename(b, at, end);
    else if (type === FORK) comms?.fork(b, at, end);
    else this.#losses.note(b, at, end);
  }

  #sample(chunk: Chunk, at: number, end: number): void {
    this.samples++;
    const problem = this.#read(chunk.bytes, at, end);
    if (problem === null) return;
    this.#sink.refuse(perfDataError(this.#context.name, `the sample at byte ${chunk.base + at} ${problem}`));
  }

  /** Gives the sample in `b[at..end)` to the sink; the text says why it cannot be read. */
  #read(b: Buffer, at: number, end: number): string | null {
    const { bigEndian, attrs, payloads } = this.#context;
    const attr = attrs.ofSample(b, at, end);
    if (attr === null) return 'has an id that belongs to no event of the recording';
    if (!attr.isTracepoint) {
      this.#sink.ignore();
      return null;
    }
    if (!attr.layout.hasRaw) return 'is of a tracepoint without its fields; `perf record -R` records them';
    const sizeAt = attr.layout.rawAt(b, at, end, bigEndian);
    if (sizeAt < 0) return 'is too short for what it says to hold; the file is damaged';
    const start = sizeAt + RAW_SIZE;
    const stop = start + u32(b, sizeAt, bigEndian);
    if (stop > end) return 'ends before the fields of its event; the file is damaged';
    if (this.#sink.takesQuick && payloads.fill(b, start, stop, this.#request)) {
      this.#takeQuick(attr, payloads.pid, payloads.level, b, at);
      return null;
    }
    const raw = payloads.read(b, start, stop);
    if (raw === null) return 'has too few bytes for an event; the file is damaged';
    if (raw.unreadable !== null) return `cannot be read: ${raw.unreadable}`;
    if (raw.format === null) return 'is of an event that the file does not describe';
    if (raw.payload === null) this.#sink.ignore();
    else this.#take(raw.payload, attr, raw.pid, raw.level, b, at);
    return null;
  }

  #take(payload: Payload, attr: EventAttr, pid: number, level: number, b: Buffer, at: number): void {
    this.#noteThinned(attr);
    const { comms } = this.#context;
    const tid = this.#tid(attr, pid, b, at);
    const cpu = this.#cpu(attr, b, at);
    const { seconds, nanos } = this.#readTime(attr, b, at);
    const comm = comms === null ? '' : comms.of(tid);
    const head: EventHead = { thread: this.#thread(tid, cpu), level, cpu, comm, seconds, nanos };
    this.#sink.take(payload, head, this.samples);
  }

  /** The sample at `at`, which is in the request. Nobody wants commands where requests are taken so. */
  #takeQuick(attr: EventAttr, pid: number, level: number, b: Buffer, at: number): void {
    this.#noteThinned(attr);
    const tid = this.#tid(attr, pid, b, at);
    const cpu = this.#cpu(attr, b, at);
    const request = this.#request;
    const { seconds, nanos } = this.#readTime(attr, b, at);
    request.head = this.#heads.find(tid, level, cpu) ?? this.#heads.add(tid, level, cpu, this.#thread(tid, cpu));
    request.seconds = seconds;
    request.nanos = nanos;
    this.#sink.takeQuick(request, this.samples);
  }

  #noteThinned(attr: EventAttr): void {
    if (!attr.isThinned || this.#thinned.has(attr)) return;
    this.#thinned.add(attr);
    this.#sink.lost(0);
  }

  /** The kernel notes the thread's id in the event as well. */
  #tid({ layout: { tidAt } }: EventAttr, pid: number, b: Buffer, at: number): number {
    return tidAt < 0 ? pid : u32(b, at + tidAt + 4, this.#context.bigEndian) | 0;
  }

  #cpu({ layout: { cpuAt } }: EventAttr, b: Buffer, at: number): number {
    return cpuAt < 0 ? -1 : Math.max(-1, u32(b, at + cpuAt, this.#context.bigEndian) | 0);
  }

  /** The time of the sample; valid until the next is read. */
  #readTime({ layout: { timeAt } }: EventAttr, b: Buffer, at: number): SampleTime {
    const time = this.#time;
    if (timeAt < 0) time.clear();
    else time.set(b, at + timeAt, this.#context.bigEndian);
    return time;
  }

  /** As the text of `perf script` is read: idle tasks by CPU, the first where the recording does not say. */
  #thread(tid: number, cpu: number): string {
    if (tid < 0) return String(tid);
    const key = tid === 0 ? -1 - Math.max(0, cpu) : tid;
    const known = this.#threads.get(key);
    if (known !== undefined) return known;
    const thread = tid === 0 ? `0@${Math.max(0, cpu)}` : String(tid);
    this.#threads.set(key, thread);
    return thread;
  }
}
