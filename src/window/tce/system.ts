import type { RunMap } from '../run-map.ts';
import { Container } from './container.ts';
import { Mm } from './memory/mm.ts';
import type { WindowOptions } from './options.ts';
import { WindowTally } from './tally.ts';

/** A page of the CPUs that TCE tables are known from. */
export const POWER_PAGE = 2 ** 16;

/** What is locked, and what nobody can give back, over all processes. CPU pages, and bytes where the name says so. */
export interface LockedSums {
  readonly tables: number;
  readonly regions: number;
  readonly v1Window: number;
  readonly total: number;
  /** Of the process that locks the most. */
  readonly peak: number;
  readonly peakBytes: number;
  readonly leakedAccounting: number;
  readonly leakedRegions: number;
  readonly leakedRegionPages: number;
  /** Bytes of live regions with at least one TCE now, and ever. */
  readonly coveredBytes: number;
  readonly touchedBytes: number;
}

/** All processes and containers of one run of the window model. */
export class WindowSystem {
  readonly tally = new WindowTally();
  readonly mms = new Map<string, Mm>();
  readonly containers = new Map<string, Container>();
  readonly options: WindowOptions;

  constructor(options: WindowOptions) {
    this.options = options;
  }

  mm(id: string): Mm {
    let mm = this.mms.get(id);
    if (mm === undefined) {
      mm = new Mm(id, POWER_PAGE);
      this.mms.set(id, mm);
    }
    return mm;
  }

  /** The container of that id; a new one is of the version given, else 2. */
  container(id: string, version: 1 | 2 = 2): Container {
    let container = this.containers.get(id);
    if (container === undefined) {
      container = new Container(id, version, this.options, this.tally);
      this.containers.set(id, container);
    }
    return container;
  }

  release(id: string): void {
    this.container(id).release();
    this.containers.delete(id);
  }

  sums(): LockedSums {
    const sum = { tables: 0, regions: 0, v1Window: 0, leaked: 0, peak: 0, peakBytes: 0, touched: 0 };
    let leakedRegions = 0;
    let leakedRegionPages = 0;
    for (const mm of this.mms.values()) {
      sum.tables += mm.locked.tables;
      sum.regions += mm.locked.regions;
      sum.v1Window += mm.locked.v1Window;
      sum.leaked += mm.leaked;
      sum.peak = Math.max(sum.peak, mm.lockedPeak);
      sum.peakBytes = Math.max(sum.peakBytes, mm.lockedPeak * mm.cpuPage);
      for (const region of mm.regions) {
        sum.touched += region.touched.length;
        if (region.owners > 0) continue;
        leakedRegions++;
        leakedRegionPages += region.entries;
      }
    }
    return {
      tables: sum.tables,
      regions: sum.regions,
      v1Window: sum.v1Window,
      total: sum.tables + sum.regions + sum.v1Window,
      peak: sum.peak,
      peakBytes: sum.peakBytes,
      leakedAccounting: sum.leaked,
      leakedRegions,
      leakedRegionPages,
      coveredBytes: this.#coveredBytes(),
      touchedBytes: sum.touched,
    };
  }

  /** Bytes of user memory that at least one TCE leads to, each byte once. */
  #coveredBytes(): number {
    const ranges = new Map<Mm, [number, number][]>();
    for (const container of this.containers.values()) {
      if (container.version === 1 || container.mm === null) continue;
      const own = ranges.get(container.mm) ?? [];
      ranges.set(container.mm, own);
      for (const window of container.windows) if (window !== null) collect(window.tces, own);
    }
    let bytes = 0;
    for (const own of ranges.values()) bytes += unionLength(own);
    return bytes;
  }
}

function collect(runs: RunMap<unknown>, into: [number, number][]): void {
  runs.forEach(0, Number.POSITIVE_INFINITY, (start, end, at) => into.push([at, at + (end - start)]));
}

/** Keys that lie in at least one of some ranges. */
function unionLength(ranges: [number, number][]): number {
  ranges.sort(([a], [b]) => a - b);
  let length = 0;
  let reach = Number.NEGATIVE_INFINITY;
  for (const [start, end] of ranges) {
    if (end <= reach) continue;
    length += end - Math.max(start, reach);
    reach = end;
  }
  return length;
}
