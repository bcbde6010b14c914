import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { type Import, importFile, importText, SAMPLES } from './read.ts';

const sample = (name: string): Promise<Import> => importFile(join(SAMPLES, name));
const head = '# tracer: nop\n#\n';
const line = (event: string, pid = 100, flags = 'd....'): string =>
  `   task-${pid}  [000] ${flags}  1.000000: ${event}\n`;
const mapCall = (iova: string, key = '0x48107000', pgsize = '0x1000'): string =>
  `map: (arm_lpae_map_pages+0x0/0x170) ttbr=${key} iova=${iova} paddr=0x8090000 pgsize=${pgsize} pgcount=1 prot=0x7`;
const mapReturn = 'map_ret: (arm_smmu_map_pages+0x24/0x3c <- arm_lpae_map_pages) ret=0';
const request = (iova: number, paddr: number, size = 4096): string =>
  `map: IOMMU: iova=0x${iova.toString(16).padStart(16, '0')} - 0x${(iova + size).toString(16)} paddr=0x${paddr.toString(16).padStart(16, '0')} size=${size}`;

describe('recordings in every printed form', () => {
  it.each([
    'ftrace-clock-boot.txt',
    'ftrace-clock-counter.txt',
    'ftrace-noirqinfo.txt',
    'ftrace-trace_pipe.txt',
    'ftrace-latency-format.txt',
    'ftrace-latency-format-verbose.txt',
    'trace-cmd-report.txt',
    'trace-cmd-report-R.txt',
    'trace-cmd-report-l.txt',
    'trace-cmd-report-t.txt',
    'trace-cmd-report-tsdiff.txt',
    'perf-script.txt',
    'perf-script-F.txt',
    'perf-script-ns.txt',
  ])('%s', async (name) => {
    const { outcome, ops } = await sample(name);
    expect(ops).toMatchObject({ trace: 1, map: 6, unmap: 4 });
    expect(outcome).toMatchObject({ complete: true, format: 'ftrace text' });
    expect(outcome.notes).toMatchObject({
      layer: 'iommu',
      protAssumed: 6,
      unknownLines: 0,
      ignoredEvents: 0,
      placement: { by: 'inference', requests: 10, named: 0 },
    });
  });

  it('perf-script-g.txt, with call chains', async () => {
    const { outcome, ops } = await sample('perf-script-g.txt');
    expect(ops['map'] ?? 0).toBeGreaterThan(0);
    expect(outcome.notes).toMatchObject({ unknownLines: 0, ignoredEvents: 0 });
  });

  it('probed calls with their returns and configuration', async () => {
    const { outcome, events, ops } = await sample('kprobe.txt');
    expect(outcome.notes).toMatchObject({
      layer: 'pgtable',
      crossMismatches: 0,
      orphanReturns: 0,
      configAssumed: 0,
      protAssumed: 0,
    });
    expect(ops['map_pages']).toBeGreaterThan(5);
    expect(events[1].event).toMatchObject({
      op: 'domain',
      id: '0x48107000',
      pgsizes: '0x62215000',
      ias: 48,
      oas: 44,
      coherent: true,
    });
    expect(events[2]).toMatchObject({
      event: {
        op: 'map_pages',
        domain: '0x48107000',
        iova: '0xfffff000',
        paddr: '0x8090000',
        pgsize: 4096,
        pgcount: 1,
        prot: 0x1a,
        thread: '98',
      },
      ret: 0,
    });
  });

  it('probed calls that record the gather', async () => {
    const { outcome, ops } = await sample('kprobe-gather.txt');
    expect(ops).toMatchObject({ map_pages: 4, unmap_pages: 3 });
    expect(outcome.notes).toMatchObject({ orphanReturns: 0, crossMismatches: 0 });
  });

  it('the requests of a probed recording, when they are asked for', async () => {
    const { events, ops } = await importFile(join(SAMPLES, 'kprobe.txt'), { layer: 'iommu' });
    expect(ops['map_pages']).toBeUndefined();
    expect(events.find(({ event }) => event.op === 'map')?.event).toMatchObject({ domain: '0x48107000' });
  });
});

describe('what cannot be replayed is refused by name', () => {
  it.each([
    ['ftrace-opt-raw.txt', 'written under the trace option "raw"'],
    ['ftrace-opt-hex.txt', 'written under the trace option "hex"'],
    ['head.perf.data', 'ends at byte 64'],
    ['head.trace.dat', 'ends at byte 64'],
  ])('%s', async (name, message) => {
    const { outcome, ops } = await sample(name);
    expect(Object.keys(ops).filter((op) => op !== 'trace')).toEqual([]);
    expect(outcome.complete).toBe(false);
    expect(outcome.error).toMatchObject({ exitCode: 3 });
    expect(outcome.error?.message).toContain(message);
  });
});

