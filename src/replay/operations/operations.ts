import { ENOMEM } from '../../base/vocabulary.ts';
import type { GpuVm } from '../../gpuvm/gpu-vm.ts';
import type { IommuDomain } from '../../iommu/domain.ts';
import {
  type Batch,
  FLAG_GATHER_NONE,
  FLAG_GATHER_QUEUED,
  FLAG_HAS_RET,
  FLAG_PROT_ASSUMED,
  NONE,
} from '../../trace/batch.ts';
import * as E from '../../trace/events.ts';
import type { Conflicts, Judgement } from '../conflicts.ts';
import { NO_TICKET } from '../queue/tickets.ts';
import type { Findings } from '../results/findings.ts';
import type { ResultLines } from '../results/result-lines.ts';
import { Verdicts } from '../results/verdicts.ts';
import type { AddressSpace } from '../spaces/address-space.ts';
import { LookUps } from './look-ups.ts';
import type { TaskGather } from './task-gather.ts';

/** Carries out single events on the address space they are about, and judges and reports what came of them. */
export class Operations {
  /** Maps whose protection nobody gave. */
  protAssumed = 0;
  /** What the last map or unmap returned, and the bytes that it mapped or unmapped. */
  ret = 0;
  bytes = 0;
  /** The next map has no memory: it fails before it touches the tree. */
  denied = false;
  /** The caller closes the line of the operation that it lets run, once all that belongs to it has happened. */
  keepsLineOpen = false;
  readonly #conflicts: Conflicts;
  readonly #verdicts: Verdicts;
  readonly #results: ResultLines | null;
  readonly #task: TaskGather | null;
  readonly #lookUps: LookUps;

  /** `task` is the gather that neighbouring unmaps of one task share; null: each request has its own. */
  constructor(findings: Findings, results: ResultLines | null, task: TaskGather | null, conflicts: Conflicts) {
    this.#conflicts = conflicts;
    this.#verdicts = new Verdicts(findings);
    this.#results = results;
    this.#task = task;
    this.#lookUps = new LookUps(this.#verdicts, results);
  }

  /** Carries out the event at `i`, number `seq`; `ticket` is what its allocator gave for it at submission. */
  run(
    space: AddressSpace,
    domain: IommuDomain,
    batch: Batch,
    i: number,
    op: number,
    seq: number,
    ticket: number,
  ): void {
    const { table } = domain;
    this.#verdicts.seq = seq;
    space.tally.ops[op]++;
    if (op <= E.OP_UNMAP_PAGES) {
      const judgement = this.#conflicts.judge(space, domain, batch, i);
      if (!judgement.goOn) {
        this.#dealtWith(space, op, seq, ticket, judgement);
        return;
      }
    }
    switch (op) {
      case E.OP_MAP:
      case E.OP_MAP_PAGES:
        this.#map(space, domain, batch, i, op, seq, ticket);
        break;
      case E.OP_UNMAP:
      case E.OP_UNMAP_PAGES:
        this.#unmap(space, domain, batch, i, op, seq, ticket);
        break;
      case E.OP_IOVA_TO_PHYS:
        this.#lookUps.lookUp(space, table, batch, i, seq);
        break;
      case E.OP_WALK:
        this.#lookUps.walk(space, table, batch, i, seq);
        break;
      case E.OP_FAIL_ALLOC:
        this.#failAlloc(space, batch, i, seq);
        break;
      case E.OP_SET_DIRTY:
        this.#lookUps.setDirty(space, table, batch, i, seq);
        break;
      case E.OP_READ_DIRTY:
        this.#lookUps.readDirty(space, table, batch, i, seq);
        break;
    }
  }

  /** An event that contradicts those before it has been left out, or done as far as possible. */
  #dealtWith(space: AddressSpace, op: number, seq: number, ticket: number, { kind, bytes }: Judgement): void {
    // What was reserved for it goes back unused.
    if (ticket !== NO_TICKET && space.begin(ticket)) space.end(ticket);
    this.ret = 0;
    this.bytes = bytes;
    if (this.#results === null) return;
    const isMap = op === E.OP_MAP || op === E.OP_MAP_PAGES;
    const rest = `,"ret":0,"${isMap ? 'mapped' : 'unmapped'}":${bytes},"conflict":"${kind}"${space.usageFields(ticket)}`;
    this.#results.counted(seq, E.OPS[op], space, rest, this.keepsLineOpen || this.#task?.open === true);
  }

