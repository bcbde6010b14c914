import { PgtraceError } from '../base/errors.ts';
import { hex64 } from '../base/u64.ts';
import { ENOMEM, type Kernel } from '../base/vocabulary.ts';
import type { IommuDomain } from '../iommu/domain.ts';
import { Gather } from '../iommu/gather.ts';
import { readDirty, setDirty } from '../lpae/dirty.ts';
import { iovaToPhys, walkPageTable } from '../lpae/lookup.ts';
import { mapPages } from '../lpae/map.ts';
import type { TableMemory } from '../lpae/memory.ts';
import type { PageTable } from '../lpae/page-table.ts';
import { unmapPages } from '../lpae/unmap.ts';
import {
  type Batch,
  FLAG_CLEAR,
  FLAG_GATHER_NONE,
  FLAG_GATHER_QUEUED,
  FLAG_HAS_RET,
  FLAG_PROT_ASSUMED,
  NONE,
} from '../trace/batch.ts';
import * as E from '../trace/events.ts';
import type { AddressSpace } from './address-space.ts';
import type { EventLog } from './event-log.ts';
import { Findings } from './findings.ts';
import type { ReplayOptions } from './options.ts';
import { type ResultLines, walkFields } from './result-lines.ts';
import { SpaceDirectory, type TraceNames } from './space-directory.ts';
import { Verdicts } from './verdicts.ts';

/** Neighbouring unmaps of one task under one gather, as a VFIO ioctl makes them. */
interface SharedGather {
  readonly space: AddressSpace;
  readonly thread: number;
  readonly gather: Gather;
}

/** Drives the events of one trace into address spaces. */
export class Replayer {
  readonly findings = new Findings();
  /** Number of the next event. */
  seq = 0;
  /** Maps whose protection nobody gave. */
  protAssumed = 0;
  readonly #options: ReplayOptions;
  readonly #directory: SpaceDirectory;
  readonly #verdicts: Verdicts;
  readonly #results: ResultLines | null;
  readonly #skip: ((error: PgtraceError) => void) | null;
  readonly #perTask: boolean;
  /** The gather that one task's unmaps share, while it is open. */
  #shared: SharedGather | null = null;

  /** With `skip`, events that cannot be replayed are handed to it and left out; without, they end the replay. */
  constructor(
    options: ReplayOptions,
    names: TraceNames,
    results: ResultLines | null,
    log: EventLog | null,
    skip: ((error: PgtraceError) => void) | null = null,
  ) {
    this.#skip = skip;
    this.#options = options;
    this.#directory = new SpaceDirectory(options, names, log);
    this.#verdicts = new Verdicts(this.findings);
    this.#results = results;
    this.#perTask = options.gather === 'task';
  }

  get spaces(): readonly AddressSpace[] {
    return this.#directory.spaces;
  }

  get memory(): TableMemory {
    return this.#directory.memory;
  }

  get kernel(): Kernel {
    return this.#directory.kernel;
  }

  get domainAssumed(): boolean {
    return this.#directory.domainAssumed;
  }

