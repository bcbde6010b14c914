import { NO_OBJECT, type VmaSpace } from './vma-space.ts';

/** What a request to map asks for: [start, end) from `offset` of an object, NO_OBJECT for none. */
export interface MapRequest {
  readonly start: number;
  readonly end: number;
  readonly object: number;
  readonly offset: number;
}

/**
 * Receives the steps of a request in order, and may change the VMAs as it goes: a step names a VMA that stands until its
 * own call. `keep`: what is mapped there may stay, it is part of the new mapping.
 */
export interface SplitSteps {
  /** A whole VMA goes. */
  unmap(vma: number, keep: boolean): void;
  /** A VMA loses [holeStart, holeEnd) and keeps what lies before and behind it; at least one of both is not empty. */
  remap(vma: number, holeStart: number, holeEnd: number, keep: boolean): void;
  /** The new mapping, or with madvise a part of the request. */
  map(start: number, end: number, object: number, offset: number): void;
}

/** True when a VMA maps at `start` what the request maps there, so that its entries are right already. */
function continues(space: VmaSpace, vma: number, request: MapRequest): boolean {
  if (space.object[vma] === NO_OBJECT || space.object[vma] !== request.object) return false;
  return space.offset[vma] - space.start[vma] === request.offset - request.start;
}

/** The steps of a map over whatever is there (drm_gpuvm.c:__drm_gpuvm_sm_map): the new mapping always comes last. */
export function splitForMap(space: VmaSpace, request: MapRequest, steps: SplitSteps): void {
  const { start, end, object, offset } = request;
  for (const vma of overlapping(space, start, end)) {
    const keep = continues(space, vma, request);
    const from = Math.max(space.start[vma], start);
    const to = Math.min(space.end[vma], end);
    if (from === space.start[vma] && to === space.end[vma]) steps.unmap(vma, keep);
    else steps.remap(vma, from, to, keep);
  }
  steps.map(start, end, object, offset);
}

/** The steps of an unmap (drm_gpuvm.c:__drm_gpuvm_sm_unmap); none where nothing is mapped. */
export function splitForUnmap(space: VmaSpace, start: number, end: number, steps: SplitSteps): void {
  for (const vma of overlapping(space, start, end)) {
    const from = Math.max(space.start[vma], start);
    const to = Math.min(space.end[vma], end);
    if (from === space.start[vma] && to === space.end[vma]) steps.unmap(vma, false);
    else steps.remap(vma, from, to, false);
  }
}

/**
 * The steps of a madvise (drm_gpuvm.c:drm_gpuvm_madvise_ops_create): only VMAs without an object are split, at the borders
 * of the request, and what lies inside of one that was cut is mapped anew. At most two VMAs are cut.
 */
export function splitForMadvise(space: VmaSpace, request: MapRequest, steps: SplitSteps): void {
  const { start, end, object, offset } = request;
  for (const vma of overlapping(space, start, end)) {
    if (space.object[vma] !== NO_OBJECT) continue;
    const from = Math.max(space.start[vma], start);
    const to = Math.min(space.end[vma], end);
    if (from === space.start[vma] && to === space.end[vma]) continue;
    steps.remap(vma, from, to, false);
    steps.map(from, to, object, offset);
  }
}

/** The VMAs met, in a list of its own: steps may change the space. */
function overlapping(space: VmaSpace, start: number, end: number): readonly number[] {
  const met: number[] = [];
  space.overlapping(start, end, met);
  return met;
}
