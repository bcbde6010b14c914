import { describe, expect, it } from 'vitest';
import * as C from '../../../src/lpae/counters.ts';
import type { ReplayOptions } from '../../../src/replay/options.ts';
import { DEFAULT_REPEAT_OPTIONS, type RepeatOptions } from '../../../src/replay/repeats/options.ts';
import type { AddressSpace } from '../../../src/replay/spaces/address-space.ts';
import { mapsOf } from '../../../src/stats/maps/maps-of.ts';
import { countersOf, metricOf } from '../../../src/stats/metrics/metrics.ts';
import { runCli } from '../../cli/fake-io.ts';
import { type Line, replayEach, replayEvents, treeNumbers } from '../run.ts';

const K = 2 ** 10;
const M = 2 ** 20;
const G = 2 ** 30;
const DOMAIN = { op: 'domain', id: 'd0' };

const hex = (value: number): string => `0x${value.toString(16)}`;
const repeat = (iova: number, size: number, length = 4096, more: object = {}): object => ({
  op: 'repeat',
  iova: hex(iova),
  size,
  paddr: '0x80000000',
  length,
  prot: 'rw',
  ...more,
});
const unmap = (iova: number, size: number): object => ({ op: 'unmap', iova: hex(iova), size });
const map = (iova: number, size: number, paddr = 0x9000_0000): object => ({
  op: 'map',
  iova: hex(iova),
  paddr: hex(paddr),
  size,
  prot: 'rw',
});
const how = (changes: Partial<RepeatOptions>): Partial<ReplayOptions> => ({
  repeat: { ...DEFAULT_REPEAT_OPTIONS, ...changes },
});
const SHARED = how({ tables: 'shared' });

interface Outcome {
  readonly lines: readonly Line[];
  readonly space: AddressSpace;
  readonly counters: Readonly<Record<string, number>>;
  readonly findings: readonly { readonly kind: string }[];
}

async function replay(events: readonly object[], options: Partial<ReplayOptions> = {}): Promise<Outcome> {
  const { replayer, lines } = await replayEvents(events, options);
  const [space] = replayer.spaces;
  return { lines, space, counters: countersOf(space), findings: replayer.findings.list };
}

describe('repeat', () => {
  it('maps the run over and over', async () => {
    const { lines, counters } = await replay([
      DOMAIN,
      repeat(0x1000, 12 * K, 8192 / 2),
      { op: 'iova_to_phys', iova: '0x2345', paddr: '0x80000345' },
    ]);
    expect(lines[1]).toMatchObject({ op: 'repeat', ret: 0, mapped: 12 * K, repeats: 3, shared: false, written: 6 });
    expect(lines[1]).toMatchObject({ allocs: 3, frees: 0, warns: 0 });
    expect(lines[2]).toMatchObject({ found: true, paddr: '0x80000345' });
    expect(counters).toMatchObject({ 'repeat.repetitions': 3, 'repeat.mapped': 12 * K, 'repeat.entriesWritten': 6 });
    for (const key of Object.keys(counters)) expect(metricOf(key), key).not.toBeNull();
  });

  it.each([{}, SHARED])('refuses what does not fit, and changes nothing (%o)', async (options) => {
    const { lines, space } = await replay(
      [
        DOMAIN,
        repeat(0, 64 * K, 12 * K),
        repeat(0x800, 64 * K),
        repeat(0, 64 * K, 6144),
        repeat(0, 64 * K, 4096, { prot: 'c' }),
        repeat(2 ** 48, 64 * K),
        repeat(0, 64 * K, 4096, { attrIndex: 9 }),
        repeat(0, 0),
      ],
      options,
    );
    expect(lines.slice(1).map(({ ret }) => ret)).toEqual([-22, -22, -22, -22, -34, -22, 0]);
    expect(space.table?.counters[C.MAPPED_BYTES]).toBe(0);
    expect([...space.tally.errors]).toEqual([
      [-22, 5],
      [-34, 1],
    ]);
  });

  it('takes back exactly what it had mapped', async () => {
    const events = [DOMAIN, map(5 * 8 * K, 4 * K), repeat(0, 64 * K, 8 * K)];
    const intended = await replay(events);
    expect(intended.lines[2]).toMatchObject({ ret: -17, mapped: 0, repeats: 0 });
    expect(intended.lines[2]).not.toHaveProperty('leaked');
    expect(intended.counters['mapped.live']).toBe(4 * K);
    expect(intended.findings).toEqual([]);
    const posted = await replay(events, how({ unwind: 'posted' }));
    // Five repetitions were mapped, four are taken back: the last of them stays.
    expect(posted.lines[2]).toMatchObject({ ret: -17, mapped: 0, leaked: 8 * K });
    expect(posted.counters).toMatchObject({ 'mapped.live': 12 * K, 'repeat.leakedBytes': 8 * K });
    expect(posted.findings).toMatchObject([{ kind: 'repeat-leak', range: { iova: '0x0', size: 8 * K } }]);
    // The first repetition alone leaves nothing behind either way.
    const first = await replay([DOMAIN, map(0, 4 * K), repeat(0, 64 * K, 8 * K)], how({ unwind: 'posted' }));
    expect(first.counters['mapped.live']).toBe(4 * K);
    expect(first.findings).toEqual([]);
  });

  it('is refused where a GPU driver maps', async () => {
    const failing = replay([{ ...DOMAIN, driver: 'panthor' }, repeat(0, 64 * K)]);
    await expect(failing).rejects.toThrow('repeat needs a domain of driver "iommu"');
  });

  it('takes arguments of its own', async () => {
    const plain = await replay([DOMAIN, repeat(0, 4 * M, 128 * K, { contig: true, sh: 'inner', sw: 3 })]);
    const shared = await replay([DOMAIN, repeat(0, 4 * M, 128 * K, { contig: true, sh: 'inner', sw: 3 })], SHARED);
    const leaves = ({ space }: Outcome): number[] => (space.table === null ? [] : treeNumbers(space.table, true));
    expect(leaves(shared)).toEqual(leaves(plain));
    expect(plain.counters['contig.runs']).toBe(64);
    // One table holds them all.
    expect(shared.counters['contig.runs']).toBe(32);
    const cut = [DOMAIN, repeat(0, 4 * M, 128 * K, { contig: true }), unmap(20 * K, 40 * K)];
    const both = [await replay(cut), await replay(cut, SHARED)];
    expect(leaves(both[1])).toEqual(leaves(both[0]));
    expect(both.map(({ counters }) => counters['contig.broken'])).toEqual([1, 1]);
    // In the copy nothing has to be flushed for it: the exchange of the entry above does.
    expect(both.map(({ lines }) => lines[2]['flushWalks'])).toEqual([1, 1]);
  });
});

