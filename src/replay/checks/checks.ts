import * as S from '../../check/op-store.ts';
import type { CheckOptions, Concurrency } from '../../check/options.ts';
import { Pairs } from '../../check/pairs.ts';
import { QueueOrder } from '../../check/queue-order.ts';
import { TimeSweep } from '../../check/time-sweep.ts';
import type { EventFences } from '../../trace/batch.ts';
import * as E from '../../trace/events.ts';
import type { Operated, OperationObserver } from '../observer.ts';
import type { Findings } from '../results/findings.ts';
import type { AddressSpace } from '../spaces/address-space.ts';
import { CheckFindings, type LineNames } from './check-findings.ts';
import { CheckedSpace } from './checked-space.ts';
import { EventAtHand, type FenceEvents } from './event-at-hand.ts';

const OP_REPEAT = E.opCode('repeat');
const PAGE_BITS = 12;
const PAGE_MASK = 2 ** PAGE_BITS - 1;
const PAGES_PER_HI = 2 ** 20;
/** Behind the last page that there is. */
const EVERYTHING = 2 ** 52;

/**
 * Looks on at a replay and holds the operations of its trace against each other: which run at the same time and must not,
 * and which touch pages that an earlier one has not let go of. What it finds becomes findings of the replay.
 */
export class Checks implements OperationObserver, FenceEvents {
  /** The event that operations belong to; whoever drives the replay says which. */
  readonly event: EventAtHand = new EventAtHand(this);
  /** What tells which operations run at once; null until the first of them has come. */
  concurrency: Concurrency | null = null;
  /** Operations that last a while; those of a queue, or a thread, where these count. */
  lasting = 0;
  lined = 0;
  readonly #options: CheckOptions;
  readonly #store = new S.OpStore();
  readonly #sink: CheckFindings;
  readonly #domains: string[] = [];
  readonly #spaces = new Map<AddressSpace, CheckedSpace>();
  #last: AddressSpace | null = null;
  #lastChecked: CheckedSpace | null = null;
  #sweep: TimeSweep | null = null;
  #order: QueueOrder | null = null;
  #pairs: Pairs | null = null;
  #op = 0;
  /** Readers under RCU that have begun, by address space and id. */
  readonly #readers = new Map<string, number>();

  constructor(options: CheckOptions, findings: Findings, names: LineNames) {
    this.#options = options;
    this.#sink = new CheckFindings(findings, names, this.#domains);
  }

  /** More pairs met than are counted. */
  get full(): boolean {
    return this.#pairs?.full === true;
  }

  began(space: AddressSpace, what: Operated): void {
    const { seq, line, iovaHi, iovaLo, size } = what;
    const op = this.#begin(space, this.#kindOf(what), seq, line, iovaHi, iovaLo, size);
    const store = this.#store;
    store.repeats[op] = what.kind === 'map' && seq === this.event.seq && this.event.op === OP_REPEAT ? 1 : 0;
    store.clears[op] = what.clear ? 1 : 0;
    store.flush[op] = what.queued ? S.FLUSH_QUEUED : what.noGather ? S.FLUSH_UNSEEN : S.FLUSHED;
    this.#op = op;
    this.#space(space).began(op);
  }

  ended(space: AddressSpace, what: Operated): void {
    const code = what.seq === this.event.seq ? this.event.op : E.OP_MAP;
    this.#space(space).ended(this.#op, what, code === E.OP_MAP_PAGES || code === E.OP_UNMAP_PAGES);
    this.#end(this.#op);
  }

  /** A `domain` event has made an address space. */
  created(space: AddressSpace): void {
    const { seq, line, hasTimes } = this.event;
    // Without times it comes before whatever follows it in the trace.
    if (!hasTimes) return;
    this.#end(this.#begin(space, S.KIND_DOMAIN, seq, line, 0, 0, 0));
  }

  /** A device is attached to an address space. */
  attaches(space: AddressSpace): void {
    this.#end(this.#begin(space, S.KIND_ATTACH, this.event.seq, this.event.line, 0, 0, 0));
  }

