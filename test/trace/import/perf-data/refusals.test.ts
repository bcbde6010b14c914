import { describe, expect, it } from 'vitest';
import { PgtraceError } from '../../../../src/base/errors.ts';
import { Collector, readAll, readPerfData } from './collect.ts';
import { MAP_ID, PerfFile, S, USUAL } from './perf-file.ts';

const perf = new PerfFile();
const CONVERT = '`perf script -F comm,pid,tid,cpu,time,event,trace -i FILE > trace.txt`';
const good = perf.sample({}, { raw: perf.map(0x1000, 0, 4096) });

function refusal(data: Buffer): string {
  const { error, sink } = readPerfData(data);
  if (!(error instanceof PgtraceError)) throw new Error('not refused');
  expect(sink.taken).toEqual([]);
  expect(error.exitCode).toBe(3);
  return error.text;
}

function changed(data: Buffer, change: (data: Buffer) => void): Buffer {
  const copy = Buffer.from(data);
  change(copy);
  return copy;
}

const FINE = perf.file({ records: [good] });

describe('refused with what to do', () => {
  it('a recording from a pipe', () => {
    const pipe = perf
      .bytes()
      .bytes(Buffer.from('PERFILE2'))
      .u64(16)
      .bytes(perf.record(64, Buffer.alloc(136)))
      .done();
    expect(refusal(pipe)).toBe(
      `x.data: was recorded through a pipe, so that it has no directory of its parts; convert it with ${CONVERT}`,
    );
    expect(refusal(pipe.subarray(0, 16))).toContain('through a pipe');
    const big = new PerfFile(true).bytes().bytes(Buffer.from('2ELIFREP')).u64(16).done();
    expect(refusal(big)).toContain('through a pipe');
  });

  it('a compressed one', () => {
    const features = perf.features().set(27, Buffer.alloc(20));
    expect(refusal(perf.file({ features, records: [good] }))).toBe(
      `x.data: was recorded with compression (\`perf record -z\`); convert it with ${CONVERT}, or record again without -z`,
    );
  });

  it.each([81, 83])('compressed records that nothing announced, after those before them (type %d)', (type) => {
    const { sink, error } = readPerfData(perf.file({ records: [good, perf.record(type, Buffer.alloc(16)), good] }));
    expect(sink.taken.length).toBe(1);
    expect(String(error)).toContain(CONVERT);
  });

  it('the first version of the format', () => {
    expect(refusal(changed(FINE, (data) => data.write('PERFFILE')))).toBe(
      `x.data: is a perf.data file of the first version; convert it with ${CONVERT}`,
    );
  });

  it('something else', () => {
    expect(refusal(Buffer.from('{"op":"map"}'))).toContain('is no perf.data file');
    expect(refusal(Buffer.alloc(0))).toContain('is no perf.data file');
  });

  it('a header of another size', () => {
    expect(refusal(changed(FINE, (data) => data.writeUInt32LE(112, 8)))).toContain(
      'has a header of 112 bytes, 104 are known',
    );
  });

  it('one file of a directory, unless it is the only one', () => {
    const withVersion = (version: number) =>
      perf.file({ features: perf.features().set(24, perf.bytes().u64(version).done()), records: [good] });
    expect(refusal(withVersion(1))).toContain('-i DIRECTORY > trace.txt');
    expect(readAll(withVersion(0)).taken.length).toBe(1);
  });

  it('a recording that was never finished', () => {
    expect(refusal(perf.file({ records: [good], dataSize: 0 }))).toContain('was not finished');
  });

  it('one that was cut', () => {
    expect(refusal(FINE.subarray(0, 300))).toMatch(
      /ends at byte 300, before the directory at byte \d+ .* the file was cut/,
    );
    expect(refusal(FINE.subarray(0, 50))).toBe('x.data: ends at byte 50, within its header of 104 bytes');
    expect(refusal(FINE.subarray(0, 130))).toContain(
      'ends at byte 130, before the attributes of its events at byte 112 do',
    );
  });

  it('one that does not describe its tracepoints', () => {
    const features = perf.features();
    features.delete(1);
    const text = refusal(perf.file({ features, records: [good] }));
    expect(text).toContain('does not describe their fields');
    expect(text).toContain("`perf record -a -e 'iommu:*' -- COMMAND`");
    // Before there were features.
    expect(refusal(changed(FINE, (data) => data.writeUInt32LE(72, 8)))).toContain('does not describe their fields');
  });

  it('one without tracepoints, telling what it holds', () => {
    const attrs = [
      { type: 0, config: 0, ids: [1] },
      { type: 3, config: 5, ids: [2] },
      { type: 1, config: 9, ids: [3] },
      { type: 12, config: 1, ids: [4] },
    ];
    expect(refusal(perf.file({ attrs, records: [good] }))).toBe(
      "x.data: holds samples of hardware counters, cache counters, events of other units and no tracepoints; record the requests of the IOMMU with `perf record -a -e 'iommu:*' -- COMMAND`",
    );
    expect(refusal(perf.file({ attrs: [attrs[2]], records: [good] }))).toContain('holds no samples and no tracepoints');
  });

  it('one with tracepoints without fields', () => {
    const attrs = [{ config: MAP_ID, ids: [1], sampleType: USUAL & ~S.raw }];
    expect(refusal(perf.file({ attrs, records: [good] }))).toContain("`perf record -R -a -e 'iommu:*' -- COMMAND`");
  });

  it('several events that nothing tells apart', () => {
    const text = 'holds several kinds of events and nothing that tells their samples apart';
    const without = { config: MAP_ID, ids: [1], sampleType: S.tid | S.time | S.raw };
    expect(refusal(perf.file({ attrs: [without, without], records: [good] }))).toContain(text);
    const early = { config: MAP_ID, ids: [1], sampleType: S.id | S.raw };
    const late = { config: MAP_ID, ids: [1], sampleType: S.tid | S.id | S.raw };
    expect(refusal(perf.file({ attrs: [early, late], records: [good] }))).toContain(text);
  });

  it('attributes out of reason', () => {
    expect(refusal(changed(FINE, (data) => data.writeUInt32LE(8, 16)))).toContain('attributes of 8 bytes');
    expect(refusal(changed(FINE, (data) => data.writeUInt32LE(0, 32)))).toContain('speaks of 0 kinds of events');
    expect(refusal(changed(FINE, (data) => data.writeUInt32LE(0x7fffffff, 32)))).toMatch(
      /speaks of \d+ kinds of events/,
    );
    expect(refusal(changed(FINE, (data) => data.writeUInt32LE(0x7fffffff, 112 + 136)))).toContain(
      'more than 2097152 ids',
    );
    expect(refusal(changed(FINE, (data) => data.writeUInt32LE(0x10000, 112 + 136)))).toContain(
      'before the ids at byte 104 do',
    );
  });

  it('descriptions out of reason', () => {
    const at = FINE.indexOf('\x17\x08\x44tracing', 0, 'latin1');
    const text = (change: (data: Buffer) => void) => refusal(changed(FINE, change));
    expect(text((data) => data.write('x', at))).toContain(
      `at byte ${at} there should be the descriptions of its events`,
    );
    expect(text((data) => data.write('x', at + 20))).toContain('there should be header_page');
    expect(text((data) => data.writeUInt32LE(0x7fffffff, at + 32))).toMatch(
      /need 2147483647 bytes at byte \d+, and end at byte \d+/,
    );
    expect(text((data) => data.fill(0x61, at + 20))).toMatch(/the name at byte \d+ has no end/);
  });
});

