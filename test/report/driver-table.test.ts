import { describe, expect, it } from 'vitest';
import { readableBytes } from '../../src/base/sizes.ts';
import { hardwareText } from '../../src/report/gpu/hardware-words.ts';
import type { StatsDocument, StrategyStats } from '../../src/stats/document.ts';
import { type CommandResult, runCli } from '../cli/fake-io.ts';

const TRACES = new URL('../../traces/', import.meta.url).pathname;
const OVER = `${TRACES}bind-over-reservation.ndjson`;
const DRIVERS = ['panthor', 'pvr', 'msm', 'nouveau', 'xe'];

/** A domain that all drivers take, a buffer object and what is to come. */
function traceOf(...events: readonly unknown[]): string {
  return [
    { op: 'trace', version: 1, kernel: '7.1' },
    { op: 'domain', id: 'vm0', format: 'ARM_64_LPAE_S1', pgsizes: '0x201000', ias: 48, oas: 48, driver: 'xe' },
    { op: 'bo', id: 'b0', size: 8192, segments: [{ paddr: '0x200000000', size: 8192 }], folio: 4096 },
    ...events,
  ]
    .map((event) => `${JSON.stringify(event)}\n`)
    .join('');
}

const bind = (job: number, ...ops: readonly unknown[]): unknown => ({ op: 'bind', job, mode: 'sync', ops });
const MAP = { kind: 'map', iova: '0x100000000', size: 4096, bo: 'b0', offset: 0 };
const MAP_NULL = { kind: 'map_null', iova: '0x100001000', size: 4096 };

async function compare(trace: string, ...args: readonly string[]): Promise<CommandResult> {
  const path = trace.startsWith('{') ? '-' : trace;
  return runCli(['replay', path, '--driver', 'all', ...args], path === '-' ? { stdin: trace } : {});
}

async function documentOf(path: string, ...args: readonly string[]): Promise<StatsDocument> {
  return JSON.parse((await compare(path, '--json', ...args)).stdout) as StatsDocument;
}

/** Cells of a driver's row in the table under `title`. */
function row(stdout: string, name: string, title = 'driver '): string[] {
  const lines = stdout.split('\n');
  const at = lines.findIndex((line) => line.startsWith(title));
  return lines
    .slice(at)
    .find((line) => line.startsWith(`${name} `))
    ?.split(/ {2,}/) as string[];
}

const sentence = (stdout: string, start: string): string =>
  stdout.split('\n').find((line) => line.startsWith(start)) ?? '';

