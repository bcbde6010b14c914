import { cpus } from 'node:os';
import { Readable } from 'node:stream';
import { PgtraceError } from '../../../../src/base/errors.ts';
import { type ConflictPolicy, DEFAULT_REPLAY_OPTIONS } from '../../../../src/replay/options.ts';
import { Replayer } from '../../../../src/replay/replayer.ts';
import type { Batch } from '../../../../src/trace/batch.ts';
import type { Event } from '../../../../src/trace/events.ts';
import { decodeEvent } from '../../../../src/trace/ndjson/decode.ts';
import { eventAt } from '../../../../src/trace/ndjson/encode.ts';
import { LineEncoder } from '../../../../src/trace/ndjson/line-encoder.ts';
import { openTrace, type ReadOptions, type TraceReader } from '../../../../src/trace/open.ts';
import type { Case } from './cases.ts';

/** What a reading gave. */
export interface Survived {
  /** Events as JSON. */
  readonly events: readonly string[];
  /** Null: it was read to the end. */
  readonly error: string | null;
  /** Milliseconds of the processor that it took, at most. */
  readonly time: number;
}

/** Milliseconds of the processor that nothing may take. */
export const LONGEST = 2000;
const CORES = cpus().length;
const CHUNKS = [1, 7, 4096];
/** Bytes mapped above which nothing is replayed: page tables for damaged sizes take as long to write as the kernel's would. */
const MOST_MAPPED = 2 ** 32;
/** Inputs above this are not read byte by byte. */
const MOST_BYTES_SINGLY = 20_000;
/** How much of a damaged stream a decompressor gives depends on what it was given at a time; so what stands last may be half a record. */
const DAMAGED = /the (?:gzip|zstd) data (?:is damaged|ends too early)/;

/** Reads an input in every way its case asks for. Throws when something does not hold. */
export async function survive({ data, options, chunks, replay, encode }: Case): Promise<Survived> {
  const first = await readEvents(data, options);
  // The compiler and the collector of garbage take their time, too.
  const time = first.time > LONGEST ? (await readEvents(data, options)).time : first.time;
  if (time > LONGEST) throw new Error(`reading took ${time.toFixed(0)} ms`);
  for (const event of first.events) decodeEvent(event);
  if (chunks) await readInChunks(data, options, first);
  if (encode) await readBack(data, options, first);
  for (const policy of mappedBytes(first.events) > MOST_MAPPED ? [] : replay) {
    const taken = await replayEvents(data, options, policy);
    const again = taken > LONGEST ? await replayEvents(data, options, policy) : taken;
    if (again > LONGEST) throw new Error(`a replay (${policy}) took ${again.toFixed(0)} ms`);
  }
  return { ...first, time };
}

/** The events of an input that comes in chunks of so many bytes. */
export async function readEvents(data: Buffer, options: ReadOptions, chunkBytes = data.length): Promise<Survived> {
  const begun = performance.now();
  const found = await eventsOf(data, options, chunkBytes);
  // To ask for the time of the processor takes longer than most inputs do; no more than all cores can have worked.
  const atMost = (performance.now() - begun) * CORES;
  if (atMost <= LONGEST) return { ...found, time: atMost };
  const start = process.cpuUsage();
  return { ...(await eventsOf(data, options, chunkBytes)), time: busySince(start) };
}

async function eventsOf(data: Buffer, options: ReadOptions, chunkBytes: number): Promise<Omit<Survived, 'time'>> {
  const events: string[] = [];
  const error = await read(data, options, chunkBytes, (batch, reader) => {
    for (let i = 0; i < batch.length; i++) events.push(JSON.stringify(eventAt(batch, i, reader)));
  });
  return { events, error };
}

