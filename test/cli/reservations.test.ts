import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { domain, G1, K4, linesOf, lookUp, M2, map, ndjson, reserve, statsOf, unmap, unreserve } from './events.ts';
import { runCli } from './fake-io.ts';

const TRACES = new URL('../../traces/', import.meta.url).pathname;
// Pvr's page tables are its own: there is nothing to pin in them. Neither is there in TCEs, and maps of nested address
// spaces are refused by windows of their own before anything is reserved.
const SHIPPED = readdirSync(TRACES).filter(
  (name) => /\.(ndjson|txt\.gz)$/.test(name) && !/pvr|^window-|^nested-/.test(name),
);
/** Ends with five address spaces in which something is mapped. */
const KPROBE = `${TRACES}smmuv3-kprobe-6.1.txt.gz`;

describe('replay --reserve-around areas', () => {
  it.each(SHIPPED)('keeps its promise in %s', async (name) => {
    const { counters, document } = await statsOf(`${TRACES}${name}`, '--reserve-around', 'areas');
    const plain = await statsOf(`${TRACES}${name}`);
    expect(counters['reservations.allocsInReserved']).toBe(0);
    // An area beyond the address space cannot be reserved, nor mapped.
    expect(counters['reservations.failed']).toBe(plain.counters['errors.ERANGE'] ?? 0);
    // With tables of its own the overtaking job has no need to steal.
    const steals = plain.counters['findings.steal'] ?? 0;
    expect(document.findings.length).toBe(plain.document.findings.length - steals);
    const rows = document.domains.flatMap(({ reservations }) => reservations);
    expect(rows.length).toBe(counters['reservations.made']);
    expect(rows.filter(({ live }) => live).length).toBe(counters['reservations.live']);
    // What is mapped is in areas, and an area without anything mapped has ended.
    if (steals === 0) expect(counters['mapped.live']).toBe(plain.counters['mapped.live']);
    if (counters['mapped.live'] === 0) expect(counters['reservations.live']).toBe(0);
  });

  it('reserves at the first map of an area and lets go with its last byte', async () => {
    const events = [domain(), map(G1, K4), map(G1 + K4, K4), unmap(G1, K4), unmap(G1 + K4, K4)];
    const { document, counters } = await statsOf(events, '--reserve-around', 'areas');
    expect(document.domains[0].reservations).toMatchObject([
      { id: 'area-1', live: false, size: 2 * K4, pinned: 3, used: 3, maps: 2, unmaps: 2, freed: 3 },
    ]);
    expect(counters).toMatchObject({ 'tables.live': 1, 'tables.empty': 0 });
    const half = await statsOf(events.slice(0, -1), '--reserve-around', 'areas');
    expect(half.document.domains[0].reservations).toMatchObject([{ live: true, mapped: K4 }]);
    // Without it the three tables stay behind, as they do in the kernel.
    expect((await statsOf(events)).counters).toMatchObject({ 'tables.live': 4, 'tables.empty': 3 });
  });

  it('lets go of an area that a release empties', async () => {
    const events = [domain(), reserve('r0', G1, M2), map(G1, K4), { op: 'release', id: 'r0' }];
    const { document, counters } = await statsOf(events, '--reserve-around', 'areas');
    expect(document.domains[0].reservations).toMatchObject([
      { id: 'r0', live: false },
      { id: 'area-1', live: false },
    ]);
    expect(counters).toMatchObject({ 'tables.live': 1, 'tables.freed': 3 });
  });

  it('lists what each reservation pinned and used', async () => {
    const { stdout } = await runCli(['replay', KPROBE, '--reserve-around', 'areas', '--reservations']);
    const rows = stdout.split('\n').filter((line) => /^0x[0-9a-f]+ +area-\d+/.test(line));
    expect(rows.length).toBe(40);
    expect(rows[0].replace(/ {2,}/g, ' | ')).toBe(
      '0x48107000 | area-1 | 0xfffff000 | 4K | 3 | 3 | 12.0 KiB | 3 | 3 | 1 | 0 | 4.0 KiB | 0',
    );
    const { counters } = await statsOf(KPROBE, '--reserve-around', 'areas');
    expect(stdout).toContain(`... and ${counters['reservations.made'] - 40} reservations more`);
    const none = await runCli(['replay', KPROBE, '--reservations']);
    expect(none.stdout).toContain('no IOVA reservations; --reserve-around areas makes them');
    expect((await runCli(['replay', KPROBE, '--reserve-around', 'areas'])).stdout).not.toContain('area-1');
  });
});

