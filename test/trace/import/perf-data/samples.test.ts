import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NO_STAMP } from '../../../../src/trace/import/text/time-stamp.ts';
import { Collector, readAll } from './collect.ts';
import { MAP_ID, OTHER_ID, PerfFile, R, S, UNMAP_ID, USUAL } from './perf-file.ts';

const little = new PerfFile();
const iovas = (sink: Collector) =>
  sink.taken.map(({ payload }) => (payload.kind === 'iommu-map' ? payload.iova.lo : Number.NaN));

describe('samples', () => {
  it.each([
    ['little', new PerfFile(false)],
    ['big', new PerfFile(true)],
  ])('of a machine of %s byte order', (_, perf) => {
    const data = perf.file({
      attrs: [
        { config: MAP_ID, ids: [10, 11] },
        { config: UNMAP_ID, ids: [12] },
      ],
      features: perf.features(),
      records: [
        perf.comm(7, 'dd', perf.sampleId({}, { id: 10, time: 1 })),
        perf.sample(
          {},
          { id: 11, pid: 6, tid: 7, time: 5_000_000_001, cpu: 3, raw: perf.map(0x1_0000_1000, 0x8000, 4096, 7, 0x10) },
        ),
        perf.sample(
          {},
          { id: 12, pid: 0, time: 5_000_000_002, cpu: 2, raw: perf.unmap(0xfffffffffffff000n, 8192, 4096, 0) },
        ),
      ],
    });
    const { taken } = readAll(data, new Collector({ strict: true }));
    expect(taken).toEqual([
      {
        payload: {
          kind: 'iommu-map',
          name: null,
          iova: { hi: 1, lo: 0x1000 },
          paddr: { hi: 0, lo: 0x8000 },
          size: 4096,
          prot: null,
          ret: 0,
        },
        head: { thread: '7', level: 1, cpu: 3, comm: 'dd', seconds: 5, nanos: 1 },
        line: 1,
      },
      {
        payload: {
          kind: 'iommu-unmap',
          name: null,
          iova: { hi: 0xffffffff, lo: 0xfffff000 },
          size: 8192,
          unmapped: 4096,
        },
        head: { thread: '0@2', level: 0, cpu: 2, comm: 'swapper', seconds: 5, nanos: 2 },
        line: 2,
      },
    ]);
  });

  it('of a big-endian machine with longs of 32 bits', () => {
    const perf = new PerfFile(true);
    const data = perf.file({ features: perf.features(), records: [perf.sample({}, { raw: perf.map(4096, 0, 4096) })] });
    // The same bits in longs of 4 bytes.
    data.writeUInt32BE(data.readUInt32BE(76), 72);
    data.writeUInt32BE(0, 76);
    expect(iovas(readAll(data))).toEqual([4096]);
  });

  it('with any fields before those of the event', () => {
    const bits = Object.values(S).filter((bit) => bit !== S.raw);
    fc.assert(
      fc.property(
        fc.boolean(),
        fc.subarray(bits),
        fc.subarray(Object.values(R)),
        fc.array(fc.nat(), { maxLength: 5 }),
        fc.nat(4),
        (bigEndian, sampleBits, readBits, callchain, counters) => {
          const perf = new PerfFile(bigEndian);
          const sum = (list: readonly number[]) => list.reduce((all, bit) => all | bit, 0);
          const attr = { config: MAP_ID, ids: [3], sampleType: S.raw | sum(sampleBits), readFormat: sum(readBits) };
          const values = { id: 3, pid: 8, tid: 9, time: 2_000_000_003, cpu: 1, callchain, counters };
          const raw = perf.map(0x5000, 0x6000, 8192, 9);
          const data = perf.file({
            attrs: [attr],
            features: perf.features(),
            records: [perf.sample(attr, { ...values, raw })],
          });
          const has = (bit: number) => sampleBits.some((one) => one === bit);
          const [{ payload, head }] = readAll(data, new Collector({ strict: true })).taken;
          expect(payload).toMatchObject({ iova: { hi: 0, lo: 0x5000 }, paddr: { hi: 0, lo: 0x6000 }, size: 8192 });
          const time = has(S.time) ? { seconds: 2, nanos: 3 } : { seconds: NO_STAMP, nanos: 0 };
          // The kernel's own fields tell the thread where perf was not asked to.
          expect(head).toEqual({ thread: '9', level: 0, cpu: has(S.cpu) ? 1 : -1, comm: '', ...time });
        },
      ),
      { numRuns: 400, seed: 7 },
    );
  });

  it('of events that were sampled with different fields, told apart by the id in front', () => {
    const attrs = [
      { config: MAP_ID, ids: [1], sampleType: USUAL | S.callchain },
      { config: UNMAP_ID, ids: [2], sampleType: S.identifier | S.time | S.raw },
      { type: 0, config: 0, ids: [3], sampleType: S.identifier | S.time | S.read, readFormat: R.group },
    ];
    const data = little.file({
      attrs,
      records: [
        little.sample(attrs[0], { id: 1, time: 30, callchain: [1, 2, 3], raw: little.map(0x3000, 0, 4096) }),
        little.sample(attrs[1], { id: 2, time: 10, raw: little.unmap(0x1000, 4096) }),
        little.sample(attrs[2], { id: 3, time: 20, counters: 2 }),
      ],
    });
    const sink = readAll(data, new Collector({ strict: true }));
    expect(sink.taken.map(({ payload, line }) => [payload.kind, line])).toEqual([
      ['iommu-unmap', 1],
      ['iommu-map', 3],
    ]);
    expect(sink.ignored).toBe(1);
  });

  it('told apart by an id that is in the same place in all of them', () => {
    const attrs = [
      { config: MAP_ID, ids: [1], sampleType: S.tid | S.time | S.id | S.raw },
      { config: UNMAP_ID, ids: [2], sampleType: S.tid | S.time | S.id | S.cpu | S.period | S.raw },
    ];
    const records = [
      little.sample(attrs[1], { id: 2, time: 2, raw: little.unmap(0x1000, 4096) }),
      little.sample(attrs[0], { id: 1, time: 1, raw: little.map(0x1000, 0, 4096) }),
    ];
    const sink = readAll(little.file({ attrs, records }), new Collector({ strict: true }));
    expect(sink.taken.map(({ payload }) => payload.kind)).toEqual(['iommu-map', 'iommu-unmap']);
  });

  it('of tracepoints without use are counted, not given', () => {
    const attrs = [
      { config: OTHER_ID, ids: [1] },
      { config: MAP_ID, ids: [2] },
    ];
    const records = [
      little.sample({}, { id: 1, raw: little.other() }),
      little.sample({}, { id: 1, raw: little.other() }),
    ];
    expect(readAll(little.file({ attrs, records }))).toMatchObject({ taken: [], ignored: 2, refused: [] });
  });

  it('in strict reading end it where they cannot be read', () => {
    const attrs = [
      { config: MAP_ID, ids: [1] },
      { config: UNMAP_ID, ids: [2] },
    ];
    const good = little.sample({}, { id: 1, time: 1, raw: little.map(0x1000, 0, 4096) });
    const records = [good, little.sample({}, { id: 77, time: 2, raw: little.map(0x2000, 0, 4096) })];
    const data = little.file({ attrs, records });
    const at = data.indexOf(records[1]);
    const sink = new Collector({ strict: true });
    expect(() => readAll(data, sink)).toThrow(
      `the sample at byte ${at} has an id that belongs to no event of the recording`,
    );
    expect(iovas(sink)).toEqual([0x1000]);
  });

  it('that cannot be read are told one by one, and the others are given', () => {
    const attrs = [
      { config: MAP_ID, ids: [1] },
      { config: 7, ids: [2] },
      { config: UNMAP_ID, ids: [3], sampleType: USUAL & ~S.raw },
      { config: UNMAP_ID, ids: [4], sampleType: USUAL | S.callchain },
    ];
    const long = little.sample(attrs[3], { id: 4, time: 6, raw: little.unmap(0x1000, 4096) });
    long.writeBigUInt64LE(0xffffffffffffffffn, 8 + 48);
    const large = little.sample({}, { id: 1, time: 7, raw: little.map(0x1000, 0, 4096) });
    large.writeUInt32LE(0xfffffff0, 8 + 48);
    const unknown = little.map(0x1000, 0, 4096);
    unknown.writeUInt16LE(7, 0);
    const sink = readAll(
      little.file({
        attrs,
        records: [
          little.sample({}, { id: 1, time: 1, raw: little.map(0x1000, 0, 4096) }),
          little.sample({}, { id: 5, time: 2, raw: little.map(0x2000, 0, 4096) }),
          little.sample({}, { id: 2, time: 3, raw: unknown }),
          little.sample(attrs[2], { id: 3, time: 4 }),
          little.sample({}, { id: 1, time: 5, raw: little.map(0x3000, 0, 4096).subarray(0, 12) }),
          long,
          large,
          little.sample({}, { id: 1, time: 8, raw: Buffer.alloc(0) }),
          little.sample({}, { id: 1, time: 9, raw: little.map(0x4000, 0, 4096) }),
        ],
      }),
    );
    expect(iovas(sink)).toEqual([0x1000, 0x4000]);
    expect(sink.refused.map((text) => text.replace(/^x\.data: the sample at byte \d+ /, ''))).toEqual([
      'has an id that belongs to no event of the recording',
      'is of an event that the file does not describe',
      'is of a tracepoint without its fields; `perf record -R` records them',
      expect.stringMatching(/^cannot be read: iommu:map has 12 bytes/),
      'is too short for what it says to hold; the file is damaged',
      'ends before the fields of its event; the file is damaged',
      'has too few bytes for an event; the file is damaged',
    ]);
    expect(sink.taken[1].line).toBe(9);
  });

  it('carry times of 64 bits without loss', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 1n, max: 0xfffffffffffffffen }), (time) => {
        const [{ head }] = readAll(
          little.file({ records: [little.sample({}, { time, raw: little.map(0, 0, 4096) })] }),
        ).taken;
        expect([BigInt(head.seconds), BigInt(head.nanos)]).toEqual([time / 1_000_000_000n, time % 1_000_000_000n]);
      }),
      {
        numRuns: 300,
        seed: 3,
        examples: [[9006999999999999n], [8999999999999999n], [9007199254740991n], [9007199254740992n]],
      },
    );
  });

  it('without CPU are those of the first one for idle tasks', () => {
    const attr = { config: MAP_ID, ids: [1], sampleType: S.tid | S.time | S.raw };
    const records = [little.sample(attr, { pid: 0, raw: little.map(0, 0, 4096, 0) })];
    expect(readAll(little.file({ attrs: [attr], records })).taken[0].head).toMatchObject({ thread: '0@0', cpu: -1 });
  });

  it('of a thread outside of the recorder, which the kernel gives as -1', () => {
    const records = [little.sample({}, { pid: -1, raw: little.map(0, 0, 4096, -1) })];
    expect(readAll(little.file({ records })).taken[0].head).toMatchObject({ thread: '-1', comm: '' });
  });
});
