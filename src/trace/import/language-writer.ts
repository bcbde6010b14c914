import { bitmapSizes } from '../../base/sizes.ts';
import { PROT_ALL, PROT_DEFAULT } from '../../base/vocabulary.ts';
import {
  FLAG_GATHER_NONE,
  FLAG_HAS_END,
  FLAG_HAS_PADDR,
  FLAG_HAS_RET,
  FLAG_HAS_TS,
  FLAG_PROT_ASSUMED,
  NONE,
} from '../batch.ts';
import type { BatchWriter } from '../batch-writer.ts';
import { OP_MAP, OP_MAP_PAGES, OP_UNMAP, OP_UNMAP_PAGES } from '../events.ts';
import type { TrackedCall } from './calls/call-tracker.ts';
import { unmapPgsize } from './calls/logged-calls.ts';
import { domainEvent } from './domains/domain-event.ts';
import { granuleOfPgsize, PGSIZES_BY_GRANULE } from './domains/granule.ts';
import { RecordedConfigs } from './domains/recorded-configs.ts';
import type { ImportNotes } from './import-notes.ts';
import type { DeclaredDomain, LanguageEvent, LoggedCall, PgtableAlloc } from './payload.ts';
import { type QuickRequest, stampOf } from './quick-request.ts';
import type { Origin, RecordedRequest } from './request.ts';
import { NO_STAMP } from './text/time-stamp.ts';

/** Writes placed calls and requests as events of the trace language, each address space declared before its first. */
export class LanguageWriter {
  readonly #writer: BatchWriter;
  readonly #notes: ImportNotes;
  readonly #spaces = new Set<string>();
  readonly #configs = new RecordedConfigs();
  readonly #declared = new Map<string, DeclaredDomain['event']>();
  /** Granule of each address space whose calls tell it. */
  readonly #granules = new Map<string, number>();
  /** Granule of the others. */
  granule = 4096;
  maps = 0;
  unmaps = 0;
  /** The address space of the line written last, which is declared, and its number; null: none, or it has ended. */
  #lastKey: string | null = null;
  #lastDomain = NONE;

  constructor(writer: BatchWriter, notes: ImportNotes) {
    this.#writer = writer;
    this.#notes = notes;
  }

  allocated(alloc: PgtableAlloc): void {
    this.#configs.add(alloc);
  }

  declare({ key, event }: DeclaredDomain): void {
    this.#declared.set(key, event);
  }