describe('passed over', () => {
  it('records of other kinds, and what follows some of them', () => {
    const aux = [perf.record(71, perf.bytes().u64(40, 0, 0).u32(0, 0, 0, 0).done()), Buffer.alloc(40, 9)];
    const tracing = [perf.record(66, perf.bytes().u32(13).done()), Buffer.alloc(16, 9)];
    const large = [
      perf.record(
        71,
        perf
          .bytes()
          .u64(1 << 20, 0, 0)
          .u32(0, 0, 0, 0)
          .done(),
      ),
      Buffer.alloc(1 << 20, 9),
    ];
    const records = [
      good,
      ...aux,
      perf.record(10, Buffer.alloc(64)),
      good,
      ...tracing,
      ...large,
      perf.record(4000, Buffer.alloc(8)),
      good,
    ];
    expect(readAll(perf.file({ records }), new Collector({ strict: true })).taken.length).toBe(3);
  });

  it('formats that are too long to be one', () => {
    const tracing = perf.tracingData();
    const at = tracing.indexOf('iommu\0');
    const long = perf
      .bytes()
      .text('odd')
      .u32(1)
      .u64((1 << 20) + 1)
      .bytes(Buffer.alloc((1 << 20) + 1, 9));
    const longer = Buffer.concat([tracing.subarray(0, at), long.done(), tracing.subarray(at)]);
    longer.writeUInt32LE(3, at - 4);
    const file = perf.file({ features: new Map([[1, longer]]), records: [good] });
    expect(readAll(file).taken.length).toBe(1);
  });
});
