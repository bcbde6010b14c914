import { DEMAND_MAP, DEMAND_UNMAP, Demand, type Piece } from '../../allocator/demand.ts';
import { REFUSED } from '../../allocator/strategy.ts';
import { addHi, addLo, hexHi, hexLo } from '../../base/u64.ts';
import { EINVAL, ENOMEM, PROT_DEFAULT } from '../../base/vocabulary.ts';
import type { IommuDomain } from '../../iommu/domain.ts';
import * as C from '../../lpae/counters.ts';
import type { BindEvent, BindMap, BindOp, BindRange } from '../../trace/events.ts';
import type { AddressSpace } from '../address-space.ts';
import type { Watch } from '../ranges/watch.ts';
import type { BufferObjects } from './buffer-objects.ts';

/** One VM_BIND ioctl between its submission and its cleanup. */
export class Job {
  readonly id: string;
  readonly space: AddressSpace;
  readonly event: BindEvent;
  /** What it maps, as it was at the submission. */
  readonly objects: BufferObjects;
  /** Number of its event, from 0, and line. */
  readonly seq: number;
  readonly line: number;
  /** What the allocator gave for it: a ticket for each operation, or one for all, as the allocator's unit is. */
  readonly tickets: number[] = [];
  state: 'submitted' | 'ran' | 'done' = 'submitted';
  ret = 0;
  reserved = 0;
  used = 0;
  tableFrees = 0;
  mapCalls = 0;
  unmapCalls = 0;

  constructor(space: AddressSpace, event: BindEvent, objects: BufferObjects, seq: number, line: number) {
    this.id = String(event.job);
    this.space = space;
    this.event = event;
    this.objects = objects.only(event.ops.flatMap((op) => (op.kind === 'map' ? [op.bo] : [])));
    this.seq = seq;
    this.line = line;
  }

  /** The job as fields of a result line; `returned` is what it did not use, and goes back with the cleanup. */
  fields(): string {
    const { ret, reserved, used, tableFrees, mapCalls, unmapCalls } = this;
    const returned = Math.max(0, reserved - used);
    return (
      `,"job":${JSON.stringify(this.event.job)},"ret":${ret},"reserved":${reserved},"used":${used},"returned":${returned}` +
      `,"tableFrees":${tableFrees},"mapCalls":${mapCalls},"unmapCalls":${unmapCalls},"live":[${liveTables(this.space)}]`
    );
  }
}

/** Operations that are reserved for together. */
type Unit = readonly (BindMap | BindRange)[];

/** The operations of a job that change the tree, as its allocator reserves for them: one by one, or all together. */
function unitsOf({ space, event }: Job): readonly Unit[] {
  const ops = event.ops.filter(changesTree);
  return space.allocator.unit === 'job' ? [ops] : ops.map((op) => [op]);
}

/**
 * Reserves for an asynchronous job: each of its operations, or all of them together, all or nothing. A job that is refused
 * has failed with -ENOMEM and never runs.
 */
export function submitJob(job: Job, alone: boolean): void {
  for (const unit of unitsOf(job)) if (job.ret === 0) submitUnit(job, unit, alone);
  if (job.ret === 0) return;
  cleanupJob(job);
  job.reserved = 0;
}

/** Reserves for one unit of a job. `alone` is false for a synchronous job that overtakes others. */
function submitUnit(job: Job, unit: Unit, alone: boolean): void {
  const { space, event } = job;
  if (!space.announced) return;
  const demands = unit.map((op) => demandOf(op, job));
  const reserves = alone || space.allocator.reservesSync || event.mode === 'async';
  for (const demand of demands) demand.unreserved = !reserves;
  const ticket = space.submit(demands);
  if (ticket === REFUSED) {
    job.ret = -ENOMEM;
    return;
  }
  job.tickets.push(ticket);
  job.reserved += space.reserved;
}

/** Runs the operations of a submitted job in order, to the first that fails. */
export function runJob(job: Job, domain: IommuDomain, watch: Watch): void {
  job.state = 'ran';
  counting(job, domain, () => {
    for (const [at, unit] of unitsOf(job).entries())
      if (job.ret === 0) runUnit(job, job.tickets[at], unit, domain, watch);
  });
}

/**
 * Runs a synchronous job: each operation, or all together, is reserved for, runs and is cleaned up before the next; the
 * first that fails ends it, what came before stays (panthor_drv.c:panthor_ioctl_vm_bind_sync).
 */