describe('shared tables', () => {
  const BIG = [DOMAIN, repeat(0, 512 * G), unmap(0, 4 * K)];

  it('make 512G of one page in milliseconds, and show it as fast', async () => {
    const began = performance.now();
    const { lines, space, counters } = await replay(BIG, SHARED);
    expect(lines[1]).toMatchObject({
      ret: 0,
      mapped: 512 * G,
      repeats: 2 ** 27,
      shared: true,
      written: 1537,
      allocs: 3,
    });
    expect(lines[2]).toMatchObject({ unmapped: 4 * K, allocs: 2, flushWalks: 1, addPages: 0 });
    expect(counters).toMatchObject({
      'sharing.tables': 2,
      'sharing.links': 511 + 1023,
      'sharing.tablesSaved': 262_657 - 3,
      'sharing.cowCopies': 2,
      'leaves.live.l3': 1023,
      'sharing.leavesTranslated.l3': 2 ** 27 - 1,
      'mapped.live': 512 * G - 4 * K,
    });
    const [shown] = mapsOf({ spaces: [space] }, 2);
    expect(shown.leaves.length).toBeLessThanOrEqual(4000);
    expect(shown.leaves.reduce((sum, run) => sum + run.count, 0)).toBe(2 ** 27 - 1);
    expect(shown.tables.length).toBe(6);
    expect(shown.levels?.at(-1)).toMatchObject({ tables: 2, leaves: 1023, mapped: 512 * G - 4 * K });
    // Far below the second that a walk over every address takes.
    expect(performance.now() - began).toBeLessThan(1000);
  });

  it('tell what may have been dirtied, whichever address it was', async () => {
    const { lines, counters } = await replay(
      [
        { ...DOMAIN, quirks: ['HD'] },
        repeat(0, 8 * M),
        { op: 'read_dirty', iova: '0x0', size: 8 * M, clear: true },
        { op: 'set_dirty', iova: '0x201000' },
        { op: 'read_dirty', iova: '0x0', size: 8 * M, clear: true },
        { op: 'read_dirty', iova: '0x0', size: 8 * M },
      ],
      SHARED,
    );
    expect(lines[2]).toMatchObject({ ambiguous: true });
    expect((lines[2]['records'] as unknown[]).length).toBe(2048);
    expect(lines[4]).toMatchObject({
      ambiguous: true,
      records: [0x1000, 0x201000, 0x401000, 0x601000].map((iova) => [hex(iova), 4096]),
    });
    expect(lines[5]).toMatchObject({ records: [] });
    expect(lines[5]).not.toHaveProperty('ambiguous');
    expect(counters['sharing.dirtyAmbiguous']).toBe(2048 + 4);
  });

  it('list some of very many addresses, and say how many there are', async () => {
    const { lines } = await replay(
      [{ ...DOMAIN, quirks: ['HD'] }, repeat(0, 64 * M), { op: 'read_dirty', iova: '0x0', size: 64 * M }],
      SHARED,
    );
    expect((lines[2]['records'] as unknown[]).length).toBe(4096);
    expect(lines[2]).toMatchObject({ ambiguous: true, recordsLeftOut: 16_384 - 4096 });
  });

  it('are none where a reservation pins tables, and are copied before one does', async () => {
    const { lines, space, counters } = await replay(
      [
        DOMAIN,
        { op: 'reserve', id: 'r0', iova: '0x0', size: 4096 },
        repeat(0, 4 * M),
        repeat(600 * G, 4 * M),
        { op: 'reserve', id: 'r1', iova: hex(600 * G + 2 * M), size: 4096 },
      ],
      SHARED,
    );
    expect(lines[2]).toMatchObject({ shared: false, allocs: 1 });
    expect(lines[3]).toMatchObject({ shared: true, allocs: 3 });
    // The one table that two entries pointed to: the reservation has it for itself.
    expect(lines[4]).toMatchObject({ ret: 0, missing: 0, allocs: 1, flushWalks: 1 });
    expect(counters).toMatchObject({ 'repeat.plainForPins': 1, 'sharing.copiesForPins': 1, 'sharing.tables': 0 });
    expect(space.table?.counters[C.MAPPED_BYTES]).toBe(8 * M);
  });

  it('fail a reservation that has no page for a copy', async () => {
    const { lines } = await replay(
      [DOMAIN, repeat(0, 4 * M), { op: 'fail_alloc', nth: 1 }, { op: 'reserve', id: 'r1', iova: '0x0', size: 4096 }],
      SHARED,
    );
    expect(lines[3]).toMatchObject({ ret: -12 });
  });

  it('below a pinned table go with a flush when their range is unmapped', async () => {
    const events = [
      DOMAIN,
      repeat(0, 8 * M),
      { op: 'reserve', id: 'r0', iova: '0x0', size: 4096 },
      unmap(0, 1 * G),
      { op: 'iova_to_phys', iova: hex(4 * M), paddr: '0x0' },
    ];
    const { lines, counters, findings } = await replay(events, SHARED);
    expect(findings).toEqual([]);
    // Below a pinned table leaves go and tables stay. Of the entries that pointed to the shared one the last keeps it; that
    // the others do not any more takes one flush of the 1G.
    expect(lines[3]).toMatchObject({ unmapped: 1 * G, frees: 0, flushWalks: 1 });
    expect(counters).toMatchObject({ 'mapped.live': 0, 'sharing.tables': 0, 'tables.live': 5 });
  });

  it('announce their tables to allocators that reserve', async () => {
    const reserve = { name: 'reserve', parameters: {} };
    for (const options of [{}, SHARED, how({ tables: 'shared', cowReserve: true })]) {
      const { counters, findings } = await replay([DOMAIN, repeat(4096, 4 * M)], { ...options, allocator: reserve });
      expect(findings).toEqual([]);
      expect(counters['op.used']).toBe(counters['tables.allocated'] - 1 + (counters['sharing.cowReserved'] ?? 0));
    }
  });

  it('mean what plain ones mean, event by event', async () => {
    const events = [
      DOMAIN,
      repeat(0x3ff000, 6 * M, 12 * K),
      repeat(2 * G, 2 * G, 2 * M),
      unmap(0x5ff000, 3 * M),
      map(0x600000, 8 * K),
      map(2 * G + 4 * M, 4 * K),
      unmap(2 * G + 6 * M, 1 * G),
      repeat(0x700000, 64 * K),
      unmap(0, 4 * G),
    ];
    const [plain, shared] = await replayEach(events, [{}, SHARED]);
    const answers = (lines: readonly Line[]): unknown[] =>
      lines.map(({ ret, mapped, unmapped }) => [ret, mapped, unmapped]);
    expect(answers(shared.lines)).toEqual(answers(plain.lines));
    const leaves = (run: typeof plain): number[] =>
      run.replayer.spaces.flatMap(({ table }) => (table === null ? [] : treeNumbers(table, true)));
    expect(leaves(shared)).toEqual(leaves(plain));
  });
});

