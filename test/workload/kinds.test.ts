import { describe, expect, it } from 'vitest';
import type { BindEvent, BindOp, BoEvent, Event } from '../../src/trace/events.ts';
import { expectSame } from '../same.ts';
import { eventsOf } from './requests.ts';

const PAGE = 4096;
const HUGE = 2 ** 21;

function bos(events: readonly Event[]): BoEvent[] {
  return events.filter((event) => event.op === 'bo');
}

function binds(events: readonly Event[]): BindEvent[] {
  return events.filter((event) => event.op === 'bind');
}

function segmentsWithBlocks(bo: BoEvent): number {
  // A whole 2M slot within a run.
  return bo.segments.filter(({ paddr, size }) => {
    const start = Math.ceil(Number(paddr) / HUGE) * HUGE;
    return start + HUGE <= Number(paddr) + size;
  }).length;
}

/** A range that is mapped, in bytes. */
interface Vma {
  readonly start: number;
  readonly end: number;
}

/** Splits VMAs as drm_gpuvm does, and counts the relations in which requests meet them. */
class NaiveVmas {
  #vmas: Vma[] = [];
  readonly met = new Map<string, number>();

  take(op: BindOp): void {
    const start = Number(op.iova);
    const end = start + (op.size ?? 0);
    const left: Vma[] = [];
    let touched = 0;
    for (const vma of this.#vmas) {
      if (vma.end <= start || vma.start >= end) {
        left.push(vma);
        continue;
      }
      touched++;
      this.#count(`${op.kind}: starts ${sign(vma.start, start)}, ends ${sign(vma.end, end)}`);
      if (vma.start < start) left.push({ start: vma.start, end: start });
      if (vma.end > end) left.push({ start: end, end: vma.end });
    }
    this.#count(`${op.kind}: meets ${Math.min(touched, 3)}`);
    if (op.kind === 'map') left.push({ start, end });
    this.#vmas = left;
  }

  #count(what: string): void {
    this.met.set(what, (this.met.get(what) ?? 0) + 1);
  }
}

function sign(a: number, b: number): string {
  return a < b ? 'before' : a === b ? 'with' : 'after';
}

describe('vm-churn', () => {
  it('meets every case of GPUVM splitting many times', () => {
    const vmas = new NaiveVmas();
    for (const { ops } of binds(eventsOf('vm-churn'))) for (const op of ops) vmas.take(op);
    for (const kind of ['map', 'unmap']) {
      for (const start of ['before', 'with', 'after']) {
        for (const end of ['before', 'with', 'after']) {
          const what = `${kind}: starts ${start}, ends ${end}`;
          expect(vmas.met.get(what) ?? 0, what).toBeGreaterThan(20);
        }
      }
      // Nothing, one VMA, two, more.
      for (const met of [0, 1, 2, 3]) {
        expect(vmas.met.get(`${kind}: meets ${met}`) ?? 0, `${kind} ${met}`).toBeGreaterThan(20);
      }
    }
  });

  it('maps the same again in place', () => {
    let last = '';
    const seen = new Map<string, number>();
    for (const { ops } of binds(eventsOf('vm-churn'))) {
      for (const op of ops) {
        last = JSON.stringify(op);
        if (op.kind === 'map') seen.set(last, (seen.get(last) ?? 0) + 1);
      }
    }
    expect([...seen.values()].filter((times) => times > 1).length).toBeGreaterThan(50);
  });

  it('backs with whole huge pages or with nothing that can become a block', () => {
    const objects = bos(eventsOf('vm-churn,buffers=200,jobs=1'));
    const huge = objects.filter(({ folio }) => folio === HUGE);
    expect(huge.length).toBeGreaterThan(60);
    expect(huge.length).toBeLessThan(140);
    for (const bo of objects) if (bo.folio !== HUGE) expect(segmentsWithBlocks(bo)).toBe(0);
  });
});

