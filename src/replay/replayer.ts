import { ALLOCATORS } from '../allocator/registry.ts';
import { inputError } from '../base/errors.ts';
import { sizesBitmap } from '../base/sizes.ts';
import { hex64, hexBitmap } from '../base/u64.ts';
import { errnoName, type Kernel, kernelOfVersion, type Quirk } from '../base/vocabulary.ts';
import { FLUSH_POLICIES } from '../flush/registry.ts';
import type { IommuDomain } from '../iommu/domain.ts';
import { Gather } from '../iommu/gather.ts';
import { DEFAULT_CONFIG, DEFAULT_PGSIZES, defaultPartialUnmap, type PgtableConfig } from '../lpae/config.ts';
import { readDirty, setDirty } from '../lpae/dirty.ts';
import { iovaToPhys, walkPageTable } from '../lpae/lookup.ts';
import { mapPages } from '../lpae/map.ts';
import { TableMemory } from '../lpae/memory.ts';
import type { PageTable } from '../lpae/page-table.ts';
import { unmapPages } from '../lpae/unmap.ts';
import {
  type Batch,
  FLAG_CLEAR,
  FLAG_GATHER_NONE,
  FLAG_GATHER_QUEUED,
  FLAG_HAS_PADDR,
  FLAG_HAS_RET,
  FLAG_PROT_ASSUMED,
  NONE,
} from '../trace/batch.ts';
import * as E from '../trace/events.ts';
import { AddressSpace } from './address-space.ts';
import type { EventLog } from './event-log.ts';
import { Findings } from './findings.ts';
import {
  chooseModel,
  DEFAULT_ALLOCATOR,
  DEFAULT_FLUSH,
  type ModelChoice,
  type ModelKind,
  modelText,
  type ReplayOptions,
} from './options.ts';
import { type ResultLines, walkFields } from './result-lines.ts';

/** Id of the address space of a trace that declares none. */
export const DEFAULT_DOMAIN = 'd0';

/** Neighbouring unmaps of one task under one gather, as a VFIO ioctl makes them. */
interface SharedGather {
  readonly space: AddressSpace;
  readonly thread: number;
  readonly gather: Gather;
}

/** Drives the events of one trace into address spaces. */
export class Replayer {
  readonly memory = new TableMemory();
  readonly spaces: AddressSpace[] = [];
  readonly findings = new Findings();
  kernel: Kernel;
  /** Number of the next event. */
  seq = 0;
  protAssumed = 0;
  /** No `domain` event declared the address space that was used. */
  domainAssumed = false;
  readonly #options: ReplayOptions;
  readonly #source: { readonly name: string; readonly domains: readonly string[] };
  readonly #results: ResultLines | null;
  readonly #log: EventLog | null;
  /** Latest address space by id, and by the reader's domain index. */
  readonly #byId = new Map<string, AddressSpace>();
  #byIndex: (AddressSpace | null)[] = [];
  #only: AddressSpace | null = null;
  readonly #perTask: boolean;
  /** The gather that one task's unmaps share, while it is open. */
  #shared: SharedGather | null = null;

  constructor(
    options: ReplayOptions,
    source: { readonly name: string; readonly domains: readonly string[] },
    results: ResultLines | null,
    log: EventLog | null,
  ) {
    this.#options = options;
    this.#source = source;
    this.#results = results;
    this.#log = log;
    this.kernel = options.kernel ?? '7.1';
    this.#perTask = options.gather === 'task';
  }

