import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { PgtraceError } from '../../../../src/base/errors.ts';
import { Collector, type Outcome, readPerfData } from './collect.ts';
import { MAP_ID, PerfFile, UNMAP_ID } from './perf-file.ts';

const SMALL_PATH = join(import.meta.dirname, 'samples', 'strict-6.1.perf.data');
const SMALL = readFileSync(SMALL_PATH);
const FULL_PATH = fileURLToPath(
  new URL('../../../../../shared/recordings/smmuv3/smmuv3-6.1-strict.perf.data', import.meta.url),
);
/** The small one, and the one that it was made from where that is at hand. */
const RECORDINGS = [SMALL_PATH, FULL_PATH].filter((path) => existsSync(path));
const LONGEST_MS = 2000;

const perf = new PerfFile();
const attrs = [
  { config: MAP_ID, ids: [1] },
  { config: UNMAP_ID, ids: [2] },
];
const records = [
  perf.comm(7, 'dd', perf.sampleId({}, { time: 1 })),
  perf.sample({}, { id: 1, time: 30, raw: perf.map(0x1000, 0, 4096) }),
  perf.sample({}, { id: 1, time: 20, raw: perf.map(0x2000, 0, 4096) }),
  perf.round(),
  perf.lost(3, perf.sampleId({}, { time: 25 })),
  perf.sample({}, { id: 2, time: 40, raw: perf.unmap(0x1000, 4096) }),
];

/** Reads within the time that any file may take; nothing but errors for people may come of it. */
function survive(data: Buffer, sink = new Collector()): Outcome {
  const begin = performance.now();
  const outcome = readPerfData(data, sink);
  expect(performance.now() - begin).toBeLessThan(LONGEST_MS);
  const { error } = outcome;
  if (error !== null && !(error instanceof PgtraceError)) throw error;
  if (error instanceof PgtraceError) expect(error.place).toEqual({ file: 'x.data', line: 0, column: 0 });
  return outcome;
}

/** The same file with its tracing data in front of the records, so that these can be cut. */
function endingWithRecords(size: number): Buffer {
  const whole = perf.file({ attrs, records });
  const dataAt = Number(whole.readBigUInt64LE(40));
  const dataSize = Buffer.concat(records).length;
  const tracing = perf.tracingData();
  const start = Buffer.from(whole.subarray(0, dataAt));
  const directory = perf.bytes().u64(dataAt, tracing.length).done();
  start.writeBigUInt64LE(BigInt(dataAt + tracing.length), 40);
  start.writeBigUInt64LE(BigInt(size), 48);
  return Buffer.concat([
    start,
    tracing,
    Buffer.concat(records).subarray(0, size),
    directory,
    Buffer.alloc(dataSize - size),
  ]);
}

describe('damaged recordings', () => {
  it('give everything before a record that is cut, in its order', () => {
    const all = Buffer.concat(records);
    const starts = records.map((_, i) => Buffer.concat(records.slice(0, i)).length);
    for (let size = 8; size <= all.length; size++) {
      const { sink, error } = survive(endingWithRecords(size));
      const whole = starts.filter((start, i) => start + records[i].length <= size).length;
      const samples = [1, 2, 5].filter((record) => record < whole);
      expect(sink.taken.length).toBe(samples.length);
      const times = sink.taken.map(({ head }) => head.nanos);
      expect(times).toEqual(times.toSorted((a, b) => a - b));
      const isWhole = whole === records.length || starts[whole] === size;
      expect(error === null).toBe(isWhole);
      if (error !== null)
        expect(String(error)).toContain(
          `at byte ${Number(endingWithRecords(8).readBigUInt64LE(40)) + starts[whole]} needs`,
        );
    }
  });

  it('tell of a size that no record has', () => {
    const data = perf.file({ attrs, records });
    const at = data.indexOf(records[2]);
    data.writeUInt16LE(7, at + 6);
    const { sink, error } = survive(data);
    expect(sink.taken.map(({ head }) => head.nanos)).toEqual([30]);
    expect(error).toMatchObject({
      text: `x.data: is damaged: the record at byte ${at} has a size of 7 bytes, the smallest has 8`,
    });
  });

  it('tell of data that goes beyond the end', () => {
    const aux = perf.record(71, perf.bytes().u64(0xffffffffffffn, 0, 0).u32(0, 0, 0, 0).done());
    const { sink, error } = survive(perf.file({ attrs, records: [...records, aux] }));
    expect(sink.taken.length).toBe(3);
    expect(String(error)).toContain('what the record before it announces at byte');
  });

  it('survive a cut at any byte of a small file', () => {
    const data = perf.file({ attrs, records, features: perf.features() });
    expect(survive(data).error).toBeNull();
    const whole = data.indexOf('\x17\x08\x44tracing', 0, 'latin1') + perf.tracingData().length;
    for (let size = 0; size < data.length; size++) {
      const { error, sink } = survive(data.subarray(0, size));
      // Behind the formats there are kernel symbols and names, which are not needed.
      if (size < whole - 16) expect(error).not.toBeNull();
      else expect(sink.taken.length).toBe(3);
    }
  });

  it.each(RECORDINGS)('survive a cut at every 1,000th byte of %s', (path) => {
    const data = readFileSync(path);
    const all = readPerfData(data).sink.taken.length;
    for (let size = 0; size < data.length; size += 1000) {
      const { error, sink } = survive(data.subarray(0, size));
      if (error === null) expect(sink.taken.length).toBe(all);
    }
  });

  it('survive 2,000 random changes', () => {
    const random = generator(12345);
    let unharmed = 0;
    for (let run = 0; run < 2000; run++) {
      const source = run % 2 === 0 ? SMALL : perf.file({ attrs, records });
      const data = Buffer.from(source);
      // The start and the directory are small and matter most.
      const reach = run % 3 === 0 ? Math.min(1400, data.length) : data.length;
      for (let change = 1 + (random() % 6); change > 0; change--) {
        const at = random() % reach;
        const kind = random() % 4;
        if (kind === 0) data[at] ^= 1 << (random() % 8);
        else if (kind === 1) data[at] = random() % 256;
        else data.fill(kind === 2 ? 0xff : 0, at, Math.min(data.length, at + 1 + (random() % 8)));
      }
      if (survive(data).error === null) unharmed++;
    }
    expect(unharmed).toBeGreaterThan(200);
    expect(unharmed).toBeLessThan(1900);
  });
});

/** Numbers of 31 bits that look random and are the same every time. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return state >>> 8;
  };
}