  /** Replays a batch; false when no more is wanted. Throws PgtraceError at an event that cannot be replayed. */
  consume(batch: Batch): boolean {
    const { until } = this.#options;
    const results = this.#results;
    const last = until === null ? batch.length : Math.min(batch.length, until + 1 - this.seq);
    let i = 0;
    while (i < last) {
      try {
        for (; i < last; i++) {
          if (this.#shared !== null && !this.#continuesGather(batch, i)) this.#endSharedGather();
          const op = batch.op[i];
          if (results !== null) results.line = batch.line[i];
          if (op > E.LAST_COLUMN_OP) this.#control(batch, i);
          else if (op === E.OP_FAIL_ALLOC && this.#directory.failFirst(batch, i))
            results?.plain(this.seq, 'fail_alloc');
          else {
            const space = this.#directory.of(batch, i);
            results?.begin(space, batch.domain[i] !== NONE);
            this.#operate(space, batch, i, op);
          }
          this.seq++;
        }
      } catch (error) {
        if (this.#skip === null || !(error instanceof PgtraceError)) throw error;
        this.#skip(error);
        this.seq++;
        i++;
      }
    }
    return until === null || this.seq <= until;
  }

  /** Ends what is still open when the trace has been read. */
  finish(): void {
    if (this.#shared !== null) this.#endSharedGather();
  }

  #control(batch: Batch, i: number): void {
    const event = batch.objects.get(i) as E.Event;
    const results = this.#results;
    switch (event.op) {
      case 'trace':
        this.#directory.readKernel(event, batch, i);
        results?.plain(this.seq, 'trace');
        break;
      case 'domain': {
        const space = this.#directory.create(event, batch, i);
        if (results !== null) results.severalDomains = this.#directory.several;
        results?.domain(this.seq, space);
        break;
      }
      case 'destroy':
        this.#destroy(this.#directory.of(batch, i), batch, i);
        break;
      default:
        throw this.#directory.error(batch, i, `not supported yet: ${event.op}`);
    }
  }

  #destroy(space: AddressSpace, batch: Batch, i: number): void {
    const table = this.#usable(space, batch, i).table;
    this.#results?.begin(space, batch.domain[i] !== NONE);
    table.destroy();
    space.allocator.teardown();
    space.destroyed = true;
    space.tally.ops[E.OP_DESTROY]++;
    this.#results?.counted(this.seq, 'destroy', space, ',"ret":0');
  }

  /** The domain of an address space that was created and not destroyed. */
  #usable(space: AddressSpace, batch: Batch, i: number): IommuDomain {
    if (space.domain !== null && !space.destroyed) return space.domain;
    const id = JSON.stringify(space.id);
    const why = space.destroyed ? 'has been destroyed' : `was refused: ${space.refusal?.reason}`;
    throw this.#directory.error(batch, i, `domain ${id} ${why}`);
  }

  #operate(space: AddressSpace, batch: Batch, i: number, op: number): void {
    const domain = this.#usable(space, batch, i);
    const { table } = domain;
    space.tally.ops[op]++;
    switch (op) {
      case E.OP_MAP:
      case E.OP_MAP_PAGES:
        this.#map(space, domain, batch, i, op);
        break;
      case E.OP_UNMAP:
      case E.OP_UNMAP_PAGES:
        this.#unmap(space, domain, batch, i, op);
        break;
      case E.OP_IOVA_TO_PHYS:
        this.#lookUp(space, table, batch, i);
        break;
      case E.OP_WALK:
        this.#walk(space, table, batch, i);
        break;
      case E.OP_FAIL_ALLOC:
        table.failAllocIn = batch.count[i];
        this.#results?.lookup(this.seq, 'fail_alloc', space, '');
        break;
      case E.OP_SET_DIRTY: {
        const changed = setDirty(table, batch.iovaHi[i], batch.iovaLo[i]);
        this.#results?.lookup(this.seq, 'set_dirty', space, `,"changed":${changed}`);
        break;
      }
      case E.OP_READ_DIRTY:
        this.#readDirty(space, table, batch, i);
        break;
    }
  }

  #map(space: AddressSpace, domain: IommuDomain, batch: Batch, i: number, op: number): void {
    const { table } = domain;
    // Signed halves: see IommuDomain.
    const iovaHi = batch.iovaHi[i] | 0;
    const iovaLo = batch.iovaLo[i] | 0;
    const paddrHi = batch.paddrHi[i] | 0;
    const paddrLo = batch.paddrLo[i] | 0;
    const request = op === E.OP_MAP;
    let ret = -ENOMEM;
    let mapped = 0;
    if (space.allocator.beginOp()) {
      if (request) ret = domain.map(iovaHi, iovaLo, paddrHi, paddrLo, batch.size[i], batch.prot[i]);
      else ret = mapPages(table, iovaHi, iovaLo, paddrHi, paddrLo, batch.size[i], batch.count[i], batch.prot[i]);
      // What a failed request had mapped has been taken back.
      mapped = !request ? table.mapped : ret === 0 ? domain.mapped : 0;
    }
    space.allocator.endOp();
    const flags = batch.flags[i];
    const overrun = request ? domain.pgdOverrun : table.pgdOverrun;
    if ((flags & FLAG_PROT_ASSUMED) !== 0) this.protAssumed++;
    if (ret !== 0) space.tally.failed(ret);
    if (overrun) this.#judge().pgdOverrun(space, batch, i);
    if ((flags & FLAG_HAS_RET) !== 0) this.#judge().returned(space, batch, i, ret);
    if (this.#results === null) return;
    const note = overrun ? ',"pgdOverrun":true' : '';
    this.#results.counted(this.seq, E.OPS[op], space, `,"ret":${ret},"mapped":${mapped}${note}`);
  }

