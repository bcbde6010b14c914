import { inputError } from '../../base/errors.ts';
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
import type { Decoder, DecoderContext } from '../decoder.ts';
import { OP_MAP, OP_MAP_PAGES, OP_UNMAP, OP_UNMAP_PAGES } from '../events.ts';
import { shorten } from '../ndjson/decode.ts';
import { CallTracker, type TrackedCall } from './calls/call-tracker.ts';
import { domainEvent } from './domains/domain-event.ts';
import { GranuleGuess, granuleOfPgsize } from './domains/granule.ts';
import { type ImportNotes, type ImportOptions, type Layer, newImportNotes } from './import-notes.ts';
import type { IommuMap, IommuUnmap, PgtableAlloc } from './payload.ts';
import { type EventLine, EventLineReader } from './text/event-line.ts';
import { noteComment } from './text/losses.ts';
import { NO_STAMP, nanoseconds } from './text/time-stamp.ts';

/** Id of the address space of requests that carry no key. */
const SHARED_DOMAIN = 'all';
const MISMATCH_LINES_KEPT = 10;
const HASH = 0x23;

/** Where an event came from and when it happened. */
interface Origin {
  readonly thread: string;
  readonly line: number;
  /** Nanoseconds, NO_STAMP when the line does not say. */
  readonly ts: number;
}

interface Request extends Origin {
  readonly event: IommuMap | IommuUnmap;
}

/** Reads ftrace text (trace, trace_pipe, trace-cmd report): `iommu:map`/`unmap` and the kprobe form of the raw calls. */
export class FtraceDecoder implements Decoder {
  readonly format = 'ftrace text';
  readonly notes: ImportNotes = newImportNotes();
  readonly #writer: BatchWriter;
  readonly #context: DecoderContext;
  readonly #wanted: Layer | null;
  readonly #reader = new EventLineReader();
  readonly #calls: CallTracker;
  readonly #domains = new Set<string>();
  /** Configurations in the order they were allocated, for the tables whose keys are not known yet. */
  readonly #allocs: PgtableAlloc[] = [];
  #layer: Layer | null;
  /** Requests held back until the granule is known. */
  #held: Request[] | null = [];
  readonly #guess = new GranuleGuess();
  readonly #granules = new Map<string, number>();
  #line = 0;

  constructor(writer: BatchWriter, context: DecoderContext, options: ImportOptions) {
    this.#writer = writer;
    this.#context = context;
    this.#wanted = options.layer;
    this.#layer = options.layer;
    this.#calls = new CallTracker((call) => this.#pushCall(call));
    writer.push({ op: 'trace', version: 1, source: 'ftrace text' }, 1);
  }

  get line(): number {
    return this.#line;
  }

  decode(buffer: Buffer, start: number, end: number): void {
    let from = start;
    while (from < end && !this.#writer.stopped) {
      const newline = buffer.indexOf(10, from);
      this.#line++;
      this.#readLine(buffer, from, newline > from && buffer[newline - 1] === 13 ? newline - 1 : newline);
      from = newline + 1;
    }
  }

  finish(): void {
    this.#releaseHeld();
    this.#calls.finish();
    this.notes.layer = this.#layer;
    this.notes.orphanReturns = this.#calls.orphanReturns;
    this.notes.unreturned = this.#calls.unreturned;
  }

