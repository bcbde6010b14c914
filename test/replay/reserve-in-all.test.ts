import { describe, expect, it } from 'vitest';
import { treeLines } from '../lpae/fixture.ts';
import { type Replayed, replayEvents } from './run.ts';

const DOMAINS = [
  { op: 'domain', id: 'a' },
  { op: 'domain', id: 'b' },
  { op: 'domain', id: 'c' },
];
const reserve = { op: 'reserve', id: 'ioas', iova: '0x40000000', size: 4 << 20, domains: ['a', 'b', 'c'] };

const live = ({ replayer }: Replayed): number[] =>
  replayer.spaces.map((space) => space.ranges?.reservations?.liveCount ?? 0);
const trees = ({ replayer }: Replayed): number[] =>
  replayer.spaces.map(({ table }) => (table === null ? -1 : treeLines(table).length));

describe('a reserve in the domains of one IOAS', () => {
  it('reserves in each', async () => {
    const replayed = await replayEvents([...DOMAINS, reserve]);
    expect(replayed.lines[3]).toMatchObject({ ret: 0, full: 12, missing: 12, allocated: 12, rolledBack: 0 });
    expect(live(replayed)).toEqual([1, 1, 1]);
  });

  it.each([
    ['a', 0],
    ['b', 1],
    ['c', 2],
  ])('reserves in none when %s cannot', async (domain, rolledBack) => {
    const replayed = await replayEvents([...DOMAINS, { op: 'fail_alloc', domain, nth: 3 }, reserve]);
    expect(replayed.lines[4]).toMatchObject({ ret: -12, rolledBack });
    expect(live(replayed)).toEqual([0, 0, 0]);
    expect(trees(replayed)).toEqual([0, 0, 0]);
    const again = await replayEvents([...DOMAINS, { op: 'fail_alloc', domain, nth: 3 }, reserve, reserve]);
    expect(again.lines[5]).toMatchObject({ ret: 0 });
  });

  it('leaves what stood before', async () => {
    const before = { op: 'reserve', id: 'own', domain: 'a', iova: '0x40000000', size: 4096 };
    const replayed = await replayEvents([...DOMAINS, before, { op: 'fail_alloc', domain: 'c', nth: 1 }, reserve]);
    expect(live(replayed)).toEqual([1, 0, 0]);
    expect(trees(replayed)).toEqual([3, 0, 0]);
  });

  it('is told which domain is not there, and not both ways at once', async () => {
    await expect(replayEvents([DOMAINS[0], reserve])).rejects.toThrow('no domain "b"');
    await expect(replayEvents([...DOMAINS, { ...reserve, domain: 'a' }])).rejects.toThrow(
      'both "domain" and "domains"',
    );
    await expect(replayEvents([...DOMAINS, { ...reserve, domains: [] }])).rejects.toThrow('at least one');
  });
});
