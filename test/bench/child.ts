/**
 * One measurement in a process of its own, so that its peak memory is its own: `child.js MODE INPUT`. Prints one JSON
 * line. INPUT is a file, or `-` for standard input; MODE `generate` takes a number of events and writes them, `binds` a driver, a
 * kernel and a number of VMAs.
 */
import { closeSync, createReadStream, openSync, readSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import ndjson from 'ndjson';
import { ALLOCATORS } from '../../src/allocator/registry.ts';
import { importCommand } from '../../src/commands/import/import.ts';
import { DEFAULT_REPLAY_OPTIONS } from '../../src/replay/options.ts';
import type { QueueOptions } from '../../src/replay/queue/queue-options.ts';
import { Replayer } from '../../src/replay/replayer.ts';
import { type BatchConsumer, BatchWriter } from '../../src/trace/batch-writer.ts';
import { NdjsonDecoder } from '../../src/trace/ndjson/ndjson-decoder.ts';
import { type Ahead, openTrace } from '../../src/trace/open.ts';
import { LineBuffer } from '../../src/trace/source/line-buffer.ts';
import { measureBinds } from './bind-load.ts';
import type { Measurement } from './measure.ts';
import { writeTrace } from './trace-generator.ts';

const CHUNK = 1024 * 1024;
/** The queue of a mode that names an allocator. */
const QUEUES: Readonly<Record<string, QueueOptions | null>> = {
  replay: null,
  queue: { depth: 64, exec: null, cleanup: { value: 0, unit: 'ops' } },
};

/** Each way through an input, to the number of events in it. */
const MODES: Readonly<Record<string, (input: string) => Promise<number> | number>> = {
  replay: (input) => replay(input),
  'replay-ahead': (input) => replay(input, null, null, 'always'),
  read: (input) => readEvents(input, () => true),
  import: (input) => importLines(input, false),
  'import-single': (input) => importLines(input, true),
  'import-file': importFile,
  scan: scan,
  ndjson: ndjsonPackage,
  'json-lines': jsonPerLine,
};

/** The whole way: source, reader, a replayer for each allocator. */
async function replay(
  input: string,
  allocator: string | null = null,
  queue: QueueOptions | null = null,
  ahead: Ahead = 'never',
): Promise<number> {
  const names = allocator === 'all' ? ALLOCATORS.map(({ name }) => name) : [allocator];
  const reader = await openTrace(input, process.stdin, { lenient: false, layer: null }, ahead);
  const replayers = names.map((name) => {
    const choice = name === null ? null : { name, parameters: {} };
    return new Replayer({ ...DEFAULT_REPLAY_OPTIONS, allocator: choice, queue }, reader, null, null);
  });
  const outcome = await reader.read((batch) => {
    for (const replayer of replayers) replayer.consume(batch);
    return true;
  });
  for (const replayer of replayers) replayer.finish();
  if (outcome.error !== null) throw outcome.error;
  return replayers[0].seq;
}

/** A recording, to the number of its lines, or of its events where it has no lines. */
async function importLines(input: string, singleDomain: boolean): Promise<number> {
  const reader = await openTrace(input, process.stdin, { lenient: false, layer: null, singleDomain });
  const outcome = await reader.read(() => true);
  if (outcome.error !== null) throw outcome.error;
  return outcome.lines;
}

/** The whole of `pgtrace import`, from file to file; no number. */
async function importFile(input: string): Promise<number> {
  const code = await importCommand(input, { output: `${input}.ndjson`, singleDomain: true, quiet: true }, process);
  if (code !== 0) throw new Error(`pgtrace import ended with exit code ${code}`);
  return 0;
}

/** Source and reader, nobody behind them. */
async function readEvents(input: string, consume: BatchConsumer): Promise<number> {
  let events = 0;
  const reader = await openTrace(input, process.stdin, { lenient: false, layer: null });
  const outcome = await reader.read((batch) => {
    events += batch.length;
    return consume(batch);
  });
  if (outcome.error !== null) throw outcome.error;
  return events;
}

/** The NDJSON decoder on chunks read one after another, without source and stream. */
function scan(input: string): number {
  const writer = new BatchWriter(() => true);
  const decoder = new NdjsonDecoder(writer, { name: input, badLine: fail });
  const lines = new LineBuffer((buffer, start, end) => decoder.decode(buffer, start, end), fail);
  eachChunk(input, (chunk) => lines.push(chunk));
  lines.finish();
  writer.flush();
  return writer.events;
}

/** What the `ndjson` package makes of the file, parsed and dropped. */
async function ndjsonPackage(input: string): Promise<number> {
  let events = 0;
  const parser = ndjson.parse();
  parser.on('data', () => {
    events++;
  });
  await pipeline(createReadStream(input), parser);
  return events;
}

/** Large chunks, split into lines, JSON.parse for each. */
function jsonPerLine(input: string): number {
  let events = 0;
  let rest = '';
  eachChunk(input, (chunk) => {
    const lines = (rest + chunk.toString('latin1')).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (JSON.parse(line) !== null) events++;
  });
  return events;
}

function eachChunk(path: string, take: (chunk: Buffer) => void): void {
  const file = openSync(path, 'r');
  const buffer = Buffer.allocUnsafe(CHUNK);
  for (let length = readSync(file, buffer); length > 0; length = readSync(file, buffer))
    take(buffer.subarray(0, length));
  closeSync(file);
}

function fail(error?: unknown): never {
  throw error ?? new Error('a line is too long');
}

const [mode, input] = process.argv.slice(2);
if (mode === 'generate') await writeTrace(Number(input), process.stdout);
else if (mode === 'binds') process.stdout.write(`${JSON.stringify(measureBinds(input))}\n`);
else {
  const start = process.hrtime.bigint();
  const before = process.cpuUsage();
  const [name, allocator] = mode.split(':');
  // `replay:pool`, `replay:all`, `queue:reserve`
  const events = await (allocator === undefined ? MODES[name](input) : replay(input, allocator, QUEUES[name]));
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  const { user, system } = process.cpuUsage(before);
  const result: Measurement = { events, seconds, cpu: (user + system) / 1e6, peakKib: process.resourceUsage().maxRSS };
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
