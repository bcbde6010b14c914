import type { Demand } from '../allocator/demand.ts';
import type { AllocatorStats } from '../allocator/tickets/allocator-stats.ts';
import type { Driver, Kernel } from '../base/vocabulary.ts';
import type { PageTable } from '../lpae/page-table.ts';
import type { BufferObjects } from './buffer-object.ts';
import * as G from './gpu-counters.ts';
import type { GpuJob } from './gpu-job.ts';
import { MapleTree } from './maple/maple-tree.ts';
import { VmaSpace } from './vma-space.ts';

/** Where a driver's reservations are made: the phases of an allocator around an operation. */
export interface ReservationDesk {
  /** False: the allocator reserves nothing, and is told nothing. */
  readonly announced: boolean;
  /** Pages that the last `submit` and the last `begin` reserved, and that the operation that ended last used. */
  readonly reserved: number;
  readonly granted: number;
  readonly used: number;
  /** Hears of the pages that a driver takes for tables of its own. */
  readonly stats: Pick<AllocatorStats, 'hold'>;
  /** A ticket, or REFUSED. */
  submit(demands: readonly Demand[]): number;
  begin(ticket: number): boolean;
  end(ticket: number): void;
  cleanup(ticket: number): void;
}

/** Receives the commands that a driver gives to its hardware, in order. Addresses are 64-bit halves. */
export interface GpuLog {
  /** A command without an argument, such as AS_UNLOCK. */
  command(name: string): void;
  /** A command about an address (of Mali: what is written to LOCKADDR), or about `size` bytes from one; 0: the address tells all. */
  addressed(name: string, hi: number, lo: number, size: number): void;
}

/** What a GPU address space is made from. */
export interface GpuVmParts {
  readonly kernel: Kernel;
  /** Bits of the addresses that the trace's domain asks for. */
  readonly ias: number;
  /** The address space holds a hardware slot, so that changes cost hardware events. */
  readonly resident: boolean;
  /** The LPAE table of the drivers that have one; null for the others. */
  readonly table: PageTable | null;
  readonly desk: ReservationDesk;
  /** Also count what a maple tree of the VMAs would preallocate. */
  readonly maple?: boolean;
  readonly objects: BufferObjects;
  readonly log: GpuLog | null;
}

/** A page table of a driver's own format, as the statistics look at it. Levels as Arm counts them: 3 is the last. */
export interface OwnTable {
  /** The engine's counters (lpae/counters.ts), as far as they mean something here. */
  readonly counters: Float64Array;
  /** Level of its first table. */
  readonly startLevel: number;
  /** Bytes of its smallest page. */
  readonly granule: number;
  /** Bitmap of its page sizes, and bits of its addresses. */
  readonly pgsizes: number;
  readonly ias: number;
  /** By level: bytes that an entry stands for; null where there is no such table, or where its tables differ. */
  readonly entrySpans: readonly (number | null)[];
  /** Maps and unmaps of ranges are calls of its own, and counted as such. */
  readonly countsCalls: boolean;
  /** Fault injection: the nth table asked for from now on cannot be had; 0: none. */
  failAllocIn: number;
  /** Leaves by the bytes of one. */
  leafSizes(): ReadonlyMap<number, number>;
  /** Leaves by level, and tables that translate nothing. */
  census(): { readonly tables: readonly number[]; readonly leaves: readonly number[]; readonly emptyTables: number };
}

/** Why an address space takes no more maps. */
export interface Unusable {
  readonly job: GpuJob;
  /** Index of the operation in its job. */
  readonly op: number;
  readonly ret: number;
  readonly why: string;
}

/** Looks on at the operations of a job: `began` with what is about to happen to which addresses, `ended` with how it went. */
export interface LookOn {
  began(job: GpuJob, isMap: boolean, start: number, size: number): void;
  ended(ret: number): void;
}

/** A counter as a field of the result lines of binds. */
export type LineField = readonly [name: string, counter: number];

/** One address space as a GPU driver keeps it: its VMAs, the driver's rules about jobs, and what they cost. */
export abstract class GpuVm {
  abstract readonly driver: Driver;
  /** What the driver's lines tell beside the pages: name and counter, as what the job added. */
  abstract readonly lineFields: readonly LineField[];
  /** A synchronous job runs at once, whatever waits; else it waits for the jobs before it. */
  readonly overtakes: boolean = false;
  /** Jobs of an address space run in the order of their submission. */
  readonly inOrder: boolean = false;
  /** Everything happens in the ioctl, also for a job that asks to be asynchronous. */
  readonly immediate: boolean = false;
  /** The engine's walk flushes lead to nothing: the driver invalidates by itself. */
  readonly ignoresWalkFlushes: boolean = false;
  readonly vmas = new VmaSpace();
  readonly counters = new Float64Array(G.GPU_COUNTERS);
  /** The VMAs once more, where somebody asked for it. A remap is an erasure of the VMA and a store of each part that stays. */
  readonly maple: MapleTree | null;
  /** The table of a driver that has no LPAE table. */
  readonly own: OwnTable | null = null;
  unusable: Unusable | null = null;
  /** Hears of each map and unmap that a job consists of, before it and after it; null: nobody looks on. */
  lookOn: LookOn | null = null;
  /** Things that went wrong beyond an errno, since the caller emptied the list: kind and message. */
  readonly defects: (readonly [kind: 'false-success' | 'null-dereference', message: string])[] = [];
  protected readonly objects: BufferObjects;
  protected readonly desk: ReservationDesk;
  protected readonly log: GpuLog | null;

  constructor(parts: GpuVmParts) {
    this.objects = parts.objects;
    this.desk = parts.desk;
    this.log = parts.log;
    this.maple = parts.maple === true ? new MapleTree() : null;
    this.vmas.watcher = this.maple;
  }

  /** The ioctl of an asynchronous job: checks, reserves, and what the driver changes already now. `job.ret` says how it went. */
  abstract submit(job: GpuJob): void;
  /** The job runs: it may take pages that it reserved, and no others. */
  abstract run(job: GpuJob): void;

  /** The surplus goes back; also for a job that never ran. */
  cleanup(job: GpuJob): void {
    this.abandon(job);
  }

  /** The trace ends and the job never ran: what it holds goes back, nothing else happens. */
  abandon(job: GpuJob): void {
    for (const ticket of job.tickets) this.desk.cleanup(ticket);
    job.tickets.length = 0;
    job.queued.length = 0;
  }

  /** What the next line of results tells begins here. */
  beginLine(): void {}

  /** A synchronous ioctl from its entry to its return. */
  runSync(job: GpuJob): void {
    this.submit(job);
    if (job.ret === 0) this.run(job);
    this.cleanup(job);
  }

  /** Physical address behind an address, -1 when nothing is mapped there. */
  abstract translate(address: number): number;

  /** Live tables of levels 1 to 3, then further fields of a result line, each with a leading comma. */
  abstract lineOfTables(): string;

  /** Everything goes: the driver's own way of ending an address space. */
  abstract destroy(): void;

  /** Holds what a unit took against what was missing when it was submitted. */
  protected judgeEstimate(estimate: number | undefined, used: number): void {
    if (estimate === undefined) return;
    this.counters[G.ESTIMATES]++;
    if (used > estimate) this.counters[G.ESTIMATES_SHORT]++;
    else if (used < estimate) this.counters[G.ESTIMATES_OVER]++;
  }

  /** Notes the VMAs that there are now. */
  protected noteVmas(): void {
    if (this.vmas.size > this.counters[G.VMAS_PEAK]) this.counters[G.VMAS_PEAK] = this.vmas.size;
  }
}
