import type { IovaWindowRequest } from '../aperture.ts';
import type { WindowRequest } from '../tce/container-windows.ts';
import type { Group } from '../tce/group.ts';
import type { MapRequest } from '../tce/map.ts';
import type { Registration } from '../tce/memory/prereg.ts';

/** The ways of letting a guest's devices reach its memory that are held against each other. */
export const DMA_MODELS = ['type1', 'v1', 'v2', 'nested'] as const;
export type DmaModelName = (typeof DMA_MODELS)[number];

/** What a model came to. Pages are CPU pages, except that version 1 pins for each TCE. */
export interface ModelFigures {
  readonly pins: number;
  readonly pinCalls: number;
  readonly accountCalls: number;
  readonly lockedPeak: number;
  readonly lockedPeakBytes: number;
  /** Entries of tables written for maps: TCEs or leaves. */
  readonly entriesWritten: number;
  /** Table bytes at most: those that are there, and those that locked memory is charged with. */
  readonly tableBytes: number;
  readonly tableBytesAccounted: number;
  readonly invalidations: number;
}

/** The process whose memory devices reach: bytes of a page of its CPU, and bytes that it may lock (null: no limit). */
export interface GuestProcess {
  readonly cpuPage: number;
  readonly rlimit: number | null;
}

/**
 * A way of letting devices reach the memory of one process. `space` names what devices are attached to: a container or an
 * address space. Requests answer 0 or a negative errno; what a model has no use for is 0.
 */
export interface DmaModel {
  attach(space: string, group: Group): number;
  detach(space: string, group: string): number;
  release(space: string): void;
  create(space: string, request: WindowRequest): number;
  /** A window told by what it must cover. */
  cover(space: string, window: Omit<IovaWindowRequest, 'fixed'>): number;
  remove(space: string, start: number): number;
  register(space: string, request: Registration): number;
  unregister(space: string, vaddr: number, size: number): number;
  map(space: string, request: MapRequest): number;
  unmap(space: string, iova: number, size: number): number;
  figures(): ModelFigures;
}
