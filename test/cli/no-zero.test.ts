import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { domain, K4, linesOf, lookUp, M2, map, ndjson, statsOf } from './events.ts';
import { runCli } from './fake-io.ts';

/**
 * Three pages are mapped in one table, a block replaces it, and the next map needs a table: the page that the pool
 * takes back and gives out again translates what it did before, 2M further up.
 */
const EVENTS = [domain(), map(0, 3 * K4), map(0, M2), map(M2 + 5 * K4, K4)];
/** Where the second of the three leaves stands in the table's new place. */
const STALE = M2 + K4;

let folder: string;
let trace: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pgtrace-'));
  trace = join(folder, 'reuse.ndjson');
  writeFileSync(trace, ndjson(EVENTS));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function found(...args: string[]): Promise<unknown> {
  return (await linesOf([...EVENTS, lookUp(STALE)], ...args)).at(-1);
}

describe('--no-zero', () => {
  it('shows the leaves of the last life of a page where pages are used again', async () => {
    expect(await found('--allocator', 'pool', '--no-zero')).toMatchObject({ found: true, paddr: '0x100001000' });
    expect(await found('--allocator', 'pool')).toMatchObject({ found: false });
    expect(await found('--allocator', 'kernel', '--no-zero')).toMatchObject({ found: false });
  });

  it('shows them in a dump too', async () => {
    const dump = async (...args: string[]): Promise<string> =>
      (await runCli(['dump', trace, '--view', 'ranges', ...args])).stdout;
    expect(await dump('--allocator', 'pool', '--no-zero')).toMatch(
      /^0x200000\.\.0x203000 +12K +3x4K +0x100000000\.\./m,
    );
    expect(await dump('--allocator', 'pool')).not.toContain('0x100000000..0x100003000');
    expect(await dump('--allocator', 'kernel', '--no-zero')).toBe(await dump());
  });

  it('counts them, and zeroes only what comes fresh', async () => {
    const of = async (...args: string[]): Promise<Readonly<Record<string, number>>> =>
      (await statsOf(EVENTS, '--allocator', 'pool', ...args)).counters;
    const zeroed = await of();
    const stale = await of('--no-zero');
    // A block, a page and three stale pages.
    expect(stale).toMatchObject({ 'alloc.staleLeaves': 3, 'mapped.live': M2 + 4 * K4, 'leaves.live.l3': 4 });
    expect(zeroed).toMatchObject({ 'mapped.live': M2 + K4, 'leaves.live.l3': 1 });
    expect(zeroed).not.toHaveProperty('alloc.staleLeaves');
    // Start table and three tables come fresh and zeroed; the fifth is the third's page.
    expect([zeroed['alloc.zeroed'], stale['alloc.zeroed']]).toEqual([5 * K4, 4 * K4]);
    expect([zeroed['alloc.pages'], stale['alloc.pages']]).toEqual([3, 3]);
  });

  it('says so in the summary, and keeps nothing from --allocator all', async () => {
    const text = await runCli(['replay', trace, '--allocator', 'pool', '--no-zero']);
    expect(text.stdout).toContain('recycled pages not zeroed');
    const { strategies } = (await statsOf(EVENTS, '--allocator', 'all', '--no-zero')).document;
    const stale = strategies?.filter(({ counters }) => counters['alloc.staleLeaves'] > 0);
    expect(stale?.map(({ allocator }) => allocator)).toEqual(expect.arrayContaining(['pool', 'bulk']));
    expect(stale?.map(({ allocator }) => allocator)).not.toContain('kernel');
  });

  it('does no harm to a map of the stale place: it is in use', async () => {
    const lines = await linesOf([...EVENTS, map(STALE, K4)], '--allocator', 'pool', '--no-zero');
    expect(lines.at(-1)).toMatchObject({ op: 'map', ret: -17 });
  });
});
