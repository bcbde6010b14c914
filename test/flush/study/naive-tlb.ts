/** What TLBs may hold under one policy, in lists that are searched from end to end. */
import { Smmuv3Flush } from '../../../src/flush/smmuv3.ts';

const TWO_32 = 2 ** 32;

/** Addresses from `start` to `end` lead to `shift` bytes further; of leaves of `page` bytes. */
export interface Piece {
  readonly start: number;
  readonly end: number;
  readonly shift: number;
  readonly page: number;
}

/** What the engine called back for, with the tables that had been freed and made by then. */
export interface Callback {
  readonly kind: 'walk' | 'sync' | 'all';
  readonly numbers: readonly number[];
  readonly freed: number;
  readonly made: number;
}

/** One operation as an onlooker sees it. */
export interface SeenOp {
  readonly space: string;
  readonly kind: 'map' | 'unmap' | 'other';
  readonly start: number;
  readonly end: number;
  readonly bytes: number;
  readonly queued: boolean;
  readonly called: boolean;
  readonly before: readonly Piece[];
  readonly after: readonly Piece[];
  readonly callbacks: readonly Callback[];
  /** Tables freed before it, and in all. */
  readonly freedBefore: number;
  readonly freedAfter: number;
  readonly madeAfter: number;
  readonly mapped: number;
  /** Where its address space ends. */
  readonly spaceEnd: number;
}

interface Stale extends Piece {
  readonly space: string;
}

/** `list` without [start, end). */
export function without<P extends Piece>(list: readonly P[], start: number, end: number): P[] {
  return list.flatMap((piece) => {
    if (piece.end <= start || piece.start >= end) return [piece];
    return [
      ...(piece.start < start ? [{ ...piece, end: start }] : []),
      ...(piece.end > end ? [{ ...piece, start: end }] : []),
    ];
  });
}

const overlaps = (list: readonly Piece[], start: number, end: number): boolean =>
  list.some((piece) => piece.start < end && start < piece.end);

/** What `pieces` say that `others` do not. */
function missing(pieces: readonly Piece[], others: readonly Piece[]): Piece[] {
  let rest = [...pieces];
  for (const other of others) {
    rest = rest.flatMap((piece) => (piece.shift === other.shift ? without([piece], other.start, other.end) : [piece]));
  }
  return rest;
}

/** Tables that an operation made of pages that it had given back to the page allocator, which come first there. */
function recycled({ callbacks, freedAfter, madeAfter }: SeenOp): number {
  let given = 0;
  let count = 0;
  callbacks.forEach(({ freed, made }, at) => {
    // Behind a callback come its frees, then whatever is made.
    given += (callbacks[at + 1]?.freed ?? freedAfter) - freed;
    const used = Math.min(given, (callbacks[at + 1]?.made ?? madeAfter) - made);
    given -= used;
    count += used;
  });
  return count;
}

/** One policy over all address spaces. */
export class NaiveTlb {
  commands = 0;
  syncs = 0;
  fullFlushes = 0;
  bytesInvalidated = 0;
  unsafeTables = 0;
  windowTables = 0;
  unsafeIova = 0;
  unsafePages = 0;
  /** By IOVA, and by physical address: of each the translation that was removed last. */
  stale: Stale[] = [];
  #pages: Stale[] = [];
  /** What has been invalidated since the operation began; null: everything. */
  #since: [number, number][] | null = [];
  /** By address space. */
  readonly #queues = new Map<string, number[]>();
  readonly #open = new Set<string>();
  readonly #smmus = new Map<string, Smmuv3Flush>();
  readonly #name: string;
  #op!: SeenOp;

  constructor(name: string) {
    this.#name = name;
  }

