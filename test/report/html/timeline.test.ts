import { describe, expect, it } from 'vitest';
import { Page } from '../../../src/report/html/client/page.ts';
import { EventAxis } from '../../../src/report/html/client/timeline/axis.ts';
import { chartsOf, overlaid } from '../../../src/report/html/client/timeline/series.ts';
import { packPage } from '../../../src/report/html/pack.ts';
import { panelsFor } from '../../../src/report/html/panels.ts';
import type { StatsDocument } from '../../../src/stats/document.ts';
import type { Timeline } from '../../../src/stats/timeline.ts';
import { wandering } from './fixtures.ts';

/** Timelines as the script of the page reads them. */
function pageOf(...timelines: readonly Timeline[]): Page {
  const strategies = timelines.map((timeline, at) => ({ allocator: `a${at}`, timeline }));
  const document = { strategies, config: { allocator: 'a0' } } as unknown as StatsDocument;
  return new Page(JSON.stringify(packPage([document])));
}

describe('the charts of a timeline', () => {
  it('show the least and the most of each bucket as they are', () => {
    const timeline = wandering(300, 4);
    const page = pageOf(timeline);
    const { charts, leftOut } = chartsOf(page.data.documents[0].runs[0], page);
    const memory = charts.find(({ title }) => title === 'Table memory');
    const [, held] = memory?.lines ?? [];
    expect(held.most).toEqual(timeline.gauges['alloc.held'].max);
    expect(held.least).toEqual(timeline.gauges['alloc.held'].min);
    const flushes = charts.find(({ title }) => title === 'TLB flushes per bucket');
    expect(flushes?.lines.map(({ label }) => label)).toEqual(['walk flushes', 'gathers', 'commands']);
    expect(flushes?.lines[0].most).toEqual(timeline.counts['tlb.flushWalks']);
    expect(flushes?.lines[0].least).toBeNull();
    expect(leftOut).toEqual([]);
  });

  it('leave out what is 0 throughout', () => {
    const timeline = wandering(20, 1);
    const idle = { min: new Array<number>(20).fill(0), max: new Array<number>(20).fill(0) };
    const page = pageOf({ ...timeline, gauges: { ...timeline.gauges, 'op.unused': idle } });
    const { charts, leftOut } = chartsOf(page.data.documents[0].runs[0], page);
    expect(leftOut).toEqual(['Pages reserved and unused']);
    expect(charts.map(({ title }) => title)).not.toContain('Pages reserved and unused');
  });

  it('show metrics that nobody knew of when they were made', () => {
    const panels = panelsFor(['tables.live.l3', 'new.held'], ['new.count', '__proto__']);
    expect(panels.map(({ title, unit }) => [title, unit])).toEqual([
      ['Live tables', 'count'],
      ['new.held', 'bytes'],
      ['new.count per bucket', 'count'],
      ['__proto__ per bucket', 'count'],
    ]);
  });

  it('lay runs over each other where they differ', () => {
    const one = wandering(40, 1, 1);
    const other = { ...one, gauges: { ...one.gauges, 'alloc.held': wandering(40, 1, 2).gauges['alloc.held'] } };
    const page = pageOf(one, other);
    const { charts, leftOut } = overlaid(page.data.documents[0].runs, page);
    expect(charts.map(({ title }) => title)).toEqual(['Table memory: held by the allocator']);
    expect(charts[0].lines.map(({ label }) => label)).toEqual(['a0', 'a1']);
    expect(leftOut).toContain('Mapped');
    // What is equal travels once.
    expect(new Set(page.data.columns).size).toBe(page.data.columns.length);
  });
});

describe('the axis of a timeline', () => {
  it('leads from events to places and back, by number and by time', () => {
    const timeline = wandering(100, 8);
    const page = pageOf(timeline);
    const [run] = page.data.documents[0].runs;
    for (const byTime of [false, true]) {
      const axis = new EventAxis(run, byTime, page);
      expect(axis.buckets).toBe(100);
      for (let event = 0; event < timeline.events; event += 3) {
        expect(axis.eventAt(axis.at(event))).toBeCloseTo(event, 3);
        expect(axis.bucketAt(axis.at(event + 0.5))).toBe(Math.floor(event / 8));
      }
    }
    const axis = new EventAxis(run, true, page);
    expect(axis.starts[5]).toBe((timeline.ts?.[5] ?? 0) / 1e9);
    expect(axis.textOf(99)).toMatch(/^events 792 to 798 \(from 1,234\.\d{6} s\)$/);
  });

  it('takes times that stand still or go back as standing still', () => {
    const timeline = { ...wandering(4, 1), ts: [5e9, 4e9, 5e9, 5e9] };
    const page = pageOf(timeline);
    const { starts } = new EventAxis(page.data.documents[0].runs[0], true, page);
    expect(starts.slice(0, 4)).toEqual([5, 5, 5, 5]);
    expect(starts[4]).toBeGreaterThan(5);
  });
});
