import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Collector, readAll } from './collect.ts';
import { MAP_ID, PerfFile, S } from './perf-file.ts';

const perf = new PerfFile();

/** A sample whose iova tells which one it is. */
function sample(time: number, which: number, cpu = 0): Buffer {
  return perf.sample({}, { time, cpu, raw: perf.map(which, 0, 4096) });
}

function order(records: readonly Buffer[]): number[] {
  const { taken } = readAll(perf.file({ records }), new Collector({ strict: true }));
  return taken.map(({ payload }) => (payload.kind === 'iommu-map' ? payload.iova.lo : -1));
}

/** perf's way, record by record: what is queued stays sorted, a mark lets go what was there before the mark before it. */
function perfOrder(rounds: readonly (readonly number[])[], endsWithMark: boolean): number[] {
  const given: number[] = [];
  let queued: { time: number; which: number }[] = [];
  let limit = 0;
  let latest = 0;
  let which = 0;
  const release = (upTo: number) => {
    given.push(...queued.filter(({ time }) => time <= upTo).map((one) => one.which));
    queued = queued.filter(({ time }) => time > upTo);
  };
  for (const [i, times] of rounds.entries()) {
    for (const time of times) {
      const place = queued.findIndex((one) => one.time > time);
      queued.splice(place < 0 ? queued.length : place, 0, { time, which: which++ });
      latest = Math.max(latest, time);
    }
    if (i + 1 < rounds.length || endsWithMark) {
      release(limit);
      limit = latest;
    }
  }
  release(Number.POSITIVE_INFINITY);
  return given;
}

describe('the order of samples', () => {
  it('is that of their times, whatever CPU wrote first', () => {
    expect(order([sample(10, 1, 1), sample(30, 3, 1), sample(20, 2, 0), sample(40, 4, 0)])).toEqual([1, 2, 3, 4]);
  });

  it('is that of the file for equal times', () => {
    expect(order([sample(5, 1), sample(7, 3), sample(5, 2), perf.round(), sample(7, 4), sample(7, 5)])).toEqual([
      1, 2, 3, 4, 5,
    ]);
  });

  it('reaches over the end of a round', () => {
    const records = [
      sample(10, 1),
      sample(50, 5),
      perf.round(),
      sample(20, 2),
      sample(60, 6),
      perf.round(),
      sample(55, 55),
      perf.round(),
    ];
    expect(order(records)).toEqual([1, 2, 5, 55, 6]);
  });

  it('is that of perf for any rounds', () => {
    const rounds = fc.array(fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 40 }), {
      minLength: 1,
      maxLength: 8,
    });
    fc.assert(
      fc.property(rounds, fc.boolean(), (times, endsWithMark) => {
        let which = 0;
        const records = times.flatMap((round, i) => [
          ...round.map((time) => sample(time, which++)),
          ...(i + 1 < times.length || endsWithMark ? [perf.round()] : []),
        ]);
        expect(order(records)).toEqual(perfOrder(times, endsWithMark));
      }),
      { numRuns: 500, seed: 11 },
    );
  });

  it('holds over many pieces of the file', () => {
    const count = 6000;
    const rounds = 5;
    const records: Buffer[] = [];
    for (let round = 0; round < rounds; round++) {
      for (const cpu of [2, 1, 0]) {
        for (let i = 0; i < count / rounds; i++) records.push(sample(1 + (round * count) / rounds + i, cpu, cpu));
      }
      records.push(perf.round());
    }
    const { taken } = readAll(perf.file({ records }), new Collector({ strict: true }));
    expect(taken.length).toBe(3 * count);
    for (const [i, { head, line }] of taken.entries()) {
      // Equal times: as in the file, the highest CPU first.
      if (head.nanos !== 1 + Math.floor(i / 3) || head.cpu !== 2 - (i % 3) || line !== i + 1)
        throw new Error(`wrong at ${i}`);
    }
  });

  it('is that of the file without times', () => {
    const attr = { config: MAP_ID, ids: [1], sampleType: S.tid | S.raw };
    const records = [3, 1, 2].map((which) => perf.sample(attr, { raw: perf.map(which, 0, 4096) }));
    const { taken } = readAll(perf.file({ attrs: [attr], records }));
    expect(taken.map(({ payload }) => (payload.kind === 'iommu-map' ? payload.iova.lo : -1))).toEqual([3, 1, 2]);
  });

  it('lets the consumer breathe', () => {
    const records = Array.from({ length: 10_000 }, (_, i) => sample(i + 1, i));
    const sink = new Collector({ wanted: 5000 });
    readAll(perf.file({ records }), sink);
    expect(sink.taken.length).toBe(5000);
  });
});