  get #isArm(): boolean {
    return this.#name.startsWith('smmuv3');
  }

  take(op: SeenOp): void {
    this.#op = op;
    this.#since = [];
    const { kind, callbacks, start } = op;
    const name = this.#name;
    const lazy = name.includes('lazy');
    const walks: { start: number; end: number; tables: number; walk: boolean }[] = [];
    callbacks.forEach(({ kind: what, numbers, freed }, at) => {
      const tables = (callbacks[at + 1]?.freed ?? op.freedAfter) - freed;
      const [hi, lo, a, b] = numbers;
      if (what === 'all') {
        // The end of the address space: whatever is freed has been flushed before, or never is.
        if (name !== 'noop') this.#all(this.#isArm);
        else if (tables > 0) this.unsafeTables += tables;
        return;
      }
      const from = hi * TWO_32 + lo;
      const to = what === 'walk' ? from + a : a * TWO_32 + b + 1;
      if (what === 'walk' && this.#isArm) this.#arm((smmu) => smmu.flushWalk(hi, lo, a, b));
      else if (what === 'walk' && name === 'msm') this.#range(from, to);
      else if (what === 'sync' && this.#isArm && (!lazy || kind === 'map')) {
        this.#arm((smmu) => smmu.iotlbSync(hi, lo, a, b, numbers[4]));
      }
      if (!this.#covers(from, to)) walks.push({ start: from, end: to, tables, walk: what === 'walk' });
    });
    // What was unlinked before and is freed only now.
    const early = (callbacks[0]?.freed ?? op.freedAfter) - op.freedBefore;
    if (early > 0 && this.#open.has(op.space)) this.unsafeTables += early;
    const gone = missing(op.before, op.after);
    const replaced = gone.filter((piece) => overlaps(op.after, piece.start, piece.end));
    const maps = kind === 'map' && op.bytes > 0;
    const mappedAgain = maps && overlaps(this.#own(), start, start + op.bytes);
    if (mappedAgain) this.unsafeIova++;
    if (maps && this.#reaches(start, start + op.bytes)) this.unsafePages++;
    for (const piece of gone) this.#removed(piece);
    this.#ended(gone, lazy);
    let again = recycled(op);
    for (const walk of walks) {
      if (!this.#covers(walk.start, walk.end)) {
        if (walk.walk || walk.tables > 0) this.#open.add(op.space);
        this.unsafeTables += walk.tables;
        continue;
      }
      if (name === 'panthor') continue;
      this.windowTables += walk.tables;
      const used = Math.min(again, walk.tables);
      again -= used;
      this.unsafeTables += used;
    }
    if (!mappedAgain && replaced.some((piece) => overlaps(this.#own(), piece.start, piece.end))) this.unsafeIova++;
  }

  #ended(gone: readonly Piece[], lazy: boolean): void {
    const { kind, called, start, end, queued, bytes, space } = this.#op;
    const name = this.#name;
    if (kind === 'other') return;
    const from = Math.min(start, ...gone.map((piece) => piece.start), ...this.#walked('start'));
    const to = Math.max(end, ...gone.map((piece) => piece.end), ...this.#walked('end'));
    if (this.#isArm && kind === 'unmap' && (lazy || queued) && bytes > 0) {
      const queue = this.#queues.get(space) ?? [];
      this.#queues.set(space, queue);
      // Without times: 255 wait, the next flushes all of them and waits in their place.
      if (queue.length === 255) {
        queue.length = 0;
        this.#all(true);
      }
      queue.push(bytes);
    } else if (name === 'gpuvm-op' && called && to > from) this.#range(from, to);
    else if (name === 'panthor' && called && to > from) {
      let size = 32768;
      while (Math.floor(from / size) * size + size < to) size *= 2;
      const base = Math.floor(from / size) * size;
      this.commands += 2;
      this.#range(base, Math.max(to, Math.min(base + size, this.#op.spaceEnd)));
    } else if (name === 'msm' && called) {
      const open = gone.some((piece) => !this.#covers(piece.start, piece.end));
      if (kind === 'unmap' || open) this.#all(false);
    }
  }

  #walked(what: 'start' | 'end'): number[] {
    return this.#op.callbacks
      .filter(({ kind }) => kind === 'walk')
      .map(({ numbers: [hi, lo, size] }) => hi * TWO_32 + lo + (what === 'start' ? 0 : size));
  }

  /** The SMMU of the address space, its commands counted here and what it reaches noted. */
  #arm(work: (smmu: Smmuv3Flush) => void): void {
    const { space } = this.#op;
    let smmu = this.#smmus.get(space);
    if (smmu === undefined) {
      const reach = {
        range: (start: number, end: number) => this.#reached(start, end),
        all: () => this.#reachedAll(),
      };
      smmu = new Smmuv3Flush({ kernel: '7.1', ril: !this.#name.includes('ril=off'), smallestPage: 4096 }, null, reach);
      this.#smmus.set(space, smmu);
    }
    const before = [smmu.commands, smmu.commandSyncs];
    work(smmu);
    this.commands += smmu.commands - before[0];
    this.syncs += smmu.commandSyncs - before[1];
  }

  #range(start: number, end: number): void {
    this.commands++;
    this.syncs++;
    this.#reached(start, end);
  }

  #all(arm: boolean): void {
    if (arm) {
      this.#arm((smmu) => smmu.flushAll());
      return;
    }
    this.commands++;
    this.syncs++;
    this.#reachedAll();
  }

  #reached(start: number, end: number): void {
    const { space } = this.#op;
    this.bytesInvalidated += end - start;
    this.#since?.push([start, end]);
    for (const piece of this.#own()) this.#forget(piece, start, end);
    this.stale = this.stale.flatMap((piece) => (piece.space === space ? without([piece], start, end) : [piece]));
  }

  #reachedAll(): void {
    const { space, mapped } = this.#op;
    this.fullFlushes++;
    this.bytesInvalidated += mapped + this.#own().reduce((sum, piece) => sum + piece.end - piece.start, 0);
    this.#since = null;
    for (const piece of this.#own()) this.#forget(piece, 0, Number.POSITIVE_INFINITY);
    this.stale = this.stale.filter((piece) => piece.space !== space);
    this.#open.delete(space);
  }

  /** Physical pages of a stale piece of this address space, within [start, end), cannot be reached through it any more. */
  #forget({ start, end, shift }: Piece, from: number, to: number): void {
    const { space } = this.#op;
    const [low, high] = [Math.max(start, from) + shift, Math.min(end, to) + shift];
    if (low >= high) return;
    this.#pages = this.#pages.flatMap((piece) =>
      piece.space === space && piece.shift === -shift ? without([piece], low, high) : [piece],
    );
  }

  #removed(piece: Piece): void {
    let rest: Piece[] = [piece];
    if (this.#since === null) {
      this.bytesInvalidated += piece.end - piece.start;
      return;
    }
    for (const [start, end] of this.#since) rest = without(rest, start, end);
    const { space } = this.#op;
    for (const left of rest) {
      for (const own of this.#own()) this.#forget(own, left.start, left.end);
      this.stale = this.stale.flatMap((old) => (old.space === space ? without([old], left.start, left.end) : [old]));
      this.stale.push({ ...left, space });
      const [low, high] = [left.start + left.shift, left.end + left.shift];
      this.#pages = without(this.#pages, low, high);
      this.#pages.push({ start: low, end: high, shift: -left.shift, page: left.page, space });
    }
  }

  /** Stale pieces of this address space. */
  #own(): Stale[] {
    return this.stale.filter(({ space }) => space === this.#op.space);
  }

  /** Pages that [start, end) leads to now are led to by a stale translation of another IOVA. */
  #reaches(start: number, end: number): boolean {
    const { after, space } = this.#op;
    return after.some((piece) => {
      const [low, high] = [Math.max(start, piece.start), Math.min(end, piece.end)];
      if (low >= high) return false;
      return this.#pages.some(
        (page) =>
          page.start < high + piece.shift &&
          low + piece.shift < page.end &&
          !(page.space === space && page.shift === -piece.shift),
      );
    });
  }

  #covers(start: number, end: number): boolean {
    if (this.#since === null) return true;
    let rest: Piece[] = [{ start, end, shift: 0, page: 0 }];
    for (const [from, to] of this.#since) rest = without(rest, from, to);
    return rest.length === 0;
  }
}
