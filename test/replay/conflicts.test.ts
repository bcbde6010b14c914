import { describe, expect, it } from 'vitest';
import type { PgtraceError } from '../../src/base/errors.ts';
import { replayEach } from './run.ts';

const K4 = 4096;
const map = (iova: number, size: number, ret: number | null = 0): object => ({
  op: 'map',
  iova: `0x${iova.toString(16)}`,
  paddr: `0x${(0x1_0000_0000 + iova).toString(16)}`,
  size,
  prot: 'rw',
  ...(ret === null ? {} : { ret }),
});
const unmap = (iova: number, size: number, ret: number | null = size): object => ({
  op: 'unmap',
  iova: `0x${iova.toString(16)}`,
  size,
  ...(ret === null ? {} : { ret }),
});
type Policy = 'skip' | 'implicit-unmap' | 'fail';

async function replay(events: readonly object[], onConflict: Policy) {
  const [{ replayer, lines }] = await replayEach(events, [{ onConflict }]);
  const [space] = replayer.spaces;
  return {
    conflicts: Object.fromEntries(space.tally.conflicts),
    errors: Object.fromEntries(space.tally.errors),
    findings: replayer.findings.list.map(({ kind }) => kind),
    told: lines.map((line) => line['conflict']),
    bytes: lines.map((line) => line['mapped'] ?? line['unmapped']),
    line: replayer.conflicts.firstLine,
  };
}

describe('events that contradict those before them', () => {
  const over = [map(0x10000, 4 * K4), map(0x11000, K4), unmap(0x11000, K4), unmap(0x10000, 4 * K4)];

  it('a map over what is live: the unmap that is missing is put in', async () => {
    expect(await replay(over, 'implicit-unmap')).toEqual({
      conflicts: { mapsOverLive: 1, implicitUnmaps: 1, unmapsOfNothing: 1, leftOut: 1 },
      errors: {},
      findings: [],
      told: [undefined, undefined, undefined, 'unmapsOfNothing'],
      bytes: [4 * K4, K4, K4, 0],
      line: 2,
    });
  });

  it('a map over what is live: left out, and what was there stays', async () => {
    expect(await replay(over, 'skip')).toEqual({
      conflicts: { mapsOverLive: 1, leftOut: 2, unmapsOfPart: 1 },
      errors: {},
      findings: [],
      told: [undefined, 'mapsOverLive', undefined, 'unmapsOfPart'],
      bytes: [4 * K4, 0, K4, 0],
      line: 2,
    });
  });

  it.each([
    [over, ':2:1: the event at iova 0x11000 maps what is mapped already'],
    [[map(0x10000, K4), unmap(0x20000, K4)], ':2:1: the event at iova 0x20000 unmaps what is not mapped'],
  ])('stop a replay that is to fail', async (events, message) => {
    await expect(replay(events, 'fail')).rejects.toMatchObject({ exitCode: 3 } satisfies Partial<PgtraceError>);
    await expect(replay(events, 'fail')).rejects.toHaveProperty('text', expect.stringContaining(message));
  });

  it('an unmap of a part: what is there goes', async () => {
    const events = [map(0x10000, K4), map(0x12000, K4), unmap(0x10000, 3 * K4)];
    expect(await replay(events, 'implicit-unmap')).toMatchObject({
      conflicts: { unmapsOfPart: 1 },
      told: [undefined, undefined, 'unmapsOfPart'],
      bytes: [K4, K4, 2 * K4],
    });
    expect(await replay([...events, map(0x10000, 3 * K4)], 'skip')).toMatchObject({
      conflicts: { unmapsOfPart: 1, mapsOverLive: 1, leftOut: 2 },
    });
  });

  it('are none where the recording says so itself: a hole, a failed map, no returns at all', async () => {
    const hole = [map(0x10000, K4), unmap(0x10000, 2 * K4, K4), unmap(0x20000, K4, 0)];
    expect(await replay(hole, 'fail')).toMatchObject({ conflicts: {}, findings: [], bytes: [K4, K4, 0] });
    const failed = [map(0x10000, 2 * K4), map(0x10000, K4, -17), unmap(0x30000, K4, 0)];
    expect(await replay(failed, 'fail')).toMatchObject({ conflicts: {}, errors: { [-17]: 1 }, findings: [] });
    const plain = [map(0x10000, K4, null), map(0x10000, K4, null), unmap(0x50000, K4, null)];
    expect(await replay(plain, 'fail')).toMatchObject({ conflicts: {}, errors: { [-17]: 1 } });
  });

  it('a raw map that stops at the end of its table maps no more than that', async () => {
    const call = (iova: number, pgcount: number) => ({
      op: 'map_pages',
      iova: `0x${iova.toString(16)}`,
      paddr: '0x80000000',
      pgsize: K4,
      pgcount,
      prot: 'rw',
      ret: 0,
    });
    const events = [call(0x1ff000, 3), call(0x200000, 2)];
    expect(await replay(events, 'fail')).toMatchObject({ conflicts: {}, bytes: [K4, 2 * K4] });
  });

  it('know what events without a return have done', async () => {
    const again = [map(0x10000, K4), unmap(0x10000, K4, null), map(0x10000, K4), unmap(0x10000, K4)];
    expect(await replay(again, 'fail')).toMatchObject({ conflicts: {}, errors: {}, bytes: [K4, K4, K4, K4] });
    const lost = [map(0x30000, K4), map(0x10000, K4, null), unmap(0x10000, K4)];
    expect(await replay(lost, 'fail')).toMatchObject({ conflicts: {}, bytes: [K4, K4, K4] });
    const late = [map(0x10000, K4, null), unmap(0x20000, K4)];
    expect(await replay(late, 'fail')).toMatchObject({ conflicts: {} });
  });

  it('left out stay as they are for what follows', async () => {
    const events = [map(0x10000, K4), unmap(0x10000, 2 * K4), map(0x10000, K4)];
    expect(await replay(events, 'skip')).toMatchObject({
      told: [undefined, 'unmapsOfPart', 'mapsOverLive'],
      errors: {},
      findings: [],
    });
  });

  it('a failed raw map is in doubt itself, and nothing else is', async () => {
    const call = (iova: number, ret: number) => ({
      op: 'map_pages',
      iova: `0x${iova.toString(16)}`,
      paddr: '0x80000000',
      pgsize: K4,
      pgcount: 2,
      prot: 'rw',
      ret,
    });
    const events = [call(0x10000, 0), call(0x10000, -17), unmap(0x90000, K4)];
    expect(await replay(events, 'implicit-unmap')).toMatchObject({ conflicts: { unmapsOfNothing: 1, leftOut: 1 } });
  });
});
