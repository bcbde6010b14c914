import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { linesOf, statsOf } from '../../cli/events.ts';
import { runCli } from '../../cli/fake-io.ts';

const TRACES = new URL('../../../traces/', import.meta.url).pathname;

function eventsOf(name: string): { readonly op: string }[] {
  return readFileSync(`${TRACES}${name}.ndjson`, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

const rets = async (name: string, ...args: string[]): Promise<unknown[]> =>
  (await linesOf(eventsOf(name), ...args)).slice(1).map(({ ret }) => ret);

describe('lessons about windows', () => {
  it('lazy default: removed while pending, so that 64G begin at 0', async () => {
    expect(await rets('window-lazy-default')).toEqual([0, 0, 0, 0, 0, 0, 0, 0, -28, 0, 0, 0, 0]);
    const { counters } = await statsOf(`${TRACES}window-lazy-default.ndjson`);
    expect(counters).toMatchObject({
      'windows.created': 2,
      'windows.refused': 1,
      'windows.live': 0,
      'windows.tableBytes.accountedPeak': 16_777_216 + 268_566_528,
      'windows.tableBytes.allocatedPeak': 16_777_216 + 262_144,
      'locked.peak': 4096 + 256 + 4098,
      'locked.pages': 0,
      'prereg.bytesPeak': 2 ** 28,
      'pins.made': 4096,
      'pins.calls': 1,
      'pins.avoided': 4097,
      'tce.written': 4097,
      'tce.cleared': 4097,
      'windows.hardwareOps': 7,
      'windows.hardwareOpsRemaining': 4,
    });
  });

  it('a failing map takes older ones away; a dying region is a false success', async () => {
    expect(await rets('window-map-error')).toEqual([0, 0, 0, -22, 0, 0, -16, 0, 0, 0, 0]);
    const { code, document, counters } = await statsOf(`${TRACES}window-map-error.ndjson`);
    expect([code, document.findings.map(({ kind }) => kind)]).toEqual([1, ['lost-mapping', 'false-success']]);
    expect(counters).toMatchObject({ 'tce.lost': 16, 'tce.falseSuccesses': 1, 'prereg.misses': 1 });
    const kernel = await statsOf(`${TRACES}window-map-error.ndjson`, '--unregister', 'kernel');
    expect(kernel.document.findings.map(({ kind }) => kind)).toContain('leaked-region');
    expect(kernel.counters).toMatchObject({ 'prereg.leakedRegions': 1, 'prereg.leakedPages': 2, 'locked.regions': 2 });
  });

  it('version 1: the whole window is accounted', async () => {
    expect(await rets('window-v1')).toEqual([0, -1, 0, -16, -25, 0, -16, -6, 0, 0]);
    const { counters } = await statsOf(`${TRACES}window-v1.ndjson`);
    expect(counters).toMatchObject({ 'locked.peak': 32768, 'locked.pages': 0, 'pins.made': 16, 'pins.released': 16 });
  });

  it('upstream leaks what it charged', async () => {
    const events = [{ op: 'attach' }, { op: 'window_create', pageShift: 16, size: 2 ** 40, levels: 3 }];
    const fixed = await statsOf(events);
    expect(fixed.counters).toMatchObject({ 'locked.leakedAccounting': 0, 'locked.tables': 128 });
    const upstream = await statsOf(events, '--fix-leaks', 'off');
    expect(upstream.document.findings).toMatchObject([{ kind: 'leaked-accounting', line: 2 }]);
    expect(upstream.counters['locked.leakedAccounting']).toBeGreaterThan(4096);
    expect(upstream.counters['locked.tables']).toBe(128 + upstream.counters['locked.leakedAccounting']);
  });

  it('is replayed in the eyes of every report', async () => {
    const report = async (form: string): Promise<string> =>
      (await runCli(['replay', `${TRACES}window-v1.ndjson`, '--format', form])).stdout;
    const [markdown, github, junit] = [await report('markdown'), await report('github'), await report('junit')];
    for (const text of [markdown, github, junit]) expect(text).not.toContain('nothing was replayed');
    expect(markdown).toContain('pgtrace NDJSON, 10 operations, 0 domains');
    expect(markdown).toContain('| `locked.peakBytes` | 2.0 GiB |');
    expect(markdown).not.toContain('tables.peak');
    expect(junit).toContain('failures="0" errors="0"');
  });

  it('what is left is listed', async () => {
    const { document } = await statsOf([
      { op: 'attach' },
      { op: 'register', vaddr: '0x10000', size: 131072 },
      { op: 'window_map', iova: '0x0', vaddr: '0x20000', size: 65536 },
    ]);
    const [window] = [{ start: '0x0', size: 2 ** 31, page: 4096, levels: 1, tces: 16 }];
    expect(document).toMatchObject({
      containers: [{ id: 'c0', version: 2, enabled: true, groups: ['g0'], windows: [window] }],
      regions: [{ mm: 'mm0', vaddr: '0x10000', size: 131072, used: 1, owners: 1, page: 65536, mapped: 16 }],
    });
  });

  it('another process has no say', async () => {
    const lines = await linesOf([
      { op: 'attach' },
      { op: 'register', vaddr: '0x10000', size: 65536 },
      { op: 'register', vaddr: '0x20000', size: 65536, mm: 'other' },
      { op: 'window_map', iova: '0x0', vaddr: '0x10000', size: 4096, mm: 'other' },
      { op: 'attach', action: 'info', mm: 'other' },
      { op: 'window_map', iova: '0x0', vaddr: '0x10000', size: 4096, flags: 4 },
      { op: 'window_unmap', iova: '0x0', size: 4096, flags: 1 },
      { op: 'window_create', pageShift: 12, size: 4096, flags: 1 },
      { op: 'register', vaddr: '0x20000', size: 65536, flags: 1 },
    ]);
    expect(lines.map(({ ret }) => ret)).toEqual([0, 0, -1, -1, -1, -22, -22, -22, -22]);
  });
});

describe('lessons about nests and ranges', () => {
  it('are what they say', async () => {
    expect(await rets('nested-software')).toEqual([0, 0, 0, 0, 0, 0, undefined, -34, -14, 0, -16, 0, 0, 0]);
    expect(await rets('nested-passthrough')).toEqual([0, 0, -14, 0, 0, 0, -16, 0, 0]);
    // 7.1 refuses to unmap a part of a block: nobody loses anything, until blocks are split.
    for (const [partial, revocations] of [
      ['refuse', 0],
      ['split', 1],
    ] as const) {
      const options = ['--parent-unmap', 'revoke', '--partial-unmap', partial];
      expect((await statsOf(`${TRACES}nested-software.ndjson`, ...options)).counters).toMatchObject({
        'nested.parentBusy': 0,
        'nested.revocations': revocations,
      });
    }
    expect((await statsOf(`${TRACES}nested-hardware.ndjson`)).counters).toMatchObject({
      'nested.walkSteps': 15,
      'nested.extraCommands': 1,
    });
    const hard = await statsOf(`${TRACES}nested-software.ndjson`, '--nesting', 'hardware');
    // Its children hold addresses of their parent: the expectation of where one leads fails.
    expect([hard.code, hard.document.findings[0].kind]).toEqual([1, 'expectation']);
  });

  it('a required range makes the tables small', async () => {
    const lines = await linesOf(eventsOf('require-range'));
    expect(lines.filter(({ op }) => op === 'domain').map((l) => [l['ias'], l['startLevel'], l['pgdSize']])).toEqual([
      [32, 1, 32],
      [40, 0, 16],
      [40, 1, 8192],
    ]);
    expect(lines.at(-1)).toMatchObject({ pageShift: 16, size: 2 ** 40, levels: 2, accounted: 268_566_528 });
    const { counters } = await statsOf(`${TRACES}require-range.ndjson`);
    expect(counters).toMatchObject({ 'aperture.rejected': 1, 'aperture.levelsSaved': 1 });
    // The window that was told by its range needs no request that only this hardware knows.
    expect(counters).toMatchObject({ 'windows.hardwareOps': 0, 'errors.ERANGE': 1, 'errors.EADDRINUSE': 1 });
  });

  it('which the command line can ask for, too', async () => {
    const events = [
      { op: 'domain', id: 'd' },
      { op: 'map', iova: '0xfffff000', paddr: '0x1000', size: 4096, ret: 0 },
      { op: 'map', iova: '0x100000000', paddr: '0x1000', size: 4096, ret: -34 },
    ];
    const { counters, document } = await statsOf(events, '--require', '0:4G');
    expect(counters).toMatchObject({
      'errors.ERANGE': 1,
      'returns.equal': 2,
      'aperture.levelsSaved': 1,
      'aperture.bytesSaved': 8192 - 32,
      'aperture.bytes': 2 ** 32,
      'aperture.used': 0,
    });
    expect(document).toMatchObject({ config: { overrides: { require: [{ start: '0x0', end: '0x100000000' }] } } });
    const refused = await runCli(['replay', '-', '--require', '0:4G', '--ias', '30'], {
      stdin: '{"op":"domain","id":"d"}\n',
    });
    expect(refused.stdout).toContain('the required range needs 32 bits of an IOVA; ias is 30');
    for (const text of ['4G', '0:', '0:4G:1', 'x:4G', '0:100', '4G:0x1000'])
      expect((await runCli(['replay', '-', '--require', text])).code, text).toBe(2);
  });

  it('cannot be asked of a GPU driver, nor jobs of a space with rules', async () => {
    const gpu = await runCli(['replay', '-'], {
      stdin: '{"op":"domain","id":"d","driver":"panthor","require":[{"start":"0x0","end":"0x1000"}]}\n',
    });
    expect([gpu.code, gpu.stderr]).toEqual([3, expect.stringContaining('address bits are the GPU driver')]);
    const bind = await runCli(['replay', '-', '--require', '0:4G'], {
      stdin: '{"op":"domain","id":"d"}\n{"op":"bind","job":1,"mode":"sync","ops":[]}\n',
    });
    expect([bind.code, bind.stderr]).toEqual([3, expect.stringContaining('these know map and unmap only')]);
    const raw = await runCli(['replay', '-'], {
      stdin:
        '{"op":"domain","id":"d"}\n{"op":"nest","id":"n","parent":"d"}\n{"op":"map_pages","domain":"n","iova":"0x0","paddr":"0x0","pgsize":4096,"pgcount":1}\n',
    });
    expect([raw.code, raw.stderr]).toEqual([3, expect.stringContaining('raw calls know no parent; use map')]);
  });
});
