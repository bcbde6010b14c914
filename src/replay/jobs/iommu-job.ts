import { DEMAND_MAP, DEMAND_UNMAP, Demand, type Piece } from '../../allocator/demand.ts';
import { REFUSED } from '../../allocator/strategy.ts';
import { addHi, addLo, hexHi, hexLo, TWO_32 } from '../../base/u64.ts';
import { EINVAL, ENOMEM, PROT_DEFAULT } from '../../base/vocabulary.ts';
import type { BufferObject, BufferObjects } from '../../gpuvm/buffer-object.ts';
import type { IommuDomain } from '../../iommu/domain.ts';
import * as C from '../../lpae/counters.ts';
import type { BindEvent, BindMap, BindOp, BindRange } from '../../trace/events.ts';
import type { Watch } from '../ranges/watch.ts';
import type { AddressSpace } from '../spaces/address-space.ts';
import { BoundJob } from './bound-job.ts';

/** Operations that are reserved for together. */
type Unit = readonly (BindMap | BindRange)[];

/**
 * A job of an address space without a GPU driver's rules: its operations map and unmap through the IOMMU core, one after the
 * other, to the first that fails.
 */
export class IommuJob extends BoundJob {
  ret = 0;
  readonly #domain: IommuDomain;
  readonly #watch: Watch;
  /** What it maps, as it was at the submission. */
  readonly #objects: ReadonlyMap<string, BufferObject | null>;
  readonly #units: readonly Unit[];
  /** What the allocator gave for it: a ticket for each operation, or one for all, as the allocator's unit is. */
  readonly #tickets: number[] = [];
  #reserved = 0;
  #used = 0;
  #tableFrees = 0;
  #mapCalls = 0;
  #unmapCalls = 0;

  constructor(
    space: AddressSpace,
    domain: IommuDomain,
    event: BindEvent,
    objects: BufferObjects,
    watch: Watch,
    seq: number,
    line: number,
  ) {
    super(space, event, seq, line);
    this.#domain = domain;
    this.#watch = watch;
    const named = event.ops.flatMap((op) => (op.kind === 'map' ? [op.bo] : []));
    this.#objects = new Map(named.map((id) => [id, objects.get(id)]));
    const ops = event.ops.filter(changesTree);
    this.#units = space.allocator.unit === 'job' ? [ops] : ops.map((op) => [op]);
  }

