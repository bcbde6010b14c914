import type { PgtraceError } from '../../base/errors.ts';
import type { BatchWriter } from '../batch-writer.ts';
import type { DecoderContext } from '../decoder.ts';
import { CallTracker } from './calls/call-tracker.ts';
import { LoggedCalls } from './calls/logged-calls.ts';
import type { Placement as ProbedRequest } from './calls/request-log.ts';
import { granuleOfPgsize } from './domains/granule.ts';
import { Placement } from './domains/placement.ts';
import type { EventHead } from './event-head.ts';
import type { EventSink } from './event-sink.ts';
import { HeldRequests } from './held-requests.ts';
import { type ImportNotes, newImportNotes } from './import-notes.ts';
import type { ImportOptions, Layer } from './import-options.ts';
import { LanguageWriter } from './language-writer.ts';
import type { ContextEvent, IommuMap, IommuUnmap, LoggedCall, Payload, PgtableCall } from './payload.ts';
import type { QuickRequest } from './quick-request.ts';
import { asRequest, type RecordedRequest, requestOf, stamp } from './request.ts';
import { NO_STAMP } from './text/time-stamp.ts';

const MISMATCH_LINES_KEPT = 10;

/** Makes events of the trace language from recorded ones, whatever they are stored in. */
export class Importer implements EventSink {
  readonly notes: ImportNotes = newImportNotes();
  readonly #batches: BatchWriter;
  readonly #context: DecoderContext;
  readonly #wanted: Layer | null;
  readonly #writer: LanguageWriter;
  readonly #calls: CallTracker;
  readonly #logged: LoggedCalls;
  readonly #placement: Placement;
  readonly #devices = new Set<string>();
  #layer: Layer | null;
  /** Raw calls were probed: then requests belong to the page tables of those. */
  #probed = false;
  readonly #held = new HeldRequests();
  /** Told by logged calls, before any request has found its address space. */
  #granule: number | null = null;
  #requests = 0;
  #begun = false;