  /** An operation that its address space does not admit fails before it touches the tree. */
  refuse(space: AddressSpace, batch: Batch, i: number, op: number, seq: number, ticket: number, ret: number): void {
    const isMap = op === E.OP_MAP || op === E.OP_MAP_PAGES;
    this.#verdicts.seq = seq;
    space.tally.ops[op]++;
    // What was reserved for it goes back unused.
    if (ticket !== NO_TICKET && space.begin(ticket)) space.end(ticket);
    space.failed(ret);
    if ((batch.flags[i] & FLAG_HAS_RET) !== 0) this.#verdicts.returned(space, batch, i, isMap ? ret : 0);
    this.ret = ret;
    this.bytes = 0;
    if (this.#results === null) return;
    const rest = `,"ret":${ret},"${isMap ? 'mapped' : 'unmapped'}":0${space.usageFields(ticket)}`;
    this.#results.counted(seq, E.OPS[op], space, rest);
  }

  #map(
    space: AddressSpace,
    domain: IommuDomain,
    batch: Batch,
    i: number,
    op: number,
    seq: number,
    ticket: number,
  ): void {
    const { table } = domain;
    // Signed halves: see IommuDomain.
    const iovaHi = batch.iovaHi[i] | 0;
    const iovaLo = batch.iovaLo[i] | 0;
    const paddrHi = batch.paddrHi[i] | 0;
    const paddrLo = batch.paddrLo[i] | 0;
    const request = op === E.OP_MAP;
    let ret = -ENOMEM;
    let mapped = 0;
    let overrun = false;
    if (!this.denied && (ticket === NO_TICKET || space.begin(ticket))) {
      if (request) ret = domain.map(iovaHi, iovaLo, paddrHi, paddrLo, batch.size[i], batch.prot[i]);
      else ret = domain.mapPages(iovaHi, iovaLo, paddrHi, paddrLo, batch.size[i], batch.count[i], batch.prot[i]);
      // What a failed request had mapped has been taken back.
      mapped = !request ? table.mapped : ret === 0 ? domain.mapped : 0;
      overrun = request ? domain.pgdOverrun : table.pgdOverrun;
    }
    if (ticket !== NO_TICKET) space.end(ticket);
    const flags = batch.flags[i];
    if ((flags & FLAG_PROT_ASSUMED) !== 0) this.protAssumed++;
    if (ret !== 0) space.failed(ret);
    if (overrun) this.#verdicts.pgdOverrun(space, batch, i);
    if ((flags & FLAG_HAS_RET) !== 0) this.#verdicts.returned(space, batch, i, ret);
    this.ret = ret;
    this.bytes = mapped;
    if (this.#results === null) return;
    const rest = (overrun ? ',"pgdOverrun":true' : '') + space.usageFields(ticket);
    this.#results.answered(seq, E.OPS[op], space, ret, 'mapped', mapped, rest, this.keepsLineOpen);
  }

  #unmap(
    space: AddressSpace,
    domain: IommuDomain,
    batch: Batch,
    i: number,
    op: number,
    seq: number,
    ticket: number,
  ): void {
    const { table } = domain;
    const iovaHi = batch.iovaHi[i] | 0;
    const iovaLo = batch.iovaLo[i] | 0;
    const size = batch.size[i];
    const count = batch.count[i];
    const flags = batch.flags[i];
    const request = op === E.OP_UNMAP;
    const queued = (flags & FLAG_GATHER_QUEUED) !== 0;
    let bytes = 0;
    let ret = 0;
    let ran = true;
    if (ticket !== NO_TICKET && !space.begin(ticket)) {
      ret = -ENOMEM;
      ran = false;
    } else if (request) {
      if (queued) bytes = domain.unmapQueued(iovaHi, iovaLo, size);
      else if (this.#task !== null && batch.thread[i] !== NONE) {
        bytes = domain.unmapInto(iovaHi, iovaLo, size, this.#task.of(space, batch, i));
      } else bytes = domain.unmap(iovaHi, iovaLo, size);
    } else if ((flags & FLAG_GATHER_NONE) !== 0) bytes = domain.unmapPages(iovaHi, iovaLo, size, count);
    else if (queued) bytes = domain.unmapPagesQueued(iovaHi, iovaLo, size, count);
    else bytes = domain.unmapPagesSynced(iovaHi, iovaLo, size, count);
    if (ticket !== NO_TICKET) space.end(ticket);
    const overrun = ran && (request ? domain.pgdOverrun : table.pgdOverrun);
    if (ret !== 0) space.failed(ret);
    if (overrun) this.#verdicts.pgdOverrun(space, batch, i);
    if (ran && (request ? domain.splitWithoutGather : table.splitWithoutGather)) {
      this.#verdicts.splitWithoutGather(space, batch, i);
    }
    if ((flags & FLAG_HAS_RET) !== 0) this.#verdicts.returned(space, batch, i, bytes);
    this.ret = ret;
    this.bytes = bytes;
    if (this.#results === null) return;
    const rest = (overrun ? ',"pgdOverrun":true' : '') + space.usageFields(ticket);
    const open = this.keepsLineOpen || this.#task?.open === true;
    this.#results.answered(seq, E.OPS[op], space, ret, 'unmapped', bytes, rest, open);
  }

  #failAlloc(space: AddressSpace, batch: Batch, i: number, seq: number): void {
    space.failAlloc(batch.count[i]);
    this.#results?.lookup(seq, 'fail_alloc', space, '');
  }

  /** A look-up in the page tables of a GPU driver's own format, or a fault in its allocations. */
  runOwn(space: AddressSpace, gpu: GpuVm, batch: Batch, i: number, op: number, seq: number): void {
    this.#verdicts.seq = seq;
    space.tally.ops[op]++;
    if (op === E.OP_FAIL_ALLOC) this.#failAlloc(space, batch, i, seq);
    else this.#lookUps.lookUpOwn(space, gpu, batch, i, seq);
  }

  /** Ends the line that was left open, unless a shared gather keeps it so. */
  closeLine(): void {
    this.keepsLineOpen = false;
    if (this.#task?.open !== true) this.#results?.endOpenLine();
  }
}