export function runSyncJob(job: Job, alone: boolean, domain: IommuDomain, watch: Watch): void {
  counting(job, domain, () => {
    for (const unit of unitsOf(job)) {
      submitUnit(job, unit, alone);
      if (job.ret === 0) runUnit(job, job.tickets[0], unit, domain, watch);
      cleanupJob(job);
      if (job.ret !== 0) return;
    }
  });
}

/** Runs the operations of one unit under its ticket. */
function runUnit(job: Job, ticket: number | undefined, ops: Unit, domain: IommuDomain, watch: Watch): void {
  const { space } = job;
  if (ticket !== undefined) {
    if (!space.begin(ticket)) job.ret = -ENOMEM;
    job.reserved += space.granted;
  }
  for (const op of ops) {
    if (job.ret !== 0) break;
    job.ret = op.kind === 'map' ? mapObject(job, domain, op, watch) : unmapRange(job, domain, op, watch);
  }
  if (ticket === undefined) return;
  space.end(ticket);
  job.used += space.used;
  watch.allocator(space);
}

/** Notes in the job what the engine was called for while `work` ran. */
function counting(job: Job, domain: IommuDomain, work: () => void): void {
  const { counters } = domain.table;
  const frees = counters[C.TABLE_FREES];
  const maps = counters[C.MAP_CALLS];
  const unmaps = counters[C.UNMAP_CALLS];
  work();
  job.tableFrees = counters[C.TABLE_FREES] - frees;
  job.mapCalls = counters[C.MAP_CALLS] - maps;
  job.unmapCalls = counters[C.UNMAP_CALLS] - unmaps;
}

/** Gives the job's surplus back. */
export function cleanupJob(job: Job): void {
  for (const ticket of job.tickets) job.space.cleanup(ticket);
  job.tickets.length = 0;
  job.state = 'done';
}

/** A bind of nothing and a mere synchronisation leave the tree alone. */
function changesTree(op: BindOp): op is BindMap | BindRange {
  return op.kind === 'map' || op.kind === 'unmap';
}

/** Live tables of levels 1 to 3. */
function liveTables(space: AddressSpace): string {
  const { counters } = space;
  return [1, 2, 3].map((level) => counters[C.LEVEL_ALLOCS + level] - counters[C.LEVEL_FREES + level]).join(',');
}

function demandOf(op: BindMap | BindRange, job: Job): Demand {
  const demand = new Demand();
  const kind = op.kind === 'map' ? DEMAND_MAP : DEMAND_UNMAP;
  demand.set(kind, hexHi(op.iova), hexLo(op.iova), op.size, job.seq, job.line);
  if (op.kind === 'map') {
    const pieces: Piece[] = [];
    job.objects.pieces(op.bo, op.offset ?? 0, demand.size, (paddrHi, paddrLo, size) => {
      pieces.push({ paddrHi, paddrLo, size });
      return true;
    });
    demand.pieces = pieces;
  }
  return demand;
}

/** Maps the pieces of a buffer object one after the other; what was mapped goes again when one fails. */
function mapObject(job: Job, domain: IommuDomain, op: BindMap, watch: Watch): number {
  const hi = hexHi(op.iova);
  const lo = hexLo(op.iova);
  const size = op.size;
  let done = 0;
  let ret = 0;
  if (!watch.beforeArea(job.space, hi, lo, size)) return -ENOMEM;
  watch.beforeMap(job.space);
  job.objects.pieces(op.bo, op.offset ?? 0, size, (paddrHi, paddrLo, length) => {
    ret = domain.map(addHi(hi, lo, done), addLo(lo, done), paddrHi, paddrLo, length, PROT_DEFAULT);
    if (ret === 0) done += length;
    return ret === 0;
  });
  if (ret === 0 && done < size) ret = -EINVAL;
  if (ret !== 0 && done > 0) domain.unmap(hi, lo, done);
  watch.afterMap(job.space, hi, lo, size, ret);
  return ret;
}

function unmapRange(job: Job, domain: IommuDomain, op: BindRange, watch: Watch): number {
  const hi = hexHi(op.iova);
  const lo = hexLo(op.iova);
  const size = op.size;
  watch.beforeUnmap(job.space, hi, lo, size);
  const unmapped = domain.unmap(hi, lo, size);
  watch.afterUnmap(job.space, hi, lo, size, unmapped, true);
  return 0;
}
