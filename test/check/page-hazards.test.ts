import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FlushQueue } from '../../src/check/flush-queue.ts';
import * as S from '../../src/check/op-store.ts';
import { DEFAULT_CHECK_OPTIONS } from '../../src/check/options.ts';
import { PageHazards } from '../../src/check/page-hazards.ts';
import { KeepAll, put } from './fixture.ts';

const PAGES = 24;

type Step =
  | { readonly what: 'map'; readonly page: number; readonly pages: number }
  | { readonly what: 'unmap'; readonly page: number; readonly pages: number; readonly flush: number }
  | { readonly what: 'look' | 'dirty'; readonly page: number }
  | { readonly what: 'flush' };

function isUse(step: Step): step is Extract<Step, { what: 'look' | 'dirty' }> {
  return step.what === 'look' || step.what === 'dirty';
}

const range = { page: fc.integer({ min: 0, max: PAGES - 6 }), pages: fc.integer({ min: 1, max: 6 }) };
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ what: fc.constant('map' as const), ...range }),
  fc.record({
    what: fc.constant('unmap' as const),
    ...range,
    flush: fc.constantFrom(S.FLUSHED, S.FLUSH_QUEUED, S.FLUSH_UNSEEN),
  }),
  fc.record({ what: fc.constantFrom('look' as const, 'dirty' as const), page: range.page }),
  fc.constant({ what: 'flush' as const }),
);

/** One page as the naive model knows it. */
interface Page {
  live: boolean;
  /** Number of the operation that touched it last; -1: none. */
  last: number;
  /** A TLB may still hold what the last unmap took; by whom it will be flushed. */
  stale: 'no' | 'queue' | 'nobody';
}

/** What each step breaks, page by page: rule, level and the numbers of both events. */
function naive(steps: readonly Step[]): string[] {
  const pages: Page[] = Array.from({ length: PAGES }, () => ({ live: false, last: -1, stale: 'no' }));
  const found: string[] = [];
  steps.forEach((at, seq) => {
    if (at.what === 'flush') {
      for (const page of pages) page.stale = 'no';
      return;
    }
    if (isUse(at)) {
      const page = pages[at.page];
      if (!page.live && page.stale !== 'no') {
        found.push(`use-after-unmap ${at.what === 'look' ? 'warning' : 'error'} ${page.last},${seq}`);
      }
      return;
    }
    const own = pages.slice(at.page, at.page + at.pages);
    if (at.what === 'map') {
      // The engine refuses a map over a leaf: then nothing changes.
      const over = own.filter(({ live }) => live);
      const met = over.length > 0 ? over : own.filter(({ stale }) => stale !== 'no');
      const runs = met.filter((page, i) => i === 0 || met[i - 1].last !== page.last);
      for (const { last, stale } of runs) {
        if (over.length > 0) found.push(`map-over-live error ${last},${seq}`);
        else found.push(`reuse-before-flush ${stale === 'queue' ? 'error' : 'warning'} ${last},${seq}`);
      }
      if (over.length > 0) return;
      for (const page of own) Object.assign(page, { live: true, last: seq, stale: 'no' });
      return;
    }
    // It ends at the first hole.
    const hole = own.findIndex(({ live }) => !live);
    const gone = hole < 0 ? own : own.slice(0, hole);
    if (hole >= 0) {
      const { last } = own[hole];
      found.push(last < 0 ? `unmap-of-nothing warning ${seq}` : `double-unmap error ${last},${seq}`);
    }
    const stale = at.flush === S.FLUSHED ? 'no' : at.flush === S.FLUSH_QUEUED ? 'queue' : 'nobody';
    for (const page of gone) Object.assign(page, { live: false, last: seq, stale });
  });
  return found.sort();
}

