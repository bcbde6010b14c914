/** Random operations of binds over a few slots of 2M, and objects of every kind of backing to map. */
import fc from 'fast-check';
import type { BufferObject } from '../../../src/gpuvm/buffer-object.ts';
import type { GpuOp } from '../../../src/gpuvm/gpu-job.ts';
import { G, HUGE, hex, K, type LpaeVm, M, mapOp, PAGE, type Piece, unmapOp } from './lpae-vm.ts';

/** Slots of 2M that the binds are about, and the window's first address: across tables of every level, behind msm's 4 GiB. */
export const SLOTS = 8;
export const BASES = [4 * G, 5 * G - (SLOTS / 2) * HUGE, 512 * G - (SLOTS / 2) * HUGE, 2 ** 48 - SLOTS * HUGE];
export const OBJECT_SIZE = 8 * M;
const SLOT_PAGES = HUGE / PAGE;
const OBJECT_PAGES = OBJECT_SIZE / PAGE;

/** One operation, in pages; kept small on its way into an object and out of the window. */
export interface AbstractOp {
  readonly map: boolean;
  readonly slot: number;
  readonly page: number;
  readonly pages: number;
  readonly object: number;
  /** Of the object: congruent with the address modulo 2M, or so many pages. */
  readonly offset: number | 'congruent';
  readonly flags: number;
}

const NEAR_BORDER = fc.oneof(fc.constantFrom(0, 1, 256, SLOT_PAGES - 1), fc.nat({ max: SLOT_PAGES - 1 }));
const LENGTH = fc.oneof(
  fc.integer({ min: 1, max: 16 }),
  fc.integer({ min: 1, max: 3 }).map((slots) => slots * SLOT_PAGES),
  fc.tuple(fc.integer({ min: 1, max: 2 }), fc.constantFrom(-1, 1)).map(([slots, more]) => slots * SLOT_PAGES + more),
  fc.integer({ min: 1, max: 2 * SLOT_PAGES }),
);

/** Twice as many maps as unmaps. */
export const ABSTRACT_OP: fc.Arbitrary<AbstractOp> = fc.record({
  map: fc.constantFrom(true, true, false),
  slot: fc.nat({ max: SLOTS - 1 }),
  page: NEAR_BORDER,
  pages: LENGTH,
  object: fc.nat({ max: 5 }),
  offset: fc.oneof(fc.constant('congruent' as const), fc.constant(0), fc.nat({ max: OBJECT_PAGES - 1 })),
  flags: fc.constantFrom(0, 0, 0, 1, 2, 4, 7),
});

/** What an operation comes to in a window: bytes, inside of window and object. */
export interface BindOp {
  readonly map: boolean;
  readonly start: number;
  readonly size: number;
  readonly object: number;
  readonly offset: number;
  readonly flags: number;
}

export function placed(op: AbstractOp, base: number): BindOp {
  const first = op.slot * SLOT_PAGES + op.page;
  // The last page of all addresses of 48 bits may be mapped: the window ends there at most.
  const pages = Math.min(op.pages, SLOTS * SLOT_PAGES - first, OBJECT_PAGES);
  const wanted = op.offset === 'congruent' ? op.page : op.offset;
  const offset = op.map ? Math.min(wanted, OBJECT_PAGES - pages) * PAGE : 0;
  const flags = op.map ? op.flags : 0;
  return { map: op.map, start: base + first * PAGE, size: pages * PAGE, object: op.object, offset, flags };
}

interface Backing {
  readonly pieces: readonly Piece[];
  readonly folio: number;
}

/**
 * Six ways to back 8M. Huge folios are only said of what really consists of pieces of 2M; where folios are small, no
 * segment holds an aligned piece of 2M, so that no block stands where the driver expects pages.
 */
export const BACKINGS: readonly Backing[] = [
  backing(OBJECT_SIZE, 0, 0, HUGE),
  backing(2 * M, 2 * M, 0, HUGE),
  backing(4 * M, 6 * M, 0, HUGE),
  backing(PAGE, PAGE, 0, PAGE),
  backing(M, M, PAGE, PAGE),
  backing(64 * K, 192 * K, 0, 64 * K),
];

/** Segments of `size` bytes with holes of `hole` between them, `askew` bytes off a border of 2M. */
function backing(size: number, hole: number, askew: number, folio: number): Backing {
  const pieces = Array.from({ length: OBJECT_SIZE / size }, (_, i) => ({ paddr: askew + i * (size + hole), size }));
  return { pieces, folio };
}

const paddrOf = (backingAt: number, piece: Piece): number => 2 ** 40 + backingAt * 2 ** 32 + piece.paddr;

export function declareObjects(vm: LpaeVm): BufferObject[] {
  return BACKINGS.map(({ pieces, folio }, at) =>
    vm.declare(
      pieces.map((piece) => ({ paddr: paddrOf(at, piece), size: piece.size })),
      folio,
    ),
  );
}

export function gpuOpOf(op: BindOp, objects: readonly BufferObject[]): GpuOp {
  if (!op.map) return unmapOp(op.start, op.size);
  return mapOp(op.start, op.size, objects[op.object], op.offset, op.flags);
}

/** The objects as events of a trace. */
export const OBJECT_EVENTS: readonly object[] = BACKINGS.map(({ pieces, folio }, at) => ({
  op: 'bo',
  id: `b${at}`,
  size: OBJECT_SIZE,
  segments: pieces.map((piece) => ({ paddr: hex(paddrOf(at, piece)), size: piece.size })),
  folio,
}));

/** An operation as a bind event has it. */
export function eventOpOf(op: BindOp): object {
  const range = { iova: hex(op.start), size: op.size };
  if (!op.map) return { kind: 'unmap', ...range };
  return { kind: 'map', ...range, bo: `b${op.object}`, offset: op.offset, flags: op.flags };
}