describe('the summary', () => {
  it('tells of repeat mappings, shared tables and runs', async () => {
    const events = [DOMAIN, repeat(0, 512 * G), unmap(0, 4 * K), { ...map(1024 * G, 64 * K), contig: true }];
    const stdin = events.map((event) => `${JSON.stringify(event)}\n`).join('');
    const { stdout } = await runCli(['replay', '-', '--repeat', 'shared'], { stdin });
    expect(stdout).toContain('repeat shared, allocator kernel');
    expect(stdout).toContain('repeats     134,217,728 repetitions, 512.0 GiB, 1,537 entries written\n');
    expect(stdout.replace(/\n +/g, ' ')).toContain(
      'sharing     2 shared tables below 1,534 entries, 262,654 saved, 2 copied; 134,217,743 leaves as translated',
    );
    expect(stdout).toContain('contig      1 run with the hint, 0 broken\n');
  });
});

describe('lessons', () => {
  const TRACES = new URL('../../../traces/', import.meta.url).pathname;

  it.each([
    ['repeat-sparse', ['--repeat', 'shared', '--cow-reserve', 'on'], 0],
    ['repeat-unwind', ['--repeat-unwind', 'posted'], 1],
  ])('%s %o: golden result lines', async (name, args, code) => {
    const path = `${TRACES}${name}.ndjson`;
    const replayed = await runCli(['replay', path, '--results', '-', '--events', ...args]);
    await expect(replayed.stdout).toMatchFileSnapshot(`../../golden/traces/${name}.ndjson.${args[1]}.txt`);
    expect(replayed.code).toBe(code);
  });
});