describe('names of threads', () => {
  const at = (time: number, id = 1) => perf.sampleId({}, { time, id });
  const comms = (records: readonly Buffer[]) => readAll(perf.file({ records })).taken.map(({ head }) => head.comm);

  it('are those of the time of the sample', () => {
    const records = [
      perf.comm(7, 'later', at(15)),
      perf.comm(7, 'first', at(5)),
      sample(10, 1),
      sample(20, 2),
      sample(2, 0),
    ];
    expect(comms(records)).toEqual(['', 'first', 'later']);
  });

  it('come from records that perf made up before the first sample', () => {
    expect(comms([perf.comm(7, 'made-up', perf.sampleId({}, { time: 0, id: 0 })), sample(1, 1)])).toEqual(['made-up']);
    // Before 2011 no record but samples had a time.
    const attrs = [{ config: MAP_ID, ids: [1], sampleIdAll: false }];
    const old = perf.file({ attrs, records: [perf.comm(7, 'made-up'), sample(1, 1)] });
    expect(readAll(old).taken[0].head.comm).toBe('made-up');
  });

  it('are inherited', () => {
    const records = [
      perf.comm(3, 'parent', at(1)),
      perf.fork(7, 3, at(2)),
      perf.comm(3, 'renamed', at(3)),
      sample(4, 1),
    ];
    expect(comms(records)).toEqual(['parent']);
  });

  it('end with their NUL or their record', () => {
    const long = perf.record(
      3,
      perf
        .bytes()
        .u32(7, 7)
        .bytes(Buffer.from('x'.repeat(200)))
        .bytes(perf.sampleId({}, { time: 0 }))
        .done(),
    );
    expect(comms([long, sample(1, 1)])).toEqual(['x'.repeat(64)]);
  });
});

describe('losses', () => {
  const at = (time: number, id = 1) => perf.sampleId({}, { time, id });
  const losses = (records: readonly Buffer[], data = perf.file({ records })) => readAll(data).losses;

  it('are told where they happened', () => {
    const given: string[] = [];
    const sink = new Collector();
    sink.take = ({ kind }) => given.push(kind);
    sink.lost = (events) => given.push(`${events} lost`);
    readAll(perf.file({ records: [sample(30, 1), perf.lost(12, at(20)), sample(10, 0)] }), sink);
    expect(given).toEqual(['iommu-map', '12 lost', 'iommu-map']);
  });

  it('add up', () => {
    expect(losses([perf.lost(12, at(1)), perf.lost(30, at(2))])).toEqual([12, 30]);
  });

  it('that the kernel tells by buffer and by event are told once', () => {
    const late = at(0);
    expect(losses([perf.lost(5, at(1)), perf.lostSamples(5, late)])).toEqual([5]);
    expect(losses([perf.lost(5, at(1)), perf.lostSamples(4, at(2)), perf.lostSamples(3, at(3))])).toEqual([5, 2]);
    expect(losses([perf.lostSamples(3, at(1)), perf.lost(2, at(2)), perf.lost(4, at(3))])).toEqual([3, 3]);
  });

  it('are none where a filter dropped the samples, or where they are of other events', () => {
    expect(losses([perf.lostSamples(5, at(1), 1 << 15)])).toEqual([]);
    const attrs = [
      { config: MAP_ID, ids: [1] },
      { type: 0, config: 0, ids: [2] },
    ];
    const records = [perf.lostSamples(5, at(1, 2)), perf.lostSamples(6, at(1, 1))];
    expect(losses([], perf.file({ attrs, records }))).toEqual([6]);
  });

  it('never exceed what a number holds', () => {
    const most = 0xffffffffffffffffn;
    const all = losses([perf.lost(most, at(1)), perf.lost(most, at(2)), perf.lostSamples(9, at(3))]);
    expect(all.every(Number.isSafeInteger)).toBe(true);
  });

  it('are of unknown number where only some events were recorded', () => {
    const records = [sample(1, 1), sample(2, 2)];
    expect(losses([], perf.file({ attrs: [{ config: MAP_ID, ids: [1], period: 100 }], records }))).toEqual([0]);
    expect(losses([], perf.file({ attrs: [{ config: MAP_ID, ids: [1], freq: true }], records }))).toEqual([0]);
  });
});
