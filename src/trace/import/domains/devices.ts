import { TWO_32 } from '../../../base/u64.ts';
import { PROT_CACHE, PROT_READ, PROT_WRITE } from '../../../base/vocabulary.ts';
import type { DmaEvent, DmaRange } from '../payload.ts';
import type { RecordedRequest } from '../request.ts';

/** Requests that may wait for the event that names their device; a scatter list has some hundred of them. */
const WINDOW = 1024;
/** Requests of one context among which an event looks for those that it is about. */
const REACH = 512;
/** An event that came first names one of so many requests of its context that follow. */
const PATIENCE = 4;

interface Expected {
  readonly event: DmaEvent;
  left: number;
}

/** A task, or an interrupt level of it. */
interface Context {
  /** Requests without a device, oldest first. */
  readonly waiting: RecordedRequest[];
  /** Events that are printed before their request. */
  readonly expected: Expected[];
  /** The request that an event without addresses is taken to be about, until one with addresses says otherwise. */
  tentative: { readonly request: RecordedRequest; readonly event: DmaEvent } | null;
}

/**
 * Gives requests the device that a `dma:*` event beside them names. On one thread a map comes just before its dma_map_*,
 * an unmap just before dma_unmap_page and dma_unmap_phys, but just after dma_unmap_sg and dma_free. Requests wait, and
 * leave in their order: at once while the recording has shown no such event.
 */
export class Devices {
  readonly #release: (request: RecordedRequest) => void;
  readonly #queue: RecordedRequest[] = [];
  #head = 0;
  readonly #contexts = new Map<string, Context>();
  #seen = false;
  /** Requests that came before the first event. */
  #early = 0;

  constructor(release: (request: RecordedRequest) => void) {
    this.#release = release;
  }

  /** Nothing waits here, and what comes goes on at once. */
  get idle(): boolean {
    return !this.#seen && this.#early >= WINDOW;
  }

  add(request: RecordedRequest): void {
    if (this.idle) {
      this.#release(request);
      return;
    }
    if (!this.#seen) this.#early++;
    const context = this.#context(request.thread, request.level);
    settle(context);
    if (!this.#expectedBy(context, request)) {
      context.waiting.push(request);
      if (context.waiting.length > 2 * REACH) context.waiting.splice(0, REACH);
    }
    this.#queue.push(request);
    while (this.#queue.length - this.#head > WINDOW) this.#pop();
    this.#releaseNamed();
    // Nothing names a device here: what waited goes on, and nothing waits any more.
    if (!this.#seen && this.#early >= WINDOW) this.#drain();
  }

  /** An event that names a device. */
  event(event: DmaEvent, thread: string, level: number): void {
    this.#seen = true;
    const context = this.#context(thread, level);
    let found = false;
    for (let i = context.waiting.length - 1; i >= Math.max(0, context.waiting.length - REACH); i--) {
      const request = context.waiting[i];
      if (!isAbout(event, request)) continue;
      name(request, event);
      context.waiting.splice(i, 1);
      // What was said without an address was about another device, which does not use the IOMMU.
      if (context.tentative?.request === request) context.tentative = null;
      found = true;
      // Only a list, or memory of several pieces, is about several requests.
      if (!event.isMap || covers(event, request)) break;
    }
    if (!found && !event.isMap) {
      context.expected.push({ event, left: PATIENCE });
      if (context.expected.length > PATIENCE) context.expected.shift();
    }
    this.#releaseNamed();
  }

  finish(): void {
    this.#drain();
  }

  #context(thread: string, level: number): Context {
    const key = contextKey(thread, level);
    let context = this.#contexts.get(key);
    if (context === undefined) {
      context = { waiting: [], expected: [], tentative: null };
      this.#contexts.set(key, context);
    }
    return context;
  }

  #expectedBy(context: Context, request: RecordedRequest): boolean {
    for (let i = 0; i < context.expected.length; i++) {
      const { event } = context.expected[i];
      // Without an address only the very next unmap can be meant.
      if (event.ranges.length === 0) {
        if (request.event.kind !== 'iommu-unmap') continue;
        context.tentative = { request, event };
        context.expected.splice(i, 1);
        return false;
      }
      if (!isAbout(event, request)) continue;
      name(request, event);
      context.expected.splice(i, 1);
      return true;
    }
    for (const expected of context.expected) expected.left--;
    while (context.expected.length > 0 && context.expected[0].left <= 0) context.expected.shift();
    return false;
  }

  #releaseNamed(): void {
    while (this.#head < this.#queue.length && this.#queue[this.#head].device !== null) this.#pop();
  }

  #drain(): void {
    while (this.#head < this.#queue.length) this.#pop();
    this.#contexts.clear();
  }

  #pop(): void {
    const request = this.#queue[this.#head++];
    if (this.#head > WINDOW && this.#head * 2 > this.#queue.length) {
      this.#queue.splice(0, this.#head);
      this.#head = 0;
    }
    const context = this.#contexts.get(contextKey(request.thread, request.level));
    if (context?.tentative?.request === request) settle(context);
    if (request.device === null) this.#forget(request);
    this.#release(request);
  }

  /** Nothing names this request any more. */
  #forget(request: RecordedRequest): void {
    const key = contextKey(request.thread, request.level);
    const context = this.#contexts.get(key);
    if (context === undefined) return;
    if (context.waiting[0] === request) context.waiting.shift();
    if (context.waiting.length === 0 && context.expected.length === 0 && context.tentative === null)
      this.#contexts.delete(key);
  }
}

/** What an event without addresses said holds: nothing has contradicted it. */
function settle(context: Context): void {
  const { tentative } = context;
  if (tentative === null) return;
  context.tentative = null;
  const at = context.waiting.indexOf(tentative.request);
  if (at >= 0) context.waiting.splice(at, 1);
  name(tentative.request, tentative.event);
}

function contextKey(thread: string, level: number): string {
  return level === 0 ? thread : `${thread}/${level}`;
}

/** Whether an event of one range asks for no more than this request. */
function covers({ ranges }: DmaEvent, { event: { iova, size } }: RecordedRequest): boolean {
  if (ranges.length !== 1) return false;
  const [range] = ranges;
  const before = (range.iova.hi - iova.hi) * TWO_32 + (range.iova.lo - iova.lo);
  return before >= 0 && before + range.size <= size;
}

/** Whether an event with addresses tells of a request: it lies in the pages of one of the ranges, or holds them. */
function isAbout({ isMap, ranges }: DmaEvent, { event: request }: RecordedRequest): boolean {
  if (isMap !== (request.kind === 'iommu-map')) return false;
  for (let i = 0; i < ranges.length; i++) if (meets(ranges[i], request)) return true;
  return false;
}

function meets(range: DmaRange, { iova, size }: RecordedRequest['event']): boolean {
  // Exact wherever the two are near each other.
  const before = (range.iova.hi - iova.hi) * TWO_32 + (range.iova.lo - iova.lo);
  return before < Math.max(1, size) && before + Math.max(1, range.size) > 0;
}

function name(request: RecordedRequest, event: DmaEvent): void {
  request.device = event.device;
  // Memory that is allocated for a device has no direction in older kernels: both use it.
  if (request.event.kind === 'iommu-map') request.direction = (event.prot ?? PROT_READ | PROT_WRITE) | PROT_CACHE;
}