describe('every policy changes something', () => {
  const block = [domain(), reserve('r0', G1, M2), map(G1, M2)];
  const over = [domain(), map(G1, K4), map(G1, M2)];
  const blockFirst = [domain(), map(G1, M2), reserve('r0', G1, M2)];
  const beside = [domain(), map(0, K4), reserve('r0', G1, K4), unreserve('r0')];
  const alone = [domain(), reserve('r0', G1, K4), unreserve('r0')];
  const small = [domain(), map(G1, K4), unmap(G1, M2)];
  const pages = [
    domain(),
    { op: 'map_pages', iova: '0x40000000', paddr: '0x0', pgsize: K4, pgcount: 512, prot: 'rw' },
    { op: 'unmap_pages', iova: '0x40000000', pgsize: K4, pgcount: 512 },
  ];
  const two = [domain(), reserve('r0', G1, 2 * M2), unreserve('r0')];

  it.each<[string, object[], Record<string, number>]>([
    ['--block-policy park', block, { 'reservations.parks': 1, 'leaves.live.l2': 1, 'leaves.live.l3': 0 }],
    ['--block-policy split', block, { 'reservations.splits': 1, 'leaves.live.l2': 0, 'leaves.live.l3': 512 }],
    ['--block-policy refuse', block, { 'reservations.refusals': 1, 'errors.EBUSY': 1, 'mapped.live': 0 }],
    ['--over-table drop', over, { 'mapped.live': M2, 'tables.freed': 1 }],
    ['--over-table refuse', over, { 'mapped.live': K4, 'tables.freed': 0, 'errors.EADDRINUSE': 1 }],
    ['--unpark lazy', [...block, unmap(G1, M2)], { 'reservations.parked': 1, 'reservations.unparks': 0 }],
    ['--unpark eager', [...block, unmap(G1, M2)], { 'reservations.parked': 0, 'reservations.unparks': 1 }],
    ['--reserve-over-block park', blockFirst, { 'reservations.made': 1, 'reservations.parked': 1 }],
    ['--reserve-over-block refuse', blockFirst, { 'reservations.failed': 1, 'errors.EEXIST': 1 }],
    // An L2 and an L3 that stick out of the reserved page; the L1 belongs to the other map too.
    ['--boundary auto', beside, { 'tables.freed': 0, 'tables.empty': 2 }],
    ['--boundary covered', alone, { 'tables.freed': 0, 'tables.empty': 3 }],
    ['--boundary auto', alone, { 'tables.freed': 3, 'tables.empty': 0 }],
    ['--boundary refcount', beside, { 'tables.freed': 2, 'tables.empty': 0 }],
    ['--free-empty never', small, { 'tables.freed': 0, 'tables.empty': 3, 'reservations.keptUnmaps': 1 }],
    ['--free-empty kernel', small, { 'tables.freed': 1, 'tables.empty': 2 }],
    ['--free-empty kernel', pages, { 'tables.freed': 0, 'tables.empty': 3 }],
    ['--free-empty eager', pages, { 'tables.freed': 1, 'tables.empty': 2, 'reservations.emptiedFreed': 1 }],
    ['--free-empty eager --boundary refcount', pages, { 'tables.freed': 3, 'reservations.emptiedFreed': 3 }],
    ['--rcu none', two, { 'rcu.callbacks': 0, 'rcu.deferredPeak': 0, 'rcu.frees': 4 }],
    ['--rcu page', two, { 'rcu.callbacks': 4, 'rcu.deferredPeak': 4, 'rcu.frees': 4 }],
    ['--rcu list', two, { 'rcu.callbacks': 1, 'rcu.deferredPeak': 4, 'rcu.frees': 4 }],
    ['--rcu gather', two, { 'rcu.callbacks': 0, 'rcu.deferredPeak': 4, 'rcu.frees': 4 }],
  ])('%s', async (args, events, counters) => {
    const result = await statsOf(events, ...args.split(' '));
    expect(result.counters).toMatchObject(counters);
    expect(result.code).toBe(0);
  });

  it('--rcu-latency, in events and in the time of the trace', async () => {
    const later = [domain(), reserve('r0', G1, M2), unreserve('r0'), lookUp(0), lookUp(0), lookUp(0), lookUp(0)];
    const waited = (await statsOf(later, '--rcu-latency', '3')).counters;
    expect(waited).toMatchObject({ 'rcu.latencyMin': 3, 'rcu.latencyMax': 3, 'rcu.pageTicks': 9, 'rcu.deferred': 0 });
    const timed = later.map((event, i) => ({ ...event, ts: 1000 * i }));
    expect((await statsOf(timed, '--rcu-latency', '1500ns')).counters).toMatchObject({ 'rcu.latencyMax': 1500 });
    expect((await statsOf(timed, '--rcu-latency', '1ms')).counters).toMatchObject({
      'rcu.deferred': 3,
      'rcu.frees': 0,
    });
  });

  it('--rcu gather waits for the flush of a lazy unmap', async () => {
    const lazy = [domain(), map(G1, K4), unmap(G1, M2, { gather: 'queued' }), map(G1, K4), unmap(G1, K4)];
    expect((await statsOf(lazy, '--rcu', 'gather')).counters).toMatchObject({ 'rcu.latencyMax': 2, 'rcu.frees': 1 });
  });
});