function run(steps: readonly Step[]): { found: string[]; left: number } {
  const store = new S.OpStore();
  const sink = new KeepAll();
  const hazards = new PageHazards(store, sink, DEFAULT_CHECK_OPTIONS);
  const live: boolean[] = Array.from({ length: PAGES }, () => false);
  steps.forEach((at, seq) => {
    if (at.what === 'flush') {
      hazards.flushAll();
      return;
    }
    if (isUse(at)) {
      const kind = at.what === 'look' ? S.KIND_LOOK_UP : S.KIND_SET_DIRTY;
      const op = put(store, { kind, page: at.page, pages: 1 }, seq);
      if (!live[at.page]) hazards.missed(op, at.what === 'look');
      store.drop(op);
      return;
    }
    const { page, pages } = at;
    const kind = at.what === 'map' ? S.KIND_MAP : S.KIND_UNMAP;
    const op = put(store, { kind, page, pages, ...(at.what === 'unmap' ? { flush: at.flush } : {}) }, seq);
    if (at.what === 'map') {
      const over = live.slice(page, page + pages).includes(true);
      hazards.mapped(op, page, page + pages, over ? 'exists' : 'mapped');
      if (!over) live.fill(true, page, page + pages);
    } else {
      const hole = live.slice(page, page + pages).indexOf(false);
      const end = hole < 0 ? page + pages : page + hole;
      hazards.unmapped(op, page, end, hole < 0 ? -1 : end, false);
      live.fill(false, page, end);
    }
    store.drop(op);
  });
  const found = sink.verdicts.map(({ rule, level, ops }) => `${rule} ${level} ${ops.map(({ seq }) => seq)}`).sort();
  hazards.finish();
  return { found, left: store.inUse };
}

describe('hazards of single operations', () => {
  it('are those that a model page by page finds', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { found, left } = run(steps);
        expect(found).toEqual(naive(steps));
        expect(left).toBe(0);
      }),
      { seed: 8, numRuns: 600 },
    );
  });

  it('are fewer where a TLB holds only what was used', () => {
    const found = (touched: boolean): number => {
      const store = new S.OpStore();
      const sink = new KeepAll();
      const hazards = new PageHazards(store, sink, { ...DEFAULT_CHECK_OPTIONS, tlb: 'touched' });
      hazards.mapped(put(store, { kind: S.KIND_MAP, page: 0, pages: 4 }, 0), 0, 4, 'mapped');
      if (touched) hazards.touched(put(store, { kind: S.KIND_SET_DIRTY, page: 2, pages: 1 }, 1), 2, 3);
      const unmap = put(store, { kind: S.KIND_UNMAP, page: 0, pages: 4, flush: S.FLUSH_QUEUED }, 2);
      hazards.unmapped(unmap, 0, 4, -1, false);
      hazards.mapped(put(store, { kind: S.KIND_MAP, page: 0, pages: 1 }, 3), 0, 1, 'mapped');
      hazards.mapped(put(store, { kind: S.KIND_MAP, page: 2, pages: 1 }, 4), 2, 3, 'mapped');
      return sink.verdicts.length;
    };
    expect([found(false), found(true)]).toEqual([0, 1]);
  });
});

describe('the flush queue', () => {
  const MS = 1_000_000;

  it.each([
    [255, 0],
    [256, 1],
    [1000, 3],
    [10_000, 39],
  ])('flushes after %i unmaps %i times without a timer', (unmaps, flushes) => {
    const queue = new FlushQueue('percpu');
    for (let i = 0; i < unmaps; i++) {
      queue.advance(Number.NaN);
      queue.queue(Number.NaN);
    }
    expect(queue.flushes).toBe(flushes);
  });

  it('flushes when its timer fires, which the first entry arms', () => {
    for (const [kind, timeout] of [
      ['percpu', 10 * MS],
      ['single', 1000 * MS],
    ] as const) {
      const queue = new FlushQueue(kind);
      queue.queue(5 * MS);
      queue.queue(7 * MS);
      queue.advance(5 * MS + timeout - 1);
      expect(queue.flushes).toBe(0);
      queue.advance(5 * MS + timeout);
      expect(queue.flushes).toBe(1);
      queue.advance(100_000 * MS);
      expect(queue.flushes).toBe(1);
    }
  });

  it('is as deep as its kind', () => {
    const queue = new FlushQueue('single');
    for (let i = 0; i < 32767; i++) queue.queue(Number.NaN);
    expect(queue.flushes).toBe(0);
    queue.queue(Number.NaN);
    expect(queue.flushes).toBe(1);
  });
});
