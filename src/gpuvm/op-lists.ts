import { type MapRequest, type SplitSteps, splitForMadvise, splitForMap, splitForUnmap } from './split.ts';
import { NO_OBJECT, type VmaSpace } from './vma-space.ts';

/** What a remap leaves of a VMA on one side: a copy, made before anything changes. */
export interface VmaPiece {
  readonly start: number;
  readonly size: number;
  readonly object: number;
  readonly offset: number;
}

/** [start, start + size) goes from `offset` of an object. */
export interface MapOp extends VmaPiece {
  readonly op: 'map';
}

/** A VMA is cut: it goes, and what is left of it on either side comes in its place. */
export interface RemapOp {
  readonly op: 'remap';
  readonly vma: number;
  readonly prev: VmaPiece | null;
  readonly next: VmaPiece | null;
  /** What is unmapped, between both pieces (drm_gpuvm.h:drm_gpuva_op_remap_to_unmap_range). */
  readonly hole: { readonly start: number; readonly size: number };
  readonly keep: boolean;
}

/** A whole VMA goes; `keep` as in SplitSteps. */
export interface UnmapOp {
  readonly op: 'unmap';
  readonly vma: number;
  readonly keep: boolean;
}

/** The entries of a VMA are to be made ready. */
export interface PrefetchOp {
  readonly op: 'prefetch';
  readonly vma: number;
}

/** One operation of a list that is built before anything is done (drm_gpuvm.h:drm_gpuva_op). */
export type GpuvaOp = MapOp | RemapOp | UnmapOp | PrefetchOp;

/**
 * The list of a map (drm_gpuvm.c:drm_gpuvm_sm_map_ops_create): the same steps as splitForMap gives, with the space left
 * as it is. In 6.12 the request is (address, range, object, offset), in 7.1 a struct; what comes out is the same.
 */
export function mapOps(space: VmaSpace, request: MapRequest): GpuvaOp[] {
  const ops: GpuvaOp[] = [];
  splitForMap(space, request, listing(space, ops));
  return ops;
}

/** The list of an unmap (drm_gpuvm.c:drm_gpuvm_sm_unmap_ops_create); empty where nothing is mapped. */
export function unmapOps(space: VmaSpace, start: number, end: number): GpuvaOp[] {
  const ops: GpuvaOp[] = [];
  splitForUnmap(space, start, end, listing(space, ops));
  return ops;
}

/** The list of a madvise (drm_gpuvm.c:drm_gpuvm_madvise_ops_create); 7.1 only, 6.12 has none. */
export function madviseOps(space: VmaSpace, request: MapRequest): GpuvaOp[] {
  const ops: GpuvaOp[] = [];
  splitForMadvise(space, request, listing(space, ops));
  return ops;
}

/** A prefetch for every VMA that has a byte of [start, end), whole (drm_gpuvm.c:drm_gpuvm_prefetch_ops_create). */
export function prefetchOps(space: VmaSpace, start: number, end: number): PrefetchOp[] {
  const met: number[] = [];
  space.overlapping(start, end, met);
  return met.map((vma) => ({ op: 'prefetch', vma }));
}

/**
 * An unmap for every VMA of an object, in the order in which they were linked to it, that is added to the space
 * (drm_gpuvm.c:drm_gpuvm_bo_unmap_ops_create). VMAs without an object are nobody's: NO_OBJECT gives none.
 */
export function objectUnmapOps(space: VmaSpace, object: number): UnmapOp[] {
  if (object === NO_OBJECT) return [];
  const own: number[] = [];
  for (const vma of space) if (space.object[vma] === object) own.push(vma);
  own.sort((a, b) => space.serial[a] - space.serial[b]);
  return own.map((vma) => ({ op: 'unmap', vma, keep: false }));
}

/**
 * The objects that a map locks before it changes anything: its own, then those of all VMAs that it unmaps or cuts, each
 * once (drm_gpuvm.c:drm_gpuvm_sm_map_exec_lock). The dry run holds for a list of requests too, although earlier ones
 * change what later ones meet: what they leave or put there is of objects that are locked by then. 6.12 has none.
 */
export function mapLocks(space: VmaSpace, request: MapRequest): number[] {
  const locked = new Set<number>();
  if (request.object !== NO_OBJECT) locked.add(request.object);
  lockMet(space, request.start, request.end, locked);
  return [...locked];
}

/** The objects that an unmap locks (drm_gpuvm.c:drm_gpuvm_sm_unmap_exec_lock); 6.12 has none. */
export function unmapLocks(space: VmaSpace, start: number, end: number): number[] {
  const locked = new Set<number>();
  lockMet(space, start, end, locked);
  return [...locked];
}

function lockMet(space: VmaSpace, start: number, end: number, locked: Set<number>): void {
  const met: number[] = [];
  space.overlapping(start, end, met);
  for (const vma of met) if (space.object[vma] !== NO_OBJECT) locked.add(space.object[vma]);
}

/** Steps that note what is to be done, and change nothing. */
function listing(space: VmaSpace, ops: GpuvaOp[]): SplitSteps {
  return {
    unmap: (vma, keep) => {
      ops.push({ op: 'unmap', vma, keep });
    },
    remap: (vma, holeStart, holeEnd, keep) => {
      ops.push({
        op: 'remap',
        vma,
        prev: piece(space, vma, space.start[vma], holeStart),
        next: piece(space, vma, holeEnd, space.end[vma]),
        hole: { start: holeStart, size: holeEnd - holeStart },
        keep,
      });
    },
    map: (start, end, object, offset) => {
      ops.push({ op: 'map', start, size: end - start, object, offset });
    },
  };
}

function piece(space: VmaSpace, vma: number, start: number, end: number): VmaPiece | null {
  if (start === end) return null;
  const offset = space.offset[vma] + (start - space.start[vma]);
  return { start, size: end - start, object: space.object[vma], offset };
}