describe('reservations of a trace', () => {
  it('count maps across their edge and promise them nothing', async () => {
    const straddling = [domain(), reserve('r0', G1, M2), map(G1 + M2 - K4, 2 * K4)];
    const { counters, document } = await statsOf(straddling);
    expect(counters).toMatchObject({ 'reservations.straddlingMaps': 1, 'reservations.allocsInReserved': 0 });
    // The second L3.
    expect(counters['tables.allocated']).toBe(5);
    expect(document.findings).toEqual([]);
    const text = await runCli(['replay', '-'], { stdin: ndjson(straddling) });
    expect(text.stdout).toContain('0 allocations inside, 1 straddling map');
  });

  it('are refused with an errno, not as unusable input', async () => {
    const events = [
      domain(),
      reserve('r0', G1 + 2048, K4),
      reserve('r1', G1, K4),
      reserve('r1', 0, K4),
      reserve('r2', 2 ** 48, K4),
      unreserve('r9'),
    ];
    expect((await linesOf(events)).slice(1).map(({ ret }) => ret)).toEqual([-22, 0, -17, -34, -2]);
    const { code, counters } = await statsOf(events);
    expect(code).toBe(0);
    expect(counters).toMatchObject({ 'reservations.failed': 3, 'errors.EINVAL': 1, 'errors.ENOENT': 1 });
  });

  it('of more than any host could hold fail for want of memory', async () => {
    const events = [domain(), reserve('all', 0, 2 ** 48), map(0, K4)];
    const { code, counters } = await statsOf(events);
    expect(code).toBe(0);
    expect(counters).toMatchObject({ 'errors.ENOMEM': 1, 'reservations.failed': 1, 'tables.live': 4 });
    expect((await linesOf(events))[1]).toMatchObject({ ret: -12, full: 134_480_384, missing: 134_480_384 });
  });

  it('live on when a release cannot unmap everything', async () => {
    const events = [domain(), map(G1, M2), reserve('r0', G1, K4), { op: 'release', id: 'r0' }];
    expect((await linesOf(events)).at(-1)).toMatchObject({ ret: -16, unmapped: 0, freed: 0 });
    expect((await statsOf(events)).counters).toMatchObject({ 'reservations.live': 1, 'errors.EBUSY': 1 });
  });

  it('race with what overlaps them in time: pages fetched in vain', async () => {
    const first = reserve('r0', 0, K4, { ts: 100, end: 200 });
    const early = map(G1, K4, { ts: 1000, end: 3000 });
    const at = (ts: number): object => reserve('r1', G1, K4, { ts, end: ts + 1000 });
    const raced = async (...events: object[]): Promise<unknown> =>
      (await linesOf([domain(), first, ...events])).at(-1)?.['raced'];
    // The L1 was there before, an L2 and an L3 came from the map.
    expect(await raced(early, at(2000))).toBe(2);
    expect(await raced(early, at(3000))).toBe(0);
    expect(await raced(reserve('r2', G1, M2, { ts: 1000, end: 3000 }), at(2000))).toBe(2);
  });

  it('begin anew when they meet a table that was unlinked meanwhile', async () => {
    const retries = async (ts: number, end: number): Promise<number> =>
      (
        await statsOf([
          domain(),
          reserve('r0', G1, K4, { ts: 100, end: 200 }),
          unreserve('r0', { ts: 1000, end }),
          reserve('r1', G1, K4, { ts, end: 9000 }),
        ])
      ).counters['reservations.retries'];
    // It began before the unlink, listed by its end; while that ran; and after it.
    expect([await retries(900, 3000), await retries(2000, 3000), await retries(3000, 3000)]).toEqual([1, 1, 0]);
  });
});