describe('the table of drivers', () => {
  it('counts as memory what reservations hold as well', async () => {
    const { strategies } = await documentOf(OVER);
    const { stdout } = await compare(OVER);
    expect(strategies?.map(({ driver }) => driver)).toEqual(DRIVERS);
    const held = ({ counters }: StrategyStats): number => counters['alloc.heldPeak'];
    for (const run of strategies ?? []) {
      expect(row(stdout, run.driver ?? '')[6]).toBe(readableBytes(held(run)));
      expect(held(run)).toBeGreaterThanOrEqual(run.counters['memory.occupiedPeak']);
    }
    // 1,536 pages reserved and the start table, of which 4 became tables.
    expect(row(stdout, 'panthor')[6]).toBe(readableBytes(1537 * 4096));
    expect(sentence(stdout, 'Least memory:')).toMatch(/; most: panthor with 6\.0 MiB\.$/);
  });

  it('compares no driver that refused operations', async () => {
    const { code, stdout } = await compare(traceOf(bind(1, MAP), bind(2, MAP_NULL)));
    expect(code).toBe(0);
    expect(stdout).toContain('panthor refused or failed: 1 EINVAL.\n');
    expect(stdout).toContain('pvr refused or failed: 1 EINVAL.\n');
    expect(row(stdout, 'panthor')[1]).not.toBe('-');
    const compared = sentence(stdout, 'Least memory:');
    expect(compared).toContain('msm');
    expect(compared).not.toMatch(/panthor|pvr/);
    expect(stdout).not.toMatch(/^(panthor|pvr) reserved/m);
  });

  it('compares no driver that said yes and did not do it', async () => {
    const { stdout } = await compare(`${TRACES}bind-pvr-offset.ndjson`);
    expect(stdout).toContain('pvr refused or failed: 1 false-success.\n');
    expect(sentence(stdout, 'Least memory:')).toMatch(/nouveau/);
    expect(sentence(stdout, 'Least memory:')).not.toMatch(/pvr/);
  });

  it('gives a driver that refused an address space a row of dashes and its reason', async () => {
    const { stdout } = await compare(OVER, '--pgsizes', '4K', '--lenient');
    expect(row(stdout, 'panthor').slice(1)).toEqual(row(stdout, 'panthor').slice(1).fill('-'));
    expect(row(stdout, 'msm')[2]).toBe('3');
    expect(stdout).toContain('panthor refused domain vm0: panthor maps pages of 4K and 2M: ');
    expect(stdout.match(/maps pages of 4K and 2M/g)?.length).toBe(1);
    expect(sentence(stdout, 'Least memory:')).not.toBe('');
    expect(sentence(stdout, 'Least memory:')).not.toContain('panthor');
    expect(stdout).toContain('domains refused under panthor 1;');
  });

  it('concludes nothing from a trace without binds', async () => {
    const { code, stdout } = await compare(traceOf({ op: 'iova_to_phys', iova: '0x0' }));
    expect(code).toBe(0);
    expect(stdout).toContain('The trace has no binds, so it tells nothing about drivers: nothing is compared.\n');
    expect(stdout).not.toMatch(/memory:.* with |take .* at most|waste\)/);
  });

  it('gives drivers that cannot take the events rows of dashes, and concludes nothing', async () => {
    const { code, stdout, stderr } = await compare(`${TRACES}partial-unmap-7.1.ndjson`);
    expect(code).toBe(3);
    expect(stderr).toContain('has the page tables of pvr, which take binds and look-ups only');
    for (const driver of ['pvr', 'nouveau', 'xe']) {
      expect(new Set(row(stdout, driver).slice(1))).toEqual(new Set(['-']));
      expect(stdout).toContain(`${driver} took 0 of the 5 operations: its row is empty.\n`);
    }
    expect(row(stdout, 'panthor')[8]).toBe('1');
    expect(stdout).toContain('The trace was not replayed to its end: nothing is compared.\n');
    expect(stdout).not.toMatch(/Least memory|waste\)/);
  });

  it('names the allocator that was given', async () => {
    expect((await compare(OVER)).stdout).toContain(", each driver's own tables, flush none");
    expect((await compare(OVER, '--allocator', 'pool')).stdout).toContain(
      ", allocator pool under panthor and msm, else each driver's own tables, flush none",
    );
    const two = await runCli(['replay', OVER, '--driver', 'panthor', '--driver', 'msm', '--allocator', 'pool']);
    expect(two.stdout).toContain('2 drivers, allocator pool, flush none');
  });
});

describe('the table of drivers on a terminal', () => {
  const TRACE_NAMES = ['bind-over-reservation', 'bind-msm-throttle', 'bind-pvr-offset', 'bind-overtaking'];
  const at = async (columns: number, name: string, ...args: string[]): Promise<string> => {
    const terminal = { columns, colors: false };
    return (await runCli(['replay', `${TRACES}${name}.ndjson`, '--driver', 'all', ...args], { terminal })).stdout;
  };

  it.each([80, 100, 120, 200])('fits into %i columns', async (columns) => {
    for (const name of TRACE_NAMES) {
      for (const args of [['--maple'], ['--kernel', '6.12'], ['--pgsizes', '4K', '--lenient']]) {
        const lines = (await at(columns, name, ...args)).split('\n').slice(1);
        expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(columns);
      }
    }
  });

  it('keeps the hardware events when it is narrow, and explains what it shows', async () => {
    const narrow = await at(80, 'bind-overtaking');
    expect(narrow).toContain('driver   hardware events\npanthor  3 LOCK, 3 cache flushes, 3 UNLOCK\n');
    expect(narrow).not.toContain('spare VMAs');
    expect(narrow).toContain('idle peak: reserved and not used');
    const wide = await at(200, 'bind-overtaking');
    expect(wide).toMatch(/^driver .* spare VMAs {2}hardware events$/m);
    expect(wide).toContain('; spare VMAs: held ready');
    const tiny = await at(60, 'bind-overtaking');
    expect(tiny).not.toContain('idle peak');
  });
});