  /** Replays a batch; false when no more is wanted. Throws PgtraceError at an event that cannot be replayed. */
  consume(batch: Batch): boolean {
    const until = this.#options.until;
    for (let i = 0; i < batch.length; i++) {
      if (until !== null && this.seq > until) return false;
      const op = batch.op[i];
      if (this.#shared !== null && !this.#continuesGather(batch, i)) this.#endSharedGather();
      if (op > E.LAST_COLUMN_OP) this.#control(batch, i);
      else {
        const space = this.#spaceOf(batch, i);
        if (this.#results === null) this.#operate(space, batch, i, op);
        else {
          this.#results.begin(space, batch.domain[i] !== NONE);
          this.#operate(space, batch, i, op);
        }
      }
      this.seq++;
    }
    return until === null || this.seq <= until;
  }

  /** Ends what is still open when the trace has been read. */
  finish(): void {
    if (this.#shared !== null) this.#endSharedGather();
  }

  /** True for a further unmap of the task and address space whose gather is open. */
  #continuesGather(batch: Batch, i: number): boolean {
    const shared = this.#shared as SharedGather;
    if (batch.op[i] !== E.OP_UNMAP || (batch.flags[i] & FLAG_GATHER_QUEUED) !== 0) return false;
    if (batch.thread[i] !== shared.thread || this.#spaceOf(batch, i) !== shared.space) return false;
    this.#results?.endOpenLine();
    return true;
  }

  #endSharedGather(): void {
    const { space, gather } = this.#shared as SharedGather;
    this.#shared = null;
    space.domain?.tlb.sync(gather);
    this.#results?.endOpenLine();
  }

  #unmapInto(space: AddressSpace, domain: IommuDomain, batch: Batch, i: number): number {
    this.#shared ??= { space, thread: batch.thread[i], gather: new Gather() };
    return domain.unmapInto(batch.iovaHi[i], batch.iovaLo[i], batch.size[i], this.#shared.gather);
  }

  #spaceOf(batch: Batch, i: number): AddressSpace {
    const index = batch.domain[i];
    if (index === NONE) {
      if (this.#only !== null) return this.#only;
      return this.#implicitSpace(batch, i);
    }
    return this.#byIndex[index] ?? this.#named(index, batch, i);
  }

  #named(index: number, batch: Batch, i: number): AddressSpace {
    const id = this.#source.domains[index];
    const space = this.#byId.get(id);
    if (space === undefined) {
      const known = [...this.#byId.keys()].slice(0, 5).map((name) => JSON.stringify(name));
      throw this.#error(
        batch,
        i,
        `no domain ${JSON.stringify(id)}; declare it first: {"op":"domain","id":${JSON.stringify(id)}}${known.length === 0 ? '' : ` (declared: ${known.join(', ')})`}`,
      );
    }
    this.#byIndex[index] = space;
    return space;
  }

  #implicitSpace(batch: Batch, i: number): AddressSpace {
    if (this.spaces.length > 0) {
      throw this.#error(
        batch,
        i,
        `"domain" is missing; the trace has several domains, so each event must name its own`,
      );
    }
    this.domainAssumed = true;
    return this.#createSpace({ op: 'domain', id: DEFAULT_DOMAIN }, batch, i);
  }

  #control(batch: Batch, i: number): void {
    const event = batch.objects.get(i) as E.Event;
    const results = this.#results;
    switch (event.op) {
      case 'trace':
        this.#traceEvent(event, batch, i);
        results?.plain(this.seq, 'trace');
        break;
      case 'domain': {
        const space = this.#createSpace(event, batch, i);
        results?.domain(this.seq, space);
        break;
      }
      case 'destroy': {
        const space = this.#spaceOf(batch, i);
        results?.begin(space, batch.domain[i] !== NONE);
        space.table?.destroy();
        space.allocator.teardown();
        space.destroyed = true;
        space.tally.ops[E.OP_DESTROY]++;
        results?.counted(this.seq, 'destroy', space, ',"ret":0');
        this.#forget(space);
        break;
      }
      default:
        throw this.#error(batch, i, `not supported yet: ${event.op}`);
    }
  }

  #traceEvent(event: E.TraceEvent, batch: Batch, i: number): void {
    if (this.#options.kernel !== null || event.kernel === undefined) return;
    const kernel = kernelOfVersion(event.kernel);
    if (kernel === null) {
      throw this.#error(batch, i, `kernel ${JSON.stringify(event.kernel)} is no version; such as "6.12" or "7.1" is`);
    }
    this.kernel = kernel;
  }

  #createSpace(event: E.DomainEvent, batch: Batch, i: number): AddressSpace {
    const previous = this.#byId.get(event.id);
    if (previous !== undefined && !previous.destroyed && previous.refusal === null) {
      throw this.#error(
        batch,
        i,
        `domain ${JSON.stringify(event.id)} exists already; destroy it first or choose another id`,
      );
    }
    if (event.require !== undefined) throw this.#error(batch, i, 'not supported yet: domain with "require"');
    const config = this.#configOf(event);
    const flush = this.#options.flush ?? this.#ownModel('flush', event.flush, FLUSH_POLICIES, DEFAULT_FLUSH, batch, i);
    const allocator =
      this.#options.allocator ?? this.#ownModel('allocator', event.allocator, ALLOCATORS, DEFAULT_ALLOCATOR, batch, i);
    const flushKind = kindOf(flush, FLUSH_POLICIES);
    const space = new AddressSpace({
      id: event.id,
      config,
      memory: this.memory,
      allocator: kindOf(allocator, ALLOCATORS).create(),
      allocatorName: modelText(allocator),
      policy: (smallestPage) =>
        flushKind.create({ kernel: config.kernel, smallestPage, log: this.#log }, flush.parameters),
      policyName: modelText(flush),
      log: this.#log,
      tableBase: event.tableBase,
      tableMin: event.tableMin,
    });
    this.spaces.push(space);
    this.#byId.set(event.id, space);
    this.#byIndex = [];
    this.#only = this.#byId.size === 1 ? space : null;
    if (this.#results !== null) this.#results.severalDomains = this.#byId.size > 1;
    return space;
  }

  /** The model that a domain event names, or the default. */
  #ownModel(
    field: string,
    text: string | undefined,
    kinds: readonly ModelKind[],
    initial: ModelChoice,
    batch: Batch,
    i: number,
  ): ModelChoice {
    if (text === undefined) return initial;
    const choice = chooseModel(text, kinds);
    if (typeof choice === 'string') throw this.#error(batch, i, `"${field}": ${choice}`);
    return choice;
  }

  #forget(space: AddressSpace): void {
    this.#byIndex = [];
    if (this.#only === space) this.#only = null;
  }

  #configOf(event: E.DomainEvent): PgtableConfig {
    const { overrides, partialUnmap } = this.#options;
    const pgsizes =
      event.pgsizes === undefined
        ? DEFAULT_PGSIZES
        : typeof event.pgsizes === 'string'
          ? hexBitmap(event.pgsizes)
          : sizesBitmap(event.pgsizes);
    return {
      format: overrides.format ?? event.format ?? DEFAULT_CONFIG.format,
      pgsizes: overrides.pgsizes ?? pgsizes,
      ias: overrides.ias ?? event.ias ?? DEFAULT_CONFIG.ias,
      oas: overrides.oas ?? event.oas ?? DEFAULT_CONFIG.oas,
      coherent: overrides.coherent ?? event.coherent ?? true,
      quirks: (overrides.quirks ?? event.quirks ?? []) as readonly Quirk[],
      cpuPageSize: overrides.cpuPageSize ?? event.cpuPageSize ?? DEFAULT_CONFIG.cpuPageSize,
      kernel: this.kernel,
      partialUnmap: partialUnmap ?? defaultPartialUnmap(this.kernel),
    };
  }

  #operate(space: AddressSpace, batch: Batch, i: number, op: number): void {
    const domain = space.domain;
    space.tally.ops[op]++;
    if (domain === null || space.destroyed) {
      throw this.#error(
        batch,
        i,
        space.destroyed
          ? `domain ${JSON.stringify(space.id)} has been destroyed`
          : `domain ${JSON.stringify(space.id)} was refused: ${space.refusal?.reason}`,
      );
    }
    const table = domain.table;
    const iovaHi = batch.iovaHi[i];
    const iovaLo = batch.iovaLo[i];
    const flags = batch.flags[i];
    switch (op) {
      case E.OP_MAP: {
        const ret = space.allocator.beginOp()
          ? domain.map(iovaHi, iovaLo, batch.paddrHi[i], batch.paddrLo[i], batch.size[i], batch.prot[i])
          : -12;
        space.allocator.endOp();
        this.#mapped(space, batch, i, ret, ret === 0 ? domain.mapped : 0, domain.pgdOverrun);
        break;
      }
      case E.OP_MAP_PAGES: {
        const ret = space.allocator.beginOp()
          ? mapPages(
              table,
              iovaHi,
              iovaLo,
              batch.paddrHi[i],
              batch.paddrLo[i],
              batch.size[i],
              batch.count[i],
              batch.prot[i],
            )
          : -12;
        space.allocator.endOp();
        this.#mapped(space, batch, i, ret, table.mapped, table.pgdOverrun);
        break;
      }
      case E.OP_UNMAP: {
        space.allocator.beginOp();
        let bytes: number;
        if ((flags & FLAG_GATHER_QUEUED) !== 0) bytes = domain.unmapQueued(iovaHi, iovaLo, batch.size[i]);
        else if (this.#perTask && batch.thread[i] !== NONE) bytes = this.#unmapInto(space, domain, batch, i);
        else bytes = domain.unmap(iovaHi, iovaLo, batch.size[i]);
        space.allocator.endOp();
        this.#unmapped(space, batch, i, bytes, domain.pgdOverrun, domain.splitWithoutGather);
        break;
      }
      case E.OP_UNMAP_PAGES: {
        space.allocator.beginOp();
        let bytes: number;
        if ((flags & FLAG_GATHER_NONE) !== 0)
          bytes = unmapPages(table, iovaHi, iovaLo, batch.size[i], batch.count[i], null);
        else if ((flags & FLAG_GATHER_QUEUED) !== 0) {
          bytes = domain.unmapPagesQueued(iovaHi, iovaLo, batch.size[i], batch.count[i]);
        } else bytes = domain.unmapPagesSynced(iovaHi, iovaLo, batch.size[i], batch.count[i]);
        space.allocator.endOp();
        this.#unmapped(space, batch, i, bytes, table.pgdOverrun, table.splitWithoutGather);
        break;
      }
      case E.OP_IOVA_TO_PHYS:
        this.#lookup(space, table, batch, i);
        break;
      case E.OP_WALK:
        this.#walk(space, table, batch, i);
        break;
      case E.OP_FAIL_ALLOC:
        table.failAllocIn = batch.count[i];
        this.#results?.lookup(this.seq, 'fail_alloc', space, '');
        break;
      case E.OP_SET_DIRTY: {
        const changed = setDirty(table, iovaHi, iovaLo);
        this.#results?.lookup(this.seq, 'set_dirty', space, `,"changed":${changed}`);
        break;
      }
      case E.OP_READ_DIRTY:
        this.#readDirty(space, table, batch, i);
        break;
    }
  }

  #mapped(space: AddressSpace, batch: Batch, i: number, ret: number, mapped: number, overrun: boolean): void {
    if ((batch.flags[i] & FLAG_PROT_ASSUMED) !== 0) this.protAssumed++;
    if (ret !== 0) space.tally.failed(ret);
    if (overrun) this.#overrun(space, batch, i);
    if ((batch.flags[i] & FLAG_HAS_RET) !== 0) this.#compareReturn(space, batch, i, ret);
    this.#results?.counted(
      this.seq,
      E.OPS[batch.op[i]],
      space,
      `,"ret":${ret},"mapped":${mapped}${overrun ? ',"pgdOverrun":true' : ''}`,
    );
  }

  #unmapped(space: AddressSpace, batch: Batch, i: number, bytes: number, overrun: boolean, noGather: boolean): void {
    if (overrun) this.#overrun(space, batch, i);
    if (noGather)
      this.#finding('split-without-gather', space, batch, i, 'the split invalidates pages through a null gather');
    if ((batch.flags[i] & FLAG_HAS_RET) !== 0) this.#compareReturn(space, batch, i, bytes);
    this.#results?.counted(
      this.seq,
      E.OPS[batch.op[i]],
      space,
      `,"ret":0,"unmapped":${bytes}${overrun ? ',"pgdOverrun":true' : ''}`,
      this.#shared !== null,
    );
  }

  #overrun(space: AddressSpace, batch: Batch, i: number): void {
    const entries = space.table?.pgdEntries ?? 0;
    this.#finding('pgd-overrun', space, batch, i, `the run continues behind the ${entries} entries of the start table`);
  }

  #compareReturn(space: AddressSpace, batch: Batch, i: number, ours: number): void {
    const { tally } = space;
    tally.returnsChecked++;
    const theirs = batch.ret[i];
    if (ours === theirs) {
      tally.returnsEqual++;
      return;
    }
    const isMap = batch.op[i] === E.OP_MAP || batch.op[i] === E.OP_MAP_PAGES;
    const show = (value: number): string => (isMap ? errnoName(value) : `0x${value.toString(16)} bytes`);
    this.#finding(
      'return-mismatch',
      space,
      batch,
      i,
      `${E.OPS[batch.op[i]]} at ${hex64(batch.iovaHi[i], batch.iovaLo[i])} returned ${show(theirs)}, the model ${show(ours)}`,
    );
  }

  #lookup(space: AddressSpace, table: PageTable, batch: Batch, i: number): void {
    const found = iovaToPhys(table, batch.iovaHi[i], batch.iovaLo[i]);
    const iova = hex64(batch.iovaHi[i], batch.iovaLo[i]);
    const paddr = hex64(table.foundHi, table.foundLo);
    if (table.undefinedResult) this.#finding('undefined-lookup', space, batch, i, `iova_to_phys of ${iova}`);
    else if ((batch.flags[i] & FLAG_HAS_PADDR) !== 0) {
      if (batch.paddrHi[i] !== table.foundHi || batch.paddrLo[i] !== table.foundLo) {
        const want = hex64(batch.paddrHi[i], batch.paddrLo[i]);
        this.#finding(
          'expectation',
          space,
          batch,
          i,
          `iova ${iova} is expected at ${want}, found ${found ? paddr : 'unmapped'}`,
        );
      }
    }
    const undefinedNote = table.undefinedResult ? ',"undefined":true' : '';
    this.#results?.lookup(this.seq, 'iova_to_phys', space, `,"paddr":"${paddr}","found":${found}${undefinedNote}`);
  }

  #walk(space: AddressSpace, table: PageTable, batch: Batch, i: number): void {
    const walk = walkPageTable(table, batch.iovaHi[i], batch.iovaLo[i]);
    if (table.undefinedResult) {
      this.#finding('undefined-lookup', space, batch, i, `walk of ${hex64(batch.iovaHi[i], batch.iovaLo[i])}`);
    }
    this.#results?.lookup(this.seq, 'walk', space, walkFields(table, walk));
  }

  #readDirty(space: AddressSpace, table: PageTable, batch: Batch, i: number): void {
    const records: string[] = [];
    const keep = this.#results !== null;
    const ret = readDirty(
      table,
      batch.iovaHi[i],
      batch.iovaLo[i],
      batch.size[i],
      (batch.flags[i] & FLAG_CLEAR) !== 0,
      (hi, lo, size) => {
        if (keep) records.push(`["${hex64(hi, lo)}",${size}]`);
      },
    );
    if (ret !== 0) space.tally.failed(ret);
    this.#results?.counted(this.seq, 'read_dirty', space, `,"ret":${ret},"records":[${records.join(',')}]`);
  }

  #finding(
    kind: Parameters<Findings['add']>[0]['kind'],
    space: AddressSpace,
    batch: Batch,
    i: number,
    message: string,
  ): void {
    this.findings.add({ kind, seq: this.seq, line: batch.line[i], domain: space.id, message });
  }

  #error(batch: Batch, i: number, message: string): Error {
    return inputError(message, { file: this.#source.name, line: batch.line[i], column: 1 });
  }
}

/** The registry's entry of a choice that was made from that registry. */
function kindOf<Kind extends ModelKind>(choice: ModelChoice, kinds: readonly Kind[]): Kind {
  const kind = kinds.find((candidate) => candidate.name === choice.name);
  if (kind === undefined) throw new Error(`model ${choice.name} was not checked`);
  return kind;
}