  /** The page size of a call tells the granule of its address space. */
  noteGranule(key: string, pgsize: number): void {
    if (!this.#granules.has(key)) this.#granules.set(key, granuleOfPgsize(pgsize));
  }

  language({ event }: LanguageEvent, origin: Origin): void {
    if (event.op === 'bind' && event.domain !== undefined) this.#space(event.domain, origin);
    this.#writer.push({ ...event, ...time(origin.ts) }, origin.line);
  }

  destroy(key: string, origin: Origin): void {
    if (!this.#spaces.delete(key)) return;
    this.#lastKey = null;
    this.#writer.push({ op: 'destroy', domain: key, ...time(origin.ts) }, origin.line);
  }

  /** A probed call. */
  call(tracked: TrackedCall): void {
    const { call, ret, end } = tracked;
    this.#space(call.key, tracked);
    const i = this.#begin(tracked, call.key, call.isMap ? OP_MAP_PAGES : OP_UNMAP_PAGES);
    const { batch } = this.#writer;
    this.#address(i, call.iova.hi, call.iova.lo, call.paddr.hi, call.paddr.lo);
    batch.size[i] = call.pgsize;
    batch.count[i] = call.pgcount;
    if (end !== NO_STAMP) {
      batch.end[i] = end;
      batch.flags[i] |= FLAG_HAS_END;
    }
    batch.flags[i] |=
      (call.isMap ? FLAG_HAS_PADDR : 0) |
      (ret === null ? 0 : FLAG_HAS_RET) |
      (call.withoutGather === true && !call.isMap ? FLAG_GATHER_NONE : 0);
    batch.ret[i] = ret ?? 0;
    if (call.isMap) this.#setProt(i, call.prot);
  }

  /** A request, or the raw calls below it where those were logged. */
  request(request: RecordedRequest, key: string): void {
    const { event } = request;
    this.#space(key, request);
    if (event.kind === 'iommu-map' && event.physical !== undefined) this.#notes.physicalAssumed++;
    const { calls } = request;
    const sizes = PGSIZES_BY_GRANULE[this.#granules.get(key) ?? this.granule];
    // Pages that the assumed configuration does not have: the model cuts the request anew.
    const raw = calls?.every(({ pgsize }) => pgsize === null || bitmapSizes(sizes).includes(pgsize)) === true;
    if (calls === null || calls.length === 0 || !raw) this.#request(request, key);
    else for (const call of calls) this.#logged(request, call, key);
  }

  /** A request of which nothing but its line is known: what `request` makes of it, straight into the columns. */
  quick(request: QuickRequest, line: number, key: string): void {
    const { head, isMap } = request;
    const writer = this.#writer;
    const ts = stampOf(request);
    const timed = ts !== NO_STAMP;
    if (key !== this.#lastKey) this.#space(key, { thread: head.thread, line, ts });
    const i = writer.next();
    const { batch } = writer;
    if (key !== this.#lastKey) {
      this.#lastKey = key;
      this.#lastDomain = writer.domains.indexOf(key);
    }
    if (head.threadIndex < 0) head.threadIndex = writer.threads.indexOf(head.thread);
    batch.op[i] = isMap ? OP_MAP : OP_UNMAP;
    batch.line[i] = line;
    batch.domain[i] = this.#lastDomain;
    batch.thread[i] = head.threadIndex;
    batch.queue[i] = NONE;
    batch.ts[i] = timed ? ts : 0;
    batch.end[i] = 0;
    batch.iovaHi[i] = request.iovaHi;
    batch.iovaLo[i] = request.iovaLo;
    batch.size[i] = request.size;
    batch.count[i] = 0;
    if (isMap) {
      batch.paddrHi[i] = request.paddrHi;
      batch.paddrLo[i] = request.paddrLo;
      batch.ret[i] = 0;
      batch.prot[i] = PROT_DEFAULT;
      batch.flags[i] = (timed ? FLAG_HAS_TS : 0) | FLAG_HAS_RET | FLAG_HAS_PADDR | FLAG_PROT_ASSUMED;
      this.#notes.protAssumed++;
      this.maps++;
    } else {
      batch.paddrHi[i] = 0;
      batch.paddrLo[i] = 0;
      batch.ret[i] = request.unmapped;
      batch.prot[i] = 0;
      batch.flags[i] = (timed ? FLAG_HAS_TS : 0) | FLAG_HAS_RET;
      this.unmaps++;
    }
  }

  #request(request: RecordedRequest, key: string): void {
    const { event } = request;
    const isMap = event.kind === 'iommu-map';
    const i = this.#begin(request, key, isMap ? OP_MAP : OP_UNMAP);
    const { batch } = this.#writer;
    batch.size[i] = event.size;
    batch.count[i] = 0;
    const ret = isMap ? event.ret : event.unmapped;
    batch.ret[i] = ret ?? 0;
    if (ret !== null) batch.flags[i] |= FLAG_HAS_RET;
    if (isMap) {
      this.#address(i, event.iova.hi, event.iova.lo, event.paddr.hi, event.paddr.lo);
      batch.flags[i] |= FLAG_HAS_PADDR;
      this.#setProt(i, event.prot ?? request.prot, request.direction);
    } else this.#address(i, event.iova.hi, event.iova.lo, 0, 0);
  }

  /** A raw call of which a log line tells. */
  #logged(request: RecordedRequest, call: LoggedCall, key: string): void {
    const granule = this.#granules.get(key) ?? this.granule;
    const pgsize = call.pgsize ?? unmapPgsize(request.event, call, bitmapSizes(PGSIZES_BY_GRANULE[granule]));
    const i = this.#begin(request, key, call.isMap ? OP_MAP_PAGES : OP_UNMAP_PAGES);
    const { batch } = this.#writer;
    this.#address(i, call.iova.hi, call.iova.lo, call.paddr.hi, call.paddr.lo);
    batch.size[i] = pgsize;
    batch.count[i] = Math.ceil(call.bytes / pgsize);
    // A map is logged before it is tried; when it failed, the log goes on with taking it back.
    batch.ret[i] = call.isMap ? 0 : call.bytes;
    batch.flags[i] |= FLAG_HAS_RET;
    if (call.isMap) {
      batch.flags[i] |= FLAG_HAS_PADDR;
      this.#setProt(i, null, request.direction);
    }
  }

  /** Declares the address space `key` before its first event. */
  #space(key: string, first: Origin): void {
    if (this.#spaces.has(key)) return;
    this.#spaces.add(key);
    this.#announce(key, first);
  }

  #announce(key: string, first: Origin): void {
    const declared = this.#declared.get(key);
    if (declared !== undefined) {
      this.#writer.push({ op: 'domain', id: key, ...declared, ...time(first.ts) }, first.line);
      return;
    }
    const granule = this.#granules.get(key) ?? this.granule;
    const { alike } = this.#configs;
    const alloc = this.#configs.next(granule);
    if (alloc === undefined || !alike) this.#notes.configAssumed++;
    this.#notes.unknownQuirks |= alloc?.unknownQuirks ?? 0;
    const event = domainEvent(key, granule, alloc);
    const comment = alike ? event.comment : "configuration recorded, that it is this one's is assumed";
    this.#writer.push({ ...event, ...(comment === undefined ? {} : { comment }), ...time(first.ts) }, first.line);
  }

  /** A position for an event on the address space `key`, with the columns that every event has. */
  #begin(origin: Origin, key: string, op: number): number {
    const i = this.#writer.next();
    const { batch } = this.#writer;
    const timed = origin.ts !== NO_STAMP;
    batch.op[i] = op;
    batch.line[i] = origin.line;
    batch.domain[i] = this.#writer.domains.indexOf(key);
    batch.thread[i] = this.#writer.threads.indexOf(origin.thread);
    batch.queue[i] = NONE;
    batch.ts[i] = timed ? origin.ts : 0;
    batch.end[i] = 0;
    batch.flags[i] = timed ? FLAG_HAS_TS : 0;
    batch.prot[i] = 0;
    if (op === OP_MAP || op === OP_MAP_PAGES) this.maps++;
    else this.unmaps++;
    return i;
  }

  #address(i: number, iovaHi: number, iovaLo: number, paddrHi: number, paddrLo: number): void {
    const { batch } = this.#writer;
    batch.iovaHi[i] = iovaHi;
    batch.iovaLo[i] = iovaLo;
    batch.paddrHi[i] = paddrHi;
    batch.paddrLo[i] = paddrLo;
  }

  #setProt(i: number, prot: number | null, direction: number | null = null): void {
    const { batch } = this.#writer;
    if (prot !== null) batch.prot[i] = prot & PROT_ALL;
    else if (direction !== null) {
      batch.prot[i] = direction;
      this.#notes.protFromDirection++;
    } else {
      batch.prot[i] = PROT_DEFAULT;
      batch.flags[i] |= FLAG_PROT_ASSUMED;
      this.#notes.protAssumed++;
    }
  }
}

/** The field of an event object that says when, where that is known. */
function time(ts: number): { readonly ts?: number } {
  return ts === NO_STAMP ? {} : { ts };
}
