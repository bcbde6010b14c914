import type { Freed } from './freed-ranges.ts';
import type { IovaSpace, Mapping } from './iova-space.ts';
import { isTop, LOW_PAGES, orderOf, trailingZeros } from './orders.ts';
import * as W from './weights.ts';

/** How far the gap above a fresh range is looked for. */
const FARTHEST_GAP = 16384;

/** How well a map fits: the logarithm of its likelihood, and whether nothing explains its address. */
export interface Fit {
  score: number;
  odd: boolean;
}

/** How likely the allocator gives `page` for `pages` on a CPU; `grain` is the order of its smallest range. */
export function fitOf(space: IovaSpace, page: number, pages: number, cpu: number, grain: number, fit: Fit): void {
  fit.odd = false;
  const freed = space.caches.freed.get(page);
  const order = orderOf(pages);
  if (freed !== undefined) {
    fitOfFreed(space, freed, order, cpu, grain, fit);
    return;
  }
  if (space.held.has(page) || space.held.has(page + pages - 1) || (page >= space.base && page < LOW_PAGES)) {
    unlikely(space, fit);
    return;
  }
  if (space.front < 0) {
    if (isTop(page, pages)) fit.score = 0;
    else unlikely(space, fit);
    return;
  }
  const stack = cpu * 64 + order;
  const cached = (space.caches.stacks.get(stack)?.length ?? 0) > 0 && space.caches.dry.get(stack) !== true;
  const alignment = trailingZeros(page);
  const limit = Math.min(2 << Math.min(alignment, 14), FARTHEST_GAP);
  const above = nextHeld(space, page + pages, page + limit + 1);
  const gap = above - page;
  const fresh = (cached ? W.FRESH_DESPITE_CACHE : 0) + (above === space.lastFresh ? 0 : W.FRESH_ELSEWHERE);
  if (gap <= limit) {
    if (gap === pages || (gap < 2 ** order && alignment >= order)) {
      fit.score = fresh;
      return;
    }
    const room = 31 - Math.clz32(gap);
    const wasted = room - order;
    if (alignment >= room && wasted <= 12) {
      fit.score = wasted <= 0 ? fresh : fresh + W.GAP_BASE + W.GAP_PER_ORDER * wasted;
      return;
    }
  }
  if (page + pages >= LOW_PAGES && isTop(page, pages) && !space.high) {
    fit.score = W.TOP_OF_KNOWN;
    return;
  }
  if (space.front > page) {
    fit.odd = true;
    const distance = (space.front - page - pages) / pages;
    fit.score = Math.max(W.FARTHEST, W.FAR_BASE - Math.log(1 + Math.max(0, distance)));
    return;
  }
  unlikely(space, fit);
  fit.score = Math.max(fit.score, W.LOOSE);
}

function fitOfFreed(space: IovaSpace, freed: Freed, order: number, cpu: number, grain: number, fit: Fit): void {
  const size = freed.stack % 64;
  if (size - grain > W.LARGEST_CACHED) {
    fit.score = size === order ? 0 : -1;
    return;
  }
  if (size < order) {
    unlikely(space, fit);
    return;
  }
  const stack = space.caches.stacks.get(freed.stack) ?? [];
  let rank = -1;
  for (let depth = 0; depth < W.DEEPEST_RANK && depth < stack.length; depth++) {
    if (stack[stack.length - 1 - depth] !== freed) continue;
    rank = depth;
    break;
  }
  // A larger range: a longer list of pieces may begin like this.
  const other = size === order ? 0 : -1;
  if (freed.cpu !== cpu) fit.score = rank === 0 ? W.OTHER_CPU_TOP : W.OTHER_CPU;
  else if (rank === 0) fit.score = other;
  else if (space.caches.second.get(freed.stack) === freed) fit.score = other + W.SECOND;
  else fit.score = rank > 0 ? W.RANK_BASE + W.PER_RANK * rank + other : W.DEEP;
}

/** Nothing explains the address: as likely as such have been in this space. */
function unlikely(space: IovaSpace, fit: Fit): void {
  fit.odd = true;
  const rate = Math.max(W.LEAST_RATE, space.unexplained / (space.maps + 1));
  fit.score = Math.max(W.LEAST_ODD, Math.log(rate) - W.ODD);
}

/** The first held page from `page` to before `end`, the end of low addresses and of all counted as held. */
function nextHeld(space: IovaSpace, page: number, end: number): number {
  let found = space.held.next(page, end);
  if (LOW_PAGES >= page && LOW_PAGES < found) found = LOW_PAGES;
  return space.base >= page && space.base < found ? space.base : found;
}

/** How the physical page fits: near where the latest mappings ended, or not. */
export function physicalFit(space: IovaSpace, physical: number): number {
  for (const page of space.physical) if (Math.abs(physical - page) <= 2) return W.PHYSICAL_NEAR;
  return W.PHYSICAL_FAR;
}

/** How likely it is that a mapping goes now: those of a device mostly go in the order in which they were made. */
export function unmapFit(space: IovaSpace, page: number): number {
  const mapping = mappingAt(space, page);
  if (mapping === null) return W.UNMAP_FAR_BASE;
  const far = W.UNMAP_FAR_BASE + W.UNMAP_FAR_LOG * Math.log(1 + space.maps - mapping.seq);
  if (space.nextToGo.length === 0) return far;
  const turn = space.nextToGo.indexOf(mapping);
  if (turn >= 0) return turn === 0 ? 0 : -1;
  const first = space.nextToGo[0];
  let before = first?.previous ?? null;
  let after = first?.next ?? null;
  for (let step = 0; step < 3; step++) {
    if (before === mapping || after === mapping) return Math.max(far, W.UNMAP_NEAR);
    before = before?.previous ?? null;
    after = after?.next ?? null;
  }
  return far;
}

function mappingAt(space: IovaSpace, page: number): Mapping | null {
  const known = space.mappings.get(page);
  if (known !== undefined) return known;
  const range = space.live.firstOverlap(page, 1);
  return range === null ? null : (space.mappings.get(range.page) ?? null);
}

/** Whether the pieces of a list that began at `base` may go on with these pages. */
export function goesOn(
  space: IovaSpace,
  base: number,
  cap: number,
  page: number,
  pages: number,
  grain: number,
): boolean {
  const total = page + pages - base;
  if (cap > 0 && orderOf(cap) - grain <= W.LARGEST_CACHED) return cap >= total;
  return base % 2 ** orderOf(total) === 0 && !space.held.has(page);
}
