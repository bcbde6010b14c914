import { inputError } from '../base/errors.ts';
import { hexNumber } from '../base/u64.ts';
import type { IommuDomain } from '../iommu/domain.ts';
import { type Batch, FLAG_HAS_RET } from '../trace/batch.ts';
import * as E from '../trace/events.ts';
import { pageOf, pagesOf } from '../trace/import/domains/pages.ts';
import type { ConflictPolicy } from './options.ts';
import type { AddressSpace } from './spaces/address-space.ts';
import { RecordedSpace } from './spaces/recorded-space.ts';

const PAGE = 4096;
const PAGES_PER_HI = 2 ** 20;

/** What contradicts the events before it: some of those must be missing. */
export type ConflictKind = 'mapsOverLive' | 'unmapsOfNothing' | 'unmapsOfPart';

/** Whether an event of a recording is to be carried out, or has been dealt with; `bytes` then went. */
export interface Judgement {
  readonly goOn: boolean;
  readonly kind: ConflictKind | null;
  readonly bytes: number;
}

const FINE: Judgement = { goOn: true, kind: null, bytes: 0 };

/**
 * Holds events with a recorded return against those before them. In a recording that lost events, or that began late, a
 * map may succeed over what seems live, and an unmap may remove what never was mapped. What becomes of such an event is
 * the person's choice.
 */
export class Conflicts {
  readonly #policy: ConflictPolicy;
  readonly #file: string;
  /** Line of the first conflict, 0: none. */
  firstLine = 0;

  constructor(policy: ConflictPolicy, file: string) {
    this.#policy = policy;
    this.#file = file;
  }

  judge(space: AddressSpace, domain: IommuDomain, batch: Batch, i: number): Judgement {
    // A recorded kernel that had pages where the allocator refuses them has another history.
    if (space.denied) return FINE;
    const op = batch.op[i];
    const hasRet = (batch.flags[i] & FLAG_HAS_RET) !== 0;
    if (space.recorded === null) {
      if (!hasRet) return FINE;
      const { ops } = space.tally;
      // The event at hand has been counted.
      const before = ops[E.OP_MAP] + ops[E.OP_UNMAP] + ops[E.OP_MAP_PAGES] + ops[E.OP_UNMAP_PAGES] - 1;
      space.recorded = new RecordedSpace(before > 0);
    }
    const { recorded } = space;
    const raw = op === E.OP_MAP_PAGES || op === E.OP_UNMAP_PAGES;
    const size = raw ? batch.size[i] * batch.count[i] : batch.size[i];
    const page = pageOf(batch.iovaHi[i], batch.iovaLo[i]);
    const asked = pagesOf(batch.iovaLo[i], size);
    if (op === E.OP_MAP || op === E.OP_MAP_PAGES) {
      const pages = raw ? Math.min(asked, untilTableEnd(page, batch.size[i], domain.table.granule)) : asked;
      if (hasRet) return this.#map(space, recorded, domain, page, pages, raw, batch.ret[i], batch.line[i]);
      // What it returned is not known: the model decides, and a map over what is live fails.
      if (!recorded.ranges.overlaps(page, pages)) recorded.ranges.add(page, pages);
      return FINE;
    }
    if (hasRet)
      return this.#unmap(space, recorded, domain, page, pagesOf(batch.iovaLo[i], batch.ret[i]), batch.line[i]);
    recorded.ranges.remove(page, asked);
    return FINE;
  }