  #readLine(buffer: Buffer, start: number, end: number): void {
    const line = buffer[start] === HASH ? null : this.#reader.read(buffer, start, end);
    if (line === null) {
      if (!noteComment(buffer.toString('latin1', start, end), this.notes.losses)) this.notes.unknownLines++;
      return;
    }
    const { payload, thread, level } = line;
    if (payload === null) {
      if (line.unreadable > 0) {
        this.#unreadable(buffer.toString('latin1', start, end), line.unreadable);
        return;
      }
      this.notes.ignoredEvents++;
      return;
    }
    switch (payload.kind) {
      case 'alloc':
        this.#allocs.push(payload);
        break;
      case 'free':
        this.#destroy(payload.key, nanoseconds(line.seconds, line.nanos));
        break;
      case 'call':
        this.#chooseLayer('pgtable');
        this.#granules.set(payload.key, granuleOfPgsize(payload.pgsize));
        this.#calls.enter(payload, thread, this.#line, level, this.#callStamp(line));
        break;
      case 'return':
        this.#calls.leave(payload, thread, level, this.#callStamp(line));
        break;
      case 'iommu-map':
      case 'iommu-unmap':
        this.#chooseLayer('iommu');
        this.#request(payload, line);
    }
  }

  #unreadable(text: string, column: number): void {
    const fields = shorten(text.slice(column - 1));
    this.#context.badLine(
      inputError(
        `the fields of this event are in no known form: ${fields}; expected are iova, paddr and size, or iova, paddr, pgsize and pgcount of a probed call`,
        { file: this.#context.name, line: this.#line, column },
      ),
    );
  }

  /** Without an option the first usable line decides: the raw calls of a request are printed before the request. */
  #chooseLayer(found: Layer): void {
    this.#layer ??= found;
    if (found === 'pgtable' && this.#layer === 'iommu' && this.#wanted === null) this.notes.laterLayer = true;
  }

  /** The time of a call or return, where calls become events. */
  #callStamp(line: EventLine): number {
    return this.#layer === 'iommu' ? NO_STAMP : nanoseconds(line.seconds, line.nanos);
  }

  #request(event: IommuMap | IommuUnmap, line: EventLine): void {
    const placed = this.#calls.requests.close(event, line.thread, line.level);
    if (placed !== null) {
      this.notes.crossChecked++;
      if (!placed.agrees) {
        this.notes.crossMismatches++;
        if (this.notes.crossMismatchLines.length < MISMATCH_LINES_KEPT) this.notes.crossMismatchLines.push(this.#line);
      }
    }
    if (this.#layer !== 'iommu') return;
    if (placed?.rollBack === true) {
      this.notes.rolledBack++;
      return;
    }
    const ts = nanoseconds(line.seconds, line.nanos);
    const request: Request = { event, thread: line.thread, line: this.#line, ts };
    const key = placed?.key ?? event.name;
    if (key !== null) {
      this.#pushRequest(request, key);
      return;
    }
    if (this.#granules.size > 0) {
      // The recording has probes, yet none of this thread's calls was about this range.
      this.notes.unplaced++;
      return;
    }
    if (this.#held === null) {
      this.#pushRequest(request, SHARED_DOMAIN);
      return;
    }
    this.#held.push(request);
    const paddr = event.kind === 'iommu-map' ? event.paddr : event.iova;
    if (this.#guess.add(event.iova, paddr, event.size)) this.#releaseHeld();
  }

  #releaseHeld(): void {
    const held = this.#held;
    if (held === null) return;
    this.#held = null;
    if (held.length === 0) return;
    const granule = this.#guess.granule;
    if (granule !== 4096) this.notes.guessedGranule = granule;
    this.#granules.set(SHARED_DOMAIN, granule);
    this.notes.sharedDomain = true;
    for (const request of held) this.#pushRequest(request, SHARED_DOMAIN);
    // From here on requests without a key go straight to the shared address space.
    this.#granules.delete(SHARED_DOMAIN);
  }

  /** Index of the name of an address space, which is declared by `first` when it is new. */
  #domain(key: string, first: Origin): number {
    if (!this.#domains.has(key)) {
      this.#domains.add(key);
      this.#announce(key, first);
    }
    return this.#writer.domains.indexOf(key);
  }

  #announce(key: string, first: Origin): void {
    const granule = this.#granules.get(key) ?? 4096;
    const alike = this.#allocs.every((alloc) => JSON.stringify(alloc) === JSON.stringify(this.#allocs[0]));
    const alloc = this.#allocs.length > 1 && !alike ? this.#allocs.shift() : this.#allocs[0];
    if (alloc === undefined || !alike) this.notes.configAssumed++;
    this.notes.unknownQuirks |= alloc?.unknownQuirks ?? 0;
    this.#writer.push({ ...domainEvent(key, granule, alloc), ...time(first.ts) }, first.line);
  }

  #destroy(key: string, ts: number): void {
    this.#calls.flushTable(key);
    if (!this.#domains.delete(key)) return;
    this.#writer.push({ op: 'destroy', domain: key, ...time(ts) }, this.#line);
  }

  #pushCall(tracked: TrackedCall): void {
    if (this.#layer !== 'pgtable') return;
    const { call, ret, end } = tracked;
    const i = this.#place(tracked, call.key);
    const { batch } = this.#writer;
    batch.op[i] = call.isMap ? OP_MAP_PAGES : OP_UNMAP_PAGES;
    batch.iovaHi[i] = call.iova.hi;
    batch.iovaLo[i] = call.iova.lo;
    batch.paddrHi[i] = call.paddr.hi;
    batch.paddrLo[i] = call.paddr.lo;
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

  #pushRequest(request: Request, key: string): void {
    const { event } = request;
    const i = this.#place(request, key);
    const { batch } = this.#writer;
    batch.iovaHi[i] = event.iova.hi;
    batch.iovaLo[i] = event.iova.lo;
    batch.size[i] = event.size;
    batch.count[i] = 0;
    if (event.kind === 'iommu-map') {
      batch.op[i] = OP_MAP;
      batch.paddrHi[i] = event.paddr.hi;
      batch.paddrLo[i] = event.paddr.lo;
      // The event is printed after success only.
      batch.flags[i] |= FLAG_HAS_PADDR | FLAG_HAS_RET;
      batch.ret[i] = 0;
      this.#setProt(i, event.prot);
    } else {
      batch.op[i] = OP_UNMAP;
      batch.paddrHi[i] = 0;
      batch.paddrLo[i] = 0;
      batch.flags[i] |= event.unmapped === null ? 0 : FLAG_HAS_RET;
      batch.ret[i] = event.unmapped ?? 0;
    }
  }

  /** A position for an event on the address space `key`, with the columns that every event has. */
  #place(origin: Origin, key: string): number {
    // A new address space is an event of its own, before this one.
    const domain = this.#domain(key, origin);
    const i = this.#writer.next();
    const { batch } = this.#writer;
    const timed = origin.ts !== NO_STAMP;
    batch.line[i] = origin.line;
    batch.domain[i] = domain;
    batch.thread[i] = this.#writer.threads.indexOf(origin.thread);
    batch.queue[i] = NONE;
    batch.ts[i] = timed ? origin.ts : 0;
    batch.end[i] = 0;
    batch.flags[i] = timed ? FLAG_HAS_TS : 0;
    batch.prot[i] = 0;
    return i;
  }

  #setProt(i: number, prot: number | null): void {
    const { batch } = this.#writer;
    if (prot === null) {
      batch.prot[i] = PROT_DEFAULT;
      batch.flags[i] |= FLAG_PROT_ASSUMED;
      this.notes.protAssumed++;
    } else batch.prot[i] = prot & PROT_ALL;
  }
}

/** The field of an event object that says when, where that is known. */
function time(ts: number): { readonly ts?: number } {
  return ts === NO_STAMP ? {} : { ts };
}