  constructor(batches: BatchWriter, context: DecoderContext, options: ImportOptions) {
    this.#batches = batches;
    this.#context = context;
    this.#wanted = options.layer;
    this.#layer = options.layer;
    this.#writer = new LanguageWriter(batches, this.notes);
    this.#calls = new CallTracker((call) => {
      if (this.#layer === 'pgtable') this.#writer.call(call);
    });
    this.#placement = new Placement(options, this.notes.placement, {
      place: (request, key) => this.#placed(request, key),
      placeQuick: (request, line, key) => this.#writer.quick(request, line, key),
    });
    this.#logged = new LoggedCalls((request) =>
      // The calls tell which maps failed, also where requests are what is wanted.
      this.#placement.add(options.layer === 'iommu' ? asRequest(request) : request),
    );
  }

  get stopped(): boolean {
    return this.#batches.stopped;
  }

  /** Says what the input is, before its first event. */
  begin(source: string): void {
    if (this.#begun) return;
    this.#begun = true;
    this.#batches.push({ op: 'trace', version: 1, source }, 1);
  }

  /** The input has ended: what was held back comes now. */
  finish(): void {
    this.#logged.finish();
    this.#placement.finish();
    this.#releaseHeld();
    this.#calls.finish();
    const { notes } = this;
    notes.layer = this.#layer;
    notes.rolledBack += this.#logged.rolledBack;
    notes.orphanReturns = this.#calls.orphanReturns;
    notes.unreturned = this.#calls.unreturned;
    notes.devices = this.#devices.size;
    notes.unmapsOnly = this.#requests > 0 && this.#writer.maps === 0;
  }

  ignore(): void {
    this.notes.ignoredEvents++;
  }

  refuse(error: PgtraceError): void {
    this.#context.badLine(error);
  }

  lost(events: number): void {
    if (events > 0) this.notes.losses.marks += events;
    else this.notes.losses.gaps++;
  }

  take(payload: Payload, head: EventHead, line: number): void {
    switch (payload.kind) {
      case 'iommu-map':
      case 'iommu-unmap':
        this.#request(payload, head, line);
        break;
      case 'call':
        this.#call(payload, head, line);
        break;
      case 'return':
        this.#calls.leave(payload, head.thread, head.level, this.#callStamp(head));
        break;
      case 'dma':
        this.#devices.add(payload.device);
        this.#placement.device(payload, head.thread, head.level);
        break;
      case 'logged-call':
        this.#loggedCall(payload, head, line);
        break;
      case 'alloc':
        this.#writer.allocated(payload);
        break;
      case 'free':
        // What waits for the granule comes before the end of its address space.
        if (this.#held.isFor(payload.key)) this.#releaseHeld();
        this.#calls.flushTable(payload.key);
        this.#writer.destroy(payload.key, { thread: head.thread, line, ts: stamp(head) });
        break;
      case 'declare':
        this.#writer.declare(payload);
        break;
      case 'language':
        this.#chooseLayer('iommu');
        this.#writer.language(payload, { thread: head.thread, line, ts: stamp(head) });
        break;
      default:
        this.#contextEvent(payload);
    }
  }

  get takesQuick(): boolean {
    return this.#layer === 'iommu' && !this.#probed && !this.#held.waiting && this.#placement.takesQuick;
  }

  takeQuick(request: QuickRequest, line: number): void {
    this.#requests++;
    this.#placement.addQuick(request, line);
  }

  #contextEvent({ what, device }: ContextEvent): void {
    if (what === 'fault') this.notes.faults++;
    else this.notes.ignoredEvents++;
    if (device !== null) this.#devices.add(device);
  }

  #call(call: PgtableCall, head: EventHead, line: number): void {
    this.#chooseLayer('pgtable');
    this.#probed = true;
    this.#writer.noteGranule(call.key, call.pgsize);
    this.#calls.enter(call, head.thread, line, head.level, this.#callStamp(head));
  }

  /** The time of a call or return, where calls become events. */
  #callStamp(head: EventHead): number {
    return this.#layer === 'iommu' ? NO_STAMP : stamp(head);
  }

  /** Without an option the first usable event decides: the raw calls of a request are recorded before the request. */
  #chooseLayer(found: Layer): void {
    this.#layer ??= found;
    if (found === 'pgtable' && this.#layer === 'iommu' && this.#wanted === null) this.notes.laterLayer = true;
  }

  #request(event: IommuMap | IommuUnmap, head: EventHead, line: number): void {
    this.#requests++;
    if (event.logged === true) {
      this.#chooseLayer('pgtable');
      this.#logged.request(requestOf(event, head, line, []));
      return;
    }
    this.#chooseLayer('iommu');
    const placed = this.#probed ? this.#crossCheck(event, head, line) : null;
    if (this.#layer !== 'iommu') return;
    if (placed?.rollBack === true) {
      this.notes.rolledBack++;
      return;
    }
    const request = requestOf(event, head, line, null);
    if (placed !== null) {
      request.prot = placed.prot;
      this.#writer.request(request, placed.key);
    }
    // The recording has probes, yet none of this thread's calls was about this range.
    else if (this.#probed && event.name === null) this.notes.unplaced++;
    else if (event.name !== null) this.#placed(request, event.name);
    else this.#placement.add(request);
  }

  /** Holds a request against the probed calls that were made for it. */
  #crossCheck(event: IommuMap | IommuUnmap, head: EventHead, line: number): ProbedRequest | null {
    const placed = this.#calls.requests.close(event, head.thread, head.level);
    if (placed === null) return null;
    this.notes.crossChecked++;
    if (!placed.agrees) {
      this.notes.crossMismatches++;
      if (this.notes.crossMismatchLines.length < MISMATCH_LINES_KEPT) this.notes.crossMismatchLines.push(line);
    }
    return placed;
  }

  /** Its request tells the address space; without one it stands for itself. */
  #loggedCall(call: LoggedCall, head: EventHead, line: number): void {
    this.#chooseLayer('pgtable');
    // Some IOMMUs have all sizes between 4K and 1G, so a large one alone tells nothing.
    if (call.pgsize !== null) this.#granule = Math.min(this.#granule ?? Infinity, granuleOfPgsize(call.pgsize));
    if (this.#logged.call(call, head.thread) || this.#wanted === 'iommu') return;
    const { iova, paddr, bytes: size } = call;
    const event: IommuMap | IommuUnmap = call.isMap
      ? { kind: 'iommu-map', name: null, iova, paddr, size, prot: null, ret: null, logged: true }
      : { kind: 'iommu-unmap', name: null, iova, size, unmapped: size, logged: true };
    this.#requests++;
    this.#logged.request(requestOf(event, head, line, [call]));
  }

  /** A request has found its address space; the first wait until the granule is known. */
  #placed(request: RecordedRequest, key: string): void {
    if (!this.#held.waiting) this.#writer.request(request, key);
    else if (this.#held.add(request, key)) this.#releaseHeld();
  }

  #releaseHeld(): void {
    const held = this.#held.release();
    if (held.length === 0) return;
    const granule = this.#granule ?? this.#held.granule;
    if (this.#granule === null && granule !== 4096) this.notes.guessedGranule = granule;
    this.#writer.granule = granule;
    for (const [request, key] of held) this.#writer.request(request, key);
  }
}