describe('sparse-textures', () => {
  it('updates 64K tiles unsorted, many in one ioctl', () => {
    const updates = binds(eventsOf('sparse-textures,ops=48,jobs=500'));
    let unsorted = 0;
    for (const { ops } of updates) {
      expectSame(ops.length, 48);
      expectSame(
        ops.every(({ size, iova }) => size === 65536 && Number(iova) % 65536 === 0),
        true,
      );
      const addresses = ops.map(({ iova }) => Number(iova));
      if (addresses.some((address, i) => i > 0 && address < addresses[i - 1])) unsorted++;
    }
    expect(unsorted).toBe(500);
  });

  it('unmaps resident tiles alone, and keeps no more than memory holds', () => {
    const resident = new Set<string>();
    let most = 0;
    for (const { ops } of binds(eventsOf('sparse-textures'))) {
      for (const { kind, iova } of ops) {
        if (kind === 'map') {
          expectSame(resident.has(iova ?? ''), false);
          resident.add(iova ?? '');
        } else expectSame(resident.delete(iova ?? ''), true);
        most = Math.max(most, resident.size);
      }
    }
    // A quarter of 64 textures of 16 MiB.
    expect(most).toBe(64 * 256 * 0.25);
  });

  it.each(['msm', 'nouveau', 'xe'] as const)('maps what is not resident to nothing for %s', (driver) => {
    const all = binds(eventsOf('sparse-textures,jobs=200', { driver }));
    const kinds = new Set(all.flatMap(({ ops }) => ops.map(({ kind }) => kind)));
    expect([...kinds].sort()).toEqual(['map', 'map_null']);
    // At first all textures are reserved whole.
    const first = all.slice(0, 64);
    expect(first.every(({ ops }) => ops.length === 1 && ops[0].kind === 'map_null' && ops[0].size === 2 ** 24)).toBe(
      true,
    );
    expect(all.length).toBe(264);
  });
});

describe('game', () => {
  it('loads ascending, most textures in huge pages, and then replaces what it had', () => {
    const events = eventsOf('game');
    const all = binds(events);
    const load = all.slice(0, 600);
    const addresses = load.slice(0, 400).map(({ ops }) => Number(ops[0].iova));
    expect(addresses).toEqual([...addresses].sort((a, b) => a - b));
    expect(load.every(({ ops }) => ops.length === 1 && ops[0].kind === 'map')).toBe(true);
    const huge = bos(events)
      .slice(0, 400)
      .filter(({ folio }) => folio === HUGE).length;
    expect(huge).toBeGreaterThan(340);
    expect(huge).toBeLessThan(400);
    for (const { ops, mode } of all.slice(600)) {
      expectSame(mode, 'async');
      expect(ops.map(({ kind }) => kind)).toEqual(['unmap', 'map', 'unmap', 'map']);
    }
  });
});

describe('browser', () => {
  it('has small objects of short life at addresses that come back', () => {
    const events = eventsOf('browser');
    const mapped = new Map<string, number>();
    let bytes = 0;
    let most = 0;
    let maps = 0;
    let highest = 0;
    const lives: number[] = [];
    const born = new Map<string, number>();
    for (const { ops, mode, job } of binds(events)) {
      expectSame(mode, 'sync');
      expectSame(ops.length, 1);
      const [{ kind, iova = '0x0', size = 0 }] = ops;
      if (kind === 'map') {
        maps++;
        expect(size).toBeLessThanOrEqual(256 * 1024);
        mapped.set(iova, size);
        born.set(iova, Number(job));
        bytes += size;
      } else {
        bytes -= size;
        lives.push(Number(job) - (born.get(iova) ?? 0));
        mapped.delete(iova);
      }
      most = Math.max(most, bytes);
      highest = Math.max(highest, Number(iova));
    }
    expect(mapped.size).toBeLessThanOrEqual(160);
    expect(most).toBeGreaterThan(4 * 2 ** 20);
    // Thousands of maps in the VA of a few hundred.
    expect(maps).toBeGreaterThan(4500);
    expect(highest - 2 ** 32).toBeLessThan(3 * most);
    lives.sort((a, b) => a - b);
    expect(lives[lives.length >> 1]).toBeLessThan(100);
  });
});