describe('hardware events in words', () => {
  it('tells what is still owed', () => {
    expect(hardwareText({})).toBe('none');
    expect(hardwareText({ 'gpu.asLocks': 1200, 'gpu.cacheFlushes': 1 })).toBe('1,200 LOCK, 1 cache flush');
    expect(hardwareText({ 'gpu.flushesPending': 1 })).toBe('none, 1 pending');
    expect(hardwareText({ 'gpu.mmuCacheCommands': 2, 'gpu.flushesPending': 1 })).toBe(
      '2 MMU cache commands, 1 pending',
    );
  });

  it("shows pvr's pending flush in both reports", async () => {
    const trace = traceOf(bind(1, MAP));
    expect(row((await compare(trace)).stdout, 'pvr').at(-1)).toBe('none, 1 pending');
    const { stdout } = await runCli(['replay', '-', '--driver', 'pvr'], { stdin: trace });
    expect(stdout).toMatch(/^hardware +none, 1 pending$/m);
  });
});

describe('the maple table', () => {
  it('has a row for each driver of a comparison, once', async () => {
    const { stdout } = await compare(OVER, '--maple');
    expect(stdout.match(/^maple tree of the VMAs/gm)?.length).toBe(1);
    const { strategies } = await documentOf(OVER, '--maple');
    for (const { driver, counters } of strategies ?? []) {
      const cells = row(stdout, driver ?? '', 'maple tree').slice(1);
      expect(cells.map((cell) => Number(cell.replaceAll(',', '')))).toEqual([
        counters['maple.stores'],
        ...['byStore', 'bySeries', 'byHeight', 'worstCase'].map((rule) => counters[`maple.requested.${rule}`]),
        counters['maple.used'],
      ]);
    }
    expect((await compare(OVER)).stdout).not.toContain('maple');
  });

  it('shows what one store held at most, also where several address spaces have trees', async () => {
    const second = { op: 'domain', id: 'vm1', format: 'ARM_64_LPAE_S1', ias: 48, oas: 48, driver: 'xe' };
    const busy = Array.from({ length: 200 }, (_, i) => ({
      ...(bind(i, { ...MAP, iova: `0x${(0x100000000 + i * 8192).toString(16)}` }) as object),
      domain: 'vm0',
    }));
    const stdin = traceOf(second, ...busy, { ...(bind(999, MAP) as object), domain: 'vm1' });
    const { stdout } = await runCli(['replay', '-', '--maple'], { stdin });
    const document = JSON.parse(
      (await runCli(['replay', '-', '--maple', '--json'], { stdin })).stdout,
    ) as StatsDocument;
    const [vm0, vm1] = document.domains.map(({ counters }) => counters);
    expect(vm0['maple.heldLargest.byHeight']).toBeGreaterThan(vm1['maple.heldLargest.byHeight']);
    const held = readableBytes(vm0['maple.heldLargest.byHeight']);
    expect(row(stdout, '1 + 3 x height (to 6.5)', 'maple tree').at(-1)).toBe(held);
    expect(vm0['maple.heldLargest.byHeight']).toBeLessThan(vm0['maple.requested.byHeight'] * 256);
    expect(document.counters['maple.heldLargest.byHeight']).toBeUndefined();
  });

  it('is printed once for several allocators', async () => {
    const { stdout } = await runCli(['replay', OVER, '--allocator', 'kernel', '--allocator', 'pool', '--maple']);
    expect(stdout.match(/^maple tree of the VMAs +nodes requested/gm)?.length).toBe(1);
  });
});
