import { TWO_32 } from '../base/u64.ts';
import { type Batch, FLAG_CLEAR, FLAG_GATHER_NONE, FLAG_GATHER_QUEUED } from '../trace/batch.ts';
import * as E from '../trace/events.ts';
import type { PartObservers } from './part-observers.ts';
import type { AddressSpace } from './spaces/address-space.ts';

/** What an operation is, to those who look on. */
export type OperatedKind = 'map' | 'unmap' | 'look-up' | 'dirty' | 'reserve' | 'unreserve' | 'release' | 'destroy';

/**
 * One operation on IOVAs as an observer sees it; one object is used over and over, so that nobody may keep it. A job is
 * seen as the operations that it consists of.
 */
export class Operated {
  kind: OperatedKind = 'map';
  /** Number of the event, and its line in the input. */
  seq = 0;
  line = 0;
  /** First IOVA, and bytes from there on as they were asked for. */
  iovaHi = 0;
  iovaLo = 0;
  size = 0;
  /** Page size of a raw call, which reaches to the borders of its pages even from an unaligned address; else 0. */
  pgsize = 0;
  /** Physical address of a map; 0 where there is none, or where it has several. */
  paddrHi = 0;
  paddrLo = 0;
  /** An unmap whose leaves are invalidated later by the caller. */
  queued = false;
  /** An unmap without a gather: nobody is told of its leaves. */
  noGather = false;
  /** A look at dirty state that clears it. */
  clear = false;
  /** Once it has ended: 0 or a negative errno, and the bytes mapped or unmapped. */
  ret = 0;
  bytes = 0;
}

/** Looks on while operations are carried out, without a say in what becomes of them. */
export interface OperationObserver {
  /** It is about to run; tables are as it will meet them. */
  began(space: AddressSpace, what: Operated): void;
  /** It has run: `ret` and `bytes` hold its answer. A gather of its own has been synced. */
  ended(space: AddressSpace, what: Operated): void;
}

/** Passes operations on to whoever looks on. */
export class Observers implements PartObservers {
  readonly what = new Operated();
  readonly #all: OperationObserver[] = [];

  get any(): boolean {
    return this.#all.length > 0;
  }

  add(observer: OperationObserver): void {
    this.#all.push(observer);
  }

  /** The event at `i` of columns begins. */
  beganEvent(space: AddressSpace, batch: Batch, i: number, seq: number): void {
    const { what } = this;
    const op = batch.op[i];
    const flags = batch.flags[i];
    what.kind = operatedKind(op) ?? 'look-up';
    what.seq = seq;
    what.line = batch.line[i];
    what.iovaHi = batch.iovaHi[i];
    what.iovaLo = batch.iovaLo[i];
    const isMap = op === E.OP_MAP || op === E.OP_MAP_PAGES;
    what.paddrHi = isMap ? batch.paddrHi[i] : 0;
    what.paddrLo = isMap ? batch.paddrLo[i] : 0;
    const raw = op === E.OP_MAP_PAGES || op === E.OP_UNMAP_PAGES;
    what.size =
      what.kind === 'look-up' || op === E.OP_SET_DIRTY ? 1 : raw ? batch.size[i] * batch.count[i] : batch.size[i];
    what.pgsize = raw ? batch.size[i] : 0;
    what.queued = (flags & FLAG_GATHER_QUEUED) !== 0;
    what.noGather = (flags & FLAG_GATHER_NONE) !== 0;
    what.clear = op === E.OP_READ_DIRTY && (flags & FLAG_CLEAR) !== 0;
    this.began(space);
  }

  /** A map or unmap of a job begins, of `size` bytes from an address. `paddr` 0: none, or several. */
  beganPart(space: AddressSpace, kind: OperatedKind, start: number, size: number, seq: number, line: number): void {
    const { what } = this;
    what.kind = kind;
    what.seq = seq;
    what.line = line;
    what.iovaHi = Math.floor(start / TWO_32);
    what.iovaLo = start >>> 0;
    what.size = size;
    what.pgsize = 0;
    what.paddrHi = 0;
    what.paddrLo = 0;
    what.queued = false;
    what.noGather = false;
    what.clear = false;
    this.began(space);
  }

  began(space: AddressSpace): void {
    for (const observer of this.#all) observer.began(space, this.what);
  }

  ended(space: AddressSpace, ret: number, bytes: number): void {
    this.what.ret = ret;
    this.what.bytes = bytes;
    for (const observer of this.#all) observer.ended(space, this.what);
  }
}

/** Lets observers see what becomes of an address space, the jobs of its GPU driver included. */
export function letLookOn(space: AddressSpace, observers: Observers): void {
  space.observers = observers;
  const { gpu } = space;
  if (gpu === null) return;
  gpu.lookOn = {
    began: (job, isMap, start, size) =>
      observers.beganPart(space, isMap ? 'map' : 'unmap', start, size, job.seq, job.line),
    ended: (ret) => observers.ended(space, ret, ret === 0 ? observers.what.size : 0),
  };
}

/** What an operation of columns is to those who look on; null: nothing that they want to see. */
export function operatedKind(op: number): OperatedKind | null {
  return KINDS[op] ?? null;
}

const KINDS: readonly (OperatedKind | undefined)[] = E.OPS.map((op) => {
  if (op === 'map' || op === 'map_pages') return 'map';
  if (op === 'unmap' || op === 'unmap_pages') return 'unmap';
  if (op === 'iova_to_phys' || op === 'walk') return 'look-up';
  return op === 'read_dirty' || op === 'set_dirty' ? 'dirty' : undefined;
});
