import * as C from '../../lpae/counters.ts';
import type { BufferObject } from '../buffer-object.ts';
import * as G from '../gpu-counters.ts';
import { GPU_UNMAP, type GpuJob, type GpuOp, requestOf } from '../gpu-job.ts';
import { GpuVm } from '../gpu-vm.ts';
import { type GpuvaOp, mapOps, unmapOps } from '../op-lists.ts';
import { NO_OBJECT, type VmaSpace } from '../vma-space.ts';
import type { TableBooks } from './own-tables.ts';

/**
 * An address space whose VMAs and tables change at submission, while entries are written when the job runs, by a queue that keeps the
 * order of submission. Tables are allocated exactly, so a job returns nothing. A job is only ever freed after it ran: one
 * that a trace cleans up without having run it runs then, and one that runs takes those before it along. What is still
 * under way when a trace ends stays so.
 */
export abstract class QueuedVm<Plan> extends GpuVm {
  abstract override readonly own: TableBooks;
  protected readonly changes = new VmaChanges(this.vmas);
  readonly #waiting = new Set<GpuJob>();
  readonly #plans = new Map<GpuJob, Plan>();
  #outstanding = 0;

  /** Changes VMAs and tables, or fails the job; then what it had changed must be undone, but for `changes`. */
  protected abstract prepare(job: GpuJob): Plan | null;
  /** Writes entries. */
  protected abstract write(plan: Plan): void;
  /** Frees what the job still held. */
  protected abstract retire(plan: Plan): void;

  submit(job: GpuJob): void {
    const { counters, own, changes } = this;
    changes.begin();
    const before = own.counters[C.TABLE_ALLOCS];
    const plan = this.prepare(job);
    if (plan === null) {
      changes.undo();
      return;
    }
    job.reserved = own.counters[C.TABLE_ALLOCS] - before;
    counters[G.VMAS_PREALLOCATED] += changes.added;
    counters[G.VMAS_USED] += changes.added;
    counters[G.OWN_RESERVED] += job.reserved;
    this.#outstanding += job.reserved;
    counters[G.OWN_RESERVED_PEAK] = Math.max(counters[G.OWN_RESERVED_PEAK], this.#outstanding);
    this.#waiting.add(job);
    this.#plans.set(job, plan);
    this.noteVmas();
  }

  run(job: GpuJob): void {
    if (!this.#waiting.has(job)) return;
    for (const next of this.#waiting) {
      this.#waiting.delete(next);
      this.write(this.#plans.get(next) as Plan);
      next.used = next.reserved;
      this.counters[G.OWN_USED] += next.used;
      this.#outstanding -= next.reserved;
      if (next === job) return;
    }
  }

  override cleanup(job: GpuJob): void {
    this.run(job);
    const plan = this.#plans.get(job);
    if (plan === undefined) return;
    this.#plans.delete(job);
    this.retire(plan);
  }

  /** A job that has run, maybe with a later one, is freed; one that has not keeps its tables, and its entries unwritten. */
  override abandon(job: GpuJob): void {
    if (!this.#waiting.has(job)) this.cleanup(job);
  }

  lineOfTables(): string {
    const { own } = this;
    const live = [1, 2, 3].map((level) => own.live(level));
    const { blocks } = own;
    const ptes = own.counters[C.LEAVES_WRITTEN] - own.counters[C.LEAVES_CLEARED] - blocks;
    const unusable = this.unusable === null ? 0 : 1;
    return `,"live":[${live}],"blocks":${blocks},"ptes":${ptes},"vmas":${this.vmas.size},"unusable":${unusable}`;
  }

  /** Writes and frees what is still under way, before the space goes. */
  protected finishJobs(): void {
    for (const job of [...this.#plans.keys()]) this.cleanup(job);
  }

  /** The steps of an operation of the present VMAs, counted. */
  protected stepsOf(op: GpuOp): readonly GpuvaOp[] {
    const { counters, vmas } = this;
    const unmap = op.kind === GPU_UNMAP;
    counters[unmap ? G.OPS_UNMAP : G.OPS_MAP]++;
    const steps = unmap ? unmapOps(vmas, op.start, op.start + op.size) : mapOps(vmas, requestOf(op));
    for (const step of steps) {
      if (step.op === 'prefetch') continue;
      counters[step.op === 'map' ? G.STEPS_MAP : step.op === 'unmap' ? G.STEPS_UNMAP : G.STEPS_REMAP]++;
      if (step.op === 'map') counters[G.BYTES_CHANGED] += step.size;
      else if (step.op === 'remap') counters[G.BYTES_CHANGED] += step.hole.size;
      else counters[G.BYTES_CHANGED] += vmas.end[step.vma] - vmas.start[step.vma];
    }
    return steps;
  }

  /** The object by its number; null for NO_OBJECT. */
  protected objectOf(index: number): BufferObject | null {
    return index === NO_OBJECT ? null : this.objects.all[index];
  }
}

/** Changes of VMAs that can be undone as a whole. */
export class VmaChanges {
  added = 0;
  readonly #vmas: VmaSpace;
  /** Five numbers for each change: a removed VMA, or an added one with an end of 0. */
  readonly #log: number[] = [];

  constructor(vmas: VmaSpace) {
    this.#vmas = vmas;
  }

  /** From here on changes can be undone; those before stay. */
  begin(): void {
    this.#log.length = 0;
    this.added = 0;
  }

  /** Adds a VMA; one without length is none: -1. */
  add(start: number, end: number, object: number, offset: number, flags: number): number {
    if (start === end) return -1;
    this.added++;
    this.#log.push(start, 0, 0, 0, 0);
    return this.#vmas.add(start, end, object, offset, flags);
  }

  remove(vma: number): void {
    const { start, end, object, offset, flags } = this.#vmas;
    this.#log.push(start[vma], end[vma], object[vma], offset[vma], flags[vma]);
    this.#vmas.remove(vma);
  }

  undo(): void {
    const log = this.#log;
    for (let at = log.length - 5; at >= 0; at -= 5) {
      const [start, end, object, offset, flags] = log.slice(at, at + 5);
      if (end !== 0) this.#vmas.add(start, end, object, offset, flags);
      else {
        const found: number[] = [];
        this.#vmas.overlapping(start, start + 1, found);
        this.#vmas.remove(found[0]);
      }
    }
    this.begin();
  }
}