describe('several domains', () => {
  it('have peaks over all of them', async () => {
    const of = (id: string, event: object): object => ({ ...event, domain: id });
    const events = [
      domain({ id: 'a' }),
      domain({ id: 'b' }),
      of('a', reserve('r0', G1, M2)),
      of('b', reserve('r0', G1, 2 * M2)),
      of('a', map(G1, M2)),
      of('a', unreserve('r0')),
      of('b', unreserve('r0')),
      of('b', reserve('r1', G1, K4)),
      of('b', lookUp(0)),
    ];
    expect((await statsOf(events, '--rcu-latency', '1')).counters).toMatchObject({
      'rcu.latencyMin': 1,
      'rcu.latencyMean': 1,
      'rcu.latencyMax': 1,
    });
    const { counters } = await statsOf(events, '--rcu-latency', '9');
    expect(counters).toMatchObject({
      'reservations.pinnedPeak': 7,
      'reservations.pinnedBytesPeak': 7 * K4,
      'reservations.parkedPeak': 1,
      'rcu.deferredPeak': 5,
    });
  });

  it('end their reservations when they are destroyed', async () => {
    const events = [domain(), reserve('r0', G1, M2), reserve('r1', 0, K4), { op: 'destroy', domain: 'd0' }];
    const { counters, document } = await statsOf(events);
    expect(counters).toMatchObject({ 'reservations.made': 2, 'reservations.live': 0, 'reservations.pinned': 0 });
    expect(document.domains[0].reservations).toMatchObject([{ live: false }, { live: false }]);
  });
});

describe('broken promises', () => {
  const overlapping = [domain(), map(0, K4, { ts: 1000, end: 3000 }), map(K4, K4, { ts: 2000, end: 4000 })];

  it('tell of operations that one context pointer cannot hold apart', async () => {
    const { code, document } = await statsOf(overlapping, '--allocator', 'reserve');
    expect(code).toBe(0);
    expect(document.findings).toMatchObject([
      { kind: 'ctx-overlap', line: 3, message: 'starts at 2000 ns, during event 1 (line 2), which runs until 3000 ns' },
    ]);
    expect((await statsOf(overlapping, '--allocator', 'reserve', '--strict')).code).toBe(1);
    expect((await statsOf(overlapping, '--strict')).code).toBe(0);
    const apart = overlapping.map((event, i) => ({ ...event, ts: 1000 * i, end: 1000 * i + 999 }));
    expect((await statsOf(apart, '--allocator', 'reserve')).document.findings).toEqual([]);
  });

  it('tell of a look-up that was still on its way', async () => {
    const events = [
      domain(),
      reserve('r0', G1, M2, { ts: 0 }),
      lookUp(G1, { ts: 100, end: 900 }),
      unreserve('r0', { ts: 500 }),
      lookUp(0, { ts: 1000 }),
    ];
    const broken = await statsOf(events, '--rcu', 'none', '--strict');
    expect(broken.code).toBe(1);
    expect(broken.document.findings).toMatchObject([
      { kind: 'use-after-free', line: 4, message: '3 tables freed under a look-up that still ran' },
    ]);
    const { code, counters } = await statsOf(events, '--strict');
    expect([code, counters['rcu.latencyMax']]).toEqual([0, 400]);
    const elsewhere = events.map((event, i) => (i === 2 ? lookUp(2 ** 40, { ts: 100, end: 900 }) : event));
    expect((await statsOf(elsewhere, '--rcu', 'none', '--strict')).code).toBe(0);
  });

  it('tell of a look-up that is listed by its end, and count it where freed tables wait', async () => {
    const events = [
      domain(),
      reserve('r0', G1, M2, { ts: 0 }),
      unreserve('r0', { ts: 500 }),
      lookUp(0, { ts: 700 }),
      lookUp(G1, { ts: 100, end: 900 }),
    ];
    for (const rcu of ['none', 'gather']) {
      const { document } = await statsOf(events, '--rcu', rcu);
      expect(document.findings).toMatchObject([
        { kind: 'use-after-free', line: 5, message: '3 tables freed under a look-up that still ran' },
      ]);
    }
    const waited = await statsOf(events);
    expect(waited.document.findings).toEqual([]);
    expect(waited.counters).toMatchObject({ 'rcu.lateReaders': 1, 'rcu.latencyMax': 0 });
    const reader = { op: 'rcu_read', begin: 100, end: 900, ts: 900, iova: '0x0' };
    const told = await statsOf([...events.slice(0, -1), reader], '--rcu', 'none');
    // Of the tables only the L1 is on its path.
    expect(told.document.findings).toMatchObject([
      { line: 5, message: '1 table freed under a look-up that still ran' },
    ]);
  });

  it('know a reader that began before another domain came', async () => {
    const reader = (phase: string): object => ({ op: 'rcu_read', id: 'r', phase });
    const events = [domain(), reader('begin'), domain({ id: 'd1' }), reader('end')];
    expect((await statsOf(events)).code).toBe(0);
    expect((await statsOf([...events, reader('end')])).code).toBe(3);
  });
});
