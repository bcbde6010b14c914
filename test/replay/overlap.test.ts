/** Operations that run at the same time in one address space, under allocators that know them by one pointer. */
import { describe, expect, it } from 'vitest';
import { replayEvents } from './run.ts';

const domain = { op: 'domain', id: 'd0' };
const map = (iova: string, times: object): object => ({
  ...{ op: 'map', iova, paddr: '0x80000000', size: 4096, prot: 'rw' },
  ...times,
});
const r0 = { op: 'reserve', id: 'r0', iova: '0x40000000', size: 8192 };
const long = { ts: 1000, end: 3000 };

async function found(allocator: string, ...events: object[]): Promise<unknown[]> {
  const { replayer } = await replayEvents([domain, ...events], { allocator: { name: allocator, parameters: {} } });
  return replayer.findings.list.map(({ kind, line, range, message }) => [kind, line, range, message]);
}

const during = (ts: number, line: number): string =>
  `starts at ${ts} ns, during event ${line - 1} (line ${line}), which runs until 3000 ns`;

describe('operations that overlap in time', () => {
  it('are found by where they begin, whether or not they say when they end', async () => {
    for (const times of [{ ts: 2999 }, { ts: 2999, end: 4000 }]) {
      expect(await found('reserve', map('0x0', long), map('0x1000', times))).toEqual([
        ['ctx-overlap', 3, { iova: '0x1000', size: 4096 }, during(2999, 2)],
      ]);
    }
    expect(await found('reserve', map('0x0', long), map('0x1000', { ts: 3000 }))).toEqual([]);
    // One that does not say it keeps no other out.
    expect(await found('reserve', map('0x0', { ts: 1000 }), map('0x1000', { ts: 1000, end: 2000 }))).toEqual([]);
    expect(await found('kernel', map('0x0', long), map('0x1000', { ts: 2000 }))).toEqual([]);
  });

  it('may be reservations', async () => {
    expect(await found('reserve', map('0x0', long), { ...r0, ts: 2000 })).toEqual([
      ['ctx-overlap', 3, { iova: '0x40000000', size: 8192 }, during(2000, 2)],
    ]);
    expect(await found('reserve', { ...r0, ...long }, map('0x0', { ts: 2000 }))).toEqual([
      ['ctx-overlap', 3, { iova: '0x0', size: 4096 }, during(2000, 2)],
    ]);
    for (const op of ['unreserve', 'release']) {
      const end = { op, id: 'r0' };
      expect(await found('reserve', { ...r0, ts: 0 }, map('0x0', long), { ...end, ts: 2000 })).toEqual([
        ['ctx-overlap', 4, undefined, during(2000, 3)],
      ]);
      expect(await found('reserve', { ...r0, ts: 0 }, { ...end, ...long }, map('0x0', { ts: 2000 }))).toEqual([
        ['ctx-overlap', 4, { iova: '0x0', size: 4096 }, during(2000, 3)],
      ]);
    }
  });
});