describe('recognition', () => {
  it('goes by content: hundreds of other events may come first', async () => {
    const other = line('sched_switch: prev_comm=a prev_pid=1 ==> next_comm=b').repeat(900);
    for (const start of [head, '', 'cpus=2\n']) {
      const { outcome, ops } = await importText(start + other + line(request(0x1000, 0x2000)));
      expect(ops).toEqual({ trace: 1, domain: 1, map: 1 });
      expect(outcome.notes).toMatchObject({ ignoredEvents: 900 });
    }
  });

  it('takes a recording of other events only, and says that nothing was found', async () => {
    const { outcome, ops } = await importText(head + line('sched_switch: prev_comm=a'));
    expect(ops).toEqual({ trace: 1 });
    expect(outcome).toMatchObject({ complete: true, notes: { layer: null, ignoredEvents: 1 } });
  });

  it('refuses a line that is cut off, at the line; lenient counts it', async () => {
    const text = line(request(0x1000, 0x2000)) + line(request(0x3000, 0x2000)).replace(/ paddr.*/, '');
    const { outcome, ops } = await importText(text);
    expect(ops).toMatchObject({ map: 1 });
    expect(outcome.error?.text).toMatch(/^<stdin>:2:\d+: the fields of this event are in no known form: IOMMU: iova=/);
    const lenient = await importText(text, { lenient: true });
    expect(lenient.outcome).toMatchObject({ complete: true, skippedLines: 1 });
  });
});

describe('losses', () => {
  it('are told: overrun, late CPUs, dropped events', async () => {
    const text = [
      '# tracer: nop\n#\n# entries-in-buffer/entries-written: 477698/775615   #P:2\n#\n',
      '##### CPU 1 buffer started ####\n',
      line(request(0x1000, 0x2000)),
      'CPU:3 [LOST 1234 EVENTS]\n',
      'CPU:1 [17 EVENTS DROPPED]\n',
      'CPU:0 [LOST EVENTS]\n',
      line(request(0x3000, 0x4000)),
    ].join('');
    const { outcome } = await importText(text);
    expect(outcome.notes?.losses).toEqual({ overrun: 297917, lateStarts: 1, marks: 1251, gaps: 1 });
    expect(outcome.notes?.unknownLines).toBe(0);
  });

  it('of a broken stream lose nothing that was held back', async () => {
    const text = head + line(mapCall('0x1000')) + line(mapReturn) + line(mapCall('0x2000'), 7) + 'x'.repeat(10);
    const { outcome, ops } = await importText(`${text}\n${line('map: IOMMU: iova=0x1')}`);
    expect(outcome.complete).toBe(false);
    expect(ops).toEqual({ trace: 1, domain: 1, map_pages: 2 });
  });
});

describe('address spaces', () => {
  it('are made anew when a freed ttbr comes back', async () => {
    const free = 'free: (arm_lpae_free_pgtable+0x0/0x40) ttbr=0x48107000';
    const once = line(mapCall('0x1000')) + line(mapReturn);
    const { events } = await importText(head + once + line(free) + once);
    expect(events.map(({ event }) => event.op)).toEqual([
      'trace',
      'domain',
      'map_pages',
      'destroy',
      'domain',
      'map_pages',
    ]);
    expect(events[3].event).toEqual({ op: 'destroy', domain: '0x48107000', ts: 1_000_000_000 });
  });

  it('take their name where a vendor kernel prints one', async () => {
    const named = (name: string): string => line(`map: IOMMU:${name} iova=0x1000 paddr=0x2000 size=0x1000 prot=0x3`);
    const { events, outcome } = await importText(named('gfx3d_user') + named('mdp_0'));
    expect(events.map(({ event }) => ('domain' in event ? event.domain : event.op))).toEqual([
      'trace',
      'domain',
      'gfx3d_user',
      'domain',
      'mdp_0',
    ]);
    expect(outcome.notes).toMatchObject({ protAssumed: 0, placement: { by: null } });
  });

  it('nest calls in interrupts by the flags column', async () => {
    const text =
      head +
      line(mapCall('0x1000')) +
      line(mapCall('0x2000'), 100, 'd.h..') +
      line(mapReturn, 100, 'd.h..') +
      line(mapReturn.replace('ret=0', 'ret=-12'));
    const { events } = await importText(text);
    expect(events.slice(-2).map(({ event, ret }) => [(event as { iova: string }).iova, ret])).toEqual([
      ['0x2000', 0],
      ['0x1000', -12],
    ]);
  });
});

