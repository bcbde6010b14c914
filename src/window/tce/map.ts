import { EFAULT, EINVAL, EPERM } from '../../base/vocabulary.ts';
import type { Mm } from './memory/mm.ts';
import type { Region, TceTag } from './memory/region.ts';
import type { WindowTally } from './tally.ts';
import type { TceWindow } from './window.ts';

/** A map of user memory through a window; addresses and sizes in bytes. */
export interface MapRequest {
  readonly iova: number;
  readonly vaddr: number;
  readonly size: number;
  /** 1 read, 2 write, 3 both; 0 is refused. */
  readonly direction: 0 | 1 | 2 | 3;
  /** Version 1: offset of the first byte that no memory is behind; null: all is there. */
  readonly fault: number | null;
}

/** What became of a map. */
export interface MapOutcome {
  readonly ret: number;
  /** Bytes that are mapped by it now. */
  readonly mapped: number;
  /** TCEs that it replaced. */
  readonly replaced: number;
  /** TCEs that an error took away although they had been there before. */
  readonly lost: number;
  /** It answers 0 and has left a part unmapped. */
  readonly falseSuccess: boolean;
  /** It reaches beyond its window: the kernel would write behind the table. */
  readonly overrun: boolean;
}

export const NOTHING_MAPPED: MapOutcome = {
  ret: 0,
  mapped: 0,
  replaced: 0,
  lost: 0,
  falseSuccess: false,
  overrun: false,
};

/** Pages that can be written before something ends it, and what that is: 0 with `stopped` is a region being torn down. */
interface Piece {
  readonly pages: number;
  readonly region: Region | null;
  readonly ret: number;
  readonly stopped: boolean;
}

/** Takes a part of a region's, or of the container's own, TCEs away. */
function release(window: TceWindow, tally: WindowTally): (from: number, to: number, tag: TceTag) => void {
  return (from, to, { region }) => {
    const tces = (to - from) / window.page;
    if (region === null) tally.unpins += tces;
    else region.mapped = Math.max(1, region.mapped - tces);
  };
}

/**
 * Maps pre-registered memory, TCE by TCE in the kernel (vfio_iommu_spapr_tce.c:tce_iommu_build_v2), run by run here. Only
 * the first page is held against the window. An error clears what the call has written, and with it what that replaced.
 */
export function mapV2(window: TceWindow, mm: Mm, request: MapRequest, tally: WindowTally): MapOutcome {
  const { page } = window;
  const { iova, vaddr, size } = request;
  const wanted = size / page;
  const offset = iova - window.base;
  const room = (window.shape.size - offset) / page;
  const gone = release(window, tally);
  const replacedBefore = tally.tcesReplaced;
  let done = 0;
  let ret = 0;
  let stopped = false;
  while (done < wanted && ret === 0 && !stopped) {
    const user = vaddr + done * page;
    const piece = nextPiece(mm, window, user, wanted - done);
    tally.hits += piece.pages;
    const region = piece.region;
    if (region !== null && piece.pages > 0) {
      region.touched.cover(user, user + piece.pages * page, null);
      // Behind the end of the window the kernel would write into foreign memory; here nothing is written.
      const written = Math.max(0, Math.min(piece.pages, room - done));
      region.mapped += written;
      const tag = region.tags[request.direction - 1];
      if (written > 0) window.exchange(offset + done * page, written * page, user, tag, gone);
      tally.pinsAvoided += written;
      done += piece.pages;
    }
    ret = piece.ret;
    stopped = piece.stopped;
  }
  if (ret === -EPERM) tally.denied++;
  else if (ret !== 0) tally.misses++;
  if (stopped) tally.falseSuccesses++;
  return finish(window, offset, done, wanted, room, ret, stopped, tally.tcesReplaced - replacedBefore, tally);
}

/** The pages from `user` on that one region serves. */
function nextPiece(mm: Mm, window: TceWindow, user: number, wanted: number): Piece {
  const { page, shape } = window;
  const region = mm.lookup(user, page);
  if (region === null || shape.pageShift > region.pageShift) return { pages: 0, region, ret: -EINVAL, stopped: false };
  const inside = Math.min(wanted, Math.floor((region.end - user) / page));
  const backed = Math.min(inside, Math.floor(region.backedBytes(user, page) / page));
  if (backed === 0) return { pages: 0, region, ret: -EPERM, stopped: false };
  if (region.mapped === 0) return { pages: 0, region, ret: 0, stopped: true };
  return { pages: backed, region, ret: 0, stopped: false };
}

/** Maps memory that is pinned page by page for it (tce_iommu_build). */
export function mapV1(window: TceWindow, tag: TceTag, request: MapRequest, tally: WindowTally): MapOutcome {
  const { page } = window;
  const { iova, vaddr, size, fault } = request;
  const wanted = size / page;
  const offset = iova - window.base;
  const room = (window.shape.size - offset) / page;
  const there = fault === null ? wanted : Math.min(wanted, Math.floor(fault / page));
  const replacedBefore = tally.tcesReplaced;
  tally.pins += there;
  tally.pinCalls += there;
  const written = Math.min(there, room);
  tally.unpins += there - written;
  if (written > 0) window.exchange(offset, written * page, vaddr, tag, release(window, tally));
  const ret = there < wanted ? -EFAULT : 0;
  return finish(window, offset, there, wanted, room, ret, false, tally.tcesReplaced - replacedBefore, tally);
}

function finish(
  window: TceWindow,
  offset: number,
  done: number,
  wanted: number,
  room: number,
  ret: number,
  stopped: boolean,
  replaced: number,
  tally: WindowTally,
): MapOutcome {
  const { page } = window;
  const written = Math.min(done, room);
  const overrun = wanted > room;
  if (ret === 0) return { ret, mapped: written * page, replaced, lost: 0, falseSuccess: stopped, overrun };
  window.clear(offset, written * page, release(window, tally));
  tally.tcesLost += replaced;
  return { ret, mapped: 0, replaced, lost: replaced, falseSuccess: false, overrun };
}