async function read(
  data: Buffer,
  options: ReadOptions,
  chunkBytes: number,
  take: (batch: Batch, reader: TraceReader) => void,
): Promise<string | null> {
  const reader = await openTrace('-', Readable.from(pieces(data, chunkBytes)), options);
  const outcome = await reader.read((batch) => {
    take(batch, reader);
    return true;
  });
  if (outcome.complete !== (outcome.error === null)) throw new Error('complete and an error');
  if (outcome.error === null) return null;
  if (!(outcome.error instanceof PgtraceError) || outcome.error.exitCode < 2 || outcome.error.exitCode > 4) {
    throw new Error(`an error with exit code ${outcome.error.exitCode}: ${outcome.error.text}`);
  }
  return outcome.error.text;
}

function* pieces(data: Buffer, chunkBytes: number): Generator<Buffer> {
  for (let at = 0; at < data.length; at += chunkBytes) yield data.subarray(at, at + chunkBytes);
}

async function readInChunks(data: Buffer, options: ReadOptions, whole: Survived): Promise<void> {
  for (const chunkBytes of CHUNKS) {
    if (data.length / chunkBytes > MOST_BYTES_SINGLY) continue;
    const { events, error } = await readEvents(data, options, chunkBytes);
    const how = `in chunks of ${chunkBytes} bytes`;
    if (whole.error !== null && error !== null && (DAMAGED.test(whole.error) || DAMAGED.test(error))) {
      const common = Math.min(events.length, whole.events.length);
      expectSame(events.slice(0, common), whole.events.slice(0, common), how);
      continue;
    }
    expectSame(events, whole.events, how);
    if (error !== whole.error) throw new Error(`${how}: ${error}, not ${whole.error}`);
  }
}

/** What is written in the trace language says the same. */
async function readBack(data: Buffer, options: ReadOptions, whole: Survived): Promise<void> {
  const written: Buffer[] = [];
  let encoder: LineEncoder | null = null;
  await read(data, options, data.length, (batch, reader) => {
    encoder ??= new LineEncoder(reader, (bytes) => written.push(Buffer.from(bytes)));
    encoder.encode(batch);
  });
  (encoder as LineEncoder | null)?.finish();
  const again = await readEvents(Buffer.concat(written), { lenient: false, layer: null });
  if (again.error !== null) throw new Error(`read back: ${again.error}`);
  expectSame(again.events, whole.events, 'read back');
}

/** Milliseconds of the processor that a replay took. */
async function replayEvents(data: Buffer, options: ReadOptions, onConflict: ConflictPolicy): Promise<number> {
  const start = process.cpuUsage();
  let replayer: Replayer | null = null;
  let ended = false;
  /** As for people: an event that cannot be replayed ends it, or is left out. */
  const attempt = (step: () => void): void => {
    try {
      if (!ended) step();
    } catch (error) {
      if (!(error instanceof PgtraceError)) throw error;
      ended = true;
    }
  };
  await read(data, options, data.length, (batch, reader) => {
    const skip = options.lenient ? () => {} : null;
    replayer ??= new Replayer({ ...DEFAULT_REPLAY_OPTIONS, onConflict }, reader, null, null, skip);
    const replays = replayer;
    attempt(() => replays.consume(batch));
  });
  attempt(() => replayer?.finish());
  return busySince(start);
}

function expectSame(found: readonly string[], wanted: readonly string[], how: string): void {
  const at = wanted.findIndex((event, i) => event !== found[i]);
  if (at < 0 && found.length === wanted.length) return;
  const place = at < 0 ? wanted.length : at;
  throw new Error(`${how}, event ${place} is ${found[place]}, not ${wanted[place]}`);
}

function mappedBytes(events: readonly string[]): number {
  let bytes = 0;
  for (const text of events) {
    const event = JSON.parse(text) as Event;
    if (event.op === 'map') bytes += event.size;
    else if (event.op === 'map_pages') bytes += event.pgsize * event.pgcount;
  }
  return bytes;
}

/** Milliseconds that the processor was busy for this process: whatever else the machine does, it is the same. */
export function busySince(start: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}