describe('times', () => {
  const times = async (text: string, layer: 'pgtable' | 'iommu' | null = null): Promise<unknown[]> =>
    (await importText(head + text, { layer })).events.map(({ event }) => [event.op, event.ts, event.end]);
  const at = (stamp: string, event: string): string => line(event).replace('1.000000', stamp);

  it('are those of the lines, to the nanosecond', async () => {
    const text = at('9007199.254740', request(0x1000, 0x2000)) + at('16.1234567', request(0x3000, 0x4000));
    expect(await times(text)).toEqual([
      ['trace', undefined, undefined],
      ['domain', 9_007_199_254_740_000, undefined],
      ['map', 9_007_199_254_740_000, undefined],
      ['map', 16_123_456_700, undefined],
    ]);
  });

  it('of a probed call are its entry and its return', async () => {
    const text =
      at('10.000001', mapCall('0x1000')) +
      at('10.000004', mapReturn) +
      at('10.000005', request(0x1000, 0x8090000)) +
      at('11.000000', mapCall('0x2000'));
    expect((await times(text)).slice(1)).toEqual([
      ['domain', 10_000_001_000, undefined],
      ['map_pages', 10_000_001_000, 10_000_004_000],
      ['map_pages', 11_000_000_000, undefined],
    ]);
    expect((await times(text, 'iommu')).slice(1)).toEqual([
      ['domain', 10_000_005_000, undefined],
      ['map', 10_000_005_000, undefined],
    ]);
  });

  it('are left out where a return seems to be before its call, or the clock only counts', async () => {
    expect((await times(at('10.000001', mapCall('0x1000')) + at('9.0', mapReturn)))[2]).toEqual([
      'map_pages',
      10_000_001_000,
      undefined,
    ]);
    expect((await times(at('4711', request(0x1000, 0x2000))))[2]).toEqual(['map', undefined, undefined]);
    expect((await times(at('1700000000.123456', request(0x1000, 0x2000))))[2]).toEqual(['map', undefined, undefined]);
  });

  it.each([
    ['ftrace-trace_pipe.txt', 7_408_350_000],
    ['ftrace-noirqinfo.txt', 13_382_179_000],
    ['perf-script.txt', 19_527_096_000],
    ['perf-script-ns.txt', 19_527_096_992],
    ['trace-cmd-report-l.txt', undefined],
    ['ftrace-clock-counter.txt', null],
    ['ftrace-latency-format.txt', null],
    ['ftrace-latency-format-verbose.txt', null],
  ])('of %s', async (name, first) => {
    const maps = (await sample(name)).events.filter(({ event }) => event.op === 'map' || event.op === 'unmap');
    const stamps = maps.map(({ event }) => event.ts);
    if (first === null) expect(stamps.every((stamp) => stamp === undefined)).toBe(true);
    else {
      expect(stamps.every((stamp) => Number.isSafeInteger(stamp))).toBe(true);
      if (first !== undefined) expect(stamps[0]).toBe(first);
    }
  });
});

describe('the granule of a recording without probes', () => {
  const many = (step: number): string =>
    Array.from({ length: 80 }, (_, i) => line(request((i + 1) * step, (i + 7) * step, step))).join('');
  it.each([
    [4096, 0, '0x40201000'],
    [16384, 16384, '0x2004000'],
    [65536, 65536, '0x20010000'],
  ])('is inferred: %i', async (step, guessed, pgsizes) => {
    const { events, outcome } = await importText(many(step));
    expect(outcome.notes?.guessedGranule).toBe(guessed);
    expect(events[1].event).toMatchObject({ op: 'domain', pgsizes, cpuPageSize: step });
  });

  it('is 4K when there is too little to tell', async () => {
    const { outcome } = await importText(line(request(0x10000, 0x20000, 65536)));
    expect(outcome.notes?.guessedGranule).toBe(0);
  });

  it('is 16K for the requests of a 16K kernel', async () => {
    const path = join(import.meta.dirname, '../../golden/recordings/smmuv3-kprobe-6.12-strict-16k.txt.gz');
    const plain = gunzipSync(readFileSync(path))
      .toString('latin1')
      .split('\n')
      .filter((text) => !/(alloc_s1|map|map_ret|free): \(/.test(text));
    const { outcome, events } = await importText(plain.join('\n'));
    expect(outcome.notes).toMatchObject({ guessedGranule: 16384, layer: 'iommu' });
    expect(events[1].event).toMatchObject({ pgsizes: '0x2004000' });
  });
});