describe('video', () => {
  it.each([
    ['1080p', 760],
    ['4k', 3038],
  ])('replaces %s frames of %i pages at the same VA', (format, pages) => {
    const all = binds(eventsOf(`video,format=${format},frames=50,buffers=4`));
    for (const [i, { ops }] of all.entries()) {
      expect(ops.map(({ kind }) => kind)).toEqual(i < 4 ? ['map'] : ['unmap', 'map']);
      expectSame(new Set(ops.map(({ iova }) => iova)).size, 1);
      expectSame(
        ops.every(({ size }) => size === pages * PAGE),
        true,
      );
      if (i >= 4) {
        const [before] = all[i - 4].ops.slice(-1);
        expectSame(ops[0].iova, before.iova);
        expect(ops[1].bo).not.toBe(before.bo);
      }
    }
  });

  it('can bind twice a frame', () => {
    const all = binds(eventsOf('video,binds=2,frames=50,buffers=4'));
    expect(all.length).toBe(4 + 2 * 46);
    expect(all.every(({ ops }) => ops.length === 1)).toBe(true);
  });
});

describe('fragmented', () => {
  it('backs by runs of 4K up to the longest, and by whole huge pages as often as asked', () => {
    const objects = bos(eventsOf('fragmented,buffers=100,jobs=1,run=64,huge=30'));
    const sizes = objects.flatMap(({ segments }) => segments.map(({ size }) => size));
    const huge = sizes.filter((size) => size === HUGE).length;
    // Of 100 objects of four 2M pieces.
    expect(huge).toBeGreaterThan(80);
    expect(huge).toBeLessThan(160);
    const runs = sizes.filter((size) => size !== HUGE);
    expect([...new Set(runs)].sort((a, b) => a - b)).toEqual([4096, 8192, 16_384, 32_768, 65_536]);
    expect(objects.some(({ folio }) => folio === PAGE)).toBe(true);
    for (const { folio, segments } of objects) {
      expectSame(folio, segments.every(({ size }) => size === HUGE) ? HUGE : PAGE);
    }
  });

  it('is huge alone where all pieces are', () => {
    const objects = bos(eventsOf('fragmented,huge=100,jobs=1'));
    expect(objects.every(({ folio, segments }) => folio === HUGE && segments.length === 4)).toBe(true);
  });
});

describe('bind-storm', () => {
  it('maps 512 pages of one 2M slot a job', () => {
    const all = binds(eventsOf('bind-storm,jobs=40'));
    for (const { ops, mode } of all) {
      expectSame(mode, 'async');
      expectSame(ops.length, 512);
      expectSame(
        ops.every(({ size }) => size === PAGE),
        true,
      );
      expectSame(new Set(ops.map(({ iova }) => Math.floor(Number(iova) / HUGE))).size, 1);
      const addresses = ops.map(({ iova }) => Number(iova));
      expect(addresses).toEqual([...addresses].sort((a, b) => a - b));
    }
    // 32 windows are filled, then 8 are emptied and filled again.
    expect(all.map(({ ops }) => ops[0].kind).filter((kind) => kind === 'unmap').length).toBe(8);
  });

  it('maps in the order asked for, as far apart as asked for', () => {
    const addresses = (text: string): number[] =>
      binds(eventsOf(`bind-storm,jobs=1,ops=64,${text}`))[0].ops.map(({ iova }) => Number(iova) - 2 ** 32);
    const ascending = Array.from({ length: 64 }, (_, i) => i * 65_536);
    expect(addresses('stride=64')).toEqual(ascending);
    expect(addresses('stride=64,order=descending')).toEqual([...ascending].reverse());
    const shuffled = addresses('stride=64,order=shuffled');
    expect(shuffled).not.toEqual(ascending);
    expect(shuffled.sort((a, b) => a - b)).toEqual(ascending);
  });
});