  get unused(): number {
    return Math.max(0, this.#reserved - this.#used);
  }

  /** `returned` is what it did not use, and goes back with the cleanup. */
  fields(): string {
    const { counters } = this.space;
    const live = [1, 2, 3].map((level) => counters[C.LEVEL_ALLOCS + level] - counters[C.LEVEL_FREES + level]);
    return (
      `,"ret":${this.ret},"reserved":${this.#reserved},"used":${this.#used},"returned":${this.unused}` +
      `,"tableFrees":${this.#tableFrees},"mapCalls":${this.#mapCalls},"unmapCalls":${this.#unmapCalls},"live":[${live}]`
    );
  }

  submitFields(): string {
    return `,"ret":${this.ret},"reserved":${this.#reserved}`;
  }

  /** Each of its operations, or all of them together: all or nothing. */
  submit(): void {
    for (const unit of this.#units) if (this.ret === 0) this.#submitUnit(unit, true);
    if (this.ret === 0) return;
    this.cleanup();
    this.#reserved = 0;
  }

  run(): void {
    this.state = 'ran';
    this.#counting(() => {
      for (const [at, unit] of this.#units.entries()) if (this.ret === 0) this.#runUnit(this.#tickets[at], unit);
    });
  }

  /**
   * Each operation, or all together, is reserved for, runs and is cleaned up before the next; the first that fails ends it,
   * what came before stays (panthor_drv.c:panthor_ioctl_vm_bind_sync).
   */
  runSync(alone: boolean): void {
    this.#counting(() => {
      for (const unit of this.#units) {
        this.#submitUnit(unit, alone);
        if (this.ret === 0) this.#runUnit(this.#tickets[0], unit);
        this.cleanup();
        if (this.ret !== 0) return;
      }
    });
  }

  cleanup(): void {
    for (const ticket of this.#tickets) this.space.cleanup(ticket);
    this.#tickets.length = 0;
    this.state = 'done';
  }

  abandon(): void {
    this.cleanup();
  }

  /** Reserves for one unit. `alone` is false for a synchronous job that overtakes others. */
  #submitUnit(unit: Unit, alone: boolean): void {
    const { space } = this;
    if (!space.announced) return;
    const demands = unit.map((op) => this.#demandOf(op));
    const reserves = alone || space.allocator.reservesSync;
    for (const demand of demands) demand.unreserved = !reserves;
    const ticket = space.submit(demands);
    if (ticket === REFUSED) {
      this.ret = -ENOMEM;
      return;
    }
    this.#tickets.push(ticket);
    this.#reserved += space.reserved;
  }

  /** Runs the operations of one unit under its ticket. */
  #runUnit(ticket: number | undefined, ops: Unit): void {
    const { space } = this;
    if (ticket !== undefined) {
      if (!space.begin(ticket)) this.ret = -ENOMEM;
      this.#reserved += space.granted;
    }
    for (const op of ops) {
      if (this.ret !== 0) break;
      this.ret = op.kind === 'map' ? this.#map(op) : this.#unmap(op);
    }
    if (ticket === undefined) return;
    space.end(ticket);
    this.#used += space.used;
    this.#watch.allocator(space);
  }

  /** Notes what the engine was called for while `work` ran. */
  #counting(work: () => void): void {
    const { counters } = this.#domain.table;
    const frees = counters[C.TABLE_FREES];
    const maps = counters[C.MAP_CALLS];
    const unmaps = counters[C.UNMAP_CALLS];
    work();
    this.#tableFrees = counters[C.TABLE_FREES] - frees;
    this.#mapCalls = counters[C.MAP_CALLS] - maps;
    this.#unmapCalls = counters[C.UNMAP_CALLS] - unmaps;
  }

  #demandOf(op: BindMap | BindRange): Demand {
    const demand = new Demand();
    const kind = op.kind === 'map' ? DEMAND_MAP : DEMAND_UNMAP;
    demand.set(kind, hexHi(op.iova), hexLo(op.iova), op.size, this.seq, this.line);
    if (op.kind === 'map') {
      const pieces: Piece[] = [];
      this.#pieces(op, (paddrHi, paddrLo, size) => {
        pieces.push({ paddrHi, paddrLo, size });
        return true;
      });
      demand.pieces = pieces;
    }
    return demand;
  }

  /** Maps the pieces of a buffer object one after the other; what was mapped goes again when one fails. */
  #map(op: BindMap): number {
    const { space } = this;
    const domain = this.#domain;
    const watch = this.#watch;
    const hi = hexHi(op.iova);
    const lo = hexLo(op.iova);
    const { size } = op;
    let done = 0;
    let ret = 0;
    if (!watch.beforeArea(space, hi, lo, size)) return -ENOMEM;
    watch.beforeMap(space);
    space.observers?.beganPart(space, 'map', hi * TWO_32 + lo, size, this.seq, this.line);
    this.#pieces(op, (paddrHi, paddrLo, length) => {
      ret = domain.map(addHi(hi, lo, done), addLo(lo, done), paddrHi, paddrLo, length, PROT_DEFAULT);
      if (ret === 0) done += length;
      return ret === 0;
    });
    if (ret === 0 && done < size) ret = -EINVAL;
    if (ret !== 0 && done > 0) domain.unmap(hi, lo, done);
    space.observers?.ended(space, ret, ret === 0 ? size : 0);
    watch.afterMap(space, hi, lo, size, ret);
    return ret;
  }

  #unmap(op: BindRange): number {
    const hi = hexHi(op.iova);
    const lo = hexLo(op.iova);
    const { size } = op;
    this.#watch.beforeUnmap(this.space, hi, lo, size);
    this.space.observers?.beganPart(this.space, 'unmap', hi * TWO_32 + lo, size, this.seq, this.line);
    const unmapped = this.#domain.unmap(hi, lo, size);
    this.space.observers?.ended(this.space, 0, unmapped);
    this.#watch.afterUnmap(this.space, hi, lo, size, unmapped, true);
    return 0;
  }

  /** The contiguous pieces behind what an operation maps, in ascending order; false from `visit` ends the walk. */
  #pieces(op: BindMap, visit: (paddrHi: number, paddrLo: number, size: number) => boolean): void {
    const object = this.#objects.get(op.bo) ?? null;
    if (object === null) return;
    const { starts, paddrs, sizes } = object;
    const offset = op.offset ?? 0;
    let left = op.size;
    for (let at = object.segmentAt(offset); left > 0 && at < starts.length; at++) {
      const skip = Math.max(0, offset - starts[at]);
      const length = Math.min(sizes[at] - skip, left);
      const paddr = paddrs[at] + skip;
      if (!visit(Math.floor(paddr / TWO_32) >>> 0, paddr >>> 0, length)) return;
      left -= length;
    }
  }
}

/** A bind of nothing and a mere synchronisation leave the tree alone. */
function changesTree(op: BindOp): op is BindMap | BindRange {
  return op.kind === 'map' || op.kind === 'unmap';
}