  /** An address space is about to be destroyed. */
  destroys(space: AddressSpace): void {
    const { seq, line } = this.event;
    const op = this.#begin(space, S.KIND_DESTROY, seq, line, 0, 0, 0);
    const checked = this.#space(space);
    if (this.#options.leaks !== 'none') checked.leaks(op, 'warning');
    this.#end(op);
    checked.finish();
    this.#order?.forget(checked.domain);
  }

  /** A `reserve`, `unreserve` or `release` of `size` bytes is about to run. */
  rangeBegins(space: AddressSpace, op: E.OpName, hi: number, lo: number, size: number): void {
    const kind = op === 'reserve' ? S.KIND_RESERVE : op === 'release' ? S.KIND_RELEASE : S.KIND_UNRESERVE;
    this.#op = this.#begin(space, kind, this.event.seq, this.event.line, hi, lo, size);
    this.#space(space).began(this.#op);
  }

  /** It has run. */
  rangeEnded(space: AddressSpace): void {
    this.#space(space).rangeEnded(this.#op);
    this.#end(this.#op);
  }

  /** A reader under RCU walks to an address: whole, with its times, or one of its ends. */
  reads(space: AddressSpace, { phase, id, begin, end }: E.RcuReadEvent, hi: number, lo: number): void {
    const key = `${this.#space(space).domain} ${id}`;
    const store = this.#store;
    if (phase === 'end') {
      const reader = this.#readers.get(key);
      if (reader === undefined) return;
      this.#readers.delete(key);
      store.end[reader] = this.event.end(this.concurrency === 'time');
      this.#end(reader);
      return;
    }
    const op = this.#begin(space, S.KIND_RCU_READ, this.event.seq, this.event.line, hi, lo, 1);
    this.#space(space).began(op);
    if (phase === 'begin') {
      this.#readers.set(key, op);
      return;
    }
    store.begin[op] = begin ?? Number.NaN;
    store.end[op] = end ?? Number.NaN;
    this.#end(op);
  }

  /** The trace has been read. */
  finish(): void {
    this.event.close();
    for (const [space, checked] of this.#spaces) {
      if (space.destroyed) continue;
      if (this.#options.leaks === 'all') checked.leaks(-1, 'note');
      checked.finish();
    }
    this.#sweep?.finish();
  }

  waits(fences: EventFences): void {
    const { event } = this;
    if (this.concurrency === null) this.#decide();
    const order = this.#order;
    if (order === null) return;
    const line = this.#line(event.thread(event.seq), event.queue(event.seq));
    for (const fence of fences.waits) {
      if (!order.wait(line, String(fence), fences))
        this.#sink.unknownFence(event.seq, event.line, E.OPS[event.op], fence);
    }
  }

  signals(fences: EventFences, thread: number, queue: number): void {
    const line = this.#line(thread, queue);
    for (const fence of fences.signals) this.#order?.signal(line, String(fence), fences);
  }

  #kindOf({ kind }: Operated): number {
    if (kind === 'map') return S.KIND_MAP;
    if (kind === 'unmap') return S.KIND_UNMAP;
    const { op } = this.event;
    if (kind === 'dirty') return op === E.OP_SET_DIRTY ? S.KIND_SET_DIRTY : S.KIND_READ_DIRTY;
    return op === E.OP_WALK ? S.KIND_WALK : S.KIND_LOOK_UP;
  }

  #begin(space: AddressSpace, kind: number, seq: number, line: number, hi: number, lo: number, size: number): number {
    const { event } = this;
    if (this.concurrency === null) this.#decide();
    const timed = this.concurrency === 'time';
    const store = this.#store;
    const op = store.add();
    store.seq[op] = seq;
    store.line[op] = line;
    store.kind[op] = kind;
    store.thread[op] = event.thread(seq);
    store.queue[op] = event.queue(seq);
    store.iovaHi[op] = hi;
    store.iovaLo[op] = lo;
    store.size[op] = size;
    store.begin[op] = event.begin(timed);
    store.end[op] = event.end(timed);
    store.domain[op] = this.#space(space).domain;
    if (S.isAboutAll(kind)) {
      store.page[op] = 0;
      store.pageEnd[op] = EVERYTHING;
      return op;
    }
    const page = hi * PAGES_PER_HI + (lo >>> PAGE_BITS);
    store.page[op] = page;
    store.pageEnd[op] = Math.min(EVERYTHING, page + Math.ceil(((lo & PAGE_MASK) + size) / 2 ** PAGE_BITS));
    return op;
  }

  /** The operation is complete: from now on others are held against it. */
  #end(op: number): void {
    const store = this.#store;
    // A request of no bytes touches nothing.
    if (store.page[op] < store.pageEnd[op]) {
      if (this.#sweep !== null) {
        if (store.end[op] > store.begin[op]) this.lasting++;
        if (!Number.isNaN(store.begin[op])) this.#sweep.add(op);
      } else {
        const line = this.#line(store.thread[op], store.queue[op]);
        if (line !== S.NOBODY) {
          this.lined++;
          this.#order?.add(line, op);
        }
      }
    }
    store.drop(op);
  }

  /** The first event that matters shows whether the trace has times. */
  #decide(): void {
    this.concurrency = this.#options.concurrent ?? (this.event.hasTimes ? 'time' : 'queue');
    const timed = this.concurrency === 'time';
    this.#pairs = new Pairs(this.#store, this.#sink, this.#options.lock, timed);
    if (timed) this.#sweep = new TimeSweep(this.#store, this.#pairs, this.#sink);
    else this.#order = new QueueOrder(this.#store, this.#pairs);
  }

  #line(thread: number, queue: number): number {
    return this.concurrency === 'thread' ? thread : queue;
  }

  #space(space: AddressSpace): CheckedSpace {
    if (space === this.#last && this.#lastChecked !== null) return this.#lastChecked;
    const checked = this.#spaces.get(space) ?? this.#newSpace(space);
    this.#last = space;
    this.#lastChecked = checked;
    return checked;
  }

  #newSpace(space: AddressSpace): CheckedSpace {
    const domain = this.#domains.push(space.id) - 1;
    const checked = new CheckedSpace(space, domain, this.#store, this.#sink, this.#options);
    this.#spaces.set(space, checked);
    return checked;
  }
}
