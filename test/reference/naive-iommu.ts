/** The kernel's layer above the engine (spec A.1-A.4): page-size choice, iommu_map, iommu_unmap, the gather. */
import { EINVAL } from '../../src/base/vocabulary.ts';
import type { NaiveEngine, NaivePageSink } from './naive-engine.ts';

const TOP = 1n << 64n;
const wrap = (value: bigint): bigint => BigInt.asUintN(64, value);

export class NaiveGather implements NaivePageSink {
  start = TOP - 1n;
  end = 0n;
  pgsize = 0n;
  queued: boolean;
  private readonly engine: NaiveEngine;

  constructor(engine: NaiveEngine, queued = false) {
    this.engine = engine;
    this.queued = queued;
  }

  addRange(iova: bigint, size: bigint): void {
    const last = wrap(iova + size - 1n);
    if (iova < this.start) this.start = iova;
    if (last > this.end) this.end = last;
  }

  addPage(iova: bigint, size: bigint): void {
    const disjoint = this.end !== 0n && (wrap(iova + size) < this.start || iova > wrap(this.end + 1n));
    if ((this.pgsize !== 0n && this.pgsize !== size) || disjoint) this.sync();
    this.pgsize = size;
    this.addRange(iova, size);
  }

  get empty(): boolean {
    return this.start >= this.end;
  }

  sync(): void {
    if (this.engine.config.kernel === '6.12' || !this.empty) this.engine.iotlbSync(this.start, this.end, this.pgsize);
    this.start = TOP - 1n;
    this.end = 0n;
    this.pgsize = 0n;
    this.queued = false;
  }
}

/** The page size and the count of the next map or unmap call; `size` is not 0 and everything is aligned. */
export function pickPageSize(
  pgsizes: bigint,
  iova: bigint,
  pa: bigint,
  size: bigint,
): { pgsize: bigint; count: bigint } {
  const both = iova | pa;
  let pgsize = 0n;
  let next = 0n;
  for (let candidate = 1n; candidate < TOP; candidate <<= 1n) {
    if ((pgsizes & candidate) === 0n) continue;
    if (candidate <= size && both % candidate === 0n) pgsize = candidate;
  }
  if (pgsize === 0n) throw new Error('no page size fits: the caller did not check the alignment');
  for (let candidate = pgsize << 1n; candidate < TOP && next === 0n; candidate <<= 1n) {
    if ((pgsizes & candidate) !== 0n) next = candidate;
  }
  let span = size;
  if (next !== 0n && (iova ^ pa) % next === 0n) {
    const toBoundary = next - (both % next);
    if (toBoundary + next <= size) span = toBoundary;
  }
  return { pgsize, count: span / pgsize };
}

const smallest = (pgsizes: bigint): bigint => pgsizes & -pgsizes;

/** 0 or a negative errno; on failure what was mapped is unmapped again. */
export function naiveMap(engine: NaiveEngine, iova: bigint, pa: bigint, size: bigint, prot: number): number {
  const { pgsizes } = engine.geometry;
  if ((iova | pa | size) % smallest(pgsizes) !== 0n) return -EINVAL;
  let done = 0n;
  while (done < size) {
    const at = wrap(iova + done);
    const target = wrap(pa + done);
    const { pgsize, count } = pickPageSize(pgsizes, at, target, size - done);
    const { ret, mapped } = engine.mapPages(at, target, pgsize, count, prot);
    done += mapped;
    if (ret === 0) continue;
    naiveUnmap(engine, iova, done);
    return ret;
  }
  return 0;
}

/** Bytes unmapped; the gather is left to the caller. */
export function naiveUnmapFast(engine: NaiveEngine, iova: bigint, size: bigint, gather: NaiveGather): bigint {
  const { pgsizes } = engine.geometry;
  if ((iova | size) % smallest(pgsizes) !== 0n) return 0n;
  let done = 0n;
  while (done < size) {
    const at = wrap(iova + done);
    const { pgsize, count } = pickPageSize(pgsizes, at, at, size - done);
    const got = engine.unmapPages(at, pgsize, count, gather);
    if (got === 0n) break;
    if (engine.config.kernel === '7.1' && gather.empty) gather.addRange(at, size);
    done += got;
  }
  return done;
}

export function naiveUnmap(engine: NaiveEngine, iova: bigint, size: bigint): bigint {
  const gather = new NaiveGather(engine);
  const done = naiveUnmapFast(engine, iova, size, gather);
  gather.sync();
  return done;
}
