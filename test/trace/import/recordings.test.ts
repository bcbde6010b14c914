import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { hasRecordings, type Import, importFile, recording } from './read.ts';

/** The full recordings: event counts as they were written down when the recordings were made. */
describe.skipIf(!hasRecordings)('full recordings', () => {
  it.each([
    ['6.1-ftrace-clock-boot.txt', 72, 72],
    ['6.1-ftrace-clock-counter.txt', 72, 72],
    ['6.1-ftrace-latency-format.txt', 80, 80],
    ['6.1-ftrace-latency-format-verbose.txt', 80, 80],
    ['6.1-ftrace-noirqinfo.txt.gz', 6177, 4361],
    ['6.1-ftrace-trace_pipe.txt.gz', 488, 489],
    ['6.1-strict.perf-script.txt.gz', 2804, 2804],
    ['6.1-strict.perf-script-F.txt.gz', 2804, 2804],
    ['6.1-strict.perf-script-ns.txt.gz', 2804, 2804],
    ['6.1-strict.trace-cmd-report.txt.gz', 3133, 3132],
    ['6.1-strict.trace-cmd-report-R.txt.gz', 3133, 3132],
    ['6.1-strict.trace-cmd-report-l.txt.gz', 3133, 3132],
    ['6.1-strict.trace-cmd-report-t.txt.gz', 3133, 3132],
    ['6.1-strict.trace-cmd-report-tsdiff.txt.gz', 3133, 3132],
    // 249,767 events in all.
    ['6.1-lazy.txt.gz', 126417, 123350],
    ['6.1-strict-tgid.txt.gz', 73762, 70910],
    ['6.12-strict-dma.txt.gz', 72564, 69458],
    ['7.2-strict-dma.txt.gz', 12533, 11395],
    ['7.2-OVERRUN-lossy-excerpt.txt.gz', 1571, 1426],
    ['6.1-strict-boot.txt.gz', 245, 214],
    ['6.1-strict.perf-script-g.txt.gz', 112, 112],
    ['6.1-strict.perf.data', 2804, 2804],
    ['6.1-strict.trace-cmd-v6.dat.gz', 3133, 3132],
    ['6.1-strict.trace-cmd-v7-none.dat.gz', 3133, 3132],
    ['6.1-strict.trace-cmd-v7-zstd.dat', 3133, 3132],
  ])('%s', async (name, map, unmap) => {
    const { outcome, events, ops } = await importFile(recording(name));
    expect(ops).toMatchObject({ trace: 1, map, unmap });
    expect((ops['map'] ?? 0) + (ops['unmap'] ?? 0) + (ops['domain'] ?? 0) + 1).toBe(events.length);
    expect(outcome).toMatchObject({ complete: true, error: null, notes: { unknownLines: 0, layer: 'iommu' } });
  });

  it('the kernel log gives its raw calls, or its requests', async () => {
    const log = recording('6.1-dmesg-iommu-pr_debug.txt.gz');
    expect((await importFile(log)).ops).toMatchObject({ map_pages: 2520, unmap_pages: 2520 });
    expect((await importFile(log, { layer: 'iommu' })).ops).toMatchObject({ map: 2520, unmap: 2520 });
  });

  it('perf trace, between lines of the traced program', async () => {
    const { outcome, ops } = await importFile(recording('6.1-strict.perf-trace.txt.gz'));
    expect(ops).toMatchObject({ map: 120, unmap: 90 });
    expect(outcome).toMatchObject({ format: 'perf trace', notes: { unknownLines: 2 } });
  });

  it('an Intel IOMMU', async () => {
    const { ops } = await importFile(recording('../vtd').replace('smmuv3-../vtd', 'vtd-6.12-x86-strict.txt.gz'));
    expect(ops).toMatchObject({ map: 22109, unmap: 16439 });
  });

  it.each(['hex', 'raw'])('text under the trace option "%s" is refused', async (option) => {
    const { outcome, events } = await importFile(recording(`6.1-ftrace-opt-${option}.txt`));
    expect(events).toEqual([]);
    expect(outcome.error?.message).toContain(`written under the trace option "${option}"`);
  });

  it('the overrun one says what it lost', async () => {
    const { outcome } = await importFile(recording('7.2-OVERRUN-lossy-excerpt.txt.gz'));
    expect(outcome.notes?.losses).toEqual({ overrun: 775615 - 477698, lateStarts: 1, marks: 0, gaps: 0 });
  });

  it('the probed one of trace-cmd has calls, returns and no loose ends', async () => {
    const { outcome, ops } = await importFile(recording('6.1-strict-kprobe.trace-cmd-report.txt.gz'));
    expect(ops).toMatchObject({ map_pages: 1943, unmap_pages: 1961 });
    expect(outcome.notes).toMatchObject({ orphanReturns: 0, unreturned: 0, crossChecked: 3904, crossMismatches: 0 });
  });

  it.each([
    ['kprobe-6.1-strict-4k', 25184, 19724],
    ['kprobe-6.12-strict-16k', 17508, 15559],
  ])('%s gives the calls that were written down beside it', async (name, maps, unmaps) => {
    const { outcome, events, ops } = await importFile(recording(`${name}.txt.gz`));
    expect(ops).toMatchObject({ map_pages: maps, unmap_pages: unmaps });
    expect(outcome.notes).toMatchObject({ crossMismatches: 0, orphanReturns: 0, unreturned: 0, unplaced: 0 });
    const truth = gunzipSync(readFileSync(recording(`${name}.calls.ndjson.gz`)))
      .toString('utf8')
      .trim()
      .split('\n');
    const calls = truth.map((line) => JSON.parse(line) as Call).filter(isCall);
    // The two order nested calls differently.
    expect(difference(keysOf(events).sort(), calls.map(keyOfCall).sort())).toEqual([]);
  });
});

/** The first places where two lists differ, so that a failure does not print them whole. */
function difference(a: readonly string[], b: readonly string[]): string[][] {
  return Array.from({ length: Math.max(a.length, b.length) }, (_, i) => [a[i] ?? '', b[i] ?? ''])
    .filter(([ours, theirs]) => ours !== theirs)
    .slice(0, 5);
}

interface Call {
  readonly op: string;
  readonly dom: string;
  readonly iova: string;
  readonly pa?: string;
  readonly pgsize: string | number;
  readonly pgcount: number;
  readonly ret: string | number;
}

const isCall = (call: Call): boolean => call.op === 'map_pages' || call.op === 'unmap_pages';
const keyOfCall = (call: Call): string =>
  [
    call.op,
    call.dom,
    BigInt(call.iova),
    BigInt(call.pa ?? 0),
    BigInt(call.pgsize),
    call.pgcount,
    BigInt(call.ret),
  ].join(' ');

function keysOf(events: Import['events']): string[] {
  const keys: string[] = [];
  for (const { event, ret } of events) {
    if (event.op !== 'map_pages' && event.op !== 'unmap_pages') continue;
    const { op, iova, pgsize, pgcount } = event;
    const pa = event.op === 'map_pages' ? event.paddr : '0x0';
    keys.push(keyOfCall({ op, dom: event.domain ?? '', iova, pa, pgsize, pgcount, ret: ret ?? 'none' }));
  }
  return keys;
}
