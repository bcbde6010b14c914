import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { readEventAttrs } from '../../../../src/trace/import/perf-data/event-attrs.ts';
import { readFileHeader } from '../../../../src/trace/import/perf-data/file-header.ts';
import { EventLineReader } from '../../../../src/trace/import/text/event-line.ts';
import { fileBytes, memoryBytes } from '../../../../src/trace/source/byte-source.ts';
import { Collector, readAll, readPerfData, type Taken } from './collect.ts';
import { reducePerfData } from './reduce.ts';

const SAMPLES = join(import.meta.dirname, 'samples');
const SMALL = join(SAMPLES, 'strict-6.1.perf.data');
/** What `perf script --ns` prints of it. */
const SMALL_TEXT = join(SAMPLES, 'strict-6.1.perf-script-ns.txt.gz');
/** The whole recording, where the checkout has it beside it. */
const FULL = fileURLToPath(
  new URL('../../../../../shared/recordings/smmuv3/smmuv3-6.1-strict.perf.data', import.meta.url),
);
const FULL_TEXT = FULL.replace('.perf.data', '.perf-script-ns.txt.gz');
const hasRecordings = existsSync(FULL);
const ONE_IN = 32;

interface Printed {
  readonly comm: string;
  readonly cpu: number;
  readonly thread: string;
  readonly seconds: number;
  readonly nanos: number;
  readonly payload: Taken['payload'];
  readonly line: number;
}

/** The events of a text with their columns. */
function printed(path: string): Printed[] {
  const reader = new EventLineReader();
  const lines = gunzipSync(readFileSync(path)).toString('latin1').split('\n');
  return lines.flatMap((text, i) => {
    if (text === '') return [];
    const bytes = Buffer.from(`${text}\n`, 'latin1');
    const line = reader.read(bytes, 0, bytes.length - 1);
    const columns = /^\s*(.*?)\s+\d+ \[(\d+)\]/.exec(text);
    if (line === null || line.payload === null || columns === null) throw new Error(`unread line ${text}`);
    const { thread, seconds, nanos, payload } = line;
    return [{ comm: columns[1], cpu: Number(columns[2]), thread, seconds, nanos, payload, line: i + 1 }];
  });
}

function asPrinted(taken: readonly Taken[]): Printed[] {
  return taken.map(({ payload, head, line }) => {
    const { comm, cpu, thread, seconds, nanos } = head;
    return { comm, cpu, thread, seconds, nanos, payload, line };
  });
}

describe('a recording of perf', () => {
  it('gives what perf script prints, in its order, with times in nanoseconds', () => {
    const expected = printed(SMALL_TEXT);
    expect(expected.length).toBeGreaterThan(150);
    const { sink, events, error } = readPerfData(readFileSync(SMALL), new Collector({ strict: true }));
    expect(error).toBeNull();
    expect(asPrinted(sink.taken)).toEqual(expected);
    expect(sink).toMatchObject({ ignored: 0, losses: [], refused: [] });
    expect(events).toBe(expected.length);
  });

  it('leaves out names that nobody asked for', () => {
    const named = readAll(readFileSync(SMALL));
    const nameless = readAll(readFileSync(SMALL), new Collector(), false);
    expect(new Set(nameless.taken.map(({ head }) => head.comm))).toEqual(new Set(['']));
    expect(nameless.taken).toEqual(named.taken.map((one) => ({ ...one, head: { ...one.head, comm: '' } })));
  });

  it('stops when the consumer has enough', () => {
    expect(readAll(readFileSync(SMALL), new Collector({ wanted: 10 })).taken.length).toBe(10);
  });

  it.skipIf(!hasRecordings)('of full size does, too', () => {
    const source = fileBytes(FULL);
    expect(readEventAttrs(source, readFileHeader(source, FULL), FULL).all.length).toBe(8);
    const taken = readAll(source, new Collector({ strict: true })).taken;
    source.close();
    expect(taken.length).toBe(5608);
    expect(asPrinted(taken)).toEqual(printed(FULL_TEXT));
    // Which text does not tell: perf prints no interrupt level.
    expect(new Set(taken.map(({ head }) => head.level))).toEqual(new Set([0, 2]));
  });

  it.skipIf(!hasRecordings)('is what the small one was made from', () => {
    const full = readFileSync(FULL);
    const small = reducePerfData(full, ONE_IN);
    if (process.env['PGTRACE_WRITE_EXPECTED'] === '1') {
      writeFileSync(SMALL, small);
      writeFileSync(SMALL_TEXT, gzipSync(execFileSync('perf', ['script', '--ns', '-i', SMALL])));
    }
    expect(existsSync(SMALL) && readFileSync(SMALL).equals(small)).toBe(true);
    expect(readAll(memoryBytes(full)).taken.length).toBeGreaterThan(20 * readAll(small).taken.length);
  });
});