  #map(
    space: AddressSpace,
    recorded: RecordedSpace,
    domain: IommuDomain,
    page: number,
    pages: number,
    raw: boolean,
    ret: number,
    line: number,
  ): Judgement {
    const { ranges, doubtful } = recorded;
    if (ret !== 0) {
      // The core takes back what a request had mapped before it failed; of raw calls it does so later.
      if (raw) doubtful.add(page, pages);
      return FINE;
    }
    let kind: ConflictKind | null = null;
    const doubt = recorded.uncertain || doubtful.overlaps(page, pages);
    doubtful.remove(page, pages);
    if (!doubt && ranges.overlaps(page, pages)) {
      kind = this.#note(space, 'mapsOverLive', line);
      if (this.#policy === 'fail') throw this.#failure(line, page, 'maps what is mapped already');
      if (this.#policy === 'skip') return this.#leftOut(space, kind);
      this.#makeWay(space, recorded, domain, page, pages);
    }
    ranges.add(page, pages);
    return kind === null ? FINE : { goOn: true, kind, bytes: 0 };
  }

  #unmap(
    space: AddressSpace,
    recorded: RecordedSpace,
    domain: IommuDomain,
    page: number,
    removed: number,
    line: number,
  ): Judgement {
    const { ranges, doubtful } = recorded;
    if (removed === 0) return FINE;
    const doubt = recorded.uncertain || doubtful.overlaps(page, removed);
    doubtful.remove(page, removed);
    if (doubt || ranges.livePages(page, removed) >= removed) {
      ranges.remove(page, removed);
      return FINE;
    }
    const some = ranges.overlaps(page, removed);
    const kind = this.#note(space, some ? 'unmapsOfPart' : 'unmapsOfNothing', line);
    if (this.#policy === 'fail') throw this.#failure(line, page, 'unmaps what is not mapped');
    if (some && this.#policy === 'implicit-unmap') {
      return { goOn: false, kind, bytes: this.#unmapLive(recorded, domain, page, removed) };
    }
    return this.#leftOut(space, kind);
  }

  /** Unmaps the whole of each live range that meets some pages: the unmaps that must be missing. */
  #makeWay(space: AddressSpace, { ranges }: RecordedSpace, domain: IommuDomain, page: number, pages: number): void {
    for (let found = ranges.firstOverlap(page, pages); found !== null; found = ranges.firstOverlap(page, pages)) {
      ranges.remove(found.page, found.pages);
      unmapPages(domain, found.page, found.pages);
      space.tally.conflict('implicitUnmaps');
    }
  }

  /** Unmaps what is live of some pages; returns the bytes that went. */
  #unmapLive({ ranges }: RecordedSpace, domain: IommuDomain, page: number, pages: number): number {
    let bytes = 0;
    const end = page + pages;
    for (let found = ranges.firstOverlap(page, pages); found !== null; found = ranges.firstOverlap(page, pages)) {
      const from = Math.max(page, found.page);
      const to = Math.min(end, found.page + found.pages);
      ranges.remove(from, to - from);
      bytes += unmapPages(domain, from, to - from);
    }
    return bytes;
  }

  #note(space: AddressSpace, kind: ConflictKind, line: number): ConflictKind {
    space.tally.conflict(kind);
    if (this.firstLine === 0) this.firstLine = line;
    return kind;
  }

  #leftOut(space: AddressSpace, kind: ConflictKind): Judgement {
    space.tally.conflict('leftOut');
    return { goOn: false, kind, bytes: 0 };
  }

  #failure(line: number, page: number, what: string): Error {
    return inputError(
      `the event at iova ${hexNumber(page * PAGE)} ${what}, so events before it are missing; --on-conflict implicit-unmap or skip goes on`,
      { file: this.#file, line, column: 1 },
    );
  }
}

/** A raw map stops at the end of the table that it writes into (io-pgtable-arm.c:__arm_lpae_map); in pages. */
function untilTableEnd(page: number, pgsize: number, granule: number): number {
  const span = (pgsize * (granule / 8)) / PAGE;
  return span >= 1 ? span - (page % span) : Number.POSITIVE_INFINITY;
}

function unmapPages(domain: IommuDomain, page: number, pages: number): number {
  const hi = Math.floor(page / PAGES_PER_HI) | 0;
  const lo = ((page % PAGES_PER_HI) * PAGE) | 0;
  return domain.unmap(hi, lo, pages * PAGE);
}