  #unmap(space: AddressSpace, domain: IommuDomain, batch: Batch, i: number, op: number): void {
    const { table } = domain;
    const iovaHi = batch.iovaHi[i] | 0;
    const iovaLo = batch.iovaLo[i] | 0;
    const size = batch.size[i];
    const count = batch.count[i];
    const flags = batch.flags[i];
    const request = op === E.OP_UNMAP;
    const queued = (flags & FLAG_GATHER_QUEUED) !== 0;
    let bytes: number;
    space.allocator.beginOp();
    if (request) {
      if (queued) bytes = domain.unmapQueued(iovaHi, iovaLo, size);
      else if (this.#perTask && batch.thread[i] !== NONE) {
        bytes = domain.unmapInto(iovaHi, iovaLo, size, this.#sharedGather(space, batch, i));
      } else bytes = domain.unmap(iovaHi, iovaLo, size);
    } else if ((flags & FLAG_GATHER_NONE) !== 0) bytes = unmapPages(table, iovaHi, iovaLo, size, count, null);
    else if (queued) bytes = domain.unmapPagesQueued(iovaHi, iovaLo, size, count);
    else bytes = domain.unmapPagesSynced(iovaHi, iovaLo, size, count);
    space.allocator.endOp();
    const overrun = request ? domain.pgdOverrun : table.pgdOverrun;
    if (overrun) this.#judge().pgdOverrun(space, batch, i);
    if (request ? domain.splitWithoutGather : table.splitWithoutGather)
      this.#judge().splitWithoutGather(space, batch, i);
    if ((flags & FLAG_HAS_RET) !== 0) this.#judge().returned(space, batch, i, bytes);
    if (this.#results === null) return;
    const note = overrun ? ',"pgdOverrun":true' : '';
    this.#results.counted(this.seq, E.OPS[op], space, `,"ret":0,"unmapped":${bytes}${note}`, this.#shared !== null);
  }

  #lookUp(space: AddressSpace, table: PageTable, batch: Batch, i: number): void {
    const found = iovaToPhys(table, batch.iovaHi[i], batch.iovaLo[i]);
    this.#judge().lookedUp(space, table, batch, i, found);
    if (this.#results === null) return;
    const note = table.undefinedResult ? ',"undefined":true' : '';
    const paddr = hex64(table.foundHi, table.foundLo);
    this.#results.lookup(this.seq, 'iova_to_phys', space, `,"paddr":"${paddr}","found":${found}${note}`);
  }

  #walk(space: AddressSpace, table: PageTable, batch: Batch, i: number): void {
    const walk = walkPageTable(table, batch.iovaHi[i], batch.iovaLo[i]);
    if (table.undefinedResult) this.#judge().undefinedLookup(space, batch, i);
    this.#results?.lookup(this.seq, 'walk', space, walkFields(table, walk));
  }

  #readDirty(space: AddressSpace, table: PageTable, batch: Batch, i: number): void {
    const records: string[] = [];
    const keep = this.#results !== null;
    const clear = (batch.flags[i] & FLAG_CLEAR) !== 0;
    const ret = readDirty(table, batch.iovaHi[i], batch.iovaLo[i], batch.size[i], clear, (hi, lo, size) => {
      if (keep) records.push(`["${hex64(hi, lo)}",${size}]`);
    });
    if (ret !== 0) space.tally.failed(ret);
    this.#results?.counted(this.seq, 'read_dirty', space, `,"ret":${ret},"records":[${records.join(',')}]`);
  }

  /** The verdicts, told which event they are about. */
  #judge(): Verdicts {
    this.#verdicts.seq = this.seq;
    return this.#verdicts;
  }

  /** True for a further unmap of the task and address space whose gather is open. */
  #continuesGather(batch: Batch, i: number): boolean {
    const shared = this.#shared as SharedGather;
    if (batch.op[i] !== E.OP_UNMAP || (batch.flags[i] & FLAG_GATHER_QUEUED) !== 0) return false;
    if (batch.thread[i] !== shared.thread || this.#directory.of(batch, i) !== shared.space) return false;
    this.#results?.endOpenLine();
    return true;
  }

  #sharedGather(space: AddressSpace, batch: Batch, i: number): Gather {
    this.#shared ??= { space, thread: batch.thread[i], gather: new Gather() };
    return this.#shared.gather;
  }

  #endSharedGather(): void {
    const { space, gather } = this.#shared as SharedGather;
    this.#shared = null;
    space.domain?.tlb.sync(gather);
    this.#results?.endOpenLine();
  }
}
