/** `compare --engines` and `--engine generic` as commands. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StatsDocument } from '../../src/stats/document.ts';
import type { EnginesDocument } from '../../src/stats/engines/engine-document.ts';
import { runCli } from './fake-io.ts';

const M2 = 2 ** 21;
const hex = (n: number): string => `0x${n.toString(16)}`;
const map = (iova: number, paddr: number, size: number): object => ({
  op: 'map',
  iova: hex(iova),
  paddr: hex(paddr),
  size,
});
const unmap = (iova: number, size: number): object => ({ op: 'unmap', iova: hex(iova), size });

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pgtrace-engines-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function trace(name: string, events: readonly object[]): string {
  const path = join(folder, name);
  writeFileSync(path, events.map((event) => `${JSON.stringify(event)}\n`).join(''));
  return path;
}

async function compared(events: readonly object[], ...more: string[]): Promise<[number, EnginesDocument]> {
  const path = trace('compared.ndjson', events);
  const { code, stdout } = await runCli(['compare', '--engines', 'arm,generic', '--json', path, ...more]);
  return [code, JSON.parse(stdout) as EnginesDocument];
}

describe('compare --engines', () => {
  it('exits with 0 where every answer and look-up is the same, and shows what each engine paid', async () => {
    const [code, document] = await compared([map(0, 0, M2 + 4096), map(M2 * 8, M2, 4 * M2), unmap(0, M2 + 4096)]);
    expect(code).toBe(0);
    expect(document.agree).toBe(true);
    const [{ engines, operations, lookups, sweep }] = document.traces;
    expect(operations).toEqual({ compared: 3, differing: 0, byCause: {}, first: [] });
    expect([lookups.compared, lookups.differing]).toEqual([6, 0]);
    expect(sweep).toEqual({ ranges: 1, bytes: 4 * M2, differing: 0, differingBytes: 0, first: [] });
    const [arm, generic] = engines;
    expect([arm.engine, generic.engine]).toEqual(['arm', 'generic']);
    // The core cuts 2M + 4K into two raw calls, and so the unmap.
    expect([arm.counters['calls.map'], generic.counters['calls.map']]).toEqual([3, 2]);
    expect([arm.counters['engine.walks'], generic.counters['engine.walks']]).toEqual([5, 3]);
    expect(arm.counters['engine.pteReads']).toBeGreaterThan(generic.counters['engine.pteReads']);
    expect(arm.counters['engine.pteWrites']).toBe(generic.counters['engine.pteWrites']);
  });

  it('says that there was nothing to compare', async () => {
    for (const events of [[{ op: 'domain', id: 'd' }], [{ op: 'iova_to_phys', iova: '0x0' }]]) {
      const path = trace('nothing.ndjson', events);
      const { code, stdout } = await runCli(['compare', '--engines', 'arm,generic', path]);
      expect(code).toBe(0);
      expect(stdout).toContain('nothing to compare: no map and no unmap came to arm or generic');
      expect(stdout).not.toContain('agree');
    }
  });

  it('tells of raw calls for more bytes than a number holds', async () => {
    const [code, document] = await compared([
      { op: 'map_pages', iova: '0x0', paddr: '0x0', pgsize: 4096, pgcount: 1 },
      { op: 'unmap_pages', iova: '0x0', pgsize: 2 ** 42, pgcount: 2 ** 40 },
      { op: 'map_pages', iova: '0x40000000', paddr: '0x0', pgsize: 2 ** 42, pgcount: 2 ** 40 },
    ]);
    expect(code).toBe(1);
    const { first } = document.traces[0].operations;
    expect(first.length).toBeGreaterThan(0);
    for (const { size } of first) expect(size).toBe(Number.MAX_SAFE_INTEGER);
  });

  it.each<[string, readonly object[], string, [string, string]]>([
    ['errno', [map(0, 0, 4096), map(0, 0, 4096)], 'errno', ['-EEXIST', '-EADDRINUSE']],
    ['over-table', [map(0, 0, 4096), map(0, M2, M2)], 'over-table', ['0 (0x200000 bytes)', '-EADDRINUSE']],
    ['part-of-block', [map(0, 0, M2), unmap(0, 4096)], 'part-of-block', ['0x0 bytes', '0x200000 bytes']],
    ['an empty table', [map(0, 0, 4096), unmap(0, 4096), unmap(0, M2)], 'holes', ['0x200000 bytes', '0x0 bytes']],
    ['a table with one page', [map(0, 0, 4096), unmap(0, M2)], 'holes', ['0x200000 bytes', '0x1000 bytes']],
    [
      'an unmap from inside a block',
      [
        { op: 'map_pages', iova: '0x0', paddr: '0x0', pgsize: 4096, pgcount: 512 },
        { op: 'unmap_pages', iova: '0x1000', pgsize: 4096, pgcount: 2 },
      ],
      'part-of-block',
      ['0x2000 bytes', '0x0 bytes'],
    ],
    [
      'raw-call',
      [{ op: 'map_pages', iova: '0x1ff000', paddr: '0x0', pgsize: 4096, pgcount: 2 }],
      'raw-call',
      ['0 (0x1000 bytes)', '0 (0x2000 bytes)'],
    ],
    [
      'range',
      [{ op: 'map_pages', iova: '0xfffffffff000', paddr: '0x0', pgsize: 4096, pgcount: 2 }],
      'range',
      ['0 (0x1000 bytes)', '-ERANGE'],
    ],
  ])('tells the cause: %s', async (_name, events, cause, answers) => {
    const [code, document] = await compared(events);
    expect(code).toBe(1);
    expect(document.agree).toBe(false);
    const { operations } = document.traces[0];
    expect(operations.byCause).toEqual({ [cause]: 1 });
    expect(operations.first[0].answers).toEqual(answers);
    expect(operations.first[0].line).toBe(events.length);
  });

  it('tells of operations of a job that one engine did not come to', async () => {
    const bind = (job: number, ops: readonly object[]): object => ({ op: 'bind', job, mode: 'sync', ops });
    const [code, document] = await compared([
      { op: 'bo', id: 'b', size: 2 * M2, segments: [{ paddr: '0x40000000', size: 2 * M2 }] },
      bind(1, [{ kind: 'map', iova: '0x0', size: 4096, bo: 'b' }]),
      bind(2, [
        { kind: 'map', iova: '0x0', size: M2, bo: 'b' },
        { kind: 'map', iova: hex(M2), size: 4096, bo: 'b' },
      ]),
      bind(3, [{ kind: 'unmap', iova: hex(4 * M2), size: 4096 }]),
    ]);
    expect(code).toBe(1);
    expect(document.traces[0].operations.byCause).toEqual({ 'over-table': 1, 'not-reached': 1 });
    expect(document.traces[0].operations.compared).toBe(4);
    expect(document.traces[0].operations.first[1].answers).toEqual(['0 (0x1000 bytes)', 'not reached']);
  });

  it('says what follows from an earlier difference', async () => {
    const [, document] = await compared([
      map(0, 0, M2),
      unmap(0, 4096),
      // Mapped on one side, gone on the other.
      map(4096, 4096, 4096),
      map(8 * M2, 0, 4096),
    ]);
    expect(document.traces[0].operations.byCause).toEqual({ 'part-of-block': 1, earlier: 1 });
    expect(document.traces[0].sweep.differing).toBeGreaterThan(0);
  });

  it('prints the same as text, with its verdict, the same each time', async () => {
    const path = trace('text.ndjson', [map(0, 0, M2), unmap(0, 4096)]);
    const args = ['compare', '--engines', 'arm,generic,flush=no-gaps', path, path];
    const first = await runCli(args);
    expect(first.code).toBe(1);
    expect(first.stdout).toContain('generic,flush=no-gaps');
    expect(first.stdout).toContain('1 operation of 2 differ');
    expect(first.stdout).toContain('unmap of a part of a block');
    expect(first.stdout).toContain('differ: arm and generic,flush=no-gaps, all of it explained');
    expect(await runCli(args)).toEqual(first);
  });

  it.each([
    [['--engines', 'arm'], 'takes two engines'],
    [['--engines', 'arm,arm'], 'names one engine twice'],
    [['--engines', 'arm,x86'], 'there is arm, generic'],
    [['--engines', 'arm,generic,flush=all'], 'takes range or no-gaps'],
    [['--engines', 'arm,generic', '--warn-only'], '--warn-only is not for --engines'],
    [['--engines', 'arm,generic', '--reserve-around', 'areas'], 'tables of io-pgtable-arm'],
  ])('refuses %j', async (args, why) => {
    const { code, stderr } = await runCli(['compare', ...args, trace('refused.ndjson', [map(0, 0, 4096)])]);
    expect(code).toBe(2);
    expect(stderr).toContain(why);
  });

  it('still takes two sides without it', async () => {
    const { code, stderr } = await runCli(['compare', trace('alone.ndjson', [map(0, 0, 4096)])]);
    expect(code).toBe(2);
    expect(stderr).toContain('compare takes two');
  });
});

describe('--engine generic', () => {
  it('stands in the statistics, with what operations cost in descriptors', async () => {
    const path = trace('one.ndjson', [map(0, 0, M2 + 4096)]);
    const { code, stdout } = await runCli(['replay', '--json', '--engine', 'generic,flush=no-gaps', path]);
    expect(code).toBe(0);
    const document = JSON.parse(stdout) as StatsDocument;
    expect(document.config.engine).toBe('generic,flush=no-gaps');
    expect(document.counters['engine.walks']).toBe(1);
    // Levels 0 and 1 on the way down, the block's entry, the next entry, and the page.
    expect(document.counters['engine.pteReads']).toBe(5);
    // Three links, a block and a page.
    expect(document.counters['engine.pteWrites']).toBe(5);
    expect((await runCli(['replay', '--engine', 'generic', path])).stdout).toContain('engine generic');
    const arm = JSON.parse((await runCli(['replay', '--json', path])).stdout) as StatsDocument;
    expect(arm.config.engine).toBeUndefined();
    expect(arm.counters['engine.walks']).toBeUndefined();
  });

  it('shows the same leaves in a dump', async () => {
    const path = trace('dump.ndjson', [map(M2 - 4096, M2 - 4096, 4 * M2)]);
    const views = await Promise.all(
      [[], ['--engine', 'generic']].map((more) => runCli(['dump', '--view', 'raw', path, ...more])),
    );
    expect(views[0].stdout.length).toBeGreaterThan(100);
    expect(views[1].stdout).toBe(views[0].stdout);
  });

  it('has no IOVA reservations, and is not for sweeps', async () => {
    const path = trace('reserve.ndjson', [{ op: 'reserve', id: 'r', iova: '0x0', size: M2 }]);
    const { code, stderr } = await runCli(['replay', '--engine', 'generic', path]);
    expect(code).toBe(3);
    expect(stderr).toContain('the engine chosen instead has none');
    expect((await runCli(['sweep', '--engine', 'generic', path])).code).toBe(2);
  });
});
