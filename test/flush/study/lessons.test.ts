import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { StatsDocument } from '../../../src/stats/document.ts';
import type { FlushPolicyStats } from '../../../src/stats/metrics/flush-metrics.ts';
import { statsOf } from '../../cli/events.ts';
import { runCli } from '../../cli/fake-io.ts';

const TRACES = new URL('../../../traces/', import.meta.url).pathname;
const names = readdirSync(TRACES).filter((name) => /\.(ndjson|txt)(\.gz)?$/.test(name));

/** Unmaps that a trace marks as queued, or as made without a gather, may come back too early whatever the policy. */
const isPlanted = (name: string): boolean =>
  name.endsWith('.ndjson') && readFileSync(`${TRACES}${name}`, 'utf8').includes('"gather":');

/** As `statsOf`, with all of the document. */
async function flushStats(
  trace: Parameters<typeof statsOf>[0],
  ...args: string[]
): Promise<Awaited<ReturnType<typeof statsOf>> & { readonly document: StatsDocument }> {
  const { document, ...rest } = await statsOf(trace, ...args);
  return { ...rest, document: document as unknown as StatsDocument };
}

async function policies(name: string, ...args: string[]): Promise<Record<string, FlushPolicyStats>> {
  const { document } = await flushStats(`${TRACES}${name}`, '--flush', 'all', ...args);
  return Object.fromEntries((document.flushPolicies ?? []).map((stats) => [stats.policy, stats]));
}

describe('of every trace that ships', () => {
  it.each(names)(
    '%s: strict is safe, and so is who flushes each operation, up to what the window takes',
    async (name) => {
      const found = await policies(name);
      // A driver with tables of its own format has none that policies could be about.
      if (Object.keys(found).length === 0) return;
      if (!isPlanted(name)) expect(found['smmuv3'].verdict).toBe('safe');
      expect(found['panthor'].verdict).toBe('safe');
      expect(found['msm'].verdict).toBe('safe');
      const { counters } = found['gpuvm-op'];
      expect(counters['flush.unsafe.iova'] + counters['flush.unsafe.pages']).toBe(0);
      expect(counters['flush.unsafe.tables']).toBe(name === 'flush-table-window.ndjson' ? 1 : 0);
      // Both drop all that comes before the end of an address space.
      const [never, late] = [found['noop'].counters, found['none-until-teardown'].counters];
      expect(late['flush.unsafe.tables']).toBeLessThanOrEqual(never['flush.unsafe.tables']);
      expect(late['flush.unsafe.iova']).toBe(never['flush.unsafe.iova']);
    },
  );
});

describe('the lessons about flush policies', () => {
  it.each(names.filter((name) => name.startsWith('flush-')))('%s compares them as its golden text', async (name) => {
    const { stdout, code } = await runCli(['replay', `${TRACES}${name}`, '--flush', 'all']);
    expect(code).toBe(0);
    await expect(stdout.replaceAll(TRACES, 'traces/')).toMatchFileSnapshot(`../../golden/traces/${name}.flush.txt`);
  });

  it('table-window: freed in the window, and used again there', async () => {
    const found = await policies('flush-table-window.ndjson');
    expect(found['gpuvm-op'].counters).toMatchObject({ 'flush.window.tables': 2, 'flush.unsafe.tables': 1 });
    expect(found['gpuvm-op'].findings).toMatchObject([{ kind: 'stale-walk', line: 6 }]);
    expect(found['noop'].findings.map(({ kind, line }) => [kind, line])).toEqual([
      ['stale-walk', 4],
      ['stale-pages', 5],
      ['stale-walk', 6],
      ['stale-iova', 6],
    ]);
  });

  it('lazy-reuse: before the timer and after it', async () => {
    const { code, document } = await flushStats(`${TRACES}flush-lazy-reuse.ndjson`, '--flush', 'smmuv3,mode=lazy');
    expect(code).toBe(0);
    expect(document.findings.map(({ kind, line }) => [kind, line])).toEqual([
      ['stale-iova', 5],
      ['stale-pages', 7],
    ]);
    expect(document.counters).toMatchObject({ 'flush.timerFlushes': 1, 'tlb.commands': 1, 'flush.unsafe.iova': 1 });
    const strict = await flushStats(`${TRACES}flush-lazy-reuse.ndjson`, '--flush', 'smmuv3,mode=lazy', '--strict');
    expect(strict.code).toBe(1);
  });

  it('of an older one: what is queued comes back too early under every SMMU', async () => {
    const found = await policies('lazy-unmap.ndjson');
    expect(found['smmuv3'].findings).toMatchObject([{ kind: 'stale-pages', line: 7 }]);
    expect(found['smmuv3,mode=lazy'].counters).toMatchObject({ 'flush.unsafe.iova': 1, 'flush.queuePagesPeak': 520 });
    expect(found['msm'].verdict).toBe('safe');
  });

  it('lock-region: 512 times as much as has changed', async () => {
    const { document } = await flushStats(`${TRACES}flush-lock-region.ndjson`, '--flush', 'panthor');
    // The maps of 4 MiB and of 2 MiB, and the unmaps behind them.
    expect(document.counters['flush.bytesInvalidated']).toBe((4 + 2 + 4 + 2) * 2 ** 20 + 32 * 1024);
  });
});