describe('dump of shared tables', () => {
  const stdin = `${JSON.stringify(DOMAIN)}\n${JSON.stringify(repeat(0, 512 * G))}\n`;
  const dump = (...args: string[]): ReturnType<typeof runCli> =>
    runCli(['dump', '-', '--repeat', 'shared', ...args], { stdin });

  it('names each table once', async () => {
    const { stdout, code } = await dump();
    const lines = stdout.split('\n');
    expect(code).toBe(0);
    expect(lines.filter((line) => line.includes('table 0x')).length).toBe(4);
    expect(stdout).toContain('= T1 (shared x512)');
    expect(stdout).toMatch(/1-511 +0x\d+ +-> T1 \(shared x512\)/);
    expect(stdout).toContain('4 tables (16K), 512 leaves (134,217,728 as translated), 549,755,813,888 bytes mapped');
    const json = (await dump('--json')).stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Line);
    expect(json.filter(({ kind }) => kind === 'again')).toMatchObject([
      { level: 3, index: 1, count: 511, iova: '0x200000', size: G - 2 * M, links: 512 },
      { level: 2, index: 1, count: 511, iova: '0x40000000', links: 512 },
    ]);
  });

  it.each(['raw', 'ranges'])('does not print millions of lines unasked: %s', async (view) => {
    const { stderr, code } = await dump('--view', view);
    expect(code).toBe(2);
    expect(stderr).toContain('stand for 134,480,385 entries; --view tree shows each table once');
    const part = await dump('--view', view, '--iova', '0x7fffe00000+8K', '--json');
    expect(part.code).toBe(0);
    expect(part.stdout).toContain('0x7fffe01000');
  });

  it('shows a whole of modest size in full, or more when asked', async () => {
    const small = `${JSON.stringify(DOMAIN)}\n${JSON.stringify(repeat(0, 8 * M))}\n`;
    const raw = async (...args: string[]): Promise<string[]> => {
      const { stdout } = await runCli(['dump', '-', '--view', 'raw', '--json', ...args], { stdin: small });
      return stdout.trim().split('\n');
    };
    const bare = (line: string): string => line.replace(/"table":"0x[0-9a-f]+"/, '').replace(/"pte":"0x1000\w+"/, '');
    const plain = (await raw()).map(bare);
    expect((await raw('--repeat', 'shared')).map(bare)).toEqual(plain);
    expect((await raw('--repeat', 'shared', '--expand')).length).toBe(plain.length);
    expect((await dump('--expand')).stderr).toContain('--expand belongs to --view ranges and raw');
  });
});
