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

/**
 * Lists for the VMAs that a request meets, which are noted before its first step because steps may change the space; used
 * again, so that a request allocates nothing. A step may split in turn: it takes another list.
 */
const LISTS: number[][] = [];

/** True when a VMA maps at `start` what the request maps there, so that its entries are right already. */
function continues(space: VmaSpace, vma: number, request: MapRequest): boolean {
  if (space.object[vma] === NO_OBJECT || space.object[vma] !== request.object) return false;
  return space.offset[vma] - space.start[vma] === request.offset - request.start;
}

/** The steps of a map over whatever is there (drm_gpuvm.c:__drm_gpuvm_sm_map): the new mapping always comes last. */
export function splitForMap(space: VmaSpace, request: MapRequest, steps: SplitSteps): void {
  const { start, end, object, offset } = request;
  const met = LISTS.pop() ?? [];
  const count = space.collect(start, end, met);
  for (let index = 0; index < count; index++) {
    const vma = met[index];
    const keep = continues(space, vma, request);
    const from = Math.max(space.start[vma], start);
    const to = Math.min(space.end[vma], end);
    if (from === space.start[vma] && to === space.end[vma]) steps.unmap(vma, keep);
    else steps.remap(vma, from, to, keep);
  }
  LISTS.push(met);
  steps.map(start, end, object, offset);
}

/** The steps of an unmap (drm_gpuvm.c:__drm_gpuvm_sm_unmap); none where nothing is mapped. */
export function splitForUnmap(space: VmaSpace, start: number, end: number, steps: SplitSteps): void {
  const met = LISTS.pop() ?? [];
  const count = space.collect(start, end, met);
  for (let index = 0; index < count; index++) {
    const vma = met[index];
    const from = Math.max(space.start[vma], start);
    const to = Math.min(space.end[vma], end);
    if (from === space.start[vma] && to === space.end[vma]) steps.unmap(vma, false);
    else steps.remap(vma, from, to, false);
  }
  LISTS.push(met);
}

/**
 * The steps of a madvise (drm_gpuvm.c:drm_gpuvm_madvise_ops_create; 6.12 has none): only VMAs without an object are split,
 * at the borders of the request, and what lies inside of one that was cut is mapped anew. At most two VMAs are cut.
 */
export function splitForMadvise(space: VmaSpace, request: MapRequest, steps: SplitSteps): void {
  const { start, end, object, offset } = request;
  const met = LISTS.pop() ?? [];
  const count = space.collect(start, end, met);
  for (let index = 0; index < count; index++) {
    const vma = met[index];
    if (space.object[vma] !== NO_OBJECT) continue;
    const from = Math.max(space.start[vma], start);
    const to = Math.min(space.end[vma], end);
    if (from === space.start[vma] && to === space.end[vma]) continue;
    steps.remap(vma, from, to, false);
    steps.map(from, to, object, offset);
  }
  LISTS.push(met);
}