describe('--flush', () => {
  const lesson = `${TRACES}flush-table-window.ndjson`;

  it('several times or all is one pass, and the first decides what the rest of the statistics are of', async () => {
    const two = await flushStats(lesson, '--flush', 'noop', '--flush', 'smmuv3');
    expect(two.document.flushPolicies?.map(({ policy, verdict }) => [policy, verdict])).toEqual([
      ['noop', 'unsafe'],
      ['smmuv3', 'safe'],
    ]);
    expect(two.document.findings.map(({ kind }) => kind)).toContain('stale-walk');
    expect(two.counters).toMatchObject({ 'flush.commands': 0, 'tlb.commands': 0 });
    const other = await flushStats(lesson, '--flush', 'smmuv3', '--flush', 'noop');
    expect(other.document.findings).toEqual([]);
    expect(other.counters['flush.commands']).toBe(other.counters['tlb.commands']);
    const alone = await flushStats(lesson, '--flush', 'smmuv3');
    expect(alone.document).not.toHaveProperty('flushPolicies');
    expect(Object.keys(alone.counters).filter((key) => key.startsWith('flush.'))).toEqual([]);
    expect(alone.counters['tlb.commands']).toBe(other.counters['tlb.commands']);
  });

  it('counts what is unsafe against it under --strict only, whichever policy it is', async () => {
    const args = ['--flush', 'smmuv3', '--flush', 'noop'];
    expect((await flushStats(lesson, ...args)).code).toBe(0);
    expect((await flushStats(lesson, ...args, '--strict')).code).toBe(1);
    expect((await flushStats(lesson, '--flush', 'smmuv3', '--flush', 'msm', '--strict')).code).toBe(0);
  });

  it.each([
    [['--flush', 'nop'], 'did you mean noop?'],
    [['--flush', 'smmuv3,mode=eager'], 'strict or lazy'],
    [['--flush', 'all', '--flush', 'msm'], '--flush msm is given twice: all includes it'],
    [['--flush', 'all', '--allocator', 'all'], 'several flush policies are compared under one allocator'],
  ])('%j is refused', async (args, told) => {
    const { code, stderr } = await runCli(['replay', lesson, ...args]);
    expect(code).toBe(2);
    expect(stderr).toContain(told);
  });

  it('is part of a domain event, too', async () => {
    const events = [
      { op: 'trace', version: 1 },
      { op: 'domain', id: 'a', flush: 'gpuvm-op' },
      { op: 'domain', id: 'b', flush: 'smmuv3' },
      { op: 'map', domain: 'a', iova: '0x0', paddr: '0x0', size: 4096, prot: 'rw' },
      { op: 'map', domain: 'b', iova: '0x0', paddr: '0x0', size: 4096, prot: 'rw' },
    ];
    const { document } = await flushStats(events);
    expect(document.flushPolicies?.map(({ policy, counters }) => [policy, counters['flush.commands']])).toEqual([
      ['gpuvm-op', 1],
    ]);
    expect(document.config.flush).toBe('gpuvm-op smmuv3');
  });
});

describe('--pgsize-policy', () => {
  it.each([
    ['core', { 'leaves.live.l1': 1, 'leaves.live.l2': 1, 'leaves.live.l3': 0, 'calls.map': 2 }],
    // 512 blocks fill a table; the core would have made one block of them.
    ['panthor', { 'leaves.live.l1': 0, 'leaves.live.l2': 513, 'leaves.live.l3': 0, 'calls.map': 2 }],
    ['4k', { 'leaves.live.l2': 0, 'leaves.live.l3': 513 * 512, 'calls.map': 513 }],
  ])('%s decides how requests are cut', async (policy, wanted) => {
    const size = 2 ** 30 + 2 ** 21;
    const events = [
      { op: 'trace', version: 1 },
      { op: 'domain', id: 'd0', pgsizes: [2 ** 12, 2 ** 21, 2 ** 30] },
      { op: 'map', iova: '0x40000000', paddr: '0x80000000', size, prot: 'rw' },
    ];
    const { counters, document } = await flushStats(events, '--pgsize-policy', policy);
    expect(counters).toMatchObject(wanted);
    expect(document.config.pgsizePolicy).toBe(policy === 'core' ? undefined : policy);
    const gone = await flushStats([...events, { op: 'unmap', iova: '0x40000000', size }], '--pgsize-policy', policy);
    expect(gone.counters).toMatchObject({ 'mapped.live': 0, 'warns.total': 0 });
  });
});
